"""One GPU per training: kernel locks between real processes, and the processes on a GPU."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pynvml
import pytest

from segsweep.pipeline import gpus
from segsweep.pipeline.gpus import Gpu, processes_on, reserve

TWO = [Gpu(n, f"GPU-{n}", "a model", 48 * 10**9, 8) for n in (0, 1)]
RESERVE = """
import sys
from pathlib import Path
from segsweep.pipeline.gpus import Gpu, reserve
two = [Gpu(n, f"GPU-{n}", "a model", 48 * 10**9, 8) for n in (0, 1)]
with reserve(two, Path(sys.argv[1])) as gpu:
    print(gpu.uuid, flush=True)
    sys.stdin.read()
"""


def start_process(lock_folder: Path) -> subprocess.Popen[str]:
    """Start a process that reserves one of two GPUs and prints which."""
    return subprocess.Popen(
        [sys.executable, "-c", RESERVE, str(lock_folder)],
        env=os.environ | {"PYTHONPATH": str(Path(gpus.__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_each_process_gets_its_own_gpu_and_a_third_waits(tmp_path: Path) -> None:
    first = start_process(tmp_path)
    assert next_line(first) == "GPU-0"
    second = start_process(tmp_path)
    assert next_line(second) == "GPU-1"
    third = start_process(tmp_path)
    assert next_line(third) == "waiting: other trainings use all 2 GPUs"
    second.kill()
    assert next_line(third) == "GPU-1"
    for process in (first, second, third):
        process.kill()
        process.communicate()


def test_a_gpu_is_free_again_after_the_context(tmp_path: Path) -> None:
    for _ in range(2):
        with reserve(TWO, tmp_path) as gpu:
            assert gpu.number == 0
            with reserve(TWO, tmp_path) as other:
                assert other.number == 1


def test_every_user_can_lock_and_nobody_can_write_the_lock_file(tmp_path: Path) -> None:
    with reserve(TWO, tmp_path):
        assert (tmp_path / "segsweep-GPU-0.lock").stat().st_mode & 0o777 == 0o444


def test_processes_on_a_gpu_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """NVML is replaced: it reports a running process, one that has ended, and this one."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    running = subprocess.Popen(["sleep", "60"])
    time.sleep(0.1)
    reported = [
        SimpleNamespace(pid=running.pid, usedGpuMemory=3_000_000_000),
        SimpleNamespace(pid=ended.pid, usedGpuMemory=None),
        SimpleNamespace(pid=os.getpid(), usedGpuMemory=1),
    ]
    calls: list[object] = []
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: calls.append("init"))
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: calls.append("shutdown"))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", lambda uuid: uuid)
    monkeypatch.setattr(
        pynvml, "nvmlDeviceGetComputeRunningProcesses", lambda h: calls.append(h) or reported
    )
    lines = [str(process) for process in processes_on(TWO[0])]
    running.kill()
    running.wait()
    assert calls == ["init", "GPU-0", "shutdown"]
    assert lines == [
        f"process {running.pid} (sleep) uses 3.0 GB",
        f"process {ended.pid} (not visible here: it has ended, or runs in another container) "
        "uses unknown memory",
    ]


def test_a_gpu_that_nvml_does_not_know_has_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uuid: str) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", unknown)
    assert processes_on(TWO[0]) == []


@pytest.mark.skipif(bool(gpus.visible_gpus()), reason="NOT CHECKED: this machine has a GPU")
def test_without_a_driver_there_are_no_gpus() -> None:
    assert gpus.visible_gpus() == ()
    assert processes_on(TWO[0]) == []
