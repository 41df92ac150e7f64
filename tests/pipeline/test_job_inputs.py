"""Files that another program exchanges during a job, even for a moment, make no result."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from project import ROOT, environment
from segsweep.core.files import content_hash, sha256
from segsweep.pipeline.fingerprint import code_hash

RUN_JOB = [sys.executable, "workflow/scripts/run_job.py", "--log", "log"]
LOSSES = "src/segsweep/training/losses.py"
WAIT = """
import sys, time
from pathlib import Path
import segsweep
Path('ready').touch()
while not Path('go').exists(): time.sleep(0.01)
"""
READ = "from segsweep.core.files import read_json; value = read_json('in.json')['rate']\n"
END = "Path('out').write_text(str(value)); Path('done').touch()\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project folder: the sources and a file that a job reads."""
    for part in ("src", "workflow"):
        shutil.copytree(ROOT / part, tmp_path / part, symlinks=True)
    (tmp_path / "in.json").write_text('{"rate": 0.1}')
    return tmp_path


def subset(folder: Path, name: str, content: dict[str, str]) -> str:
    """Write a file as the Snakefile does and return its path."""
    path = folder / "subset.yaml"
    path.write_text(yaml.safe_dump(content))
    target = Path(f".snakemake/segsweep/inputs/{name}-{sha256(path)[:16]}.yaml")
    (folder / target).parent.mkdir(parents=True, exist_ok=True)
    path.rename(folder / target)
    return str(target)


