"""Training steps of other libraries and of segsweep, which benchmarks/training.py compares.

Each is written as users of its library would write it, and runs in a process of its own, so that
none profits from the allocator, threads or caches of another. `benchmarks/peers.py NAME JSON`
prints a line of JSON when it is ready, makes one step for each line that it reads, and prints its
seconds.

MONAI, segmentation-models-pytorch and Lightning come from benchmarks/requirements.txt.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from segsweep.config.training_config import TrainingConfig
from segsweep.core.processes import keep_freed_memory
from segsweep.data.dataset import ProcessedSet
from segsweep.training.trainer import Trainer

OURS = "segsweep"
Step = Callable[[], object]


@dataclass(frozen=True)
class Size:
    """The size of the training: images of `side` x `side` pixels, on CPU threads or a GPU."""

    batch: int = 8
    side: int = 256
    base_channels: int = 16
    depth: int = 4
    threads: int = 2
    dropout: float = 0.2
    deterministic: bool = True

    @property
    def config(self) -> TrainingConfig:
        return TrainingConfig.example(
            batch_size=self.batch,
            learning_rate=1e-3,
            dropout=self.dropout,
            l2_reg=6e-5,
            epochs=100,
            input_shape=(self.side, self.side, 1),
            base_channels=self.base_channels,
            depth=self.depth,
            deterministic=self.deterministic,
            threads=self.threads,
            device="auto",
        )


class PlainUNet(nn.Module):
    """The U-Net of most tutorials: transposed convolutions, and feature maps joined by `cat`."""

    def __init__(self, base: int, depth: int, dropout: float) -> None:
        super().__init__()
        widths = [base * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(self._double(i, o) for i, o in zip([1, *widths], widths))  # noqa: B905
        self.up = nn.ModuleList(nn.ConvTranspose2d(w, w // 2, 2, 2) for w in widths[:0:-1])
        self.decoder = nn.ModuleList(self._double(w, w // 2) for w in widths[:0:-1])
        self.head, self.dropout = nn.Conv2d(base, 1, 1), nn.Dropout(dropout)

    @staticmethod
    def _double(i: int, o: int) -> nn.Sequential:
        def convolve(i: int) -> list[nn.Module]:
            convolution = nn.Conv2d(i, o, 3, padding=1, bias=False)
            return [convolution, nn.BatchNorm2d(o), nn.ReLU(inplace=True)]

        return nn.Sequential(*convolve(i), *convolve(o))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)
            skips.append(self.dropout(x) if level >= len(self.down) - 2 else x)
            x = skips[-1]
        for up, block, skip in zip(self.up, self.decoder, skips[-2::-1], strict=True):
            x = block(torch.cat([skip, up(x)], dim=1))
        return self.head(x)


def random_set(size: Size, train: int, validation: int = 8) -> ProcessedSet:
    pixels = np.random.default_rng(0).integers(
        0, 256, (train + validation, size.side, size.side), np.uint8
    )
    names = [str(i) for i in range(len(pixels))]
    splits = ["train"] * train + ["validation"] * validation
    return ProcessedSet(pixels, (pixels > 127).astype(np.uint8), names, names, splits)


def ours(size: Size) -> tuple[Step, nn.Module]:
    """Return the step of segsweep, with augmentation, L2 regularisation and all checks."""
    keep_freed_memory()  # as workflow/scripts/train.py does
    trainer = Trainer(size.config, random_set(size, size.batch))
    indices = trainer.train_loader.batch_indices(1, size.batch, 1)

    def step() -> float:
        (batch,) = trainer.train_loader.batches(indices)
        (augmentation,) = trainer.augmentation_params(1, indices)
        return float(trainer.engine.train_step(batch, augmentation, 1e-3))

    return step, trainer.engine.network


def loop(network: nn.Module, size: Size, amp: bool, channels_last: bool) -> tuple[Step, nn.Module]:
    """Return the usual step: forward, loss, backward, Adam with weight decay, `loss.item()`."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(size.threads)
    network.to(device).train()
    images = torch.rand(size.batch, 1, size.side, size.side, device=device)
    masks = (images > 0.5).float()
    if channels_last:
        network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, weight_decay=6e-5)

    def step() -> float:
        with torch.autocast(device, torch.bfloat16, enabled=amp):
            logits = network(images)
        logits = logits.float()
        p = logits.sigmoid()
        overlap = (2 * (p * masks).flatten(1).sum(1) + 1) / ((p + masks).flatten(1).sum(1) + 1)
        entropy = functional.binary_cross_entropy_with_logits(logits, masks)
        loss = entropy + (1 - overlap).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step, network


