"""Answers about runs."""

import json

from wandb_server.base import NO_MORE, Data, Part, RefusedError, Variables
from wandb_server.state import ENTITY, Run


class OnRuns(Part):
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
