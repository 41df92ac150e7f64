"""A W&B sweep server on loopback that gives one run to one `wandb agent --count 1`.

It answers only the GraphQL operations that an agent sends. The run is assigned once. Every request
must carry the key that was made for this trial.
"""

import base64
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY = 1 << 20


class SweepServer:
    """A sweep of one run, served on a free port of 127.0.0.1 while the context is open.

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
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_class(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "SweepServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

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


def _handler_class(server: SweepServer) -> type[BaseHTTPRequestHandler]:
    expected = base64.b64encode(f"api:{server.key}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = self.headers.get("Authorization", "").removeprefix("Basic ")
            if not hmac.compare_digest(given.encode(), expected.encode()):
                return self._send_error(401, "wrong or missing key")
            length = int(self.headers.get("Content-Length") or 0)
            if self.path != "/graphql" or length > MAX_BODY:
                return self._send_error(404, f"no such page: {self.path}")
            try:
                query = str(json.loads(self.rfile.read(length))["query"])
            except (ValueError, KeyError, TypeError):
                return self._send_error(400, "expected a GraphQL query")
            data = server.answer(query)
            if data is None:
                return self._send_error(200, "this sweep server does not support the operation")
            return self._send(200, {"data": data})

        def _send_error(self, status: int, message: str) -> None:
            self._send(status, {"errors": [{"message": message}]})

        def _send(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing; the agent logs its own requests."""

    return Handler
