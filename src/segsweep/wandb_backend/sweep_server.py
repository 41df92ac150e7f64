"""A W&B sweep server on loopback that gives one run to one `wandb agent --count 1`.

It answers only the GraphQL operations that an agent sends. The run is assigned once. Every request
must carry the key that was made for this trial.
"""

import base64
import hmac
import json
import threading
from typing import Any

from segsweep.wandb_backend.loopback_server import BoundedHandler, loopback_server


class SweepServer:
    """A sweep of one run, served on a free port of loopback while the context is open.

    Args:
        key: The API key that every request must carry.
        sweep: The W&B sweep configuration.
        run_id: The id of the run.
        parameters: The values that the agent passes to the run.
    """

    def __init__(
        self, key: str, sweep: dict[str, Any], run_id: str, parameters: dict[str, Any]
    ) -> None:
        self.key = key
        self.sweep = sweep
        self.run_id = run_id
        self.parameters = parameters
        self.run_assigned = False
        self._lock = threading.Lock()
        self._server = loopback_server(_handler_class(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "SweepServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return self._server.url

    def answer(self, query: str) -> dict[str, Any] | None:
        """Return the `data` of a GraphQL answer; None for an operation that no agent sends."""
        if "Viewer" in query:
            return {"viewer": {"id": "local"}}
        if "SweepWithRuns" in query:
            sweep = {"config": json.dumps(self.sweep), "runs": {"edges": []}}
            return {"project": {"sweep": sweep}}
        if "createAgent" in query:
            return {"createAgent": {"agent": {"id": "agent"}}}
        if "agentHeartbeat" in query:
            commands = json.dumps(self._commands())
            return {"agentHeartbeat": {"agent": {"id": "agent"}, "commands": commands}}
        return None

    def _commands(self) -> list[dict[str, Any]]:
        """Return the command that starts the run, the first time only."""
        with self._lock:
            if self.run_assigned:
                return []
            self.run_assigned = True
        args = {name: {"value": value} for name, value in self.parameters.items()}
        run = {"type": "run", "run_id": self.run_id, "program": self.sweep["program"], "args": args}
        return [run]


def _handler_class(server: SweepServer) -> type[BoundedHandler]:
    expected = base64.b64encode(f"api:{server.key}".encode()).decode()

    class Handler(BoundedHandler):
        def do_POST(self) -> None:  # noqa: N802
            given = self.headers.get("Authorization", "").removeprefix("Basic ")
            if not hmac.compare_digest(given.encode(), expected.encode()):
                return self.send_error(401, "wrong or missing key")
            if self.path != "/graphql":
                return self.send_error(404, f"no such page: {self.path}")
            body = self.read_body()
            if body is None:
                return None
            try:
                query = json.loads(body)["query"]
            except (ValueError, KeyError, TypeError, RecursionError):
                query = None
            if not isinstance(query, str):
                return self.send_error(400, "expected a GraphQL query")
            data = server.answer(query)
            if data is None:
                return self.send_error(200, "this sweep server does not support the operation")
            return self.send_json(200, {"data": data})

    return Handler
