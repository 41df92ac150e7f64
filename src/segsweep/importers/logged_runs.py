"""From runs as W&B logged them, wherever they were read, to a finished sweep.

Runs that still run or wait, runs of other sweeps, runs without a value for a parameter or with one
that the sweep could not have chosen are left out and counted; `endings.py` says how the rest ended.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.objective import Goal
from segsweep.config.search_space import Categorical, Constant, Parameter, contains
from segsweep.core.errors import UserError
from segsweep.importers.column_names import base, is_bookkeeping, is_free_text
from segsweep.importers.inferred_space import infer
from segsweep.importers.metric_inference import choose_goal, choose_metric, choose_sweep
from segsweep.importers.parsing import finite, number, scalar
from segsweep.importers.run_status import ENDED, ending
from segsweep.importers.sweep_config import SweepConfig
from segsweep.search.trial_result import TrialResult

SAID = ("status", "reason", "error", "exception")
"""Where a run's summary may say in words how it ended."""


@dataclass(frozen=True)
class Run:
    """One run: `config` and `summary` flat, by dotted names; `history` gives a metric's course."""

    name: str
    state: str
    sweep: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    seconds: float | None = None
    history: Callable[[str], Sequence[Any]] = lambda metric: ()


@dataclass(frozen=True)
class Asked:
    """What the caller said of the sweep; what is not said is found out."""

    config: SweepConfig | None = None
    parameters: Sequence[str] = ()
    metric: str | None = None
    goal: Goal | None = None
    sweep: str | None = None


def finished_sweep(
    source: str, runs: Sequence[Run], asked: Asked, already: Mapping[str, int] | None = None
) -> CompletedSweep:
    """The sweep of these runs; `already` counts what the reader left out before.

    Raises `UserError` where runs, metric or parameters are not there, or are ambiguous.
    """
    left_out = Counter(already)
    ended = _ended(_of_one_sweep(source, runs, asked.sweep, left_out), left_out)
    if not ended:
        raise _of_no_use(source, left_out)
    metric, goal = _metric(source, ended, asked)
    space, valued = _space(source, ended, asked, left_out)
    trials = []
    for run in valued:
        parameters = _parameters(run, space)
        outside = [name for name, p in space.items() if not contains(p, parameters[name])]
        if outside:
            left_out[f"{', '.join(outside)} outside the sweep's range"] += 1
        else:
            trials.append(_trial(run, parameters, metric, goal))
    if not trials:
        raise _of_no_use(source, left_out)
    return CompletedSweep(source, space, metric, goal, trials, dict(left_out))


