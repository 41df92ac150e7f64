"""Which jobs hold: by content, never by time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from project import ROOT
from segsweep.pipeline.fingerprint import STATE
from segsweep.pipeline.job_record import write_record
from segsweep.pipeline.staleness import STUDY_AS_READ, StalenessCheck, is_dry, sources


@pytest.fixture(autouse=True)
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """raw -> a -> b, both made."""
    monkeypatch.chdir(tmp_path)
    Path("raw").write_text("1")
    reading()
    for outs, ins in ((["a", "a.json"], ["raw"]), (["b", "b.json"], ["a"])):
        Path(outs[0]).write_text(f"from {ins[0]}")
        write_record(outs, reading().hashes_of(ins))


class Probe(StalenessCheck):
    def hashes_of(self, paths: list[str]) -> dict[str, str]:
        return {p: str(self.hashes.of(p)) for p in paths}

    def which_run(self) -> list[str]:
        jobs = {"a": self.job(["a", "a.json"], raw="raw"), "b": self.job(["b", "b.json"], a="a")}
        return [name for name, inputs in jobs.items() if "stale" in inputs]


def reading() -> Probe:
    return Probe(dry=True, main=True)


def test_made_results_hold_whatever_their_times() -> None:
    assert reading().which_run() == []
    os.utime("raw")
    os.utime("b", (1_000_000_000, 1_000_000_000))
    assert reading().which_run() == []


@pytest.mark.parametrize(
    ("path", "stale"), [("raw", ["a", "b"]), ("a", ["a", "b"]), ("b", ["b"]), ("b.json", ["b"])]
)
def test_a_changed_file_makes_its_job_and_all_below_stale(path: str, stale: list[str]) -> None:
    before = Path(path).read_text()
    Path(path).write_text("changed")
    assert reading().which_run() == stale
    Path(path).write_text(before)
    assert reading().which_run() == []


def test_a_folder_is_its_files_and_their_names() -> None:
    Path("d").mkdir()
    Path("d/x").write_text("1")
    first = reading().hashes.of("d")
    Path("d/.snakemake_timestamp").write_text("")
    assert reading().hashes.of("d") == first
    Path("d/x").rename("d/y")
    assert reading().hashes.of("d") != first


def test_verify_ends_the_run_when_a_file_changed_under_it() -> None:
    now = reading()
    now.which_run()
    now.verify()
    Path("raw").write_text("2")
    with pytest.raises(SystemExit, match=r"a\.json: files changed while the run went on"):
        now.verify()


def test_verify_ends_a_dvc_stage_whose_study_was_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", "train")
    now = reading()
    Path("params.yaml").write_text("epochs: 2\n")
    with pytest.raises(SystemExit, match=r"params\.yaml changed"):
        now.verify()


def test_a_result_from_the_future_is_refused_with_the_cure() -> None:
    Path("raw").write_text("2")
    os.utime("a", (4_000_000_000, 4_000_000_000))
    with pytest.raises(SystemExit, match="touch a"):
        reading().which_run()


def test_a_reading_on_a_node_leaves_alone_what_the_run_keeps() -> None:
    """Other jobs write meanwhile: their results are newer than the run."""
    run = Probe(dry=False, main=True)
    run.keep_study({"epochs": 3})
    run.which_run()
    run.end()
    kept = {path: path.read_bytes() for path in STATE.iterdir() if path.is_file()}
    assert STUDY_AS_READ in kept
    Path("a").write_text("half")
    os.utime("a", (4_000_000_000, 4_000_000_000))
    there = Probe(dry=False, main=False)
    assert there.which_run() == ["a", "b"]
    there.end()
    assert {path: path.read_bytes() for path in STATE.iterdir() if path.is_file()} == kept


def test_two_runs_in_one_folder_are_refused_at_once_and_a_dry_run_is_not() -> None:
    holder = StalenessCheck(dry=False, main=True)
    code = (
        "from segsweep.pipeline.staleness import StalenessCheck; StalenessCheck(dry={}, main=True)"
    )
    for dry, status in ((False, 1), (True, 0)):
        done = subprocess.run(
            [sys.executable, "-c", code.format(dry)],
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == status
        assert ("another snakemake runs in" in done.stderr) == (not dry)
    assert holder


@pytest.mark.parametrize(
    ("line", "dry"),
    [
        ("snakemake --cores 8 --resources gpu=1", False),
        ("snakemake -n", True),
        ("snakemake -np", True),
        ("snakemake --dry-run", True),
        ("snakemake --rulegraph", True),
        ("snakemake -c 8 -- results/train/metrics.json", False),
    ],
)
def test_what_only_looks_is_told_from_what_runs(line: str, dry: bool) -> None:
    assert is_dry(line.split()[1:]) == dry


def test_the_sources_of_a_training_are_all_it_imports_and_nothing_of_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    found = sources("src/segsweep/training/run.py")
    assert {f"src/segsweep/unet/{n}.py" for n in ("training", "network", "dice")} <= set(found)
    assert "src/segsweep/data/dataset.py" in found
    assert not [f for f in found if "analysis" in f or "sweep/sweep" in f or "study" in f]
