"""Whole runs with the real tools: Snakemake, the W&B agent and DVC, in fresh clones."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from project import NAMESPACES, ROOT, Project, environment, has_namespaces, needs_namespaces
from segsweep.config.sections import Model, Training
from segsweep.wandb_backend.sweep_server import SweepServer

MADE = [
    "data/processed/manifest.csv",
    "results/sweep/sweep.yaml",
    "results/best_config.yaml",
    "results/leaderboard.csv",
    "results/summary.json",
    "results/confirm/confirmation.csv",
    "results/confirm/verdict.json",
    "results/test/images.csv",
    "results/analysis/findings.json",
    "results/analysis/trials.csv",
    "results/next/params.yaml",
    "results/next/rationale.md",
    *(
        f"results/{folder}/{name}"
        for folder in ("trials/000", "trials/003", "best", "train")
        for name in ("metrics.json", "history.csv", "images.csv")
    ),
    "results/best/model.safetensors",
    "results/best/model.json",
    "results/train/model.safetensors",
    "results/train/model.json",
    "results/model_card.md",
    *(f"results/trials/{i:03d}/config.yaml" for i in range(4)),
]


CONFIRMED = {"confirm": {"candidates": 2, "seeds": 2}}


@pytest.fixture(scope="module")
def by_snakemake(
    clones: Callable[[str], Project], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Run the documented command in a fresh clone.

    Where the machine allows it: without a network and with a HOME that cannot be written.
    """
    project = clones("by snakemake")
    project.change_study(CONFIRMED)
    project.commit("with confirmation")
    command = ["snakemake", "--cores", "8", "--resources", "gpu=1"]
    if has_namespaces():
        home = tmp_path_factory.mktemp("home")
        offline = [sys.executable, str(ROOT / "tests/offline.py"), str(home)]
        command = [*NAMESPACES, "--net", *offline, *command]
    project.log = project.run(*command)  # type: ignore[attr-defined]
    return project


@pytest.fixture(scope="module")
def by_dvc(clones: Callable[[str], Project]) -> Project:
    """Run `dvc repro` in a fresh clone with its own cache."""
    project = clones("by dvc")
    project.change_study(CONFIRMED)
    project.commit("with confirmation")
    project.run("dvc", "repro")
    return project


def test_the_documented_command_finds_a_best_configuration(by_snakemake: Project) -> None:
    best = yaml.safe_load(by_snakemake.read("results/best_config.yaml"))
    rows = list(csv.DictReader(by_snakemake.read("results/leaderboard.csv").decode().splitlines()))
    assert [row["status"] for row in rows] == ["finished"] * 4
    assert best["evidence"]["val_dice_coefficient"] == float(rows[0]["val_dice_coefficient"])
    chosen_by = {row["trial"]: row["chosen_by"] for row in rows}
    assert chosen_by.pop("0") == "start-up"
    assert set(chosen_by.values()) <= {"explore", "exploit"}
    assert by_snakemake.nothing_to_be_done()


@needs_namespaces
def test_no_network_no_account_and_no_home_are_needed(by_snakemake: Project) -> None:
    """The fixture ran without them; this test is skipped where that was not possible."""
    assert by_snakemake.nothing_to_be_done()


def test_the_duration_and_every_epoch_are_printed(by_snakemake: Project) -> None:
    log: str = by_snakemake.log  # type: ignore[attr-defined]
    assert "min for 4 trials of 1 epochs" in log
    for line in ("trial 003 (4 of 4): epoch 1/1, validation Dice", "train: best validation Dice"):
        assert line in log
    assert "trial 003 (4 of 4): epoch 1/1" in by_snakemake.read("logs/trial/003.log").decode()


def test_every_trial_is_an_offline_run_with_configuration_epochs_and_predictions(
    by_snakemake: Project,
) -> None:
    for i in range(4):
        folder = by_snakemake.folder / f"results/trials/{i:03d}"
        (run,) = (folder / "wandb").glob("offline-run-*")
        output = json.loads(
            by_snakemake.run("wandb", "leet", "inspect", "--summary", "--json", str(run))
        )
        text = json.dumps(output)
        chosen = json.loads((folder / "suggestion.json").read_text())["parameters"]
        assert str(chosen["learning_rate"]) in text
        assert "val_dice_coefficient" in text
        assert len(list(run.glob("files/media/images/*.png"))) == 2
        # two masks and their predictions; W&B stores equal files once
        assert len(list(run.glob("files/media/images/mask/*"))) >= 3
    ids = {p.name.split("-")[-1] for p in (by_snakemake.folder).glob("results/trials/*/wandb/off*")}
    assert len(ids) == 4


