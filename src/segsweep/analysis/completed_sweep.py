"""A finished sweep in one shape, whoever ran it: what was searched, and what came of each trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from segsweep.config.objective import Goal
from segsweep.config.search_space import Constant, Parameter
from segsweep.search.trial_result import TrialResult

Ending = Literal["finished", "pruned", "diverged", "out_of_memory", "failed"]
"""How a trial ended; `failed` is one of which is not known why."""


@dataclass(frozen=True)
class Ended:
    """One trial: its name, what was searched in it, how it ended.

    `value` is the metric, None unless it finished; `history` is the metric epoch by epoch, where it
    is known; `seconds` its run time; `outcomes` other numbers that came out (losses, best epoch).
    """

    name: str
    parameters: Mapping[str, Any]
    status: Ending
    value: float | None = None
    seconds: float | None = None
    history: tuple[float, ...] = ()
    outcomes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class FinishedSweep:
    """A sweep with its trials in the order in which they were started.

    `space` has a parameter for each that was searched, and for constants that are known.
    `left_out` counts what could not be used, by reason. `source` says where it was read from.
    """

    source: str
    space: Mapping[str, Parameter]
    metric: str
    goal: Goal
    trials: Sequence[Ended]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def varied(self) -> dict[str, Any]:
        """The parameters that were searched, typed."""
        return {name: p for name, p in self.space.items() if not isinstance(p, Constant)}

    @property
    def finished(self) -> list[Ended]:
        return [trial for trial in self.trials if trial.value is not None]

    @property
    def observed(self) -> list[TrialResult]:
        """The trials as the search's model reads them.

        It learns nothing of unknown failures, nor of stopped trials whose history is not known.
        """
        return [
            TrialResult(one.parameters, one.value, one.status, one.history)
            for one in self.trials
            if one.status != "failed" and (one.history or one.status != "pruned")
        ]

    def rows(self) -> list[dict[str, Any]]:
        """One tidy table: a row a trial, the same columns for every sweep.

        Run times are left out: they differ from machine to machine where all else does not.
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
