"""Every order of DVC and Snakemake: nothing trained twice, nothing false recorded.

Each row counts real trainings (a study of three trials and the single run: four).
"""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from counting_project import TOOLS, Witnessed
from faults.conftest import end_session, wait_for

Fresh = Callable[[str], Witnessed]

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
def made(fresh: Fresh) -> Witnessed:
    """A clone in which all is made and committed by DVC."""
    project = fresh("made")
    project.tool("repro")
    assert project.trainings() == 4
    project.commit("made")
    return project


def truth(project: Witnessed) -> None:
    """Every result belongs to the study as it stands, for both tools."""
    assert project.nothing_to_be_done()
    study = yaml.safe_load((project.folder / "params.yaml").read_text())
    metrics = json.loads(project.read("results/train/metrics.json"))
    assert metrics["effective_batch_size"] == min(study["batch_size"], 36)
    assert metrics["epochs"] == study["epochs"]


@pytest.mark.parametrize("first", list(TOOLS))
def test_a_each_tool_first_then_the_others(fresh: Fresh, first: str) -> None:
    project = fresh(f"first {first}")
    project.tool(first)
    assert project.trainings() == 4
    expected = {"snakemake": 0, "repro": 0, "experiment": 0 if first == "experiment" else 1}
    for other in TOOLS:
        if other != first:
            project.tool(other)
            assert project.trainings() == expected[other], other
            truth(project)


