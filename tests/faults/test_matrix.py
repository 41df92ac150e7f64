"""DVC and Snakemake in every order: nothing is trained twice, and no record is wrong.

Tests count real trainings; a study of three trials and the single run has four.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from counting_project import TOOLS, CountingProject
from faults.conftest import end_session, wait_for

Fresh = Callable[[str], CountingProject]

KEYS = [
    ({"learning_rate": 0.02}, 1),
    ({"l2_reg": 0.002}, 1),
    ({"data": {"sample": "pupils"}}, 4),
    ({"preprocess": {"percentiles": [2.0, 99.0]}}, 4),
    ({"model": {"base_channels": 3}}, 4),
    ({"training": {"seed": 1}}, 4),
    ({"epochs": 1}, 4),
    ({"sweep": {"seed": 5}}, 2),  # trial 0 is the middle of the space under any seed
    ({"sweep": {"weights": "all"}}, 0),
    ({"wandb": {"project": "another"}}, 0),
    ({"wandb": {"images": 1}}, 0),
]


@pytest.fixture(scope="module")
def made(fresh: Fresh) -> CountingProject:
    """Return a clone in which `dvc repro` made everything, committed."""
    project = fresh("made")
    project.tool("repro")
    assert project.trainings() == 4
    project.commit("made")
    return project


def check_results(project: CountingProject) -> None:
    """Assert that both tools see every result as made from the present study."""
    assert project.nothing_to_be_done()
    study = yaml.safe_load((project.folder / "params.yaml").read_text())
    metrics = json.loads(project.read("results/train/metrics.json"))
    assert metrics["effective_batch_size"] == min(study["batch_size"], 36)
    assert metrics["epochs"] == study["epochs"]


@pytest.mark.parametrize("first", list(TOOLS))
def test_each_tool_first_then_the_others(fresh: Fresh, first: str) -> None:
    project = fresh(f"first {first}")
    project.tool(first)
    assert project.trainings() == 4
    expected = {"snakemake": 0, "repro": 0, "experiment": 0 if first == "experiment" else 1}
    for other in TOOLS:
        if other != first:
            project.tool(other)
            assert project.trainings() == expected[other], other
            check_results(project)


@pytest.mark.parametrize(("change", "trainings"), KEYS, ids=lambda v: str(v))
def test_a_key_edited_by_hand_and_back(
    made: CountingProject, change: dict[str, object], trainings: int
) -> None:
    made.change_study(change)
    made.tool("snakemake")
    assert made.trainings() == trainings
    made.tool("repro")
    assert made.trainings() == 0
    assert made.nothing_to_be_done()
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("repro")
    assert made.trainings() == 0
    check_results(made)


@pytest.mark.parametrize(("way", "number"), [("-S", 1), ("--temp", 2), ("--queue", 3)])
def test_a_key_of_every_section_changed_by_an_experiment(
    made: CountingProject, way: str, number: int
) -> None:
    """Each setting trains when it is first used; used again, nothing trains."""
    changes = [
        ([f"dropout=0.3{number}"], 1),
        (["data.sample=pupils", f"training.seed=10{number}"], 4),
        ([f"preprocess.percentiles=[{number}.5,98.5]"], 4),
        ([f"model.base_channels={4 + number}"], 4),
        ([f"training.seed=20{number}"], 4),
        ([f"sweep.seed=30{number}"], 2),  # trial 0 is the middle of the space under any seed
        ([f"wandb.images={number + 2}"], 0),
    ]
    for settings, trainings in changes:
        asked = [part for setting in settings for part in ("-S", setting)]
        made.run("dvc", "exp", "run", *([] if way == "-S" else [way]), *asked)
        if way != "--queue":
            assert made.trainings() == trainings, settings
        if way == "-S":
            check_results(made)
            made.run("git", "checkout", "--", "params.yaml")
    if way == "--queue":
        made.run("dvc", "queue", "start")
        wait_for(lambda: queue_is_done(made), 500, "the queue")
        assert made.trainings() == sum(trainings for _, trainings in changes)
    for settings, _ in (changes[0], changes[3]):
        made.run("dvc", "exp", "run", "-S", settings[0])
        assert made.trainings() == 0, settings
        check_results(made)
        made.run("git", "checkout", "--", "params.yaml")
    assert settings[0].split("=")[1] in made.run("dvc", "exp", "show", "--csv")
    made.tool("repro")
    assert made.trainings() == 0
    check_results(made)


ADDED = {"touch": "", "comment": "# a comment\n", "code": "\nUNUSED = 1\n"}
"""What is added to a file, by the kind of edit."""


def queue_is_done(project: CountingProject) -> bool:
    status = project.run("dvc", "queue", "status")
    return "Running" not in status and "Queued" not in status


@pytest.mark.parametrize(
    ("path", "how", "trainings"),
    [
        ("src/segsweep/training/losses.py", "touch", 0),
        ("src/segsweep/training/losses.py", "comment", 0),
        ("src/segsweep/training/losses.py", "code", 4),
        ("src/segsweep/training/memory.py", "code", 0),
        ("src/segsweep/pipeline/gpus.py", "code", 0),
        ("src/segsweep/report/html.py", "code", 0),
        ("src/segsweep/selection/leaderboard.py", "code", 0),
        ("src/segsweep/wandb_backend/agent.py", "code", 0),
        ("README.md", "comment", 0),
    ],
)
def test_only_a_change_of_the_training_code_trains_again(
    made: CountingProject, path: str, how: str, trainings: int
) -> None:
    file = made.folder / path
    before = file.read_text()
    file.write_text(before + ADDED[how])
    for tool, expected in (("repro", trainings), ("snakemake", 0)):
        made.tool(tool)
        assert made.trainings() == expected
    check_results(made)
    file.write_text(before)
    made.tool("snakemake")
    made.tool("repro")
    assert made.trainings() == 0


def test_more_trials_and_fewer(made: CountingProject) -> None:
    for tool in ("snakemake", "repro"):
        for trials, expected in ((5 if tool == "snakemake" else 6, None), (3, 0)):
            made.change_study({"sweep": {"trials": trials}})
            made.tool(tool)
            new = made.trainings()
            assert new == ({5: 2, 6: 1}[trials] if expected is None else expected)
            assert made.nothing_to_be_done()
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("repro")
    assert made.trainings() == 0


def test_apply_checkout_and_a_clone_with_pull(made: CountingProject, tmp_path: Path) -> None:
    made.run("dvc", "exp", "run", "-S", "dropout=0.31", "--name", "one")
    made.trainings()
    made.run("git", "checkout", "--", "params.yaml", "dvc.lock")
    made.run("dvc", "checkout", "--force")
    check_results(made)
    made.run("dvc", "exp", "apply", "one")
    check_results(made)
    made.run("git", "checkout", "--", ".")
    made.run("dvc", "checkout", "--force")
    check_results(made)
    made.run("dvc", "remote", "add", "--local", "--default", "here", str(tmp_path / "remote"))
    made.run("dvc", "push")
    other = tmp_path / "another clone"
    subprocess.run(["git", "clone", "--quiet", str(made.folder), str(other)], check=True)
    clone = CountingProject(other, counter=tmp_path / "counter")
    clone.run("dvc", "remote", "add", "--local", "--default", "here", str(tmp_path / "remote"))
    clone.run("dvc", "pull")
    check_results(clone)
    clone.tool("snakemake")
    assert clone.trainings() == 0


@pytest.mark.parametrize("tool", ["snakemake", "repro"])
def test_a_checkout_of_old_results_is_not_taken_for_new_ones(fresh: Fresh, tool: str) -> None:
    """Train with batch 6 and commit, train with 12 and commit, check out 6, ask for 12."""
    project = fresh(f"checkout {tool}")
    values = {}
    for size in (6, 12):
        project.change_study({"batch_size": size})
        project.tool(tool)
        if tool == "snakemake":
            project.run("dvc", "commit", "--force")
        project.commit(f"at {size}")
        values[size] = project.read("results/train/metrics.json")
    assert project.trainings() == 5
    project.run("git", "checkout", "--quiet", "HEAD~1")
    project.run("dvc", "checkout", "--force")
    check_results(project)
    assert project.read("results/train/metrics.json") == values[6]
    project.change_study({"batch_size": 12})
    project.tool(tool)
    check_results(project)
    assert project.read("results/train/metrics.json") == values[12]
    assert project.trainings() == 0


@pytest.mark.parametrize("kind", ["copy", "hardlink", "symlink"])
def test_each_type_of_dvc_cache(made: CountingProject, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / kind
    shutil.copytree(made.folder, folder, symlinks=True)
    project = CountingProject(folder, counter=tmp_path / "counter")
    project.run("dvc", "config", "--local", "cache.type", kind)
    project.run("dvc", "checkout", "--relink", "--force")
    check_results(project)
    project.change_study({"learning_rate": 0.007})
    project.tool("repro")
    assert project.trainings() == 1
    check_results(project)
    project.run("git", "checkout", "--", "params.yaml")
    project.tool("snakemake")
    project.tool("repro")
    assert project.trainings() == 0
    check_results(project)


def test_a_dry_run_changes_no_file(made: CountingProject, fresh: Fresh) -> None:
    def state(project: CountingProject) -> dict[str, tuple[int, int]]:
        files = project.folder.rglob("*")
        return {
            str(f): (f.stat().st_mtime_ns, f.stat().st_size)
            for f in files
            if ".snakemake" not in f.parts and f.is_file()
        }

    empty = fresh("dry")
    for project in (made, empty):
        before = state(project)
        project.snakemake("--dry-run")
        assert state(project) == before
    made.change_study({"learning_rate": 0.009})
    before = state(made)
    made.snakemake("-n")
    assert state(made) == before
    made.run("git", "checkout", "--", "params.yaml")


@pytest.mark.parametrize(
    "path",
    [
        "data/raw/groups.csv",
        "data/processed/images.npy",
        "results/sweep/sweep.yaml",
        "results/trials/001/config.yaml",
        "results/trials/001/metrics.json",
        "results/trials/001/provenance.json",
        "results/best/model.safetensors",
        "results/train/history.csv",
        "results/leaderboard.csv",
    ],
)
def test_an_edited_result_is_noticed_and_restored(made: CountingProject, path: str) -> None:
    file = made.folder / path
    before = file.read_bytes()
    file.write_bytes(before[: len(before) // 2] + b"?")
    assert not made.nothing_to_be_done()
    made.tool("snakemake")
    assert file.read_bytes() == before
    assert made.trainings() == 0
    check_results(made)


@pytest.mark.parametrize("edited", ["params.yaml", "src/segsweep/training/metrics.py"])
def test_an_edit_during_a_stage_makes_the_stage_fail(made: CountingProject, edited: str) -> None:
    made.change_study(
        {
            "learning_rate": {"params.yaml": 0.0111, "src/segsweep/training/metrics.py": 0.0112}[
                edited
            ]
        }
    )
    before = made.trainings()
    running = made.start("dvc", "repro", "train")
    wait_for(lambda: made.lines().count("training") > made.seen, 60, "the training")
    file = made.folder / edited
    kept = file.read_text()
    file.write_text(
        kept + "\nUNUSED = 1\n" if edited.endswith(".py") else kept.replace("0.0111", "0.5")
    )
    output, _ = running.communicate(timeout=120)
    assert running.returncode != 0, output
    assert "changed" in output
    assert "again" in output
    file.write_text(kept)
    made.trainings()
    made.tool("repro")
    check_results(made)
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("repro")
    made.trainings()
    assert before == 0


def test_an_experiment_during_a_stage_is_noticed_and_repaired(fresh: Fresh) -> None:
    """DVC itself replaces files during the run; the documentation asks for --temp or --queue."""
    project = fresh("race")
    project.tool("repro")
    project.commit("made")
    project.change_study({"learning_rate": 0.0123})
    running = project.start("dvc", "repro")
    wait_for(lambda: project.lines().count("training") > 4, 60, "the training")
    output = project.run("dvc", "exp", "run", "-S", "learning_rate=0.0321", check=False)
    has_ended = running.poll() is not None  # before DVC began, on a busy machine
    assert "ERROR" in output or has_ended
    running.communicate(timeout=120)
    # whatever DVC has left, these commands repair it
    project.snakemake()
    project.run("dvc", "commit", "--force")
    check_results(project)
    assert "up to date" in project.run("dvc", "repro")


def test_a_temp_experiment_during_a_run_is_safe(made: CountingProject) -> None:
    made.change_study({"learning_rate": 0.0222})
    made.trainings()
    running = made.start("dvc", "repro", "train")
    wait_for(lambda: made.lines().count("training") > made.seen, 60, "the training")
    made.run("dvc", "exp", "run", "--temp", "-S", "learning_rate=0.0222")
    running.communicate(timeout=120)
    assert running.returncode == 0
    assert made.trainings() == 1
    assert "Nothing to be done" in made.snakemake("--dry-run", "results/train/metrics.json")
    made.tool("repro")  # the next sweep is proposed for the changed study
    check_results(made)
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("repro")


def test_a_second_run_in_one_folder_is_refused_at_once(made: CountingProject) -> None:
    made.change_study({"learning_rate": 0.0333})
    running = made.start("snakemake", "--cores", "2")
    wait_for(lambda: made.lines().count("training") > made.seen, 60, "the training")
    started = time.monotonic()
    output = made.snakemake(check=False)
    assert "error: another snakemake is running in" in output
    assert time.monotonic() - started < 5
    assert "Traceback" not in output
    made.snakemake("--dry-run")
    end_session(running)
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("snakemake")
    made.trainings()


def test_gc_keeps_what_results_commits_and_experiments_refer_to(made: CountingProject) -> None:
    script = ("segsweep", "cache", "gc")
    made.change_study({"learning_rate": 0.0444})
    made.tool("snakemake")
    assert made.trainings() == 1
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("repro")
    entries = made.folder / ".store/entries"
    before = len(list(entries.iterdir()))
    made.run(*script)
    assert len(list(entries.iterdir())) == before
    made.run(*script, "--delete")
    assert len(list(entries.iterdir())) < before
    for record in (made.folder / "results").rglob("provenance.json"):
        record.unlink()
    made.tool("snakemake")
    assert made.trainings() == 0


def test_explain_and_accept(made: CountingProject) -> None:
    output = made.run("segsweep", "explain", "results/trials/001")
    assert "results/trials/001/provenance.json: up to date" in output
    source = made.folder / "src/segsweep/training/unet.py"
    before = source.read_text()
    source.write_text(before + "\nUNUSED = 1\n")
    output = made.run("segsweep", "explain", "results/trials/001", check=False)
    assert "CHANGED  src/segsweep/training/unet.py" in output
    made.run("segsweep", "accept", "--reason", "an unused constant")
    assert made.nothing_to_be_done()
    output = made.run("segsweep", "explain", "results/train")
    assert "accepted src/segsweep/training/unet.py in another version: an unused constant" in output
    made.run("dvc", "repro", "--force")
    assert made.trainings() == 0
    source.write_text(before)
    made.change_study({"learning_rate": 0.5})
    output = made.run("segsweep", "explain", "results/train", check=False)
    assert "params.yaml: learning_rate" in output
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("repro")
    assert made.trainings() == 0
