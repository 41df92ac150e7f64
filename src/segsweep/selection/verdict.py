"""The result of the confirmation: the selected configuration and how clear the decision is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from segsweep.config.objective import Goal, sign
from segsweep.config.training_config import TrainingConfig
from segsweep.core.formatting import format_interval, format_metric, format_percent
from segsweep.selection.confirmation import CLEAR_WINNER, CandidateSummary, Confirmation
from segsweep.selection.labels import metric_label

SAME_COST = 0.01
"""Trainings whose costs differ by less than this share are regarded as equally expensive."""

HEADLINE_DECIMALS = 3


@dataclass(frozen=True)
class Verdict:
    """The decision.

    Attributes:
        selected: The trial number of the selected configuration.
        headline: The decision in one line.
        details: How it was made, in one or two sentences.
        is_clear_winner: Whether the best candidate is better than the second with P >= 90 %.
        not_distinguishable: The best candidate, and those that are not clearly worse.
        probability_better_than_second: P(best candidate better than the second); None without a
            second.
    """

    selected: int
    headline: str
    details: str
    is_clear_winner: bool
    not_distinguishable: list[int]
    probability_better_than_second: float | None


def training_cost(config: TrainingConfig, images: int) -> float:
    """Return the relative number of multiplications of a training with `images` images an epoch.

    Each level of a U-Net has a quarter of the pixels and twice the channels of the level above, and
    so the same cost.
    """
    encoder, decoder = 9 * (0.5 + 1), 9 * (2 + 1) + 2
    network = config.base_channels**2 * (config.depth * (encoder + decoder) + encoder)
    height, width, _ = config.input_shape
    return network * height * width * config.epochs * images


def decide(
    confirmation: Confirmation, costs: Mapping[int, float], metric: Mapping[str, Any]
) -> Verdict:
    """Select a configuration.

    Of candidates that cannot be distinguished from the best one, the cheapest to train is selected,
    and of equally cheap ones the best. Without results it is the first candidate.

    Args:
        confirmation: All reruns.
        costs: The training cost of each candidate, by trial number.
        metric: The `name` and `goal` of the sweep's metric.
    """
    ranked = _ranked(confirmation)
    if not ranked:
        return _unconfirmed(confirmation)
    first = ranked[0]
    if len(ranked) == 1:
        headline = f"Trial {first.trial:03d} selected ({_estimate(first, metric)})."
        details = "It was not compared: no other candidate finished all its reruns."
        return Verdict(first.trial, headline, details, False, [first.trial], None)
    second = ranked[1]
    probability = confirmation.probability_better(first.trial, second.trial)
    compared = (
        f"P(trial {first.trial:03d} better than trial {second.trial:03d}) = "
        f"{format_percent(probability)}"
    )
    if probability >= CLEAR_WINNER:
        headline = f"Trial {first.trial:03d} selected ({_estimate(first, metric)})."
        details = f"It is a clear winner: {compared}."
        return Verdict(first.trial, headline, details, True, [first.trial], probability)
    equal = [
        s
        for s in ranked
        if s is first or confirmation.probability_better(first.trial, s.trial) < CLEAR_WINNER
    ]
    cheapest = min(costs[s.trial] for s in equal) * (1 + SAME_COST)
    selected = next(s for s in equal if costs[s.trial] <= cheapest)
    reason = (
        "it is the cheapest to train"
        if any(costs[s.trial] > cheapest for s in equal)
        else "it has the best estimated mean, and all of them cost the same to train"
    )
    headline = (
        f"No clear winner among trials {_join([s.trial for s in equal])}; "
        f"{selected.trial:03d} selected ({_estimate(selected, metric)})."
    )
    details = (
        f"{compared}; a clear winner needs {format_percent(CLEAR_WINNER)}. "
        f"Trial {selected.trial:03d} is selected because {reason}."
    )
    return Verdict(selected.trial, headline, details, False, [s.trial for s in equal], probability)


def candidate_rows(
    confirmation: Confirmation, goal: Goal, parameters: Mapping[int, Any]
) -> list[dict[str, Any]]:
    """Return one row for each candidate, best first, with values in the metric's own sign.

    Candidates with a failed rerun come last, without an estimate.
    """
    ranked = _ranked(confirmation)
    remaining = confirmation.remaining()
    rows = [_row(s, goal) | {"dropped": s.trial not in remaining} for s in ranked]
    others = [t for t in confirmation.candidates if t not in {s.trial for s in ranked}]
    empty = dict.fromkeys(("observed_mean", "estimated_mean", "low", "high", "probability_best"))
    rows += [
        {"trial": t, "seeds": len(confirmation.values(t)), **empty, "dropped": True} for t in others
    ]
    return [row | {"parameters": parameters[row["trial"]]} for row in rows]


def _ranked(confirmation: Confirmation) -> list[CandidateSummary]:
    return sorted(confirmation.summaries().values(), key=lambda s: -s.mean)


def _row(summary: CandidateSummary, goal: Goal) -> dict[str, Any]:
    low, high = sorted((sign(goal) * summary.low, sign(goal) * summary.high))
    return {
        "trial": summary.trial,
        "seeds": len(summary.values),
        "observed_mean": sign(goal) * fmean(summary.values),
        "estimated_mean": sign(goal) * summary.mean,
        "low": low,
        "high": high,
        "probability_best": summary.probability_best,
    }


def _estimate(summary: CandidateSummary, metric: Mapping[str, Any]) -> str:
    row = _row(summary, metric["goal"])
    mean = format_metric(row["estimated_mean"], HEADLINE_DECIMALS)
    interval = format_interval(row["low"], row["high"], HEADLINE_DECIMALS)
    return f"{metric_label(metric['name'])} {mean}, 95 % interval {interval}"


def _unconfirmed(confirmation: Confirmation) -> Verdict:
    first = confirmation.candidates[0]
    headline = f"Trial {first:03d} selected by the sweep alone, without confirmation."
    reason = (
        "no candidate could be retrained under new seeds"
        if confirmation.results
        else "no new seeds were requested"
    )
    details = f"It has the best posterior mean of the sweep; {reason}."
    return Verdict(first, headline, details, False, [first], None)


def _join(trials: Sequence[int]) -> str:
    names = [f"{trial:03d}" for trial in trials]
    return f"{', '.join(names[:-1])} and {names[-1]}"
