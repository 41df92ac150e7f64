"""The main job with the real tools: Snakemake, the W&B agent, DVC, in fresh clones."""

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
from segsweep.wandb_backend.sweep_server import Backend

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
    """A fresh clone in which the literal command ran.

    Where the machine can: without a network, and with a HOME that cannot be written.
    """
    project = clones("by snakemake")
    project.change_study(CONFIRMED)
    project.commit("a winner that is confirmed")
    command = ["snakemake", "--cores", "8", "--resources", "gpu=1"]
    if has_namespaces():
        home = tmp_path_factory.mktemp("home")
        offline = [sys.executable, str(ROOT / "tests/offline.py"), str(home)]
        command = [*NAMESPACES, "--net", *offline, *command]
    caches = tmp_path_factory.mktemp("caches")
    project.log = project.run(*command, env={"XDG_CACHE_HOME": str(caches)})  # type: ignore[attr-defined]
    return project


@pytest.fixture(scope="module")
def by_dvc(clones: Callable[[str], Project]) -> Project:
    """A fresh clone, with a store of its own, in which `dvc repro` ran."""
    project = clones("by dvc")
    project.change_study(CONFIRMED)
    project.commit("a winner that is confirmed")
    project.run("dvc", "repro")
    return project


def test_the_literal_command_finds_a_best_configuration(by_snakemake: Project) -> None:
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
    """The fixture ran without them; this names the machine on which it could not."""
    assert by_snakemake.nothing_to_be_done()


def test_the_duration_and_every_epoch_are_told(by_snakemake: Project) -> None:
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
        told = json.loads(
            by_snakemake.run("wandb", "leet", "inspect", "--summary", "--json", str(run))
        )
        text = json.dumps(told)
        chosen = json.loads((folder / "suggestion.json").read_text())["parameters"]
        assert str(chosen["learning_rate"]) in text
        assert "val_dice_coefficient" in text
        assert len(list(run.glob("files/media/images/*.png"))) == 2
        # two masks and their predictions; equal files (all empty) are kept once
        assert len(list(run.glob("files/media/images/mask/*"))) >= 3
    ids = {p.name.split("-")[-1] for p in (by_snakemake.folder).glob("results/trials/*/wandb/off*")}
    assert len(ids) == 4


def test_another_clone_with_an_empty_store_makes_the_same_bytes(
    by_snakemake: Project, by_dvc: Project
) -> None:
    assert [name for name in MADE if by_snakemake.read(name) != by_dvc.read(name)] == []


def test_dvc_repro_leaves_nothing_to_do_for_either_tool(by_dvc: Project) -> None:
    assert by_dvc.nothing_to_be_done()
    assert "up to date" in by_dvc.run("dvc", "repro")


def test_metrics_plots_experiments_and_params_say_something(by_dvc: Project) -> None:
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


def test_every_input_of_a_rule_is_a_dependency_of_its_stage_and_the_other_way_round(
    by_dvc: Project,
) -> None:
    """A file that a rule reads and its stage does not list would let DVC restore an old result."""
    stages = yaml.safe_load(by_dvc.read("dvc.yaml"))["stages"]
    for name, stage in stages.items():
        inputs: set[str] = set()
        outputs: set[str] = set()
        outs = [next(iter(out)) if isinstance(out, dict) else out for out in stage["outs"]]
        for out in outs:
            path = by_dvc.folder / out
            records = path.rglob("*provenance.json") if path.is_dir() else [path]
            for record in records:
                if record.name.endswith("-from.json"):
                    told = json.loads(record.read_text())
                    inputs |= set(told["made_from"]) | set(told["sources"])
                    outputs |= {*told["made"], str(record.relative_to(by_dvc.folder))}
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
        # the number of trials and whose weights are kept are read by the Snakefile itself
        by_snakefile = {"sweep.trials", "sweep.parallel", "sweep.weights", "confirm"}
        assert unread <= by_snakefile, name


def keys_of(path: Path) -> set[str]:
    """The dotted keys of the study in a fragment."""
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


def test_plain_wandb_agent_takes_the_sweep_as_it_is(by_snakemake: Project) -> None:
    """The sweep's own command, without our agent: the run's values come from W&B."""
    sweep = yaml.safe_load(by_snakemake.read("results/sweep/sweep.yaml"))
    values = {"batch_size": 4, "learning_rate": 0.002, "dropout": 0.1, "l2_reg": 0.0001}
    key = "k" * 40
    with Backend(key, sweep, "plain-run", values) as backend:
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


