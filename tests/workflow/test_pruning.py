"""Early stopping and earlier studies with the real tools: what was stopped is put off, not lost."""

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from counting_project import Witnessed
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
"""Trial 2 is surely stopped; of those after it, 3 was chosen before that was known, 4 after.

The single run is the same training as trial 0.
"""

FILES = ("config.yaml", "metrics.json", "history.csv")
UNTOLD = ("--", "results/trials/002/metrics.json", "results/trials/003/metrics.json")
LAST = ("--", "results/trials/003/metrics.json", "results/trials/004/metrics.json")
GC = ("python", "workflow/scripts/store.py", "gc")


def trials_of(project: Project) -> dict[str, bytes]:
    """What the trials' folders record, by name."""
    paths = sorted(project.folder.glob("results/trials/*/*"))
    return {f"{p.parent.name}/{p.name}": p.read_bytes() for p in paths if p.name in FILES}


def metrics_of(project: Project, folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(project.read(f"results/{folder}/metrics.json"))
    return found


def rows_of(project: Project, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(project.read(name).decode().splitlines()))


def with_status(project: Project, status: str) -> dict[str, dict[str, Any]]:
    """The metrics of the trials that ended so, by the name of their folder."""
    found = {f"{i:03d}": metrics_of(project, f"trials/{i:03d}") for i in range(5)}
    return {trial: metrics for trial, metrics in found.items() if metrics["status"] == status}


@contextmanager
def without_trials(project: Project) -> Iterator[None]:
    """For a while the trials' folders are gone from the results; those made meanwhile are lost."""
    place, aside = project.folder / "results/trials", project.folder / "aside"
    place.rename(aside)
    try:
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)
        aside.rename(place)


@pytest.fixture(scope="module")
def study(clones: Callable[[str], Project]) -> Callable[[str], Witnessed]:
    """Make a fresh clone by name, in which the study that stops trials is committed."""

    def make(name: str) -> Witnessed:
        folder = clones(name).folder
        project = Witnessed(folder, witness=folder.with_name(f"witness of {name}"))
        project.change_study(STUDY)
        project.commit("a study that stops trials")
        return project

    return make


@pytest.fixture(scope="module")
def both(study: Callable[[str], Witnessed]) -> tuple[Witnessed, Witnessed]:
    """The study in two clones: one job at a time, and two trainings at a time, which dawdle."""
    one, two = study("one by one"), study("two by two")
    by_two = ("snakemake", "--cores", "2", "--resources", "gpu=2", *LAST)
    with two.start(*by_two, DAWDLE="2") as beside:
        one.run("snakemake", "--cores", "1")
        told, _ = beside.communicate()
    assert beside.returncode == 0, told
    return one, two


@pytest.fixture(scope="module")
def stopped(both: tuple[Witnessed, Witnessed]) -> Witnessed:
    return both[0]


@pytest.fixture(scope="module")
def dawdled(both: tuple[Witnessed, Witnessed]) -> Witnessed:
    return both[1]


@pytest.fixture(scope="module")
def left(stopped: Witnessed) -> dict[str, bytes]:
    """What the trials' folders recorded before anything else was done in that clone."""
    return trials_of(stopped)


@pytest.fixture(scope="module")
def audited(stopped: Witnessed, left: dict[str, bytes]) -> Witnessed:
    """The same clone after the audit; `left` is what it was before."""
    stopped.epochs()
    stopped.change_study({"sweep": {"audit": True}})
    stopped.commit("with an audit")
    stopped.snakemake()
    return stopped


def test_a_poor_trial_ends_at_the_epoch_that_its_metrics_name(stopped: Witnessed) -> None:
    trials = with_status(stopped, "pruned")
    assert "002" in trials
    for trial, metrics in trials.items():
        history = rows_of(stopped, f"results/trials/{trial}/history.csv")
        assert metrics["epochs"] < EPOCHS
        assert [int(row["epoch"]) for row in history] == list(range(1, metrics["epochs"] + 1))
        assert metrics["reason"].startswith("val_loss was to be at most ")
        assert metrics["reason"].endswith(f" after epoch {metrics['epochs']}")
        assert rows_of(stopped, f"results/trials/{trial}/images.csv") == []


def test_the_leaderboard_the_summary_and_the_best_tell_finished_from_stopped(
    stopped: Witnessed,
) -> None:
    finished, others = (with_status(stopped, status) for status in ("finished", "pruned"))
    rows = rows_of(stopped, "results/leaderboard.csv")
    assert [row["status"] for row in rows] == ["finished"] * len(finished) + ["pruned"] * len(
        others
    )
    summary = json.loads(stopped.read("results/summary.json"))
    assert (summary["trials"], summary["pruned"], summary["failed"]) == (5, len(others), 0)
    best = yaml.safe_load(stopped.read("results/best_config.yaml"))
    assert f"{best['evidence']['trial']:03d}" in finished


def test_a_stopped_trial_costs_no_epoch_that_it_was_spared(stopped: Witnessed) -> None:
    trained = sum(metrics_of(stopped, f"trials/{i:03d}")["epochs"] for i in range(5))
    assert stopped.lines().count("epoch") == trained < 5 * EPOCHS


