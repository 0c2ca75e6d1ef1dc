"""Somebody who receives webhooks: keeps what comes, answers as told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue

from fastapi import FastAPI, Request, Response

from tests.contract.served_app import serve


@dataclass(frozen=True)
class Received:
    """One delivery; header names in lower case."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Where to send, and what came."""

    url: str = ""
    status: int = 200
    _came: Queue[Received] = field(default_factory=Queue)

    def keep(self, received: Received) -> None:
        self._came.put(received)

    def next(self, timeout_seconds: float = 20) -> Received:
        """The next delivery, as soon as it is there."""
        return self._came.get(timeout=timeout_seconds)

    @property
    def is_empty(self) -> bool:
        return self._came.empty()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a socket."""
    receiver, app = Receiver(), FastAPI(openapi_url=None)

    @app.post("/")
    async def receive(request: Request) -> Response:
        receiver.keep(Received(dict(request.headers), await request.body()))
        return Response(status_code=receiver.status)

    with serve(app) as url:
        receiver.url = f"{url}/"
        yield receiver