def test_another_clone_with_an_empty_cache_makes_the_same_bytes(
    by_snakemake: Project, by_dvc: Project
) -> None:
    assert [name for name in MADE if by_snakemake.read(name) != by_dvc.read(name)] == []


def test_dvc_repro_leaves_nothing_to_do_for_either_tool(by_dvc: Project) -> None:
    assert by_dvc.nothing_to_be_done()
    assert "up to date" in by_dvc.run("dvc", "repro")


def test_dvc_shows_metrics_plots_and_params(by_dvc: Project) -> None:
    metrics = json.loads(by_dvc.run("dvc", "metrics", "show", "--json"))
    files = metrics[""]["data"]
    assert 0 <= files["results/train/metrics.json"]["data"]["val_dice_coefficient"] <= 1
    assert files["results/summary.json"]["data"]["trials"] == 4
    by_dvc.run("dvc", "plots", "show", "--out", "plots")
    page = by_dvc.read("plots/index.html").decode()
    for field in ("train_loss", "val_dice_soft", "learning_rate"):
        assert field in page
    by_dvc.change_study({"batch_size": 6})
    assert "batch_size" in by_dvc.run("dvc", "params", "diff")
    by_dvc.run("git", "checkout", "params.yaml")


def test_dvc_stages_list_what_their_rules_read_and_write(
    by_dvc: Project,
) -> None:
    """If a stage did not list a file that its rule reads, DVC could restore an old result."""
    stages = yaml.safe_load(by_dvc.read("dvc.yaml"))["stages"]
    for name, stage in stages.items():
        inputs: set[str] = set()
        outputs: set[str] = set()
        outs = [next(iter(out)) if isinstance(out, dict) else out for out in stage["outs"]]
        for out in outs:
            path = by_dvc.folder / out
            records = path.rglob("*provenance.json") if path.is_dir() else [path]
            for record in records:
                if record.name.endswith("provenance.json"):
                    output = json.loads(record.read_text())
                    inputs |= set(output["made_from"]) | set(output["sources"])
                    outputs |= {*output["made"], str(record.relative_to(by_dvc.folder))}
        needed = {path for path in inputs if not below(path, outs) and ".snakemake" not in path}
        assert needed, name
        assert {path for path in needed if not below(path, stage["deps"])} == set(), name
        assert [dep for dep in stage["deps"] if not any(below(p, [dep]) for p in needed)] == []
        assert {path for path in outputs if not below(path, outs)} == set(), name
        assert [out for out in outs if not any(below(p, [out]) for p in outputs)] == []
        read = {key for path in inputs for key in keys_of(by_dvc.folder / path)}
        params = set(stage.get("params", []))
        assert {
            k for k in read if not any(k == p or k.startswith(f"{p}.") for p in params)
        } == set()
        unread = {p for p in params if not any(k == p or k.startswith(f"{p}.") for k in read)}
        # read by the Snakefile itself
        by_snakefile = {"sweep.trials", "sweep.parallel", "sweep.weights", "confirm"}
        assert unread <= by_snakefile, name


def keys_of(path: Path) -> set[str]:
    """Return the dotted keys of the study in a params subset."""
    if path.parent.name != "inputs" or "-sources" in path.name:
        return set()
    sections = {"input_shape": "preprocess"}
    for section, model in (("model", Model), ("training", Training)):
        sections |= dict.fromkeys(model.model_fields, section)
    keys = set()
    for key, value in yaml.safe_load(path.read_text()).items():
        inner = value if isinstance(value, dict) else {}
        keys |= {f"{key}.{k}" for k in inner} or {
            f"{sections[key]}.{key}" if key in sections else key
        }
    return keys


