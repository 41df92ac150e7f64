"""The complete configuration of one training, as `config.yaml` of a trial stores it."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import read_yaml


@dataclass(frozen=True)
class TrainingConfig:
    """All settings of one training in one flat table.

    Together with the data and the environment it determines every bit of the result. The meaning,
    unit and range of each field are documented in `segsweep.config.sections`.
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
    def example(cls, **changes: Any) -> "TrainingConfig":
        """Return a small configuration for tests and benchmarks: 64 x 64 pixels, CPU, 1 thread.

        Args:
            **changes: Values of fields that differ from the example.
        """
        values: dict[str, Any] = {
            "batch_size": 8,
            "learning_rate": 0.01,
            "dropout": 0.1,
            "l2_reg": 1e-5,
            "epochs": 3,
            "input_shape": (64, 64, 1),
            "task": "segmentation",
            "base_channels": 4,
            "depth": 2,
            "norm": "batch",
            "optimizer": "adam",
            "scheduler": "constant",
            "warmup": 0.0,
            "loss": "bce_dice",
            "augmentation": 1.0,
            "steps_per_epoch": None,
            "mixed_precision": True,
            "deterministic": True,
            "seed": 0,
            "threads": 1,
            "device": "cpu",
        }
        return cls(**{**values, **changes})

    @classmethod
    def from_dict(cls, values: Any, source: str = "configuration") -> "TrainingConfig":
        """Build a configuration from a table with exactly the fields of this class.

        Args:
            values: The table, as read from YAML or JSON.
            source: File name for error messages.

        Raises:
            UserError: A key is missing or unknown, or a value is not a number where one is needed.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(values) != names:
            found = sorted(values) if isinstance(values, dict) else type(values).__name__
            raise UserError(
                f"{source}: found {found}, expected exactly the keys {sorted(names)}; "
                "start from a config.yaml that the pipeline wrote"
            )
        try:
            numbers = {f.name: float(values[f.name]) for f in fields(cls) if f.type is float}
            return cls(**{**values, **numbers, "input_shape": tuple(values["input_shape"])})
        except (TypeError, ValueError) as error:
            raise UserError(f"{source}: {error}; expected numbers") from error

    @classmethod
    def read(cls, path: str | Path) -> "TrainingConfig":
        """Read a `config.yaml`; see `from_dict`."""
        return cls.from_dict(read_yaml(path), str(path))

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as `config.yaml` stores it."""
        return {**asdict(self), "input_shape": list(self.input_shape)}


SEARCHABLE = tuple(
    field.name
    for field in fields(TrainingConfig)
    if field.name not in ("input_shape", "task", "deterministic", "threads", "device")
)
"""The fields that `sweep.parameters` may vary."""

MEMORY_PARAMETERS = ("batch_size", "base_channels", "depth")
"""The fields that increase memory use when they increase."""
