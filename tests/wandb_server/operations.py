"""All GraphQL operations of the server, by their names in the documents."""

import re
from collections.abc import Callable

from wandb_server.artifacts import ArtifactOperations
from wandb_server.base import Data, RefusedError, Variables
from wandb_server.runs import RunOperations
from wandb_server.state import ENTITY
from wandb_server.sweeps import SweepOperations


class AllOperations(RunOperations, SweepOperations, ArtifactOperations):
    def answer(self, query: str, variables: Variables) -> Data:
        """Return the data of a GraphQL document; raise `RefusedError` if it is not supported."""
        match = re.search(r"(?:query|mutation)\s+(\w+)", query)
        name = match.group(1) if match else ""
        operations: dict[str, Callable[[Variables], Data]] = {
            "Viewer": self.viewer,
            "GetViewer": self.viewer,
            "GetDefaultEntity": self.viewer,
            "UpsertBucket": self.upsert_run,
            "RunResumeStatus": self.resume_status,
            "CreateRunFiles": self.run_files,
            "Run": self.find_run,
            "LightRun": self.find_run,
            "Runs": self.list_runs,
            "RunSampledHistory": self.sampled_history,
            "UpsertSweep": self.upsert_sweep,
            "SweepWithRuns": self.find_sweep,
            "GetSweep": self.find_sweep,
            "GetSweeps": self.list_sweeps,
            "CreateAgent": self.create_agent,
            "Heartbeat": self.heartbeat,
            "ArtifactByID": self.find_artifact,
            "ArtifactType": self.artifact_type,
            "CreateArtifact": self.create_artifact,
            "CreateArtifactManifest": self.create_manifest,
            "UpdateArtifactManifest": self.create_manifest,
            "CreateArtifactFiles": self.artifact_files,
            "CommitArtifact": self.commit_artifact,
            "UseArtifact": self.use_artifact,
        }
        if name not in operations:
            raise RefusedError(f"Cannot query {name}")
        return operations[name](variables)

    def viewer(self, _: Variables) -> Data:
        user = {"id": "u", "name": "user", "username": "user", "entity": ENTITY, "flags": "{}"}
        return {"viewer": {**user, "email": "", "teams": {"edges": []}}}
