"""The analysis of a completed sweep and its list of findings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from segsweep.analysis import (
    batch_findings,
    hyperparameter_findings,
    range_findings,
    training_findings,
)
from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Finding
from segsweep.analysis.importance import Effect, main_effects
from segsweep.analysis.lr_scaling import (
    BatchSizeEffect,
    LrScaling,
    batch_size_effects,
    lr_scaling,
)
from segsweep.analysis.overfitting import overfitting
from segsweep.analysis.posterior import PosteriorSamples
from segsweep.core.errors import UserError
from segsweep.core.formatting import format_percent
from segsweep.search.gaussian_process import Fit
from segsweep.search.surrogate import encode

MAX_COLUMNS = 100
"""Maximum number of columns of the surrogate model, whose fitting time grows with it. A number has
one column, a categorical parameter one for each value."""

MIXED_PRECISION = "mixed_precision"


@dataclass(frozen=True)
class Analysis:
    """A sweep, the posterior, and what follows from it about the parameters.

    Attributes:
        sweep: The completed sweep.
        samples: The posterior.
        effects: The main effect of each parameter, the largest first.
        batch_sizes: The effect of each batch size; empty where it was not searched.
        scaling: How the best learning rate scales with the batch size; None unless both were
            searched.
    """

    sweep: CompletedSweep
    samples: PosteriorSamples
    effects: Sequence[Effect]
    batch_sizes: list[BatchSizeEffect]
    scaling: LrScaling | None

    @classmethod
    def of(cls, sweep: CompletedSweep, fits: Sequence[Fit] = ()) -> "Analysis":
        """Analyse a sweep.

        Args:
            sweep: The sweep.
            fits: The fits of an earlier analysis of the same trials, if there was one.

        Raises:
            UserError: No trial finished, or no parameter was searched.
        """
        if not sweep.finished:
            raise UserError(
                f"{sweep.source}: none of the {len(sweep.trials)} trials has a value of "
                f"{sweep.metric}, expected at least one; choose another metric, or run the sweep"
            )
        if (columns := encode(sweep.varied, []).shape[1]) > MAX_COLUMNS:
            raise UserError(
                f"{sweep.source}: found {len(sweep.varied)} parameters that vary ({columns} "
                f"columns of the surrogate model), expected at most {MAX_COLUMNS} columns; "
                "name the searched parameters with --parameters"
            )
        if not sweep.varied:
            raise UserError(
                f"{sweep.source}: found no parameter that varies between trials, expected at "
                "least one; name the searched parameters with --parameters"
            )
        samples = PosteriorSamples(sweep, fit=fits[0] if fits else None)
        return cls(
            sweep,
            samples,
            main_effects(samples),
            batch_size_effects(samples),
            lr_scaling(samples, fits[1:]),
        )

    @property
    def fits(self) -> list[Fit]:
        """The fits of all surrogates, with which the analysis can be repeated without fitting."""
        return [self.samples.surrogate.fit, *(self.scaling.fits if self.scaling else ())]

    @cached_property
    def findings(self) -> list[Finding]:
        """All findings except those about run time."""
        return [finding for finding in self._findings() if finding is not None]

    def _findings(self) -> Iterator[Finding | None]:
        sweep, samples = self.sweep, self.samples
        yield hyperparameter_findings.best_trial(samples)
        yield hyperparameter_findings.importance(samples, self.effects)
        yield _used_trials(sweep, samples)
        by_name = {
            effect.parameter: hyperparameter_findings.main_effect(samples, effect)
            for effect in self.effects
        }
        yield from by_name.values()
        if self.batch_sizes:
            yield batch_findings.best_batch_size(sweep, samples, self.batch_sizes)
            yield batch_findings.large_batch_sizes(samples, self.batch_sizes)
        if self.scaling:
            yield batch_findings.scaling_exponent(samples, self.scaling)
        yield from hyperparameter_findings.regularisation(samples, self.effects)
        yield range_findings.narrow_ranges(samples)
        yield overfitting(sweep)
        yield training_findings.learning_curves(sweep, samples.noise_sd)
        yield training_findings.mixed_precision(by_name.get(MIXED_PRECISION))
        yield training_findings.failures(sweep)
        yield training_findings.pruning(sweep)

    @property
    def verdict(self) -> str:
        """The best trial and the most important parameter in two sentences."""
        best, importance = self.findings[:2]
        first = f"{best.sentence.partition(';')[0]}."
        if not self.samples.is_significant:
            return f"{first} {importance.sentence}"
        if importance.confidence == "inconclusive":
            return f"{first} Which parameter is most important is inconclusive."
        top = self.effects[0]
        return (
            f"{first} The most important parameter is {top.parameter} "
            f"({format_percent(float(top.share.mean()))} of the variance over the whole space)."
        )


def _used_trials(sweep: CompletedSweep, samples: PosteriorSamples) -> Finding | None:
    """Report which trials the surrogate is fitted to; None if that is all of them."""
    all_trials, used = len(sweep.observed), len(samples.observed)
    if used == all_trials:
        return None
    sentence = (
        f"The surrogate model is fitted to {used} of {all_trials} trials: the best {used // 2}, "
        "and an even selection of the others by rank. The models of the run time, of the learning "
        "rate by batch size and of the next sweep are fitted to "
        f"{len(samples.for_secondary)} trials that are selected in the same way."
    )
    return Finding("used trials", "Trials that the model uses", sentence, "high")
