"""Design the next sweep from the analysis of the finished one and the memory of a device."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_gain import (
    GAIN_SHARE,
    MAX_TRIALS,
    MIN_TRIALS,
    ExpectedGain,
    expected_gain,
)
from segsweep.analysis.next_space import next_batch_sizes, next_parameter
from segsweep.analysis.training_findings import summarise_curves
from segsweep.config.search_space import Parameter, contains, to_wandb
from segsweep.config.sweep import MAX_TRIALS as MAX_TRIALS_OF_STUDY
from segsweep.config.validation import limits
from segsweep.core.formatting import format_percent
from segsweep.search.trial_result import Values


@dataclass(frozen=True)
class StudyChange:
    """One changed key of the study, the reason, and the id of the finding behind it."""

    key: str
    before: Any
    after: Any
    reason: str
    finding: str


@dataclass(frozen=True)
class NextSweep:
    """The design of the next sweep.

    Attributes:
        space: The parameters to search.
        fixed: The values of parameters that are no longer searched.
        epochs: Epochs of a trial; None where they are not known.
        trials: The number of trials.
        gain: The expected improvement on the best trial; 0 without significant effects.
        start: The configuration that the study starts from.
        enqueue: The same as the first trial, where `space` contains it.
        is_significant: Whether the finished sweep has significant effects.
        stop: Whether the expected gain is less than the noise of one training.
        changes: All changed keys of the study.
    """

    space: dict[str, Parameter]
    fixed: dict[str, Any]
    epochs: int | None
    trials: int
    gain: ExpectedGain
    start: dict[str, Any]
    enqueue: list[dict[str, Any]]
    is_significant: bool
    stop: bool
    changes: list[StudyChange]


def design_next_sweep(
    analysis: Analysis,
    fits: Callable[[int], bool],
    epochs: int | None,
    trials: int,
    selected: Values | None = None,
) -> NextSweep:
    """Design the next sweep.

    Args:
        analysis: The analysis of the finished sweep.
        fits: Whether a batch size fits in the memory of the target device.
        epochs: Epochs of a trial of the finished sweep; None where they are not known.
        trials: The number of trials of the finished sweep.
        selected: The configuration selected by confirmation; without one, the incumbent.
    """
    samples = analysis.samples
    start = samples.incumbent.parameters if selected is None else selected
    space, fixed, changes = _next_space(analysis, fits, start)
    if samples.is_significant:
        gain = expected_gain(samples, space, fixed)
        count = gain.trials
        reason = (
            f"{count} random trials would reach {format_percent(GAIN_SHARE)} of the expected gain"
        )
        finding = "best"
    else:
        count = max(trials, min(2 * MAX_TRIALS, 2 * trials), MIN_TRIALS)
        count = min(count, MAX_TRIALS_OF_STUDY)
        gain = ExpectedGain(count, np.zeros(1), np.zeros(1), [])
        reason = "more trials are needed for a significant result"
        finding = "importance"
    if count != trials:
        changes.append(StudyChange("sweep.trials", trials, count, reason, finding))
    next_epochs = _next_epochs(analysis, epochs)
    if epochs and next_epochs and next_epochs != epochs:
        reason = (
            "the better trials still rise at their end"
            if next_epochs > epochs
            else "the better trials are saturated long before their end"
        )
        changes.append(StudyChange("epochs", epochs, next_epochs, reason, "curves"))
    searched = {name: value for name, value in start.items() if name in space}
    is_inside = all(contains(p, searched[name]) for name, p in space.items())
    return NextSweep(
        space=space,
        fixed=fixed,
        epochs=next_epochs,
        trials=count,
        gain=gain,
        start=dict(start),
        enqueue=[searched] if is_inside else [],
        is_significant=samples.is_significant,
        stop=samples.is_significant and gain.mean < samples.noise_sd,
        changes=changes,
    )


def _next_space(
    analysis: Analysis, fits: Callable[[int], bool], start: Values
) -> tuple[dict[str, Parameter], dict[str, Any], list[StudyChange]]:
    """Return the parameters to search, the values of the fixed ones, and the changes."""
    varied = analysis.sweep.varied
    batch_sizes = next_batch_sizes(analysis, fits)
    space: dict[str, Parameter] = {}
    fixed: dict[str, Any] = {}
    changes = []
    for name, before in varied.items():
        after, reason, finding = next_parameter(analysis, name, batch_sizes)
        if after is None:
            is_batch_size = name == "batch_size" and batch_sizes is not None
            value = batch_sizes.sizes[0] if is_batch_size and batch_sizes else start[name]
            fixed[name], written = value, {"value": value}
        else:
            space[name], written = after, to_wandb(after)
        if written != to_wandb(before):
            key = f"sweep.parameters.{name}"
            changes.append(StudyChange(key, to_wandb(before), written, reason, finding))
    if not space:  # no parameter matters; keep the most important one
        first = analysis.effects[0].parameter
        space[first] = varied[first]
        del fixed[first]
        changes = [change for change in changes if change.key != f"sweep.parameters.{first}"]
    return space, fixed, changes


def _next_epochs(analysis: Analysis, epochs: int | None) -> int | None:
    curves = summarise_curves(analysis.sweep, analysis.samples.noise_sd)
    if epochs is None or curves is None:
        return epochs
    return min(max(1, round(epochs * curves.epochs_factor)), int(limits("epochs")[1]))
