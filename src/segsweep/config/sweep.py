"""The section `sweep` of a study: what is searched, how, and with how many trials."""

import difflib
import math
import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from segsweep.config.distributions import Uniform
from segsweep.config.parameter_names import standard_name
from segsweep.config.pruner import Pruner, pruner_type
from segsweep.config.search_space import (
    Categorical,
    Constant,
    Parameter,
    flatten,
    parameter_type,
)
from segsweep.config.sections import Model, Section, Seed, Training
from segsweep.config.sweep_metric import Metric
from segsweep.config.training_config import SEARCHABLE
from segsweep.config.validation import prefix_errors, validate
from segsweep.core.float32 import LARGEST

MAX_TRIALS = 2000
"""Maximum of `sweep.trials`. A dry run of Snakemake takes about 8 ms for each trial (measured up to
4,000). The memory of a suggestion grows with the square of the number (1 GB for each array of the
surrogate at 2,000), and its time with the third power."""
MAX_PARALLEL = 500
"""Maximum of `sweep.parallel`: schedulers usually allow a user fewer jobs at a time."""

PRIOR_FOLDER = "studies/prior"
"""The folder of the leaderboards of earlier studies."""

Space = Annotated[dict[str, Parameter], Field(min_length=1)]

GROUPS: dict[str, type[Section]] = {"model": Model, "training": Training}
SECTION_OF = {
    name: group
    for group, section in GROUPS.items()
    for name in section.model_fields
    if name in SEARCHABLE
}
"""The section of each searchable parameter that is not a top-level key."""

PARAMETER_KEYS = (*SEARCHABLE, *(f"{group}.{name}" for name, group in SECTION_OF.items()))
"""The possible keys of `sweep.parameters`: names, or names with their section."""


_KNOWN = ", ".join(PARAMETER_KEYS)


class PriorTrial(Section):
    """A trial of an earlier study, in `sweep.prior_trials`."""

    parameters: dict[str, Any]
    value: Annotated[float, Field(ge=-LARGEST, le=LARGEST)]


class Group(Section):
    """Hyperparameters nested in their section; only for the JSON schema."""

    parameters: Space


