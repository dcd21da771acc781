"""A vendor that is played answers in JSON over real sockets, or drops the connection."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Method, target, body and headers → status and JSON; None where the connection is to be dropped.
Answer = Callable[[str, str, bytes, Message], tuple[int, Any] | None]


class _Handler(BaseHTTPRequestHandler):
    """Head and body of an answer leave at once: apart, the second waits 40 ms for the first's receipt."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    answer: Answer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answered = type(self).answer(self.command, self.path, body, self.headers)
        if answered is None:
            self.close_connection = True
            return
        status, shown = answered
        content = json.dumps(shown).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Silent: tests read what was asked from the vendor's books."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """The URL of a server of its own."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"answer": staticmethod(answer)}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
