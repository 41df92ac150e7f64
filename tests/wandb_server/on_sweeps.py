"""Answers about sweeps, and to their agents."""

import json
import random
from typing import Any

import yaml

from wandb_server.base import NO_MORE, Data, Part, Variables
from wandb_server.state import ENTITY, Sweep


class OnSweeps(Part):
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


def _drawn(parameter: dict[str, Any], draw: random.Random) -> Any:
    if "value" in parameter:
        return parameter["value"]
    if "values" in parameter:
        return draw.choice(parameter["values"])
    return draw.uniform(parameter["min"], parameter["max"])
