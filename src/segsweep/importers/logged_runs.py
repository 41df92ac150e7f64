"""Build a completed sweep from the runs that W&B logged, whichever source they were read from.

Runs that have not ended, runs of other sweeps, and runs with a missing value or a value outside
the search space are left out and counted.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.objective import Goal
from segsweep.config.search_space import Categorical, Constant, Parameter, contains
from segsweep.core.errors import UserError
from segsweep.importers.column_roles import is_bookkeeping, is_free_text, metric_of
from segsweep.importers.infer import (
    ENDED_STATES,
    MAX_TEXTS,
    infer_goal,
    infer_metric,
    infer_parameter,
    infer_status,
    select_sweep,
)
from segsweep.importers.parsing import finite, number, scalar
from segsweep.importers.sweep_config import ReadOptions, SweepConfig
from segsweep.search.trial_result import TrialResult

MESSAGE_KEYS = ("status", "reason", "error", "exception")
"""Keys of a run's summary that may say how it ended."""


@dataclass(frozen=True)
class Run:
    """A run that was read from W&B.

    Attributes:
        name: Its display name.
        state: W&B's state, in lower case.
        sweep: The name or id of its sweep; "" without one.
        config: Its configuration, with dotted names.
        summary: Its summary, with dotted names.
        seconds: Its run time; None where it is not known.
        history: A function from a metric's name to its logged values.
    """

    name: str
    state: str
    sweep: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    seconds: float | None = None
    history: Callable[[str], Sequence[Any]] = lambda metric: ()


def sweep_from_runs(
    source: str,
    runs: Sequence[Run],
    config: SweepConfig | None,
    options: ReadOptions,
    left_out_before: Mapping[str, int] | None = None,
) -> CompletedSweep:
    """Return the sweep of `runs`.

    Args:
        source: Where the runs were read from, for messages.
        runs: The runs in the order in which they were started.
        config: The sweep's own configuration, if it is known.
        options: What the caller says about the sweep; it takes precedence over `config`.
        left_out_before: What the reader left out already, by reason.

    Raises:
        UserError: There are no usable runs, or metric or parameters are missing or ambiguous.
    """
    left_out = Counter(left_out_before)
    ended = _ended(_of_one_sweep(source, runs, options.get("sweep"), left_out), left_out)
    if not ended:
        raise _no_usable_run(source, left_out)
    metric, goal = _metric(source, ended, config, options)
    space, complete = _space(source, ended, config, options, left_out)
    trials = []
    for run in complete:
        parameters = {name: _as_in(p, run.config.get(name)) for name, p in space.items()}
        outside = [name for name, p in space.items() if not contains(p, parameters[name])]
        if outside:
            left_out[f"{', '.join(outside)} outside the sweep's range"] += 1
        else:
            trials.append(_trial(run, parameters, metric, goal))
    if not trials:
        raise _no_usable_run(source, left_out)
    return CompletedSweep(source, space, metric, goal, trials, dict(left_out))


def _of_one_sweep(
    source: str, runs: Sequence[Run], requested: str | None, left_out: Counter[str]
) -> list[Run]:
    selected = select_sweep(source, [run.sweep for run in runs], requested)
    for run in runs:
        if run.sweep != selected:
            left_out[f"another sweep ({run.sweep})" if run.sweep else "no sweep"] += 1
    return [run for run in runs if run.sweep == selected]


def _ended(runs: Sequence[Run], left_out: Counter[str]) -> list[Run]:
    left_out.update(f"state {run.state}" for run in runs if run.state not in ENDED_STATES)
    return [run for run in runs if run.state in ENDED_STATES]


def _metric(
    source: str, runs: Sequence[Run], config: SweepConfig | None, options: ReadOptions
) -> tuple[str, Goal]:
    numeric = dict.fromkeys(
        name
        for run in runs
        for name, value in run.summary.items()
        if finite(value) is not None and not is_bookkeeping(name)
    )
    own = config or SweepConfig({})
    metric = options.get("metric") or own.metric or infer_metric(source, list(numeric))
    own_goal = own.goal if metric == own.metric else None
    goal = options.get("goal") or own_goal or infer_goal(metric)
    if all(_value(run, metric, goal) is None for run in runs):
        advice = (
            f"choose one of {', '.join(numeric)} with --metric" if numeric else "export its column"
        )
        raise UserError(
            f"{source}: found no value of the metric {metric} in any of {len(runs)} runs, expected "
            f"a number; {advice}"
        )
    return metric, goal