def below(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def test_plain_wandb_agent_runs_the_sweep(by_snakemake: Project) -> None:
    """`wandb agent` without our script: the run's values come from W&B."""
    sweep = yaml.safe_load(by_snakemake.read("results/sweep/sweep.yaml"))
    values = {"batch_size": 4, "learning_rate": 0.002, "dropout": 0.1, "l2_reg": 0.0001}
    key = "k" * 40
    with SweepServer(key, sweep, "plain-run", values) as backend:
        by_snakemake.run(
            *("wandb", "agent", "--count", "1", "local/segsweep/abcd1234"),
            env={"WANDB_API_KEY": key, "WANDB_BASE_URL": backend.url, "WANDB_MODE": "offline"},
        )
    metrics = json.loads(by_snakemake.read("results/agent/plain-run/metrics.json"))
    assert (metrics["status"], metrics["effective_batch_size"]) == ("finished", 4)


def test_one_changed_value_as_an_experiment_in_a_fresh_clone(
    clones: Callable[[str], Project], by_dvc: Project
) -> None:
    project = clones("by experiment")
    project.run("dvc", "exp", "run", "-S", "batch_size=64")
    metrics = json.loads(project.read("results/train/metrics.json"))
    assert metrics["effective_batch_size"] == 36
    table = project.run("dvc", "exp", "show", "--csv")
    header, *rows = list(csv.reader(table[table.index("Experiment") :].splitlines()))
    sizes = [row[header.index("batch_size")] for row in rows]
    assert "64" in sizes
    assert project.read("results/leaderboard.csv") == by_dvc.read("results/leaderboard.csv")


def test_a_changed_single_run_trains_only_itself_and_undoing_trains_nothing(
    by_snakemake: Project,
) -> None:
    before = by_snakemake.read("results/train/metrics.json")
    by_snakemake.change_study({"learning_rate": 0.02})
    ran = by_snakemake.snakemake()
    assert "train: epoch 1/1" in ran
    assert "trial 000" not in ran
    by_snakemake.run("git", "checkout", "params.yaml")
    assert "epoch" not in by_snakemake.snakemake()
    assert by_snakemake.read("results/train/metrics.json") == before


def test_the_best_configuration_in_params_yaml_is_found_in_the_cache(by_snakemake: Project) -> None:
    best = yaml.safe_load(by_snakemake.read("results/best_config.yaml"))
    evidence = best.pop("evidence")
    by_snakemake.change_study(best)
    assert "epoch" not in by_snakemake.snakemake("--", "results/train/metrics.json")
    metrics = json.loads(by_snakemake.read("results/train/metrics.json"))
    assert metrics["val_dice_coefficient"] == evidence["val_dice_coefficient"]
    by_snakemake.run("git", "checkout", "params.yaml")


def test_a_lost_or_edited_result_is_restored_from_the_cache(by_snakemake: Project) -> None:
    metrics = by_snakemake.folder / "results/trials/002/metrics.json"
    before = metrics.read_bytes()
    metrics.write_text("{}")
    (by_snakemake.folder / "results/best/model.safetensors").unlink()
    assert "epoch" not in by_snakemake.snakemake()
    assert metrics.read_bytes() == before
    assert by_snakemake.nothing_to_be_done()


def test_an_error_in_the_study_is_one_sentence(clones: Callable[[str], Project]) -> None:
    project = clones("faulty")
    (project.folder / "params.yaml").write_text("sweep: {trails: 3}\n")
    output = project.snakemake(check=False)
    assert "error: params.yaml: unknown key 'sweep.trails'; did you mean 'trials'?" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("text", ["", "- 1\n", "a: [\n"])
def test_a_broken_study_file_is_one_sentence(clones: Callable[[str], Project], text: str) -> None:
    project = clones("broken study")
    (project.folder / "params.yaml").write_text(text)
    output = project.snakemake("--dry-run", check=False)
    assert "error: params.yaml: " in output
    assert "Traceback" not in output
    assert "WorkflowError" not in output


def test_a_failing_rule_names_its_cause_and_its_log(clones: Callable[[str], Project]) -> None:
    project = clones("failing")
    project.change_study({"data": {"sample": "pupils"}, "preprocess": {"test_fraction": 0.15}})
    project.snakemake("--", "data/raw/provenance.json")
    mask = next((project.folder / "data/raw/masks").iterdir())
    mask.write_bytes(b"no image")
    output = project.run(
        *("python", "workflow/scripts/preprocess.py", "params.yaml", "data/raw", "data/processed"),
        check=False,
    )
    assert output.startswith("error: ")
    assert mask.name in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    "module",
    [
        "pipeline.staleness",
        "pipeline.cache",
        "config.study",
        "selection.leaderboard",
        "pipeline.environment",
        "search.sweep_files",
    ],
)
def test_light_modules_import_neither_torch_nor_wandb(module: str) -> None:
    code = f"import sys, segsweep.{module}; print({{'torch', 'wandb'}} & set(sys.modules))"
    paths = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment() | paths, capture_output=True, text=True
    )
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.parametrize("script", sorted(p.name for p in (ROOT / "workflow/scripts").glob("*.py")))
def test_the_help_of_every_script_has_an_example(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "workflow/scripts" / script), "--help"],
        env=environment(),
        cwd=os.sep,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Example:" in done.stdout
    assert f"workflow/scripts/{script}" in done.stdout


