"""Webhooks: signed notices that a contact, invoice or credit note was created or changed (sources.md Xero §6)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from typing import Any

import httpx
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.store import Store
from sandbox.xero.wire import parse, render

__all__ = ["Announcer", "Webhooks", "webhook_routes"]

_API = "https://api.xero.com/api.xro/2.0"
_ANSWER_SECONDS = 5
_EVENTS_A_NOTICE = 100


class _Subscription(BaseModel):
    url: str
    key: str


class _Delivery(BaseModel):
    duplicates: int = 0
    shuffled: bool = False


class Webhooks:
    """Sends what is pending; what isn't taken stays pending."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = threading.Lock()

    def subscribe(self, url: str, key: str) -> bool:
        """
        Send the intent to receive, good and bad signatures; keep the subscription if it answers them rightly.

        :param key: the signing key.
        """
        body = _notice([])
        wrong = [_post(url, body, _signature(secrets.token_hex(), body)) for _ in range(2)]
        if _post(url, body, _signature(key, body)) != 200 or set(wrong) != {401}:
            return False
        with self._store.write() as connection:
            connection.execute("INSERT OR REPLACE INTO subscription VALUES (?, ?)", (url, key))
        return True

    def unsubscribe(self, url: str) -> None:
        """Send no more to this address."""
        with self._store.write() as connection:
            connection.execute("DELETE FROM subscription WHERE url = ?", (url,))

    def is_anything_pending(self) -> bool:
        """Whether a delivery would send something."""
        return self._store.connection.execute("SELECT 1 FROM event LIMIT 1").fetchone() is not None

    def deliver(self, *, duplicates: int = 0, shuffled: bool = False) -> int:
        """
        Send pending events to every subscriber; how many were taken.

        :param duplicates: how often each notice is sent again.
        :param shuffled: events in any order, each in a notice of its own.
        """
        taken = 0
        with self._turn:  # what an earlier delivery could not send is pending again before the next one looks
            for rows in self._notices(shuffled=shuffled):
                if self._send(rows, duplicates):
                    taken += len(rows)
                else:
                    self._keep(rows)
        return taken

    def _notices(self, *, shuffled: bool) -> list[list[sqlite3.Row]]:
        """Claim what is pending, so that no other process sends it too."""
        with self._store.write() as connection:
            rows = connection.execute("DELETE FROM event RETURNING *").fetchall()
        rows.sort(key=lambda row: int(row["sequence"]))
        if shuffled:
            random.shuffle(rows)
        size = 1 if shuffled else _EVENTS_A_NOTICE
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def _send(self, rows: Sequence[sqlite3.Row], duplicates: int) -> bool:
        body, taken = _notice(rows), True
        for subscription in self._store.connection.execute("SELECT url, key FROM subscription").fetchall():
            for _ in range(1 + duplicates):
                taken &= _post(subscription["url"], body, _signature(subscription["key"], body)) == 200
        return taken

    def _keep(self, rows: Sequence[sqlite3.Row]) -> None:
        with self._store.write() as connection:
            connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [tuple(row) for row in rows])


class Announcer:
    """ASGI middleware that delivers, in the background, what a call has changed."""

    def __init__(self, app: ASGIApp, webhooks: Webhooks) -> None:
        self._app = app
        self._webhooks = webhooks
        self._deliveries: set[asyncio.Task[int]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the call, then announce."""
        await self._app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] != "GET" and self._webhooks.is_anything_pending():
            delivery = asyncio.create_task(asyncio.to_thread(self._webhooks.deliver))
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._deliveries.discard)


def webhook_routes(webhooks: Webhooks) -> APIRouter:
    """``/_sandbox/webhooks``: subscribe, unsubscribe, deliver with duplicates and disorder."""
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/webhooks")
    def subscribe(subscription: _Subscription) -> dict[str, bool]:
        return {"intent_to_receive": webhooks.subscribe(subscription.url, subscription.key)}

    @routes.delete("/webhooks", status_code=204)
    def unsubscribe(url: str) -> None:
        webhooks.unsubscribe(url)

    @routes.post("/webhooks/deliver")
    def deliver(delivery: _Delivery) -> dict[str, int]:
        return {"taken": webhooks.deliver(duplicates=delivery.duplicates, shuffled=delivery.shuffled)}

    return routes


def _notice(rows: Sequence[sqlite3.Row]) -> bytes:
    numbers = [row["sequence"] for row in rows] or [0]
    return render(
        {
            "events": [_event(row) for row in rows],
            "firstEventSequence": min(numbers),
            "lastEventSequence": max(numbers),
            "entropy": secrets.token_hex(10).upper(),
        }
    )


def _event(row: sqlite3.Row) -> dict[str, Any]:
    event = {
        "resourceUrl": f"{_API}/{row['resource']}/{row['id']}",
        "resourceId": row["id"],
        "tenantId": row["tenant_id"],
        "tenantType": "ORGANISATION",
        "eventCategory": row["category"],
        "eventType": row["kind"],
        "eventDateUtc": row["at"],
    }
    return event | ({"data": parse(row["data"])} if row["data"] else {})


def _signature(key: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def _post(url: str, body: bytes, signature: str) -> int:
    """The status of the answer; 0 where none came in time."""
    headers = {"Content-Type": "application/json", "x-xero-signature": signature}
    try:
        return httpx.post(url, content=body, headers=headers, timeout=_ANSWER_SECONDS).status_code
    except httpx.HTTPError:
        return 0
