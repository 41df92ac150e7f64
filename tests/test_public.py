"""The public repository: consistent versions, CI jobs that exist, a clean Snakemake lint."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from project import ROOT, Project, environment
from segsweep import __version__

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
DEVELOPMENT = [Requirement(text) for text in PROJECT["dependency-groups"]["dev"]]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PYTHONS = ["3.11", "3.12", "3.13"]


def lock() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("needed", [*RUNTIME, *DEVELOPMENT], ids=lambda needed: needed.name)
def test_the_lock_file_satisfies_every_direct_dependency(needed: Requirement) -> None:
    pins = {canonicalize_name(name): version for name, version in (x.split("==") for x in lock())}
    assert needed.specifier.contains(pins[canonicalize_name(needed.name)], prereleases=True)


def test_the_conda_environment_has_the_versions_of_the_lock_file() -> None:
    environment_file = yaml.safe_load((ROOT / "envs/segsweep.yaml").read_text())
    python, pip, packages = environment_file["dependencies"]
    assert packages["pip"] == lock()
    assert pip == "pip"
    assert python.removeprefix("python=") in PYTHONS


def test_the_conda_environment_is_up_to_date(tmp_path: Path) -> None:
    written = tmp_path / "written.yaml"
    run(sys.executable, "tools/conda_environment.py", "requirements.lock", str(written))
    assert written.read_bytes() == (ROOT / "envs/segsweep.yaml").read_bytes()


def test_the_minimum_versions_are_the_lower_bounds() -> None:
    lines = run(sys.executable, "tools/minimum_versions.py", "pyproject.toml").splitlines()
    pinned = [Requirement(line) for line in lines[: len(RUNTIME)]]
    for bound, pin in zip(RUNTIME, pinned, strict=True):
        (lowest,) = bound.specifier
        assert (pin.name, str(pin.specifier)) == (bound.name, f"=={lowest.version}")
    assert lines[len(RUNTIME) :] == PROJECT["dependency-groups"]["dev"]


def test_a_dependency_without_a_lower_bound_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["numpy<3"]\n')
    done = subprocess.run(
        [sys.executable, "tools/minimum_versions.py", str(tmp_path / "pyproject.toml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: pyproject.toml: 'numpy<3' has no plain lower bound")


def test_the_citation_has_the_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_each_ci_job_runs_one_make_target_with_read_permission(workflow: Path) -> None:
    config = yaml.safe_load(workflow.read_text())
    assert config["permissions"] == {"contents": "read"}
    for name, job in config["jobs"].items():
        commands = [step["run"] for step in job["steps"] if "run" in step]
        made = [command for command in commands if command.startswith("make ")]
        assert len(made) == 1, name
        run("make", "--dry-run", made[0].removeprefix("make "))


def test_ci_tests_each_supported_python() -> None:
    config = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert config["jobs"]["test"]["strategy"]["matrix"]["python"] == PYTHONS
    named = re.findall(r"Python :: (3\.\d+)", json.dumps(PROJECT["project"]["classifiers"]))
    assert named == PYTHONS
    assert PROJECT["project"]["requires-python"] == f">={PYTHONS[0]}"


def test_snakemake_lint_finds_nothing(clones: Callable[[str], Project]) -> None:
    """With the audit on, so that all rules are checked."""
    project = clones("linted")
    project.change_study({"sweep": {"audit": True}})
    assert "good condition" in project.run("snakemake", "--lint")


def test_the_snakemake_catalog_entry_is_correct() -> None:
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    deployment = usage["software-stack-deployment"]
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert usage["mandatory-flags"]["flags"] == ""
    assert deployment["conda"] == ("conda:" in rules)
    assert deployment["apptainer"] == ("container:" in rules)
    assert usage["report"] == ("report(" in rules)
