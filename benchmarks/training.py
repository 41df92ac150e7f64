"""Time our training against its peers, taking turns in processes of their own.

`steps`: whole training steps, ratios of medians to ours, and the floating-point rate against that
of one large convolution. `epoch`: our whole epoch (order, augmentation, validation) against its
pure steps. `start`: a first training and a second, in seconds beyond importing torch.

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
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from peers import OURS, PEERS, Size, ours, random_set
from segsweep.core.processes import keep_freed_memory
from segsweep.pipeline.environment import select
from segsweep.training import checkpoint
from segsweep.training.trainer import Trainer

WARM = 3
"""Steps that are not counted."""


class Competitor:
    """A peer in a process of its own, which makes a step when asked."""

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
        self.ready = bool(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return line
        return ""

    def step(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        told = json.loads(self._line())
        self.seconds.append(told["seconds"])
        self.peak = told["peak"]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds[WARM:])

    def complaint(self) -> str:
        """Why it is not ready."""
        assert self.process.stderr is not None
        return (self.process.stderr.read().strip().splitlines() or ["ended"])[-1]


def steps(names: Sequence[str], size: Size, rounds: int) -> str:
    competitors = {name: Competitor(name, size) for name in names}
    absent = {name: one.complaint() for name, one in competitors.items() if not one.ready}
    order = [name for name in names if name not in absent]
    for number in range(rounds + WARM):
        order = [*order[1:], order[0]]
        for name in order:
            competitors[name].step()
        print(f"round {number + 1} of {rounds + WARM}", file=sys.stderr)
    ratios = competitors[OURS].median
    lines = [
        "| step | seconds | images/s | against ours | peak, GB |",
        "| --- | --: | --: | --: | --: |",
    ]
    for name in names:
        if name in absent:
            lines.append(f"| {name} | not measured: {absent[name]} | | | |")
            continue
        one = competitors[name]
        lines.append(
            f"| {name} | {one.median:.3f} | {size.batch / one.median:.1f} "
            f"| {one.median / ratios:.2f} | {one.peak / 1e9:.2f} |"
        )
    for one in competitors.values():
        one.process.kill()
    return "\n".join([*lines, "", rates(size, ratios)])


def rates(size: Size, seconds: float) -> str:
    """FLOP/s of our step, and of one convolution of 64 channels at half the side."""
    step, _ = ours(size)
    with FlopCounterMode(display=False) as counted:
        step()
    flops = counted.get_total_flops()
    device = select("auto")
    side, dtype = size.side // 2, getattr(torch, device.autocast)
    kind = {"device": device.kind, "dtype": dtype}
    layout = torch.channels_last
    images = torch.randn(size.batch, 64, side, side, **kind).contiguous(memory_format=layout)
    kernel = torch.randn(64, 64, 3, 3, **kind).contiguous(memory_format=layout)
    fastest = min(_seconds(lambda: torch.conv2d(images, kernel, padding=1)) for _ in range(10))
    limit = 2 * 9 * 64 * 64 * side**2 * size.batch / fastest
    return (
        f"Ours: {flops / seconds / 1e9:.0f} GFLOP/s, {flops / seconds / limit:.0%} of the "
        f"{limit / 1e9:.0f} of one large convolution."
    )


def _seconds(work: object) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()  # type: ignore[operator]
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def epoch(size: Size, rounds: int) -> str:
    """A whole epoch of 16 batches, two of validation, and its checkpoint, against 16 pure steps."""
    keep_freed_memory()
    trainer = Trainer(size.config, random_set(size, 16 * size.batch, 16))
    index = trainer.train.steps(1, size.batch, None)[:1]
    (batch,), (draws,) = trainer.train.batches(index), trainer.draws(1, index)
    whole, pure, validating = [], [], []
    with tempfile.TemporaryDirectory() as folder:

        def an_epoch() -> None:
            trainer.run_epoch()
            checkpoint.save(Path(folder), size.config.to_dict(), trainer.state())

        for _ in range(rounds):
            pure.append(
                _seconds(lambda: [trainer.engine.step(batch, draws, 1e-3) for _ in range(16)])
            )
            whole.append(_seconds(an_epoch))
            validating.append(_seconds(lambda: trainer.evaluate(trainer.validation)))
    pures, wholes = statistics.median(pure), statistics.median(whole)
    validation = statistics.median(validating)
    return (
        f"epoch {wholes:.2f} s, 16 steps alone {pures:.2f} s, validation {validation:.2f} s: "
        f"{wholes / pures:.2f}, and {(wholes - validation) / pures:.2f} without validation"
    )


STARTED = """
import sys, time
sys.path[:0] = [{src!r}, {here!r}]
import torch
began = time.perf_counter()
from peers import Size, random_set
from segsweep.training.trainer import Trainer
size = Size(**{size!r})
data = random_set(size, size.batch)
times = []
for _ in range(2):
    trainer = Trainer(size.config, data)
    index = trainer.train.steps(1, size.batch, 1)
    (batch,), (draws,) = trainer.train.batches(index), trainer.draws(1, index)
    float(trainer.engine.step(batch, draws, 1e-3))
    times.append(time.perf_counter() - began)
    began = time.perf_counter()
print(*times)
"""


def start(size: Size) -> str:
    here = Path(__file__).parent
    code = STARTED.format(src=str(here.parent / "src"), here=str(here), size=asdict(size))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = map(float, done.stdout.split())
    return (
        f"to the end of the first step {first:.2f} s beyond importing torch, for a second training "
        f"in the same process {second:.2f} s"
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
    given = parser.parse_args()
    size = Size(
        batch=given.batch,
        side=given.side,
        base_channels=given.base_channels,
        depth=given.depth,
        threads=given.threads,
        deterministic=not given.fast,
    )
    if given.what == "steps":
        print(steps(list(dict.fromkeys([OURS, *given.peers])), size, given.rounds))
    elif given.what == "epoch":
        print(epoch(size, given.rounds))
    else:
        print(start(size))


if __name__ == "__main__":
    main()
