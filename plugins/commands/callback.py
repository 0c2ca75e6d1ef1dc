"""The redirect address of a consent: a server on this machine that hears of it once."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType

from ledgerbridge.errors import ConfigurationError

__all__ = ["Callback"]

_PATH = "/callback"
_PAGE = b"<!doctype html><title>Ledgerbridge</title><p>You may close this page; the terminal tells how it went.</p>"


class _Server(HTTPServer):
    """Keeps the address the browser was sent to."""

    redirected_to = ""


class Callback:
    """
    ``http://localhost:PORT/callback``, served inside a ``with`` block.

    :param port: 0 for any.
    :raises ConfigurationError: the port is taken.
    """

    def __init__(self, port: int) -> None:
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise ConfigurationError(
                "LB-XERO-030",
                f"port {port} of this machine can't be listened to ({error.strerror})",
                remedy="End what uses it, or give another --port and register its address with the app.",
            ) from error
        self.address = f"http://localhost:{self._server.server_port}{_PATH}"

    def __enter__(self) -> Callback:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.server_close()

    def wait(self, seconds: float) -> str:
        """
        The whole address the browser came back to.

        :raises ConfigurationError: it didn't within so many seconds.
        """
        deadline = time.monotonic() + seconds
        while not self._server.redirected_to:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ConfigurationError(
                    "LB-XERO-031",
                    f"no browser came back to {self.address} within {seconds:.0f} s",
                    remedy="Open the printed address in a browser on this machine and allow access; if Xero shows an "
                    "error there, correct what it names in the connection or in the app.",
                )
            self._server.timeout = left
            self._server.handle_request()
        return self._server.redirected_to


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    # a browser that connects and says nothing keeps nobody waiting
    timeout = 5

    def do_GET(self) -> None:
        """Take the answer of the consent; a browser also asks for icons."""
        if self.path.partition("?")[0] != _PATH:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(_PAGE)))
        self.end_headers()
        self.wfile.write(_PAGE)
        self.server.redirected_to = f"http://localhost:{self.server.server_port}{self.path}"

    def log_message(self, *_: object) -> None:
        """Nothing: the address holds the code."""
