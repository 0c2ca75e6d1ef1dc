"""Faults to order: what goes wrong between a client and a system although both are right."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.store import Store

__all__ = ["FAULT_TABLE", "Fault", "FaultyLine", "fault_routes"]

FAULT_TABLE = """
CREATE TABLE IF NOT EXISTS fault (
    position INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL, contains TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, remaining INTEGER NOT NULL
);
"""
_PROMISED_BYTES = 1_000_000


class Fault(BaseModel):
    """
    What goes wrong with the next ``times`` calls of ``method`` whose path begins with ``path`` and whose body
    contains ``contains``; blank means any.

    :param status: of kind ``status``.
    :param headers: of kind ``status``, such as ``Retry-After``.
    :param seconds: of kind ``slow``.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["lost_before_commit", "lost_after_commit", "malformed", "slow", "status"]
    method: str = ""
    path: str = ""
    contains: str = ""
    status: int = 500
    headers: dict[str, str] = {}
    seconds: float = 0
    times: int = 1


def fault_routes(store: Store, below: str = "") -> APIRouter:
    """
    ``/_sandbox/faults``: order one, or forget those that have not happened.

    :param below: what a fault's ``path`` continues unless it is blank or begins with a slash.
    """
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/faults", status_code=201)
    def order_fault(fault: Fault) -> Fault:
        path = f"{below}{fault.path}" if fault.path and not fault.path.startswith("/") else fault.path
        with store.write() as connection:
            connection.execute(
                "INSERT INTO fault (content, contains, method, path, remaining) VALUES (?, ?, ?, ?, ?)",
                (fault.model_dump_json(), fault.contains, fault.method.upper(), path, fault.times),
            )
        return fault

    @routes.delete("/faults", status_code=204)
    def forget_faults() -> None:
        with store.write() as connection:
            connection.execute("DELETE FROM fault")

    return routes


class FaultyLine:
    """
    The line between clients and the application, with the faults people ordered.

    :param failure: the body of an answer with status 5xx or whatever a fault asks for.
    """

    def __init__(self, app: ASGIApp, store: Store, failure: Mapping[str, Any]) -> None:
        self._app = app
        self._store = store
        self._failure = json.dumps(failure).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or let its fault happen."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox") or not self._is_any_ordered():
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        fault = self._take(scope["method"], scope["path"], body.decode(errors="replace"))
        again = _Replay(body)
        match fault.kind if fault else None:
            case None:
                await self._app(scope, again, send)
            case "lost_before_commit":
                await _cut_short(send)
            case "lost_after_commit":
                await self._app(scope, again, _swallow)
                await _cut_short(send)
            case "malformed":
                await self._app(scope, again, _HalfBody(send))
            case "slow":
                await asyncio.sleep(fault.seconds if fault else 0)
                await self._app(scope, again, send)
            case "status" if fault:
                await self._refuse(send, fault)

    def _is_any_ordered(self) -> bool:
        return self._store.connection.execute("SELECT 1 FROM fault LIMIT 1").fetchone() is not None

    def _take(self, method: str, path: str, body: str) -> Fault | None:
        """The fault this call meets, counted as happened."""
        with self._store.write() as connection:
            row = connection.execute(
                "SELECT position, content FROM fault WHERE method IN ('', ?) AND substr(?, 1, length(path)) = path"
                " AND (contains = '' OR instr(?, contains)) ORDER BY position LIMIT 1",
                (method, path, body),
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE fault SET remaining = remaining - 1 WHERE position = ?", (row["position"],))
            connection.execute("DELETE FROM fault WHERE remaining <= 0")
        return Fault.model_validate_json(row["content"])

    async def _refuse(self, send: Send, fault: Fault) -> None:
        headers = {"content-type": "application/json", "content-length": str(len(self._failure)), **fault.headers}
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": fault.status, "headers": encoded})
        await send({"type": "http.response.body", "body": self._failure})


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


class _Replay:
    """A request's body, given once more."""

    def __init__(self, body: bytes) -> None:
        self._messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def __call__(self) -> Message:
        return self._messages.pop() if self._messages else {"type": "http.disconnect"}


class _HalfBody:
    """Sends the first half of an answer's body as if it were the whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        half = message["body"][: len(message["body"]) // 2]
        headers = [(name, value) for name, value in self._start["headers"] if name != b"content-length"]
        await self._send({**self._start, "headers": [*headers, (b"content-length", str(len(half)).encode())]})
        await self._send({"type": "http.response.body", "body": half})


async def _swallow(message: Message) -> None:
    """The client never hears of it."""


async def _cut_short(send: Send) -> None:
    """Promise more than is sent: the server then closes the connection, whose answer was not completed."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(_PROMISED_BYTES).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
