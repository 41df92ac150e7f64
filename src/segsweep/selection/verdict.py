"""Who won, and how sure that is: the race in a sentence, a table and a winner's name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from segsweep.config.objective import Goal, sign
from segsweep.config.training_config import TrainingConfig
from segsweep.core.formatting import format_interval, format_metric, format_percent
from segsweep.selection.confirmation import APART, Race, Standing, beats

SAME = 0.01
"""Trainings whose work differs by less than this share cost the same."""


@dataclass(frozen=True)
class Verdict:
    """`winner` is a trial number; `apart` says whether it is told from the second.

    `equals` are the trials that are not told from the first, it among them; `beats_second` is the
    probability that the first is truly better than the second, None without a second.
    """

    winner: int
    sentence: str
    apart: bool
    equals: list[int]
    beats_second: float | None


def work(config: TrainingConfig, images: int) -> float:
    """The multiplications of a training of `images` images an epoch, in units of their own.

    At each depth a U-Net has a quarter of the pixels and twice the channels, so the same work.
    """
    encoder, decoder = 9 * (0.5 + 1), 9 * (2 + 1) + 2
    network = config.base_channels**2 * (config.depth * (encoder + decoder) + encoder)
    height, width, _ = config.input_shape
    return network * height * width * config.epochs * images


def decide(race: Race, costs: Mapping[int, float], goal: Goal) -> Verdict:
    """The winner of a race; `costs` is the work of each candidate.

    Where several cannot be told apart the cheapest wins, and of as cheap ones the best. Where none
    could be trained again, the first candidate stands unconfirmed.
    """
    standings = race.standings()
    if not standings:
        return _unconfirmed(race)
    order = sorted(standings.values(), key=lambda s: -s.mean)
    first = order[0]
    told = _told(first, goal)
    if len(order) == 1:
        sentence = f"Trial {first.trial:03d} is the winner: {told}. No other could be compared."
        return Verdict(first.trial, sentence, False, [first.trial], None)
    ahead = beats(first, order[1], race)
    if ahead >= APART:
        sentence = (
            f"Trial {first.trial:03d} is the winner: {told}. It beats the second, trial "
            f"{order[1].trial:03d} ({_told(order[1], goal)}), with a probability of "
            f"{format_percent(ahead)}."
        )
        return Verdict(first.trial, sentence, True, [first.trial], ahead)
    equals = [s for s in order if s is first or beats(first, s, race) < APART]
    cheap = min(costs[s.trial] for s in equals)
    winner = next(s for s in equals if costs[s.trial] <= cheap * (1 + SAME))
    names = _listed([f"{s.trial:03d}" for s in equals])
    reason = (
        "the cheapest to train"
        if any(costs[s.trial] > cheap * (1 + SAME) for s in equals)
        else "the best on average; all cost the same"
    )
    sentence = (
        f"Trials {names} cannot be told apart: the first beats the second with a probability of "
        f"{format_percent(ahead)}. Chosen is trial {winner.trial:03d} ({_told(winner, goal)}), {reason}."
    )
    return Verdict(winner.trial, sentence, False, [s.trial for s in equals], ahead)


def table(race: Race, goal: Goal, parameters: Mapping[int, Any]) -> list[dict[str, Any]]:
    """Every candidate, best first, in the metric's own units; those that failed at the end."""
    standings = sorted(race.standings().values(), key=lambda s: -s.mean)
    survivors = race.survivors()
    known = [_row(s, goal) | {"dropped": s.trial not in survivors} for s in standings]
    others = [t for t in race.candidates if t not in {s.trial for s in standings}]
    empty = dict.fromkeys(("average", "mean", "low", "high", "probability_best"))
    known += [{"trial": t, "seeds": len(race.values(t)), **empty, "dropped": True} for t in others]
    return [row | {"parameters": parameters[row["trial"]]} for row in known]


def _row(standing: Standing, goal: Goal) -> dict[str, Any]:
    ends = sorted((sign(goal) * standing.low, sign(goal) * standing.high))
    return {
        "trial": standing.trial,
        "seeds": len(standing.values),
        "average": sign(goal) * fmean(standing.values),
        "mean": sign(goal) * standing.mean,
        "low": ends[0],
        "high": ends[1],
        "probability_best": standing.probability_best,
    }


def _told(standing: Standing, goal: Goal) -> str:
    row = _row(standing, goal)
    return (
        f"{format_metric(row['mean'])} expected ({format_interval(row['low'], row['high'])}), "
        f"{format_metric(row['average'])} on average over {row['seeds']} new seeds"
    )


def _unconfirmed(race: Race) -> Verdict:
    first = race.candidates[0]
    why = "no candidate could be trained under new seeds" if race.results else "no seeds were asked"
    sentence = f"Trial {first:03d} is the sweep's best and is not confirmed: {why}."
    return Verdict(first, sentence, False, [first], None)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
