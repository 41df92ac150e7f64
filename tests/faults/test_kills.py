"""Killed at any write, at any moment, anywhere in the tree: the same bytes in the end."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from counting_project import TOOLS, Witnessed
from faults.conftest import command_of, end_session, session_of, wait_for

Fresh = Callable[[str], Witnessed]

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


def test_killed_at_every_named_write(fresh: Fresh, reference: dict[str, bytes]) -> None:
    """One sweep, in which the first writer of each of these files is killed just before."""
    project = fresh("writes")

    def spared() -> set[str]:
        killed = {line.removeprefix("killed at ") for line in project.lines() if "killed" in line}
        return set(WRITES) - killed

    for _ in WRITES:
        if spared():
            project.run(*TOOLS["snakemake"], check=False, env={"KILL_AT": " ".join(spared())})
    assert spared() == set()
    project.tool("snakemake")
    assert project.results() == reference
    assert project.nothing_to_be_done()
    # a kill before the checkpoint of an epoch is renamed loses that epoch; none loses more
    assert project.lines().count("epoch") == EPOCHS


def test_fifty_random_kills_over_one_sweep(fresh: Fresh, reference: dict[str, bytes]) -> None:
    project = fresh("random")
    chance = random.Random(0)
    kills = 0
    while kills < KILLS:
        running = project.start(*TOOLS["snakemake"])
        end = time.monotonic() + chance.uniform(0.5, 9.0)
        while time.monotonic() < end and running.poll() is None:
            time.sleep(0.05)
        if running.poll() is not None:
            # all is made: lose the results and the store's last entries, and go on
            assert running.returncode in (0, 1)
            if project.nothing_to_be_done():
                project.run(
                    "rm", "-rf", ".store", "results/trials", "results/train", "results/best"
                )
                project.witness.write_text("")
                project.seen = 0
            continue
        alive = [pid for pid in session_of(running.pid) if command_of(pid)]
        os.kill(chance.choice(alive), signal.SIGKILL)
        kills += 1
        time.sleep(chance.uniform(0, 1))
        end_session(running)
    redone_at_most = project.lines().count("epoch")
    project.tool("snakemake")
    assert project.results() == reference
    assert redone_at_most <= EPOCHS + KILLS


def test_a_machine_that_fails_is_tried_thrice_and_ends_the_sweep(
    fresh: Fresh, reference: dict[str, bytes]
) -> None:
    """Every process that is about to leave a result is killed: no trial is made of that."""
    project = fresh("thrice")
    sweep = (*TOOLS["snakemake"], "--", "results/leaderboard.csv")
    told = project.run(*sweep, check=False, env={"KILL_AT": "metrics.json"})
    assert project.lines().count("killed at metrics.json") == 3
    assert "results/trials/000/metrics.json was not made, see logs/trial/000.log" in told
    assert not (project.folder / "results/trials/001/suggestion.json").exists()
    epochs = project.epochs()
    project.tool("snakemake")
    assert project.epochs() + epochs == EPOCHS
    assert project.results() == reference


END = 60
"""Seconds; on idle cores all has ended within 5, but that it ends is what is tested."""


def in_first_trial(running: subprocess.Popen[str]) -> list[int]:
    """Its processes, once the training is among them."""

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
def test_killing_the_whole_leaves_nothing_running(fresh: Fresh, victim: str) -> None:
    project = fresh("stray")
    running = project.start("dvc", "repro")  # no shell lives in this tree: all are replaced
    in_first_trial(running)
    others = [pid for pid in session_of(running.pid) if pid != running.pid]
    whole = [pid for pid in others if "snakemake " in command_of(pid)]
    os.kill(running.pid if victim == "dvc" else whole[0], signal.SIGKILL)
    running.communicate(timeout=60)
    wait_for(lambda: not session_of(running.pid), END, "the end of all processes")


@pytest.mark.parametrize("victim", ["run_job.py", "trial.py", "wandb_cli.py", "train.py"])
def test_a_trial_of_which_any_part_is_killed_ends_whole_and_is_tried_again(
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


def test_the_reader_of_what_is_printed_takes_all_with_it(fresh: Fresh) -> None:
    """As `snakemake | tee log` when tee is killed: nothing waits, nothing holds the lock."""
    project = fresh("reader")
    running = project.start(*TOOLS["snakemake"])
    wait_for(lambda: project.lines().count("training") >= 1, 90, "the first training")
    assert running.stdout is not None
    running.stdout.close()
    wait_for(lambda: not session_of(running.pid), END, "the end of all processes")
    running.wait()
    project.tool("snakemake")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_ends_it_and_the_next_run_goes_on(
    fresh: Fresh, sent: signal.Signals, reference: dict[str, bytes]
) -> None:
    project = fresh(f"signal {sent.name}")
    running = project.start(*TOOLS["snakemake"])
    wait_for(lambda: project.lines().count("training") >= 2, 90, "the second training")
    os.killpg(running.pid, sent)
    wait_for(lambda: not session_of(running.pid), END, "the end of all processes")
    running.communicate()
    project.tool("snakemake")
    assert project.results() == reference


def test_killed_while_the_winner_is_confirmed_and_made_again_by_the_other_tool(
    fresh: Fresh,
) -> None:
    """Two candidates under two seeds: four trainings of two epochs beside the reference's."""
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
