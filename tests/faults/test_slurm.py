"""The study on a real Slurm: cancelled, preempted, orphaned, on a broken node."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from cluster import Cluster, needs_slurm
from counting_project import CountingProject
from faults.conftest import end_session, wait_for

pytestmark = needs_slurm

Fresh = Callable[[str], CountingProject]

SNAKEMAKE = (
    "snakemake",
    *("--profile", "profiles/slurm"),
    *("--slurm-init-seconds-before-status-checks", "2"),  # trials are seconds long
)
LONG = {"epochs": 150, "sweep": {"trials": 1}}
TRIALS = ("--", "results/leaderboard.csv")
PATIENCE = 900
"""Seconds; while no job ends, the executor asks for states less and less often."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(autouse=True)
def nothing_left(cluster: Cluster) -> Iterator[None]:
    yield
    cluster.cancel_all()


@pytest.fixture(scope="module")
def one_long_trial(fresh: Fresh) -> dict[str, bytes]:
    """Return the results of a study with one long trial that nothing disturbs."""
    project = fresh("long")
    project.change_study(LONG)
    project.tool("snakemake", "results/leaderboard.csv")
    return project.results()


def output_of_ended(running: subprocess.Popen[str]) -> str:
    output, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, output
    return output


def test_two_trials_at_a_time_give_the_same_bytes_as_a_local_run(
    fresh: Fresh, cluster: Cluster
) -> None:
    sent, local = fresh("slurm"), fresh("local")
    for project in (sent, local):
        project.change_study({"sweep": {"trials": 4, "parallel": 2}})
    running = sent.start(*SNAKEMAKE)
    together = False
    while running.poll() is None:
        assert len(cluster.running()) <= 2
        # an entry that is the same in two looks was there in between
        held = dict(cluster.gpus_in_use().items() & cluster.gpus_in_use().items())
        assert len(set(held.values())) == len(held), f"two jobs on one GPU: {held}"
        assert set(held.values()) <= {"0", "1"}
        together |= len(held) == 2
        time.sleep(0.3)
    output_of_ended(running)
    assert together
    local.tool("snakemake")
    assert sent.results() == local.results()
    assert sent.epochs() == local.epochs()
    assert sent.nothing_to_be_done()


@pytest.mark.parametrize(
    "how",
    [("scancel",), ("scancel", "--signal=TERM"), ("scontrol", "requeue")],
    ids=["scancel", "SIGTERM", "requeue"],
)
def test_a_trial_removed_from_its_node_continues_from_its_last_epoch(
    fresh: Fresh, cluster: Cluster, how: tuple[str, ...], one_long_trial: dict[str, bytes]
) -> None:
    project = fresh("taken")
    project.change_study(LONG)
    running = project.start(*SNAKEMAKE, *TRIALS)
    wait_for(lambda: project.lines().count("epoch") > 3, PATIENCE, "some epochs")
    cluster.run(*how, *cluster.running())
    output_of_ended(running)
    assert project.results() == one_long_trial
    assert project.trainings() == 2
    # a kill before the checkpoint of an epoch is renamed loses that epoch
    assert 150 <= project.epochs() <= 151
    assert not (project.folder / ".store/nodes").exists()


def test_ctrl_c_on_the_head_cancels_its_jobs_and_a_new_head_continues(
    fresh: Fresh, cluster: Cluster, one_long_trial: dict[str, bytes]
) -> None:
    project = fresh("interrupted")
    project.change_study(LONG)
    running = project.start(*SNAKEMAKE, *TRIALS)
    wait_for(lambda: project.lines().count("epoch") > 3, PATIENCE, "some epochs")
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=PATIENCE)
    wait_for(lambda: not cluster.running(), PATIENCE, "its job's end")
    output_of_ended(project.start(*SNAKEMAKE, *TRIALS))
    assert project.results() == one_long_trial
    assert project.trainings() == 2
    assert 150 <= project.epochs() <= 151


def test_a_new_run_uses_the_results_of_jobs_of_a_killed_run(
    fresh: Fresh, cluster: Cluster, reference: dict[str, bytes]
) -> None:
    project = fresh("orphans")
    running = project.start(*SNAKEMAKE, *TRIALS, RANDOM_DELAY="10")
    wait_for(lambda: "training" in project.lines(), PATIENCE, "the first training")
    os.kill(running.pid, signal.SIGKILL)
    end_session(running)
    assert len(cluster.running()) == 1
    output_of_ended(project.start(*SNAKEMAKE, *TRIALS))
    assert project.results().items() <= reference.items()
    assert project.epochs() == 3 * 2


def test_a_node_that_fails_three_trainings_in_a_row_is_excluded(
    fresh: Fresh, cluster: Cluster, reference: dict[str, bytes]
) -> None:
    """Three trials fail there: two of them twice before they go to the other node, one once."""
    project = fresh("bad node")
    partition = ("--default-resources", "slurm_partition=both")
    output = output_of_ended(project.start(*SNAKEMAKE, *partition, *TRIALS))
    assert "node bad failed 3 trainings in a row and is excluded" in output
    assert project.lines().count("killed at metrics.json") == 2 + 2 + 1
    noted = {path.stem for path in (project.folder / ".store/nodes/bad").iterdir()}
    assert noted == {f"results-trials-00{i}" for i in range(3)}
    assert project.results().items() <= reference.items()
