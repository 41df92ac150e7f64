"""Build a completed sweep from runs, whichever source they were read from.

Every run that is left out is counted with its reason, and every reading that is not obvious is
stated; both are shown with the findings.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.metric_names import metric_of
from segsweep.config.objective import Goal
from segsweep.config.search_space import Categorical, Constant, Parameter
from segsweep.core.errors import UserError
from segsweep.importers.column_names import is_bookkeeping, is_of_one_run, is_replicate
from segsweep.importers.infer import infer_status
from segsweep.importers.metric import choose_metric, value_of
from segsweep.importers.metric_values import check_metric_cells, percentages_to_shares
from segsweep.importers.parameter_values import Column, read_parameter
from segsweep.importers.parsing import finite
from segsweep.importers.runs import MESSAGE_KEYS, Notes, Run, listed
from segsweep.importers.select_runs import (
    each_once,
    ended_runs,
    runs_of_one_sweep,
    without_early_ends,
)
from segsweep.importers.sweep_config import ReadOptions, SweepConfig
from segsweep.search.trial_result import TrialResult


def sweep_from_runs(
    runs: Sequence[Run],
    config: SweepConfig | None,
    options: ReadOptions,
    notes: Notes,
    unused: Sequence[str] = (),
) -> CompletedSweep:
    """Return the sweep of `runs`.

    Args:
        runs: The runs in the order in which they were started.
        config: The sweep's own configuration, if it is known.
        options: What the caller says about the sweep; it takes precedence over `config`.
        notes: What the reader has noted already; gets more.
        unused: Columns of the source that vary and that no run has, for the notes.

    Raises:
        UserError: There are no usable runs, or metric or parameters are missing or ambiguous.
    """
    ended = ended_runs(runs_of_one_sweep(runs, options.get("sweep"), notes), notes)
    if not ended:
        raise _no_usable_run(notes)
    metric, goal = choose_metric(ended, config, options, notes)
    ended = each_once(ended, metric, notes)
    check_metric_cells(ended, metric, notes)
    ended = percentages_to_shares(ended, metric, options, notes)
    ended = without_early_ends(ended, notes)
    names = _parameter_names(ended, config, options, notes)
    columns = _columns(names, ended, config, options, notes)
    trials = []
    for i, run in enumerate(ended):
        reasons = [column.reasons[i] for column in columns.values() if i in column.reasons]
        if reasons:
            notes.left_out[", ".join(reasons)] += 1
        else:
            parameters = {name: column.values[i] for name, column in columns.items()}
            trials.append(_trial(run, parameters, metric, goal))
    if not trials:
        raise _no_usable_run(notes)
    space = {name: column.parameter for name, column in columns.items()}
    _note_other_columns(ended, [*names, metric], unused, notes)
    return CompletedSweep(
        notes.source, space, metric, goal, trials, dict(notes.left_out), tuple(notes.statements)
    )


def _parameter_names(
    runs: Sequence[Run], config: SweepConfig | None, options: ReadOptions, notes: Notes
) -> list[str]:
    """Return the keys that are searched as far as is known, and note seeds and folds."""
    typed = config.space if config else {}
    keys = dict.fromkeys(key for run in runs for key in run.config)
    inferred = [key for key in keys if not is_of_one_run(key)]
    typed_names = [name for name in typed if not is_replicate(name)]
    names = list(options.get("parameters", ())) or typed_names or inferred
    _require(names, typed, keys, notes)
    if repeated := [name for name in (*keys, *typed) if is_replicate(name) and name not in names]:
        notes.add(
            f"Runs that differ only in {listed(list(dict.fromkeys(repeated)))} are repetitions of "
            "one configuration; it is not a parameter."
        )
    return names


def _columns(
    names: Sequence[str],
    runs: Sequence[Run],
    config: SweepConfig | None,
    options: ReadOptions,
    notes: Notes,
) -> dict[str, Column]:
    """Return the parameters by name; one that is not used is noted."""
    typed, is_requested = config.space if config else {}, bool(options.get("parameters"))
    columns = {
        name: read_parameter(name, runs, typed.get(name), is_requested, notes) for name in names
    }
    return {name: column for name, column in columns.items() if column is not None}


def _require(
    names: Sequence[str], typed: Mapping[str, Any], keys: Mapping[str, Any], notes: Notes
) -> None:
    """Raise `UserError` if no run has a value of one of `names` that has to be known."""
    missing = [name for name in names if not _is_single(typed.get(name)) and name not in keys]
    if missing:
        raise UserError(
            f"{notes.source}: found no values of {', '.join(missing)}, expected parameters among "
            f"{', '.join(sorted(keys)) or 'none'}; name those that were searched with "
            "--parameters, or correct the sweep's configuration"
        )


def _is_single(parameter: Parameter | None) -> bool:
    """Whether a parameter has only one value, so that no run has to say it."""
    single = isinstance(parameter, Categorical) and len(parameter.values) == 1
    return isinstance(parameter, Constant) or single


def _note_other_columns(
    runs: Sequence[Run], noted: Sequence[str], unused: Sequence[str], notes: Notes
) -> None:
    """Note what varies between the runs and is neither a parameter nor the metric.

    Args:
        runs: The runs.
        noted: The metric, the parameters, and those that are noted as not used.
        unused: Columns that vary and that no run has.
        notes: Gets the notes.
    """
    config = _varying([run.config for run in runs])
    others = [name for name in config if name not in noted and not is_of_one_run(name)]
    if others := [*others, *unused]:
        notes.add(
            f"Varies, and is not used: {listed(others)}. Name searched parameters with "
            "--parameters."
        )
    summary = _varying([run.summary for run in runs])
    outcomes = [
        name
        for name in summary
        if metric_of(name) not in noted and name not in MESSAGE_KEYS and not is_bookkeeping(name)
    ]
    if outcomes:
        notes.add(f"Taken as results of the trainings, not as parameters: {listed(outcomes)}.")


def _varying(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for table in tables for name in table)
    return [name for name in names if len({str(table.get(name)) for table in tables}) > 1]


def _trial(run: Run, parameters: Mapping[str, Any], metric: str, goal: Goal) -> TrialResult:
    value = value_of(run, metric, goal)
    messages = [text for key in MESSAGE_KEYS if isinstance(text := run.summary.get(key), str)]
    status = infer_status(run.state, messages, value)
    outcomes = {
        name: parsed
        for name, logged in run.summary.items()
        if not is_bookkeeping(name) and (parsed := finite(logged)) is not None
    }
    history = (finite(logged) for logged in run.history(metric_of(metric)))
    return TrialResult(
        parameters=parameters,
        value=value if status == "finished" else None,
        status=status,
        history=tuple(value for value in history if value is not None),
        name=run.name,
        seconds=run.seconds,
        outcomes=outcomes,
    )


def _no_usable_run(notes: Notes) -> UserError:
    reasons = "; ".join(f"{reason}: {count}" for reason, count in notes.left_out.items())
    return UserError(
        f"{notes.source}: found no usable run ({reasons or 'no run at all'}), expected runs that "
        "have ended and have a value of each parameter"
    )
