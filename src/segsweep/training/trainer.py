"""The state of one training, and what an epoch makes of it.

Weights, order, dropout and augmentation are functions of (seed, epoch), so a training that is
killed and goes on from its last epoch ends with the same bits as one left alone.
"""

import math
import os
from collections.abc import Sequence

import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.pipeline import environment
from segsweep.training.augmentation import Draws, draw
from segsweep.training.checkpoint import Checkpoint
from segsweep.training.columns import MEASURES, best_epoch
from segsweep.training.dataloader import Split, derive
from segsweep.training.engine import EVALUATION_BATCH, Engine
from segsweep.training.evaluation import Evaluation
from segsweep.training.metrics import counts
from segsweep.training.optimizers import learning_rate
from segsweep.training.threshold import GRID


class DivergedError(ArithmeticError):
    """The loss became NaN or infinite."""


def settle(config: TrainingConfig) -> None:
    """Set what decides the bits of PyTorch's work in this process."""
    torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(config.deterministic)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what that asks of cuBLAS
    torch.backends.cudnn.benchmark = not config.deterministic
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def autocast_of(
    config: TrainingConfig, chosen: environment.Device, float32_since: int | None, epoch: int
) -> str:
    """The dtype of convolutions in an epoch (from 1) of a training."""
    failed = float32_since is not None and epoch >= float32_since
    return chosen.autocast if config.mixed_precision and not failed else "float32"


class Trainer:
    """One training between two epochs.

    `float32_since` is the epoch from which on it is trained without autocast, as the loss was not
    finite with it; None where that never was.
    """

    def __init__(self, config: TrainingConfig, data: ProcessedSet) -> None:
        self.config = config
        self.made_from = {**config.to_dict(), "data": data.identity}
        self.chosen = environment.select(config.device)
        self.device = torch.device(self.chosen.kind)
        settle(config)
        self.train = self._split(data, "train")
        self.validation = self._split(data, "validation")
        self.batch_size = min(config.batch_size, len(self.train))
        self.steps_per_epoch = config.steps_per_epoch or -(-len(self.train) // self.batch_size)
        torch.manual_seed(derive(config.seed, 0, "weights"))
        self.history: list[dict[str, float]] = []
        self.best: dict[str, torch.Tensor] = {}
        self.float32_since: int | None = None
        self.engine = Engine(config, self.device, self._autocast_of(1))

    def _split(self, data: ProcessedSet, name: str) -> Split:
        split = Split(data, name, self.config.seed, self.device, self.chosen.memory)
        height, width, _ = self.config.input_shape
        if split.shape != (height, width):
            found = " x ".join(map(str, split.shape))
            raise UserError(
                f"the processed images measure {found}, expected input_shape {height} x {width}; "
                "run preprocess again"
            )
        return split

    def resident_images(self) -> int:
        """How many images live on the device."""
        return sum(len(s) for s in (self.train, self.validation) if s.resident is not None)

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    def _autocast_of(self, epoch: int) -> str:
        return autocast_of(self.config, self.chosen, self.float32_since, epoch)

    def without_autocast(self) -> None:
        """Train in float32 from the next epoch on."""
        self.float32_since = self.epoch + 1
        self.engine.use("float32")

    def take_best(self) -> None:
        """Take the best epoch's weights, and the arithmetic that it was measured with."""
        self.engine.network.load_state_dict(self.best)
        self.engine.use(self._autocast_of(best_epoch(self.history)))

    def run_epoch(self) -> dict[str, float]:
        """Train and validate one epoch and return its row of the history.

        Nothing waits for the device before the last step. Raises `DivergedError` when a loss is not
        finite; what the weights are then is undefined.
        """
        epoch = self.epoch + 1
        torch.manual_seed(derive(self.config.seed, epoch, "dropout"))
        steps = self.train.steps(epoch, self.batch_size, self.config.steps_per_epoch)
        draws = self.draws(epoch, steps)
        rates = self.rates(len(steps))
        losses = torch.stack(
            [
                self.engine.step(*each)
                for each in zip(self.train.batches(steps), draws, rates, strict=True)
            ]
        ).cpu()
        broken = (~losses.isfinite()).nonzero().flatten().tolist()
        if broken:
            raise DivergedError(f"the loss was not finite in epoch {epoch}, step {broken[0] + 1}")
        row = {"epoch": epoch, "train_loss": float(losses.double().mean())}
        row |= {f"val_{k}": v for k, v in self.evaluate(self.validation).scores().items()}
        if not math.isfinite(row["val_loss"]):
            raise DivergedError(f"the validation loss was not finite in epoch {epoch}")
        self.history.append(row)
        if best_epoch(self.history) == epoch:
            state = self.engine.network.state_dict()
            self.best = {k: v.detach().clone() for k, v in state.items()}
        return row

    def draws(self, epoch: int, steps: Sequence[torch.Tensor]) -> list[Draws]:
        generator = torch.Generator().manual_seed(derive(self.config.seed, epoch, "augment"))
        height, width = self.train.shape
        images = sum(map(len, steps))
        drawn = draw(images, height == width, self.config.augmentation, generator)
        return drawn.to(self.device).split(len(steps[0]))

    def rates(self, steps: int) -> list[float]:
        first, every = self.epoch * steps, self.config.epochs * steps
        return [learning_rate(self.config, first + step, every) for step in range(steps)]

    def evaluate(self, split: Split, masks: bool = False) -> Evaluation:
        """Judge every image of a split; keep the predicted `masks` only where they are wanted."""
        batches = split.in_order(EVALUATION_BATCH)
        judged = [self.engine.judge(batch)[: 4 if masks else 3] for batch in batches]
        return Evaluation(*(torch.cat(column).cpu() for column in zip(*judged, strict=True)))

    def counts_by_threshold(self) -> torch.Tensor:
        """The validation images' `counts` at each threshold of the grid: int64 (grid, n, 3)."""
        found = []
        for images, masks in self.validation.in_order(EVALUATION_BATCH):
            probability, truth = self.engine.probabilities(images), masks.bool()
            found.append(torch.stack([counts(probability >= t, truth) for t in GRID]).cpu())
        return torch.cat(found, dim=1)

    def measures(self) -> dict[str, int | None]:
        parameters = sum(p.numel() for p in self.engine.network.parameters())
        found = (self.batch_size, self.steps_per_epoch, self.float32_since, parameters)
        return dict(zip(MEASURES, found, strict=True))

    def state(self) -> Checkpoint:
        """All of it, on the CPU."""
        tensors = {f"model.{k}": v for k, v in self.engine.network.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best.items()}
        tensors |= {f"optimizer.{k}": v for k, v in self.engine.optimizer.state().items()}
        copies = {k: v.detach().to("cpu", copy=True).contiguous() for k, v in tensors.items()}
        plain = {
            "history": list(self.history),
            "float32_since": self.float32_since,
            "scaler": self.engine.scaler.state_dict(),
        }
        return Checkpoint(copies, plain)

    def restore(self, saved: Checkpoint) -> None:
        """Go on from what `state` gave."""
        self.history = list(saved.state["history"])
        self.float32_since = saved.state["float32_since"]
        self.engine.use(self._autocast_of(self.epoch + 1))
        self.engine.network.load_state_dict(saved.part("model"))
        self.engine.optimizer.restore(saved.part("optimizer"))
        self.engine.scaler.load_state_dict(saved.state["scaler"])
        self.best = {k: v.to(self.device) for k, v in saved.part("best").items()}
