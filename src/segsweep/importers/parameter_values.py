"""Clean the values of one parameter in all runs: numbers among text, percentages, missing values.

A guess that could change the answer is stated, or refused:

- A few runs with text where the others have numbers are left out; more are an error.
- A share, such as dropout, that is above 1 in every run is in percent.
- A missing value of a finished run is the setting None, if several runs lack it and several have
  one: 0 for dropout and the like, and for other choices a level of its own, `none`. Any other
  parameter is not used if more than a few runs lack it, else these runs are left out.
"""

from collections.abc import Sequence
from typing import Any

from segsweep.config.metric_names import words
from segsweep.config.parameter_names import standard_name
from segsweep.config.search_space import Categorical, Constant, Parameter, contains
from segsweep.config.sections import HYPERPARAMETERS
from segsweep.config.training_config import SEARCHABLE
from segsweep.core.errors import UserError
from segsweep.importers.column_names import is_count, is_free_text
from segsweep.importers.infer import MAX_TEXTS, SHARES, infer_parameter
from segsweep.importers.parameter_column import Column, typed_column
from segsweep.importers.parsing import finite, from_percent, number, scalar
from segsweep.importers.runs import FINISHED_STATES, Notes, Run

NONE = "none"
"""The value of a choice in runs without a value."""

NONE_TEXTS = ("none", "null", "")
FEW = 0.1
"""At most this share of the runs, and at least one, is left out for a cell that cannot be used."""

ZERO_WORDS = frozenset(
    ["augmentation", "decay", "drop", "dropout", "l1", "l2", "reg", "smoothing", "warmup", "wd"]
)
"""Words in the names of parameters of which None means 0."""


def read_parameter(
    name: str, runs: Sequence[Run], typed: Parameter | None, is_requested: bool, notes: Notes
) -> Column | None:
    """Return the values of a parameter; None if it is not used, which is then noted.

    Args:
        name: Its key in the configuration of the runs.
        runs: All runs that have ended.
        typed: The parameter in the sweep's own configuration, if that is known.
        is_requested: Whether the caller named it, so that it has to be used.
        notes: Gets what was read otherwise than it is written.

    Raises:
        UserError: The values are of several kinds, and more than a few runs would be left out.
    """
    if isinstance(typed, Constant):
        return Column(typed, [typed.value] * len(runs), {})
    if isinstance(typed, Categorical) and not any(name in run.config for run in runs):
        return Column(Constant(value=typed.values[0]), [typed.values[0]] * len(runs), {})
    values = [_cleaned(run.config.get(name)) for run in runs]
    if any(value != values[0] for value in values):  # a constant may be a list
        values = [scalar(v) if isinstance(v, list | dict) else v for v in values]
    reasons: dict[int, str] = {}
    if not _is_choice_with_text(typed):
        values = _without_text(name, runs, values, reasons, notes)
        values = _shares(name, runs, values, typed, notes)
    _refuse_text_of_number(name, runs, values, typed, notes)
    values = _with_none(name, runs, values, typed, notes)
    missing = [i for i, value in enumerate(values) if value is None and i not in reasons]
    if typed is None and not is_requested and (problem := _problem(name, values, missing)):
        notes.add(problem)
        return None
    reasons |= dict.fromkeys(missing, f"no value of {name}")
    known = [value for value in values if value is not None]
    if not known:
        return None
    if typed is not None:
        return typed_column(name, runs, values, typed, reasons, notes)
    parameter = _inferred(name, known, notes)
    return Column(parameter, values, reasons)


def _cleaned(value: Any) -> Any:
    """Return a value; None for missing ones, which tables write as NaN or as the text None."""
    if isinstance(value, str) and value.strip().lower() in NONE_TEXTS:
        return None
    return None if number(value) is not None and finite(value) is None else value


def _is_choice_with_text(typed: Parameter | None) -> bool:
    return isinstance(typed, Categorical) and not typed.is_numeric


def _is_few(count: int, runs: int) -> bool:
    return count <= max(1, FEW * runs)


def _without_text(
    name: str, runs: Sequence[Run], values: Sequence[Any], reasons: dict[int, str], notes: Notes
) -> list[Any]:
    """Return the values without text among numbers."""
    known = [value for value in values if value is not None]
    texts = [i for i, v in enumerate(values) if v is not None and number(v) is None]
    if not texts or 2 * len(texts) > len(known):
        return list(values)
    first = f"{name} of {runs[texts[0]].name} is {values[texts[0]]!r}"
    if not _is_few(len(texts), len(runs)):
        raise UserError(
            f"{notes.source}: {first}: found {len(texts)} of {len(known)} values of {name} that "
            "are not numbers, expected numbers; correct these cells, delete their rows, or give "
            "the sweep's own configuration with --sweep-config if they are values of the sweep"
        )
    for i in texts:
        reasons[i] = f"{name} that is not a number ({values[i]!r} of {runs[i].name})"
    return [None if i in reasons else value for i, value in enumerate(values)]


