"""A power cut at random moments: the next run ends with the bytes of an undisturbed run.

CUTS says how many moments are tried (default 20).
"""

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from counting_project import TOOLS, CountingProject
from faults.conftest import end_session, session_of
from power_cut import Disk, format_image, mounted, needs_loop_device

CUTS = int(os.environ.get("CUTS", "20"))
TRAININGS = 4
"""Of an undisturbed run: three trials and the single run."""
LONGEST_PAUSE = 2.0
"""Seconds between two copies of the disk; a run takes about thirty times as long."""


@dataclass
class Cut:
    """The image after a power cut, and how many trainings had ended before it."""

    image: Path
    trained: int


@needs_loop_device
def test_a_run_after_a_power_cut_makes_the_same_results(
    tiny: Path, reference: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(0)
    cuts: list[Cut] = []
    while len(cuts) < CUTS:
        cuts += cut_one_run(tiny, tmp_path / f"run {len(cuts)}", chance)
    chosen = chance.sample(cuts, CUTS)
    for cut in cuts:
        if cut not in chosen:
            cut.image.unlink()
    for cut in chosen:
        with mounted(cut.image) as disk:
            project = project_on(disk)
            project.tool("snakemake")
            assert project.results() == reference, cut
            assert project.trainings() <= TRAININGS - cut.trained
            assert project.nothing_to_be_done()
        cut.image.unlink()


def cut_one_run(tiny: Path, folder: Path, chance: random.Random) -> Iterator[Cut]:
    """Run the study on a new disk, and yield copies of the disk at random moments."""
    folder.mkdir()
    image = folder / "disk"
    format_image(image)
    with mounted(image) as disk:
        project = project_on(disk)
        subprocess.run(["git", "clone", "--quiet", tiny, project.folder], check=True)
        os.sync()
        running = project.start(*TOOLS["snakemake"])
        try:
            for number in count():
                if ended_within(running, chance.uniform(0, LONGEST_PAUSE)):
                    break
                signal_all(running, signal.SIGSTOP)
                cut = Cut(folder / f"cut {number}", finished_trainings(project))
                disk.cut(cut.image)
                signal_all(running, signal.SIGCONT)
                yield cut
        finally:
            end_session(running)
    image.unlink()


def project_on(disk: Disk) -> CountingProject:
    return CountingProject(disk.folder / "a clone", counter=disk.folder.with_suffix(".counter"))


def ended_within(running: subprocess.Popen[str], seconds: float) -> bool:
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def signal_all(running: subprocess.Popen[str], sent: signal.Signals) -> None:
    for pid in session_of(running.pid):
        os.kill(pid, sent)


def finished_trainings(project: CountingProject) -> int:
    """Return how many trainings are in the cache and have deleted their checkpoints."""
    store = project.folder / ".store"
    keys = {path.parent.name for path in store.glob("entries/*/model.safetensors")}
    return len(keys - {path.name for path in store.glob("checkpoints/*")})
