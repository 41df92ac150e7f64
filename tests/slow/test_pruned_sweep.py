"""Pruning and earlier studies with the real tools: a pruned trial can always be continued."""

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from counting_project import CountingProject
from project import Project
from segsweep.config.study import Study
from segsweep.search.sampler import suggest

GOOD = {"batch_size": 2, "learning_rate": 0.02, "dropout": 0.0, "l2_reg": 0.000001}
FAIR = {"batch_size": 4, "learning_rate": 0.006, "dropout": 0.2, "l2_reg": 0.00001}
POOR = {"batch_size": 16, "learning_rate": 0.0003, "dropout": 0.4, "l2_reg": 0.001}
EPOCHS = 3
STUDY: dict[str, Any] = {
    **GOOD,
    "epochs": EPOCHS,
    "sweep": {
        "trials": 5,
        "parallel": 2,
        "metric": {"name": "val_loss", "goal": "minimize"},
        "early_terminate": {"type": "hyperband", "min_iter": 1},
        "enqueue": [GOOD, FAIR, POOR],
    },
    "wandb": {"images": 0},
}
"""Trial 2 is certainly pruned; trial 3 was suggested before that was known, trial 4 after.

The single run is the same training as trial 0.
"""

FILES = ("config.yaml", "metrics.json", "history.csv")
UNTIL_TRIAL_3 = ("--", "results/trials/002/metrics.json", "results/trials/003/metrics.json")
LAST = ("--", "results/trials/003/metrics.json", "results/trials/004/metrics.json")
GC = ("segsweep", "cache", "gc")


def trials_of(project: Project) -> dict[str, bytes]:
    """Return the recorded files of all trials by name."""
    paths = sorted(project.folder.glob("results/trials/*/*"))
    return {f"{p.parent.name}/{p.name}": p.read_bytes() for p in paths if p.name in FILES}


