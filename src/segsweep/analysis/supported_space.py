"""Which parameters of a sweep made elsewhere this project's trainer supports."""

from collections.abc import Mapping
from typing import Any

from segsweep.config.search_space import Categorical, Parameter, to_table
from segsweep.config.study import Study
from segsweep.config.training_config import SEARCHABLE
from segsweep.core.errors import UserError


def supported_space(space: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the parameters that a study may search, without values that it may not have."""
    supported = {name: _supported(name, parameter) for name, parameter in space.items()}
    return {name: parameter for name, parameter in supported.items() if parameter is not None}


def is_supported_value(name: str, value: Any) -> bool:
    return _is_supported(name, {"value": value})


def _supported(name: str, parameter: Parameter) -> Parameter | None:
    if _is_supported(name, to_table(parameter)):
        return parameter
    if not isinstance(parameter, Categorical):
        return None
    values = [value for value in parameter.values if is_supported_value(name, value)]
    changes = {"values": values, "probabilities": None, "scale": None}
    return parameter.model_copy(update=changes) if values else None


def _is_supported(name: str, table: dict[str, Any]) -> bool:
    if name not in SEARCHABLE:
        return False
    try:
        Study.parse({"sweep": {"parameters": {name: table}}})
    except UserError:
        return False
    return True
