"""The study on a real Slurm: cancelled, preempted, orphaned, on a broken node: the same bytes."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from cluster import Cluster, needs_slurm
from counting_project import Witnessed
from faults.conftest import end_session, wait_for

pytestmark = needs_slurm

Fresh = Callable[[str], Witnessed]

SNAKEMAKE = (
    "snakemake",
    *("--profile", "profiles/slurm"),
    *("--slurm-init-seconds-before-status-checks", "2"),  # trials are seconds long
)
LONG = {"epochs": 150, "sweep": {"trials": 1}}
TRIALS = ("--", "results/leaderboard.csv")
PATIENCE = 900
"""Seconds; the executor asks for a job's state ever less often while none ends."""


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
    """What a study of one trial of many epochs makes when it is left alone."""
    project = fresh("long")
    project.change_study(LONG)
    project.tool("snakemake", "results/leaderboard.csv")
    return project.results()


def ended(running: subprocess.Popen[str]) -> str:
    told, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, told
    return told


def test_a_sweep_of_two_at_a_time_gives_the_bytes_of_a_local_one(
    fresh: Fresh, cluster: Cluster
) -> None:
    sent, local = fresh("slurm"), fresh("local")
    for project in (sent, local):
        project.change_study({"sweep": {"trials": 4, "parallel": 2}})
    running = sent.start(*SNAKEMAKE)
    together = False
    while running.poll() is None:
        assert len(cluster.running()) <= 2
        # what is the same in two looks was there all the while between them
        held = dict(cluster.gpus_in_use().items() & cluster.gpus_in_use().items())
        assert len(set(held.values())) == len(held), f"two jobs on one GPU: {held}"
        assert set(held.values()) <= {"0", "1"}
        together |= len(held) == 2
        time.sleep(0.3)
    ended(running)
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
def test_a_trial_taken_from_its_node_goes_on_from_its_last_epoch(
    fresh: Fresh, cluster: Cluster, how: tuple[str, ...], one_long_trial: dict[str, bytes]
) -> None:
    project = fresh("taken")
    project.change_study(LONG)
    running = project.start(*SNAKEMAKE, *TRIALS)
    wait_for(lambda: project.lines().count("epoch") > 3, PATIENCE, "some epochs")
    cluster.tell(*how, *cluster.running())
    ended(running)
    assert project.results() == one_long_trial
    assert project.trainings() == 2
    # a kill before the checkpoint of an epoch is renamed loses that epoch
    assert 150 <= project.epochs() <= 151
    assert not (project.folder / ".store/nodes").exists()


def test_ctrl_c_on_the_head_takes_its_jobs_along_and_a_new_head_goes_on(
    fresh: Fresh, cluster: Cluster, one_long_trial: dict[str, bytes]
) -> None:
    project = fresh("interrupted")
    project.change_study(LONG)
    running = project.start(*SNAKEMAKE, *TRIALS)
    wait_for(lambda: project.lines().count("epoch") > 3, PATIENCE, "some epochs")
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=PATIENCE)
    wait_for(lambda: not cluster.running(), PATIENCE, "its job's end")
    ended(project.start(*SNAKEMAKE, *TRIALS))
    assert project.results() == one_long_trial
    assert project.trainings() == 2
    assert 150 <= project.epochs() <= 151


def test_a_run_beside_the_orphans_of_a_killed_one_takes_what_they_make(
    fresh: Fresh, cluster: Cluster, reference: dict[str, bytes]
) -> None:
    project = fresh("orphans")
    running = project.start(*SNAKEMAKE, *TRIALS, DAWDLE="10")
    wait_for(lambda: "training" in project.lines(), PATIENCE, "the first training")
    os.kill(running.pid, signal.SIGKILL)
    end_session(running)
    assert len(cluster.running()) == 1
    ended(project.start(*SNAKEMAKE, *TRIALS))
    assert project.results().items() <= reference.items()
    assert project.epochs() == 3 * 2


def test_a_node_that_fails_three_in_a_row_is_named_and_avoided(
    fresh: Fresh, cluster: Cluster, reference: dict[str, bytes]
) -> None:
    """Each of three trials fails there: two try it twice, then the other; the third but once."""
    project = fresh("bad node")
    partition = ("--default-resources", "slurm_partition=both")
    told = ended(project.start(*SNAKEMAKE, *partition, *TRIALS))
    assert "node bad failed 3 trainings in a row, so it gets no more" in told
    assert project.lines().count("killed at metrics.json") == 2 + 2 + 1
    noted = {path.stem for path in (project.folder / ".store/nodes/bad").iterdir()}
    assert noted == {f"results-trials-00{i}" for i in range(3)}
    assert project.results().items() <= reference.items()
