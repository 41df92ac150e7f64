"""Broken files, full disks, read-only folders, clocks and twins."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from counting_project import TOOLS, Witnessed
from project import NAMESPACES, environment, needs_namespaces

Fresh = Callable[[str], Witnessed]


@pytest.fixture(scope="module")
def made(fresh: Fresh) -> Witnessed:
    project = fresh("faulty")
    project.tool("snakemake")
    project.trainings()
    return project


def namespace(*script: str) -> list[str]:
    return [*NAMESPACES, "sh", "-c", "; ".join(["set -e", *script])]


@pytest.mark.parametrize("damage", [b"", b"{", b'{"made_from": {}}', b"[]"])
def test_a_broken_record_is_made_again_from_the_store(
    made: Witnessed, reference: dict[str, bytes], damage: bytes
) -> None:
    (made.folder / "results/trials/001/provenance.json").write_bytes(damage)
    made.tool("snakemake")
    assert made.trainings() == 0
    assert made.results() == reference


def test_a_truncated_store_entry_is_trained_again(
    made: Witnessed, reference: dict[str, bytes]
) -> None:
    for entry in (made.folder / ".store/entries").iterdir():
        for file in entry.glob("history.csv"):
            file.write_bytes(file.read_bytes()[:20])
    shutil.rmtree(made.folder / "results/train")
    made.tool("snakemake")
    assert made.trainings() == 1
    assert made.results() == reference


def test_a_broken_entry_list_is_trained_again(made: Witnessed, reference: dict[str, bytes]) -> None:
    for entry in (made.folder / ".store/entries").iterdir():
        (entry / "entry.json").write_text("{")
    shutil.rmtree(made.folder / "results/train")
    made.tool("snakemake")
    assert made.trainings() == 1
    assert made.results() == reference


def test_a_broken_hash_cache_is_made_anew(made: Witnessed) -> None:
    (made.folder / ".snakemake/segsweep/hashes.json").write_text("{")
    assert made.nothing_to_be_done()


def test_a_clock_set_back_is_one_sentence_with_the_cure(made: Witnessed) -> None:
    future = time.time() + 86_400
    file = made.folder / "results/train/metrics.json"
    os.utime(file, (future, future))
    assert made.nothing_to_be_done()
    made.change_study({"learning_rate": 0.02})
    told = made.snakemake(check=False)
    assert "its time lies in the future" in told
    assert "Traceback" not in told
    made.run("touch", str(file))
    made.tool("snakemake")
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("snakemake")
    made.trainings()


@needs_namespaces
def test_a_full_disk_loses_nothing_and_is_named(
    fresh: Fresh, reference: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The store lies on a file system of 300 KiB, on which the second training does not fit."""
    project = fresh("full")
    store = project.folder / ".store"
    store.mkdir()
    kept = tmp_path_factory.mktemp("kept")
    command = " ".join(TOOLS["snakemake"])
    told = project.run(
        *namespace(
            f"mount -t tmpfs -o size=300k none '{store}'",
            f"{command} || status=$?",
            f"cp -r '{store}/.' '{kept}'",
            "exit ${status:-0}",
        ),
        check=False,
    )
    assert "No space left on device" in told
    assert "was not made, see logs/" in told
    shutil.copytree(kept, store, dirs_exist_ok=True)
    project.tool("snakemake")
    assert project.results() == reference


@needs_namespaces
def test_a_read_only_results_folder_is_named_and_nothing_is_lost(
    made: Witnessed, reference: dict[str, bytes]
) -> None:
    made.change_study({"learning_rate": 0.03})
    results = made.folder / "results"
    told = made.run(
        *namespace(
            f"mount --bind '{results}' '{results}'",
            f"mount -o remount,ro,bind '{results}'",
            " ".join(TOOLS["snakemake"]),
        ),
        check=False,
    )
    assert "Write-protected output files" in told  # Snakemake's words, with the files' names
    assert "results/train/metrics.json" in told
    assert "Traceback" not in told
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("snakemake")
    assert made.results() == reference
    made.trainings()


def test_two_copies_of_one_trial_at_once_train_once(made: Witnessed) -> None:
    made.trainings()
    shutil.rmtree(made.folder / ".store/entries")
    command = [sys.executable, "workflow/scripts/run_job.py", "--tag", "fit"]
    command += ["--ins", "results/trials/000/config.yaml", "data/processed/manifest.csv"]
    started = []
    for name in ("one", "two"):
        out = f"results/{name}"
        outs = [f"{out}/{n}" for n in ("metrics.json", "history.csv", "images.csv", "record.json")]
        train = ["python", "workflow/scripts/train.py", "results/trials/000/config.yaml"]
        started.append(
            subprocess.Popen(
                [
                    *command,
                    *("--log", f"logs/{name}.log", "--outs", *outs, "--"),
                    *train,
                    *("data/processed", out, "--key", "@key", "--checkpoints", "@checkpoints"),
                ],
                cwd=made.folder,
                env=environment() | made.watched(),
            )
        )
    assert [process.wait(120) for process in started] == [0, 0]
    assert made.trainings() == 1
    one, two = (made.read(f"results/{name}/metrics.json") for name in ("one", "two"))
    assert one == two
