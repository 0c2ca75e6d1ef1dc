"""
Webhook endpoints of the account, and how their events are signed.

Source: sources.md Stripe §4.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import time
from typing import Any

import orjson

from sandbox.stripe.errors import InvalidRequest
from sandbox.stripe.models import Account, make_id
from sandbox.webhooks import Courier, Parcel

__all__ = ["WebhookEndpoints", "sign"]

Json = dict[str, Any]
# a test account's three tries more over a few hours
RETRY_PAUSES_SECONDS = (300, 3600, 3 * 3600)


class WebhookEndpoints:
    """Where the account's events go."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.courier = Courier(account.store, sign, RETRY_PAUSES_SECONDS, lambda *_: None)

    def create(self, form: Json) -> Json:
        """``POST /v1/webhook_endpoints``; its secret is shown this once."""
        if unknown := sorted(set(form) - {"url", "enabled_events", "description", "metadata", "api_version", "expand"}):
            message = f"Received unknown parameter: {unknown[0]}"
            raise InvalidRequest(message, code="parameter_unknown", param=unknown[0])
        for name in ("enabled_events", "url"):
            if name not in form:
                raise InvalidRequest(f"Missing required param: {name}.", code="parameter_missing", param=name)
        endpoint = {
            "id": make_id("webhook_endpoint", secrets.token_hex(8)),
            "object": "webhook_endpoint",
            "api_version": form.get("api_version"),
            "application": None,
            "created": self._account.now(),
            "description": form.get("description"),
            "enabled_events": form["enabled_events"],
            "livemode": bool(self._account.profile["livemode"]),
            "metadata": form.get("metadata", {}),
            "secret": f"whsec_{secrets.token_hex(16)}",
            "status": "enabled",
            "url": form["url"],
        }
        _check(endpoint)
        with self._account.store.write() as connection:
            self._account.save(connection, endpoint)
        return endpoint

    def update(self, identity: str, form: Json) -> Json:
        """``POST /v1/webhook_endpoints/{id}``; its secret stays, and is not shown."""
        if unknown := sorted(set(form) - {"url", "enabled_events", "description", "metadata", "disabled", "expand"}):
            message = f"Received unknown parameter: {unknown[0]}"
            raise InvalidRequest(message, code="parameter_unknown", param=unknown[0])
        self._account.get("webhook_endpoint", identity)
        with self._account.store.write() as connection:
            kept = connection.execute("SELECT document FROM object WHERE id = ?", (identity,)).fetchone()
            endpoint = orjson.loads(kept["document"])
            endpoint |= {
                name: form[name] for name in ("url", "enabled_events", "description", "metadata") if name in form
            }
            if "disabled" in form:
                endpoint["status"] = "disabled" if form["disabled"] == "true" else "enabled"
            _check(endpoint)
            self._account.save(connection, endpoint)
        return self._account.get("webhook_endpoint", identity)

    def delete(self, identity: str) -> Json:
        """``DELETE /v1/webhook_endpoints/{id}``."""
        self._account.get("webhook_endpoint", identity)
        with self._account.store.write() as connection:
            connection.execute("DELETE FROM object WHERE id = ?", (identity,))
        return {"id": identity, "object": "webhook_endpoint", "deleted": True}

    def announce(self, connection: sqlite3.Connection, event: Json) -> int:
        """Hand an event to the courier for every endpoint that wants it; how many that are."""
        rows = connection.execute("SELECT document FROM object WHERE kind = 'webhook_endpoint'").fetchall()
        endpoints = [orjson.loads(row["document"]) for row in rows]
        enabled = [e for e in endpoints if e["status"] == "enabled"]
        wanting = [e for e in enabled if "*" in e["enabled_events"] or event["type"] in e["enabled_events"]]
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0"}
        for endpoint in wanting:
            body = orjson.dumps({**event, "pending_webhooks": len(wanting)}, option=orjson.OPT_INDENT_2)
            self.courier.post(connection, Parcel(endpoint["id"], endpoint["url"], endpoint["secret"], headers, body))
        return len(wanting)


def _check(endpoint: Json) -> None:
    """
    Refuse what Stripe refuses of an endpoint.

    :raises InvalidRequest: a pattern of events, of which Stripe takes `*` alone, or an address without scheme.
    """
    for at, name in enumerate(endpoint["enabled_events"]):
        if "*" in name and name != "*":
            raise InvalidRequest(f"Invalid enabled_events[{at}]: {name}", param=f"enabled_events[{at}]")
    if not endpoint["url"].startswith(("http://", "https://")):
        raise InvalidRequest("Invalid URL: An explicit scheme (such as https) must be provided.", param="url")


def sign(secret: str, body: bytes) -> dict[str, str]:
    """The signature of a try: over its own time and the body."""
    at = int(time.time())
    signature = hmac.digest(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hex()
    return {"Stripe-Signature": f"t={at},v1={signature}"}