def metrics_of(project: Project, folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(project.read(f"results/{folder}/metrics.json"))
    return found


def rows_of(project: Project, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(project.read(name).decode().splitlines()))


def with_status(project: Project, status: str) -> dict[str, dict[str, Any]]:
    """Return the metrics of the trials with this status, by the name of their folder."""
    found = {f"{i:03d}": metrics_of(project, f"trials/{i:03d}") for i in range(5)}
    return {trial: metrics for trial, metrics in found.items() if metrics["status"] == status}


@contextmanager
def without_trials(project: Project) -> Iterator[None]:
    """Move the trials' folders away; folders made in the block are deleted at its end."""
    trials, moved = project.folder / "results/trials", project.folder / "moved"
    trials.rename(moved)
    try:
        yield
    finally:
        shutil.rmtree(trials, ignore_errors=True)
        moved.rename(trials)


@pytest.fixture(scope="module")
def study(clones: Callable[[str], Project]) -> Callable[[str], CountingProject]:
    """Return a function that makes a fresh clone with the study that prunes trials."""

    def make(name: str) -> CountingProject:
        folder = clones(name).folder
        project = CountingProject(folder, counter=folder.with_name(f"counter of {name}"))
        project.change_study(STUDY)
        project.commit("a study that prunes trials")
        return project

    return make


@pytest.fixture(scope="module")
def both(study: Callable[[str], CountingProject]) -> tuple[CountingProject, CountingProject]:
    """Run the study twice: one job at a time, and two trainings at a time with random delays."""
    one, two = study("one by one"), study("two by two")
    by_two = ("snakemake", "--cores", "2", "--resources", "gpu=2", *LAST)
    with two.start(*by_two, RANDOM_DELAY="2") as other:
        one.run("snakemake", "--cores", "1")
        output, _ = other.communicate()
    assert other.returncode == 0, output
    return one, two


@pytest.fixture(scope="module")
def pruned(both: tuple[CountingProject, CountingProject]) -> CountingProject:
    return both[0]


@pytest.fixture(scope="module")
def delayed(both: tuple[CountingProject, CountingProject]) -> CountingProject:
    return both[1]


@pytest.fixture(scope="module")
def left(pruned: CountingProject) -> dict[str, bytes]:
    """Return the trials' files before anything else is done in that clone."""
    return trials_of(pruned)


@pytest.fixture(scope="module")
def audited(pruned: CountingProject, left: dict[str, bytes]) -> CountingProject:
    """Run the audit in the same clone; `left` has its files before."""
    pruned.epochs()
    pruned.change_study({"sweep": {"audit": True}})
    pruned.commit("with an audit")
    pruned.snakemake()
    return pruned


def test_a_pruned_trial_ends_at_the_epoch_in_its_metrics(pruned: CountingProject) -> None:
    trials = with_status(pruned, "pruned")
    assert "002" in trials
    for trial, metrics in trials.items():
        history = rows_of(pruned, f"results/trials/{trial}/history.csv")
        assert metrics["epochs"] < EPOCHS
        assert [int(row["epoch"]) for row in history] == list(range(1, metrics["epochs"] + 1))
        assert metrics["reason"].startswith("val_loss was not at most ")
        assert metrics["reason"].endswith(f" after epoch {metrics['epochs']}")
        assert rows_of(pruned, f"results/trials/{trial}/images.csv") == []


def test_leaderboard_summary_and_best_distinguish_finished_from_pruned(
    pruned: CountingProject,
) -> None:
    finished, others = (with_status(pruned, status) for status in ("finished", "pruned"))
    rows = rows_of(pruned, "results/leaderboard.csv")
    assert [row["status"] for row in rows] == ["finished"] * len(finished) + ["pruned"] * len(
        others
    )
    summary = json.loads(pruned.read("results/summary.json"))
    assert (summary["trials"], summary["pruned"], summary["failed"]) == (5, len(others), 0)
    best = yaml.safe_load(pruned.read("results/best_config.yaml"))
    assert f"{best['evidence']['trial']:03d}" in finished


def test_a_pruned_trial_trains_only_its_own_epochs(pruned: CountingProject) -> None:
    trained = sum(metrics_of(pruned, f"trials/{i:03d}")["epochs"] for i in range(5))
    assert pruned.lines().count("epoch") == trained < 5 * EPOCHS


def test_suggestions_and_pruning_do_not_depend_on_order_or_timing(
    left: dict[str, bytes], delayed: CountingProject
) -> None:
    assert trials_of(delayed) == left


def test_an_audit_trains_the_remaining_epochs_and_changes_no_trial(
    audited: CountingProject, left: dict[str, bytes]
) -> None:
    trials = with_status(audited, "pruned")
    assert audited.epochs() == sum(EPOCHS - metrics["epochs"] for metrics in trials.values())
    rows = {f"{int(r['trial']):03d}": r for r in rows_of(audited, "results/audit/audit.csv")}
    assert rows.keys() == trials.keys()
    for trial, metrics in trials.items():
        whole = metrics_of(audited, f"audit/{trial}")
        assert (whole["status"], whole["epochs"]) == ("finished", EPOCHS)
        assert float(rows[trial]["value_when_pruned"]) == metrics["val_loss"]
        assert float(rows[trial]["value_at_end"]) == whole["val_loss"]
        assert rows[trial]["pruned_after"] == str(metrics["epochs"])
    assert trials_of(audited) == left
    assert audited.nothing_to_be_done()


def test_an_audit_begins_when_the_sweep_has_ended(study: Callable[[str], CountingProject]) -> None:
    project = study("planned")
    project.change_study({"sweep": {"audit": True}})
    planned = project.snakemake("--dry-run", "--", "results/audit/000/metrics.json").splitlines()
    jobs = dict(line.split() for line in planned if re.fullmatch(r"\w+ +\d+", line))
    assert (jobs["trial"], jobs["aggregate"], jobs["train_pruned_to_end"]) == ("5", "1", "1")


def test_a_lost_pruned_trial_is_restored_from_its_whole_training(
    audited: CountingProject, left: dict[str, bytes]
) -> None:
    key = metrics_of(audited, "trials/002")["key"]
    assert not (audited.folder / ".store/checkpoints" / key).exists()
    for name in ("metrics.json", "history.csv"):
        (audited.folder / "results/trials/002" / name).unlink()
    audited.epochs()
    audited.snakemake()
    assert audited.epochs() == 0
    assert trials_of(audited) == left


def test_without_pruning_an_audited_trial_is_whole_and_trains_nothing(
    audited: CountingProject, left: dict[str, bytes]
) -> None:
    """Trials suggested before the first pruned one was known have the same configurations."""
    audited.epochs()
    audited.change_study({"sweep": {"early_terminate": None}})
    with without_trials(audited):
        audited.snakemake(*UNTIL_TRIAL_3)
        now = trials_of(audited)
        metrics = metrics_of(audited, "trials/002")
        runs = list(audited.folder.glob("results/trials/*/wandb/offline-run-*"))
    audited.run("git", "checkout", "params.yaml")
    assert audited.epochs() == 0
    assert [
        i for i in range(4) if now[f"{i:03d}/config.yaml"] != left[f"{i:03d}/config.yaml"]
    ] == []
    assert (metrics["status"], metrics["epochs"]) == ("finished", EPOCHS)
    assert len(runs) == 4
    assert now["002/history.csv"] == audited.read("results/audit/002/history.csv")


def test_gc_keeps_the_whole_training_of_a_pruned_trial(audited: CountingProject) -> None:
    """The trial's files are cut from it, whether or not an audit refers to it too."""
    shutil.rmtree(audited.folder / "results/audit")
    keys = [metrics["key"] for metrics in with_status(audited, "pruned").values()]
    output = audited.run(*GC)
    assert [key for key in keys if key in output] == []
    with without_trials(audited):
        output = audited.run(*GC)
    assert [key for key in keys if key not in output] == []


def test_gc_keeps_the_checkpoint_of_a_pruned_trial_of_the_present_study(
    delayed: CountingProject,
) -> None:
    for metrics in with_status(delayed, "pruned").values():
        checkpoint = f".store/checkpoints/{metrics['key']}"
        assert (delayed.folder / checkpoint / "last.safetensors").exists()
        assert checkpoint not in delayed.run(*GC)


def test_gc_lists_a_checkpoint_when_no_trial_has_its_configuration(
    delayed: CountingProject,
) -> None:
    key = metrics_of(delayed, "trials/002")["key"]
    with without_trials(delayed):
        output = delayed.run(*GC)
    assert f".store/checkpoints/{key}" in output


def test_after_an_accepted_edit_and_without_pruning_a_pruned_trial_continues(
    delayed: CountingProject,
) -> None:
    trained = metrics_of(delayed, "trials/002")["epochs"]
    with (delayed.folder / "src/segsweep/training/unet.py").open("a") as source:
        source.write("\nUNUSED = 1\n")
    delayed.run("segsweep", "accept", "--reason", "a comment")
    delayed.change_study({"sweep": {"early_terminate": None}})
    delayed.epochs()
    delayed.snakemake("--", "results/trials/002/metrics.json")
    assert metrics_of(delayed, "trials/002")["status"] == "finished"
    assert delayed.epochs() == EPOCHS - trained


def test_a_second_study_starts_from_the_trials_of_the_first(
    clones: Callable[[str], Project], pruned: CountingProject
) -> None:
    project = clones("second study")
    first = ("--", "results/trials/000/config.yaml")
    prior = "studies/prior/first.csv"
    project.change_study({"sweep": {"metric": STUDY["sweep"]["metric"], "seed": 5}})
    space = Study.read(str(project.folder / "params.yaml")).sweep.parameters
    middle = suggest(space, [], [], index=0, seed=5).parameters

    shutil.copy(pruned.folder / "results/leaderboard.csv", project.folder / prior)
    project.change_study({"sweep": {"prior_trials": prior}})
    project.snakemake(*first)
    output = project.read("logs/sweep.log").decode()
    assert f"starts with {len(with_status(pruned, 'finished'))} trials of {prior}" in output
    assert f"left out {len(with_status(pruned, 'pruned'))} with status pruned" in output
    assert json.loads(project.read("results/trials/000/suggestion.json"))["parameters"] != middle

    project.run("dvc", "commit", "--force", "sweep")
    assert "Nothing to be done" in project.snakemake("--dry-run", *first)
    rows = (project.folder / prior).read_text().splitlines()
    (project.folder / prior).write_text("\n".join([rows[0], *rows[2:]]) + "\n")
    assert "Nothing to be done" not in project.snakemake("--dry-run", *first)
    assert re.search(r"modified: +studies/prior", project.run("dvc", "status", "sweep"))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("results/leaderboard.csv", "expected a file in studies/prior/"),
        ("studies/prior/none.csv", "found no file studies/prior/none.csv"),
    ],
)
def test_a_wrong_path_of_earlier_trials_is_refused_in_one_sentence(
    clones: Callable[[str], Project], path: str, said: str
) -> None:
    project = clones("refused")
    project.change_study({"sweep": {"prior_trials": path}})
    output = project.snakemake("--dry-run", check=False)
    (error,) = [line for line in output.splitlines() if "error" in line.lower()]
    assert error.startswith("error: params.yaml: sweep.prior_trials: ")
    assert said in error
    assert "Traceback" not in output
