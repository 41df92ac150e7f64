"""One bit flipped, or one block zeroed, in any file that the program wrote.

The next run must end with the true bytes, or with one sentence whose advice leads to them.
"""

import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from counting_project import TOOLS, CountingProject
from faults.conftest import end_session, wait_for

Fresh = Callable[[str], CountingProject]

DRAWS = int(os.environ.get("BIT_FLIPS", "200"))
SEED = int(os.environ.get("BIT_FLIP_SEED", "0"))
AT_ONCE = 10
"""Files that are damaged before each run."""
BLOCK = 4096
WRITTEN = ("data/raw", "data/processed", "results", "logs", ".store", ".snakemake/segsweep")
ADVICE = re.compile(r"delete (?:the folder|the file|it|(?P<path>\S+))")
FILE = re.compile(r"^(?:error: )?(?P<path>[^\s:]+): ")


@pytest.fixture(scope="module")
def finished(fresh: Fresh) -> CountingProject:
    """Return a project with all results, and the checkpoints of a training that was killed."""
    project = fresh("flipped")
    project.tool("snakemake")
    project.change_study({"learning_rate": 0.02})
    before = project.lines().count("epoch")
    running = project.start(*TOOLS["snakemake"], "--", "results/train/metrics.json")
    wait_for(lambda: project.lines().count("epoch") > before, 120, "the first epoch")
    end_session(running)
    assert list((project.folder / ".store/checkpoints").rglob("last.safetensors"))
    return project


@pytest.fixture(scope="module")
def truth(finished: CountingProject, fresh: Fresh) -> dict[str, bytes]:
    """Return the results of the same study in a clone that nothing disturbs."""
    project = fresh("true")
    (project.folder / "params.yaml").write_bytes(finished.read("params.yaml"))
    project.tool("snakemake")
    return project.results()


def damage(file: Path, chance: random.Random) -> str:
    """Flip one bit or zero one block of a file; return what was done."""
    content = bytearray(file.read_bytes())
    place = chance.randrange(len(content))
    if chance.random() < 0.5:
        content[place] ^= 1 << chance.randrange(8)
        done = f"flipped a bit of byte {place}"
    else:
        start = place - place % BLOCK
        end = min(start + BLOCK, len(content))
        content[start:end] = bytes(end - start)
        done = f"zeroed bytes {start} to {end}"
    state = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))  # as a disk does that loses a bit
    return done


def follow(advice: str, project: CountingProject) -> None:
    """Do what a message says, other than running the command again."""
    if "move the folder out of the project" in advice:
        shutil.rmtree(project.folder / "data/raw")
    for line in advice.splitlines():
        if match := ADVICE.search(line):
            named = match["path"] or (FILE.match(line) or {"path": ""})["path"]
            path = project.folder / named.rstrip(";,.")
            assert named, line
            assert path.exists(), line
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("number", range(DRAWS // AT_ONCE))
def test_a_damaged_file_changes_no_result(
    finished: CountingProject, truth: dict[str, bytes], tmp_path: Path, number: int
) -> None:
    chance = random.Random(1000 * SEED + number)
    folder = tmp_path / "a clone"
    shutil.copytree(finished.folder, folder, symlinks=True)
    project = CountingProject(folder, counter=tmp_path / "counter")
    tops = [folder / top for top in WRITTEN]
    files = [file for top in tops for file in sorted(top.rglob("*")) if not file.is_symlink()]
    files = [file for file in files if file.is_file() and file.stat().st_size]
    done = {
        str(file.relative_to(folder)): damage(file, chance)
        for file in chance.sample(files, AT_ONCE)
    }
    for _ in range(2 * AT_ONCE):
        running = project.start(*TOOLS["snakemake"])
        output = running.communicate(timeout=300)[0]
        if running.returncode == 0:
            break
        assert "Traceback" not in output, (done, output)
        follow(output, project)
    assert running.returncode == 0, (done, output)
    assert project.results() == truth, done
