"""Money given back goes on its credit, or cancels against its charge (accounting-rules.md rules 5, 6, 8)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sent_documents import SentInMemory, money_frame

from ledgerbridge.canonical.allocation import Allocation, rows_of_frame
from ledgerbridge.canonical.refunds import allocate_refunds

CREDITS, PAYMENTS, ALLOCATIONS, ORDERS = "xero.credit_note", "xero.payment", "xero.allocation", "shopify.order"
CHARGES, REFUNDS = "stripe.charge", "stripe.refund"
RETURNS, MEMOS = "gp.sales_return", "gp.credit_memo"
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
KEY = "stripe:acct_1:money:re_1"


def refund(payment_id: str, amount: str | Decimal, **fields: Any) -> dict[str, Any]:
    fields = {"charge_id": "ch_1", "refunded_on": MONDAY, **fields}
    return {"payment_id": payment_id, "amount": Decimal(amount), **fields}


def credit(sent: SentInMemory, number: str, total: str | Decimal, refund_id: str = "re_1", **fields: Any) -> None:
    # what its refund gave back covers it, unless a test says otherwise
    fields = {"credit_number": number, "total": Decimal(total), "payment_id": refund_id, "refunded": "999999", **fields}
    sent.add(CREDITS, **{"credited_on": TUESDAY, **fields})


def share(sent: SentInMemory, *refunds: dict[str, Any]) -> Allocation:
    return allocate_refunds(
        money_frame("canonical.refund", refunds),
        sent,
        credits=CREDITS,
        payments=PAYMENTS,
        allocations=ALLOCATIONS,
        makers={ORDERS: ("goods_back", "goodwill")},
        charges=CHARGES,
        refunds=REFUNDS,
        promised=(RETURNS, MEMOS),
    )


def shares(result: Allocation) -> list[tuple[str, str, str, date]]:
    return [
        (row["payment_id"], row["credit_number"], f"{row['amount']:.2f}", row["paid_on"])
        for row in rows_of_frame(result.shares)
    ]


def recorded(*refund_ids: str) -> SentInMemory:
    """The shop has recorded these refunds of the order."""
    sent = SentInMemory()
    sent.read(ORDERS, "delivered", refund_ids="+".join(refund_ids))
    return sent


def test_a_refund_is_paid_on_its_credit_on_the_later_day() -> None:
    sent = recorded("re_1")
    credit(sent, "RTN1", "40.00")
    result = share(sent, refund("re_1", "40.00"))
    assert shares(result) == [("re_1", "RTN1", "40.00", TUESDAY)]
    assert (result.waiting, result.superseded) == ({}, {})
    assert result.parents == {f"{KEY}/RTN1": KEY}


def test_a_refund_for_goods_and_goodwill_is_paid_on_both_credits() -> None:
    sent = recorded("re_1")
    credit(sent, "RTN1", "40.00")
    credit(sent, "MEMO1", "5.00")
    result = share(sent, refund("re_1", "45.00"))
    assert [row[1:3] for row in shares(result)] == [("RTN1", "40.00"), ("MEMO1", "5.00")]
    assert result.waiting == {}


def test_a_credit_of_another_refund_takes_none_of_the_money() -> None:
    sent = recorded("re_1", "re_2")
    credit(sent, "RTN2", "40.00", refund_id="re_2")
    assert shares(share(sent, refund("re_1", "40.00"))) == []


def test_a_refund_the_shop_has_not_recorded_waits() -> None:
    result = share(recorded("re_9"), refund("re_1", "40.00"))
    assert result.waiting == {KEY: "40.00 USD waits: the shop has not recorded refund re_1"}


def test_a_refund_whose_name_only_begins_like_a_recorded_one_waits() -> None:
    assert list(share(recorded("re_11"), refund("re_1", "40.00")).waiting) == [KEY]


def test_a_refund_of_an_order_that_cannot_go_on_waits_with_its_reason() -> None:
    sent = recorded("re_1")
    sent.read(ORDERS, "rejected", "dead letter abc")
    assert share(sent, refund("re_1", "40.00")).waiting == {KEY: "40.00 USD waits: dead letter abc"}


def test_a_refund_whose_return_is_not_posted_yet_waits() -> None:
    sent = recorded("re_1")
    sent.add(RETURNS, total=Decimal("40.00"), payment_id="re_1")
    assert share(sent, refund("re_1", "40.00")).waiting == {KEY: "40.00 USD waits: its credit is not posted yet"}


def test_the_rest_of_a_refund_waits_when_no_credit_stands_for_it() -> None:
    sent = recorded("re_1")
    sent.add(RETURNS, total=Decimal("40.00"), payment_id="re_1")
    credit(sent, "RTN1", "40.00")
    result = share(sent, refund("re_1", "41.00"))
    assert [row[2] for row in shares(result)] == ["40.00"]
    assert result.waiting == {KEY: "1.00 USD waits: no credit stands for it"}


def test_a_refund_without_any_credit_cancels_against_its_charge() -> None:
    sent = recorded("re_1")
    sent.read(CHARGES, "waiting", payment_id="ch_1", amount=Decimal("40.00"))
    result = share(sent, refund("re_1", "40.00"))
    assert shares(result) == []
    assert result.superseded == {KEY: "40.00 USD cancels against its charge: it was never on an invoice"}


def test_a_refund_waits_while_the_order_that_tells_of_it_is_under_way_to_the_ledger() -> None:
    """Its goodwill is not made yet: without this, the refund would cancel against its charge for good."""
    sent = SentInMemory()
    sent.read(ORDERS, "read", refund_ids="re_1")
    sent.read(CHARGES, "waiting", payment_id="ch_1", amount="40.00")
    result = share(sent, refund("re_1", "40.00"))
    assert result.superseded == {}
    assert result.waiting == {KEY: "40.00 USD waits: its order, which tells what it is for, is under way"}


def test_a_refund_waits_until_the_legs_that_make_credits_have_looked_at_what_the_shop_recorded() -> None:
    """The order arrived after their run had begun: they take it in the next one."""
    sent = SentInMemory()
    sent.read(ORDERS, "delivered", refund_ids="re_1", change=7)
    sent.read(CHARGES, "waiting", payment_id="ch_1", amount="40.00")
    sent.looked_at = 6
    assert list(share(sent, refund("re_1", "40.00")).waiting) == [KEY]
    sent.looked_at = 7
    assert list(share(sent, refund("re_1", "40.00")).superseded) == [KEY]


def test_a_refund_of_money_that_is_on_an_invoice_waits_for_its_credit() -> None:
    sent = recorded("re_1")
    sent.read(CHARGES, "delivered", payment_id="ch_1", amount=Decimal("50.00"))
    sent.add(PAYMENTS, payment_id="ch_1", invoice_number="INV1", amount=Decimal("15.00"))
    assert share(sent, refund("re_1", "40.00")).waiting == {KEY: "40.00 USD waits: no credit stands for it"}
    assert share(sent, refund("re_1", "35.00")).waiting == {}


def test_what_no_credit_takes_of_a_refund_cancels_against_what_its_charge_has_left() -> None:
    """Of an order that was cancelled between its shipments all money goes back at once."""
    sent = recorded("re_1")
    sent.read(CHARGES, "waiting", payment_id="ch_1", amount=Decimal("107.54"))
    sent.add(PAYMENTS, payment_id="ch_1", invoice_number="INV1", amount=Decimal("53.77"))
    credit(sent, "RTN1", "53.77")
    result = share(sent, refund("re_1", "107.54"))
    assert [row[2] for row in shares(result)] == ["53.77"]
    assert (result.waiting, result.superseded) == ({}, {})


def test_money_given_back_before_is_not_there_for_another_refund_to_cancel_against() -> None:
    sent = recorded("re_1", "re_2")
    sent.read(CHARGES, "waiting", payment_id="ch_1", amount=Decimal("50.00"))
    sent.read(REFUNDS, "superseded", payment_id="re_2", charge_id="ch_1", amount=Decimal("20.00"))
    assert share(sent, refund("re_1", "40.00")).waiting == {KEY: "40.00 USD waits: no credit stands for it"}
    assert share(sent, refund("re_1", "30.00")).waiting == {}


def test_a_refund_of_two_charges_is_paid_on_the_one_credit_made_for_both() -> None:
    sent = recorded("re_1", "re_2")
    credit(sent, "RTN1", "40.00", refund_id="re_1+re_2", refunded=Decimal("40.00"))
    result = share(sent, refund("re_1", "25.00"), refund("re_2", "15.00", charge_id="ch_2"))
    assert [(row[0], row[2]) for row in shares(result)] == [("re_1", "25.00"), ("re_2", "15.00")]
    assert result.waiting == {}


def test_a_later_refund_is_paid_on_what_an_earlier_one_left_of_its_credit() -> None:
    sent = recorded("re_1", "re_2")
    credit(sent, "RTN1", "40.00", refunded=Decimal("30.00"))
    result = share(sent, refund("re_2", "15.00"), refund("re_1", "30.00"))
    assert [(row[0], row[1], row[2]) for row in shares(result)] == [
        ("re_2", "RTN1", "10.00"),
        ("re_1", "RTN1", "30.00"),
    ]
    assert list(result.waiting.values()) == ["5.00 USD waits: no credit stands for it"]


def test_a_credit_set_against_an_invoice_takes_only_the_rest_of_its_refund() -> None:
    sent = recorded("re_1")
    credit(sent, "RTN1", "40.00", refunded=Decimal("10.00"))
    sent.add(ALLOCATIONS, credit_number="RTN1", invoice_number="INV1", amount=Decimal("30.00"))
    assert [row[2] for row in shares(share(sent, refund("re_1", "11.00")))] == ["10.00"]


def test_a_credit_that_may_not_have_arrived_takes_no_money_yet() -> None:
    sent = recorded("re_1")
    sent.add(RETURNS, total=Decimal("40.00"), payment_id="re_1")
    credit(sent, "RTN1", "40.00", state="sending")
    result = share(sent, refund("re_1", "40.00"))
    assert shares(result) == []
    assert list(result.waiting) == [KEY]


CENTS = st.integers(0, 20_000).map(lambda cents: Decimal(cents).scaleb(-2))


def test_a_refund_that_failed_after_it_was_paid_on_its_credit_is_a_letter() -> None:
    sent = recorded("re_1")
    credit(sent, "RTN1", "40.00")
    sent.deliver(PAYMENTS, share(sent, refund("re_1", "40.00")).shares)
    result = share(sent, refund("re_1", "40.00", failed_on=TUESDAY))
    assert (shares(result), result.superseded) == ([], {})
    [failure] = result.failures
    assert (failure["record_key"], failure["code"]) == (KEY, "LB-CAN-005")
    assert "40.00 USD of refund re_1 back on 2026-03-03, after it was paid on RTN1" in failure["message"]


def test_a_refund_that_failed_before_it_was_booked_is_put_on_nothing() -> None:
    sent = recorded("re_1")
    credit(sent, "RTN1", "40.00")
    result = share(sent, refund("re_1", "40.00", failed_on=TUESDAY))
    assert (shares(result), result.failures) == ([], [])
    assert result.superseded == {KEY: "the bank sent it back on 2026-03-03, before it was booked"}


def test_what_the_bank_sent_back_is_on_the_charge_again() -> None:
    sent = recorded("re_1", "re_2")
    sent.read(CHARGES, "waiting", payment_id="ch_1", amount="40.00")
    cancelled = {"payment_id": "re_1", "charge_id": "ch_1", "amount": "40.00"}
    sent.read(REFUNDS, "superseded", **cancelled, failed_on="2026-03-03")
    assert share(sent, refund("re_2", "40.00")).superseded == {
        KEY.replace("re_1", "re_2"): "40.00 USD cancels against its charge: it was never on an invoice"
    }


@given(
    amounts=st.lists(CENTS, min_size=1, max_size=3),
    credits=st.lists(st.tuples(st.integers(0, 2), CENTS), max_size=5),
    posted_first=st.integers(0, 5),
)
def test_shares_never_exceed_the_credit_or_the_money_and_come_again_the_same(
    amounts: list[Decimal], credits: list[tuple[int, Decimal]], posted_first: int
) -> None:
    refunds = [refund(f"re_{number}", amount) for number, amount in enumerate(amounts)]
    sent = recorded(*(each["payment_id"] for each in refunds))
    for number, (of, total) in enumerate(credits[:posted_first]):
        credit(sent, f"RTN{number}", total, f"re_{of}")
    early = share(sent, *refunds)
    sent.deliver(PAYMENTS, early.shares)
    assert rows_of_frame(share(sent, *refunds).shares) == rows_of_frame(early.shares)

    for number, (of, total) in enumerate(credits[posted_first:], start=posted_first):
        credit(sent, f"RTN{number}", total, f"re_{of}")
    result = share(sent, *refunds)
    rows = rows_of_frame(result.shares)
    for number, (_, total) in enumerate(credits):
        assert sum(row["amount"] for row in rows if row["credit_number"] == f"RTN{number}") <= total
    for number, money in enumerate(refunds):
        mine = sum(row["amount"] for row in rows if row["payment_id"] == money["payment_id"])
        promised = sum(total for of, total in credits if of == number)
        assert mine == min(money["amount"], promised)
        key = f"stripe:acct_1:money:{money['payment_id']}"
        assert (key in {**result.waiting, **result.superseded}) is (mine < money["amount"])
