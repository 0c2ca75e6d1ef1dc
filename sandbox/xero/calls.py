"""One call of the Accounting API: who calls for which organisation, what was sent, and how it is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from sandbox.xero.errors import ApiError, bad_json, bad_query, idempotency_conflict
from sandbox.xero.models import Book, State
from sandbox.xero.wire import Element, moment_on_wire, new_id, parse, render

__all__ = ["Call", "Caller", "ReceivedCall", "read", "write"]

_LARGEST_BODY = 3_500_000
_LONGEST_KEY = 128


@dataclass(frozen=True)
class Caller:
    """An authorised app and the organisation it calls for; the gate puts it into the ASGI scope."""

    client_id: str
    tenant_id: str


@dataclass(frozen=True)
class Call:
    """One authorised request."""

    state: State
    caller: Caller
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """
        The body as JSON.

        :raises ApiError: 400 or 415, it is none.
        """
        if "json" not in self.headers.get("content-type", ""):
            raise ApiError(415, "Content-Type must be application/json")
        try:
            return parse(self.body)
        except (JSONDecodeError, UnicodeDecodeError) as error:
            raise bad_json(str(error)) from error

    def summarizes_errors(self) -> bool:
        """Whether one refused element refuses the call."""
        return self.query.get("summarizeErrors", "true").lower() != "false"


async def _received(request: Request) -> Call:
    body = await request.body()
    if len(body) > _LARGEST_BODY:
        raise ApiError(413, "The request body is larger than 3.5 MB")
    return Call(
        request.app.state.xero,
        request.scope["xero"],
        request.method,
        request.url.path,
        request.query_params,
        request.headers,
        body,
    )


ReceivedCall = Annotated[Call, Depends(_received)]
"""A route's parameter: the call, its body already read."""


def read(call: Call, work: Callable[[Book], Element]) -> Response:
    """Answer with what ``work`` finds."""
    book = call.state.read(call.caller.tenant_id)
    return Response(render(_envelope(book, work(book))), media_type="application/json")


def write(call: Call, work: Callable[[Book], Element]) -> Response:
    """
    Do ``work`` in one transaction and answer with its result; a call with a known key gets its first answer.

    :raises ApiError: 400, the key is too long or came with another request.
    """
    key = call.headers.get("idempotency-key")
    if key and len(key) > _LONGEST_KEY:
        raise bad_query(f"Idempotency-Key has {len(key)} characters; {_LONGEST_KEY} are allowed.")
    with call.state.write(call.caller.tenant_id, call.caller.client_id) as book:
        answer = _remembered(book, call, key) if key else None
        if answer is None:
            answer = render(_envelope(book, work(book)))
            if key:
                _remember(book, call, key, answer)
    return Response(answer, media_type="application/json")


def _envelope(book: Book, content: Element) -> Element:
    head = {"Id": new_id(), "Status": "OK", "ProviderName": "Ledgerbridge sandbox"}
    return {**head, "DateTimeUTC": moment_on_wire(book.now), **content}


def _fingerprint(call: Call) -> str:
    query = "&".join(f"{name}={value}" for name, value in sorted(call.query.items()))
    return hashlib.sha256(f"{call.method} {call.path}?{query}\n".encode() + call.body).hexdigest()


def _remembered(book: Book, call: Call, key: str) -> bytes | None:
    row = book.connection.execute(
        "SELECT request, answer FROM idempotency WHERE tenant_id = ? AND app = ? AND key = ? AND expires > ?",
        (book.tenant_id, book.app, key, call.state.settings.wall_clock()),
    ).fetchone()
    if row is None:
        return None
    if row["request"] != _fingerprint(call):
        raise idempotency_conflict(key)
    return bytes(row["answer"])


def _remember(book: Book, call: Call, key: str, answer: bytes) -> None:
    settings = call.state.settings
    expires = settings.wall_clock() + settings.number("idempotency_seconds")
    book.connection.execute(
        "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?)",
        (book.tenant_id, book.app, key, _fingerprint(call), answer, expires),
    )
