"""Any finished sweep, by what its source is."""

import re
from pathlib import Path
from typing import Any

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.core.errors import UserError
from segsweep.importers.csv_export import read_export
from segsweep.importers.own_results import SEARCH, read_results
from segsweep.importers.wandb_runs import offline_logs, read_offline, read_sweep

SWEEP_PATH = re.compile(r"(?:https?://[^/]+/(?:wandb/)?)?([^/\s]+)/([^/\s]+)/(?:sweeps/)?([^/\s]+)")
EXPECTED = (
    "a results folder of this project, a folder of W&B's offline runs, a CSV export of W&B's "
    "table of runs, or entity/project/sweep"
)
KNOWN = {
    "results": {"count"},
    "sweep": {"parameters", "metric", "goal"},
    "table": {"sweep_config", "parameters", "metric", "goal", "sweep"},
}


def read_finished(source: str, **options: Any) -> CompletedSweep:
    """Read the sweep that `source` is: `results/`, offline runs, a `.csv`, or W&B's own path.

    `options` are those of `read_results`, `read_offline`, `read_export` or `read_sweep`; None and
    empty ones count as not given. Raises `UserError` where the source is none of these, or says
    itself what an option would say.
    """
    path = Path(source)
    given = {name: value for name, value in options.items() if value not in (None, (), [])}
    if (path / SEARCH).is_file():
        return read_results(path, **_fitting(source, given, "results"))
    if path.is_dir() and offline_logs(path):
        return read_offline(path, **_fitting(source, given, "table"))
    if path.is_file() and path.suffix.lower() == ".csv":
        return read_export(path, **_fitting(source, given, "table"))
    if not path.exists() and (named := SWEEP_PATH.fullmatch(source)) and path.suffix != ".csv":
        return read_sweep("/".join(named.groups()), **_fitting(source, given, "sweep"))
    raise UserError(f"{source}: found {_what(path)}, expected {EXPECTED}")


def _what(path: Path) -> str:
    if path.is_dir():
        return "a folder with neither sweep/search.yaml nor runs of W&B"
    return "a file that is no .csv" if path.exists() else "no such file or folder"


def _fitting(source: str, given: dict[str, Any], kind: str) -> dict[str, Any]:
    if others := sorted(given.keys() - KNOWN[kind]):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise UserError(f"{source}: found {flags}, which this source says itself; leave it out")
    return given
