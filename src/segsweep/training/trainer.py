"""The state of one training, and one epoch of it.

Initial weights, order of images, dropout and augmentation are functions of (seed, epoch), so a
training that is killed and resumed from its last epoch ends with the same bits as an uninterrupted
one.
"""

import math
import os
from collections.abc import Sequence

import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.pipeline import environment
from segsweep.training.augmentation import AugmentationParams, draw_params
from segsweep.training.checkpoint import Checkpoint
from segsweep.training.columns import TRAINING_INFO, best_epoch
from segsweep.training.dataloader import SplitLoader, derive_seed
from segsweep.training.engine import EVALUATION_BATCH, Engine
from segsweep.training.metrics import THRESHOLDS, Evaluation, confusion_counts, counted_pixels
from segsweep.training.optimizers import learning_rate


class DivergedError(ArithmeticError):
    """The loss became NaN or infinite."""


def set_determinism(config: TrainingConfig) -> None:
    """Set the options of PyTorch, in this process, that decide the bits of its results."""
    torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(config.deterministic)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic cuBLAS needs it
    torch.backends.cudnn.benchmark = not config.deterministic
    torch.backends.cudnn.allow_tf32 = False  # float32 must be float32
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def autocast_dtype(
    config: TrainingConfig, device: environment.Device, float32_since: int | None, epoch: int
) -> str:
    """Return the name of the dtype of convolutions in an epoch (from 1)."""
    disabled = float32_since is not None and epoch >= float32_since
    return device.autocast if config.mixed_precision and not disabled else "float32"


