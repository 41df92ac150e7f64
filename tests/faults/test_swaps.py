"""Data, parameters, sources and results that change during a run and change back.

Whatever moment another program picks, no result may be kept under a key that does not describe it.
After many disturbed runs, every combination of data, parameters and sources is run with the cache
that they left, and must give the same files as in a clone without it.
"""

import itertools
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from counting_project import CountingProject
from faults.conftest import end_session

Fresh = Callable[[str], CountingProject]

DISTURBED_RUNS = int(os.environ.get("SWAPPED_RUNS", "12"))
SEED = int(os.environ.get("SWAP_SEED", "0"))
LOSSES = "src/segsweep/training/losses.py"
PARTS = {"data": "data", "params": "params.yaml", "sources": LOSSES, "results": "results"}
INPUTS = ("data", "params", "sources")
PROCESSED = ("--", "data/processed/manifest.csv")
TARGETS = ("results/train/metrics.json", "results/trials/001/metrics.json")
TRAINED = ("--resources", "gpu=1", "--", *TARGETS)


@dataclass
class Versions:
    """The parts of a project of which `other` has another version.

    Attributes:
        project: The project.
        other: A folder with the other versions, by the names of `PARTS`.
        exchanged: The parts whose other version is in place.
    """

    project: CountingProject
    other: Path
    exchanged: set[str]

    def exchange(self, part: str) -> None:
        """Put the other version in place by renaming, as a checkout does with new files."""
        present, other = self.project.folder / PARTS[part], self.other / part
        aside = self.other / f"{part}.aside"
        present.rename(aside)
        other.rename(present)
        aside.rename(other)
        self.exchanged ^= {part}

    def select(self, parts: set[str]) -> None:
        """Put the other versions of exactly these parts in place."""
        for part in self.exchanged ^ parts:
            self.exchange(part)


def two_versions(project: CountingProject, raw: Path, other: Path) -> Versions:
    """Import images into the project, process them, and make the other version of each part."""
    project.run("segsweep", "import-data", str(raw / "images"), str(raw / "masks"))
    project.snakemake(*PROCESSED)
    shutil.copytree(project.folder / "data", other / "first")
    for file in sorted((project.folder / "data/raw/images").rglob("*.png"))[::3]:
        image = np.array(Image.open(file))
        Image.fromarray(np.sqrt(image * 255.0).astype(np.uint8)).save(file)
    project.run("dvc", "add", "--quiet", "data/raw")
    project.snakemake(*PROCESSED)
    (project.folder / "data").rename(other / "data")
    (other / "first").rename(project.folder / "data")
    present = project.read("params.yaml")
    project.change_study({"learning_rate": 0.02, "training": {"seed": 7}})
    (other / "params").write_bytes(project.read("params.yaml"))
    (project.folder / "params.yaml").write_bytes(present)
    source, total = project.read(LOSSES).decode(), "bce(logits, truth, counted) + dice_loss"
    assert source.count(total) == 1
    changed = source.replace(total, "bce(logits, truth, counted) + 2 * dice_loss")
    (other / "sources").write_text(changed)
    project.snakemake(*TRAINED)
    shutil.copytree(project.folder / "results", other / "results")
    return Versions(project, other, set())


@contextmanager
def disturbed(versions: Versions, chance: random.Random) -> Iterator[None]:
    """Exchange random parts at random moments, for a moment or for longer, until the end."""
    ended = threading.Event()

    def disturb() -> None:
        while not ended.wait(chance.uniform(0.1, 5.0)):
            for part in chance.choice([[one] for one in PARTS] + [list(INPUTS), list(PARTS)]):
                versions.exchange(part)
            if chance.random() < 0.8:
                ended.wait(chance.choice([0.0, 0.05, 0.3, 1.0]))
                versions.select(set())

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        versions.select(set())


def remove_results(project: CountingProject) -> None:
    for top in ("results/train", "results/trials"):
        shutil.rmtree(project.folder / top, ignore_errors=True)


def trained(project: CountingProject) -> dict[str, bytes]:
    """Return the files of the trainings and suggestions."""
    files = project.results()
    return {name: files[name] for name in files if name.startswith("results/tr")}


def test_nothing_is_kept_under_a_key_that_does_not_describe_it(
    fresh: Fresh, nuclei_raw: Path, tmp_path: Path
) -> None:
    project = fresh("disturbed")
    versions = two_versions(project, nuclei_raw, tmp_path)
    chance = random.Random(SEED)
    finished = 0
    for _ in range(DISTURBED_RUNS):
        remove_results(project)
        with disturbed(versions, chance):  # the other results are those of the first training
            running = project.start("snakemake", "--cores", "2", *TRAINED)
            end = time.monotonic() + chance.uniform(10, 60)
            while running.poll() is None and time.monotonic() < end:
                time.sleep(0.1)
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGTERM)
            output = running.communicate(timeout=120)[0]
            end_session(running)
        finished += running.returncode == 0
        assert "Traceback" not in output, output
    kept = len(list((project.folder / ".store/entries").glob("*/metrics.json")))
    print(f"{finished} of {DISTURBED_RUNS} disturbed runs finished, {kept} trainings kept")
    for count in range(len(INPUTS) + 1):
        for parts in itertools.combinations(INPUTS, count):
            versions.select(set(parts))
            remove_results(project)
            project.snakemake(*TRAINED)
            clean = fresh("clean")
            for path in ("params.yaml", LOSSES):
                (clean.folder / path).write_bytes(project.read(path))
            shutil.copytree(project.folder / "data", clean.folder / "data", dirs_exist_ok=True)
            clean.snakemake(*TRAINED)
            assert trained(project) == trained(clean), parts
