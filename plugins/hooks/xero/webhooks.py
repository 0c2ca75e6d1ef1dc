"""
Xero's webhooks: is it from Xero, and which records does it concern?

Source: sources.md Xero §6.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hooks.wire.untrusted import parse_json, unexpected_shape
from hooks.wire.webhook_event import Delivered, WebhookEvent, secrets_of, signing_keys
from hooks.xero.hook import XeroHook

__all__ = ["XeroWebhooks", "events_of", "is_genuine"]

_ENTITIES = {"INVOICE": "invoice", "CREDITNOTE": "credit_note", "CONTACT": "contact"}


class XeroWebhooks:
    """
    The webhooks of an app, whose key the connection names as `webhook_secret`; ``scope`` is its organisation.

    An app has one address for all its organisations: what concerns another one is for the connection of that.
    """

    announces: Mapping[str, Sequence[str]] = {
        "invoice": ("invoice", "payment"),  # a payment shows as a change of what it pays
        "credit_note": ("credit_note", "payment"),
        "contact": ("contact", "supplier"),
    }

    def __init__(self, connection: str) -> None:
        hook = XeroHook(connection)
        self.scope = hook.tenant_id
        self._keys = secrets_of(hook.connection)

    def is_genuine(self, delivered: Delivered) -> bool:
        """Whether the app's key signed it; raises as ``is_genuine`` of this module."""
        return is_genuine(delivered.body, delivered.headers.get("x-xero-signature", ""), self._keys)

    def events(self, delivered: Delivered) -> list[WebhookEvent]:
        """All that it tells of, of whichever organisation; raises as ``events_of``."""
        return events_of(delivered.body)


def is_genuine(body: bytes, signature: str, keys: Sequence[str]) -> bool:
    """
    Whether a body was signed with one of the webhook's keys; takes the same time for every wrong signature.

    Xero tries an endpoint with wrong signatures on purpose (intent to receive) and wants them answered with 401.

    :param body: the raw body, before any parsing.
    :param signature: header ``x-xero-signature``.
    :param keys: the webhook's signing key, and its predecessor during a rotation.
    :raises ConfigurationError: one is blank.
    """
    expected = [base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()) for key in signing_keys("Xero", keys)]
    # all compared: `any` would stop at the first
    return sum(hmac.compare_digest(one, signature.encode()) for one in expected) > 0


def events_of(body: bytes) -> list[WebhookEvent]:
    """
    The events that a verified delivery announces; none for an intent to receive.

    A payment is announced as an update of its invoice. Ids are made of what tells events apart, for Xero gives none.

    :raises ValueError: the body is no delivery of Xero's.
    """
    with unexpected_shape():
        return [_event(event) for event in parse_json(body)["events"]]


def _event(event: dict[str, Any]) -> WebhookEvent:
    entity = _ENTITIES.get(event["eventCategory"])
    parts = (event["tenantId"], event["eventCategory"], event["resourceId"], event["eventType"], event["eventDateUtc"])
    occurred_at = datetime.fromisoformat(event["eventDateUtc"])
    return WebhookEvent(
        event_id=":".join(parts),
        topic=f"{event['eventCategory']}.{event['eventType']}",
        occurred_at=occurred_at.replace(tzinfo=occurred_at.tzinfo or UTC).astimezone(UTC),
        entity=entity,
        record_id=event["resourceId"] if entity else None,
        scope=event["tenantId"],
    )
