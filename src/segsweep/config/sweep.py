"""The section `sweep` of a study, typed: what is searched, how, and for how long."""

import difflib
import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from segsweep.config.distributions import Uniform
from segsweep.config.objective import METRICS
from segsweep.config.pruner import Pruner, read_pruner
from segsweep.config.search_space import Categorical, Constant, Parameter, flatten, form_of
from segsweep.config.sections import Model, Section, Seed, Training, Whole
from segsweep.config.training_config import SEARCHABLE
from segsweep.config.validation_errors import named

PRIOR = "studies/prior"
"""Where leaderboards of earlier studies stand."""

Space = Annotated[dict[str, Parameter], Field(min_length=1)]

GROUPS: dict[str, type[Section]] = {"model": Model, "training": Training}
SECTION_OF = {
    name: group
    for group, section in GROUPS.items()
    for name in section.model_fields
    if name in SEARCHABLE
}
"""Searchable parameters that stand in a section of the study, not at its top."""

SEARCHED = (*SEARCHABLE, *(f"{group}.{name}" for name, group in SECTION_OF.items()))
"""The keys of `sweep.parameters`: hyperparameters by name, or nested in their section."""


def _searched(dotted: str, flat: dict[str, Any]) -> str:
    """The hyperparameter that a key of the flat space stands for; raises `ValueError` for none."""
    where, name = f"sweep.parameters.{dotted}", dotted.rpartition(".")[2]
    if dotted not in SEARCHED:
        near = difflib.get_close_matches(name, SEARCHABLE, 1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"{where} is not a hyperparameter{hint} (known: {', '.join(SEARCHED)})")
    if dotted != name and name in flat:
        raise ValueError(
            f"{where}: found sweep.parameters.{name} too, expected one of them; delete the other"
        )
    return name


class Metric(Section):
    name: Literal[METRICS] = "val_dice_coefficient"  # type: ignore[valid-type]
    """The number that says how good a trial is, of the epoch with the best validation Dice."""
    goal: Literal["maximize", "minimize"] = "maximize"
    """Which way is better."""

    @model_validator(mode="after")
    def _fits(self) -> "Metric":
        goal = "minimize" if self.name.endswith("loss") else "maximize"
        if self.goal != goal:
            raise ValueError(
                f"sweep.metric.goal: found {self.goal}, expected {goal} for {self.name}"
            )
        return self


class PriorTrial(Section):
    """A trial of an earlier study."""

    parameters: dict[str, Any]
    value: Annotated[float, Field(allow_inf_nan=False)]


class Group(Section):
    """Hyperparameters nested in their section, as the JSON schema shows them."""

    parameters: Space


class Sweep(Section):
    method: Literal["bayes", "random", "grid"] = "bayes"
    """How configurations are chosen."""
    metric: Metric = Metric()
    """What the sweep optimises, as W&B writes it."""
    parameters: Space = Field(
        default={
            "batch_size": Categorical(values=[16, 32, 64, 128]),
            "learning_rate": Uniform(min=0.00008, max=0.0015),
            "dropout": Uniform(min=0.15, max=0.25),
            "l2_reg": Uniform(min=0.00001, max=0.00015),
        }
    )
    """The search space, as W&B writes it: for each hyperparameter a `value`, `values` (perhaps with
    `probabilities`), or `min` and `max`, and any distribution of W&B's documentation; those of
    `model` and `training` may be nested (`model: {parameters: {depth: {values: [3, 4]}}}`). Ours
    alone is `scale`, how the search's model looks at it: `linear` or `log` for numbers, `ordered`
    or `unordered` for `values`."""
    trials: Whole = 20
    """How many configurations are trained (W&B's run_cap); the first 8 of 40 are the same as 8."""
    parallel: Whole = 1
    """How many trials may be in flight when the next configuration is chosen."""
    seed: Seed = 0
    """Decides the configurations that the search draws."""
    enqueue: list[dict[str, Any]] = Field(default=[])
    """Configurations to try first, in this order."""
    early_terminate: Pruner | None = None
    """When a trial is not worth its remaining epochs. As W&B writes it: `type: hyperband` with
    `min_iter` (epochs), or `max_iter` and `s`; `eta`, `strict`. Ours: `type: pace` with `min_iter`
    (the first epoch at which a trial may be stopped) and `share` (of the trials, the good ones that
    set the pace). docs/the-search.md says what each saves."""
    audit: bool = False
    """Train the stopped trials to their end too, after the sweep, to see if one would have won."""
    prior_trials: str | list[PriorTrial] | None = None
    """What an earlier study found, to begin with: its leaderboard, in `studies/prior/`, or its
    trials themselves, each with `parameters` and `value`."""
    weights: Literal["winner", "all"] = "winner"
    """Whose weights stand in results and are versioned; the store keeps those of every trial."""

    @field_validator(
        "parameters",
        mode="before",
        json_schema_input_type=Annotated[dict[str, Parameter | Group], Field(min_length=1)],
    )
    @classmethod
    def _type_parameters(cls, raw: Any) -> Any:
        """Type each searched parameter by W&B's rules, so that errors speak of one form only."""
        if not isinstance(raw, dict):
            return raw
        try:
            flat = flatten(raw)
        except ValueError as error:
            raise ValueError(f"sweep.parameters.{error}") from None
        typed = {}
        for dotted, spec in flat.items():
            name, where = _searched(dotted, flat), f"sweep.parameters.{dotted}"
            with named(where):
                typed[name] = form_of(spec).model_validate(spec)
        return typed

    @model_validator(mode="before")
    @classmethod
    def _run_cap_is_trials(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and "run_cap" in raw:
            raise ValueError(f"sweep.run_cap: write it as sweep.trials: {raw['run_cap']}")
        return raw

    @field_validator("early_terminate", mode="before")
    @classmethod
    def _type_rule(cls, raw: Any) -> Any:
        with named("sweep.early_terminate"):
            return read_pruner(raw)

    @field_validator("prior_trials")
    @classmethod
    def _prior_is_versioned(
        cls, path: str | list[PriorTrial] | None
    ) -> str | list[PriorTrial] | None:
        if isinstance(path, str) and not re.fullmatch(rf"{PRIOR}/[\w.-]+\.csv", path):
            raise ValueError(
                f"sweep.prior_trials: found {path}, expected a file in {PRIOR}/, where DVC and "
                "Snakemake see it change, with a name of letters, digits, '_', '.' and '-' that "
                "ends in .csv; copy the leaderboard there"
            )
        return path

    @model_validator(mode="after")
    def _metric_compares(self) -> "Sweep":
        loss = self.parameters.get("loss")
        if self.metric.name == "val_loss" and isinstance(loss, Categorical):
            raise ValueError(
                "sweep.metric.name: found val_loss while sweep.parameters.loss varies, expected a "
                "metric that means the same under each loss; choose val_dice_coefficient"
            )
        return self

    @model_validator(mode="after")
    def _grid_has_values(self) -> "Sweep":
        for name, parameter in self.parameters.items():
            if self.method == "grid" and not isinstance(parameter, Constant | Categorical):
                raise ValueError(
                    f"sweep.parameters.{name}: found a range, expected 'value' or 'values' "
                    "with method grid"
                )
        return self
