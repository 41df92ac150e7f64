"""The section `sweep.metric` of a study: what a sweep optimises."""

from typing import Any, Literal

from pydantic import field_validator, model_validator

from segsweep.config.metric_names import better_direction, words
from segsweep.config.objective import METRICS
from segsweep.config.sections import Section


class Metric(Section):
    """The section `sweep.metric`."""

    name: Literal[METRICS] = "val_dice_coefficient"  # type: ignore[valid-type]
    """The metric by which trials are compared, at the epoch with the best validation Dice."""
    goal: Literal["maximize", "minimize"] = "maximize"
    """Whether larger or smaller values are better."""

    @field_validator("name", mode="before")
    @classmethod
    def _check_name(cls, name: Any) -> Any:
        if isinstance(name, str) and name not in METRICS:
            raise ValueError(
                f"sweep.metric.name: found {name!r}, expected one of {', '.join(METRICS)}; did you "
                f"mean '{_nearest_metric(name)}'?"
            )
        return name

    @model_validator(mode="after")
    def _check_goal(self) -> "Metric":
        goal = "minimize" if self.name.endswith("loss") else "maximize"
        if self.goal != goal:
            raise ValueError(
                f"sweep.metric.goal: found {self.goal}, expected {goal} for {self.name}"
            )
        return self


def _nearest_metric(name: str) -> str:
    """Return the metric that is most probably meant by another program's name."""
    parts = words(name)
    for part, metric in (("soft", "val_dice_soft"), ("pooled", "val_dice_pooled")):
        if part in parts:
            return metric
    if {"iou", "miou", "jaccard"} & set(parts):
        return "val_iou"
    return "val_loss" if better_direction(name) == "minimize" else "val_dice_coefficient"
