"""What moves a gateway's balance by itself is booked on the role of its category (accounting-rules.md rule 7)."""

from __future__ import annotations

from typing import Any

import pytest
from mapping_runs import NoState, made

from demo.airflow_home import CHECKOUT
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, nested_records

MAPPING = CHECKOUT / "include" / "mappings" / "stripe_balance_transaction_to_gateway_movement.yaml"


def moved(category: str, amount: str = "-2.00", currency: str = "usd") -> Mapped:
    """One balance transaction through the shipped mapping and table."""
    transaction: dict[str, Any] = {
        "id": "txn_1",
        "created": 1_773_139_200,
        "amount": amount,
        "currency": currency,
        "fee": "0.00",
        "reporting_category": category,
        "source": None,
    }
    given = {"company": {"base_currency": {"key": "base_currency", "value": "USD"}}}
    lookups = Lookups(CHECKOUT / "include" / "lookups", given, NoState(), lambda *_: {}, "America/New_York")
    return load_mapping(MAPPING).run(nested_records([transaction], ["k0"], [None]), lookups)  # type: ignore[list-item]


@pytest.mark.parametrize(("amount", "taken"), [("-2.00", "2"), ("1.50", "-1.5")])
def test_a_bill_and_what_is_credited_of_it_are_fees(amount: str, taken: str) -> None:
    mapped = moved("fee", amount)
    assert [str(each.normalize()) for each in made(mapped, "amount")] == [taken]
    assert (made(mapped, "role"), made(mapped, "payment_id")) == (["fees"], ["txn_1"])


@pytest.mark.parametrize("category", ["charge", "refund", "refund_failure", "payout", "payout_reversal"])
def test_what_is_a_document_of_its_own_is_left_to_it(category: str) -> None:
    mapped = moved(category)
    assert (made(mapped, "payment_id"), list(mapped.failures["remedy"])) == ([], [])


def test_a_category_without_a_role_is_a_letter_that_names_the_table() -> None:
    [remedy] = moved("topup").failures["remedy"]
    assert '"topup"' in remedy
    assert "include/lookups/gateway_movements.csv" in remedy


def test_money_of_another_balance_is_entered_by_hand() -> None:
    [remedy] = moved("fee", currency="eur").failures["remedy"]
    assert "another currency than the books" in remedy
