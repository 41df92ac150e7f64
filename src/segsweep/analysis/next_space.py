"""Where the next sweep looks: each parameter's range, moved by what the finished one tells."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from segsweep.analysis.batch_findings import likely_best
from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import LIKELY
from segsweep.analysis.findings import Analysis
from segsweep.analysis.importance import interval
from segsweep.analysis.lr_scaling import BATCH, CENSORED, RATE
from segsweep.analysis.parameter_findings import MATTERS, matters, touching
from segsweep.config.distributions import (
    IntUniform,
    LogUniformValues,
    Number,
    QLogUniformValues,
    QUniform,
    Uniform,
)
from segsweep.config.search_space import Categorical, Parameter
from segsweep.config.validation import limits
from segsweep.core.formatting import format_percent, format_value

FAIR = 0.1
"""A value is worth trying again if it is the best with this probability."""

KEPT = 0.25
"""So likely a batch must be the best to be tried again beside those past a touched end."""

OUTSIDE = (0.05, 0.95)
"""Quantiles of where the best may lie, between which a range is kept."""

MARGIN, NARROWEST = 0.05, 0.2
"""What is left around that, and the least width, in shares of the range that was searched."""

TOUCHES = 0.5
"""An end is touched if the best lies there in this share of the possible surfaces."""

BEYOND = 0.5
"""How far a range is widened past a touched end, in shares of it."""

GROWTH = 8
"""The largest batch of the next sweep is at most so many times the best one so far."""

PRIOR_EXPONENT = (0.5, 1.0)
"""Of the best learning rate against the batch, where the trials do not tell: between the square
root (Malladi et al., 2022) and the linear rule (Goyal et al., 2017)."""

Change = tuple[Parameter | None, str, str]
"""What becomes of a parameter (None: it is fixed), why, and the finding that says so."""


@dataclass(frozen=True)
class Batches:
    """The batch sizes of the next sweep, why these, and the best one so far."""

    sizes: list[int]
    reason: str
    best: int


def batch_sizes(analysis: Analysis, fits: Callable[[int], bool]) -> Batches | None:
    """Batches that fit in memory and may pay; None where the batch was not searched."""
    if not analysis.isolated:
        return None
    known = [one.batch_size for one in analysis.isolated]
    chances = likely_best(analysis.isolated)
    best = known[int(chances.argmax())]
    touched = TOUCHES if len(known) > 2 else LIKELY  # of two values each is an end
    fair = [batch for batch, chance in zip(known, chances, strict=True) if chance >= KEPT]
    if not analysis.worlds.tell:
        sizes, reason = known, "which batch is best cannot be told yet"
    elif chances[-1] >= touched:
        sizes = sorted({*fair, *(best * 2**step for step in range(GROWTH.bit_length()))})
        reason = (
            f"the largest batch so far, {best}, is the best in {format_percent(float(chances[-1]))} of "
            "the possible surfaces, so larger ones may be better"
        )
    elif chances[0] >= touched:
        sizes = sorted({*fair, max(1, best // 4), max(1, best // 2), best, 2 * best})
        reason = (
            f"the smallest batch so far, {best}, is the best in {format_percent(float(chances[0]))} of "
            "the possible surfaces, so smaller ones may be better"
        )
    else:
        near = [i for i, chance in enumerate(chances) if chance >= FAIR]
        sizes = known[min(near) : max(near) + 1]
        reason = f"each of them is the best with a fair chance ({format_percent(FAIR)} or more)"
    fitting = list(sizes)
    while len(fitting) > 1 and not fits(fitting[-1]):
        reason += f"; {fitting.pop()} does not fit in memory by prediction"
    if not fits(fitting[0]):
        reason += "; even that does not fit"
    whole = _whole_split(analysis.sweep)
    if whole is not None and any(size > whole for size in fitting):
        fitting = [size for size in fitting if size < whole] + [whole]
        reason += f"; {whole} images are the whole training split"
    return Batches(fitting, reason, best)


def _whole_split(sweep: CompletedSweep) -> int | None:
    """The number of training images, where a batch was larger than that."""
    seen = [(t.outcomes.get("effective_batch_size"), t.parameters.get(BATCH)) for t in sweep.trials]
    cut = [int(used) for used, asked in seen if used is not None and asked and used < asked]
    return min(cut, default=None)


def change(analysis: Analysis, name: str, batches: Batches | None) -> Change:
    """What the next sweep makes of one parameter."""
    worlds, parameter = analysis.worlds, analysis.sweep.varied[name]
    if name == BATCH and batches:
        if len(batches.sizes) == 1:
            return None, batches.reason, "batch size"
        return Categorical(values=list(batches.sizes)), batches.reason, "batch size"
    if not worlds.tell:
        return parameter, "the trials tell nothing of it yet", "importance"
    effect = next(one for one in analysis.effects if one.parameter == name)
    if matters(worlds, effect) is False and name != RATE:
        return (
            None,
            f"it decides less than {format_percent(MATTERS)} of the differences "
            f"(at most {format_percent(interval(effect.share)[1])})",
            "importance",
        )
    if isinstance(parameter, Categorical):
        return _values(analysis, name, parameter)
    if name == RATE and batches:
        return _rate(analysis, parameter, batches)
    low, high, reason, finding = _range(analysis, name, parameter)
    return _between(low, high, parameter), reason, finding


def _values(analysis: Analysis, name: str, parameter: Categorical) -> Change:
    winners = [one[name] for one in analysis.worlds.winners]
    chance = {v: winners.count(v) / len(winners) for v in parameter.ordered}
    kept = [v for v in parameter.values if chance[v] >= FAIR]
    reason = "the best with a probability of " + ", ".join(
        f"{format_percent(c)} ({format_value(v)})" for v, c in chance.items()
    )
    if len(kept) < 2:
        return None, reason, f"effect of {name}"
    return Categorical(values=kept, scale=parameter.scale), reason, f"effect of {name}"


def _range(analysis: Analysis, name: str, parameter: Number) -> tuple[float, float, str, str]:
    """The range in which the best may lie, wider past a touched end; why; and the finding."""
    shares = np.array([parameter.to_unit(one[name]) for one in analysis.worlds.winners])
    low, high = np.quantile(shares, OUTSIDE) + np.array([-MARGIN, MARGIN])
    short = NARROWEST - (high - low)
    if short > 0:
        low, high = low - short / 2, high + short / 2
    end, touched = touching(analysis.worlds).get(name, ("", 0.0))
    reason = (
        f"in nine of ten possible surfaces the best lies between "
        f"{format_value(parameter.from_unit(float(np.quantile(shares, OUTSIDE[0]))))} and "
        f"{format_value(parameter.from_unit(float(np.quantile(shares, OUTSIDE[1]))))}"
    )
    finding = f"effect of {name}"
    low, high = max(0.0, float(low)), min(1.0, float(high))
    if touched >= TOUCHES:
        low, high = (-BEYOND, high) if end == "lower" else (low, 1 + BEYOND)
        reason += f"; that is at the {end} end of what was searched, so it goes beyond"
        finding = "edges"
    least, most = limits(name)
    if parameter.low > 0:  # a number that was above zero stays there
        least = max(least, parameter.low / 10)
    ends = sorted(min(max(_at(parameter, share), least), most) for share in (low, high))
    return ends[0], ends[1], reason, finding


def _rate(analysis: Analysis, parameter: Number, batches: Batches) -> Change:
    """The learning rate, which moves with the batch by the measured exponent, or by the prior."""
    low, high, reason, finding = _range(analysis, RATE, parameter)
    middle = float(np.median([one[RATE] for one in analysis.worlds.winners]))
    down, up = batches.sizes[0] / batches.best, batches.sizes[-1] / batches.best
    scaling = analysis.scaling
    measured = (
        scaling is not None
        and scaling.at_edge <= CENSORED
        and np.ptp(interval(scaling.exponent)) <= 1.0
    )
    if measured and scaling is not None:
        slow, fast = (min(max(e, 0.0), 1.5) for e in interval(scaling.exponent))
        said = f"the exponent that was measured ({slow:.2f} to {fast:.2f})"
    else:
        slow, fast = PRIOR_EXPONENT
        said = "an exponent of 1/2 to 1, the usual rules, as the trials do not tell it"
    ways = []
    if up > 1:
        high = max(high, middle * up**fast)
        ways.append(f"grow {up:g} times")
    if down < 1:
        low = min(low, middle * down**fast)
        ways.append(f"shrink to 1/{1 / down:g}")
    if ways:
        reason += f"; batches {' and '.join(ways)}, and the best rate with them by {said}"
        finding = "learning rate with batch"
    return _between(low, high, parameter), reason, finding


def _at(parameter: Number, share: float) -> float:
    """The value at a share of the range that may lie outside 0 to 1."""
    if parameter.model_scale == "log":
        return float(parameter.low * (parameter.high / parameter.low) ** share)
    return float(parameter.low + share * (parameter.high - parameter.low))


def _between(low: float, high: float, like: Number) -> Parameter:
    """A range of the same kind, its ends rounded as far as its width allows."""
    if isinstance(like, IntUniform):
        return IntUniform(min=math.floor(low), max=max(math.ceil(high), math.floor(low) + 1))
    log = like.model_scale == "log" and low > 0
    digits = 2 if log else max(0, 2 - math.floor(math.log10(high - low)))
    ends = [float(f"{e:.2g}") if log else round(e, digits) for e in (low, high)]
    low, high = ends if ends[0] < ends[1] else (low, high)
    return _range_of(low, high, log, getattr(like, "q", None))


def _range_of(low: float, high: float, log: bool, q: float | None = None) -> Parameter:
    if log:
        kind = "log_uniform_values"
        if q is None:
            return LogUniformValues(min=low, max=high, distribution=kind)  # type: ignore[arg-type]
        return QLogUniformValues(min=low, max=high, q=q, distribution="q_log_uniform_values")
    scale = "linear" if low > 0 and high >= 10 * low else None
    if q is None:
        return Uniform(min=low, max=high, scale=scale)  # type: ignore[arg-type]
    return QUniform(min=low, max=high, q=q, distribution="q_uniform", scale=scale)  # type: ignore[arg-type]


def united(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A space that holds both, for what is posterior_of_trials of the new one."""
    found = {}
    for name, parameter in old.items():
        other = new.get(name)
        if other is None:
            found[name] = parameter
        elif isinstance(parameter, Categorical) and isinstance(other, Categorical):
            values = list(dict.fromkeys([*parameter.values, *other.values]))
            found[name] = Categorical(values=values, scale=parameter.scale)
        else:
            ends = other.values if isinstance(other, Categorical) else [other.low, other.high]
            low, high = min(parameter.low, *ends), max(parameter.high, *ends)
            found[name] = _range_of(low, high, parameter.model_scale == "log" and low > 0)
    return found
