"""Design the next sweep from a finished one and the hardware at hand.

SOURCE is what evaluate.py takes. OUT gets params.yaml (a whole study, ready to run), sweep.yaml
(the same for plain `wandb sweep`), rationale.md (each changed line with its reason and finding) and
changes.diff. `hardware.target` of the study names the card; without it this machine's is asked.

Example:
  python workflow/scripts/propose_next_sweep.py results params.yaml results/next
"""

from pathlib import Path
from typing import Any

from segsweep.analysis.design_next import design_next
from segsweep.analysis.findings import Analysis
from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_json, read_yaml
from segsweep.importers.aliases import canonical
from segsweep.importers.sources import read_finished


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("source", metavar="SOURCE", help="the finished sweep")
    arguments.add_argument("study", metavar="STUDY", help="the study that the next one changes")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    arguments.add_argument(
        "--count", type=int, metavar="N", help="of our own, the first N trials (default: all)"
    )
    given = arguments.parse_args()
    analysis = Analysis.of(canonical(read_finished(given.source, count=given.count)))
    design_next(given.out, analysis, read_yaml(given.study), _winner(given.source, analysis))


def _winner(source: str, analysis: Analysis) -> dict[str, Any] | None:
    """The searched parameters of the confirmed winner, where there is one."""
    verdict = Path(source) / "confirm/verdict.json"
    if not verdict.is_file():
        return None
    name = f"{read_json(verdict)['winner']:03d}"
    return next(dict(t.parameters) for t in analysis.sweep.trials if t.name == name)


if __name__ == "__main__":
    command_line(main)