def test_the_candidates_were_retrained_under_new_seeds(by_snakemake: Project) -> None:
    rows = list(
        csv.DictReader(by_snakemake.read("results/confirm/confirmation.csv").decode().splitlines())
    )
    verdict = json.loads(by_snakemake.read("results/confirm/verdict.json"))
    best = yaml.safe_load(by_snakemake.read("results/best_config.yaml"))
    assert len({(row["trial"], row["seed"]) for row in rows}) == len(rows) == 4
    assert {row["seed"] for row in rows} == {"1", "2"}
    assert best["evidence"]["trial"] == verdict["selected"]
    assert {row["trial"] for row in rows} == {str(c["trial"]) for c in verdict["candidates"]}
    confirmed = best["evidence"]["confirmed"]
    assert confirmed["low"] <= confirmed["estimated_mean"] <= confirmed["high"]
    assert "best_observed" in best["evidence"]


def test_the_selected_configuration_is_evaluated_on_the_test_split(by_snakemake: Project) -> None:
    manifest = csv.DictReader(
        by_snakemake.read("data/processed/manifest.csv").decode().splitlines()
    )
    tested = {row["name"] for row in manifest if row["split"] == "test"}
    rows = csv.DictReader(by_snakemake.read("results/test/images.csv").decode().splitlines())
    assert {row["name"] for row in rows} == tested


ADDED = "\nUNUSED = 1\n"
EDITS = {
    "a comment": ("training/losses.py", "def bce(", "# a comment\ndef bce("),
    "an error message": ("training/trainer.py", "found processed images", "the images measure"),
    "memory prediction": ("training/memory.py", "", ADDED),
    "GPU selection": ("pipeline/gpus.py", "", ADDED),
    "the report": ("report/html.py", "", ADDED),
    "the analysis": ("analysis/importance.py", "", ADDED),
}
"""Source file, text to replace (nothing: append to the file) and the new text."""
TRAININGS = {"trial", "train", "train_rerun", "best_model"}


def planned_jobs(project: Project, path: str, old: str, new: str) -> dict[str, int]:
    """Return the number of jobs by rule that an edit of a source file would run."""
    source = project.folder / "src/segsweep" / path
    before = source.read_text()
    assert old in before, path
    source.write_text(before.replace(old, new, 1) if old else before + new)
    output = project.snakemake("--dry-run")
    source.write_text(before)
    words = [line.split() for line in output.splitlines()]
    return {line[0]: int(line[1]) for line in words if len(line) == 2 and line[1].isdigit()}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_that_cannot_change_a_training_trains_nothing(
    by_snakemake: Project, edit: tuple[str, str, str]
) -> None:
    assert TRAININGS.isdisjoint(planned_jobs(by_snakemake, *edit))


def test_an_edit_of_the_loss_trains_everything_again(by_snakemake: Project) -> None:
    jobs = planned_jobs(by_snakemake, "training/losses.py", "", ADDED)
    expected = {"trial": 4, "train": 1, "train_rerun": 4, "best_model": 1}
    assert {rule: jobs.get(rule) for rule in TRAININGS} == expected


def test_an_edit_of_the_report_makes_only_the_report_again(by_snakemake: Project) -> None:
    jobs = planned_jobs(by_snakemake, *EDITS["the report"])
    assert set(jobs) - {"total"} == {"all", "report"}


def test_the_proposed_study_runs_and_starts_from_the_finished_trials(by_snakemake: Project) -> None:
    proposed = yaml.safe_load(by_snakemake.read("results/next/params.yaml"))
    (by_snakemake.folder / "params.yaml").write_text(
        yaml.safe_dump(proposed | {"sweep": {**proposed["sweep"], "trials": 2}})
    )
    output = by_snakemake.snakemake("results/trials/001/metrics.json")
    by_snakemake.run("git", "checkout", "params.yaml")
    assert "sweep: starts with " in output
    page = by_snakemake.read("results/report.html").decode()  # the report of the running sweep
    assert "1 of 2" in page
    so_far = by_snakemake.read("results/leaderboard.csv").decode().splitlines()
    assert len(so_far) == 1 + 1  # the header and trial 0
    assert "aggregate" in by_snakemake.snakemake("--dry-run", "results/leaderboard.csv")
