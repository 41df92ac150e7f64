"""Types and checks that several commands share."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from segsweep.core.errors import UserError

MAX_GIGABYTES = 1e6

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
"""An option without a value, off by default."""


def _positive(_: Any, value: float | None) -> None:
    if value is not None and not 0 < value <= MAX_GIGABYTES:
        raise ValueError("Expected GB above 0, up to 1,000,000.")


Gigabytes = Annotated[float, Parameter(metavar="GB", validator=_positive)]
"""Memory in GB (10^9 bytes), above 0."""


def require_project() -> None:
    """Raise `UserError` unless the current folder is the one with `params.yaml`."""
    if not Path("params.yaml").exists():
        raise UserError(
            f"params.yaml: not found in {Path.cwd()}; run this in the folder of the clone that "
            "has params.yaml"
        )
