"""A W&B server that fails while a trial streams: the trial is complete, the run is synced later."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wandb_example import PARAMETERS, Example
from wandb_server import Server

EPOCHS = 3

needs_strace = pytest.mark.skipif(
    not shutil.which("strace"), reason="NOT CHECKED: strace is not installed"
)

MakeExample = Callable[[str], Example]


@pytest.fixture(scope="module")
def make_example(nuclei_processed: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeExample:
    return lambda name: Example(tmp_path_factory.mktemp(name) / "project", nuclei_processed)


@pytest.fixture(scope="module")
def reference(make_example: MakeExample) -> dict[str, bytes]:
    """The result files of an offline trial."""
    offline = make_example("offline")
    offline.trial(0)
    return offline.results(0)


def assert_complete(server: Server) -> None:
    (run,) = server.state.runs.values()
    assert run.state == "finished"
    assert (run.group, run.job_type) == (run.name.split("-")[0], "trial")
    assert [row["epoch"] for row in run.history if "val_loss" in row] == [1, 2, 3]
    assert run.summary["epochs"] == EPOCHS
    assert run.config["batch_size"] == PARAMETERS["batch_size"]
    (sweep,) = server.state.sweeps.values()
    assert run.sweep == sweep.name


@pytest.mark.parametrize(
    ("pattern", "how", "times"),
    [
        ("UpsertBucket", 429, 2),
        ("UpsertBucket", "drop", 2),
        ("file_stream", 429, 2),
        ("file_stream", 500, 2),
        (".", 0.5, 40),
    ],
)
def test_a_short_failure_has_no_effect(
    pattern: str,
    how: int | float | str,
    times: int,
    make_example: MakeExample,
    reference: dict[str, bytes],
) -> None:
    example = make_example("short")
    with Server() as server:
        server.fail(pattern, how, times)
        output = example.trial(0, "--wandb-online", **server.environment)
        assert_complete(server)
    assert "W&B:" not in output
    assert example.results(0) == reference


@pytest.mark.parametrize(
    ("pattern", "how"),
    [
        ("UpsertBucket", 403),
        ("UpsertSweep", 500),
        ("file_stream", 500),
        ("file_stream", 404),
        (".", "drop"),
        ("UpsertBucket", 90.0),
    ],
)
def test_a_lasting_failure_stops_no_training_and_sync_completes_the_run(
    pattern: str, how: int | float | str, make_example: MakeExample, reference: dict[str, bytes]
) -> None:
    example = make_example("lasting")
    with Server() as server:
        server.fail(pattern, how)
        example.trial(0, "--wandb-online", **server.environment)
        assert example.results(0) == reference
        with pytest.raises((AssertionError, ValueError)):
            assert_complete(server)
        server.faults.clear()
        assert "1 of 1 runs are on" in example.sync(server)
        assert_complete(server)


def test_a_server_that_stops_while_the_trial_runs(
    make_example: MakeExample, reference: dict[str, bytes]
) -> None:
    example = make_example("stopping")
    with Server() as server:
        server.fail("^(?!.*(Upsert|Viewer|GetSweep|ServerFeatures)).*$", "drop")
        output = example.trial(0, "--wandb-online", **server.environment)
        assert "segsweep sync" in output
        assert example.results(0) == reference
        server.faults.clear()
        example.sync(server)
        assert_complete(server)


def test_a_partly_uploaded_run_is_completed_without_duplicate_rows(
    make_example: MakeExample, reference: dict[str, bytes]
) -> None:
    example = make_example("partial")
    with Server() as server:
        example.trial(0, "--wandb-online", **server.environment)
        (run,) = server.state.runs.values()
        run.lines = {0: run.lines[0]}
        run.state, run.summary = "crashed", {}
        example.sync(server)
        assert_complete(server)
    assert example.results(0) == reference


def test_no_server(make_example: MakeExample, reference: dict[str, bytes]) -> None:
    example = make_example("no server")
    with Server() as server:
        pass
    output = example.trial(0, "--wandb-online", **server.environment)
    assert "W&B: cannot start the run" in output
    assert example.results(0) == reference
    assert example.sync(server, check=False).startswith("error: W&B: cannot reach the server (")
    with server:
        example.sync(server)
        assert_complete(server)


def test_a_wrong_key_stops_no_training(
    make_example: MakeExample, reference: dict[str, bytes]
) -> None:
    example = make_example("wrong key")
    with Server() as server:
        wrong = server.environment | {"WANDB_API_KEY": "w" * 40}
        output = example.trial(0, "--wandb-online", **wrong)
        assert "W&B: cannot start the run (" in output
        assert "user is not logged in" in output
        assert example.results(0) == reference
        assert server.state.runs == {}


def test_a_repeated_trial_is_the_same_run(make_example: MakeExample) -> None:
    example = make_example("again")
    with Server() as server:
        for _ in range(2):
            example.trial(0, "--wandb-online", **server.environment)
            assert_complete(server)


def traced(example: Example) -> Path:
    """Run the scripts of `example` under strace; return the file with the traced calls."""
    trace = example.folder.with_name("trace")
    calls = ("strace", "-f", "-qq", "-s", "4096", "-e", "trace=open,openat,connect,execve")
    example.prefix = (*calls, "-o", str(trace))
    return trace


def test_concurrent_trials_create_one_sweep_which_is_found_again_without_its_id(
    make_example: MakeExample,
) -> None:
    example = make_example("concurrent")
    with Server() as server, ThreadPoolExecutor(2) as pool:
        server.fail("Sweep", 0.5, 8)

        def trial(index: int) -> str:
            return example.trial(index, "--wandb-online", **server.environment)

        list(pool.map(trial, range(2)))
        (id_file,) = example.folder.glob(".store/wandb/*.json")
        id_file.unlink()  # as if killed before it was saved
        trial(2)
        (sweep,) = server.state.sweeps.values()
        assert [run.sweep for run in server.state.runs.values()] == [sweep.name] * 3


def test_a_run_streamed_into_a_sweep_can_be_synced_to_another_server(
    make_example: MakeExample,
) -> None:
    example = make_example("moved")
    with Server() as first:
        example.trial(0, "--wandb-online", **first.environment)
        assert_complete(first)
        (streamed,) = first.state.runs.values()
    with Server() as second:
        assert "1 of 1 runs are on" in example.sync(second)
        assert_complete(second)
        (synced,) = second.state.runs.values()
    times = [[row["_timestamp"] for row in run.history[:EPOCHS]] for run in (streamed, synced)]
    assert times[0] == times[1]
    images = {file for file in streamed.files if file.startswith("media/")}
    assert len(images) == 3  # an image, its mask and its prediction
    assert images == {file for file in synced.files if file.startswith("media/")}


def test_a_damaged_log_is_reported_and_the_other_runs_are_uploaded(
    make_example: MakeExample,
) -> None:
    example = make_example("damaged")
    for index in range(2):
        example.trial(index)
    (log,) = example.out(0).glob("wandb/*/run-*.wandb")
    log.write_text("no log")
    with Server() as server:
        output = example.sync(server, check=False)
        assert_complete(server)
    assert "results/trials/000: run b7811844-trial0 Could not find run" in output
    assert "results/trials/001: run b7811844-trial1 is on the server" in output
    assert "error: the upload to" in output


@needs_strace
def test_an_offline_trial_sends_no_request_and_reads_no_login(
    make_example: MakeExample, reference: dict[str, bytes]
) -> None:
    """With a key in the environment and a login in the home folder."""
    example = make_example("offline")
    trace = traced(example)
    (example.home / ".netrc").write_text("machine 127.0.0.1 login user password " + "s" * 40)
    with Server() as server:
        example.trial(0, **server.environment)
        assert server.requests == []
    assert example.results(0) == reference
    assert "offline-run-" in trace.read_text()
    assert ".netrc" not in trace.read_text()
    assert f"htons({server.url.rpartition(':')[2]})" not in trace.read_text()
    assert example.files_with(server.key) == []


@needs_strace
def test_the_key_is_in_no_command_line_and_no_file(make_example: MakeExample) -> None:
    example = make_example("traced")
    trace = traced(example)
    with Server() as server:
        example.trial(0, "--wandb-online", **server.environment)
        example.prefix = ()
        example.sync(server)
        assert_complete(server)
    assert "train.py" in trace.read_text()
    assert server.key not in trace.read_text()
    assert example.files_with(server.key) == []
