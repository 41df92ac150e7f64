"""Read a completed sweep from any supported source."""

import re
from pathlib import Path
from typing import Any

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.core.errors import UserError
from segsweep.importers.csv_export import read_export
from segsweep.importers.own_results import SEARCH, read_results
from segsweep.importers.wandb_runs import offline_logs, read_offline, read_online

SWEEP_PATH = re.compile(r"(?:https?://[^/]+/(?:wandb/)?)?([^/\s]+)/([^/\s]+)/(?:sweeps/)?([^/\s]+)")
EXPECTED = (
    "a results folder of this project, a folder of W&B's offline runs, a CSV export of W&B's "
    "table of runs, or entity/project/sweep"
)
OPTIONS = {
    "results": {"count"},
    "online": {"parameters", "metric", "goal"},
    "table": {"sweep_config", "parameters", "metric", "goal", "sweep"},
}
"""The options of each kind of source."""


def read_sweep(source: str, **options: Any) -> CompletedSweep:
    """Read the sweep in `source`: `results/`, offline runs, a `.csv`, or W&B's path of a sweep.

    Args:
        source: The path.
        options: `count` for a results folder, else `ReadOptions`; None and
            empty ones count as not given.

    Raises:
        UserError: The source is none of these, or an option does not apply to it.
    """
    path = Path(source)
    given = {name: value for name, value in options.items() if value not in (None, (), [])}
    if (path / SEARCH).is_file():
        return read_results(path, **_checked(source, given, "results"))
    if path.is_dir() and offline_logs(path):
        return read_offline(path, **_checked(source, given, "table"))
    if path.is_file() and path.suffix.lower() == ".csv":
        return read_export(path, **_checked(source, given, "table"))
    if not path.exists() and (match := SWEEP_PATH.fullmatch(source)) and path.suffix != ".csv":
        return read_online("/".join(match.groups()), **_checked(source, given, "online"))
    raise UserError(f"{source}: found {_describe(path)}, expected {EXPECTED}")


def _describe(path: Path) -> str:
    if path.is_dir():
        return "a folder with neither sweep/search.yaml nor W&B runs"
    return "a file that does not end in .csv" if path.exists() else "no such file or folder"


def _checked(source: str, given: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the options, all of which must apply to this kind of source."""
    if others := sorted(given.keys() - OPTIONS[kind]):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise UserError(f"{source}: found {flags}, which this source determines itself; omit it")
    return given
