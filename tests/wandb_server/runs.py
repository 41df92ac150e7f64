"""GraphQL operations on runs."""

import json

from wandb_server.base import LAST_PAGE, Data, Operations, RefusedError, Variables
from wandb_server.state import ENTITY, Run


class RunOperations(Operations):
    def upsert_run(self, variables: Variables) -> Data:
        sweep, name = variables.get("sweep"), variables["name"]
        if sweep and sweep not in self.state.sweeps:
            raise RefusedError(f"Sweep {sweep} not found", 404)
        inserted = name not in self.state.runs
        run = self.state.runs.setdefault(
            name, Run(variables.get("entity") or ENTITY, variables["project"], name)
        )
        run.group = variables.get("groupName") or run.group
        run.job_type = variables.get("jobType") or run.job_type
        run.sweep = sweep or run.sweep
        if variables.get("config"):
            config = json.loads(variables["config"])
            run.config = {key: value.get("value") for key, value in config.items()}
        run.state = variables.get("state") or "running"
        bucket = {**self._run_node(run), "project": self._project_node(run.entity, run.project)}
        return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}

    def resume_status(self, variables: Variables) -> Data:
        run = self.state.runs.get(variables["name"])
        bucket = run and {
            **self._run_node(run),
            "logLineCount": 0,
            "eventsLineCount": 0,
            "historyTail": json.dumps([json.dumps(line) for line in run.history[-1:]]),
            "eventsTail": "[]",
            "wandbConfig": json.dumps({"t": run.config.get("_wandb", {}).get("t")}),
        }
        project = self._project_node(variables.get("entity") or ENTITY, variables["project"])
        return {"model": {**project, "bucket": bucket}}

    def run_files(self, variables: Variables) -> Data:
        url = f"{self.url}/upload/run/{variables['run']}"
        files = [{"name": file, "uploadUrl": f"{url}/{file}"} for file in variables["files"]]
        return {"createRunFiles": {"runID": variables["run"], "uploadHeaders": [], "files": files}}

    def find_run(self, variables: Variables) -> Data:
        run = self.state.runs.get(variables["name"])
        if run is None or run.project != variables["project"]:
            return {"project": None}
        return {"project": {"run": self._run_node(run)}}

    def list_runs(self, variables: Variables) -> Data:
        filters = json.loads(variables.get("filters") or "{}").get("$and", [])
        sweeps = [f["sweep"] for f in filters]
        nodes = [
            self._run_node(run)
            for run in self.state.runs.values()
            if run.project == variables["project"] and all(run.sweep == sweep for sweep in sweeps)
        ]
        edges = [{"node": node, "cursor": "c"} for node in nodes]
        runs = {"edges": edges, "pageInfo": LAST_PAGE}
        project = {"internalId": "1", "runCount": len(nodes), "readOnly": False, "runs": runs}
        return {"project": project}

    def sampled_history(self, variables: Variables) -> Data:
        run = self.state.runs[variables["name"]]
        histories = []
        for spec in variables["specs"]:
            keys = json.loads(spec)["keys"]
            histories.append([row for row in run.history if all(key in row for key in keys)])
        return {"project": {"run": {"sampledHistory": histories}}}
