"""Nodes of a cluster that fail trainings: counted by the jobs there, avoided by those to come."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from segsweep.errors import UserError
from segsweep.store import root

LIMIT = 3
"""Failures in a row after which a node is avoided."""


@contextmanager
def counted(training: str) -> Iterator[None]:
    """Note on a Slurm node whether the machine failed `training` (a path), or not.

    A success clears what was noted of the node. A job that is cancelled or preempted, and so ends
    with this process, is noted neither way.
    """
    node = os.environ.get("SLURMD_NODENAME")
    if node is None:
        yield
        return
    notes = root() / "nodes" / node
    try:
        yield
    except UserError as error:
        notes.parent.mkdir(parents=True, exist_ok=True)
        note = {"training": training, "cause": str(error), "time": time.strftime("%F %T")}
        with notes.open("a", encoding="utf-8") as file:
            file.write(json.dumps(note) + "\n")
        raise
    notes.unlink(missing_ok=True)


def avoided() -> dict[str, str]:
    """The nodes to avoid, each with the cause of its last failure.

    A training that failed on several nodes is no fault of a node, so it counts for none.
    """
    notes = {
        file.name: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        for file in sorted((root() / "nodes").glob("*"))
    }
    places = [{note["training"] for note in of_node} for of_node in notes.values()]

    def blamed(training: str) -> bool:
        return sum(training in failed for failed in places) == 1

    bad = {node: [n for n in of_node if blamed(n["training"])] for node, of_node in notes.items()}
    return {node: found[-1]["cause"] for node, found in bad.items() if len(found) >= LIMIT}


def exclusion() -> str:
    """What `sbatch` is told of the nodes to avoid; each is named once to the user."""
    nodes = avoided()
    for node, cause in nodes.items():
        _tell(node, cause)
    return f"--exclude={','.join(nodes)}" if nodes else ""


@cache
def _tell(node: str, cause: str) -> None:
    print(
        f"node {node} failed {LIMIT} trainings in a row, so it gets no more; once it is mended, "
        f"delete {root() / 'nodes' / node} (its last words: {cause})",
        file=sys.stderr,
    )
