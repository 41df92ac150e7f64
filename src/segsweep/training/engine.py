"""A network with its loss and optimiser: one training step, one evaluation step."""

import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.training.augmentation import AugmentationParams, augment, symmetries
from segsweep.training.dataloader import Batch
from segsweep.training.losses import LOSSES
from segsweep.training.metrics import THRESHOLD, confusion_counts, counted_pixels, soft_dice
from segsweep.training.optimizers import Optimizer
from segsweep.training.unet import UNet

EVALUATION_BATCH = 8
"""Images per evaluation step; fixed, so that scores do not depend on the searched batch size."""


class Engine:
    """The network, loss and optimiser of a configuration on a device.

    Args:
        config: The configuration of the training.
        device: The device.
        autocast: Name of the dtype of convolutions: float32 (no autocast), bfloat16 or float16.
    """

    def __init__(self, config: TrainingConfig, device: torch.device, autocast: str) -> None:
        self.device = device
        self.loss = LOSSES[config.loss]
        height, width, _ = config.input_shape
        self.symmetries = symmetries(height, width, device)
        with device:
            self.network = UNet(config.base_channels, config.depth, config.dropout, config.norm)
        kernels = self.network.kernels()
        for kernel in kernels:
            channels_last = torch.empty_like(kernel, memory_format=torch.channels_last)
            kernel.data = channels_last.copy_(kernel.data)
        others = [p for p in self.network.parameters() if not any(p is k for k in kernels)]
        self.optimizer = Optimizer(config, kernels, others)
        self.set_autocast(autocast)

    def set_autocast(self, autocast: str) -> None:
        """Compute convolutions in this dtype from now on; float16 uses a loss scaler."""
        self.autocast = getattr(torch, autocast)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=autocast == "float16")

    @property
    def uses_autocast(self) -> bool:
        """Whether convolutions are not in float32."""
        return bool(self.autocast != torch.float32)

    def train_step(
        self, batch: Batch, params: AugmentationParams, learning_rate: float
    ) -> torch.Tensor:
        """Augment a batch, make one step of the optimiser, and return the loss without L2 term."""
        self.network.train()
        images, masks = augment(batch.images, batch.masks, params, self.symmetries)
        counted = counted_pixels(masks, batch.has_ignored)
        loss = self.loss(self.logits(images), masks, counted).mean()
        self.optimizer.step(loss, self.scaler, learning_rate)
        return loss.detach()

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Return float32 logits of float images in 0 to 1; both (n, 1, height, width)."""
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=self.autocast, enabled=self.uses_autocast):
            return self.network(images).float()

    @torch.no_grad()
    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        """Return float32 probabilities of uint8 images; both (n, 1, height, width)."""
        self.network.eval()
        return self.logits(images.float() / 255).sigmoid()

    @torch.no_grad()
    def eval_step(self, batch: Batch, threshold: float = THRESHOLD) -> tuple[torch.Tensor, ...]:
        """Evaluate a batch; a pixel is foreground if its probability is at least `threshold`.

        Returns:
            Confusion counts int64 (n, 3), loss float32 (n,), soft Dice float32 (n,) and predicted
            masks bool (n, height, width). The masks are predicted for ignored pixels too.
        """
        self.network.eval()
        images, masks, has_ignored = batch
        truth, counted = masks.float(), counted_pixels(masks, has_ignored)
        logits = self.logits(images.float() / 255)
        probability = logits.sigmoid()
        predicted = probability >= threshold
        loss, soft = self.loss(logits, truth, counted), soft_dice(probability, truth, counted)
        counts = confusion_counts(predicted, masks.bool(), counted)
        return counts, loss, soft, predicted[:, 0]
