"""All plots of a sweep, as `plots/NAME.svg`."""

from collections.abc import Callable, Iterator

from segsweep.core.files import write_text
from segsweep.core.progress import Progress
from segsweep.report.batch_plots import batch_rate_map, batch_size, learning_rate, speed
from segsweep.report.check_plots import confirmation, gap
from segsweep.report.parameter_plots import effects, importance, run_time
from segsweep.report.plot import Plot
from segsweep.report.results import Results
from segsweep.report.trial_plots import curves, parallel, trials

FOLDER = "plots"

MakePlot = Callable[[Results], Plot | None]
"""Makes a plot, or returns None where its data do not exist."""

TRIAL_PLOTS: tuple[MakePlot, ...] = (trials, curves, parallel)
"""Plots that a running sweep has, too."""
ANALYSIS_PLOTS: tuple[MakePlot, ...] = (
    importance,
    batch_size,
    learning_rate,
    batch_rate_map,
    gap,
    confirmation,
    run_time,
    speed,
)


def make_plots(results: Results) -> Iterator[Plot]:
    """Make the plots for which there are data."""
    makers = (*TRIAL_PLOTS, *(() if results.live else ANALYSIS_PLOTS))
    progress = Progress("report: plots", len(makers))
    for make in makers:
        if plot := make(results):
            yield plot
        progress.step()
    if not results.live:
        yield from effects(results)


def save(results: Results, plots: list[Plot]) -> None:
    """Write the plots to `plots/` and remove other SVG files from it."""
    folder = results.folder / FOLDER
    names = {f"{plot.file}.svg" for plot in plots}
    for path in folder.glob("*.svg"):
        if path.name not in names:
            path.unlink()
    for plot in plots:
        write_text(folder / f"{plot.file}.svg", plot.svg)
