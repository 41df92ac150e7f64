"""`segsweep` runs the code of the clone in whose folder it is called."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from project import ROOT, environment

PRINTS_ITS_FILE = """
import sys

def main() -> None:
    print(__file__, *sys.argv[1:])
"""


def make_clone(folder: Path) -> Path:
    """Create what the launcher looks for; its `segsweep` prints its own file and arguments."""
    package = folder / "src/segsweep"
    (package / "cli").mkdir(parents=True)
    for file in (folder / "Snakefile", package / "__init__.py", package / "cli/__init__.py"):
        file.touch()
    (package / "cli/app.py").write_text(PRINTS_ITS_FILE)
    return folder


def call(folder: Path, *arguments: str, program: str = "segsweep") -> str:
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.rstrip("\n")


def code_of(clone: Path) -> str:
    return str(clone / "src/segsweep/cli/app.py")


def test_make_setup_installs_the_launcher_of_this_tree() -> None:
    program = shutil.which("segsweep", path=environment()["PATH"])
    assert program, "run `make setup`"
    assert Path(program).parent == Path(sys.executable).parent
    assert Path(program).read_text() == (ROOT / "envs/launcher.sh").read_text(), "run `make setup`"


def test_two_clones_with_one_environment_use_their_own_code(tmp_path: Path) -> None:
    for name in ("one", "another one"):
        clone = make_clone(tmp_path / name)
        assert call(clone, "predict", "a b", "--out=c") == f"{code_of(clone)} predict a b --out=c"


def test_a_folder_inside_a_clone_uses_the_clone(tmp_path: Path) -> None:
    clone = make_clone(tmp_path)
    (clone / "results/trials").mkdir(parents=True)
    assert call(clone / "results/trials") == code_of(clone)


def test_a_dvc_experiment_uses_its_own_code(tmp_path: Path) -> None:
    experiment = make_clone(make_clone(tmp_path) / ".dvc/tmp/exps/tmp1234")
    (experiment / "results").mkdir()
    assert call(experiment / "results") == code_of(experiment)


def test_files_of_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    clone = make_clone(tmp_path)
    (clone / "segsweep").mkdir()
    (clone / "segsweep/__init__.py").write_text("raise SystemExit('wrong package')")
    (clone / "types.py").write_text("raise SystemExit('wrong module')")
    assert call(clone) == code_of(clone)


def test_environments_with_spaces_in_their_path_and_links_work(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    programs = tmp_path / "my environment/bin"
    programs.mkdir(parents=True)
    shutil.copy(ROOT / "envs/launcher.sh", programs / "segsweep")
    (programs / "segsweep").chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    link = tmp_path / "segsweep"
    link.symlink_to(programs / "segsweep")
    for program in (programs / "segsweep", link):
        assert call(clone, program=str(program)) == code_of(clone)


@pytest.mark.parametrize("folder", ["/", "outside"])
def test_outside_a_clone_it_says_what_to_do(folder: str, tmp_path: Path) -> None:
    outside = tmp_path / folder
    outside.mkdir(exist_ok=True)
    done = subprocess.run(
        ["segsweep", "--help"], cwd=outside, env=environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {outside}: found no clone of segsweep here")
    assert "change to the folder of your clone" in done.stderr
    assert done.stderr.count("\n") == 1
