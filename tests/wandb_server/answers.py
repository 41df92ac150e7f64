"""Answers to GraphQL, one method an operation, by its name in the document."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import yaml

from wandb_server.books import ENTITY, Artifact, Books, Run, Sweep

Variables = dict[str, Any]
Data = dict[str, Any]
NO_MORE = {"endCursor": None, "hasNextPage": False, "__typename": "PageInfo"}


class RefusedError(Exception):
    """What the server does not do, with the status that says so."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.status = status


class Answers:
    def __init__(self, books: Books, url: str) -> None:
        self.books, self.url = books, url

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

    # runs

    def upsert_run(self, asked: Variables) -> Data:
        sweep, name = asked.get("sweep"), asked["name"]
        if sweep and sweep not in self.books.sweeps:
            raise RefusedError(f"Sweep {sweep} not found", 404)
        inserted = name not in self.books.runs
        run = self.books.runs.setdefault(
            name, Run(asked.get("entity") or ENTITY, asked["project"], name)
        )
        run.group = asked.get("groupName") or run.group
        run.job_type = asked.get("jobType") or run.job_type
        run.sweep = sweep or run.sweep
        if asked.get("config"):
            told = json.loads(asked["config"])
            run.config = {key: value.get("value") for key, value in told.items()}
        if run.state != "finished":
            run.state = asked.get("state") or "running"
        bucket = {**self._node(run), "project": self._project(run.entity, run.project)}
        return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}

    def resume_status(self, asked: Variables) -> Data:
        run = self.books.runs.get(asked["name"])
        bucket = run and {
            **self._node(run),
            "logLineCount": 0,
            "eventsLineCount": 0,
            "historyTail": json.dumps([json.dumps(line) for line in run.history[-1:]]),
            "eventsTail": "[]",
            "wandbConfig": json.dumps({"t": run.config.get("_wandb", {}).get("t")}),
        }
        project = self._project(asked.get("entity") or ENTITY, asked["project"])
        return {"model": {**project, "bucket": bucket}}

    def run_files(self, asked: Variables) -> Data:
        at = f"{self.url}/upload/run/{asked['run']}"
        files = [{"name": file, "uploadUrl": f"{at}/{file}"} for file in asked["files"]]
        return {"createRunFiles": {"runID": asked["run"], "uploadHeaders": [], "files": files}}

    def one_run(self, asked: Variables) -> Data:
        run = self.books.runs.get(asked["name"])
        if run is None or run.project != asked["project"]:
            return {"project": None}
        return {"project": {"run": self._node(run)}}

    def list_runs(self, asked: Variables) -> Data:
        wanted = json.loads(asked.get("filters") or "{}").get("$and", [])
        sweeps = [one["sweep"] for one in wanted]
        nodes = [
            self._node(run)
            for run in self.books.runs.values()
            if run.project == asked["project"] and all(run.sweep == one for one in sweeps)
        ]
        edges = [{"node": node, "cursor": "c"} for node in nodes]
        runs = {"edges": edges, "pageInfo": NO_MORE}
        told = {"internalId": "1", "runCount": len(nodes), "readOnly": False, "runs": runs}
        return {"project": told}

    def sampled_history(self, asked: Variables) -> Data:
        run = self.books.runs[asked["name"]]
        histories = []
        for spec in asked["specs"]:
            keys = json.loads(spec)["keys"]
            histories.append([row for row in run.history if all(key in row for key in keys)])
        return {"project": {"run": {"sampledHistory": histories}}}

    def _node(self, run: Run) -> Data:
        config = {key: {"value": value} for key, value in run.config.items()}
        return {
            **{"id": run.name, "name": run.name, "displayName": run.name, "projectId": "1"},
            **{"state": run.state, "sweepName": run.sweep, "group": run.group},
            **{"jobType": run.job_type, "config": json.dumps(config), "tags": []},
            **{"summaryMetrics": json.dumps(run.summary), "historyLineCount": len(run.lines)},
            **{"systemMetrics": "{}", "readOnly": False, "description": "", "notes": ""},
        }

    def _project(self, entity: str, name: str) -> Data:
        return {"id": "1", "name": name, "entity": {"id": "e", "name": entity}}

    # sweeps and agents

    def upsert_sweep(self, asked: Variables) -> Data:
        if asked.get("id"):
            sweep = self.books.sweeps[asked["id"]]
        else:
            name = f"srv{len(self.books.sweeps):05d}"
            entity, project = asked.get("entityName") or ENTITY, asked["projectName"]
            sweep = Sweep(entity, project, name, {}, asked.get("displayName"))
            self.books.sweeps[name] = sweep
        if asked.get("config"):
            sweep.config = yaml.safe_load(asked["config"])
        prior = json.loads(asked.get("priorRunsFilters") or "{}")
        for one in prior.get("$or", []):
            self.books.runs[one["name"]].sweep = sweep.name
        told = {"name": sweep.name, "project": self._project(sweep.entity, sweep.project)}
        return {"upsertSweep": {"sweep": told, "configValidationWarnings": []}}

    def one_sweep(self, asked: Variables) -> Data:
        sweep = self.books.sweeps.get(asked.get("sweep") or asked.get("name"))
        if sweep is None:
            return {"project": None}
        return {"project": {**self._project(sweep.entity, sweep.project), "sweep": self._of(sweep)}}

    def list_sweeps(self, asked: Variables) -> Data:
        found = [one for one in self.books.sweeps.values() if one.project == asked["project"]]
        if not found and asked["project"] not in {run.project for run in self.books.runs.values()}:
            return {"project": None}
        edges = [{"node": self._of(one), "cursor": "c"} for one in found]
        sweeps = {"edges": edges, "pageInfo": NO_MORE}
        return {"project": {"totalSweeps": len(found), "sweeps": sweeps}}

    def _of(self, sweep: Sweep) -> Data:
        runs = [run for run in self.books.runs.values() if run.sweep == sweep.name]
        return {
            **{"__typename": "Sweep", "id": sweep.name, "name": sweep.name, "state": "RUNNING"},
            **{"displayName": sweep.display_name, "method": sweep.config.get("method")},
            **{"description": None, "priorRuns": None, "runCountExpected": None, "bestLoss": None},
            **{"config": json.dumps(sweep.config), "runCount": len(runs)},
            **{"createdAt": "2026-01-01T00:00:00", "updatedAt": None},
            "runs": {"edges": [{"node": self._node(run)} for run in runs]},
        }

    def create_agent(self, asked: Variables) -> Data:
        return {"createAgent": {"agent": {"id": asked["sweep"]}}}

    def heartbeat(self, asked: Variables) -> Data:
        """A random sweep: a run is handed out while none of the agent's is running."""
        sweep = self.books.sweeps[asked["id"]]
        commands = []
        if not json.loads(asked.get("runState") or "{}"):
            draw = random.Random(sweep.handed)
            args = {k: {"value": _drawn(p, draw)} for k, p in sweep.config["parameters"].items()}
            run = f"{sweep.name}-{sweep.handed}"
            sweep.handed += 1
            program = sweep.config["program"]
            commands = [{"type": "run", "run_id": run, "program": program, "args": args}]
        told = {"agent": {"id": sweep.name}, "commands": json.dumps(commands)}
        return {"agentHeartbeat": told}

    # artifacts

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


def _drawn(parameter: dict[str, Any], draw: random.Random) -> Any:
    if "value" in parameter:
        return parameter["value"]
    if "values" in parameter:
        return draw.choice(parameter["values"])
    return draw.uniform(parameter["min"], parameter["max"])
