"""All that decides a training, in one flat table: what `config.yaml` of a trial holds."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import read_yaml


@dataclass(frozen=True)
class TrainingConfig:
    """One training, whole: with the data and the environment it decides every bit of the result.

    The study (`segsweep.study`) says what each field means, in which unit and range.
    """

    batch_size: int
    learning_rate: float
    dropout: float
    l2_reg: float
    epochs: int
    input_shape: tuple[int, int, int]
    task: str
    base_channels: int
    depth: int
    norm: str
    optimizer: str
    scheduler: str
    warmup: float
    loss: str
    augmentation: float
    steps_per_epoch: int | None
    mixed_precision: bool
    deterministic: bool
    seed: int
    threads: int
    device: str

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str = "configuration") -> "TrainingConfig":
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(values) != names:
            found = sorted(values) if isinstance(values, dict) else type(values).__name__
            raise UserError(
                f"{source}: found {found}, expected exactly the keys {sorted(names)}; "
                "take a config.yaml that the pipeline wrote as the model"
            )
        try:
            numbers = {f.name: float(values[f.name]) for f in fields(cls) if f.type is float}
            return cls(**{**values, **numbers, "input_shape": tuple(values["input_shape"])})
        except (TypeError, ValueError) as error:
            raise UserError(f"{source}: {error}; expected numbers") from error

    @classmethod
    def read(cls, path: str | Path) -> "TrainingConfig":
        return cls.from_dict(read_yaml(path), str(path))

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "input_shape": list(self.input_shape)}


SEARCHABLE = tuple(
    field.name
    for field in fields(TrainingConfig)
    if field.name not in ("input_shape", "task", "deterministic", "threads", "device")
)
"""The fields that `sweep.parameters` may vary."""

MEMORY_PARAMETERS = ("batch_size", "base_channels", "depth")
"""The fields that take the more memory the larger they are."""
