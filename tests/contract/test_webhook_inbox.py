"""Where webhooks come in: what a system signed is in the change log before it is answered, nothing else gets in."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI, Response
from sqlalchemy import Engine, select, text

from bench.forgeries import KINDS, send, tell_known
from bench.webhooks import SHOP, TENANT
from commands.main import main
from inbox.addresses import Addresses
from inbox.app import MAX_BYTES, PREFIX, create_app
from ledgerbridge.entities import KeyedSource, Window
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.models import LoggedChange
from sandbox.stripe.app import create_app as create_gateway
from sandbox.xero.app import create_app as create_xero
from tests.contract.gateway_office import Account
from tests.contract.served_app import serve
from tests.contract.shop_office import DOMAIN

SECRET = "secret-1"
ORDER = b'{"id": 450789469, "updated_at": "2026-03-02T11:00:00-05:00"}'
COMPANY = "name: Somebody\nbase_currency: USD\ntime_zone: UTC\naccounts: []\ngateways: []\nconnections: {connections}\n"


@dataclass
class Inbox:
    """The receiver on a socket, and what it has written."""

    url: str
    state: Engine
    folder: Path

    def post(self, body: bytes = ORDER, *, to: str = "shopify_us", **headers: str) -> httpx.Response:
        """A delivery as Shopify makes it; headers by name, with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**delivery(body), **named}
        return httpx.post(f"{self.url}/{to}", content=body, headers=sent, timeout=60)

    @property
    def announced(self) -> list[tuple[str, str, str, str]]:
        """Company, connection, key and event of all that is in the log."""
        return [(each.company, each.connection, each.source_key, each.version) for each in self._rows]

    @property
    def changed(self) -> list[tuple[str, str, str]]:
        """Entity, connection and key of it."""
        return [(each.entity, each.connection, each.source_key) for each in self._rows]

    @property
    def _rows(self) -> Sequence[LoggedChange]:
        with transaction(self.state) as session:
            rows = session.scalars(select(LoggedChange).order_by(LoggedChange.number)).all()
        assert {(each.how, each.payload_uri) for each in rows} <= {("webhook", None)}
        return rows


def delivery(body: bytes, *, secret: str = SECRET, event: str = "event-1") -> dict[str, str]:
    """The headers of a delivery that was signed with this secret."""
    signature = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    return {
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Shop-Domain": DOMAIN,
        "X-Shopify-Event-Id": event,
        "X-Shopify-Triggered-At": "2026-03-02T16:00:00Z",
        "X-Shopify-Hmac-Sha256": signature,
    }


@pytest.fixture
def inbox(state_db: Engine, state_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """A receiver for the one shop of a company."""
    of_all = connect(state_url)
    companies = tmp_path / "companies"
    companies.mkdir()
    (companies / "main.yaml").write_text(
        COMPANY.format(connections="{shopify: [shopify_us], gp: [gp], stripe: [stripe_test], xero: [xero, xero_uk]}")
    )
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__COMPANIES_FOLDER", str(companies))
    monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY_US", json.dumps(connection()))
    with serve(served(of_all)) as url:
        yield Inbox(f"{url}{PREFIX}", of_all, companies)


def connection(**fields: Any) -> dict[str, Any]:
    return {"conn_type": "shopify", "host": DOMAIN, "login": "client-1", "password": SECRET, **fields}


def served(state: Engine) -> FastAPI:
    app = FastAPI()
    app.mount(PREFIX, create_app(lambda: state, write_seconds=60))  # a machine under load fails no test that is right
    return app


KEY = f"shopify:{DOMAIN}:order:450789469"


def test_what_the_shop_signed_is_in_the_change_log_when_it_is_answered(inbox: Inbox) -> None:
    answer = inbox.post()
    assert (answer.status_code, answer.content) == (200, b"")
    assert "set-cookie" not in answer.headers
    assert inbox.announced == [("main", "shopify_us", KEY, "event-1")]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(ORDER, {"X_Shopify_Hmac_Sha256": "AAAA"}, id="made-up-signature"),
        pytest.param(ORDER, {"X_Shopify_Hmac_Sha256": ""}, id="no-signature"),
        pytest.param(ORDER + b" ", delivery(ORDER), id="body-touched"),
        pytest.param(ORDER, delivery(ORDER, secret="secret-2"), id="another-secret"),
        pytest.param(ORDER, {"X_Shopify_Shop_Domain": "other.myshopify.com"}, id="another-shop-of-the-app"),
        pytest.param(b"{broken", {"X_Shopify_Hmac_Sha256": "AAAA"}, id="not-signed-nor-json"),
    ],
)
def test_a_forgery_is_refused_without_a_word_and_leaves_nothing(
    inbox: Inbox, body: bytes, headers: dict[str, str]
) -> None:
    answer = inbox.post(body, **headers)
    assert (answer.status_code, answer.content) == (401, b"")
    assert inbox.announced == []


