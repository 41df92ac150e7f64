"""A network and one step of its training, on any device: no data, no epochs."""

import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.training.augmentation import Draws, augment, symmetries
from segsweep.training.dataloader import Batch
from segsweep.training.losses import LOSSES
from segsweep.training.metrics import counts, soft_dice
from segsweep.training.optimizers import Optimizer
from segsweep.training.unet import UNet

THRESHOLD = 0.5
EVALUATION_BATCH = 8


class Engine:
    """Network, optimiser and arithmetic. `autocast` is the dtype of convolutions by its name."""

    def __init__(self, config: TrainingConfig, device: torch.device, autocast: str) -> None:
        self.device = device
        self.loss = LOSSES[config.loss]
        height, width, _ = config.input_shape
        self.symmetries = symmetries(height, width, device)
        with device:
            self.network = UNet(config.base_channels, config.depth, config.dropout, config.norm)
        kernels = self.network.kernels()
        for kernel in kernels:
            last = torch.empty_like(kernel, memory_format=torch.channels_last)
            kernel.data = last.copy_(kernel.data)
        others = [p for p in self.network.parameters() if not any(p is k for k in kernels)]
        self.optimizer = Optimizer(config, kernels, others)
        self.use(autocast)

    def use(self, autocast: str) -> None:
        """Compute convolutions in `autocast` from now on (float16 with a scaled loss)."""
        self.autocast = getattr(torch, autocast)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=autocast == "float16")

    @property
    def uses_autocast(self) -> bool:
        return bool(self.autocast != torch.float32)

    def step(self, batch: Batch, draws: Draws, learning_rate: float) -> torch.Tensor:
        """One optimiser step; the loss without the L2 term, on the device."""
        self.network.train()
        images, masks = augment(*batch, draws, self.symmetries)
        loss = self.loss(self.predict(images), masks).mean()
        self.optimizer.step(loss, self.scaler, learning_rate)
        return loss.detach()

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        """Float32 logits of float images in 0 to 1, both (n, 1, height, width)."""
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=self.autocast, enabled=self.uses_autocast):
            return self.network(images).float()

    @torch.no_grad()
    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        """Float32 in 0 to 1 of uint8 images, both (n, 1, height, width)."""
        self.network.eval()
        return self.predict(images.float() / 255).sigmoid()

    @torch.no_grad()
    def judge(self, batch: Batch, threshold: float = THRESHOLD) -> tuple[torch.Tensor, ...]:
        """Per image: counts int64 (n, 3), loss and soft Dice (n,), predicted bool (n, h, w)."""
        self.network.eval()
        images, masks = batch
        truth = masks.float()
        logits = self.predict(images.float() / 255)
        probability = logits.sigmoid()
        predicted = probability >= threshold
        loss, soft = self.loss(logits, truth), soft_dice(probability, truth)
        return counts(predicted, masks.bool()), loss, soft, predicted[:, 0]
