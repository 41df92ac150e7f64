"""When a trial is not worth its remaining epochs: the bars that it must reach to go on.

PruningThresholds come from the trials that ended before, so they are the same whatever the timing. Two rules:
W&B's hyperband, and our own, `pace`.
"""

import itertools
from operator import mul, truediv
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from segsweep.config.distributions import Form

Whole = Annotated[int, Field(ge=1)]

MOST = 100
"""Bands from `min_iter` on, as in W&B's engine."""


class _Base(Form):
    strict: bool = False


class Hyperband(_Base):
    """`type: hyperband`: at each band a trial must be among the best 1/`eta` of those so far.

    Source: W&B's "Sweep configuration options" and its package `sweeps`; an iteration is an epoch.
    Bands lie at `min_iter`, `min_iter * eta`, `min_iter * eta**2` …, or at the `s` epochs
    `max_iter / eta`, `max_iter / eta**2` …; what others had at a band is compared with the trial's
    best value until then or, where `strict`, with its value at the band.
    """

    type: Literal["hyperband"]
    min_iter: Whole | None = None
    max_iter: Whole | None = None
    s: Whole | None = None
    eta: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 3

    @model_validator(mode="after")
    def _bands_are_said_once(self) -> "Hyperband":
        if (self.max_iter is None) != (self.s is None) or (self.max_iter is None) == (
            self.min_iter is None
        ):
            raise ValueError("expected either min_iter, or max_iter with s")
        return self

    def bands(self, last: int) -> list[int]:
        """The epochs, up to `last`, at which trials are compared."""
        if self.min_iter is not None:
            powers = itertools.accumulate([self.eta] * MOST, mul, initial=float(self.min_iter))
        else:
            assert self.max_iter is not None
            assert self.s is not None
            steps = [self.eta] * min(self.s, MOST)
            powers = itertools.accumulate(steps, truediv, initial=float(self.max_iter))
            next(powers)
        return sorted({int(band) for band in powers if 1 <= band <= last})


class Pace(_Base):
    """`type: pace`: a trial must keep up with the slowest of the good ones, from `min_iter` on.

    The good ones are the best `share` of all trials that ended, two at least; at each epoch the bar
    is the worst of their best values until then.
    """

    type: Literal["pace"]
    strict: Literal[False] = False
    min_iter: Whole = 3
    share: Annotated[float, Field(gt=0, le=1)] = 0.25


Pruner = Hyperband | Pace

PRUNERS: dict[str, type[Pruner]] = {"hyperband": Hyperband, "pace": Pace}


def read_pruner(spec: Any) -> Pruner | None:
    """The `early_terminate` table of a sweep, typed; None where there is none.

    Raises `ValueError` when its `type` is unknown or a key is wrong.
    """
    if spec is None:
        return None
    kind = spec.get("type", "no type") if isinstance(spec, dict) else spec
    if not isinstance(spec, dict) or not isinstance(kind, str) or kind not in PRUNERS:
        raise ValueError(
            f"found {kind!r}, expected a table with type: {' or type: '.join(PRUNERS)}"
        )
    return PRUNERS[kind].model_validate(spec)
