"""What every simulated system offers a person besides its real API: health, the business clock, its ``Date`` header."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from fastapi import APIRouter, HTTPException
from pydantic import AwareDatetime, BaseModel
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.store import BusinessClock, ClockMovedBackwards, wire_instant

__all__ = ["BusinessDate", "ClockReading", "clock_routes"]


class ClockReading(BaseModel):
    """The business clock as people set and read it."""

    now: AwareDatetime


def clock_routes(clock: BusinessClock) -> APIRouter:
    """``/_sandbox/health`` and ``/_sandbox/clock``."""
    routes = APIRouter(prefix="/_sandbox")

    @routes.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/clock")
    def read_clock() -> dict[str, str]:
        return {"now": wire_instant(clock.now())}

    @routes.put("/clock")
    def set_clock(reading: ClockReading) -> dict[str, str]:
        try:
            clock.set(reading.now)
        except ClockMovedBackwards as error:
            raise HTTPException(409, str(error)) from error
        return read_clock()

    return routes


class BusinessDate:
    """Answers carry the business clock as ``Date``, which is what clients take for the system's own time."""

    def __init__(self, app: ASGIApp, clock: BusinessClock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, dating its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Date"] = _http_date(self._clock.now())
            await send(message)

        await self._app(scope, receive, send_dated)


def _http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)
