"""Select the runs of one sweep that have ended, each once, and find those that ended early."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

from segsweep.config.metric_names import words
from segsweep.config.parameter_names import standard_name
from segsweep.core.errors import UserError
from segsweep.importers.column_names import is_trained_epochs
from segsweep.importers.parsing import finite
from segsweep.importers.runs import FINISHED_STATES, STEP, Notes, Run
from segsweep.search.trial_result import Status

FAILED_STATES = ("failed", "fail", "crashed", "killed")
ENDED_STATES = (*FINISHED_STATES, *FAILED_STATES, *get_args(Status), "stopped")
"""States of runs that have ended; "" where the source has no state."""

EARLY = 0.5
"""A run that ended before this share of its epochs counts as unfinished."""

STEPS = (STEP, "global_step", "trainer/global_step", "step")
"""Where there are no epochs, a run's number of steps says when it ended."""


def runs_of_one_sweep(runs: Sequence[Run], requested: str | None, notes: Notes) -> list[Run]:
    """Return the runs of the requested sweep, or of the only one.

    Raises:
        UserError: There are several sweeps and none is requested, or the requested one is missing.
    """
    selected = select_sweep(notes.source, [run.sweep for run in runs], requested)
    for run in runs:
        if run.sweep != selected:
            reason = f"another sweep ({run.sweep})" if run.sweep else "no sweep"
            notes.left_out[reason] += 1
    return [run for run in runs if run.sweep == selected]


def select_sweep(source: str, sweeps: Sequence[str], requested: str | None) -> str:
    """Return the sweep to read.

    Args:
        source: Where the runs were read from, for messages.
        sweeps: The sweep of each run; "" for a run without one.
        requested: The name or id that the caller asked for.

    Raises:
        UserError: There are several sweeps and none is requested, or the requested one is missing.
    """
    counts = Counter(name for name in sweeps if name)
    listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
    if requested is not None:
        if requested not in counts:
            raise UserError(
                f"{source}: found no sweep {requested}, expected one of {listed or 'none'}; choose "
                "with --sweep, or omit the option"
            )
        return requested
    if len(counts) > 1:
        raise UserError(
            f"{source}: found {len(counts)} sweeps (number of runs): {listed}; expected one; "
            "choose one with --sweep"
        )
    return next(iter(counts), "")


def ended_runs(runs: Sequence[Run], notes: Notes) -> list[Run]:
    """Return the runs that have ended."""
    notes.left_out.update(f"state {run.state}" for run in runs if run.state not in ENDED_STATES)
    return [run for run in runs if run.state in ENDED_STATES]


def each_once(runs: Sequence[Run], metric: str, notes: Notes) -> list[Run]:
    """Return each run once: the last one of an id, and of a time of creation, configuration and
    result."""
    last: dict[Any, int] = {}
    for index, run in enumerate(runs):
        result = run.summary.get(metric)
        config = frozenset((name, str(value)) for name, value in run.config.items())
        is_known = bool(run.created) and result is not None
        key: Any = (run.created, config, result) if is_known else index
        last[("id", run.id) if run.id else key] = index
    kept = sorted(last.values())
    if copies := len(runs) - len(kept):
        notes.left_out["a copy of another run"] += copies
    return [runs[index] for index in kept]


def without_early_ends(runs: Sequence[Run], notes: Notes) -> list[Run]:
    """Return the runs with the state `pruned` where a finished run ended long before others.

    These are finished runs that ended before half of their epochs, at epochs that several share, as
    the early termination of a sweep ends them. If each ended at an epoch of its own, as early
    stopping within a training does, their values are used.
    """
    unit, lasts = "epoch", _finished(runs, _last_epoch)
    if lasts:
        planned = _planned_epochs(runs, lasts)
    else:
        unit, lasts = "step", _finished(runs, _last_step)
        planned = _planned_steps(runs, lasts)
    early = {i: last for i, last in lasts.items() if last + 1 <= EARLY * planned[i]}
    if not early or len(early) == len(lasts):
        return list(runs)
    first, final = min(early.values()), max(early.values())
    ended = f"at {unit} {first:g}" if first == final else f"at {unit}s {first:g} to {final:g}"
    text = (
        f"{len(early)} of {len(runs)} runs ended {ended} of {max(lasts.values()):g}, before half "
        f"of their {unit}s"
    )
    if len(early) > 3 and len(set(early.values())) > len(early) / 2:
        notes.add(
            f"{text}, most at an epoch of their own, as by early stopping in the training; "
            "their values are used."
        )
        return list(runs)
    notes.add(f"{text}; their values are not used, as those of unfinished runs.")
    return [replace(run, state="pruned") if i in early else run for i, run in enumerate(runs)]


def _finished(runs: Sequence[Run], last_of: Callable[[Run], float | None]) -> dict[int, float]:
    """Return the last epoch or step of each finished run by the run's index."""
    finished = {i: run for i, run in enumerate(runs) if run.state in FINISHED_STATES}
    return {i: last for i, run in finished.items() if (last := last_of(run)) is not None}


def _last_epoch(run: Run) -> float | None:
    """Return the number of a run's last epoch by its summary."""
    for name, value in run.summary.items():
        found = words(name)
        if set(found) <= {"epoch", "trainer"} or is_trained_epochs(found):
            return finite(value)
    return None


def _last_step(run: Run) -> float | None:
    for name in STEPS:
        if (value := finite(run.summary.get(name))) is not None:
            return value
    return None


def _planned_epochs(runs: Sequence[Run], lasts: dict[int, float]) -> dict[int, float]:
    """Return the epochs that each run was to have.

    That is the run's own setting if runs reach but do not exceed it; else the most epochs of any
    run with the same setting.
    """
    settings = {i: _setting(runs[i], "epochs") for i in lasts}
    pairs = [(last, setting) for i, last in lasts.items() if (setting := settings[i])]
    is_reached = any(last + 1 >= 0.9 * setting for last, setting in pairs)
    if len(pairs) == len(lasts) and is_reached and all(last <= s for last, s in pairs):
        return {i: setting for i, setting in settings.items() if setting}
    return _most_of_group(lasts, settings)


def _planned_steps(runs: Sequence[Run], lasts: dict[int, float]) -> dict[int, float]:
    """Return the steps that each run was to have, which may depend on epochs and batch size."""
    settings = {i: (_setting(runs[i], "epochs"), _setting(runs[i], "batch_size")) for i in lasts}
    most = _most_of_group(lasts, settings)
    by_epochs = _most_of_group(lasts, {i: setting[0] for i, setting in settings.items()})
    is_by_epoch = all(most[i] >= 0.9 * by_epochs[i] for i in lasts)
    return by_epochs if is_by_epoch else most


def _most_of_group(lasts: dict[int, float], settings: dict[int, Any]) -> dict[int, float]:
    """Return for each run the most epochs or steps of any run with the same settings."""
    most: dict[Any, float] = {}
    for i, last in lasts.items():
        most[settings[i]] = max(last + 1, most.get(settings[i], 0))
    return {i: most[settings[i]] for i in lasts}


def _setting(run: Run, parameter: str) -> float | None:
    """Return a number of a run's configuration by its usual names."""
    for name, value in run.config.items():
        if standard_name(name) == parameter:
            return finite(value)
    return None