class Sweep(Section):
    """The section `sweep`."""

    method: Literal["bayes", "random", "grid"] = "bayes"
    """How configurations are chosen."""
    metric: Metric = Metric()
    """What the sweep optimises, in W&B's format."""
    parameters: Space = Field(
        default={
            "batch_size": Categorical(values=[16, 32, 64, 128]),
            "learning_rate": Uniform(min=0.00008, max=0.0015),
            "dropout": Uniform(min=0.15, max=0.25),
            "l2_reg": Uniform(min=0.00001, max=0.00015),
        }
    )
    """The search space, in W&B's format: for each hyperparameter a `value`, `values` (optionally
    with `probabilities`), or `min` and `max`, with any distribution of W&B's documentation. Those
    of `model` and `training` may be nested (`model: {parameters: {depth: {values: [3, 4]}}}`). The
    key `scale`, which W&B does not have, sets the scale of the surrogate model: `linear` or `log`
    for numbers, `ordered` or `unordered` for `values`."""
    trials: Annotated[int, Field(ge=1, le=MAX_TRIALS)] = 20
    """Number of trials (W&B's run_cap). The first 8 of 40 trials are the same as 8 trials. Above
    the maximum, choosing a configuration would take minutes and several GB of memory. A grid has as
    many trials as configurations unless this is given."""
    parallel: Annotated[int, Field(ge=1, le=MAX_PARALLEL)] = 1
    """How many trials may run when the next configuration is chosen."""
    seed: Seed = 0
    """Random seed of the sampler."""
    enqueue: list[dict[str, Any]] = Field(default=[])
    """Configurations to try first, in this order."""
    early_terminate: Pruner | None = None
    """The pruner, which stops trials early. In W&B's format: `type: hyperband` with `min_iter`
    (epochs), or `max_iter` and `s`; `eta`, `strict`. Not in W&B: `type: pace` with `min_iter` (the
    first epoch at which a trial may be pruned) and `share` (the fraction of trials, the best ones,
    that sets the pace). docs/sampler.md shows how much each saves."""
    audit: bool = False
    """Train pruned trials to the end after the sweep, to check whether one would have won."""
    prior_trials: str | list[PriorTrial] | None = None
    """Trials of an earlier study to start with: its leaderboard, in `studies/prior/`, or a list of
    trials, each with `parameters` and `value`."""
    weights: Literal["winner", "all"] = "winner"
    """Whose weights are put into results and versioned; the cache keeps those of every trial."""

    @field_validator(
        "parameters",
        mode="before",
        json_schema_input_type=Annotated[dict[str, Parameter | Group], Field(min_length=1)],
    )
    @classmethod
    def _type_parameters(cls, raw: Any) -> Any:
        """Choose the type of each parameter by W&B's rules, so that errors are about one type."""
        if not isinstance(raw, dict):
            return raw
        try:
            flat = flatten(raw)
        except ValueError as error:
            raise ValueError(f"sweep.parameters.{error}") from None
        typed = {}
        for dotted, spec in flat.items():
            name, key = _hyperparameter(dotted, flat), f"sweep.parameters.{dotted}"
            with prefix_errors(key):
                model = parameter_type(spec)
            typed[name] = validate(model, spec, key)
            _refuse_repeated(typed[name], key)
        return typed

    @model_validator(mode="before")
    @classmethod
    def _try_whole_grid(cls, raw: Any) -> Any:
        """Set the number of trials to that of a grid's configurations, unless it is given."""
        if not isinstance(raw, dict) or raw.get("method") != "grid" or "trials" in raw:
            return raw
        count = _count_configurations(raw.get("parameters")) + len(raw.get("enqueue") or [])
        if count > MAX_TRIALS:
            raise ValueError(
                f"sweep.parameters: found a grid of {count} configurations, expected at most "
                f"{MAX_TRIALS}; shorten the lists of values, or set sweep.trials to try the first"
            )
        return {**raw, "trials": count}

    @field_validator("early_terminate", mode="before")
    @classmethod
    def _type_pruner(cls, raw: Any) -> Any:
        if raw is None:
            return None
        with prefix_errors("sweep.early_terminate"):
            model = pruner_type(raw)
        return validate(model, raw, "sweep.early_terminate")

    @field_validator("prior_trials")
    @classmethod
    def _check_prior_trials(
        cls, path: str | list[PriorTrial] | None
    ) -> str | list[PriorTrial] | None:
        if isinstance(path, str) and not re.fullmatch(rf"{PRIOR_FOLDER}/[\w.-]+\.csv", path):
            raise ValueError(
                f"sweep.prior_trials: found {path}, expected a file in {PRIOR_FOLDER}/ "
                "with a name of letters, digits, '_', '.' and '-' that ends in .csv; copy the "
                "leaderboard there"
            )
        return path

    @model_validator(mode="after")
    def _check_metric(self) -> "Sweep":
        loss = self.parameters.get("loss")
        if self.metric.name == "val_loss" and isinstance(loss, Categorical):
            raise ValueError(
                "sweep.metric.name: found val_loss while sweep.parameters.loss varies, expected a "
                "metric that does not depend on the loss; choose val_dice_coefficient"
            )
        return self

    @model_validator(mode="after")
    def _check_grid(self) -> "Sweep":
        for name, parameter in self.parameters.items():
            if self.method == "grid" and not isinstance(parameter, Constant | Categorical):
                raise ValueError(
                    f"sweep.parameters.{name}: found a range, expected 'value' or 'values' "
                    "with method grid"
                )
        return self


def _refuse_repeated(parameter: Parameter, key: str) -> None:
    values = parameter.values if isinstance(parameter, Categorical) else []
    repeated = [value for i, value in enumerate(values) if value in values[:i]]
    if repeated:
        raise ValueError(
            f"{key}.values: found {repeated[0]} twice, expected different values; delete one, and "
            "give probabilities if it should be drawn more often"
        )


def _count_configurations(parameters: Any) -> int:
    """Return the number of configurations of a grid as it is written; 1 where it is not valid."""
    try:
        specs = flatten(parameters).values() if isinstance(parameters, dict) else ()
    except ValueError:
        return 1  # reported with the parameters
    lists = [spec.get("values") for spec in specs if isinstance(spec, dict)]
    return math.prod(len(values) for values in lists if isinstance(values, list))


def _hyperparameter(dotted: str, flat: dict[str, Any]) -> str:
    """Return the hyperparameter of a dotted name.

    Args:
        dotted: A key of `flat`.
        flat: The tables of all parameters by their dotted names.

    Raises:
        ValueError: There is no such hyperparameter, or it is given twice.
    """
    key, name = f"sweep.parameters.{dotted}", dotted.rpartition(".")[2]
    if dotted not in PARAMETER_KEYS:
        usual = standard_name(dotted)
        near = [usual] if usual in SEARCHABLE else difflib.get_close_matches(name, SEARCHABLE, 1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; expected one of {_KNOWN}"
        raise ValueError(f"{key} is not a hyperparameter{hint}")
    if dotted != name and name in flat:
        raise ValueError(
            f"{key}: found sweep.parameters.{name} too, expected one of them; delete the other"
        )
    return name
