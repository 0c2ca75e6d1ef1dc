"""What a bank took back is lost as far as its charge is on invoices; the rest cancels against it (rule 7)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sent_documents import ORDER, SentInMemory, money_frame

from ledgerbridge.canonical.allocation import Allocation, allocate, frame_of, rows_of_frame
from ledgerbridge.canonical.disputes import follow_charges

CHARGES, REFUNDS, MOVED = "stripe.charge", "stripe.refund", "stripe.balance_transaction"
PAYMENTS, ENTRIES, ORDERS, INVOICES, SOLD = (
    "xero.payment",
    "gp.gl_transaction",
    "gp.sales_order",
    "xero.invoice",
    "shopify.order",
)
MONDAY, TUESDAY, FRIDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 6)


def dispute(disputed: str, **fields: Any) -> dict[str, Any]:
    """As much as is disputed, in dollars; below zero the bank gives it back."""
    row = {
        "record_key": f"stripe:acct_1:balance_transaction:txn_{disputed}",
        "chain_key": ORDER,
        "payment_id": "du_1",
        "gateway": "stripe",
        "category": "dispute",
        "role": "goodwill",
        "moved_on": FRIDAY,
        "charge_id": "ch_1",
        "disputed": Decimal(disputed),
        "amount": Decimal(disputed),
    }
    return row | fields


def order(*, cancelled: bool = False, paid: str | None = None, outcome: str = "waiting", **charge: Any) -> SentInMemory:
    """An order of 100.00 whose charge came in, and what of it is on an invoice."""
    sent = SentInMemory()
    captured = {"payment_id": "ch_1", "amount": "100.00", "captured_on": "2026-03-02"}
    sent.read(CHARGES, outcome, **captured | charge)
    sent.read(SOLD, "superseded" if cancelled and not paid else "delivered", cancelled=cancelled)
    if paid:
        sent.add(INVOICES, invoice_number="INV1", total=Decimal(paid), invoiced_on=TUESDAY)
        sent.add(PAYMENTS, payment_id="ch_1", invoice_number="INV1", amount=Decimal(paid), paid_on=TUESDAY)
    return sent


def follow(sent: SentInMemory, *moved: dict[str, Any]) -> Allocation:
    return follow_charges(
        frame_of(list(moved), "canonical.gateway_movement"),
        sent,
        charges=CHARGES,
        refunds=REFUNDS,
        disputes=MOVED,
        payments=PAYMENTS,
        entries=ENTRIES,
        orders=ORDERS,
        invoices=INVOICES,
        sold=(SOLD,),
        exchange="gateway_exchange",
    )


def booked(result: Allocation) -> list[tuple[str, str, date]]:
    return [(row["role"], f"{row['amount']:.2f}", row["moved_on"]) for row in rows_of_frame(result.shares)]


def left_of_charge(sent: SentInMemory) -> dict[str, str]:
    """Why what is left of the charge waits."""
    charge = {"payment_id": "ch_1", "amount": Decimal("100.00"), "captured_on": MONDAY}
    frame = money_frame("canonical.payment", [charge])
    found = allocate(
        frame,
        sent,
        invoices=INVOICES,
        payments=PAYMENTS,
        allocations="xero.allocation",
        refunds=(REFUNDS, MOVED),
        entries=ENTRIES,
    )
    return found.waiting


def settle(sent: SentInMemory, result: Allocation, *moved: dict[str, Any]) -> None:
    """What the rule made of movements arrives, and is on record in the legs of both ledgers."""
    sent.deliver(ENTRIES, result.shares)
    for row in moved:
        outcome = "superseded" if row["record_key"] in result.superseded else "delivered"
        for leg in ("movement_gp", "movement_xero"):
            sent.read(MOVED, outcome, leg=leg, **row)


def test_what_is_on_an_invoice_is_lost() -> None:
    result = follow(order(paid="100.00", outcome="delivered"), dispute("100.00"))
    assert (booked(result), result.waiting) == ([("goodwill", "100.00", FRIDAY)], {})


def test_a_cancelled_order_s_charge_cancels_and_nothing_of_it_waits() -> None:
    sent = order(cancelled=True)
    lost = dispute("100.00")
    result = follow(sent, lost)
    assert booked(result) == []
    assert result.superseded == {lost["record_key"]: "100.00 cancels against its charge: it was on no invoice"}
    settle(sent, result, lost)
    assert left_of_charge(sent) == {}


def test_an_order_that_may_yet_ship_keeps_it_waiting_and_is_lost_when_it_does() -> None:
    sent, lost = order(), dispute("100.00")
    result = follow(sent, lost)
    assert (booked(result), list(result.waiting)) == ([], [lost["record_key"]])
    assert "cancel the order in the shop" in result.waiting[lost["record_key"]]
    late = date(2026, 4, 1)
    sent.add(PAYMENTS, payment_id="ch_1", invoice_number="INV1", amount=Decimal("100.00"), paid_on=late)
    assert booked(follow(sent, lost)) == [("goodwill", "100.00", late)]


def test_an_order_that_is_not_voided_yet_keeps_it_waiting() -> None:
    sent = order(cancelled=True)
    sent.documents[ORDERS] = [{"record_key": ORDER, "chain_key": ORDER, "state": "delivered", "cancelled": "false"}]
    assert list(follow(sent, dispute("100.00")).waiting) == [dispute("100.00")["record_key"]]


def test_of_a_charge_used_in_part_the_rest_cancels() -> None:
    sent, lost = order(cancelled=True, paid="60.00"), dispute("100.00")
    result = follow(sent, lost)
    assert booked(result) == [("goodwill", "60.00", FRIDAY)]
    settle(sent, result, lost)
    assert left_of_charge(sent) == {}


def test_what_the_bank_gives_back_is_waiting_again_with_its_charge() -> None:
    sent, lost = order(cancelled=True), dispute("100.00")
    settle(sent, follow(sent, lost), lost)
    won = dispute("-100.00", moved_on=date(2026, 3, 20))
    result = follow(sent, won)
    assert (booked(result), list(result.superseded)) == ([], [won["record_key"]])
    settle(sent, result, won)
    assert list(left_of_charge(sent).values()) == ["100.00 USD waits: order #1001 has no invoice yet"]


def test_what_the_bank_gives_back_of_a_charge_that_is_done_with_waits_until_it_is_given_back() -> None:
    sent, lost = order(cancelled=True), dispute("100.00")
    settle(sent, follow(sent, lost), lost)
    sent.source_records[CHARGES][0]["outcome"] = "superseded"
    won = dispute("-100.00", moved_on=date(2026, 3, 20))
    assert list(follow(sent, won).waiting.values()) == [
        "100.00 of ch_1 waits: its bank gave it back, and its order is cancelled; give it back to the customer"
    ]
    sent.read(REFUNDS, "superseded", payment_id="re_1", charge_id="ch_1", amount="100.00")
    result = follow(sent, won)
    assert (booked(result), result.waiting, list(result.superseded)) == ([], {}, [won["record_key"]])


def test_what_was_lost_in_part_comes_back_as_it_went() -> None:
    sent, lost = order(cancelled=True, paid="60.00"), dispute("100.00")
    settle(sent, follow(sent, lost), lost)
    won = dispute("-100.00", moved_on=date(2026, 3, 20))
    result = follow(sent, won)
    assert booked(result) == [("goodwill", "-60.00", date(2026, 3, 20))]
    settle(sent, result, won)
    assert list(left_of_charge(sent).values()) == ["40.00 USD waits: the invoices of order #1001 are paid"]


def test_a_charge_that_was_given_back_and_disputed_too_is_lost_once() -> None:
    sent = order(cancelled=True, outcome="superseded")
    sent.read(REFUNDS, "superseded", payment_id="re_1", charge_id="ch_1", amount="100.00")
    assert booked(follow(sent, dispute("100.00"))) == [("goodwill", "100.00", FRIDAY)]


@pytest.mark.parametrize("outcome", ["rejected", None])
def test_a_charge_that_people_enter_by_hand_keeps_its_dispute_from_nothing(outcome: str | None) -> None:
    sent = order(outcome=outcome) if outcome else SentInMemory()
    assert booked(follow(sent, dispute("100.00"))) == [("goodwill", "100.00", FRIDAY)]


def test_what_the_rate_made_of_it_meanwhile_is_the_gateway_s_exchange() -> None:
    sent = order(cancelled=True, rate="1.2500000", settled="125.00")
    lost = dispute("100.00", amount=Decimal("128.00"))
    result = follow(sent, lost)
    assert booked(result) == [("gateway_exchange", "3.00", FRIDAY)]
    settle(sent, result, lost)
    assert left_of_charge(sent) == {}


def test_movements_of_no_charge_are_booked_as_they_are() -> None:
    bill = dispute("2.00") | {"charge_id": None, "chain_key": None, "disputed": None, "role": "fees"}
    assert booked(follow(order(), bill)) == [("fees", "2.00", FRIDAY)]
