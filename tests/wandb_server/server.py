"""The HTTP side of the server: API keys, faults on command, and uploaded files."""

import base64
import json
import re
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from wandb_server.base import RefusedError
from wandb_server.operations import AllOperations
from wandb_server.state import State

KEY = "SegsweepTestKey" + "0123456789" * 3


@dataclass
class Fault:
    """How the next `times` requests with a matching name fail."""

    pattern: str
    how: int | float | str
    """An HTTP status (int), a delay in seconds (float), or "drop"."""
    times: int


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report errors, but not a client that has disconnected."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Server:
    """The server, on a port of 127.0.0.1 while the context is open.

    `state` has what was uploaded, `requests` the names of all requests.
    """

    def __init__(self, key: str = KEY, port: int = 0) -> None:
        self.key = key
        self.state = State()
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        self._port = port

    def __enter__(self) -> "Server":
        self._http = QuietServer(("127.0.0.1", self._port), _handler_class(self))
        self._port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a user of this server sets."""
        return {
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": self.key,
            "WANDB_ERROR_REPORTING": "false",
        }

    def fail(self, pattern: str, how: int | float | str, times: int = 10**6) -> None:
        """Make requests whose name matches `pattern` fail, see `Fault`."""
        self.faults.append(Fault(pattern, how, times))

    def next_fault(self, name: str) -> int | float | str | None:
        with self._lock:
            self.requests.append(name)
            for fault in self.faults:
                if fault.times and re.search(fault.pattern, name):
                    fault.times -= 1
                    return fault.how
        return None

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return AllOperations(self.state, self.url).answer(query, variables)


def _handler_class(server: Server) -> type[BaseHTTPRequestHandler]:
    expected = "Basic " + base64.b64encode(f"api:{server.key}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/graphql":
                request = json.loads(body)
                match = re.search(r"(?:query|mutation)\s+(\w+)", request["query"])
                name = match.group(1) if match else "?"
            else:
                request, name = {}, f"{self.command} {self.path}"
            if self._fails(server.next_fault(name)):
                return
            if self.path.startswith("/upload/"):  # like signed bucket URLs: without a key
                self._save(body)
                return self._send(200, {})
            if self.headers.get("Authorization") != expected:
                return self._send(401, {"errors": [{"message": "user is not logged in"}]})
            if self.path == "/graphql":
                try:
                    data = server.answer(request["query"], request.get("variables") or {})
                except RefusedError as refused:
                    return self._send(refused.status, {"errors": [{"message": str(refused)}]})
                return self._send(200, {"data": data})
            if streamed := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path):
                if streamed.group(1) not in server.state.runs:
                    return self._send(404, {"error": "run not found"})
                server.state.runs[streamed.group(1)].stream(json.loads(body))
                return self._send(200, {})
            return self._send(404, {"error": "no such page"})

        do_PUT = do_POST  # noqa: N815

        def _fails(self, how: int | float | str | None) -> bool:
            if how == "drop":
                self.close_connection = True
                self.connection.close()
                return True
            if isinstance(how, int):
                self._send(how, {"errors": [{"message": f"fails on command with {how}"}]})
                return True
            if isinstance(how, float):
                time.sleep(how)
            return False

        def _save(self, body: bytes) -> None:
            _, _, kind, name, path = self.path.split("/", 4)
            state = server.state
            (state.runs if kind == "run" else state.artifacts)[name].files[path] = body

        def _send(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing; `requests` has the names."""

    return Handler
