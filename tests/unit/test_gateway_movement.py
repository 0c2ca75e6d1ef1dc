"""What moves a gateway's balance by itself is booked on the role of its category (accounting-rules.md rule 7)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from mapping_runs import NoState, made

from demo.airflow_home import CHECKOUT
from hooks.stripe.books import HELD
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, nested_records

MAPPINGS = CHECKOUT / "include" / "mappings"
MOVEMENT, FEE = (f"stripe_balance_transaction_to_gateway_{kind}" for kind in ("movement", "fee"))
TOP_UP = "stripe_balance_transaction_to_payout"


def moved(category: str, amount: str = "-2.00", currency: str = "usd", mapping: str = MOVEMENT, **more: Any) -> Mapped:
    """One balance transaction through a shipped mapping and table."""
    transaction: dict[str, Any] = {
        "id": "txn_1",
        "created": 1_773_139_200,
        "amount": amount,
        "currency": currency,
        "fee": "0.00",
        "reporting_category": category,
        "source": None,
        **more,
    }
    given = {"company": {"base_currency": {"key": "base_currency", "value": "USD"}}}
    lookups = Lookups(CHECKOUT / "include" / "lookups", given, NoState(), lambda *_: {}, "America/New_York")
    return load_mapping(MAPPINGS / f"{mapping}.yaml").run(nested_records([transaction], ["k0"], [None]), lookups)  # type: ignore[list-item]


@pytest.mark.parametrize(("amount", "taken"), [("-2.00", "2"), ("1.50", "-1.5")])
def test_a_bill_and_what_is_credited_of_it_are_fees(amount: str, taken: str) -> None:
    mapped = moved("fee", amount)
    assert [str(each.normalize()) for each in made(mapped, "amount")] == [taken]
    assert (made(mapped, "role"), made(mapped, "payment_id")) == (["fees"], ["txn_1"])


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("charge", "payment"),
        ("charge_failure", "payment_failure_refund"),
        ("partial_capture_reversal", "refund"),
        ("refund", "refund"),
        ("refund_failure", "refund_failure"),
        ("payout", "payout"),
        ("payout_reversal", "payout_cancel"),
        ("topup", "topup"),
        ("topup_reversal", "topup_reversal"),
    ],
)
def test_what_is_a_document_of_its_own_is_left_to_it(category: str, kind: str) -> None:
    mapped = moved(category, type=kind)
    assert (made(mapped, "payment_id"), list(mapped.failures["remedy"])) == ([], [])


def test_a_category_without_a_role_is_a_letter_that_names_the_table() -> None:
    [remedy] = moved("contribution", type="contribution").failures["remedy"]
    assert '"contribution"' in remedy
    assert "include/lookups/gateway_movements.csv" in remedy


@pytest.mark.parametrize("kind", sorted(HELD))
def test_what_is_kept_back_and_let_go_of_is_on_the_reserve_each_under_an_id_of_its_own(kind: str) -> None:
    mapped = moved("risk_reserved_funds", type=kind, balance_type="payments", source={"id": "ch_1"})
    assert (made(mapped, "role"), made(mapped, "label")) == (["gateway_reserve"], [f"txn_1 {kind}"])


def test_the_reserves_own_balance_is_no_second_entry() -> None:
    mapped = moved("risk_reserved_funds", "2.00", type="reserve_hold", balance_type="risk_reserved")
    assert (made(mapped, "role"), list(mapped.failures["remedy"])) == ([], [])


@pytest.mark.parametrize(("kind", "amount"), [("topup", "30.00"), ("topup_reversal", "-30.00")])
def test_money_from_the_bank_is_a_payout_the_other_way_round(kind: str, amount: str) -> None:
    mapped = moved(kind, amount, mapping=TOP_UP, type=kind, balance_type="payments", source={"id": "tu_1"})
    assert made(mapped, "amount") == [-Decimal(amount)]
    assert (made(mapped, "label"), made(mapped, "payout_id")) == ([f"txn_1 {kind}"], ["txn_1"])


@pytest.mark.parametrize(("mapping", "kind"), [(MOVEMENT, "stripe_fee"), (TOP_UP, "topup")])
def test_what_moved_a_balance_that_is_not_paid_out_of_is_entered_by_hand(mapping: str, kind: str) -> None:
    category = "fee" if kind == "stripe_fee" else kind
    [remedy] = moved(category, mapping=mapping, type=kind, balance_type="issuing").failures["remedy"]
    assert "on the account you keep for that balance" in remedy


def test_money_of_another_balance_is_entered_by_hand() -> None:
    [remedy] = moved("fee", currency="eur").failures["remedy"]
    assert "another currency than the books" in remedy


def test_a_fee_that_no_payout_tells_of_is_an_entry_of_its_own() -> None:
    mapped = moved("charge", "53.77", mapping=FEE, fee="1.86", itemised=False)
    assert [str(each.normalize()) for each in made(mapped, "amount")] == ["1.86"]
    assert (made(mapped, "role"), made(mapped, "payment_id")) == (["fees"], ["txn_1 fee"])


@pytest.mark.parametrize(
    ("category", "more"),
    [
        ("charge", {"fee": "1.86"}),
        ("charge", {"fee": "0.00", "itemised": False}),
        ("charge", {"fee": "1.86", "itemised": False, "ours": False}),
        ("payout", {"fee": "0.54", "itemised": False}),
    ],
    ids=["told by its payout", "none", "of another company", "of an instant payout"],
)
def test_a_fee_that_is_told_elsewhere_is_not_told_again(category: str, more: dict[str, Any]) -> None:
    mapped = moved(category, "53.77", mapping=FEE, **more)
    assert (made(mapped, "payment_id"), list(mapped.failures["remedy"])) == ([], [])
