"""
Shopify's webhooks: is it from Shopify, and which order does it concern?

Source: sources.md Shopify §6.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from hooks.shopify.access import access_of
from hooks.shopify.hook import ShopifyHook
from hooks.wire.untrusted import parse_json, unexpected_shape
from hooks.wire.webhook_event import Delivered, WebhookEvent, secrets_of, signing_keys

__all__ = ["ShopifyWebhooks", "event_of", "is_genuine"]

# Where the order's id stands in a REST-shaped body, by the topic's first word.
_ORDER_ID = {
    "orders": "id",
    "refunds": "order_id",
    "order_transactions": "order_id",
    "disputes": "order_id",
}


class ShopifyWebhooks:
    """
    The webhooks of one shop.

    They are signed with the app's client secret; a connection that has a static token in its place names the secret as
    `webhook_secret` in its extra.
    """

    announces: Mapping[str, Sequence[str]] = {"order": ("order",)}

    def __init__(self, connection: str) -> None:
        hook = ShopifyHook(connection)
        self.scope = hook.shop
        has_secret = access_of(hook.connection) != "static_token"
        self._secrets = secrets_of(hook.connection, hook.connection.password if has_secret else None)

    def is_genuine(self, delivered: Delivered) -> bool:
        """
        Whether the app signed it, of this shop: it may be installed in several, with one secret.

        :raises ConfigurationError: a secret is blank.
        """
        signed = is_genuine(delivered.body, delivered.headers.get("x-shopify-hmac-sha256", ""), self._secrets)
        return signed and delivered.headers.get("x-shopify-shop-domain") == self.scope

    def events(self, delivered: Delivered) -> list[WebhookEvent]:
        """The one event it tells of; raises as ``event_of``."""
        return [event_of(delivered.headers, delivered.body)]


def is_genuine(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """
    Whether a body was signed with one of the app's secrets; takes the same time for every wrong signature.

    :param body: the raw body, before any parsing.
    :param signature: header ``X-Shopify-Hmac-Sha256``.
    :param secrets: the client secret, and its predecessor for an hour after a rotation.
    :raises ConfigurationError: one is blank.
    """
    found = signature.encode()
    expected = [base64.b64encode(hmac.digest(key, body, hashlib.sha256)) for key in signing_keys("Shopify", secrets)]
    return sum(hmac.compare_digest(found, one) for one in expected) > 0  # all compared: `any` would stop at the first


def event_of(headers: Mapping[str, str], body: bytes) -> WebhookEvent:
    """
    The event that a verified delivery announces.

    :param headers: of the request; names in any case.
    :raises ValueError: a header is missing, or the body isn't JSON.
    """
    with unexpected_shape():
        return _event({name.lower(): value for name, value in headers.items()}, body)


def _event(by_name: Mapping[str, str], body: bytes) -> WebhookEvent:
    topic = by_name["x-shopify-topic"]
    field = _ORDER_ID.get(topic.split("/")[0])
    order = parse_json(body).get(field) if field else None
    if order is not None and type(order) is not int:  # nor a bool, which is an int to isinstance
        raise ValueError(f"its {field} is no order's id")
    return WebhookEvent(
        # an event keeps its id over several subscriptions and retries; a webhook id is one delivery's
        event_id=by_name["x-shopify-event-id"],
        topic=topic,
        occurred_at=datetime.fromisoformat(by_name["x-shopify-triggered-at"]).astimezone(UTC),
        entity="order" if order else None,
        record_id=str(order) if order else None,
    )
