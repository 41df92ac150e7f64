"""The part of W&B's sweep service that one `wandb agent --count 1` asks, on loopback.

Only the five GraphQL operations of an agent are answered. The run's configuration is handed out
once. Every request must carry the key that was made for this one trial.
"""

import base64
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY = 1 << 20


class Backend:
    """A sweep of one run. `sweep` is its W&B configuration; `parameters` what the run is given.

    Use as a context manager: the server stands on a free port of 127.0.0.1 (`url`) until the end.
    """

    def __init__(
        self, key: str, sweep: dict[str, Any], run_id: str, parameters: dict[str, Any]
    ) -> None:
        self.key = key
        self.sweep = sweep
        self.run_id = run_id
        self.parameters = parameters
        self.handed_out = False
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Backend":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, query: str) -> dict[str, Any] | None:
        """The `data` of one GraphQL answer; None for an operation that an agent does not need."""
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
        with self._lock:
            if self.handed_out:
                return []
            self.handed_out = True
        args = {name: {"value": value} for name, value in self.parameters.items()}
        run = {"type": "run", "run_id": self.run_id, "program": self.sweep["program"], "args": args}
        return [run]


def _handler_of(backend: Backend) -> type[BaseHTTPRequestHandler]:
    expected = base64.b64encode(f"api:{backend.key}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = self.headers.get("Authorization", "").removeprefix("Basic ")
            if not hmac.compare_digest(given.encode(), expected.encode()):
                return self._send(401, {"errors": [{"message": "wrong or missing key"}]})
            length = int(self.headers.get("Content-Length") or 0)
            if self.path != "/graphql" or length > MAX_BODY:
                return self._send(404, {"errors": [{"message": f"no such page: {self.path}"}]})
            try:
                query = str(json.loads(self.rfile.read(length))["query"])
            except (ValueError, KeyError, TypeError):
                return self._send(400, {"errors": [{"message": "expected a GraphQL query"}]})
            data = backend.answer(query)
            if data is None:
                return self._send(
                    200, {"errors": [{"message": "this sweep backend cannot do that"}]}
                )
            return self._send(200, {"data": data})

        def _send(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the agent's own log tells what it asked."""

    return Handler
