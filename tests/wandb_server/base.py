"""What all answers share."""

import json
from typing import Any

from wandb_server.state import Books, Run

Variables = dict[str, Any]
Data = dict[str, Any]
NO_MORE = {"endCursor": None, "hasNextPage": False, "__typename": "PageInfo"}


class RefusedError(Exception):
    """What the server does not do, with the status that says so."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.status = status


class Part:
    """Some of the operations, as methods from variables to data."""

    def __init__(self, books: Books, url: str) -> None:
        self.books, self.url = books, url

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
        return {"id": "1", "internalId": "1", "name": name, "entity": {"id": "e", "name": entity}}
