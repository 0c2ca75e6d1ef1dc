"""The line between clients and an application, on which the faults that people ordered happen."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.faults import REFUSALS, Fault, Faults

__all__ = ["FaultyAnswer", "FaultyLine"]

_PROMISED_BYTES = 1_000_000
# Closing with this sends RST instead of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)
# What was sent leaves in the event loop's next rounds.
_ON_ITS_WAY_SECONDS = 0.05


class FaultyLine:
    """
    ASGI middleware; innermost, so that what is refused before it (a token, a limit) meets no fault.

    :param spares: calls below this path pass: their endpoint sees to its faults (``FaultyAnswer``).
    """

    def __init__(self, app: ASGIApp, faults: Faults, spares: str = "/_sandbox") -> None:
        self._app = app
        self._faults = faults
        self._spares = ("/_sandbox", spares)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or let its fault happen."""
        if scope["type"] != "http" or scope["path"].startswith(self._spares) or not self._faults.waiting():
            await self._app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        fault = self._faults.meet(scope["method"], scope["path"], body.decode(errors="replace"))

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            await self._app(scope, _Replay(body, receive), send)

        await (_befall(fault, serve, self._faults) if fault else serve)(scope, receive, send)


class FaultyAnswer(Response):
    """
    What an endpoint answers a call that meets a fault after it was let in.

    :param work: serves the call; runs in a thread.
    """

    def __init__(self, fault: Fault, faults: Faults, work: Callable[[], Response]) -> None:
        super().__init__()
        self._fault = fault
        self._faults = faults
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the fault happen."""
        await _befall(self._fault, self._serve, self._faults)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await run_in_threadpool(self._work)
        await answer(scope, receive, send)


def _befall(fault: Fault, app: ASGIApp, faults: Faults) -> ASGIApp:
    """``app`` as its client sees it under ``fault``."""
    if fault.kind in REFUSALS:
        return faults.refuse(fault)

    async def misbehave(scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind not in {"lost_after_commit", "slow_answer"}:
            await asyncio.sleep(fault.seconds)
        await _ON_THE_LINE[fault.kind](fault, app, scope, receive, send)

    return misbehave


Happening = Callable[[Fault, ASGIApp, Scope, Receive, Send], Awaitable[None]]


async def _lose_call(_fault: Fault, _app: ASGIApp, _scope: Scope, _receive: Receive, send: Send) -> None:
    await _cut_short(send)


async def _lose_answer(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, _swallow)
    await asyncio.sleep(fault.seconds)
    await _cut_short(send)


async def _reset(_fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """The answer's head and half of its body arrive, then the connection is reset."""
    answer = _Kept()
    await app(scope, receive, answer)
    await send(answer.start)
    await send({"type": "http.response.body", "body": answer.half, "more_body": True})
    await asyncio.sleep(_ON_ITS_WAY_SECONDS)
    _abort(receive)


async def _serve_half(_fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """The first half of the body, as if it were the whole."""
    answer = _Kept()
    await app(scope, receive, answer)
    headers = [(name, value) for name, value in answer.start["headers"] if name != b"content-length"]
    await send({**answer.start, "headers": [*headers, (b"content-length", str(len(answer.half)).encode())]})
    await send({"type": "http.response.body", "body": answer.half})


async def _serve(_fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def _serve_late(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    answer = _Kept()
    await app(scope, receive, answer)
    await asyncio.sleep(fault.seconds)
    await send(answer.start)
    await send({"type": "http.response.body", "body": answer.body})


async def _serve_twice(_fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """A proxy between sends the call again; the client sees the second answer."""
    await app(dict(scope), receive, _swallow)
    await app(scope, receive, send)


_ON_THE_LINE: dict[str, Happening] = {
    "lost_before_commit": _lose_call,
    "lost_after_commit": _lose_answer,
    "reset": _reset,
    "malformed": _serve_half,
    "slow": _serve,
    "slow_answer": _serve_late,
    "repeated": _serve_twice,
}


class _Replay:
    """A request's body given once more, then whatever the line brings."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Kept:
    """Takes an answer instead of the client."""

    def __init__(self) -> None:
        self.start: Message = {}
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    @property
    def half(self) -> bytes:
        return self.body[: len(self.body) // 2]


def _abort(receive: Receive) -> None:
    """Reset the connection below, which ASGI has no word for: uvicorn's ``receive`` is a method of what holds it."""
    transport = receive.__self__.transport  # type: ignore[attr-defined]
    # a copy of the descriptor, because what uvloop calls a socket takes no options
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


async def _swallow(message: Message) -> None:
    """The client never hears of it."""


async def _cut_short(send: Send) -> None:
    """Promise more than is sent: the server then closes the connection, whose answer was not completed."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(_PROMISED_BYTES).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
