"""A card for each training: kernel locks, real processes, and who holds a card's memory."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segsweep.core.errors import UserError
from segsweep.pipeline import gpus
from segsweep.pipeline.gpus import Card, own, read_holders

TWO = [Card(n, f"GPU-{n}", "a card", 48 * 10**9, 8) for n in (0, 1)]
HOLD = """
import sys
from pathlib import Path
from segsweep.pipeline.gpus import Card, own
two = [Card(n, f"GPU-{n}", "a card", 48 * 10**9, 8) for n in (0, 1)]
with own(two, Path(sys.argv[1])) as card:
    print(card.uuid, flush=True)
    sys.stdin.read()
"""


def holder(locks: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(locks)],
        env=os.environ | {"PYTHONPATH": str(Path(gpus.__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_every_process_gets_a_card_of_its_own_and_the_third_waits(tmp_path: Path) -> None:
    first = holder(tmp_path)
    assert said(first) == "GPU-0"
    second = holder(tmp_path)
    assert said(second) == "GPU-1"
    third = holder(tmp_path)
    assert said(third) == "all 2 GPUs are held by other trainings: waiting"
    second.kill()
    assert said(third) == "GPU-1"
    for process in (first, second, third):
        process.kill()
        process.communicate()


def test_a_card_is_free_again_after_its_holder(tmp_path: Path) -> None:
    for _ in range(2):
        with own(TWO, tmp_path) as card:
            assert card.number == 0
            with own(TWO, tmp_path) as other:
                assert other.number == 1


def test_declared_cpu_slots_are_held_like_cards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(gpus.CPU_SLOTS, raising=False)
    assert gpus.cpu_slots() == ()
    monkeypatch.setenv(gpus.CPU_SLOTS, "2")
    slots = gpus.cpu_slots()
    with own(slots, tmp_path) as first, own(slots, tmp_path) as second:
        assert {first.uuid, second.uuid} == {"CPU-0", "CPU-1"}
    for wrong in ("0", "two", "-1", "1.5"):
        monkeypatch.setenv(gpus.CPU_SLOTS, wrong)
        with pytest.raises(UserError, match=f"SEGSWEEP_CPU_SLOTS: found '{wrong}', expected how"):
            gpus.cpu_slots()


def test_who_holds_memory_is_named_and_the_dead_are_called_so() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    living = subprocess.Popen(["sleep", "60"])
    time.sleep(0.1)
    assert read_holders("No devices were found\n") == []
    told = f"{living.pid}, 3000\n{ended.pid}, 1000\n{os.getpid()}, 500\n[N/A], [N/A]\n"
    found = [str(one) for one in read_holders(told)]
    living.kill()
    living.wait()
    assert found == [
        f"process {living.pid} (sleep) holds 3.1 GB",
        f"process {ended.pid} (not seen here: it has ended, or runs in another container) "
        "holds 1.0 GB",
    ]


@pytest.mark.skipif(bool(gpus.visible()), reason="NOT CHECKED: this machine has a GPU")
def test_without_a_driver_there_are_no_cards() -> None:
    assert gpus.visible() == ()
    assert gpus.holders(TWO[0]) == []
