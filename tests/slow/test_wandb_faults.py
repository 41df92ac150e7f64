"""A W&B server that fails while a trial streams to it: the trial is whole, the run can follow."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wandb_example import Example
from wandb_server import Server

EPOCHS = 3

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="NOT CHECKED: this machine lacks strace"
)

Make = Callable[[str], Example]


@pytest.fixture(scope="module")
def make(nuclei_processed: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    def example(name: str) -> Example:
        return Example(tmp_path_factory.mktemp(name) / "project", nuclei_processed)

    return example


@pytest.fixture(scope="module")
def reference(make: Make) -> dict[str, bytes]:
    """What an offline trial writes."""
    offline = make("offline")
    offline.trial(0)
    return offline.written(0)


def sync(example: Example, server: Server, check: bool = True) -> str:
    options = ("results", "--data", str(example.data))
    return example.run("sync_wandb.py", *options, check=check, **server.environment)


def assert_whole(server: Server) -> None:
    (run,) = server.books.runs.values()
    assert run.state == "finished"
    assert [row["epoch"] for row in run.history if "val_loss" in row] == [1, 2, 3]
    assert run.summary["epochs"] == EPOCHS
    (sweep,) = server.books.sweeps.values()
    assert run.sweep == sweep.name


@pytest.mark.parametrize(
    ("matching", "how", "times"),
    [
        ("UpsertBucket", 429, 2),
        ("UpsertBucket", "drop", 2),
        ("file_stream", 429, 2),
        ("file_stream", 500, 2),
        (".", 0.5, 40),
    ],
)
def test_what_passes_costs_nothing(
    matching: str, how: int | float | str, times: int, make: Make, reference: dict[str, bytes]
) -> None:
    example = make("passing")
    with Server() as server:
        server.fail(matching, how, times)
        told = example.trial(0, "--wandb-online", **server.environment)
        assert_whole(server)
    assert "W&B:" not in told
    assert example.written(0) == reference


@pytest.mark.parametrize(
    ("matching", "how"),
    [
        ("UpsertBucket", 403),
        ("UpsertSweep", 500),
        ("file_stream", 500),
        ("file_stream", 404),
        (".", "drop"),
        ("UpsertBucket", 90.0),
    ],
)
def test_what_lasts_costs_no_training_and_is_sent_later(
    matching: str, how: int | float | str, make: Make, reference: dict[str, bytes]
) -> None:
    example = make("lasting")
    with Server() as server:
        server.fail(matching, how)
        example.trial(0, "--wandb-online", **server.environment)
        assert example.written(0) == reference
        with pytest.raises((AssertionError, ValueError)):
            assert_whole(server)
        server.faults.clear()
        assert "1 of 1 runs are on" in sync(example, server)
        assert_whole(server)


def test_a_server_that_dies_while_the_trial_runs(make: Make, reference: dict[str, bytes]) -> None:
    example = make("dying")
    with Server() as server:
        server.fail("^(?!.*(Upsert|Viewer|GetSweep|ServerFeatures)).*$", "drop")
        told = example.trial(0, "--wandb-online", **server.environment)
        assert "sync_wandb.py" in told
        assert example.written(0) == reference
        server.faults.clear()
        sync(example, server)
        assert_whole(server)


def test_a_run_of_which_a_part_has_arrived_is_completed_without_doubling(
    make: Make, reference: dict[str, bytes]
) -> None:
    example = make("part")
    with Server() as server:
        example.trial(0, "--wandb-online", **server.environment)
        (run,) = server.books.runs.values()
        run.lines = {0: run.lines[0]}
        run.state, run.summary = "crashed", {}
        sync(example, server)
        assert_whole(server)
    assert example.written(0) == reference


def test_no_server_at_all(make: Make, reference: dict[str, bytes]) -> None:
    example = make("nobody")
    with Server() as server:
        pass
    told = example.trial(0, "--wandb-online", **server.environment)
    assert "W&B: the run is not taken" in told
    assert example.written(0) == reference
    assert sync(example, server, check=False).startswith("error: W&B cannot be asked (")
    with server:
        sync(example, server)
        assert_whole(server)


def test_a_wrong_key_costs_no_training(make: Make, reference: dict[str, bytes]) -> None:
    example = make("wrong key")
    with Server() as server:
        wrong = server.environment | {"WANDB_API_KEY": "w" * 40}
        told = example.trial(0, "--wandb-online", **wrong)
        assert "W&B: the run is not taken (" in told
        assert "user is not logged in" in told
        assert example.written(0) == reference
        assert server.books.runs == {}


def test_a_trial_that_is_run_again_is_the_same_run(make: Make) -> None:
    example = make("again")
    with Server() as server:
        for _ in range(2):
            example.trial(0, "--wandb-online", **server.environment)
            assert_whole(server)


def traced(example: Example) -> Path:
    """Have the example's trials write the files, peers and programs that they ask for."""
    trace = example.folder.with_name("trace")
    calls = ("strace", "-f", "-qq", "-s", "4096", "-e", "trace=open,openat,connect,execve")
    example.under = (*calls, "-o", str(trace))
    return trace


