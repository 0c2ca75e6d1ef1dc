"""Stripe's money by currency: what is not in the books' currency, or not settled yet, is never booked as if it were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mapping_runs import NOW, NoState

from hooks.stripe.books import StripeBooks
from hooks.stripe.hook import StripeHook
from ledgerbridge.entities import RawRecord
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, nested_records
from ledgerbridge.reconciliation import KeptRecord
from tests.contract.scripted_api import Reply, ScriptedApi, serve_script

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
COMPANY = {"company": {"base_currency": {"key": "base_currency", "value": "USD"}}}
DAY = int(datetime(2026, 3, 2, 16, 41, tzinfo=UTC).timestamp())


def run(name: str, *payloads: dict[str, Any]) -> Mapped:
    """A shipped mapping on records whose keys are k0, k1, …"""
    records = nested_records(list(payloads), [f"k{n}" for n in range(len(payloads))], [NOW] * len(payloads))
    lookups = Lookups(MAPPINGS, COMPANY, NoState(), lambda *_: {}, "America/New_York")
    return load_mapping(MAPPINGS / f"{name}.yaml").run(records, lookups)


def moved(currency: str, amount: str, rate: str | None = None, **fields: Any) -> dict[str, Any]:
    """A balance transaction."""
    return {"id": "txn_1", "currency": currency, "amount": amount, "exchange_rate": rate, "created": DAY, **fields}


def charge(currency: str, transaction: dict[str, Any] | None) -> dict[str, Any]:
    money = {"amount": "100.00", "amount_captured": "100.00", "currency": currency}
    metadata = {"order_id": "#1001"}
    return (
        {"id": "ch_1", "status": "succeeded", "captured": True, "created": DAY, "metadata": metadata}
        | money
        | {"balance_transaction": transaction}
    )


def refund(currency: str, transaction: dict[str, Any] | None) -> dict[str, Any]:
    money = {"amount": "100.00", "currency": currency, "charge": {"id": "ch_1", "metadata": {"order_id": "#1001"}}}
    return {"id": "re_1", "status": "succeeded", "created": DAY, "balance_transaction": transaction} | money


def payout(currency: str, **fields: Any) -> dict[str, Any]:
    money = {"amount": "100.00", "currency": currency, "items": [moved(currency, "103.00", fee="3.00")]}
    days = {"arrival_date": DAY, "created": DAY, "failure_balance_transaction": moved(currency, "100.00")}
    return {"id": "po_1", "status": "paid", "reconciliation_status": "completed"} | money | days | fields


def values(mapped: Mapped, *fields: str) -> list[tuple[Any, ...]]:
    return list(mapped.frames["header"][list(fields)].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("mapping", "make"), [("stripe_charge_to_payment", charge), ("stripe_refund_to_refund", refund)]
)
def test_money_waits_for_its_balance_transaction_and_has_its_rate_then(mapping: str, make: Any) -> None:
    early = run(mapping, make("gbp", None), make("usd", None), make("gbp", moved("usd", "131.00", "1.31")))
    assert values(early, "rate", "amount") == [(Decimal("1.31"), Decimal(100))]
    assert early.failures.empty


@pytest.mark.parametrize(
    ("mapping", "foreign", "ours"),
    [
        pytest.param(
            "stripe_charge_to_payment",
            charge("eur", moved("eur", "100.00")),
            charge("eur", moved("usd", "110.00", "1.10")),
            id="charge",
        ),
        pytest.param(
            "stripe_refund_to_refund",
            refund("gbp", moved("eur", "-115.00", "1.15")),
            refund("gbp", moved("usd", "-131.00", "1.31")),
            id="refund",
        ),
        pytest.param(
            "stripe_refund_to_exchange_difference",
            refund("gbp", moved("eur", "-115.00", "1.15")),
            refund("gbp", moved("usd", "-131.00", "1.31")),
            id="exchange-difference",
        ),
        pytest.param("stripe_payout_to_payout", payout("eur"), payout("usd"), id="payout"),
        pytest.param("stripe_payout_to_gateway_fee", payout("eur"), payout("usd"), id="fees"),
        pytest.param(
            "stripe_payout_to_payout_back", payout("eur", status="failed"), payout("usd", status="failed"), id="back"
        ),
    ],
)
def test_money_settled_in_another_currency_than_the_books_is_a_dead_letter(
    mapping: str, foreign: dict[str, Any], ours: dict[str, Any]
) -> None:
    mapped = run(mapping, foreign, ours)
    assert len(mapped.frames["header"]) == 1
    [failure] = mapped.failures.to_dict("records")
    assert (failure["record"], failure["code"]) == (0, "LB-MAP-001")
    assert "other currency than the books" in failure["remedy"]


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serve_script() as script:
        yield script


class Unread:
    """Nothing was kept before."""

    def record(self, book: str, key: str) -> RawRecord | None:
        return None


def test_the_balance_and_its_movements_are_those_of_the_books_currency(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = '{"account": "acct_1"}'
    connection = {"conn_type": "stripe", "host": api.url, "password": "rk_test_1", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_STRIPE_TEST", json.dumps(connection))
    held = [{"currency": "usd", "amount": 5000}, {"currency": "eur", "amount": 7000}]
    api.will_reply(Reply({"object": "balance", "livemode": False, "available": held, "pending": held[:1]}))
    books = StripeBooks(StripeHook("stripe_test"), Unread(), "USD")
    assert books.balance() == Decimal("100.00")
    keep = next(iter(books.sources())).keep
    more = {"fee": "0.50", "source": None}
    rows = [moved(currency, "10.00", type="charge", **more) for currency in ("usd", "eur")]
    rows.append(moved("usd", "10.00", type="reserve_hold", balance_type="risk_reserved", **more))
    kept = [KeptRecord("stripe-acct_1-balance_transaction", f"k{n}", NOW, keep(row)) for n, row in enumerate(rows)]
    assert [(each.record, each.amount) for each in books.movements(kept)] == [("k0", Decimal("10.00"))]


def test_what_is_kept_back_of_a_charge_and_a_top_up_are_movements_of_their_own(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is kept back would be looked for on the charge's invoice."""
    connection = {"conn_type": "stripe", "host": api.url, "password": "rk_test_1", "extra": '{"account": "acct_1"}'}
    monkeypatch.setenv("AIRFLOW_CONN_STRIPE_TEST", json.dumps(connection))
    books = StripeBooks(StripeHook("stripe_test"), Unread(), "USD")
    keep = next(iter(books.sources())).keep
    sources = {"reserved_funds": {"id": "ch_1", "object": "charge"}, "topup": {"id": "tu_1", "object": "topup"}}
    rows = [moved("usd", "10.00", type=kind, fee="0", source=source) for kind, source in sources.items()]
    kept = [KeptRecord("stripe-acct_1-balance_transaction", f"k{n}", NOW, keep(row)) for n, row in enumerate(rows)]
    assert [(each.kind, each.id, each.belongs_to, each.record) for each in books.movements(kept)] == [
        ("money", "txn_1", "txn_1", "k0"),
        ("payout", "txn_1", "txn_1", "k1"),
    ]