@pytest.mark.parametrize("name", ["nobody", "gp", "..%2fmain", "x" * 5000])
def test_a_connection_that_receives_none_is_told_apart_from_a_forgery_by_nobody(inbox: Inbox, name: str) -> None:
    answer = inbox.post(to=name)
    assert (answer.status_code, answer.content) in [(401, b""), (404, b"")]
    assert inbox.announced == []


def test_a_delivery_that_is_replayed_changes_nothing(inbox: Inbox) -> None:
    assert [inbox.post().status_code for _ in range(3)] == [200, 200, 200]
    assert inbox.announced == [("main", "shopify_us", KEY, "event-1")]


def test_a_later_event_of_the_same_order_is_another_announcement(inbox: Inbox) -> None:
    inbox.post(X_Shopify_Event_Id="event-2")
    inbox.post()
    assert [event for *_, event in inbox.announced] == ["event-2", "event-1"]


@pytest.mark.parametrize("told", [True, False], ids=["told-by-its-length", "streamed"])
def test_a_body_beyond_the_limit_is_refused_before_it_is_looked_at(inbox: Inbox, told: bool) -> None:
    body = b" " * (MAX_BYTES + 1)
    content: Any = body if told else iter([body[:-1], body[-1:]])
    answer = httpx.post(f"{inbox.url}/shopify_us", content=content, headers=delivery(body), timeout=60)
    assert (answer.status_code, answer.content) == (413, b"")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"{broken", {}, id="no-json"),
        pytest.param(b"[]", {}, id="a-list"),
        pytest.param(b"\xff\xfe", {}, id="no-text"),
        pytest.param(b'{"id": {"a": 1}}' + b" " * 300, {"X_Shopify_Event_Id": "e" * 200}, id="too-long-an-event"),
        pytest.param(b'{"id": "\\u0000"}', {}, id="nul"),
        pytest.param(b'{"id": {}}', {}, id="an-object-for-an-id"),
        pytest.param(b'{"id": true}', {}, id="a-claim-for-an-id"),
        pytest.param(ORDER, {"X_Shopify_Triggered_At": "yesterday"}, id="no-time"),
    ],
)
def test_what_is_signed_but_has_no_shape_we_know_is_refused(inbox: Inbox, body: bytes, headers: dict[str, str]) -> None:
    answer = inbox.post(body, **headers)
    assert (answer.status_code, answer.content) == (400, b"")
    assert inbox.announced == []


def test_nothing_that_is_not_to_be_believed_gets_in(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = "{shopify: [shop], stripe: [till], xero: [books]}"
    (inbox.folder / "main.yaml").write_text(COMPANY.format(connections=connections))
    till = {"conn_type": "stripe", "password": "key-1", "extra": {"webhook_secret": SECRET}}
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps(connection(host=SHOP)))
    monkeypatch.setenv("AIRFLOW_CONN_TILL", json.dumps(till))
    app = {"tenant_id": TENANT, "webhook_secret": SECRET}
    books = {"conn_type": "xero", "host": "https://xero.test", "login": "app", "password": "pass", "extra": app}
    monkeypatch.setenv("AIRFLOW_CONN_BOOKS", json.dumps(books))
    tell_known(inbox.url)
    tried, wrong = asyncio.run(send(inbox.url, 10 * len(KINDS), seed=2))
    assert (set(tried), wrong) == (set(KINDS), [])
    known = f"{TENANT}:INVOICE:i-known:UPDATE:2026-03-02T16:00:00.000"
    assert [event for *_, event in inbox.announced] == ["known-1", known, known], "an invoice, and its payments"


def test_a_topic_that_no_flow_reads_is_taken_and_announces_nothing(inbox: Inbox) -> None:
    assert inbox.post(b'{"id": 1}', X_Shopify_Topic="shop/update").status_code == 200
    assert inbox.announced == []


