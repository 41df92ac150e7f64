"""Pydantic's errors as sentences: the key, what was found, what was expected, what to do."""

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table of keys",
    "model_type": "a table of keys",
    "model_attributes_type": "a table of keys",
}
_EXPONENT = re.compile(r"^[-+]?(\d+|\d*\.\d+|\d+\.)[eE][-+]?\d+$")


@contextmanager
def named(where: str) -> Iterator[None]:
    """Let the faults that the block finds begin with their place in the study."""
    try:
        yield
    except ValidationError as error:
        raise ValueError("\n".join(sentences(error, where))) from None
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def sentences(error: ValidationError, prefix: str = "") -> list[str]:
    """One sentence per fault; `prefix` is the place in the study that was being checked."""
    said = []
    for fault in error.errors():
        place = [str(p) for p in fault["loc"]]
        key = ".".join(filter(None, [prefix, *place]))
        said.extend(_sentence(fault, key, error).splitlines())
    return list(dict.fromkeys(said))


def _sentence(fault: Any, key: str, error: ValidationError) -> str:
    found, context, kind = fault["input"], fault.get("ctx", {}), fault["type"]
    if kind == "value_error":
        message = str(context["error"])
        return f"{key}: {message}" if key and key not in message else message
    if kind == "extra_forbidden":
        return f"unknown key '{key}'{_nearest(fault['loc'], error)}"
    if kind == "missing":
        return f"the key '{key}' is missing; give it a value"
    if kind == "literal_error":
        near = difflib.get_close_matches(
            str(found), re.findall(r"'([^']+)'", context["expected"]), 1
        )
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"{key}: found {found!r}, expected {context['expected']}{hint}"
    if kind in _EXPECTED:
        expected = _EXPECTED[kind]
        if isinstance(found, str) and expected.endswith("number") and _EXPONENT.match(found):
            return (
                f"{key}: found the text '{found}', expected {expected}; YAML reads an exponent as "
                f"a number only with a point and a sign, so write {_yaml_float(found)}"
            )
        return f"{key}: found {_show(found)}, expected {expected}"
    if kind == "too_short":
        return f"{key}: found {len(found)} entries, expected at least {context['min_length']}"
    if kind == "too_long":
        return f"{key}: found {len(found)} entries, expected at most {context['max_length']}"
    return f"{key}: found {_show(found)}, expected: {fault['msg'].removeprefix('Input ')}"


def _yaml_float(text: str) -> str:
    mantissa, exponent = f"{float(text):e}".split("e")
    digits = mantissa.rstrip("0")
    return f"{digits}{'0' if digits.endswith('.') else ''}e{exponent}"


def _show(found: Any) -> str:
    if isinstance(found, str):
        return f"the text '{found}'"
    if isinstance(found, dict):
        return f"a table with the keys {sorted(map(str, found))}"
    return repr(found)


def _nearest(loc: tuple[int | str, ...], error: ValidationError) -> str:
    from segsweep.config.study import Study

    model: Any = Study if error.title == "Study" else None
    known: list[str] = []
    if model is not None:
        for part in loc[:-1]:
            model = model.model_fields[part].annotation
        known = list(model.model_fields)
    else:
        from segsweep.config.pruner import PRUNERS
        from segsweep.config.search_space import FORMS

        forms = {form.__name__: form for form in (*FORMS.values(), *PRUNERS.values())}
        known = list(forms[error.title].model_fields)
    near = difflib.get_close_matches(str(loc[-1]), known, 1, 0.65)  # 'scale' is not 'value'
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; expected one of {', '.join(known)}"
