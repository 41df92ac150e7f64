"""GraphQL operations on artifacts."""

import json

from wandb_server.base import Data, Operations, Variables
from wandb_server.state import ENTITY, Artifact


class ArtifactOperations(Operations):
    def artifact_type(self, variables: Variables) -> Data:
        kinds = {a.collection: a.kind for a in self.state.artifacts.values()}
        kind = kinds.get(variables["name"].partition(":")[0])
        return {"project": {"artifact": kind and {"artifactType": {"name": kind}}}}

    def create_artifact(self, variables: Variables) -> Data:
        request = variables["input"]
        collection = request["artifactCollectionName"]
        same = [
            artifact
            for artifact in self.state.artifacts.values()
            if (artifact.collection, artifact.digest) == (collection, request["digest"])
        ]
        if same:
            same[0].aliases += [entry["alias"] for entry in request.get("aliases") or []]
            return {"createArtifact": {"artifact": self._artifact_node(same[0])}}
        versions = [a for a in self.state.artifacts.values() if a.collection == collection]
        name = f"artifact{len(self.state.artifacts)}"
        artifact = Artifact(
            name,
            request["artifactTypeName"],
            collection,
            json.loads(request.get("metadata") or "{}"),
            request["digest"],
            request.get("runName") or "",
            request["projectName"],
            [entry["alias"] for entry in request.get("aliases") or []],
            version=len(versions),
        )
        self.state.artifacts[name] = artifact
        return {"createArtifact": {"artifact": self._artifact_node(artifact)}}

    def find_artifact(self, variables: Variables) -> Data:
        artifact = self.state.artifacts[variables["id"]]
        project = self._project_node(ENTITY, artifact.project)
        sequence = {
            "__typename": "ArtifactSequence",
            "name": artifact.collection,
            "project": project,
        }
        unset = ("description", "commitHash", "historyStep", "updatedAt")
        return {
            "artifact": {
                **{"__typename": "Artifact", "id": artifact.id, "state": artifact.state, "size": 0},
                **{
                    "digest": artifact.digest,
                    "metadata": json.dumps(artifact.metadata),
                    "tags": [],
                },
                **{"artifactSequence": sequence, "artifactType": {"name": artifact.kind}},
                **{
                    "versionIndex": artifact.version,
                    "fileCount": len(artifact.files),
                    "aliases": [],
                },
                **{"ttlDurationSeconds": 0, "ttlIsInherited": True},
                **{"createdAt": "2026-01-01T00:00:00", **dict.fromkeys(unset)},
            }
        }

    def create_manifest(self, variables: Variables) -> Data:
        artifact = variables.get("artifactID") or variables["artifactManifestID"]
        file = {
            "id": "f",
            "name": "wandb_manifest.json",
            "displayName": "wandb_manifest.json",
            "uploadUrl": f"{self.url}/upload/artifact/{artifact}/wandb_manifest.json",
            "uploadHeaders": [],
        }
        manifest = {"artifactManifest": {"id": artifact, "file": file}}
        return {"createArtifactManifest": manifest, "updateArtifactManifest": manifest}

    def artifact_files(self, variables: Variables) -> Data:
        nodes = []
        for file in variables["input"]["artifactFiles"]:
            url = f"{self.url}/upload/artifact/{file['artifactID']}/{file['name']}"
            names = {"id": "f", "name": file["name"], "displayName": file["name"]}
            upload = {"uploadUrl": url, "uploadHeaders": [], "storagePath": file["name"]}
            artifact = {"artifact": {"id": file["artifactID"]}, "uploadMultipartUrls": None}
            nodes.append({"node": {**names, **upload, **artifact}})
        return {"createArtifactFiles": {"files": {"edges": nodes}}}

    def commit_artifact(self, variables: Variables) -> Data:
        artifact = self.state.artifacts[variables["artifactID"]]
        artifact.state = "COMMITTED"
        return {"commitArtifact": {"artifact": self._artifact_node(artifact)}}

    def use_artifact(self, variables: Variables) -> Data:
        request = variables["input"]
        artifact = self.state.artifacts[request["artifactID"]]
        self.state.runs[request["runName"]].used_artifacts.append(artifact.id)
        return {"useArtifact": {"artifact": self._artifact_node(artifact)}}

    def _artifact_node(self, artifact: Artifact) -> Data:
        latest = {"id": artifact.id, "versionIndex": artifact.version}
        sequence = {
            "id": artifact.collection,
            "name": artifact.collection,
            "latestArtifact": latest,
        }
        return {
            **{"id": artifact.id, "state": artifact.state, "digest": artifact.digest},
            **{"versionIndex": artifact.version, "artifactSequence": sequence},
        }
