"""Which jobs are up to date: decided by content, never by time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from project import ROOT
from segsweep.pipeline.explain import explain
from segsweep.pipeline.fingerprint import STATE
from segsweep.pipeline.job_record import write_record
from segsweep.pipeline.staleness import STUDY_OF_RUN, Job, StalenessCheck, is_read_only


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make b from a, and a from raw."""
    monkeypatch.chdir(tmp_path)
    Path("raw").write_text("1")
    check()
    for outs, ins in ((["a", "a.json"], ["raw"]), (["b", "b.json"], ["a"])):
        Path(outs[0]).write_text(f"from {ins[0]}")
        write_record(outs, check().hashes_of(ins))


class Check(StalenessCheck):
    def hashes_of(self, paths: list[str]) -> dict[str, str]:
        return {p: str(self.hashes.of(p)) for p in paths}

    def stale_jobs(self) -> list[str]:
        jobs = {
            "a": self.inputs(["a", "a.json"], raw="raw"),
            "b": self.inputs(["b", "b.json"], a="a"),
        }
        return [name for name, inputs in jobs.items() if "stale" in inputs]


def check() -> Check:
    return Check(dry=True, main=True)


def test_results_are_up_to_date_whatever_their_times() -> None:
    assert check().stale_jobs() == []
    os.utime("raw")
    os.utime("b", (1_000_000_000, 1_000_000_000))
    assert check().stale_jobs() == []


@pytest.mark.parametrize(
    ("path", "stale"), [("raw", ["a", "b"]), ("a", ["a", "b"]), ("b", ["b"]), ("b.json", ["b"])]
)
def test_a_changed_file_makes_its_job_and_all_later_jobs_stale(path: str, stale: list[str]) -> None:
    before = Path(path).read_text()
    Path(path).write_text("changed")
    assert check().stale_jobs() == stale
    Path(path).write_text(before)
    assert check().stale_jobs() == []


def test_the_hash_of_a_folder_covers_contents_and_names() -> None:
    Path("d").mkdir()
    Path("d/x").write_text("1")
    first = check().hashes.of("d")
    Path("d/.snakemake_timestamp").write_text("")
    assert check().hashes.of("d") == first
    Path("d/x").rename("d/y")
    assert check().hashes.of("d") != first


def test_verify_ends_the_run_when_a_file_changed_under_it() -> None:
    now = check()
    now.stale_jobs()
    now.verify()
    Path("raw").write_text("2")
    with pytest.raises(SystemExit, match=r"a\.json: its inputs or outputs changed"):
        now.verify()


def test_verify_ends_a_dvc_stage_whose_study_was_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", "train")
    now = check()
    Path("params.yaml").write_text("epochs: 2\n")
    with pytest.raises(SystemExit, match=r"params\.yaml: changed"):
        now.verify()


def test_a_result_from_the_future_is_refused_with_advice() -> None:
    Path("raw").write_text("2")
    os.utime("a", (4_000_000_000, 4_000_000_000))
    with pytest.raises(SystemExit, match="touch a"):
        check().stale_jobs()


def test_reading_the_snakefile_on_a_node_changes_no_state_of_the_run() -> None:
    """Other jobs write at the same time, so results may be newer than the start of the run."""
    run = Check(dry=False, main=True)
    run.save_study({"epochs": 3})
    run.stale_jobs()
    run.save()
    kept = {path: path.read_bytes() for path in STATE.iterdir() if path.is_file()}
    assert STUDY_OF_RUN in kept
    Path("a").write_text("half")
    os.utime("a", (4_000_000_000, 4_000_000_000))
    there = Check(dry=False, main=False)
    assert there.stale_jobs() == ["a", "b"]
    there.save()
    assert {path: path.read_bytes() for path in STATE.iterdir() if path.is_file()} == kept


def test_a_second_run_in_one_folder_is_refused_but_a_dry_run_is_not() -> None:
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
        assert ("another snakemake is running in" in done.stderr) == (not dry)
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
def test_command_lines_that_run_no_job_are_recognised(line: str, dry: bool) -> None:
    assert is_read_only(line.split()[1:]) == dry


@pytest.mark.parametrize("main", [True, False])
@pytest.mark.parametrize("damage", [b"", b"\0" * 14, b"epochs: 3\n", b"\xff"])
def test_a_damaged_part_of_the_study_is_written_again(damage: bytes, main: bool) -> None:
    path = Path(check().params_subset("study", {"epochs": 2}))
    before = path.read_bytes()
    path.write_bytes(damage)
    assert StalenessCheck(dry=True, main=main).params_subset("study", {"epochs": 2}) == str(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"epochs: 4\n", b"\xff", None])
def test_old_values_are_not_taken_from_a_damaged_part_of_the_study(damage: bytes | None) -> None:
    old, new = (check().params_subset("study", {"epochs": n}) for n in (2, 3))
    Path("c").write_text("a result")
    write_record(["c", "c.json"], check().hashes_of([old]))
    job = Job(["c", "c.json"], [new], up_to_date=False)
    assert "  CHANGED  params.yaml: epochs 2 -> 3" in explain(job)
    if damage is None:
        Path(old).unlink()
    else:
        Path(old).write_bytes(damage)
    assert "  CHANGED  params.yaml: the old values are not known" in explain(job)


def test_damaged_hashes_are_computed_again() -> None:
    now = check()
    now.stale_jobs()
    now.save()
    hashes = STATE / "hashes.json"
    intact = hashes.read_text()
    digest = str(now.hashes.of("raw"))
    wrong = digest.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    damages = [intact.replace(digest, wrong), intact[:-20], "", "\0" * 100, "{}", "[1]", "null"]
    assert intact not in damages
    for damage in damages:
        hashes.write_text(damage)
        assert check().stale_jobs() == []
    hashes.write_bytes(b"\xff")
    assert check().stale_jobs() == []


def test_a_change_that_keeps_size_and_modification_time_is_seen() -> None:
    now = check()
    now.stale_jobs()
    now.save()
    stat = os.stat("raw")
    with Path("raw").open("r+") as file:  # keeps the inode, too
        file.write("2")
    os.utime("raw", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert check().stale_jobs() == ["a", "b"]
