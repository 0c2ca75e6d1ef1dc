"""The PayPal hook against the simulated PayPal, and against answers that others have published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from hooks.paypal.books import PayPalBooks
from hooks.paypal.hook import PayPalHook
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.errors import ConfigurationError, TransientError
from ledgerbridge.reconciliation import KeptRecord
from sandbox.paypal.app import create_app
from tests.contract.scripted_api import Reply, ScriptedApi, serve_script
from tests.contract.served_app import serve

ACCOUNT = "SANDBXPAYPAL2"
ORDER = {"name": "#5001", "currency": "USD"}
NOW = "2026-03-12T14:00:00Z"


class Desk:
    """Buyers, the shop and PayPal itself."""

    def __init__(self, url: str) -> None:
        self.url = url

    def press(self, path: str, body: object, method: str = "POST") -> Any:
        answer = httpx.request(method, f"{self.url}/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def pay(self, identity: str, amount: str, at: str = "2026-03-02T16:00:00Z", **more: Any) -> Any:
        event = {"id": identity, "amount": amount, "at": at, **more}
        return self.press("payments", {"event": event, "order": ORDER})


def hook_at(monkeypatch: pytest.MonkeyPatch, url: str, **changed: Any) -> PayPalHook:
    connection = {"conn_type": "paypal", "host": url, "login": "app", "password": "hush", "extra": {"account": ACCOUNT}}
    monkeypatch.setenv("AIRFLOW_CONN_PAYPAL_TEST", json.dumps(connection | changed))
    return PayPalHook("paypal_test")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An account with nothing in it, on the first of March."""
    with serve(create_app(tmp_path)) as url:
        desk = Desk(url)
        app = {"client_id": "app", "client_secret": "hush", "account": ACCOUNT}
        desk.press("seed", {"company": {"paypal": "USD"}, **app})
        desk.press("clock", {"now": "2026-03-01T00:00:00Z"}, "PUT")
        yield desk


@pytest.fixture
def hook(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> PayPalHook:
    return hook_at(monkeypatch, desk.url)


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serve_script() as script:
        yield script


def read(hook: PayPalHook, since: str | None = "2026-03-01T00:00:00Z") -> list[RawRecord]:
    window = Window(since=since and datetime.fromisoformat(since))
    return [record for page in hook.entity("transaction").read(window) for record in page]


def test_a_payment_its_refund_and_a_withdrawal_add_up_to_the_balance(desk: Desk, hook: PayPalHook) -> None:
    payment = desk.pay("p1", "53.77", fee="2.17")
    refund = {"id": "r1", "amount": "53.77", "at": "2026-03-05T10:00:00Z"}
    desk.press("refunds", {"event": refund, "order": ORDER})
    desk.press("payouts", {"id": "w1", "amount": "-10.00", "arrives": "2026-03-06"})
    records = read(hook)
    told = [
        (each.payload["transaction_event_code"], each.payload["transaction_amount"]["value"])
        for each in sorted(records, key=lambda record: record.payload["transaction_initiation_date"])
    ]
    assert told == [("T0006", "53.77"), ("T1107", "-53.77"), ("T0300", "10.00")]
    paid, back, _ = (each.payload for each in records)
    assert (paid["transaction_status"], paid["invoice_id"]) == ("V", "5001")
    assert (back["paypal_reference_id"], back["invoice_id"]) == (payment["transaction_id"], "5001")
    assert records[0].key == f"paypal:{ACCOUNT}:transaction:{payment['transaction_id']}"
    books = PayPalBooks(hook, None, "USD")  # type: ignore[arg-type]  # what was kept is not asked
    [source] = books.sources()
    kept = [KeptRecord(source.book, each.key, each.changed_at, source.keep(each.payload)) for each in records]
    moved = books.movements(kept)
    assert sum(each.amount for each in moved) == books.balance() == hook.balance()["USD"] == Decimal("7.83")
    assert [(each.kind, each.amount) for each in moved] == [
        ("money", Decimal("53.77")),
        ("money", Decimal("-2.17")),
        ("money", Decimal("-53.77")),
        ("payout", Decimal("10.00")),
    ]
    assert moved[2].belongs_to == moved[0].id


def test_what_paypal_tells_late_and_what_was_pending_is_read_by_a_later_window(desk: Desk, hook: PayPalHook) -> None:
    desk.press("settings", {"lag_seconds": 3 * 3600}, "PUT")
    desk.pay("echeck", "20.00", at="2026-03-05T11:00:00Z", status="P")
    desk.pay("late", "10.00", at="2026-03-12T12:00:00Z")
    assert read(hook) == []
    assert hook.balance() == {"USD": Decimal(0)}
    desk.press("transactions/echeck/complete", {"at": "2026-03-12T13:00:00Z"})
    desk.press("settings", {"lag_seconds": 0}, "PUT")
    assert len(read(hook, NOW)) == 2


def test_three_years_are_read_in_spans_that_paypal_takes_however_many_lie_in_one(desk: Desk, hook: PayPalHook) -> None:
    for day in range(1, 9):
        desk.pay(f"p{day}", "1.00", at=f"2026-03-{day:02}T16:00:00Z")
    desk.press("settings", {"maximum_items": 3}, "PUT")
    assert len({record.key for record in read(hook, since=None)}) == 8


def test_the_simulator_refuses_what_paypal_refuses(desk: Desk, hook: PayPalHook) -> None:
    def search(**asked: Any) -> dict[str, Any]:
        span = {"start_date": "2026-03-01T00:00:00Z", "end_date": "2026-03-12T00:00:00Z"}
        return hook.fetch("/v1/reporting/transactions", span | asked)

    desk.press("clock", {"now": NOW}, "PUT")
    assert search()["total_items"] == 0
    for asked in (
        {"end_date": "2026-04-02T00:00:00Z"},
        {"end_date": "2026-03-12"},
        {"end_date": "2026-02-12T00:00:00Z"},
        {"page_size": 501},
        {"page": 0},
        {"start_date": "2026-03-12T15:00:00Z", "end_date": "2026-03-12T16:00:00Z"},
        {"start_date": "2023-01-01T00:00:00Z", "end_date": "2023-01-02T00:00:00Z"},
    ):
        with pytest.raises(ConfigurationError, match=r"LB-PAYPAL-006.*INVALID_REQUEST"):
            search(**asked)
    assert httpx.get(f"{desk.url}/v1/reporting/transactions").json()["name"] == "AUTHENTICATION_FAILURE"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"password": "wrong"}, "LB-PAYPAL-002", id="secret"),
        pytest.param({"password": ""}, "LB-PAYPAL-001", id="no secret"),
        pytest.param({"extra": {"account": "ANOTHERACCNT2"}}, "LB-PAYPAL-008", id="account"),
    ],
)
def test_a_wrong_connection_says_what_is_wrong(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], code: str
) -> None:
    good, told = hook_at(monkeypatch, desk.url, **changed).test_connection()
    assert not good
    assert code in told


