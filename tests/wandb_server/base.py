"""What the operations on runs, sweeps and artifacts share."""

import json
from typing import Any

from wandb_server.state import Run, State

Variables = dict[str, Any]
Data = dict[str, Any]
LAST_PAGE = {"endCursor": None, "hasNextPage": False, "__typename": "PageInfo"}


class RefusedError(Exception):
    """An operation that the server refuses, with its HTTP status."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.status = status


class Operations:
    """A group of GraphQL operations, as methods from variables to data."""

    def __init__(self, state: State, url: str) -> None:
        self.state, self.url = state, url

    def _run_node(self, run: Run) -> Data:
        config = {key: {"value": value} for key, value in run.config.items()}
        return {
            **{"id": run.name, "name": run.name, "displayName": run.name, "projectId": "1"},
            **{"state": run.state, "sweepName": run.sweep, "group": run.group},
            **{"jobType": run.job_type, "config": json.dumps(config), "tags": []},
            **{"summaryMetrics": json.dumps(run.summary), "historyLineCount": len(run.lines)},
            **{"systemMetrics": "{}", "readOnly": False, "description": "", "notes": ""},
        }

    def _project_node(self, entity: str, name: str) -> Data:
        return {"id": "1", "internalId": "1", "name": name, "entity": {"id": "e", "name": entity}}