def searched(runs: Sequence[Run], left_out: Counter[str]) -> list[str]:
    """The configuration keys that can be parameters, where nobody named them.

    Not: what most runs lack, and text that is free (another one in most runs), such as a path.
    """
    keys = dict.fromkeys(key for run in runs for key in run.config if not is_bookkeeping(key))
    found = []
    for key in keys:
        values = [value for run in runs if (value := _given(run, key)) is not None]
        if 2 * len(values) < len(runs):
            if values:
                left_out[f"values of {key}, which most runs lack"] += len(values)
            continue
        kinds = {scalar(value) for value in values}
        text = any(number(value) is None for value in values)
        free = is_free_text(key) or len(kinds) > max(2, len(values) // 2)
        if not (text and len(kinds) > 1 and free):
            found.append(key)
    return found


def _given(run: Run, name: str) -> Any:
    """A run's value of a parameter; None where it has none, which tables also write as NaN."""
    value = run.config.get(name)
    return None if number(value) is not None and finite(value) is None else value


def _of_one_sweep(
    source: str, runs: Sequence[Run], asked: str | None, left_out: Counter[str]
) -> list[Run]:
    chosen = choose_sweep(source, [run.sweep for run in runs], asked)
    for run in runs:
        if run.sweep != chosen:
            left_out[f"another sweep ({run.sweep})" if run.sweep else "no sweep"] += 1
    return [run for run in runs if run.sweep == chosen]


def _ended(runs: Sequence[Run], left_out: Counter[str]) -> list[Run]:
    left_out.update(f"state {run.state}" for run in runs if run.state not in ENDED)
    return [run for run in runs if run.state in ENDED]


def _metric(source: str, runs: Sequence[Run], asked: Asked) -> tuple[str, Goal]:
    told = dict.fromkeys(
        name
        for run in runs
        for name, value in run.summary.items()
        if finite(value) is not None and not is_bookkeeping(name)
    )
    config = asked.config or SweepConfig({})
    metric = asked.metric or config.metric or choose_metric(source, list(told))
    goal = asked.goal or (config.goal if metric == config.metric else None) or choose_goal(metric)
    if all(_value(run, metric, goal) is None for run in runs):
        others = f"choose one of {', '.join(told)} with --metric" if told else "export its column"
        raise UserError(
            f"{source}: found no value of the metric {metric} in any of {len(runs)} runs, expected "
            f"a number; {others}"
        )
    return metric, goal


def _value(run: Run, metric: str, goal: Goal) -> float | None:
    """The metric's number; of one whose summary was defined, the best, else the last."""
    better = "max" if goal == "maximize" else "min"
    names = (metric, *(f"{metric}.{kind}" for kind in (better, "best", "last")))
    return next((n for name in names if (n := number(run.summary.get(name))) is not None), None)


def _space(
    source: str, runs: Sequence[Run], asked: Asked, left_out: Counter[str]
) -> tuple[dict[str, Parameter], list[Run]]:
    """The space, and the runs that have a value for each of its varied parameters."""
    typed = asked.config.space if asked.config else {}
    names = list(asked.parameters) or list(typed) or searched(runs, left_out)
    known = {key for run in runs for key in run.config}
    needed = [name for name in names if not isinstance(typed.get(name), Constant)]
    if missing := [name for name in needed if name not in known]:
        raise UserError(
            f"{source}: found no values of {', '.join(missing)}, expected parameters among "
            f"{', '.join(sorted(known)) or 'none'}; name them with --parameters, or give the "
            "sweep's own configuration with --sweep-config"
        )
    valued = []
    for run in runs:
        empty = [name for name in needed if _given(run, name) is None]
        if empty:
            left_out[f"no value of {', '.join(empty)}"] += 1
        else:
            valued.append(run)
    space = {
        name: typed.get(name) or infer(name, [run.config[name] for run in valued])
        for name in (names if valued else ())
    }
    return space, valued


def _parameters(run: Run, space: Mapping[str, Parameter]) -> dict[str, Any]:
    """A run's value of each parameter, as the space has it."""
    return {name: _as_in(p, run.config.get(name)) for name, p in space.items()}


def _as_in(parameter: Parameter, value: Any) -> Any:
    if isinstance(parameter, Constant):
        return parameter.value
    if isinstance(parameter, Categorical):
        same = (v for v in parameter.values if v == value or str(v) == str(scalar(value)))
        return next(same, scalar(value))
    found = finite(value)
    return float("nan") if found is None else found  # lies in no range


def _trial(run: Run, parameters: Mapping[str, Any], metric: str, goal: Goal) -> TrialResult:
    value = _value(run, metric, goal)
    said = [text for name in SAID if isinstance(text := run.summary.get(name), str)]
    status = ending(run.state, said, value)
    outcomes = {
        name: found
        for name, logged in run.summary.items()
        if not is_bookkeeping(name) and (found := finite(logged)) is not None
    }
    history = tuple(
        found for one in run.history(base(metric)) if (found := finite(one)) is not None
    )
    kept = value if status == "finished" else None
    return TrialResult(parameters, kept, status, history, run.name, run.seconds, outcomes)


def _of_no_use(source: str, left_out: Mapping[str, int]) -> UserError:
    why = "; ".join(f"{reason}: {count}" for reason, count in left_out.items())
    return UserError(
        f"{source}: found no run of use ({why or 'no run at all'}), expected runs that ended and "
        "have a value of each parameter"
    )
