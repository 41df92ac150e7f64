"""Answers to GraphQL, one method an operation, by its name in the document."""

import re
from collections.abc import Callable

from wandb_server.base import Data, RefusedError, Variables
from wandb_server.on_artifacts import OnArtifacts
from wandb_server.on_runs import OnRuns
from wandb_server.on_sweeps import OnSweeps
from wandb_server.state import ENTITY


class Answers(OnRuns, OnSweeps, OnArtifacts):
    def of(self, query: str, variables: Variables) -> Data:
        named = re.search(r"(?:query|mutation)\s+(\w+)", query)
        name = named.group(1) if named else ""
        answers: dict[str, Callable[[Variables], Data]] = {
            "Viewer": self.viewer,
            "GetViewer": self.viewer,
            "GetDefaultEntity": self.viewer,
            "UpsertBucket": self.upsert_run,
            "RunResumeStatus": self.resume_status,
            "CreateRunFiles": self.run_files,
            "Run": self.one_run,
            "LightRun": self.one_run,
            "Runs": self.list_runs,
            "RunSampledHistory": self.sampled_history,
            "UpsertSweep": self.upsert_sweep,
            "SweepWithRuns": self.one_sweep,
            "GetSweep": self.one_sweep,
            "GetSweeps": self.list_sweeps,
            "CreateAgent": self.create_agent,
            "Heartbeat": self.heartbeat,
            "ArtifactByID": self.one_artifact,
            "ArtifactType": self.artifact_type,
            "CreateArtifact": self.create_artifact,
            "CreateArtifactManifest": self.create_manifest,
            "UpdateArtifactManifest": self.create_manifest,
            "CreateArtifactFiles": self.artifact_files,
            "CommitArtifact": self.commit_artifact,
            "UseArtifact": self.use_artifact,
        }
        if name not in answers:
            raise RefusedError(f"Cannot query {name}")
        return answers[name](variables)

    def viewer(self, _: Variables) -> Data:
        user = {"id": "u", "name": "user", "username": "user", "entity": ENTITY, "flags": "{}"}
        return {"viewer": {**user, "email": "", "teams": {"edges": []}}}