def test_every_company_that_has_the_shop_is_told(inbox: Inbox) -> None:
    (inbox.folder / "second.yaml").write_text(COMPANY.format(connections="{shopify: [shopify_us]}"))
    (inbox.folder / "broken.yaml").write_text("name: [")
    inbox.post()
    assert inbox.announced == [(key, "shopify_us", KEY, "event-1") for key in ("main", "second")]


def test_a_company_whose_file_can_not_be_read_for_a_while_goes_on_being_told(inbox: Inbox) -> None:
    second = inbox.folder / "second.yaml"
    second.write_text(COMPANY.format(connections="{shopify: [shopify_us]}"))
    addresses = Addresses()
    addresses.look_up()
    second.write_text("name: [")
    addresses.look_up()
    address = asyncio.run(addresses.of("shopify_us"))
    assert address is not None
    assert address.companies == ("main", "second")
    second.unlink()
    addresses.look_up()
    address = asyncio.run(addresses.of("shopify_us"))
    assert address is not None
    assert address.companies == ("main",)


def test_a_static_token_is_no_secret_that_webhooks_are_signed_with(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    static = connection(
        login=None, password="shpat_1", extra={"webhook_secret": "new", "webhook_secret_before": SECRET}
    )
    monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY_US", json.dumps(static))
    assert inbox.post(**delivery(ORDER, secret="shpat_1")).status_code == 401
    assert inbox.post(**delivery(ORDER, secret="new")).status_code == 200
    assert inbox.post(**delivery(ORDER, event="event-2")).status_code == 200


def test_what_can_not_be_written_is_to_be_sent_again(inbox: Inbox) -> None:
    with inbox.state.begin() as connection:
        connection.execute(text("ALTER TABLE change RENAME TO away"))
    answer = inbox.post()
    assert (answer.status_code, answer.content) == (503, b"")
    with inbox.state.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO change"))
    assert inbox.post().status_code == 200
    assert len(inbox.announced) == 1


def test_a_state_database_that_is_away_is_answered_in_time(inbox: Inbox, tmp_path: Path) -> None:
    away = connect("postgresql://nobody@127.0.0.1:9/none")
    with serve(served(away)) as url:
        answer = httpx.post(f"{url}{PREFIX}/shopify_us", content=ORDER, headers=delivery(ORDER), timeout=60)
    assert (answer.status_code, answer.content) == (503, b"")


def test_what_comes_at_once_is_all_in_the_log(inbox: Inbox) -> None:
    with httpx.Client(timeout=60) as client:
        bodies = [json.dumps({"id": number}).encode() for number in range(1, 41)]
        address = urlsplit(inbox.url)
        raw = [
            f"POST {address.path}/shopify_us HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in delivery(body).items())
            + "\r\n"
            for body in bodies
        ]
        sockets = [socket.create_connection((address.hostname or "", address.port or 0)) for _ in bodies]
        for line, head, body in zip(sockets, raw, bodies, strict=True):
            line.sendall(head.encode() + body)
        answers = [line.recv(1000).split(b"\r\n", 1)[0] for line in sockets]
        assert client.get(inbox.url + "/").status_code == 204
    assert set(answers) == {b"HTTP/1.1 200 OK"}
    assert len(inbox.announced) == 40


@pytest.fixture
def xero(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """The receiver with an app of Xero's that reaches two organisations."""
    for name, tenant in (("XERO", "t-1"), ("XERO_UK", "t-2")):
        extra = {"tenant_id": tenant, "webhook_secret": "key-1"}
        xero = {"conn_type": "xero", "host": "https://xero.test", "login": "app", "password": "pass", "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(xero))
    return inbox


def notice(*events: tuple[str, str, str]) -> bytes:
    """What Xero tells of organisation, category and id."""
    told = [
        {
            "tenantId": tenant,
            "eventCategory": category,
            "resourceId": resource,
            "eventType": "UPDATE",
            "eventDateUtc": "2026-03-02T16:00:00.000",
        }
        for tenant, category, resource in events
    ]
    return json.dumps({"events": told, "firstEventSequence": 1, "lastEventSequence": 1}).encode()


def by_xero(body: bytes, key: str = "key-1") -> dict[str, str]:
    return {"x_xero_signature": base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode()}


def test_xero_finds_its_intent_to_receive_answered_as_it_wants(xero: Inbox, tmp_path: Path) -> None:
    with serve(create_xero(tmp_path / "xero")) as url:
        answer = httpx.post(f"{url}/_sandbox/webhooks", json={"url": f"{xero.url}/xero", "key": "key-1"}, timeout=60)
        refused = httpx.post(f"{url}/_sandbox/webhooks", json={"url": f"{xero.url}/xero", "key": "key-2"}, timeout=60)
    assert (answer.json(), refused.json()) == ({"intent_to_receive": True}, {"intent_to_receive": False})
    assert xero.changed == []


def test_a_receiver_is_tested_as_xero_does_before_people_register_it(
    xero: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--state", "sqlite://", "connect", "xero", "--connection", "xero", "--webhooks"]
    assert main([*command, f"{xero.url}/xero"]) == 0
    assert "developer.xero.com" in capsys.readouterr().out
    assert xero.changed == []
    assert main([*command, f"{xero.url}/nobody"]) == 2
    assert "LB-XERO-035" in capsys.readouterr().err
    careless = FastAPI()
    careless.post("/")(lambda: Response(status_code=200))
    with serve(careless) as url:
        assert main([*command, f"{url}/"]) == 2
    assert "signed with another key, answered 200" in capsys.readouterr().err
    assert main([*command, "http://127.0.0.1:9/"]) == 2
    assert "got no answer" in capsys.readouterr().err


def test_a_payment_shows_as_a_change_of_its_invoice_and_each_organisation_hears_of_its_own(xero: Inbox) -> None:
    body = notice(
        ("t-1", "INVOICE", "i-1"), ("t-2", "CONTACT", "c-1"), ("t-3", "INVOICE", "i-9"), ("t-1", "NEW", "n-1")
    )
    assert xero.post(body, to="xero", **by_xero(body)).status_code == 200
    assert xero.changed == [
        ("xero.contact", "xero_uk", "xero:t-2:contact:c-1"),
        ("xero.invoice", "xero", "xero:t-1:invoice:i-1"),
        ("xero.payment", "xero", "xero:t-1:invoice:i-1"),
        ("xero.supplier", "xero_uk", "xero:t-2:contact:c-1"),
    ]
    assert xero.post(body, to="xero", **by_xero(body, "key-2")).status_code == 401


def test_xero_is_to_say_again_what_may_concern_a_company_whose_file_can_not_be_read(xero: Inbox) -> None:
    body = notice(("t-3", "CONTACT", "c-1"))
    (xero.folder / "broken.yaml").write_text("name: [")
    assert xero.post(body, to="xero", **by_xero(body)).status_code == 503
    of_main = notice(("t-1", "CONTACT", "c-1"))
    assert xero.post(of_main, to="xero", **by_xero(of_main)).status_code == 200


def test_a_stripe_event_is_taken_while_its_signature_is_new(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(create_gateway(tmp_path / "stripe")) as url:
        account = Account(url, monkeypatch)
        account.open()
        hook = account.hook()
        secret = account.announce_to(f"{inbox.url}/stripe_test")
        with_secret = json.loads(os.environ["AIRFLOW_CONN_STRIPE_TEST"])
        with_secret["extra"]["webhook_secret"] = secret
        monkeypatch.setenv("AIRFLOW_CONN_STRIPE_TEST", json.dumps(with_secret))
        account.pay({"do": "pay", "id": "ch_1", "at": "2026-03-02T16:41:30Z", "amount": "7.81", "fee": "0.50"})
        source = hook.entity("charge")
        assert isinstance(source, KeyedSource)
        [[charge]] = source.read(Window())
        body = json.dumps({"id": "evt_1", "type": "charge.updated", "created": 1, "data": {"object": charge.payload}})
        for age, status in ((0, 200), (0, 200), (330, 401), (-330, 401)):
            sent = sign_stripe(secret, body.encode(), age)
            assert inbox.post(body.encode(), to="stripe_test", **sent).status_code == status
        keys = {key for entity, _, key in inbox.changed if entity == "stripe.charge"}
        assert keys == {charge.key}
        assert [record for page in source.read_keys([charge.key]) for record in page] == [charge]
        assert not isinstance(hook.entity("balance_transaction"), KeyedSource)
        assert ("stripe.balance_transaction", "stripe_test", charge.key) in inbox.changed


def sign_stripe(secret: str, body: bytes, age: int) -> dict[str, str]:
    """As Stripe signs, so many seconds ago."""
    at = int(time.time()) - age
    signature = hmac.digest(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hex()
    return {"stripe_signature": f"t={at},v1={signature}"}