def test_a_changed_single_run_trains_alone_and_the_way_back_trains_nothing(
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


def test_the_pasted_best_configuration_is_found_in_the_store(by_snakemake: Project) -> None:
    best = yaml.safe_load(by_snakemake.read("results/best_config.yaml"))
    evidence = best.pop("evidence")
    by_snakemake.change_study(best)
    assert "epoch" not in by_snakemake.snakemake("--", "results/train/metrics.json")
    metrics = json.loads(by_snakemake.read("results/train/metrics.json"))
    assert metrics["val_dice_coefficient"] == evidence["val_dice_coefficient"]
    by_snakemake.run("git", "checkout", "params.yaml")


def test_a_lost_or_edited_result_is_restored_not_trained(by_snakemake: Project) -> None:
    metrics = by_snakemake.folder / "results/trials/002/metrics.json"
    before = metrics.read_bytes()
    metrics.write_text("{}")
    (by_snakemake.folder / "results/best/model.safetensors").unlink()
    assert "epoch" not in by_snakemake.snakemake()
    assert metrics.read_bytes() == before
    assert by_snakemake.nothing_to_be_done()


def test_a_fault_in_the_study_is_one_sentence(clones: Callable[[str], Project]) -> None:
    project = clones("faulty")
    (project.folder / "params.yaml").write_text("sweep: {trails: 3}\n")
    told = project.snakemake(check=False)
    assert "error: params.yaml: unknown key 'sweep.trails'; did you mean 'trials'?" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("text", ["", "- 1\n", "a: [\n"])
def test_a_broken_study_file_is_one_sentence(clones: Callable[[str], Project], text: str) -> None:
    project = clones("broken study")
    (project.folder / "params.yaml").write_text(text)
    told = project.snakemake("--dry-run", check=False)
    assert "error: params.yaml: " in told
    assert "Traceback" not in told
    assert "WorkflowError" not in told


def test_a_failing_rule_names_its_cause_and_its_log(clones: Callable[[str], Project]) -> None:
    project = clones("unlucky")
    project.change_study({"data": {"sample": "pupils"}, "preprocess": {"test_fraction": 0.15}})
    project.snakemake("--", "data/raw/provenance.json")
    mask = next((project.folder / "data/raw/masks").iterdir())
    mask.write_bytes(b"no image")
    told = project.run(
        *("python", "workflow/scripts/preprocess.py", "params.yaml", "data/raw", "data/processed"),
        check=False,
    )
    assert told.startswith("error: ")
    assert mask.name in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "module", ["provenance", "store", "study", "analysis.leaderboard", "unet.devices", "sweep.plan"]
)
def test_light_parts_import_neither_torch_nor_wandb(module: str) -> None:
    code = f"import sys, segsweep.{module}; print({{'torch', 'wandb'}} & set(sys.modules))"
    paths = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment() | paths, capture_output=True, text=True
    )
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.parametrize("script", sorted(p.name for p in (ROOT / "workflow/scripts").glob("*.py")))
def test_every_script_explains_itself_with_an_example(script: str) -> None:
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


def test_the_winner_was_trained_again_under_new_seeds(by_snakemake: Project) -> None:
    rows = list(
        csv.DictReader(by_snakemake.read("results/confirm/confirmation.csv").decode().splitlines())
    )
    verdict = json.loads(by_snakemake.read("results/confirm/verdict.json"))
    best = yaml.safe_load(by_snakemake.read("results/best_config.yaml"))
    assert len({(row["trial"], row["seed"]) for row in rows}) == len(rows) == 4
    assert {row["seed"] for row in rows} == {"1", "2"}
    assert best["evidence"]["trial"] == verdict["winner"]
    assert {row["trial"] for row in rows} == {str(c["trial"]) for c in verdict["candidates"]}
    confirmed = best["evidence"]["confirmed"]
    assert confirmed["low"] <= confirmed["mean"] <= confirmed["high"]
    assert "best_observed" in best["evidence"]


def test_the_test_split_is_judged_for_the_winner(by_snakemake: Project) -> None:
    manifest = csv.DictReader(
        by_snakemake.read("data/processed/manifest.csv").decode().splitlines()
    )
    tested = {row["name"] for row in manifest if row["split"] == "test"}
    rows = csv.DictReader(by_snakemake.read("results/test/images.csv").decode().splitlines())
    assert {row["name"] for row in rows} == tested


def test_a_change_to_the_analysis_trains_nothing(by_snakemake: Project) -> None:
    source = by_snakemake.folder / "src/segsweep/analysis/training_findings.py"
    source.write_text(source.read_text() + "# a comment\n")
    told = by_snakemake.snakemake("--dry-run")
    by_snakemake.run("git", "checkout", str(source))
    assert "evaluate" in told
    words = [line.split() for line in told.splitlines()]
    jobs = {each[0] for each in words if len(each) == 2 and each[1].isdigit()}
    assert "report" in jobs
    assert jobs.isdisjoint({"trial", "train", "rerun", "best", "suggest", "preprocess"})


def test_the_next_study_runs_and_begins_with_the_trials_so_far(by_snakemake: Project) -> None:
    designed = yaml.safe_load(by_snakemake.read("results/next/params.yaml"))
    (by_snakemake.folder / "params.yaml").write_text(
        yaml.safe_dump(designed | {"sweep": {**designed["sweep"], "trials": 2}})
    )
    told = by_snakemake.snakemake("results/trials/001/metrics.json")
    by_snakemake.run("git", "checkout", "params.yaml")
    assert "sweep: begins with " in told
    page = by_snakemake.read("results/report.html").decode()  # of the running sweep
    assert "1 of 2" in page
    so_far = by_snakemake.read("results/leaderboard.csv").decode().splitlines()
    assert len(so_far) == 1 + 1  # the header, and trial 0; no result, so it is made again
    assert "aggregate" in by_snakemake.snakemake("--dry-run", "results/leaderboard.csv")
