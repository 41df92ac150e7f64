"""Every plot of a sweep that its tables allow, as `plots/NAME.svg`."""

from collections.abc import Callable, Iterator

from segsweep.analysis.page.plot import Plot
from segsweep.analysis.page.plots_of_batches import batch_size, learning_rate, rate_map, speed
from segsweep.analysis.page.plots_of_checks import confirmation, gap
from segsweep.analysis.page.plots_of_parameters import effects, importance, run_time
from segsweep.analysis.page.plots_of_trials import curves, parallel, trials
from segsweep.analysis.page.results import Results
from segsweep.files import write_text

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
