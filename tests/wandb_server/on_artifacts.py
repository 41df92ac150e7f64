"""Answers about artifacts."""

import json

from wandb_server.base import Data, Part, Variables
from wandb_server.state import ENTITY, Artifact


class OnArtifacts(Part):
    def artifact_type(self, asked: Variables) -> Data:
        kinds = {one.collection: one.kind for one in self.books.artifacts.values()}
        kind = kinds.get(asked["name"].partition(":")[0])
        return {"project": {"artifact": kind and {"artifactType": {"name": kind}}}}

    def create_artifact(self, asked: Variables) -> Data:
        told = asked["input"]
        collection = told["artifactCollectionName"]
        same = [
            one
            for one in self.books.artifacts.values()
            if (one.collection, one.digest) == (collection, told["digest"])
        ]
        if same:
            same[0].aliases += [one["alias"] for one in told.get("aliases") or []]
            return {"createArtifact": {"artifact": self._artifact(same[0])}}
        versions = [one for one in self.books.artifacts.values() if one.collection == collection]
        name = f"artifact{len(self.books.artifacts)}"
        artifact = Artifact(
            name,
            told["artifactTypeName"],
            collection,
            json.loads(told.get("metadata") or "{}"),
            told["digest"],
            told.get("runName") or "",
            told["projectName"],
            [one["alias"] for one in told.get("aliases") or []],
            version=len(versions),
        )
        self.books.artifacts[name] = artifact
        return {"createArtifact": {"artifact": self._artifact(artifact)}}

    def one_artifact(self, asked: Variables) -> Data:
        one = self.books.artifacts[asked["id"]]
        project = self._project(ENTITY, one.project)
        sequence = {"__typename": "ArtifactSequence", "name": one.collection, "project": project}
        unset = ("description", "commitHash", "historyStep", "updatedAt")
        return {
            "artifact": {
                **{"__typename": "Artifact", "id": one.id, "state": one.state, "size": 0},
                **{"digest": one.digest, "metadata": json.dumps(one.metadata), "tags": []},
                **{"artifactSequence": sequence, "artifactType": {"name": one.kind}},
                **{"versionIndex": one.version, "fileCount": len(one.files), "aliases": []},
                **{"ttlDurationSeconds": 0, "ttlIsInherited": True},
                **{"createdAt": "2026-01-01T00:00:00", **dict.fromkeys(unset)},
            }
        }

    def create_manifest(self, asked: Variables) -> Data:
        artifact = asked.get("artifactID") or asked["artifactManifestID"]
        file = {
            "id": "f",
            "name": "wandb_manifest.json",
            "displayName": "wandb_manifest.json",
            "uploadUrl": f"{self.url}/upload/artifact/{artifact}/wandb_manifest.json",
            "uploadHeaders": [],
        }
        manifest = {"artifactManifest": {"id": artifact, "file": file}}
        return {"createArtifactManifest": manifest, "updateArtifactManifest": manifest}

    def artifact_files(self, asked: Variables) -> Data:
        nodes = []
        for file in asked["input"]["artifactFiles"]:
            at = f"{self.url}/upload/artifact/{file['artifactID']}/{file['name']}"
            named = {"id": "f", "name": file["name"], "displayName": file["name"]}
            sent = {"uploadUrl": at, "uploadHeaders": [], "storagePath": file["name"]}
            artifact = {"artifact": {"id": file["artifactID"]}, "uploadMultipartUrls": None}
            nodes.append({"node": {**named, **sent, **artifact}})
        return {"createArtifactFiles": {"files": {"edges": nodes}}}

    def commit_artifact(self, asked: Variables) -> Data:
        artifact = self.books.artifacts[asked["artifactID"]]
        artifact.state = "COMMITTED"
        return {"commitArtifact": {"artifact": self._artifact(artifact)}}

    def use_artifact(self, asked: Variables) -> Data:
        told = asked["input"]
        artifact = self.books.artifacts[told["artifactID"]]
        self.books.runs[told["runName"]].used.append(artifact.id)
        return {"useArtifact": {"artifact": self._artifact(artifact)}}

    def _artifact(self, one: Artifact) -> Data:
        latest = {"id": one.id, "versionIndex": one.version}
        sequence = {"id": one.collection, "name": one.collection, "latestArtifact": latest}
        return {
            **{"id": one.id, "state": one.state, "digest": one.digest},
            **{"versionIndex": one.version, "artifactSequence": sequence},
        }