def plain(size: Size, amp: bool = False, channels_last: bool = False) -> tuple[Step, nn.Module]:
    return loop(PlainUNet(size.base_channels, size.depth, size.dropout), size, amp, channels_last)


def monai(size: Size) -> tuple[Step, nn.Module]:
    from monai.networks.nets import BasicUNet

    base = size.base_channels
    features = (base, base * 2, base * 4, base * 8, base * 16, base)
    network = BasicUNet(2, 1, 1, features, norm="batch", dropout=size.dropout)
    return loop(network, size, True, True)


def smp(size: Size) -> tuple[Step, nn.Module]:
    _torchvision_imports()
    import segmentation_models_pytorch

    network = segmentation_models_pytorch.Unet("resnet34", encoder_weights=None, in_channels=1)
    return loop(network, size, True, True)


def _torchvision_imports() -> None:
    """Declare operators that torchvision's CUDA build does not find in torch's CPU build.

    None of them is called.
    """
    names = "nms qnms roi_align ps_roi_align roi_pool ps_roi_pool deform_conv2d _roi_align_backward"
    for name in names.split() if not torch.cuda.is_available() else ():
        torch.library.define(f"torchvision::{name}", "(Tensor a) -> Tensor")


def lightning_loop(size: Size) -> tuple[Step, nn.Module]:
    """Return an epoch of eight steps in Lightning's loop with our network, in bf16-mixed."""
    _torchvision_imports()
    import lightning
    from torch.utils.data import DataLoader, TensorDataset

    from segsweep.training.losses import bce_dice
    from segsweep.training.unet import UNet

    torch.set_num_threads(size.threads)
    images = torch.rand(8 * size.batch, 1, size.side, size.side)
    loader = DataLoader(TensorDataset(images, (images > 0.5).float()), size.batch)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = UNet(size.base_channels, size.depth, size.dropout)
            self.network.to(memory_format=torch.channels_last)

        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            logits = self.network(batch[0].contiguous(memory_format=torch.channels_last))
            return bce_dice(logits, batch[1]).mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), 1e-3, weight_decay=6e-5)

    module = Module()

    def step() -> float:
        trainer = lightning.Trainer(
            max_epochs=1, precision="bf16-mixed", barebones=True, accelerator="auto", devices=1
        )
        started = time.perf_counter()
        trainer.fit(module, loader)
        return (time.perf_counter() - started) / len(loader)

    step.returns_seconds = True  # type: ignore[attr-defined]
    return step, module.network


PEERS: dict[str, Callable[[Size], tuple[Step, nn.Module]]] = {
    OURS: ours,
    "plain float32": plain,
    "plain AMP": lambda size: plain(size, amp=True),
    "AMP, channels_last": lambda size: plain(size, amp=True, channels_last=True),
    "MONAI BasicUNet, AMP, channels_last": monai,
    "smp Unet (resnet34), AMP, channels_last": smp,
    "Lightning, network of segsweep": lightning_loop,
}


def main() -> None:
    name, size = sys.argv[1], Size(**json.loads(sys.argv[2]))
    step, network = PEERS[name](size)
    print(json.dumps({"parameters": sum(p.numel() for p in network.parameters())}), flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        result = step()
        seconds = time.perf_counter() - started
        if hasattr(step, "returns_seconds"):
            seconds = result  # type: ignore[assignment]
        print(json.dumps({"seconds": seconds, "peak": peak()}), flush=True)


def peak() -> int:
    """Return the peak memory of the GPU, or else of the process, in bytes."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
