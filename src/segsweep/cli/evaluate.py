"""`segsweep evaluate`: analyse a finished sweep, propose the next one and write a report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from segsweep.cli.options import Flag, Gigabytes

if TYPE_CHECKING:
    from segsweep.analysis.completed_sweep import CompletedSweep
    from segsweep.analysis.findings import Analysis


def evaluate(
    source: Annotated[str, Parameter(help="The finished sweep.")],
    /,
    *,
    out: Annotated[Path, Parameter(metavar="DIR", help="Folder to write to.")],
    sweep_config: Annotated[
        str | None,
        Parameter(metavar="FILE", help="W&B's sweep configuration (default: inferred)."),
    ] = None,
    parameters: Annotated[
        list[str] | None,
        Parameter(
            metavar="NAME",
            consume_multiple=True,
            negative=(),
            help="What was searched (default: the columns that vary).",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        Parameter(metavar="NAME", help="What was optimised (default: inferred from the names)."),
    ] = None,
    goal: Annotated[
        Literal["maximize", "minimize"] | None,
        Parameter(help="Which direction is better (default: inferred from the metric's name)."),
    ] = None,
    sweep: Annotated[
        str | None,
        Parameter(metavar="NAME", help="Which sweep to read (needed if the source has several)."),
    ] = None,
    count: Annotated[
        int | None,
        Parameter(
            metavar="N", help="Use only the first N trials of a results folder (default: all)."
        ),
    ] = None,
    study: Annotated[
        str | None,
        Parameter(
            metavar="FILE",
            help="Study that the next one is based on (default: the defaults of docs/study.md).",
        ),
    ] = None,
    memory: Annotated[
        Gigabytes | None,
        Parameter(
            help="Memory of the GPU for the next sweep (default: the study's hardware.target, else "
            "this machine's).",
        ),
    ] = None,
    only_analysis: Annotated[
        Flag, Parameter(help="Write neither the next sweep nor the report.")
    ] = False,
) -> None:
    """Analyse a finished sweep, propose the next one and write a report.

    SOURCE is a results folder of this project, a CSV export of W&B's table of runs,
    a folder of W&B's offline runs, or ENTITY/PROJECT/SWEEP on a W&B server. The
    searched parameters, the metric and its goal are read from the sweep
    configuration if there is one, else inferred from the columns, unless
    --parameters, --metric and --goal give them.

    The folder of --out gets:

    - analysis/: findings.json, trials.csv and the tables of all plots
    - next/: params.yaml, sweep.yaml and rationale.md of the next sweep
    - report.html: the report in one file; report.md: the same for a pull request

    Example:
        segsweep evaluate wandb_export.csv --out /tmp/evaluated --memory 48
    """
    from segsweep.analysis.analysis_files import write_analysis
    from segsweep.analysis.findings import Analysis
    from segsweep.config.study import Study
    from segsweep.core.files import read_yaml
    from segsweep.importers.aliases import with_standard_names
    from segsweep.importers.own_results import origin_of
    from segsweep.importers.sources import read_sweep

    base = read_yaml(study) if study else {}
    if study:
        Study.parse(base, study)  # before the analysis, which takes a while
    completed = with_standard_names(
        read_sweep(
            source,
            count=count,
            sweep_config=sweep_config,
            parameters=parameters,
            metric=metric,
            goal=goal,
            sweep=sweep,
        )
    )
    _print_sweep(completed)
    analysis = Analysis.of(completed)
    write_analysis(out / "analysis", analysis, origin_of(source))
    shown = [f for f in analysis.findings if f.id in ("best", "importance", "used trials")]
    for finding in shown:
        print(f"evaluate ({finding.confidence}): {finding.sentence}")
    if only_analysis:
        return
    if not study:
        print(
            "evaluate: no --study given; what the trials do not determine about model, data and "
            "training has the defaults of docs/study.md"
        )
    if memory:
        base = {**base, "hardware": {"target": memory}}
    _propose_and_report(out, analysis, base, study or "params.yaml")


def _propose_and_report(out: Path, analysis: "Analysis", base: dict[str, Any], source: str) -> None:
    from segsweep.analysis.next_study import propose_next_study
    from segsweep.report.html import write_report
    from segsweep.report.markdown import write_markdown

    try:
        propose_next_study(out / "next", analysis, base, source=source)
    finally:  # a report is useful even if no next study can be proposed
        write_report(out, out / "report.html")
        write_markdown(out, out / "report.md")
    print(f"evaluate: the report is {out / 'report.html'}")


def _print_sweep(sweep: "CompletedSweep") -> None:
    searched = ", ".join(sweep.varied)
    print(
        f"evaluate: {len(sweep.trials)} trials ({len(sweep.finished)} finished) over {searched}; "
        f"{sweep.goal} {sweep.metric}"
    )
    for reason, count in sweep.left_out.items():
        print(f"evaluate: left out {count} with {reason}")
    for note in sweep.notes:
        print(f"evaluate: {note}")