def _refuse_text_of_number(
    name: str, runs: Sequence[Run], values: Sequence[Any], typed: Parameter | None, notes: Notes
) -> None:
    """Raise `UserError` if a hyperparameter that is a number has text in most runs."""
    text = next((i for i, value in enumerate(values) if isinstance(value, str)), None)
    if text is not None and typed is None and standard_name(name) in HYPERPARAMETERS:
        raise UserError(
            f"{notes.source}: {name} of {runs[text].name}: found {values[text]!r}, expected a "
            "number; correct the column, or give the sweep's own configuration with "
            "--sweep-config if these are values of the sweep"
        )


def _shares(
    name: str, runs: Sequence[Run], values: Sequence[Any], typed: Parameter | None, notes: Notes
) -> list[Any]:
    """Return shares such as dropout between 0 and 1."""
    numbers = {i: v for i, v in enumerate(values) if finite(v)}
    above = [i for i, value in numbers.items() if value > 1]
    if not above or typed is not None or not any(share in name.lower() for share in SHARES):
        return list(values)
    most = max(numbers.values())
    if len(above) < len(numbers) or most > 100:
        i = above[0] if 2 * len(above) <= len(numbers) else max(numbers, key=lambda k: numbers[k])
        raise UserError(
            f"{notes.source}: {name} of {runs[i].name}: found {numbers[i]:g} in a column of "
            f"{min(numbers.values()):g} to {most:g}, expected one scale, 0 to 1 or 0 to 100; "
            "correct this cell, or delete the run's row"
        )
    notes.add(f"{name} was read as percent and divided by 100.")
    return [from_percent(value) if i in numbers else value for i, value in enumerate(values)]


def _with_none(
    name: str, runs: Sequence[Run], values: Sequence[Any], typed: Parameter | None, notes: Notes
) -> list[Any]:
    """Return the values with 0 or a level of its own in place of None, where that is a setting."""
    missing = [i for i, run in enumerate(runs) if values[i] is None and name in run.config]
    finished = [i for i in missing if runs[i].state in FINISHED_STATES]
    known = [value for value in values if value is not None]
    if len(finished) < 2 or len(known) < 2:
        return list(values)
    numbers = [value for value in known if finite(value) is not None]
    level = _level_of_none(name, typed, len(numbers) == len(known))
    if level is None and typed is None and _may_be_none(name, known, len(missing)):
        level = NONE
    if level is None:
        return list(values)
    notes.add(f"{name} is empty in {len(missing)} runs, which was read as {level}.")
    return [level if i in missing else value for i, value in enumerate(values)]


def _level_of_none(name: str, typed: Parameter | None, is_numeric: bool) -> Any:
    if isinstance(typed, Categorical):
        texts = [v for v in typed.values if isinstance(v, str) and v.lower() in NONE_TEXTS]
        if texts:
            return texts[0]
    means_zero = is_numeric and not ZERO_WORDS.isdisjoint(words(name))
    return 0 if means_zero and (typed is None or contains(typed, 0)) else None


def _may_be_none(name: str, known: Sequence[Any], missing: int) -> bool:
    """Whether None can be one of a few choices; it is no number that a training needs."""
    if any(number(value) is not None for value in known):
        is_rare = _is_few(missing, len(known) + missing)
        if is_rare or name in SEARCHABLE or is_count(name):
            return False
    return isinstance(infer_parameter(name, known), Categorical | Constant)


def _problem(name: str, values: Sequence[Any], missing: Sequence[int]) -> str:
    """Return why an inferred parameter is not used, else nothing."""
    known = [value for value in values if value is not None]
    if missing and not _is_few(len(missing), len(values)):
        return (
            f"{name} was not used as a parameter: {len(missing)} of {len(values)} runs have no "
            f"value of it. With --parameters it is used, and these runs are left out."
        )
    unique = {scalar(value) for value in known}
    is_text = any(number(value) is None for value in known)
    most = 1 if is_free_text(name) else min(MAX_TEXTS, max(2, len(known) // 2))
    if is_text and len(unique) > most:
        return (
            f"{name} was not used as a parameter: it is text with {len(unique)} values in "
            f"{len(known)} runs."
        )
    return ""


def _inferred(name: str, known: Sequence[Any], notes: Notes) -> Parameter:
    texts = {value for value in known if isinstance(value, str)}
    if len(texts) > MAX_TEXTS:
        raise UserError(
            f"{notes.source}: found {len(texts)} different texts of {name}, expected at most "
            f"{MAX_TEXTS} of a parameter; name the searched parameters with --parameters"
        )
    return infer_parameter(name, known)
