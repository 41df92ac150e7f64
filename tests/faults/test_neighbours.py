"""DVC in the folder of a running Snakemake, and paths of projects with special characters."""

import shutil
import subprocess
from pathlib import Path

import pytest

from counting_project import CountingProject
from faults.conftest import end_session, wait_for
from faults.test_faults import Fresh
from project import Project


@pytest.fixture(scope="module")
def made(fresh: Fresh) -> CountingProject:
    project = fresh("neighbours")
    project.tool("repro", "train")
    project.commit("a single run")
    return project


def processed(project: Project) -> dict[str, bytes]:
    files = (project.folder / "data/processed").iterdir()
    return {file.name: file.read_bytes() for file in files}


def start_training(project: CountingProject, learning_rate: float) -> subprocess.Popen[str]:
    project.epochs()
    project.change_study({"epochs": 2000, "learning_rate": learning_rate})
    running = project.start("snakemake", "--cores", "1", "--", "results/train/metrics.json")
    wait_for(lambda: project.epochs() > 0, 60, "the training")
    return running


def test_dvc_repro_leaves_the_files_of_a_running_snakemake_alone(made: CountingProject) -> None:
    before = processed(made)
    running = start_training(made, 0.0333)
    for command in (("dvc", "repro"), ("dvc", "repro", "--force", "train")):
        output = made.run(*command, check=False)
        assert f"(PID {running.pid}): snakemake; wait until it has ended" in output
        assert processed(made) == before
    made.run("dvc", "status", "train")
    made.run("dvc", "exp", "run", "--temp", "--set-param", "epochs=1", "train")
    assert running.poll() is None
    end_session(running)  # by kill -9, so its entry in DVC's list of locks stays
    made.run("git", "checkout", "--", "params.yaml")
    made.run("dvc", "repro", "train")
    assert processed(made) == before


def test_an_experiment_in_the_work_tree_waits_for_a_running_snakemake(
    made: CountingProject,
) -> None:
    before = processed(made)
    running = start_training(made, 0.0444)
    settings = ("--set-param", "batch_size=4", "--set-param", "epochs=1")
    waiting = made.start("dvc", "exp", "run", *settings, "train")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(10)
    assert processed(made) == before
    assert running.poll() is None
    end_session(running)
    output = waiting.communicate(timeout=120)[0]
    assert waiting.returncode == 0, output
    assert "batch_size: 4" in made.read("params.yaml").decode()
    assert "Nothing to be done" in made.snakemake("-n", "results/train/metrics.json")


@pytest.mark.parametrize("name", ['it\'s $HOME `x` \\ 100% "q"', "new\nline", "ünï #~;&|<>*?[a]"])
def test_the_path_of_a_project_may_have_special_characters(
    tiny: Path, tmp_path: Path, name: str
) -> None:
    project = clone(tiny, tmp_path / name)
    project.run(*python(project), "snakemake", "--cores", "1", "--", "data/processed/manifest.csv")
    assert (project.folder / "data/processed/manifest.csv").exists()


@pytest.mark.parametrize("name", ["a {b} c", "{", "a}b"])
def test_a_path_with_braces_is_refused_in_one_sentence(
    tiny: Path, tmp_path: Path, name: str
) -> None:
    project = clone(tiny, tmp_path / name)
    output = project.run(*python(project), "snakemake", "--cores", "1", check=False)
    assert f"error: {project.folder}: found a brace in the path" in output
    assert "Traceback" not in output


def clone(origin: Path, folder: Path) -> Project:
    """Return a clone with a Python environment inside, whose path has the same characters."""
    subprocess.run(["git", "clone", "--quiet", str(origin), str(folder)], check=True)
    program = shutil.which("python")
    assert program is not None
    (folder / ".venv").symlink_to(Path(program).parents[1])
    return Project(folder)


def python(project: Project) -> tuple[str, str]:
    return str(project.folder / ".venv/bin/python"), "-m"
