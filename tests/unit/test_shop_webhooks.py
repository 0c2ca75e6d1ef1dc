"""Webhooks of shops: genuine ones pass, all others don't, and each names the record to read again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from hooks.shopify import webhooks as shopify_webhooks
from hooks.stripe import webhooks as stripe_webhooks
from hooks.wire.webhook_event import WebhookEvent
from hooks.xero import webhooks as xero_webhooks
from ledgerbridge.errors import ConfigurationError

ORDER = b'{"id":820982911946154508,"admin_graphql_api_id":"gid://shopify/Order/820982911946154508"}'
ORDER_SIGNATURE = "QNSQrqj9duVb51o17wBAE7Y8vjTOP3dL4fSzPUdNx2U="  # openssl dgst -sha256 -hmac hush -binary | base64
NOW = datetime(2026, 3, 2, 15, 41, tzinfo=UTC)
STRIPE_EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "charge.succeeded",
    "created": int(NOW.timestamp()),
    "data": {"object": {"id": "ch_1", "object": "charge"}},
}


@pytest.mark.parametrize(
    ("body", "signature", "secrets", "genuine"),
    [
        pytest.param(ORDER, ORDER_SIGNATURE, ["hush"], True, id="genuine"),
        pytest.param(ORDER, ORDER_SIGNATURE, ["new", "hush"], True, id="signed-with-the-secret-before"),
        pytest.param(ORDER + b" ", ORDER_SIGNATURE, ["hush"], False, id="body-touched"),
        pytest.param(ORDER, ORDER_SIGNATURE, ["other"], False, id="other-secret"),
        pytest.param(ORDER, "", ["hush"], False, id="unsigned"),
        pytest.param(ORDER, "ü", ["hush"], False, id="not-ascii"),
        pytest.param(ORDER, ORDER_SIGNATURE, [], False, id="no-secret-known"),
    ],
)
def test_shopify_signature(body: bytes, signature: str, secrets: list[str], genuine: bool) -> None:
    assert shopify_webhooks.is_genuine(body, signature, secrets) is genuine


@pytest.mark.parametrize("secrets", [[""], [" "], ["hush", ""]], ids=["none", "space", "predecessor"])
def test_a_blank_secret_is_told_before_anybody_signs_with_it(secrets: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"LB-CFG-024 .*Shopify"):
        shopify_webhooks.is_genuine(ORDER, ORDER_SIGNATURE, secrets)
    with pytest.raises(ConfigurationError, match=r"LB-CFG-024 .*Stripe"):
        stripe_webhooks.is_genuine(ORDER, "t=1,v1=x", secrets, now=NOW)
    with pytest.raises(ConfigurationError, match=r"LB-CFG-024 .*Xero"):
        xero_webhooks.is_genuine(ORDER, "x", secrets)


@pytest.mark.parametrize(
    ("topic", "body", "entity", "record_id"),
    [
        pytest.param("orders/updated", ORDER, "order", "820982911946154508", id="order"),
        pytest.param("refunds/create", b'{"id": 1, "order_id": 2}', "order", "2", id="refund-means-its-order"),
        pytest.param("order_transactions/create", b'{"id": 1, "order_id": 2}', "order", "2", id="payment"),
        pytest.param("disputes/create", b'{"id": 1, "order_id": null}', None, None, id="dispute-without-order"),
        pytest.param("shop/update", b'{"id": 1}', None, None, id="topic-no-flow-reads"),
    ],
)
def test_a_shopify_event_names_its_order(topic: str, body: bytes, entity: str | None, record_id: str | None) -> None:
    headers = {
        "x-shopify-Topic": topic,
        "X-Shopify-Event-Id": "event-1",
        "X-Shopify-Webhook-Id": "delivery-1",
        "X-Shopify-Triggered-At": "2026-03-02T15:41:00.123Z",
    }

    event = shopify_webhooks.event_of(headers, body)

    assert event == WebhookEvent("event-1", topic, NOW + timedelta(milliseconds=123), entity, record_id)


def signed(body: bytes, secret: str, at: datetime = NOW) -> str:
    """As Stripe's own library signs."""
    stamp = int(at.timestamp())
    signature = stripe.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", secret)
    return f"t={stamp},v1={signature}"


@pytest.mark.parametrize(
    ("signature", "genuine"),
    [
        pytest.param(signed(b"{}", "whsec_1"), True, id="genuine"),
        pytest.param(signed(b"{}", "whsec_0"), True, id="signed-with-the-secret-before"),
        pytest.param(signed(b"{}", "whsec_9") + "," + signed(b"{}", "whsec_1").split(",")[1], True, id="any-v1-counts"),
        pytest.param(signed(b"{ }", "whsec_1"), False, id="body-touched"),
        pytest.param(signed(b"{}", "whsec_9"), False, id="other-secret"),
        pytest.param(signed(b"{}", "whsec_1", NOW - timedelta(seconds=300)), True, id="just-in-time"),
        pytest.param(signed(b"{}", "whsec_1", NOW - timedelta(seconds=301)), False, id="replayed-later"),
        pytest.param(signed(b"{}", "whsec_1").replace("v1=", "v0="), False, id="v0-is-for-tests"),
        pytest.param("t=,v1=", False, id="empty"),
        pytest.param("", False, id="unsigned"),
    ],
)
def test_stripe_signature(signature: str, genuine: bool) -> None:
    assert stripe_webhooks.is_genuine(b"{}", signature, ["whsec_1", "whsec_0"], now=NOW) is genuine


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param(STRIPE_EVENT, WebhookEvent("evt_1", "charge.succeeded", NOW, "charge", "ch_1"), id="snapshot"),
        pytest.param(
            {**STRIPE_EVENT, "type": "balance.available", "data": {"object": {"object": "balance"}}},
            WebhookEvent("evt_1", "balance.available", NOW),
            id="object-no-flow-reads",
        ),
        pytest.param(
            {"id": "evt_2", "object": "v2.core.event", "type": "v1.x", "created": "2026-03-02T15:41:00Z"},
            WebhookEvent("evt_2", "v1.x", NOW),
            id="thin",
        ),
    ],
)
def test_a_stripe_event_names_its_object(event: dict[str, Any], expected: WebhookEvent) -> None:
    assert stripe_webhooks.event_of(json.dumps(event).encode()) == expected
