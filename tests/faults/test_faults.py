"""Damaged files, a full disk, a read-only folder, a wrong clock and two copies of a job."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from counting_project import TOOLS, CountingProject
from project import NAMESPACES, environment, needs_namespaces

Fresh = Callable[[str], CountingProject]


@pytest.fixture(scope="module")
def made(fresh: Fresh) -> CountingProject:
    project = fresh("faulty")
    project.tool("snakemake")
    project.trainings()
    return project


def namespace(*script: str) -> list[str]:
    return [*NAMESPACES, "sh", "-c", "; ".join(["set -e", *script])]


@pytest.mark.parametrize("damage", [b"", b"{", b'{"made_from": {}}', b"[]"])
def test_a_damaged_record_is_made_again_from_the_cache(
    made: CountingProject, reference: dict[str, bytes], damage: bytes
) -> None:
    (made.folder / "results/trials/001/provenance.json").write_bytes(damage)
    made.tool("snakemake")
    assert made.trainings() == 0
    assert made.results() == reference


def test_a_truncated_cache_entry_is_trained_again(
    made: CountingProject, reference: dict[str, bytes]
) -> None:
    for entry in (made.folder / ".store/entries").iterdir():
        for file in entry.glob("history.csv"):
            file.write_bytes(file.read_bytes()[:20])
    shutil.rmtree(made.folder / "results/train")
    made.tool("snakemake")
    assert made.trainings() == 1
    assert made.results() == reference


def test_a_cache_entry_with_a_damaged_list_is_trained_again(
    made: CountingProject, reference: dict[str, bytes]
) -> None:
    for entry in (made.folder / ".store/entries").iterdir():
        (entry / "entry.json").write_text("{")
    shutil.rmtree(made.folder / "results/train")
    made.tool("snakemake")
    assert made.trainings() == 1
    assert made.results() == reference


def test_a_damaged_file_of_hashes_is_written_again(made: CountingProject) -> None:
    (made.folder / ".snakemake/segsweep/hashes.json").write_text("{")
    assert made.nothing_to_be_done()


def test_a_clock_set_back_gives_one_sentence_with_advice(made: CountingProject) -> None:
    future = time.time() + 86_400
    file = made.folder / "results/train/metrics.json"
    os.utime(file, (future, future))
    assert made.nothing_to_be_done()
    made.change_study({"learning_rate": 0.02})
    output = made.snakemake(check=False)
    assert "its modification time is in the future" in output
    assert "Traceback" not in output
    made.run("touch", str(file))
    made.tool("snakemake")
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("snakemake")
    made.trainings()


@needs_namespaces
def test_a_full_disk_is_named_and_nothing_is_lost(
    fresh: Fresh, reference: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The cache is on a file system of 300 KiB, too small for the second training."""
    project = fresh("full")
    store = project.folder / ".store"
    store.mkdir()
    kept = tmp_path_factory.mktemp("kept")
    command = " ".join(TOOLS["snakemake"])
    output = project.run(
        *namespace(
            f"mount -t tmpfs -o size=300k none '{store}'",
            f"{command} || status=$?",
            f"cp -r '{store}/.' '{kept}'",
            "exit ${status:-0}",
        ),
        check=False,
    )
    assert "No space left on device" in output
    assert "was not made, see logs/" in output
    shutil.copytree(kept, store, dirs_exist_ok=True)
    project.tool("snakemake")
    assert project.results() == reference


@needs_namespaces
def test_a_read_only_results_folder_is_named_and_nothing_is_lost(
    made: CountingProject, reference: dict[str, bytes]
) -> None:
    made.change_study({"learning_rate": 0.03})
    results = made.folder / "results"
    output = made.run(
        *namespace(
            f"mount --bind '{results}' '{results}'",
            f"mount -o remount,ro,bind '{results}'",
            " ".join(TOOLS["snakemake"]),
        ),
        check=False,
    )
    assert "error: results: Read-only file system, expected one that can be written to" in output
    assert "Traceback" not in output
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("snakemake")
    assert made.results() == reference
    made.trainings()


def test_two_copies_of_one_trial_train_only_once(made: CountingProject) -> None:
    made.trainings()
    shutil.rmtree(made.folder / ".store/entries")
    command = [sys.executable, "workflow/scripts/run_job.py", "--cache", "training", "--on-nodes"]
    command += ["--inputs", "results/trials/000/config.yaml", "data/processed/manifest.csv"]
    started = []
    for name in ("one", "two"):
        out = f"results/{name}"
        outs = [f"{out}/{n}" for n in ("metrics.json", "history.csv", "images.csv", "record.json")]
        train = ["python", "workflow/scripts/train.py", "results/trials/000/config.yaml"]
        started.append(
            subprocess.Popen(
                [
                    *command,
                    *("--log", f"logs/{name}.log", "--outputs", *outs, "--"),
                    *train,
                    *("data/processed", out, "--key", "@key", "--checkpoints", "@checkpoints"),
                ],
                cwd=made.folder,
                env=environment() | made.counting(),
            )
        )
    assert [process.wait(120) for process in started] == [0, 0]
    assert made.trainings() == 1
    one, two = (made.read(f"results/{name}/metrics.json") for name in ("one", "two"))
    assert one == two
