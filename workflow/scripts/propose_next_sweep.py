"""Propose the next sweep from the analysis of the completed one and the memory of a device.

OUT/params.yaml    a complete study, ready to run
OUT/sweep.yaml     the same as a sweep configuration for `wandb sweep`
OUT/rationale.md   each changed key with its reason and finding
OUT/changes.diff   the difference to STUDY

RESULTS/analysis must be complete (analyze_sweep.py). `hardware.target` of STUDY names the GPU;
without it, the device of this machine is used.

Example:
  python workflow/scripts/propose_next_sweep.py results params.yaml results/next
"""

from pathlib import Path
from typing import Any

from segsweep.analysis.analysis_files import read_analysis
from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_study import propose_next_study
from segsweep.core.errors import command_line, parser
from segsweep.core.files import is_there, read_json, read_yaml
from segsweep.importers.own_results import read_results


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="the folder of results")
    arguments.add_argument("study", metavar="STUDY", help="the study that the next one changes")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    arguments.add_argument(
        "--count", type=int, metavar="N", help="read the first N trials (default: all)"
    )
    options = arguments.parse_args()
    sweep = read_results(options.results, options.count)
    analysis = read_analysis(options.results / "analysis", sweep)
    selected = _selected_configuration(options.results, analysis)
    study = read_yaml(options.study)
    propose_next_study(options.out, analysis, study, selected, options.study)


def _selected_configuration(results: Path, analysis: Analysis) -> dict[str, Any] | None:
    """Return the searched parameters of the confirmed trial, where there is one."""
    verdict = results / "confirm/verdict.json"
    if not is_there(verdict):
        return None
    name = f"{read_json(verdict)['selected']:03d}"
    return next(dict(t.parameters) for t in analysis.sweep.trials if t.name == name)


if __name__ == "__main__":
    command_line(main)
