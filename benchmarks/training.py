"""Time our training against other libraries, in turn, each in its own process.

`steps`: whole training steps; ratios of medians to ours, and our floating-point rate compared with
one large convolution. `epoch`: our whole epoch (order, augmentation, validation, checkpoint)
compared with its training steps alone. `start`: seconds to the end of the first step, without
importing torch, for a first and a second training.

Example:
  python -m pip install --requirement benchmarks/requirements.txt
  python benchmarks/training.py steps --batch 8 --base-channels 16 --depth 4 --threads 2
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from peers import OURS, PEERS, Size, ours, random_set
from segsweep.core.processes import keep_freed_memory
from segsweep.pipeline.environment import select
from segsweep.training import checkpoint
from segsweep.training.trainer import Trainer

WARM_UP = 3
"""Steps that are not counted."""


class Competitor:
    """A library in its own process, which makes a step for each line on its standard input."""

    def __init__(self, name: str, size: Size) -> None:
        command = [sys.executable, str(Path(__file__).with_name("peers.py")), name]
        self.process = subprocess.Popen(
            [*command, json.dumps(asdict(size))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.seconds: list[float] = []
        self.peak = 0
        self.ready = bool(self._next_line())

    def _next_line(self) -> str:
        """Return the next line of JSON, empty at the end of the output."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return line
        return ""

    def step(self) -> None:
        """Make a step; record its seconds and the peak memory."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        measurement = json.loads(self._next_line())
        self.seconds.append(measurement["seconds"])
        self.peak = measurement["peak"]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds[WARM_UP:])

    def error(self) -> str:
        """Return why the process is not ready."""
        assert self.process.stderr is not None
        return (self.process.stderr.read().strip().splitlines() or ["ended"])[-1]


def steps(names: Sequence[str], size: Size, rounds: int) -> str:
    """Return a Markdown table of the seconds of a step."""
    competitors = {name: Competitor(name, size) for name in names}
    errors = {name: c.error() for name, c in competitors.items() if not c.ready}
    order = [name for name in names if name not in errors]
    for number in range(rounds + WARM_UP):
        order = [*order[1:], order[0]]
        for name in order:
            competitors[name].step()
        print(f"round {number + 1} of {rounds + WARM_UP}", file=sys.stderr)
    our_median = competitors[OURS].median
    lines = [
        "| step | seconds | images/s | against ours | peak, GB |",
        "| --- | --: | --: | --: | --: |",
    ]
    for name in names:
        if name in errors:
            lines.append(f"| {name} | not measured: {errors[name]} | | | |")
            continue
        competitor = competitors[name]
        median = competitor.median
        lines.append(
            f"| {name} | {median:.3f} | {size.batch / median:.1f} | {median / our_median:.2f} "
            f"| {competitor.peak / 1e9:.2f} |"
        )
    for competitor in competitors.values():
        competitor.process.kill()
    return "\n".join([*lines, "", flop_rates(size, our_median)])


def flop_rates(size: Size, seconds: float) -> str:
    """Compare the FLOP/s of our step with a convolution of 64 channels at half the image size."""
    step, _ = ours(size)
    with FlopCounterMode(display=False) as counter:
        step()
    flops = counter.get_total_flops()
    device = select("auto")
    side, dtype = size.side // 2, getattr(torch, device.autocast)
    options = {"device": device.kind, "dtype": dtype}
    layout = torch.channels_last
    images = torch.randn(size.batch, 64, side, side, **options).contiguous(memory_format=layout)
    kernel = torch.randn(64, 64, 3, 3, **options).contiguous(memory_format=layout)
    fastest = min(_seconds(lambda: torch.conv2d(images, kernel, padding=1)) for _ in range(10))
    limit = 2 * 9 * 64 * 64 * side**2 * size.batch / fastest
    return (
        f"Ours: {flops / seconds / 1e9:.0f} GFLOP/s, {flops / seconds / limit:.0%} of the "
        f"{limit / 1e9:.0f} GFLOP/s of one large convolution."
    )


def _seconds(work: Callable[[], object]) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def epoch(size: Size, rounds: int) -> str:
    """Time an epoch of 16 batches with validation and checkpoint, and 16 steps alone."""
    keep_freed_memory()
    trainer = Trainer(size.config, random_set(size, 16 * size.batch, 16))
    engine, loader = trainer.engine, trainer.train_loader
    indices = loader.batch_indices(1, size.batch)[:1]
    (batch,), (params,) = loader.batches(indices), trainer.augmentation_params(1, indices)
    epoch_seconds, step_seconds, validation_seconds = [], [], []
    with tempfile.TemporaryDirectory() as folder:

        def run_epoch() -> None:
            trainer.run_epoch()
            checkpoint.save(Path(folder), trainer.inputs, trainer.state())

        def run_steps() -> None:
            for _ in range(16):
                engine.train_step(batch, params, 1e-3)

        for _ in range(rounds):
            step_seconds.append(_seconds(run_steps))
            epoch_seconds.append(_seconds(run_epoch))
            validation_seconds.append(_seconds(lambda: trainer.evaluate(trainer.validation_loader)))
    whole, pure = statistics.median(epoch_seconds), statistics.median(step_seconds)
    validation = statistics.median(validation_seconds)
    return (
        f"epoch {whole:.2f} s, 16 steps alone {pure:.2f} s, validation {validation:.2f} s; epoch / "
        f"steps {whole / pure:.2f}, without validation {(whole - validation) / pure:.2f}"
    )


START = """
import sys, time
sys.path[:0] = [{src!r}, {here!r}]
import torch
start = time.perf_counter()
from peers import Size, random_set
from segsweep.training.trainer import Trainer
size = Size(**{size!r})
data = random_set(size, size.batch)
seconds = []
for _ in range(2):
    trainer = Trainer(size.config, data)
    indices = trainer.train_loader.batch_indices(1, size.batch, 1)
    (batch,) = trainer.train_loader.batches(indices)
    (params,) = trainer.augmentation_params(1, indices)
    float(trainer.engine.train_step(batch, params, 1e-3))
    seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
print(*seconds)
"""
"""Run in a fresh process: prints the seconds of two trainings to the end of their first step."""


def start(size: Size) -> str:
    """Time the start of a training in a fresh process, and of a second one in the same process."""
    here = Path(__file__).parent
    code = START.format(src=str(here.parent / "src"), here=str(here), size=asdict(size))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = map(float, done.stdout.split())
    return (
        f"to the end of the first step {first:.2f} s without importing torch, for a second "
        f"training in the same process {second:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["steps", "epoch", "start"])
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="timed rounds")
    for name in ("batch", "side", "base-channels", "depth", "threads"):
        default = getattr(Size, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N")
    parser.add_argument("--fast", action="store_true", help="training.deterministic: false")
    options = parser.parse_args()
    size = Size(
        batch=options.batch,
        side=options.side,
        base_channels=options.base_channels,
        depth=options.depth,
        threads=options.threads,
        deterministic=not options.fast,
    )
    if options.what == "steps":
        print(steps(list(dict.fromkeys([OURS, *options.peers])), size, options.rounds))
    elif options.what == "epoch":
        print(epoch(size, options.rounds))
    else:
        print(start(size))


if __name__ == "__main__":
    main()
