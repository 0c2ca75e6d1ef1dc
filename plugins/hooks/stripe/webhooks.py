"""
Stripe's webhooks: is it from Stripe, and which object does it concern?

Source: sources.md Stripe §4.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hooks.stripe.hook import StripeHook
from hooks.wire.untrusted import parse_json, unexpected_shape
from hooks.wire.webhook_event import Delivered, WebhookEvent, secrets_of, signing_keys

__all__ = ["StripeWebhooks", "event_of", "is_genuine"]

_TOLERANCE_SECONDS = 300
_ENTITIES = frozenset({"charge", "refund", "payout", "dispute"})


class StripeWebhooks:
    """The webhooks of an account; `webhook_secret` of the connection is that of its endpoint."""

    announces: Mapping[str, Sequence[str]] = {entity: (entity, "balance_transaction") for entity in sorted(_ENTITIES)}

    def __init__(self, connection: str) -> None:
        hook = StripeHook(connection)
        self.scope = hook.account
        self._secrets = secrets_of(hook.connection)

    def is_genuine(self, delivered: Delivered) -> bool:
        """Whether the endpoint's secret signed it just now; raises as ``is_genuine`` of this module."""
        signature = delivered.headers.get("stripe-signature", "")
        return is_genuine(delivered.body, signature, self._secrets, now=delivered.at)

    def events(self, delivered: Delivered) -> list[WebhookEvent]:
        """The one event it tells of; raises as ``event_of``."""
        return [event_of(delivered.body)]


def is_genuine(body: bytes, signature: str, secrets: Sequence[str], *, now: datetime) -> bool:
    """
    Whether a body was signed with one of the endpoint's secrets in the last 300 s.

    Takes the same time for every wrong signature.

    :param body: the raw body, before any parsing.
    :param signature: header ``Stripe-Signature``, ``t=<unix>,v1=<hex>[,v1=…]``; any matching v1 is good.
    :param secrets: the endpoint's ``whsec_…``, and its predecessor during a rotation.
    :param now: this machine's time, aware.
    :raises ConfigurationError: a secret is blank.
    """
    keys = signing_keys("Stripe", secrets)
    parts = [part.strip().partition("=") for part in signature.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    found = [value.encode() for name, _, value in parts if name == "v1"]
    if len(stamps) != 1 or not stamps[0].isdecimal():
        return False
    signed = stamps[0].encode() + b"." + body
    expected = [hmac.new(key, signed, hashlib.sha256).hexdigest().encode() for key in keys]
    # all compared: `any` would stop at the first
    matches = sum(hmac.compare_digest(one, other) for one in expected for other in found)
    return matches > 0 and abs(int(now.timestamp()) - int(stamps[0])) <= _TOLERANCE_SECONDS


def event_of(body: bytes) -> WebhookEvent:
    """
    The event that a verified delivery announces, of either kind: with a snapshot (v1) or thin (v2).

    :raises ValueError: the body is no event.
    """
    with unexpected_shape():
        return _event(parse_json(body))


def _event(event: dict[str, Any]) -> WebhookEvent:
    if event.get("object") == "v2.core.event":
        return WebhookEvent(event["id"], event["type"], datetime.fromisoformat(event["created"]).astimezone(UTC))
    concerned = event["data"]["object"]
    entity = concerned["object"] if concerned["object"] in _ENTITIES else None
    return WebhookEvent(
        event_id=event["id"],
        topic=event["type"],
        occurred_at=datetime.fromtimestamp(event["created"], UTC),
        entity=entity,
        record_id=concerned["id"] if entity else None,
    )