def test_an_app_without_the_right_to_search_says_so(desk: Desk, hook: PayPalHook) -> None:
    assert hook.test_connection() == (True, f"Account {ACCOUNT}, currencies USD.")
    only = "https://uri.paypal.com/services/reporting/balances/read"
    app = {"client_id": "app", "client_secret": "hush", "account": ACCOUNT, "scopes": only}
    desk.press("seed", {"company": {"paypal": "USD"}, **app})
    good, told = hook.test_connection()
    assert not good
    assert "LB-PAYPAL-003" in told


def test_a_token_that_ended_is_fetched_anew_and_a_limit_is_waited_for(desk: Desk, hook: PayPalHook) -> None:
    hook.balance()
    ended = {"kind": "expired_token", "path": "/v1/reporting", "times": 1}
    desk.press("faults", ended)
    assert hook.balance() == {"USD": Decimal(0)}
    desk.press("faults", {"kind": "throttled", "path": "/v1/reporting", "times": 1})
    with pytest.raises(TransientError, match="LB-PAYPAL-005"):
        hook.balance()


def test_an_answer_that_others_published_is_understood(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    # ReportingTransactionsTest of a fork of PayPal-PHP-SDK
    told = {
        "paypal_account_id": "1234",
        "transaction_id": "61041S",
        "transaction_event_code": "T0007",
        "transaction_initiation_date": "2019-04-03T11:33:04+0000",
        "transaction_updated_date": "2019-04-03T11:33:04+0000",
        "transaction_amount": {"currency_code": "EUR", "value": "50.00"},
        "fee_amount": {"currency_code": "EUR", "value": "-42.31"},
        "transaction_status": "S",
        "invoice_id": "22892-1554291060",
        "protection_eligibility": "01",
    }
    page = {"transaction_details": [{"transaction_info": told, "payer_info": {}}], "account_number": "12345Y"}
    page |= {"page": 1, "total_items": 1, "total_pages": 1, "last_refreshed_datetime": "2019-04-04T08:59:59+0000"}
    now = {"Date": "Thu, 04 Apr 2019 09:00:00 GMT"}
    token = {"access_token": "A21AA", "token_type": "Bearer", "expires_in": 32400}
    api.will_reply(Reply(token), Reply({"balances": []}, headers=now), Reply(page, headers=now))
    hook = hook_at(monkeypatch, api.url, extra={"account": "12345Y"})
    [record] = read(hook, "2019-03-20T00:00:00Z")
    assert record.key == "paypal:12345Y:transaction:61041S"
    assert record.changed_at == datetime(2019, 4, 3, 11, 33, 4, tzinfo=UTC)
    asked = api.asked[-1].query
    assert asked["page_size"] == ["500"]
    span = [datetime.fromisoformat(asked[name][0]) for name in ("start_date", "end_date")]
    assert span[1] - span[0] <= timedelta(days=31)
