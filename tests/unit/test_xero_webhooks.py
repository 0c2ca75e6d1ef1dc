"""Xero's webhooks: genuine ones pass, all others don't, and each event names the record to read again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from hooks.wire.webhook_event import WebhookEvent
from hooks.xero.webhooks import events_of, is_genuine

BODY = b'{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3r4ndomt3xt"}'
SIGNATURE = "sPH26K1IMjlO8NFOnj3i31Mgrwwx3DMFktLXFJ5IGb4="  # openssl dgst -sha256 -hmac hush -binary | base64


@pytest.mark.parametrize(
    ("body", "signature", "keys", "genuine"),
    [
        pytest.param(BODY, SIGNATURE, ["hush"], True, id="genuine"),
        pytest.param(BODY, SIGNATURE, ["new", "hush"], True, id="signed-with-the-key-before"),
        pytest.param(BODY + b" ", SIGNATURE, ["hush"], False, id="body-touched"),
        pytest.param(BODY, SIGNATURE, ["other"], False, id="other-key"),
        pytest.param(BODY, "", ["hush"], False, id="unsigned"),
        pytest.param(BODY, "ü", ["hush"], False, id="not-ascii"),
        pytest.param(BODY, SIGNATURE, [], False, id="no-key-known"),
    ],
)
def test_xero_signature(body: bytes, signature: str, keys: list[str], genuine: bool) -> None:
    assert is_genuine(body, signature, keys) is genuine


def test_an_intent_to_receive_announces_nothing() -> None:
    assert events_of(BODY) == []


@pytest.mark.parametrize(
    ("category", "entity"),
    [("INVOICE", "invoice"), ("CREDITNOTE", "credit_note"), ("CONTACT", "contact"), ("SUBSCRIPTION", None)],
)
def test_an_event_names_the_record_to_read_again(category: str, entity: str | None) -> None:
    event = {
        "resourceUrl": "https://api.xero.com/api.xro/2.0/Invoices/r-1",
        "resourceId": "r-1",
        "eventDateUtc": "2026-03-02T15:41:00.123",
        "eventType": "UPDATE",
        "eventCategory": category,
        "tenantId": "t-1",
        "tenantType": "ORGANISATION",
    }
    body = json.dumps({"events": [event], "firstEventSequence": 1, "lastEventSequence": 1, "entropy": "x"}).encode()
    assert events_of(body) == [
        WebhookEvent(
            event_id=f"t-1:{category}:r-1:UPDATE:2026-03-02T15:41:00.123",
            topic=f"{category}.UPDATE",
            occurred_at=datetime(2026, 3, 2, 15, 41, 0, 123000, UTC),
            entity=entity,
            record_id="r-1" if entity else None,
            scope="t-1",
        )
    ]