def _value(run: Run, metric: str, goal: Goal) -> float | None:
    """Return the metric's value, or its best or last aggregate where W&B logged only those."""
    better = "max" if goal == "maximize" else "min"
    names = (metric, *(f"{metric}.{kind}" for kind in (better, "best", "last")))
    values = (number(run.summary.get(name)) for name in names)
    return next((value for value in values if value is not None), None)


def _space(
    source: str,
    runs: Sequence[Run],
    config: SweepConfig | None,
    options: ReadOptions,
    left_out: Counter[str],
) -> tuple[dict[str, Parameter], list[Run]]:
    """Return the space, and the runs that have a value for each of its searched parameters."""
    typed = config.space if config else {}
    names = list(options.get("parameters", ())) or list(typed) or _candidates(runs, left_out)
    keys = {key for run in runs for key in run.config}
    required = [name for name in names if not isinstance(typed.get(name), Constant)]
    if missing := [name for name in required if name not in keys]:
        raise UserError(
            f"{source}: found no values of {', '.join(missing)}, expected parameters among "
            f"{', '.join(sorted(keys)) or 'none'}; name them with --parameters, or give the "
            "sweep's own configuration with --sweep-config"
        )
    complete = []
    for run in runs:
        empty = [name for name in required if _parameter_value(run, name) is None]
        if empty:
            left_out[f"no value of {', '.join(empty)}"] += 1
        else:
            complete.append(run)
    for name in names if complete else ():
        texts = {text for run in complete if isinstance(text := run.config.get(name), str)}
        if name not in typed and len(texts) > MAX_TEXTS:
            raise UserError(
                f"{source}: found {len(texts)} different texts of {name}, expected at most "
                f"{MAX_TEXTS} of a parameter; name the searched parameters with --parameters"
            )
    space = {
        name: typed.get(name) or infer_parameter(name, [run.config[name] for run in complete])
        for name in (names if complete else ())
    }
    return space, complete


def _candidates(runs: Sequence[Run], left_out: Counter[str]) -> list[str]:
    """Return the configuration keys that may be parameters.

    Keys that most runs lack are not, nor is free text (different in most runs, or with more than
    MAX_TEXTS values), such as a path.
    """
    keys = dict.fromkeys(key for run in runs for key in run.config if not is_bookkeeping(key))
    candidates = []
    for key in keys:
        values = [value for run in runs if (value := _parameter_value(run, key)) is not None]
        if 2 * len(values) < len(runs):
            if values:
                left_out[f"values of {key}, which most runs lack"] += len(values)
            continue
        unique = {scalar(value) for value in values}
        is_text = any(number(value) is None for value in values)
        most = min(MAX_TEXTS, max(2, len(values) // 2))
        is_free = is_free_text(key) or len(unique) > most
        if not (is_text and len(unique) > 1 and is_free):
            candidates.append(key)
    return candidates


def _parameter_value(run: Run, name: str) -> Any:
    """Return a run's value of a parameter; None for missing ones, which tables write as NaN."""
    value = run.config.get(name)
    return None if number(value) is not None and finite(value) is None else value


def _as_in(parameter: Parameter, value: Any) -> Any:
    """Return `value` with the type that the space has for it."""
    if isinstance(parameter, Constant):
        return parameter.value
    if isinstance(parameter, Categorical):
        text = str(scalar(value))
        equal = (v for v in parameter.values if v == value or str(v) == text)
        return next(equal, scalar(value))
    parsed = finite(value)
    return float("nan") if parsed is None else parsed  # NaN is outside every range


def _trial(run: Run, parameters: Mapping[str, Any], metric: str, goal: Goal) -> TrialResult:
    value = _value(run, metric, goal)
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


def _no_usable_run(source: str, left_out: Mapping[str, int]) -> UserError:
    reasons = "; ".join(f"{reason}: {count}" for reason, count in left_out.items())
    return UserError(
        f"{source}: found no usable run ({reasons or 'no run at all'}), expected runs that have "
        "ended and have a value of each parameter"
    )