@pytest.mark.parametrize(("change", "trainings"), KEYS, ids=lambda v: str(v))
def test_b_and_c_a_key_edited_by_hand_and_back(
    made: Witnessed, change: dict[str, object], trainings: int
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
    truth(made)


@pytest.mark.parametrize(("way", "number"), [("-S", 1), ("--temp", 2), ("--queue", 3)])
def test_b_a_key_of_every_section_changed_by_an_experiment(
    made: Witnessed, way: str, number: int
) -> None:
    """Every setting is new when it is first asked for; asked for again, nothing trains."""
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
            truth(made)
            made.run("git", "checkout", "--", "params.yaml")
    if way == "--queue":
        made.run("dvc", "queue", "start")
        wait_for(lambda: queue_is_done(made), 500, "the queue")
        assert made.trainings() == sum(trainings for _, trainings in changes)
    for settings, _ in (changes[0], changes[3]):
        made.run("dvc", "exp", "run", "-S", settings[0])
        assert made.trainings() == 0, settings
        truth(made)
        made.run("git", "checkout", "--", "params.yaml")
    assert settings[0].split("=")[1] in made.run("dvc", "exp", "show", "--csv")
    made.tool("repro")
    assert made.trainings() == 0
    truth(made)


def queue_is_done(project: Witnessed) -> bool:
    status = project.run("dvc", "queue", "status")
    return "Running" not in status and "Queued" not in status


@pytest.mark.parametrize(
    ("path", "how", "trainings"),
    [
        ("src/segsweep/training/fit.py", "touch", 0),
        ("src/segsweep/training/fit.py", "edit", 4),
        ("src/segsweep/selection/leaderboard.py", "edit", 0),
        ("src/segsweep/wandb_backend/agent.py", "edit", 0),
        ("README.md", "edit", 0),
    ],
)
def test_b_sources_touched_and_edited(made: Witnessed, path: str, how: str, trainings: int) -> None:
    file = made.folder / path
    before = file.read_text()
    file.write_text(before + ("# a comment\n" if how == "edit" else ""))
    for tool, expected in (("repro", trainings), ("snakemake", 0)):
        made.tool(tool)
        assert made.trainings() == expected
    truth(made)
    file.write_text(before)
    made.tool("snakemake")
    made.tool("repro")
    assert made.trainings() == 0


def test_d_more_trials_and_fewer(made: Witnessed) -> None:
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


def test_e_apply_checkout_and_a_clone_with_pull(made: Witnessed, tmp_path: Path) -> None:
    made.run("dvc", "exp", "run", "-S", "dropout=0.31", "--name", "one")
    made.trainings()
    made.run("git", "checkout", "--", "params.yaml", "dvc.lock")
    made.run("dvc", "checkout", "--force")
    truth(made)
    made.run("dvc", "exp", "apply", "one")
    truth(made)
    made.run("git", "checkout", "--", ".")
    made.run("dvc", "checkout", "--force")
    truth(made)
    made.run("dvc", "remote", "add", "--local", "--default", "here", str(tmp_path / "remote"))
    made.run("dvc", "push")
    other = tmp_path / "another clone"
    subprocess.run(["git", "clone", "--quiet", str(made.folder), str(other)], check=True)
    clone = Witnessed(other, witness=tmp_path / "witness")
    clone.run("dvc", "remote", "add", "--local", "--default", "here", str(tmp_path / "remote"))
    clone.run("dvc", "pull")
    truth(clone)
    clone.tool("snakemake")
    assert clone.trainings() == 0


@pytest.mark.parametrize("tool", ["snakemake", "repro"])
def test_f_the_lying_sequence(fresh: Fresh, tool: str) -> None:
    """Train at 32, commit, at 64, commit, check 32 out, ask for 64."""
    project = fresh(f"lying {tool}")
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
    truth(project)
    assert project.read("results/train/metrics.json") == values[6]
    project.change_study({"batch_size": 12})
    project.tool(tool)
    truth(project)
    assert project.read("results/train/metrics.json") == values[12]
    assert project.trainings() == 0


@pytest.mark.parametrize("kind", ["copy", "hardlink", "symlink"])
def test_g_cache_types(made: Witnessed, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / kind
    shutil.copytree(made.folder, folder, symlinks=True)
    project = Witnessed(folder, witness=tmp_path / "witness")
    project.run("dvc", "config", "--local", "cache.type", kind)
    project.run("dvc", "checkout", "--relink", "--force")
    truth(project)
    project.change_study({"learning_rate": 0.007})
    project.tool("repro")
    assert project.trainings() == 1
    truth(project)
    project.run("git", "checkout", "--", "params.yaml")
    project.tool("snakemake")
    project.tool("repro")
    assert project.trainings() == 0
    truth(project)


def test_h_a_dry_run_changes_no_byte_and_no_time(made: Witnessed, fresh: Fresh) -> None:
    def state(project: Witnessed) -> dict[str, tuple[int, int]]:
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
def test_i_a_tampered_result_is_noticed_and_restored(made: Witnessed, path: str) -> None:
    file = made.folder / path
    before = file.read_bytes()
    file.write_bytes(before[: len(before) // 2] + b"?")
    assert not made.nothing_to_be_done()
    made.tool("snakemake")
    assert file.read_bytes() == before
    assert made.trainings() == 0
    truth(made)


@pytest.mark.parametrize("edited", ["params.yaml", "src/segsweep/training/metrics.py"])
def test_j_an_edit_while_a_stage_runs_fails_it(made: Witnessed, edited: str) -> None:
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
        kept + "# edited\n" if edited.endswith(".py") else kept.replace("0.0111", "0.5")
    )
    told, _ = running.communicate(timeout=120)
    assert running.returncode != 0, told
    assert "run it again" in told
    file.write_text(kept)
    made.trainings()
    made.tool("repro")
    truth(made)
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("repro")
    made.trainings()
    assert before == 0


def test_k_an_experiment_beside_a_running_stage_shows_and_is_cured(fresh: Fresh) -> None:
    """DVC itself swaps files under the run: the documentation says --temp or --queue beside one."""
    project = fresh("race")
    project.tool("repro")
    project.commit("made")
    project.change_study({"learning_rate": 0.0123})
    running = project.start("dvc", "repro")
    wait_for(lambda: project.lines().count("training") > 4, 60, "the training")
    told = project.run("dvc", "exp", "run", "-S", "learning_rate=0.0321", check=False)
    assert "ERROR" in told
    running.communicate(timeout=120)
    # whatever DVC left behind, this makes it true again
    project.snakemake()
    project.run("dvc", "commit", "--force")
    truth(project)
    assert "up to date" in project.run("dvc", "repro")


def test_k_beside_a_run_temp_experiments_are_safe(made: Witnessed) -> None:
    made.change_study({"learning_rate": 0.0222})
    made.trainings()
    running = made.start("dvc", "repro", "train")
    wait_for(lambda: made.lines().count("training") > made.seen, 60, "the training")
    made.run("dvc", "exp", "run", "--temp", "-S", "learning_rate=0.0222")
    running.communicate(timeout=120)
    assert running.returncode == 0
    assert made.trainings() == 1
    assert "Nothing to be done" in made.snakemake("--dry-run", "results/train/metrics.json")
    made.tool("repro")  # the next study is redesigned from the changed one
    truth(made)
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("repro")


def test_two_runs_in_one_folder_get_one_sentence_at_once(made: Witnessed) -> None:
    made.change_study({"learning_rate": 0.0333})
    running = made.start("snakemake", "--cores", "2")
    wait_for(lambda: made.lines().count("training") > made.seen, 60, "the training")
    started = time.monotonic()
    told = made.snakemake(check=False)
    assert "error: another snakemake runs in" in told
    assert time.monotonic() - started < 5
    assert "Traceback" not in told
    made.snakemake("--dry-run")
    end_session(running)
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("snakemake")
    made.trainings()


def test_gc_keeps_what_results_commits_and_experiments_refer_to(made: Witnessed) -> None:
    script = ("python", "workflow/scripts/store.py", "gc")
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


def test_why_and_accept(made: Witnessed) -> None:
    told = made.run("python", "workflow/scripts/why.py", "results/trials/001")
    assert "results/trials/001/provenance.json: current" in told
    source = made.folder / "src/segsweep/training/unet.py"
    before = source.read_text()
    source.write_text(before + "# a comment\n")
    told = made.run("python", "workflow/scripts/why.py", "results/trials/001", check=False)
    assert "CHANGED  src/segsweep/training/unet.py" in told
    made.run("python", "workflow/scripts/accept.py", "--reason", "a comment")
    assert made.nothing_to_be_done()
    told = made.run("python", "workflow/scripts/why.py", "results/train")
    assert "accepted src/segsweep/training/unet.py in another version: a comment" in told
    made.run("dvc", "repro", "--force")
    assert made.trainings() == 0
    source.write_text(before)
    made.change_study({"learning_rate": 0.5})
    told = made.run("python", "workflow/scripts/why.py", "results/train", check=False)
    assert "params.yaml: learning_rate" in told
    made.run("git", "checkout", "--", "params.yaml")
    made.tool("repro")
    assert made.trainings() == 0
