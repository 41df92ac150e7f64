"""Every plot of a sweep that its tables allow, as `plots/NAME.svg`."""

from collections.abc import Callable, Iterator

from segsweep.core.files import write_text
from segsweep.report.batch_plots import batch_size, learning_rate, rate_map, speed
from segsweep.report.check_plots import confirmation, gap
from segsweep.report.parameter_plots import effects, importance, run_time
from segsweep.report.plot import Plot
from segsweep.report.results import Results
from segsweep.report.trial_plots import curves, parallel, trials

FOLDER = "plots"

One = Callable[[Results], Plot | None]

OF_TRIALS: tuple[One, ...] = (trials, curves, parallel)
"""What a sweep that still runs has, too."""
OF_ALL: tuple[One, ...] = (
    importance,
    batch_size,
    learning_rate,
    rate_map,
    gap,
    confirmation,
    run_time,
    speed,
)


def drawn(results: Results) -> Iterator[Plot]:
    """The plots, those left out whose tables are not there or empty."""
    for one in (*OF_TRIALS, *(() if results.live else OF_ALL)):
        if plot := one(results):
            yield plot
    if not results.live:
        yield from effects(results)


def save(results: Results, plots: list[Plot]) -> None:
    """Write the plots to `plots/`, where none of an earlier time is left."""
    folder = results.folder / FOLDER
    names = {f"{plot.file}.svg" for plot in plots}
    for path in folder.glob("*.svg"):
        if path.name not in names:
            path.unlink()
    for plot in plots:
        write_text(folder / f"{plot.file}.svg", plot.svg)
