"""Cluster nodes that fail trainings: recorded by the jobs there, excluded from later jobs.

The Slurm executor's own `--slurm-exclude-failed-nodes` takes a fixed list, and finds failed nodes
by itself only with Slurm accounting and only if the whole node goes down. A node with a broken GPU
stays up and fails one training after the other.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from segsweep.core.checked_json import read_checked_json, write_checked_json
from segsweep.core.errors import MachineError
from segsweep.core.printable import escape_controls
from segsweep.pipeline.cache import cache_root

MAX_FAILURES = 3
"""Trainings that a node fails in a row before it is excluded."""
MAX_ATTEMPTS = 2
"""Attempts at one training before it avoids every node that has failed any training."""


@contextmanager
def record_failures(training: Path) -> Iterator[None]:
    """On a Slurm node, record whether the machine failed `training` (its folder).

    A success clears the node's record. A user's mistake changes nothing; nor does a job that is
    cancelled or preempted, which ends with this process.
    """
    node = os.environ.get("SLURMD_NODENAME")
    if node is None:
        yield
        return
    folder = cache_root() / "nodes" / node
    try:
        yield
    except MachineError as error:
        failure = {"training": str(training), "cause": str(error), "time": time.time()}
        write_checked_json(folder / f"{'-'.join(training.parts)}.json", failure)
        raise
    for path in folder.glob("*.json"):
        path.unlink(missing_ok=True)


def nodes_to_exclude(min_failures: int = MAX_FAILURES) -> dict[str, str]:
    """Return the nodes with at least `min_failures` failures in a row, each with its last error.

    A training that failed on several nodes is not the fault of a node, so it is not counted.
    """
    folders = sorted((cache_root() / "nodes").glob("*"))
    failures = {folder.name: list(_read_failures(folder)) for folder in folders}
    nodes_per_training = Counter(f["training"] for node in failures.values() for f in node)
    counted = {
        node: [f for f in listed if nodes_per_training[f["training"]] == 1]
        for node, listed in failures.items()
    }
    return {
        node: max(listed, key=lambda failure: failure["time"])["cause"]
        for node, listed in counted.items()
        if len(listed) >= min_failures
    }


def _read_failures(folder: Path) -> Iterator[dict[str, Any]]:
    for path in folder.glob("*.json"):
        failure = read_checked_json(path)  # None if a success on the node has just cleared it
        if isinstance(failure, dict):
            yield failure


def sbatch_exclusion(attempt: int) -> str:
    """Return the option of `sbatch` that excludes nodes in an attempt (from 1) at a training."""
    nodes = nodes_to_exclude()
    for node, cause in nodes.items():
        _warn(node, cause)
    if attempt > MAX_ATTEMPTS:
        nodes = nodes_to_exclude(1)
    return f"--exclude={','.join(nodes)}" if nodes else ""


@cache
def _warn(node: str, cause: str) -> None:
    print(
        f"node {node} failed {MAX_FAILURES} trainings in a row and is excluded; when it is "
        f"repaired, delete {cache_root() / 'nodes' / node} (its last error: "
        f"{escape_controls(cause)})",
        file=sys.stderr,
    )
