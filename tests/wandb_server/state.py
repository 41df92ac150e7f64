"""The state of the server, in memory: runs, sweeps and artifacts."""

import json
from dataclasses import dataclass, field
from typing import Any

ENTITY = "team"
"""The default entity of the only user."""


@dataclass
class Run:
    entity: str
    project: str
    name: str
    config: dict[str, Any] = field(default_factory=dict)
    group: str = ""
    job_type: str = ""
    sweep: str | None = None
    state: str = "running"
    exit_code: int | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    lines: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    used_artifacts: list[str] = field(default_factory=list)

    @property
    def history(self) -> list[dict[str, Any]]:
        return [self.lines[i] for i in sorted(self.lines)]

    def stream(self, body: dict[str, Any]) -> None:
        """Apply a file stream request; a repeated one overwrites the same lines."""
        for name, chunk in body.get("files", {}).items():
            for i, line in enumerate(chunk["content"], chunk["offset"]):
                if name == "wandb-history.jsonl":
                    self.lines[i] = json.loads(line)
                elif name == "wandb-summary.json":
                    self.summary = json.loads(line)
        if body.get("complete"):
            self.exit_code = body["exitcode"]
            self.state = "failed" if self.exit_code else "finished"


@dataclass
class Sweep:
    entity: str
    project: str
    name: str
    config: dict[str, Any]
    display_name: str | None = None
    assigned_runs: int = 0


@dataclass
class Artifact:
    id: str
    kind: str
    collection: str
    metadata: dict[str, Any]
    digest: str
    run: str
    project: str
    aliases: list[str]
    state: str = "PENDING"
    version: int = 0
    files: dict[str, bytes] = field(default_factory=dict)


class State:
    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.sweeps: dict[str, Sweep] = {}
        self.artifacts: dict[str, Artifact] = {}

    def artifacts_of_type(self, kind: str) -> list[Artifact]:
        return [artifact for artifact in self.artifacts.values() if artifact.kind == kind]
