"""Settings of the pruners: rules that stop a trial that is not worth its remaining epochs.

`hyperband` is W&B's, `pace` our own. `segsweep.search.pruners` computes the thresholds that a trial
must reach.
"""

import itertools
from operator import mul, truediv
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from segsweep.config.number import StrictModel
from segsweep.config.sections import MAX_EPOCHS

Epoch = Annotated[int, Field(ge=1, le=MAX_EPOCHS)]

MAX_BANDS = 100
"""Maximum number of bands, as in W&B's engine."""


class _Base(StrictModel):
    strict: bool = False


class Hyperband(_Base):
    """`type: hyperband`: at each band a trial must be among the best 1/`eta` of those so far.

    Source: W&B's "Sweep configuration options" and its package `sweeps`; an iteration is an epoch.
    Bands are at `min_iter`, `min_iter * eta`, `min_iter * eta**2` …, or at the `s` epochs
    `max_iter / eta`, `max_iter / eta**2` …. The values of other trials at a band are compared with
    the trial's best value until then or, with `strict`, with its value at the band.
    """

    type: Literal["hyperband"]
    min_iter: Epoch | None = None
    max_iter: Epoch | None = None
    s: Epoch | None = None
    eta: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 3

    @model_validator(mode="after")
    def _check_bands(self) -> "Hyperband":
        if (self.max_iter is None) != (self.s is None) or (self.max_iter is None) == (
            self.min_iter is None
        ):
            raise ValueError("expected either min_iter, or max_iter with s")
        return self

    def bands(self, last: int) -> list[int]:
        """Return the epochs, up to `last`, at which trials are compared."""
        if self.min_iter is not None:
            powers = itertools.accumulate([self.eta] * MAX_BANDS, mul, initial=float(self.min_iter))
        else:
            assert self.max_iter is not None
            assert self.s is not None
            steps = [self.eta] * min(self.s, MAX_BANDS)
            powers = itertools.accumulate(steps, truediv, initial=float(self.max_iter))
            next(powers)
        return sorted({int(band) for band in powers if 1 <= band <= last})


class Pace(_Base):
    """`type: pace`: from epoch `min_iter` on, a trial must keep up with the slowest good trial.

    The good trials are the best `share` of all trials that have ended, at least two. At each epoch
    the threshold is the worst of their best values until then.
    """

    type: Literal["pace"]
    strict: Literal[False] = False
    min_iter: Epoch = 3
    share: Annotated[float, Field(gt=0, le=1)] = 0.25


Pruner = Hyperband | Pace

PRUNERS: dict[str, type[Pruner]] = {"hyperband": Hyperband, "pace": Pace}


def pruner_type(spec: Any) -> type[Pruner]:
    """Return the class of an `early_terminate` table; raises `ValueError` if it has none."""
    kind = spec.get("type", "no type") if isinstance(spec, dict) else spec
    if not isinstance(spec, dict) or not isinstance(kind, str) or kind not in PRUNERS:
        raise ValueError(
            f"found {kind!r}, expected a table with type: {' or type: '.join(PRUNERS)}"
        )
    return PRUNERS[kind]


def read_pruner(spec: Any) -> Pruner | None:
    """Return the pruner of an `early_terminate` table; None for None.

    Raises:
        ValueError: The type is unknown, or a key is wrong.
    """
    return None if spec is None else pruner_type(spec).model_validate(spec)