def run(
    folder: Path,
    code: str,
    inputs: Sequence[str],
    meanwhile: Callable[[], None] = lambda: None,
    options: Sequence[str] = ("--cache", "test"),
) -> tuple[int, str]:
    """Run a job that waits until `meanwhile` was called; return its status and messages."""
    for name in ("ready", "go", "done"):
        (folder / name).unlink(missing_ok=True)
    job = [*RUN_JOB, *options, "--outputs", "out", "provenance.json", "--inputs", *inputs, "--"]
    command = [*job, sys.executable, "-c", WAIT + code + END]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment() | {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        end = time.monotonic() + 60
        while not (folder / "ready").exists() and running.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        meanwhile()
        (folder / "go").touch()
        output = running.communicate(timeout=60)[0]
    return running.returncode, output


def results(folder: Path) -> list[str]:
    """Return the record and all files of the cache's entries."""
    files = [folder / "provenance.json", *(folder / ".store/entries").rglob("*")]
    return [file.name for file in files if file.is_file()]


def test_an_undisturbed_job_has_a_record_and_a_cache_entry(folder: Path) -> None:
    assert run(folder, READ, ["in.json"])[0] == 0
    assert (folder / "out").read_text() == "0.1"
    assert sorted(results(folder)) == ["entry.json", "out", "provenance.json"]


@pytest.mark.parametrize("options", [("--cache", "test"), ()], ids=["cached", "plain"])
def test_a_file_that_is_exchanged_before_it_is_read_ends_the_job(
    folder: Path, options: Sequence[str]
) -> None:
    def exchange() -> None:
        (folder / "in.json").write_text('{"rate": 0.2}')

    status, output = run(folder, READ, ["in.json"], exchange, options)
    assert status == 1
    assert "in.json: changed during the run; run snakemake again" in output
    assert results(folder) == []


def test_a_file_that_is_exchanged_for_a_moment_ends_the_job(folder: Path) -> None:
    """The job itself puts the original back after it has read the other file."""
    other = "Path('in.json').write_text('{\"rate\": 0.2}')\n"
    back = "Path('in.json').write_text('{\"rate\": 0.1}')\n"
    tried = f"{other}try:\n    {READ}\nfinally:\n    {back}"
    status, output = run(folder, tried, ["in.json"])
    assert (status, results(folder)) == (1, [])
    assert "in.json: changed during the run" in output
    assert run(folder, READ, ["in.json"])[0] == 0
    assert (folder / "out").read_text() == "0.1"


def test_a_file_that_is_exchanged_after_it_was_read_is_not_recorded(folder: Path) -> None:
    other = "Path('in.json').write_text('{\"rate\": 0.2}')\n"
    status, output = run(folder, READ + other, ["in.json"])
    assert (status, results(folder)) == (1, [])
    assert "in.json: changed during the run" in output


def test_a_result_of_an_earlier_job_is_compared_by_that_jobs_record(folder: Path) -> None:
    """A suggestion reads all earlier trials, but only the last record is its input."""
    first, second = folder / "first-provenance.json", folder / "second-provenance.json"
    made = {"in.json": sha256(folder / "in.json")}
    first.write_text(json.dumps({"made_from": {}, "made": made}))
    second.write_text(json.dumps({"made_from": {first.name: sha256(first)}, "made": {}}))

    def exchange() -> None:
        (folder / "in.json").write_text('{"rate": 0.2}')

    status, output = run(folder, READ, ["second-provenance.json"], exchange)
    assert (status, results(folder)) == (1, [])
    assert "in.json: changed during the run" in output


def test_a_module_that_is_exchanged_for_a_moment_ends_the_job(folder: Path) -> None:
    sources = subset(folder, "test-sources", {LOSSES: code_hash(folder / LOSSES)})
    original = (folder / LOSSES).read_text()
    code = (
        f"source = Path('{LOSSES}').read_text()\n"
        f"Path('{LOSSES}').write_text(source + 'EXCHANGED = 1')\n"
        "try:\n    from segsweep.training import losses as value\n"
        f"finally:\n    Path('{LOSSES}').write_text(source)\n"
    )
    status, output = run(folder, code, [sources])
    assert (status, results(folder)) == (1, [])
    assert f"{LOSSES}: changed during the run" in output
    assert (folder / LOSSES).read_text() == original


def test_a_compiled_module_of_another_version_is_not_used(folder: Path) -> None:
    """Python recognises a compiled file by the second of the source's time and its size."""
    module = folder / LOSSES
    module.write_text("VALUE = 1\n")
    times = (1_700_000_000, 1_700_000_000)
    os.utime(module, times)
    run(folder, "from segsweep.training.losses import VALUE as value\n", ["in.json"])
    assert (folder / "out").read_text() == "1"
    module.write_text("VALUE = 2\n")
    os.utime(module, times)
    sources = subset(folder, "test-sources", {LOSSES: code_hash(module)})
    run(folder, "from segsweep.training.losses import VALUE as value\n", [sources])
    assert (folder / "out").read_text() == "2"


def test_a_part_of_the_study_with_another_content_than_its_name_says_is_refused(
    folder: Path,
) -> None:
    path = subset(folder, "train", {"learning_rate": "0.001"})
    (folder / path).write_text((folder / path).read_text().replace("0.001", "0.002"))
    status, output = run(folder, "value = 1\n", [path])
    assert (status, results(folder)) == (1, [])
    assert f"{path}: changed during the run; run snakemake again" in output


def test_a_file_of_a_folder_that_is_exchanged_for_a_moment_is_not_recorded(folder: Path) -> None:
    (folder / "images").mkdir()
    image = folder / "images/a.png"
    image.write_bytes(b"1")
    before = content_hash(folder / "images")

    def exchange() -> None:
        image.write_bytes(b"2")
        image.write_bytes(b"1")

    status, output = run(folder, "value = 1\n", ["images"], exchange, ())
    assert (status, results(folder)) == (1, [])
    assert "images/a.png: changed during the run" in output
    assert content_hash(folder / "images") == before


@pytest.mark.parametrize("options", [("--cache", "test"), ()], ids=["cached", "plain"])
def test_an_output_that_is_exchanged_before_it_is_recorded_ends_the_job(
    folder: Path, options: Sequence[str]
) -> None:
    """As by `dvc checkout` between the last write of a training and its end."""
    code = (
        "from segsweep.core.files import write_text\n"
        "value = 1\n"
        "import atexit\n"
        "atexit.register(lambda: Path('out').write_text('old'))\n"
        "write_text('out', '1')\n"
        "END = Path.write_text\n"
        "Path.write_text = lambda self, text: END(self, text) if self.name != 'out' or text != '1'"
        " else 0\n"
    )
    status, output = run(folder, code, ["in.json"], options=options)
    assert (status, results(folder)) == (1, [])
    assert "out: changed during the run; run snakemake again" in output


def test_a_file_that_is_missing_for_a_moment_ends_the_job(folder: Path) -> None:
    code = (
        "from segsweep.core.files import is_there\n"
        "Path('in.json').rename('aside')\n"
        "try:\n    value = is_there('in.json')\n"
        "finally:\n    Path('aside').rename('in.json')\n"
    )
    status, output = run(folder, code, ["in.json"])
    assert (status, results(folder)) == (1, [])
    assert "in.json: changed during the run" in output


@pytest.mark.parametrize("other", ["exchanged", "with one more"])
def test_a_folder_that_is_exchanged_for_a_moment_ends_the_job(folder: Path, other: str) -> None:
    for name in ("images", "others"):
        (folder / name).mkdir()
        (folder / name / "a.png").write_bytes(name.encode())
    if other == "with one more":
        (folder / "others/a.png").write_bytes(b"images")
        (folder / "others/b.png").write_bytes(b"2")
    code = (
        "from segsweep.data.file_listing import list_images\n"
        "from segsweep.data.image_cache import check_expected_hash\n"
        "from segsweep.core.files import sha256\n"
        "Path('images').rename('aside'); Path('others').rename('images')\n"
        "try:\n"
        "    value = list_images(Path('images')).files\n"
        "    for file in value: check_expected_hash(file, sha256(file))\n"
        "finally:\n    Path('images').rename('others'); Path('aside').rename('images')\n"
    )
    status, output = run(folder, code, ["images"], options=())
    assert (status, results(folder)) == (1, [])
    assert "changed during the run" in output
