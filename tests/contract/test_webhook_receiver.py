"""The receiver as a process of its own, as docker-compose.yaml starts it: no Airflow, and no more than it needs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import Engine, select

from demo.airflow_home import CHECKOUT
from demo.ports import free_port
from demo.services import Service, Services
from inbox.app import PREFIX
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.models import LoggedChange
from tests.contract.shop_office import DOMAIN
from tests.contract.test_webhook_inbox import COMPANY, KEY, ORDER, SECRET, by_xero, delivery, notice, sign_stripe

RECEIVER: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yaml").read_text())["services"]["webhooks"]
FROM_WEBHOOKS_ENV = {
    "AIRFLOW_CONN_SHOPIFY_US": {"conn_type": "shopify", "host": DOMAIN, "login": "client-1", "password": SECRET},
    "AIRFLOW_CONN_STRIPE_US": {"conn_type": "stripe", "extra": {"account": "acct_1", "webhook_secret": SECRET}},
    "AIRFLOW_CONN_XERO": {"conn_type": "xero", "extra": {"tenant_id": "t-1", "webhook_secret": SECRET}},
    # without its tenant_id the kept consent would have to tell it, which this process has no key to
    "AIRFLOW_CONN_XERO_UK": {"conn_type": "xero", "extra": {"webhook_secret": SECRET}},
}
"""As the guide has them: what tells the sender apart, and what it signs with."""


@pytest.fixture
def receiver(state_db: Engine, state_url: str, tmp_path: Path) -> Iterator[str]:
    """Where it answers; of its company's connections it was not given `stripe_uk`."""
    companies = tmp_path / "companies"
    companies.mkdir()
    connections = "{shopify: [shopify_us], stripe: [stripe_us, stripe_uk], xero: [xero, xero_uk]}"
    (companies / "main.yaml").write_text(COMPANY.format(connections=connections))
    here = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__LEDGERBRIDGE__COMPANIES_FOLDER": str(companies),
        "LEDGERBRIDGE_STATE_URL": state_url,
    }
    environment = {name: here[name] for name in RECEIVER["environment"]}
    environment |= {name: json.dumps(connection) for name, connection in FROM_WEBHOOKS_ENV.items()}
    port = free_port()
    places = {"0.0.0.0": "127.0.0.1", "8915": str(port)}
    command = [places.get(word, word) for word in RECEIVER["command"]]
    command[0] = str(Path(sys.executable).with_name(command[0]))
    with Services(tmp_path / "logs", CHECKOUT) as services:
        services.start(Service("webhooks", command, {"PATH": os.environ["PATH"], **environment}))
        url = f"http://127.0.0.1:{port}{PREFIX}"
        services.wait_until(lambda: _lives(url), what="the receiver", timeout_seconds=120)
        yield url


def test_a_process_that_has_the_state_database_alone_takes_what_is_genuine_and_refuses_what_is_forged(
    receiver: str, state_url: str
) -> None:
    charged = json.dumps(
        {"id": "evt_1", "type": "charge.updated", "created": 1, "data": {"object": {"object": "charge", "id": "ch_1"}}}
    ).encode()
    invoiced = notice(("t-1", "INVOICE", "i-1"))
    answers = [
        _post(f"{receiver}/{connection}", body, headers)
        for connection, body, headers in (
            ("shopify_us", ORDER, delivery(ORDER, secret="made up", event="event-2")),
            ("stripe_uk", charged, sign_stripe(SECRET, charged, 0)),
            ("xero_uk", invoiced, by_xero(invoiced, SECRET)),
            ("shopify_us", ORDER, delivery(ORDER)),
            ("stripe_us", charged, sign_stripe(SECRET, charged, 0)),
            ("xero", invoiced, by_xero(invoiced, SECRET)),
        )
    ]
    assert answers == [401, 401, 401, 200, 200, 200]
    with transaction(connect(state_url)) as session:
        rows = session.execute(select(LoggedChange.entity, LoggedChange.source_key, LoggedChange.version)).all()
    assert {(entity, key) for entity, key, _ in rows} == {
        ("shopify.order", KEY),
        ("stripe.balance_transaction", "stripe:acct_1:charge:ch_1"),
        ("stripe.charge", "stripe:acct_1:charge:ch_1"),
        ("xero.invoice", "xero:t-1:invoice:i-1"),
        ("xero.payment", "xero:t-1:invoice:i-1"),
    }
    assert "event-2" not in {event for _, _, event in rows}


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(url, content=body, headers=sent, timeout=60).status_code


def _lives(url: str) -> bool:
    try:
        return httpx.get(f"{url}/", timeout=5).status_code == httpx.codes.NO_CONTENT
    except httpx.TransportError:
        return False
