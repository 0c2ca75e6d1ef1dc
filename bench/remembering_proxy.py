"""A proxy that remembers what an API answered to each GET, so that a bench measures the client and not the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import requests

__all__ = ["remembering"]

_PASSED_ON = ("Authorization", "Content-Type", "xero-tenant-id", "If-Modified-Since")
_Answer = tuple[int, str, bytes]


@contextmanager
def remembering(address: str) -> Iterator[str]:
    """
    Its address, below which lies what lies below ``address``.

    What was asked once with a good answer is answered so again, whoever asks; all else is passed on.
    """
    remembered: dict[tuple[str, str | None], _Answer] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            key = self.path, self.headers.get("If-Modified-Since")
            answer = remembered.get(key) or self._passed_on()
            if answer[0] == 200:
                remembered[key] = answer
            self._send(answer)

        def do_POST(self) -> None:
            self._send(self._passed_on())

        def log_message(self, *_: Any) -> None:
            """Nothing: a bench prints what it found."""

        def _passed_on(self) -> _Answer:
            headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = requests.request(self.command, address + self.path, data=body, headers=headers, timeout=120)
            return answer.status_code, answer.headers["Content-Type"], answer.content

        def _send(self, answer: _Answer) -> None:
            status, kind, body = answer
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
