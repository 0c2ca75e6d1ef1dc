"""What a gateway keeps of a payout, and what a payout itself costs (accounting-rules.md rule 7)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mapping_runs import NoState, made

from demo.airflow_home import CHECKOUT
from hooks.stripe.books import StripeBooks
from hooks.stripe.hook import StripeHook
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, nested_records
from ledgerbridge.reconciliation import KeptRecord, Looked

Json = dict[str, Any]
MARCH = 1_773_139_200
INSTANT = {"id": "txn_1", "created": MARCH, "currency": "usd", "source": {"id": "po_1", "object": "payout"}}
INSTANT |= {"type": "payout", "reporting_category": "payout", "amount": "-100.00", "fee": "1.50", "exchange_rate": None}


def mapped(name: str, payload: Json) -> Mapped:
    """A record through a shipped mapping."""
    given = {"company": {"base_currency": {"key": "base_currency", "value": "USD"}}}
    lookups = Lookups(CHECKOUT / "include" / "lookups", given, NoState(), lambda *_: {}, "America/New_York")
    mapping = load_mapping(CHECKOUT / "include" / "mappings" / f"{name}.yaml")
    return mapping.run(nested_records([payload], ["stripe:acct_1:payout:po_1"], [datetime.now(UTC)]), lookups)


def item(fee: str, created: int = MARCH) -> Json:
    return {"fee": fee, "created": created, "currency": "usd"}


@pytest.mark.parametrize(
    ("fees", "amounts"),
    [
        pytest.param(["1.00", "2.00"], [Decimal(3)], id="taken"),
        pytest.param(["1.00", "-5.00"], [Decimal(-4)], id="more-given-back-than-taken"),
        pytest.param(["5.00", "-5.00"], [], id="all-given-back"),
    ],
)
def test_fees_and_what_is_credited_of_them_are_one_entry_a_month(fees: list[str], amounts: list[Decimal]) -> None:
    payout = {"id": "po_1", "items": [item(fee) for fee in fees]}
    assert made(mapped("stripe_payout_to_gateway_fee", payout), "amount") == amounts


def test_what_an_instant_payout_costs_is_a_fee_of_its_own() -> None:
    movement = mapped("stripe_balance_transaction_to_gateway_movement", INSTANT)
    found = [made(movement, field) for field in ("payment_id", "category", "role", "amount")]
    assert found == [["txn_1"], ["fee"], ["fees"], [Decimal("1.50")]]


def test_the_books_know_what_an_instant_payout_costs_beside_what_it_paid() -> None:
    hook = cast(StripeHook, SimpleNamespace(account="acct_1"))
    books = StripeBooks(hook, cast(Looked, None), "USD")
    now = datetime.fromtimestamp(MARCH, UTC)
    payout = {"id": "po_1", "created": MARCH, "closed": True, "fees": "0"}
    moved = books.movements(
        [
            KeptRecord("stripe-acct_1-balance_transaction", "stripe:acct_1:balance_transaction:txn_1", now, INSTANT),
            KeptRecord("stripe-acct_1-payout", "stripe:acct_1:payout:po_1", now, payout),
        ]
    )
    assert [(each.kind, each.id, each.amount) for each in moved] == [
        ("money", "txn_1", Decimal("-1.50")),
        ("payout", "po_1", Decimal(-100)),
    ]
