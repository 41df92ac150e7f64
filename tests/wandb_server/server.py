"""The HTTP side: who may ask, what fails on command, and where files go."""

import base64
import json
import re
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from wandb_server.answers import Answers
from wandb_server.base import RefusedError
from wandb_server.state import Books

KEY = "SegsweepTestKey" + "0123456789" * 3


@dataclass
class Fault:
    """What happens to the next `times` requests that match: a status, "drop", or a delay in s."""

    matching: str
    how: int | float | str
    times: int


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no news; all else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Server:
    """Use as a context manager; `books` is what arrived, `asked` the names of all requests."""

    def __init__(self, key: str = KEY, port: int = 0) -> None:
        self.key = key
        self.books = Books()
        self.asked: list[str] = []
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        self._port = port

    def __enter__(self) -> "Server":
        self._http = QuietServer(("127.0.0.1", self._port), _handler_of(self))
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
        """What a user of this server has set."""
        return {
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": self.key,
            "WANDB_ERROR_REPORTING": "false",
        }

    def fail(self, matching: str, how: int | float | str, times: int = 10**6) -> None:
        """Have requests whose name matches fail: with a status, by a drop, or after a delay."""
        self.faults.append(Fault(matching, how, times))

    def fault_of(self, name: str) -> int | float | str | None:
        with self._lock:
            self.asked.append(name)
            for fault in self.faults:
                if fault.times and re.search(fault.matching, name):
                    fault.times -= 1
                    return fault.how
        return None

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return Answers(self.books, self.url).of(query, variables)


def _handler_of(server: Server) -> type[BaseHTTPRequestHandler]:
    expected = "Basic " + base64.b64encode(f"api:{server.key}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/graphql":
                asked = json.loads(body)
                named = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
                name = named.group(1) if named else "?"
            else:
                asked, name = {}, f"{self.command} {self.path}"
            if self._fails(server.fault_of(name)):
                return
            if self.path.startswith("/upload/"):  # as signed addresses of a bucket: without a key
                self._keep(body)
                return self._send(200, {})
            if self.headers.get("Authorization") != expected:
                return self._send(401, {"errors": [{"message": "user is not logged in"}]})
            if self.path == "/graphql":
                try:
                    data = server.answer(asked["query"], asked.get("variables") or {})
                except RefusedError as refused:
                    return self._send(refused.status, {"errors": [{"message": str(refused)}]})
                return self._send(200, {"data": data})
            if streamed := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path):
                if streamed.group(1) not in server.books.runs:
                    return self._send(404, {"error": "run not found"})
                server.books.run(streamed.group(1)).stream(json.loads(body))
                return self._send(200, {})
            return self._send(404, {"error": "no such page"})

        do_PUT = do_POST  # noqa: N815

        def _fails(self, how: int | float | str | None) -> bool:
            if how == "drop":
                self.close_connection = True
                self.connection.close()
                return True
            if isinstance(how, int):
                self._send(how, {"errors": [{"message": f"told to answer {how}"}]})
                return True
            if isinstance(how, float):
                time.sleep(how)
            return False

        def _keep(self, body: bytes) -> None:
            _, _, kind, name, path = self.path.split("/", 4)
            books = server.books
            (books.runs if kind == "run" else books.artifacts)[name].files[path] = body

        def _send(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing; `asked` tells what came."""

    return Handler
