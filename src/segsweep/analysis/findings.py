"""All findings on a finished sweep, and the tables that their plots are drawn from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segsweep.analysis import batch_findings, parameter_findings, training_findings
from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Finding
from segsweep.analysis.importance import Effect, effects, interval
from segsweep.analysis.lr_scaling import BATCH, Isolated, Scaling, isolate, rate_map, scaling
from segsweep.analysis.posterior import Worlds
from segsweep.core.errors import UserError

PRECISION = "mixed_precision"

Table = list[dict[str, Any]]


@dataclass(frozen=True)
class Analysis:
    """What was found: the sweep, its worlds, and what they say of the parameters.

    `scaling` is None, and `isolated` empty, where the parameters that they need were not searched.
    """

    sweep: CompletedSweep
    worlds: Worlds
    effects: Sequence[Effect]
    isolated: list[Isolated]
    scaling: Scaling | None
    findings: list[Finding]

    @classmethod
    def of(cls, sweep: CompletedSweep) -> "Analysis":
        """Analyse a sweep. Raises `UserError` if no trial finished or nothing was searched."""
        if not sweep.finished:
            raise UserError(
                f"{sweep.source}: none of the {len(sweep.trials)} trials has a value of "
                f"{sweep.metric}, expected one at least; choose another metric, or run the sweep"
            )
        if not sweep.varied:
            raise UserError(
                f"{sweep.source}: found no parameter that varies between trials, expected one at "
                "least; name the parameters"
            )
        worlds = Worlds(sweep)
        found = cls(sweep, worlds, effects(worlds), isolate(worlds), scaling(worlds), [])
        found.findings.extend(found._say())
        return found

    def _say(self) -> Iterator[Finding]:
        sweep, worlds = self.sweep, self.worlds
        yield parameter_findings.best(sweep, worlds)
        yield parameter_findings.importance(worlds, self.effects)
        by_name = {one.parameter: parameter_findings.effect(worlds, one) for one in self.effects}
        yield from by_name.values()
        if self.isolated:
            yield batch_findings.best_batch(sweep, worlds, self.isolated)
            if said := batch_findings.large_batches(worlds, self.isolated):
                yield said
        if self.scaling:
            yield batch_findings.exponent(worlds, self.scaling)
        yield from parameter_findings.regularisation(worlds, self.effects)
        yield parameter_findings.edges(worlds)
        yield from filter(
            None,
            [
                training_findings.gap(sweep),
                training_findings.curves(sweep, worlds.noise),
                training_findings.precision(sweep, by_name.get(PRECISION)),
                training_findings.failures(sweep),
                training_findings.stopping(sweep),
            ],
        )

    def tables(self) -> dict[str, Table]:
        """The tables by the names of their files; some may be empty."""
        return {
            "trials": self.sweep.rows(),
            "importance": importance_table(self.effects, self.sweep.metric),
            "effects": self._effects(),
            "batch_size": self._batches(),
            "learning_rate": self._rates(),
            "map": rate_map(self.worlds),
            "gap": self._gaps(),
        }

    def _effects(self) -> Table:
        sign = self.worlds.sign
        return [
            {
                "parameter": one.parameter,
                "value": value,
                "mean": float(sign * curve.mean()),
                **_band(sign * curve),
            }
            for one in self.effects
            for value, curve in zip(one.values, one.curve.T, strict=True)
        ]

    def _batches(self) -> Table:
        sign, rows = self.worlds.sign, []
        for one in self.isolated:
            seen = [
                sign * t.value
                for t in self.sweep.finished
                if t.value is not None and t.parameters.get(BATCH) == one.batch_size
            ]
            rows.append(
                {
                    BATCH: one.batch_size,
                    "best": float(sign * one.best.mean()),
                    **_band(sign * one.best, "best_"),
                    "typical": float(sign * one.typical.mean()),
                    **_band(sign * one.typical, "typical_"),
                    "seen_best": sign * max(seen) if seen else None,
                    "seen_median": sign * float(np.median(seen)) if seen else None,
                    "trials": len(seen),
                }
            )
        return rows

    def _rates(self) -> Table:
        if self.scaling is None:
            return []
        return [
            {
                BATCH: batch,
                "best_learning_rate": float(np.exp(np.log(rates).mean())),
                **_band(rates),
            }
            for batch, rates in zip(self.scaling.batches, self.scaling.rates.T, strict=True)
        ]

    def _gaps(self) -> Table:
        return [
            {"trial": t.name, "train": pair[0], "validation": pair[1]}
            for t in self.sweep.finished
            if (pair := training_findings.dice_of(self.sweep, t))
        ]


def importance_table(found: Sequence[Effect], target: str) -> Table:
    return [
        {
            "target": target,
            "parameter": one.parameter,
            "share": float(one.share.mean()),
            **_band(one.share),
        }
        for one in found
    ]


def _band(draws: np.ndarray, prefix: str = "") -> dict[str, float]:
    low, high = interval(draws)
    return {f"{prefix}low": low, f"{prefix}high": high}
