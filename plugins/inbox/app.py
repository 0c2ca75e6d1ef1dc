"""
Where webhooks come in: ``POST /<connection>``.

Whatever comes is answered without a body, and says nothing of what there is: a connection that nobody has, and a
signature that is wrong, are 401 alike. A 200 means that the change log has it; what can't be written now is 503, and is
sent again. One that was signed but has no shape we know is 400.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import Response
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from hooks.wire.webhook_event import Delivered
from inbox.addresses import Addresses
from inbox.writer import Told, Writer
from ledgerbridge.errors import LedgerbridgeError

__all__ = ["MAX_BYTES", "PREFIX", "WRITE_SECONDS", "create_app"]

PREFIX = "/ledgerbridge/webhooks"
"""Where it is served, by Airflow's API server and by a process of its own."""
MAX_BYTES = 1024 * 1024
"""Of one delivery: whole orders of hundreds of lines stay below."""
_BODY_SECONDS = 5.0
WRITE_SECONDS = 4.0
"""Xero wants its answer within five; what is written later is recognised when it comes again."""

_log = logging.getLogger(__name__)


class _Refused(Exception):
    """Why a request gets no 200, as the status that tells it."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


def create_app(
    engine: Callable[[], Engine], addresses: Addresses | None = None, *, write_seconds: float = WRITE_SECONDS
) -> FastAPI:
    """
    The receiver.

    :param engine: gives the state database, whose companies' rows are written.
    :param addresses: None: looked up when the first delivery comes.
    :param write_seconds: how long a delivery waits to be written before it is answered that it was not.
    """
    app = FastAPI(title="Ledgerbridge webhooks", docs_url=None, redoc_url=None, openapi_url=None)
    known, writer = addresses or Addresses(), Writer(engine)

    @app.get("/", status_code=HTTPStatus.NO_CONTENT)
    async def alive() -> None:
        """For whoever balances load or watches."""

    @app.post("/{connection}")
    async def receive(connection: str, request: Request) -> Response:
        try:
            announced = await _announced(known, connection, request)
            if announced:
                await _write(writer, announced, write_seconds)
        except _Refused as refused:
            _log.warning("connection=%r answered=%d %s", connection[:64], refused.status, refused)
            return Response(status_code=refused.status)
        return Response(status_code=HTTPStatus.OK)

    @app.exception_handler(HTTPException)
    async def refuse(_: Request, error: HTTPException) -> Response:
        return Response(status_code=error.status_code)

    return app


async def _announced(addresses: Addresses, connection: str, request: Request) -> Told:
    """
    What a delivery says has changed.

    :raises _Refused: it is not genuine, or has no shape we know.
    """
    delivered = Delivered(
        {name.lower(): value for name, value in request.headers.items()}, await _body(request), datetime.now(UTC)
    )
    try:
        address = await addresses.of(connection)
        if address is None or not address.webhooks.is_genuine(delivered):
            raise _Refused(HTTPStatus.UNAUTHORIZED, "not signed as this connection's are")
        return addresses.announced(address, delivered)
    except ValueError as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"signed, but {error}") from error
    except LedgerbridgeError as error:  # what is wrong here, the sender may try again until it is mended
        raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error


async def _write(writer: Writer, announced: Told, seconds: float) -> None:
    """
    Bring it into the change log.

    :raises _Refused: it can't be written in time.
    """
    try:
        async with asyncio.timeout(seconds):
            await writer.write(announced)
    except (LedgerbridgeError, SQLAlchemyError, TimeoutError) as error:
        why = str(error) if isinstance(error, LedgerbridgeError) else type(error).__name__
        raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"not written: {why}") from error


async def _body(request: Request) -> bytes:
    """
    The raw body.

    :raises _Refused: it is too large, comes too slowly, or breaks off.
    """
    told = request.headers.get("content-length", "0")
    parts, size = [], MAX_BYTES + 1 if len(told) > len(str(MAX_BYTES)) else int(told)
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            if size <= MAX_BYTES:
                size = 0
                async for part in request.stream():
                    parts.append(part)
                    size += len(part)
                    if size > MAX_BYTES:
                        break
    except TimeoutError as error:
        raise _Refused(HTTPStatus.REQUEST_TIMEOUT, f"no body within {_BODY_SECONDS:.0f} s") from error
    except ClientDisconnect as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, "it broke off") from error
    if size > MAX_BYTES:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MAX_BYTES} bytes")
    return b"".join(parts)