def test_what_is_chosen_and_stopped_does_not_depend_on_order_and_timing(
    left: dict[str, bytes], dawdled: Witnessed
) -> None:
    assert trials_of(dawdled) == left


def test_an_audit_trains_the_remaining_epochs_and_touches_no_trial(
    audited: Witnessed, left: dict[str, bytes]
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


def test_an_audit_begins_when_the_sweep_has_ended(study: Callable[[str], Witnessed]) -> None:
    project = study("planned")
    project.change_study({"sweep": {"audit": True}})
    planned = project.snakemake("--dry-run", "--", "results/audit/000/metrics.json").splitlines()
    jobs = dict(line.split() for line in planned if re.fullmatch(r"\w+ +\d+", line))
    assert (jobs["trial"], jobs["aggregate"], jobs["finish"]) == ("5", "1", "1")


def test_a_lost_stopped_trial_comes_back_from_its_whole_training(
    audited: Witnessed, left: dict[str, bytes]
) -> None:
    key = metrics_of(audited, "trials/002")["key"]
    assert not (audited.folder / ".store/checkpoints" / key).exists()
    for name in ("metrics.json", "history.csv"):
        (audited.folder / "results/trials/002" / name).unlink()
    audited.epochs()
    audited.snakemake()
    assert audited.epochs() == 0
    assert trials_of(audited) == left


def test_without_the_rule_a_once_stopped_trial_is_whole_and_trains_nothing(
    audited: Witnessed, left: dict[str, bytes]
) -> None:
    """The trials before the first that saw a stopped one have the same configurations."""
    audited.epochs()
    audited.change_study({"sweep": {"early_terminate": None}})
    with without_trials(audited):
        audited.snakemake(*UNTOLD)
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


def test_gc_keeps_the_whole_training_of_a_stopped_trial(audited: Witnessed) -> None:
    """It is what the trial's files are cut from, whether or not an audit refers to it too."""
    shutil.rmtree(audited.folder / "results/audit")
    keys = [metrics["key"] for metrics in with_status(audited, "pruned").values()]
    told = audited.run(*GC)
    assert [key for key in keys if key in told] == []
    with without_trials(audited):
        told = audited.run(*GC)
    assert [key for key in keys if key not in told] == []


def test_gc_keeps_the_checkpoint_of_a_stopped_trial_of_the_present_study(
    dawdled: Witnessed,
) -> None:
    for metrics in with_status(dawdled, "pruned").values():
        checkpoint = f".store/checkpoints/{metrics['key']}"
        assert (dawdled.folder / checkpoint / "last.safetensors").exists()
        assert checkpoint not in dawdled.run(*GC)


def test_gc_names_the_checkpoint_once_no_trial_has_its_configuration(dawdled: Witnessed) -> None:
    key = metrics_of(dawdled, "trials/002")["key"]
    with without_trials(dawdled):
        told = dawdled.run(*GC)
    assert f".store/checkpoints/{key}" in told


def test_after_an_accepted_edit_and_without_the_rule_a_stopped_trial_goes_on(
    dawdled: Witnessed,
) -> None:
    trained = metrics_of(dawdled, "trials/002")["epochs"]
    with (dawdled.folder / "src/segsweep/training/unet.py").open("a") as source:
        source.write("# a comment\n")
    dawdled.run("python", "workflow/scripts/accept.py", "--reason", "a comment")
    dawdled.change_study({"sweep": {"early_terminate": None}})
    dawdled.epochs()
    dawdled.snakemake("--", "results/trials/002/metrics.json")
    assert metrics_of(dawdled, "trials/002")["status"] == "finished"
    assert dawdled.epochs() == EPOCHS - trained


def test_a_second_study_begins_with_what_the_first_found(
    clones: Callable[[str], Project], stopped: Witnessed
) -> None:
    project = clones("second study")
    first = ("--", "results/trials/000/config.yaml")
    prior = "studies/prior/first.csv"
    project.change_study({"sweep": {"metric": STUDY["sweep"]["metric"], "seed": 5}})
    space = Study.read(str(project.folder / "params.yaml")).sweep.parameters
    middle = suggest(space, [], [], index=0, seed=5).parameters

    shutil.copy(stopped.folder / "results/leaderboard.csv", project.folder / prior)
    project.change_study({"sweep": {"prior_trials": prior}})
    project.snakemake(*first)
    told = project.read("logs/sweep.log").decode()
    assert f"begins with {len(with_status(stopped, 'finished'))} trials of {prior}" in told
    assert f"left out {len(with_status(stopped, 'pruned'))} with status stopped" in told
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
def test_earlier_trials_elsewhere_or_nowhere_are_refused_in_a_sentence(
    clones: Callable[[str], Project], path: str, said: str
) -> None:
    project = clones("refused")
    project.change_study({"sweep": {"prior_trials": path}})
    told = project.snakemake("--dry-run", check=False)
    (error,) = [line for line in told.splitlines() if "error" in line.lower()]
    assert error.startswith("error: params.yaml: sweep.prior_trials: ")
    assert said in error
    assert "Traceback" not in told
