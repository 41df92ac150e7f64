"""An HTTP server on loopback with bounded time, memory and threads, so that no client can block it.

Any user of the machine can connect to it and send nothing, or never end a request.
"""

import contextlib
import http.client
import io
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from segsweep.core.errors import MachineError

ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
MAX_CONNECTIONS = 32
"""Maximum number of connections, each with a thread; a further one ends the oldest."""
MAX_SECONDS = 10
"""Maximum number of seconds from the start of a connection to the end of the request."""
MAX_HEAD, MAX_BODY = 1 << 16, 1 << 20
"""Maximum number of bytes of the request line with the headers, and of the body."""


def loopback_server(handler: type["BoundedHandler"]) -> "LoopbackServer":
    """Return a server on a free port of 127.0.0.1, or of ::1 where only IPv6 has loopback.

    Raises:
        MachineError: There is no loopback interface.
    """
    reasons = []
    for family, address in ADDRESSES:
        try:
            server = LoopbackServer(family, address, handler)
        except OSError as error:
            reasons.append(f"{address}: {error.strerror}")
            continue
        try:  # the address may exist although the interface is down
            socket.create_connection((address, server.server_address[1]), timeout=1).close()
        except OSError as error:
            server.server_close()
            reasons.append(f"{address}: {error.strerror or error}")
        else:
            return server
    raise MachineError(
        f"the local W&B sweep server: found no loopback address ({'; '.join(reasons)}), expected "
        "127.0.0.1 or ::1; start the interface with `ip link set lo up`"
    )


class LoopbackServer(ThreadingHTTPServer):
    """A server with one thread per connection; it prints nothing about failed requests."""

    request_queue_size = 128

    def __init__(
        self, family: socket.AddressFamily, address: str, handler: type["BoundedHandler"]
    ) -> None:
        self.address_family = family
        self._open: dict[socket.socket, float] = {}
        """Each open connection with its start, the oldest first."""
        self._lock = threading.Lock()
        super().__init__((address, 0), handler)

    def server_bind(self) -> None:
        """Bind without the DNS request that `HTTPServer` makes for the name of the host."""
        TCPServer.server_bind(self)

    @property
    def url(self) -> str:
        address, port = self.server_address[:2]
        host = f"[{address!s}]" if self.address_family == socket.AF_INET6 else str(address)
        return f"http://{host}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            for oldest in list(self._open)[: len(self._open) + 1 - MAX_CONNECTIONS]:
                self._end(oldest)
            self._open[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End old connections; called every half second."""
        with self._lock:
            for request, start in list(self._open.items()):
                if time.monotonic() - start > MAX_SECONDS:
                    self._end(request)

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            for request in list(self._open):
                self._end(request)

    def _end(self, request: socket.socket) -> None:
        """End the input of a connection, so that its thread answers and closes it."""
        del self._open[request]
        with contextlib.suppress(OSError):  # the client has closed it
            request.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: the client has closed the connection, or does not read the answer."""


class BoundedHandler(BaseHTTPRequestHandler):
    """A handler that reads a bounded number of bytes, answers in JSON and prints nothing."""

    default_request_version = "HTTP/1.0"  # so that the answer to any bytes has a status line
    timeout = 2 * MAX_SECONDS  # of one send; reading ends after MAX_SECONDS in all

    def setup(self) -> None:
        super().setup()
        self._connection_file = self.rfile
        self.rfile = _Head(self.rfile)

    def read_body(self) -> bytes | None:
        """Return the body of the request; answer with an error and return None if it has none."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.send_error(411)
        elif len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            self.send_error(413)
        else:
            body = self._connection_file.read(int(length))
            if len(body) == int(length):
                return body
            self.send_error(408)
        return None

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with an error as a GraphQL server does."""
        self.send_json(code, {"errors": [{"message": message or self.responses[code][0]}]})

    def send_json(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing; the agent logs its own requests."""


class _Head(io.BufferedIOBase):
    """The request line and headers of a connection, at most `MAX_HEAD` bytes."""

    def __init__(self, file: Any) -> None:
        self._file, self._left = file, MAX_HEAD

    def readline(self, size: int | None = -1) -> bytes:
        if not self._left:
            raise http.client.LineTooLong("head of the request")  # the server answers with 431
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        line: bytes = self._file.readline(wanted)
        self._left -= len(line)
        return line

    def close(self) -> None:
        self._file.close()
