"""The account's events: snapshots of what changed, kept for thirty days."""

from __future__ import annotations

import copy
import sqlite3
from typing import Any

from sandbox.stripe.models import Account, make_id
from sandbox.stripe.webhooks import WebhookEndpoints

__all__ = ["API_VERSION", "EVENT_LIFETIME_SECONDS", "EventLog"]

Json = dict[str, Any]
API_VERSION = "2026-10-28.endive"
EVENT_LIFETIME_SECONDS = 30 * 24 * 3600


class EventLog:
    """Writes events beside the change they tell of, in the same transaction."""

    def __init__(self, account: Account, webhooks: WebhookEndpoints) -> None:
        self._account = account
        self._webhooks = webhooks

    def record(self, connection: sqlite3.Connection, name: str, document: Json, created: int) -> Json:
        """One event of type ``name`` about ``document`` as it is now."""
        number = connection.execute("SELECT coalesce(max(seq), 0) + 1 AS n FROM object").fetchone()["n"]
        event: Json = {
            "id": make_id("event", name, document["id"], number),
            "object": "event",
            "api_version": API_VERSION,
            "created": created,
            "data": {"object": copy.deepcopy(document)},
            "livemode": bool(self._account.profile["livemode"]),
            "pending_webhooks": 0,
            "request": {"id": None, "idempotency_key": None},
            "type": name,
        }
        event["pending_webhooks"] = self._webhooks.announce(connection, event)
        return self._account.save(connection, event)
