"""What is lost on money that was on no invoice and went back at another rate (accounting-rules.md rules 5, 8; §7)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sent_documents import ORDER, SentInMemory

from ledgerbridge.canonical.allocation import frame_of, rows_of_frame
from ledgerbridge.canonical.exchange import realise

CHARGES, REFUNDS, PAYMENTS = "stripe.charge", "stripe.refund", "xero.payment"
KEY = "stripe:acct_1:refund:re_1:exchange"
ENTITY = "canonical.exchange_difference"
RATES = st.decimals("0.5", "2", places=7)


def refund(**fields: Any) -> dict[str, Any]:
    """50 pounds that left the gateway as 65 dollars."""
    common = {
        "record_key": KEY,
        "label": "re_1 exchange",
        "chain_key": ORDER,
        "payment_id": "re_1",
        "charge_id": "ch_1",
        "gateway": "stripe",
        "realised_on": date(2026, 3, 2),
        "rate": Decimal("1.3"),
        "given_back": Decimal("50.00"),
        "settled": Decimal("65.00"),
    }
    return common | fields


def read(outcome: str, reason: str | None = None, **charge: Any) -> SentInMemory:
    """A charge of 100 pounds that came in as 124 dollars, and what became of its refund."""
    sent = SentInMemory()
    captured = {"payment_id": "ch_1", "amount": "100.00", "rate": "1.2400000", "settled": "124.00"}
    sent.read(CHARGES, "waiting", **captured | charge)
    sent.read(REFUNDS, outcome, reason, payment_id="re_1", charge_id="ch_1", amount="50.00")
    return sent


def lost(sent: SentInMemory, *refunds: dict[str, Any]) -> tuple[list[Decimal], dict[str, str]]:
    frame = frame_of(list(refunds), ENTITY)
    made, waiting = realise(frame, sent, charges=CHARGES, refunds=REFUNDS, payments=PAYMENTS)
    return [row["amount"] for row in rows_of_frame(made)], waiting


def test_what_left_less_what_came_in_is_lost() -> None:
    assert lost(read("superseded"), refund()) == ([Decimal("3.00")], {})


def test_money_that_left_for_less_than_it_came_in_is_a_gain() -> None:
    assert lost(read("superseded"), refund(rate=Decimal("1.2"), settled=Decimal("60.00"))) == ([Decimal("-2.00")], {})


def test_without_what_the_gateway_settled_the_rates_tell_it() -> None:
    assert lost(read("superseded", settled=None), refund(settled=None)) == ([Decimal("3.00")], {})


def test_at_the_rate_it_came_at_nothing_is_lost() -> None:
    # not the cent by which a part of the charge may be rounded otherwise
    assert lost(read("superseded"), refund(rate=Decimal("1.24"), settled=Decimal("62.01"))) == ([], {})


def test_a_refund_paid_on_a_credit_has_its_difference_there() -> None:
    sent = read("delivered")
    sent.add(PAYMENTS, payment_id="re_1", credit_number="RTN1", amount="50.00")
    assert lost(sent, refund()) == ([], {})


def test_a_refund_that_waits_makes_its_difference_wait_with_the_same_reason() -> None:
    sent = read("waiting", "50.00 GBP waits: dead letter abc")
    assert lost(sent, refund()) == ([], {KEY: "50.00 GBP waits: dead letter abc"})
    sent.source_records[REFUNDS].insert(0, {**refund(), "outcome": "waiting", "reason": "of an earlier pass"})
    assert lost(sent, refund()) == ([], {KEY: "50.00 GBP waits: dead letter abc"})


def test_a_refund_of_which_nothing_is_known_waits() -> None:
    assert lost(SentInMemory(), refund()) == ([], {KEY: "its refund is not paid on a credit yet"})


@given(captured=RATES, back=RATES, amount=st.decimals("0.01", "9999.99", places=2))
def test_charge_refund_and_difference_are_nothing_together(captured: Decimal, back: Decimal, amount: Decimal) -> None:
    came = (amount * captured).quantize(Decimal("0.01"))
    went = (amount * back).quantize(Decimal("0.01"))
    sent = read("superseded", amount=str(amount), rate=str(captured), settled=str(came))
    made, _ = lost(sent, refund(given_back=amount, rate=back, settled=went))
    assert came - went + sum(made) == 0
