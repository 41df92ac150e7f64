"""Nodes of a cluster that fail trainings: noted by the jobs there, avoided by those to come."""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from segsweep.core.errors import MachineError
from segsweep.core.files import write_json
from segsweep.pipeline.cache import root

LIMIT = 3
"""Trainings that a node fails in a row before it is avoided."""
PATIENCE = 2
"""Attempts of one training before it avoids each node that failed any."""


@contextmanager
def counted(training: Path) -> Iterator[None]:
    """Note on a Slurm node whether the machine failed `training` (its folder), or not.

    A success clears what was noted of the node. What is the user's mistake is noted neither way, as
    is a job that is cancelled or preempted, and so ends with this process.
    """
    node = os.environ.get("SLURMD_NODENAME")
    if node is None:
        yield
        return
    notes = root() / "nodes" / node
    try:
        yield
    except MachineError as error:
        note = {"training": str(training), "cause": str(error), "time": time.time()}
        write_json(notes / f"{'-'.join(training.parts)}.json", note)
        raise
    for path in notes.glob("*.json"):
        path.unlink(missing_ok=True)


def avoided(failed: int = LIMIT) -> dict[str, str]:
    """The nodes that failed so many trainings in a row, each with the cause of its last failure.

    A training that failed on several nodes is no fault of a node, so it counts for none.
    """
    noted = {node.name: list(_notes(node)) for node in sorted((root() / "nodes").glob("*"))}
    places = Counter(note["training"] for notes in noted.values() for note in notes)
    bad = {node: [n for n in notes if places[n["training"]] == 1] for node, notes in noted.items()}
    return {
        node: max(notes, key=lambda note: note["time"])["cause"]
        for node, notes in bad.items()
        if len(notes) >= failed
    }


def _notes(node: Path) -> Iterator[dict[str, Any]]:
    for path in node.glob("*.json"):
        with suppress(FileNotFoundError):  # a success on the node has just cleared it
            yield json.loads(path.read_text(encoding="utf-8"))


def exclusion(attempt: int) -> str:
    """What `sbatch` is told of the nodes to avoid in an attempt (from 1) at a training."""
    nodes = avoided()
    for node, cause in nodes.items():
        _tell(node, cause)
    if attempt > PATIENCE:
        nodes = avoided(1)
    return f"--exclude={','.join(nodes)}" if nodes else ""


@cache
def _tell(node: str, cause: str) -> None:
    print(
        f"node {node} failed {LIMIT} trainings in a row, so it gets no more; once it is mended, "
        f"delete {root() / 'nodes' / node} (its last words: {cause})",
        file=sys.stderr,
    )