def test_the_sweep_is_made_once_by_trials_at_the_same_time_and_after_a_kill(make: Make) -> None:
    example = make("at once")
    with Server() as server, ThreadPoolExecutor(2) as pool:
        server.fail("Sweep", 0.5, 8)

        def trial(index: int) -> str:
            return example.trial(index, "--wandb-online", **server.environment)

        list(pool.map(trial, range(2)))
        next(example.folder.glob(".store/wandb/*.json")).unlink()  # as if killed before it was kept
        trial(2)
        (sweep,) = server.books.sweeps.values()
        assert [run.sweep for run in server.books.runs.values()] == [sweep.name] * 3


def test_a_run_that_was_streamed_into_a_sweep_is_sent_to_another_server(make: Make) -> None:
    example = make("moved")
    with Server() as first:
        example.trial(0, "--wandb-online", **first.environment)
        assert_whole(first)
    with Server() as second:
        assert "1 of 1 runs are on" in sync(example, second)
        assert_whole(second)


def test_a_log_that_is_none_is_named_and_the_others_go(make: Make) -> None:
    example = make("damaged")
    for index in range(2):
        example.trial(index)
    (log,) = example.out(0).glob("wandb/*/run-*.wandb")
    log.write_text("no log")
    with Server() as server:
        told = sync(example, server, check=False)
        assert_whole(server)
    assert "results/trials/000: run b7811844-trial0 Could not find run" in told
    assert "results/trials/001: run b7811844-trial1 is there" in told
    assert "error: not all is on" in told


@needs_strace
def test_offline_nobody_is_asked_and_no_login_is_read(
    make: Make, reference: dict[str, bytes]
) -> None:
    """With a key in the environment and a login in the home folder."""
    example = make("trapped")
    trace = traced(example)
    (example.home / ".netrc").write_text("machine 127.0.0.1 login user password " + "s" * 40)
    with Server() as server:
        example.trial(0, **server.environment)
        assert server.asked == []
    assert example.written(0) == reference
    assert "offline-run-" in trace.read_text()
    assert ".netrc" not in trace.read_text()
    assert f"htons({server.url.rpartition(':')[2]})" not in trace.read_text()
    assert example.files_with(server.key) == []


@needs_strace
def test_online_the_key_is_on_no_command_line_and_in_no_file(make: Make) -> None:
    example = make("watched")
    trace = traced(example)
    with Server() as server:
        example.trial(0, "--wandb-online", **server.environment)
        example.under = ()
        sync(example, server)
        assert_whole(server)
    assert "train.py" in trace.read_text()
    assert server.key not in trace.read_text()
    assert example.files_with(server.key) == []
