"""Evaluate a finished sweep, ours or anyone's: what was found, the next sweep, and the report.

SOURCE is a results folder of this project, a CSV export of W&B's table of runs, a folder of W&B's
offline runs, or entity/project/sweep on a W&B server. What varied and what came out is read from a
sweep configuration if given, else told by rules, else by --parameters, --metric and --goal.

OUT/analysis/     findings.json, trials.csv (one tidy table) and the tables of all plots
OUT/next/         params.yaml, sweep.yaml and rationale.md of the next sweep
OUT/report.html   all of it for people, in one file; OUT/report.md for a pull request

Example:
  python workflow/scripts/evaluate.py wandb_export.csv --out /tmp/evaluated --memory 48
"""

import argparse
from pathlib import Path

from segsweep.analysis.analysis_files import provenance, write_analysis, write_run_time
from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.findings import Analysis
from segsweep.core.errors import UserError, command_line, parser
from segsweep.core.files import read_yaml, sha256, write_json
from segsweep.importers.aliases import canonical
from segsweep.importers.sources import read_finished
from segsweep.pipeline.environment import hardware_and_versions


def main() -> None:
    given = _arguments()
    sweep = canonical(
        read_finished(
            given.source,
            count=given.count,
            sweep_config=given.sweep_config,
            parameters=given.parameters,
            metric=given.metric,
            goal=given.goal,
            sweep=given.sweep,
        )
    )
    _tell(sweep)
    analysis = Analysis.of(sweep)
    write_analysis(given.out / "analysis", analysis)
    write_run_time(given.out / "analysis", sweep)
    write_json(given.out / "analysis/origin.json", provenance(**_origin(given)))
    for finding in analysis.findings[:2]:
        print(f"evaluate ({finding.sure}): {finding.sentence}")
    if not given.only_analysis:
        _design_and_report(given, analysis)


def _design_and_report(given: argparse.Namespace, analysis: Analysis) -> None:
    # imported here, as PyTorch takes seconds and the analysis alone does not need it
    from segsweep.analysis.design_next import design_next
    from segsweep.report.html import write_report
    from segsweep.report.markdown import write_markdown

    base = read_yaml(given.study) if given.study else {}
    if not given.study:
        print(
            "evaluate: no --study is given, so what the trials do not say of model, data and "
            "training is as in the study's defaults (docs/study.md)"
        )
    if given.memory:
        base = {**base, "hardware": {"target": given.memory}}
    try:
        design_next(given.out / "next", analysis, base)
    finally:  # what was found is worth a report, also where no study can follow
        write_report(given.out, given.out / "report.html")
        write_markdown(given.out, given.out / "report.md")
    print(f"evaluate: {given.out / 'report.html'} shows all of it")


def _tell(sweep: CompletedSweep) -> None:
    searched = ", ".join(sweep.varied)
    print(
        f"evaluate: {len(sweep.trials)} trials ({len(sweep.finished)} finished) over {searched}; "
        f"{sweep.goal} {sweep.metric}"
    )
    for reason, count in sweep.left_out.items():
        print(f"evaluate: left out {count} with {reason}")


def _origin(given: argparse.Namespace) -> dict[str, object]:
    """What was evaluated, by its hash, and the device that trained it, where they are known."""
    source = Path(given.source)
    if source.is_file():
        return {"source_sha256": sha256(source)}
    if (best := source / "best_config.yaml").is_file():
        data = read_yaml(best)["evidence"]["data_sha256"]
        made_by = hardware_and_versions()
        return {
            "data_sha256": data,
            "device": made_by["cpu"] if made_by["gpu"] == "none" else made_by["gpu"],
        }
    return {}


def _arguments() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("source", metavar="SOURCE", help="the finished sweep")
    arguments.add_argument(
        "--out", type=Path, required=True, metavar="OUT", help="the folder to write to"
    )
    arguments.add_argument(
        "--sweep-config", metavar="FILE", help="the sweep as W&B reads it (default: told by rules)"
    )
    arguments.add_argument(
        "--parameters", nargs="+", metavar="NAME", help="what was searched (default: what varies)"
    )
    arguments.add_argument(
        "--metric", metavar="NAME", help="what was optimised (default: told by its name)"
    )
    arguments.add_argument(
        "--goal",
        choices=("maximize", "minimize"),
        help="which way is better (default: told by the metric's name)",
    )
    arguments.add_argument(
        "--sweep", metavar="NAME", help="which sweep of the file (needed where it holds several)"
    )
    arguments.add_argument(
        "--count", type=int, metavar="N", help="of our own, the first N trials (default: all)"
    )
    arguments.add_argument(
        "--study",
        metavar="FILE",
        help="the study that the next one changes (default: the defaults of docs/study.md)",
    )
    arguments.add_argument(
        "--memory",
        type=float,
        metavar="GB",
        help="of the card for the next (default: the study's hardware.target, else this machine's)",
    )
    arguments.add_argument(
        "--only-analysis", action="store_true", help="neither the next sweep nor the report"
    )
    given = arguments.parse_args()
    if given.memory is not None and not given.memory > 0:
        raise UserError(f"--memory: found {given.memory}, expected GB above 0")
    return given


if __name__ == "__main__":
    command_line(main)
