"""Kills at any write, at any moment, of any process: the final results are the same bytes."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from counting_project import TOOLS, CountingProject
from faults.conftest import command_of, end_session, session_of, wait_for

Fresh = Callable[[str], CountingProject]

WRITES = [
    "groups.csv",
    "images.npy",
    "manifest.csv",
    "sweep.yaml",
    "search.yaml",
    "config.yaml",
    "suggestion.json",
    "suggestion.provenance.json",
    "last.safetensors",
    "history.csv",
    "images.csv",
    "model.safetensors",
    "model.json",
    "timing.json",
    "metrics.json",
    "entry.json",
    "provenance.json",
    "baselines.csv",
    "leaderboard.csv",
    "best_config.yaml",
    "summary.json",
    "sources.csv",
    "problems.csv",
    "preprocessing.json",
    "contact_sheet.png",
    "statistics.csv",
    "statistics.png",
    "data_report.md",
    "hashes.json",
    "jobs.json",
]

KILLS = 50
EPOCHS = 8
"""Of the reference: three trials and the single run of two epochs each."""


def test_a_kill_before_each_write_loses_at_most_an_epoch(
    fresh: Fresh, reference: dict[str, bytes]
) -> None:
    """In one sweep the first process that writes each of these files is killed just before."""
    project = fresh("writes")

    def remaining() -> set[str]:
        killed = {line.removeprefix("killed at ") for line in project.lines() if "killed" in line}
        return set(WRITES) - killed

    for _ in WRITES:
        if remaining():
            project.run(*TOOLS["snakemake"], check=False, env={"KILL_AT": " ".join(remaining())})
    assert remaining() == set()
    project.tool("snakemake")
    assert project.results() == reference
    assert project.nothing_to_be_done()
    # a kill before the checkpoint of an epoch is renamed loses that epoch; none loses more
    assert project.lines().count("epoch") == EPOCHS


def test_fifty_random_kills_during_one_sweep(fresh: Fresh, reference: dict[str, bytes]) -> None:
    project = fresh("random")
    chance = random.Random(0)
    kills = 0
    while kills < KILLS:
        running = project.start(*TOOLS["snakemake"])
        end = time.monotonic() + chance.uniform(0.5, 9.0)
        while time.monotonic() < end and running.poll() is None:
            time.sleep(0.05)
        if running.poll() is not None:
            # everything is made: delete results and cache, and continue
            assert running.returncode in (0, 1)
            if project.nothing_to_be_done():
                project.run(
                    "rm", "-rf", ".store", "results/trials", "results/train", "results/best"
                )
                project.counter.write_text("")
                project.seen = 0
            continue
        alive = [pid for pid in session_of(running.pid) if command_of(pid)]
        os.kill(chance.choice(alive), signal.SIGKILL)
        kills += 1
        time.sleep(chance.uniform(0, 1))
        end_session(running)
    trained = project.lines().count("epoch")
    project.tool("snakemake")
    assert project.results() == reference
    assert trained <= EPOCHS + KILLS


def test_a_trial_that_always_fails_is_tried_three_times_and_ends_the_sweep(
    fresh: Fresh, reference: dict[str, bytes]
) -> None:
    """Every process is killed just before it writes its result."""
    project = fresh("thrice")
    sweep = (*TOOLS["snakemake"], "--", "results/leaderboard.csv")
    output = project.run(*sweep, check=False, env={"KILL_AT": "metrics.json"})
    assert project.lines().count("killed at metrics.json") == 3
    assert "results/trials/000/metrics.json was not made, see logs/trial/000.log" in output
    assert not (project.folder / "results/trials/001/suggestion.json").exists()
    epochs = project.epochs()
    project.tool("snakemake")
    assert project.epochs() + epochs == EPOCHS
    assert project.results() == reference


END = 60
"""Seconds; on idle cores everything ends within 5, but only that it ends is tested."""


def in_first_trial(running: subprocess.Popen[str]) -> list[int]:
    """Return the processes of the first trial once its training has begun."""

    def of(*words: str) -> list[int]:
        alive = session_of(running.pid)
        return [pid for pid in alive if any(word in command_of(pid) for word in words)]

    wait_for(
        lambda: any("train.py" in command_of(pid) for pid in of("trials/000")),
        90,
        "the training of the first trial",
    )
    return of("trials/000", "wandb")


@pytest.mark.parametrize("victim", ["dvc", "snakemake"])
def test_killing_dvc_or_snakemake_leaves_no_process_running(fresh: Fresh, victim: str) -> None:
    project = fresh("stray")
    running = project.start("dvc", "repro")  # no shell lives in this tree: all are replaced
    in_first_trial(running)
    others = [pid for pid in session_of(running.pid) if pid != running.pid]
    whole = [pid for pid in others if "snakemake " in command_of(pid)]
    os.kill(running.pid if victim == "dvc" else whole[0], signal.SIGKILL)
    running.communicate(timeout=60)
    wait_for(lambda: not session_of(running.pid), END, "the end of all processes")


@pytest.mark.parametrize("victim", ["run_job.py", "trial.py", "wandb_cli.py", "train.py"])
def test_a_trial_is_tried_again_if_any_of_its_processes_is_killed(
    fresh: Fresh, victim: str, reference: dict[str, bytes]
) -> None:
    project = fresh("stray")
    running = project.start("dvc", "repro")
    parts = in_first_trial(running)
    os.kill(next(pid for pid in parts if f"{victim} " in command_of(pid)), signal.SIGKILL)
    wait_for(lambda: not set(parts) & set(session_of(running.pid)), END, "the end of all its parts")
    running.communicate(timeout=300)
    assert running.returncode == 0
    assert not session_of(running.pid)
    assert project.results() == reference


def test_a_run_ends_if_the_reader_of_its_output_ends(fresh: Fresh) -> None:
    """As in `snakemake | tee log` when tee is killed: no process is left and no lock is held."""
    project = fresh("reader")
    running = project.start(*TOOLS["snakemake"])
    wait_for(lambda: project.lines().count("training") >= 1, 90, "the first training")
    assert running.stdout is not None
    running.stdout.close()
    wait_for(lambda: not session_of(running.pid), END, "the end of all processes")
    running.wait()
    project.tool("snakemake")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_processes_and_the_next_run_continues(
    fresh: Fresh, sent: signal.Signals, reference: dict[str, bytes]
) -> None:
    project = fresh(f"signal {sent.name}")
    running = project.start(*TOOLS["snakemake"])
    wait_for(lambda: project.lines().count("training") >= 2, 90, "the second training")
    os.killpg(running.pid, sent)
    wait_for(lambda: not session_of(running.pid), END, "the end of all processes")
    assert "Traceback" not in running.communicate()[0]
    project.tool("snakemake")
    assert project.results() == reference


def test_a_run_killed_during_confirmation_is_completed_by_the_other_tool(
    fresh: Fresh,
) -> None:
    """Two candidates under two seeds: four more trainings of two epochs than the reference."""
    project = fresh("confirming")
    project.change_study({"confirm": {"candidates": 2, "seeds": 2}})
    running = project.start(*TOOLS["snakemake"])
    wait_for(lambda: project.lines().count("training") >= 6, 300, "the second new seed")
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    project.tool("snakemake")
    assert project.nothing_to_be_done()
    assert EPOCHS + 8 <= project.lines().count("epoch") <= EPOCHS + 9
    made = project.read("results/confirm/verdict.json")
    project.trainings()
    project.tool("repro")
    assert project.trainings() == 0
    assert project.read("results/confirm/verdict.json") == made
