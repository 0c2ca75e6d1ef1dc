"""A web server on a socket that gives the answers it was told, for what no simulator can be made to say."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """
    One answer: a dict is sent as JSON, a string as it is.

    :param cut: the connection ends after half the body.
    """

    content: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ScriptedApi:
    """Replies in the order given; what was asked is in ``asked``."""

    url: str
    replies: deque[Reply] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)

    arrivals: Queue[Asked] = field(default_factory=Queue)

    def next_arrival(self) -> Asked:
        """The next request not taken yet; waits for it ten seconds at most."""
        return self.arrivals.get(timeout=10)

    def will_reply(self, *replies: Reply) -> None:
        self.replies.extend(replies)


@contextmanager
def serve_script() -> Iterator[ScriptedApi]:
    """Run a scripted server on a free port; it answers 599 once its script is used up."""
    api = ScriptedApi("")

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            target = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, target.path, parse_qs(target.query), headers, body)
            api.asked.append(asked)
            api.arrivals.put(asked)
            reply = api.replies.popleft() if api.replies else Reply("the script is used up", 599)
            self.send_response_only(reply.status)
            content = (reply.content if isinstance(reply.content, str) else json.dumps(reply.content)).encode()
            standard = {"Date": self.date_time_string(), "Content-Length": str(len(content))}
            for name, value in (standard | reply.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if reply.cut else content)

        do_GET = do_POST = do_PUT = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the test tells what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
