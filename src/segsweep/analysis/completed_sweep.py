"""A sweep that has ended, in one form for every source: this project's results or W&B runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segsweep.config.objective import Goal
from segsweep.config.search_space import Constant, Parameter
from segsweep.search.trial_result import TrialResult


@dataclass(frozen=True)
class CompletedSweep:
    """A sweep and its trials.

    Attributes:
        source: Where the sweep was read from, for messages.
        space: The searched parameters, and the constants that are known.
        metric: The name of the optimised metric.
        goal: Whether the metric is maximised or minimised.
        trials: The trials in the order in which they were started.
        left_out: How many runs could not be used, by reason.
        notes: How the runs were read where that is not obvious, one sentence each.
    """

    source: str
    space: Mapping[str, Parameter]
    metric: str
    goal: Goal
    trials: Sequence[TrialResult]
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def varied(self) -> dict[str, Any]:
        """The searched parameters: `space` without its constants."""
        return {name: p for name, p in self.space.items() if not isinstance(p, Constant)}

    @property
    def finished(self) -> list[TrialResult]:
        """The trials that have a value."""
        return [trial for trial in self.trials if trial.value is not None]

    @property
    def observed(self) -> list[TrialResult]:
        """The trials that the surrogate can be fitted to.

        Trials that failed for an unknown reason, and pruned trials without a history, are not used.
        """
        return [
            trial
            for trial in self.trials
            if trial.status != "failed" and (trial.history or trial.status != "pruned")
        ]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each trial, with the same columns for every sweep.

        Run times are not among them, since they differ between machines.
        """
        known = dict.fromkeys(name for trial in self.trials for name in trial.outcomes)
        outcomes = [name for name in known if name not in (self.metric, *self.varied)]
        return [
            {
                "trial": trial.name,
                "status": trial.status,
                self.metric: trial.value,
                **{name: trial.parameters.get(name) for name in self.varied},
                **{name: trial.outcomes.get(name) for name in outcomes},
            }
            for trial in self.trials
        ]