class Trainer:
    """One training between two epochs.

    Args:
        config: The configuration.
        data: The processed set.

    Attributes:
        inputs: The configuration and the hash of the data; they identify the training.
        history: A row for each epoch that is done.
        best_weights: The weights of the best epoch.
        float32_since: The epoch from which autocast is off because the loss was not finite with
            it; None if it is on.
    """

    def __init__(self, config: TrainingConfig, data: ProcessedSet) -> None:
        self.config = config
        self.inputs = {**config.to_dict(), "data": data.identity}
        self.device_info = environment.select(config.device)
        self.device = torch.device(self.device_info.kind)
        set_determinism(config)
        self.train_loader = self._loader(data, "train")
        self.validation_loader = self._loader(data, "validation")
        self.batch_size = min(config.batch_size, len(self.train_loader))
        self.steps_per_epoch = config.steps_per_epoch or -(
            -len(self.train_loader) // self.batch_size
        )
        torch.manual_seed(derive_seed(config.seed, 0, "weights"))
        self.history: list[dict[str, float]] = []
        self.best_weights: dict[str, torch.Tensor] = {}
        self.float32_since: int | None = None
        self.engine = Engine(config, self.device, self._autocast(1))

    def _loader(self, data: ProcessedSet, name: str) -> SplitLoader:
        memory = self.device_info.memory
        loader = SplitLoader(data, name, self.config.seed, self.device, memory)
        height, width, _ = self.config.input_shape
        if loader.shape != (height, width):
            size = " x ".join(map(str, loader.shape))
            raise UserError(
                f"found processed images of {size} pixels, expected {height} x {width} "
                "(input_shape); run snakemake again"
            )
        return loader

    @property
    def epoch(self) -> int:
        """Number of epochs that are done."""
        return len(self.history)

    def images_on_device(self) -> int:
        """Return how many images are on the device for the whole training."""
        loaders = (self.train_loader, self.validation_loader)
        return sum(len(loader) for loader in loaders if loader.on_device is not None)

    def _autocast(self, epoch: int) -> str:
        return autocast_dtype(self.config, self.device_info, self.float32_since, epoch)

    def disable_autocast(self) -> None:
        """Train in float32 from the next epoch on."""
        self.float32_since = self.epoch + 1
        self.engine.set_autocast("float32")

    def load_best_weights(self) -> None:
        """Load the weights of the best epoch and use the dtype with which it was measured."""
        self.engine.network.load_state_dict(self.best_weights)
        self.engine.set_autocast(self._autocast(best_epoch(self.history)))

    def run_epoch(self) -> dict[str, float]:
        """Train and validate one epoch and return its row of the history.

        Nothing waits for the device before the last step.

        Raises:
            DivergedError: A loss is not finite; the weights are then undefined.
        """
        epoch = self.epoch + 1
        torch.manual_seed(derive_seed(self.config.seed, epoch, "dropout"))
        indices = self.train_loader.batch_indices(
            epoch, self.batch_size, self.config.steps_per_epoch
        )
        params = self.augmentation_params(epoch, indices)
        rates = self.learning_rates(len(indices))
        losses = torch.stack(
            [
                self.engine.train_step(*step)
                for step in zip(self.train_loader.batches(indices), params, rates, strict=True)
            ]
        ).cpu()
        diverged = (~losses.isfinite()).nonzero().flatten().tolist()
        if diverged:
            raise DivergedError(f"the loss was not finite in epoch {epoch}, step {diverged[0] + 1}")
        row = {"epoch": epoch, "train_loss": float(losses.double().mean())}
        scores = self.evaluate(self.validation_loader).scores()
        row |= {f"val_{name}": score for name, score in scores.items()}
        if not math.isfinite(row["val_loss"]):
            raise DivergedError(f"the validation loss was not finite in epoch {epoch}")
        self.history.append(row)
        if best_epoch(self.history) == epoch:
            weights = self.engine.network.state_dict()
            self.best_weights = {k: v.detach().clone() for k, v in weights.items()}
        return row

    def augmentation_params(
        self, epoch: int, indices: Sequence[torch.Tensor]
    ) -> list[AugmentationParams]:
        """Return the augmentation of each step of an epoch, on the device."""
        generator = torch.Generator().manual_seed(derive_seed(self.config.seed, epoch, "augment"))
        height, width = self.train_loader.shape
        images = sum(map(len, indices))
        params = draw_params(images, height == width, self.config.augmentation, generator)
        return params.to(self.device).split(len(indices[0]))

    def learning_rates(self, steps: int) -> list[float]:
        """Return the learning rate of each of the `steps` steps of the next epoch."""
        first, total = self.epoch * steps, self.config.epochs * steps
        return [learning_rate(self.config, first + step, total) for step in range(steps)]

    def evaluate(self, loader: SplitLoader, keep_masks: bool = False) -> Evaluation:
        """Evaluate all images of a split; `keep_masks` keeps the predicted masks."""
        batches = loader.sequential_batches(EVALUATION_BATCH)
        results = [self.engine.eval_step(batch)[: 4 if keep_masks else 3] for batch in batches]
        return Evaluation(*(torch.cat(column).cpu() for column in zip(*results, strict=True)))

    def counts_by_threshold(self) -> torch.Tensor:
        """Return confusion counts of the n validation images, int64 (thresholds, n, 3)."""
        counts = []
        for batch in self.validation_loader.sequential_batches(EVALUATION_BATCH):
            probability, truth = self.engine.probabilities(batch.images), batch.masks.bool()
            counted = counted_pixels(batch.masks, batch.has_ignored)
            by_threshold = [confusion_counts(probability >= t, truth, counted) for t in THRESHOLDS]
            counts.append(torch.stack(by_threshold).cpu())
        return torch.cat(counts, dim=1)

    def info(self) -> dict[str, int | None]:
        """Return the values of TRAINING_INFO."""
        parameters = sum(p.numel() for p in self.engine.network.parameters())
        values = (self.batch_size, self.steps_per_epoch, self.float32_since, parameters)
        return dict(zip(TRAINING_INFO, values, strict=True))

    def state(self) -> Checkpoint:
        """Return the whole state, copied to the CPU."""
        tensors = {f"model.{k}": v for k, v in self.engine.network.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best_weights.items()}
        tensors |= {f"optimizer.{k}": v for k, v in self.engine.optimizer.state().items()}
        copies = {k: v.detach().to("cpu", copy=True).contiguous() for k, v in tensors.items()}
        values = {
            "history": list(self.history),
            "float32_since": self.float32_since,
            "scaler": self.engine.scaler.state_dict(),
        }
        return Checkpoint(copies, values)

    def restore(self, saved: Checkpoint) -> None:
        """Restore what `state` returned."""
        self.history = list(saved.state["history"])
        self.float32_since = saved.state["float32_since"]
        self.engine.set_autocast(self._autocast(self.epoch + 1))
        self.engine.network.load_state_dict(saved.tensors_of("model"))
        self.engine.optimizer.restore(saved.tensors_of("optimizer"))
        self.engine.scaler.load_state_dict(saved.state["scaler"])
        self.best_weights = {k: v.to(self.device) for k, v in saved.tensors_of("best").items()}
