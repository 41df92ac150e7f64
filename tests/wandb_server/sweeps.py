"""GraphQL operations on sweeps and their agents."""

import json
import random
from typing import Any

import yaml

from wandb_server.base import LAST_PAGE, Data, Operations, Variables
from wandb_server.state import ENTITY, Sweep


class SweepOperations(Operations):
    def upsert_sweep(self, variables: Variables) -> Data:
        if variables.get("id"):
            sweep = self.state.sweeps[variables["id"]]
        else:
            name = f"srv{len(self.state.sweeps):05d}"
            entity, project = variables.get("entityName") or ENTITY, variables["projectName"]
            sweep = Sweep(entity, project, name, {}, variables.get("displayName"))
            self.state.sweeps[name] = sweep
        if variables.get("config"):
            sweep.config = yaml.safe_load(variables["config"])
        prior = json.loads(variables.get("priorRunsFilters") or "{}")
        for run in prior.get("$or", []):
            self.state.runs[run["name"]].sweep = sweep.name
        node = {"name": sweep.name, "project": self._project_node(sweep.entity, sweep.project)}
        return {"upsertSweep": {"sweep": node, "configValidationWarnings": []}}

    def find_sweep(self, variables: Variables) -> Data:
        sweep = self.state.sweeps.get(variables.get("sweep") or variables.get("name"))
        if sweep is None:
            return {"project": None}
        return {
            "project": {
                **self._project_node(sweep.entity, sweep.project),
                "sweep": self._sweep_node(sweep),
            }
        }

    def list_sweeps(self, variables: Variables) -> Data:
        found = [s for s in self.state.sweeps.values() if s.project == variables["project"]]
        if not found and variables["project"] not in {
            run.project for run in self.state.runs.values()
        }:
            return {"project": None}
        edges = [{"node": self._sweep_node(sweep), "cursor": "c"} for sweep in found]
        sweeps = {"edges": edges, "pageInfo": LAST_PAGE}
        return {"project": {"totalSweeps": len(found), "sweeps": sweeps}}

    def _sweep_node(self, sweep: Sweep) -> Data:
        runs = [run for run in self.state.runs.values() if run.sweep == sweep.name]
        return {
            **{"__typename": "Sweep", "id": sweep.name, "name": sweep.name, "state": "RUNNING"},
            **{"displayName": sweep.display_name, "method": sweep.config.get("method")},
            **{"description": None, "priorRuns": None, "runCountExpected": None, "bestLoss": None},
            **{"config": json.dumps(sweep.config), "runCount": len(runs)},
            **{"createdAt": "2026-01-01T00:00:00", "updatedAt": None},
            "runs": {"edges": [{"node": self._run_node(run)} for run in runs]},
        }

    def create_agent(self, variables: Variables) -> Data:
        return {"createAgent": {"agent": {"id": variables["sweep"]}}}

    def heartbeat(self, variables: Variables) -> Data:
        """Assign a run with random parameters to an agent that has none running."""
        sweep = self.state.sweeps[variables["id"]]
        commands = []
        if not json.loads(variables.get("runState") or "{}"):
            rng = random.Random(sweep.assigned_runs)
            args = {k: {"value": _sample(p, rng)} for k, p in sweep.config["parameters"].items()}
            run = f"{sweep.name}-{sweep.assigned_runs}"
            sweep.assigned_runs += 1
            program = sweep.config["program"]
            commands = [{"type": "run", "run_id": run, "program": program, "args": args}]
        answer = {"agent": {"id": sweep.name}, "commands": json.dumps(commands)}
        return {"agentHeartbeat": answer}


def _sample(parameter: dict[str, Any], rng: random.Random) -> Any:
    if "value" in parameter:
        return parameter["value"]
    if "values" in parameter:
        return rng.choice(parameter["values"])
    return rng.uniform(parameter["min"], parameter["max"])
