"""Time our training step against a plain float32 loop around the same network, in one run.

The two take turns, and ratios of medians are printed, since machines are noisy. Seconds per step
of 256 x 256 images.

Example:
  python benchmarks/training.py --batch 4 --base-channels 8 --depth 3 --threads 2
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from segsweep.data.arrays import ProcessedSet
from segsweep.unet.config import TrainingConfig
from segsweep.unet.network import UNet
from segsweep.unet.training import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("batch", 4), ("base-channels", 8), ("depth", 3), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="timed steps of each")
    given = parser.parse_args()
    steps = {"ours": our_step(given), "plain": plain_step(given)}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for round_number in range(given.rounds + 2):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            if round_number >= 2:
                seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        print(f"{name:<6} {median:.3f} s a step, {given.batch / median:.1f} images/s")
    print(f"plain / ours: {medians['plain'] / medians['ours']:.2f}")


def our_step(given: argparse.Namespace) -> Callable[[], object]:
    pixels = np.random.default_rng(0).integers(0, 255, (given.batch + 1, 256, 256), np.uint8)
    names = [str(i) for i in range(given.batch + 1)]
    splits = ["train"] * given.batch + ["validation"]
    data = ProcessedSet(pixels, (pixels > 127).astype(np.uint8), names, names, splits)
    config = TrainingConfig(
        batch_size=given.batch,
        learning_rate=1e-3,
        dropout=0.2,
        l2_reg=6e-5,
        epochs=1,
        input_shape=(256, 256, 1),
        task="segmentation",
        base_channels=given.base_channels,
        depth=given.depth,
        seed=0,
        threads=given.threads,
        device="auto",
    )
    trainer = Trainer(config, data)
    generator, index = torch.Generator(), torch.arange(given.batch)
    return lambda: float(trainer.step(index, generator))


def plain_step(given: argparse.Namespace) -> Callable[[], object]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = UNet(given.base_channels, given.depth, 0.2).to(device)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, weight_decay=6e-5)
    images = torch.rand(given.batch, 1, 256, 256, device=device)
    masks = (images > 0.5).float()

    def step() -> float:
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(network(images), masks)
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


if __name__ == "__main__":
    main()
