"""Money goes to the invoices of its order, up to what is due, the same way every time (accounting-rules.md rule 5)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sent_documents import ORDER, SentInMemory, money_frame

from ledgerbridge.canonical.allocation import Allocation, allocate, allocate_credits, frame_of, rows_of_frame

INVOICES, PAYMENTS, ALLOCATIONS, REFUNDS = "xero.invoice", "xero.payment", "xero.allocation", "stripe.refund"
MONDAY, TUESDAY, FRIDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 6)


def charge(payment_id: str, amount: str | Decimal, captured_on: date = MONDAY, **fields: Any) -> dict[str, Any]:
    return {"payment_id": payment_id, "amount": Decimal(amount), "captured_on": captured_on, **fields}


def invoice(sent: SentInMemory, number: str, total: str | Decimal, day: date = TUESDAY, **fields: Any) -> None:
    sent.add(INVOICES, invoice_number=number, total=Decimal(total), invoiced_on=day, **fields)


def share(sent: SentInMemory, *charges: dict[str, Any]) -> Allocation:
    frame = money_frame("canonical.payment", charges)
    return allocate(
        frame,
        sent,
        invoices=INVOICES,
        payments=PAYMENTS,
        allocations=ALLOCATIONS,
        refunds=(REFUNDS,),
        entries="gp.gl_transaction",
    )


def shares(result: Allocation) -> list[tuple[str, str, str, date]]:
    return [
        (row["payment_id"], row["invoice_number"], f"{row['amount']:.2f}", row["paid_on"])
        for row in rows_of_frame(result.shares)
    ]


def test_a_charge_pays_its_invoice() -> None:
    sent = SentInMemory()
    invoice(sent, "INV1", "108.25")
    result = share(sent, charge("ch_1", "108.25"))
    assert shares(result) == [("ch_1", "INV1", "108.25", TUESDAY)]
    assert (result.waiting, result.superseded) == ({}, {})
    assert result.parents == {"stripe:acct_1:money:ch_1/INV1": "stripe:acct_1:money:ch_1"}


def test_what_a_refund_left_after_its_credits_is_gone_of_its_charge() -> None:
    sent = SentInMemory()
    invoice(sent, "INV1", "53.77")
    sent.add(PAYMENTS, payment_id="re_1", credit_number="RTN1", amount=Decimal("53.77"))
    sent.read(REFUNDS, "waiting", payment_id="re_1", charge_id="ch_1", amount="107.54")
    assert len(share(sent, charge("ch_1", "107.54")).waiting) == 1
    sent.source_records[REFUNDS][0]["outcome"] = "delivered"
    sent.read(REFUNDS, "delivered", payment_id="re_1", charge_id="ch_1", given_back="107.54")  # by its rate
    result = share(sent, charge("ch_1", "107.54"))
    assert [row[2] for row in shares(result)] == ["53.77"]
    assert result.waiting == {}


def test_a_charge_in_another_currency_than_its_invoice_is_put_on_nothing() -> None:
    sent = SentInMemory()
    assert share(sent, charge("ch_1", "49.00", currency="EUR")).failures == []  # nothing to compare with yet
    invoice(sent, "INV1", "53.77", currency="USD")
    result = share(sent, charge("ch_1", "49.00", currency="EUR"), charge("ch_2", "1.00"))
    assert [row[0] for row in shares(result)] == ["ch_2"]
    [failure] = result.failures
    assert (failure["code"], failure["value"]) == ("LB-CAN-004", "EUR")
    assert failure["message"] == "49.00 EUR was charged, the invoices of order #1001 are in USD"


def test_money_captured_after_the_invoice_is_paid_on_its_own_day() -> None:
    sent = SentInMemory()
    invoice(sent, "INV1", "10.00")
    assert shares(share(sent, charge("ch_1", "10.00", FRIDAY))) == [("ch_1", "INV1", "10.00", FRIDAY)]


def test_money_given_back_unused_pays_no_later_invoice() -> None:
    sent = SentInMemory()
    sent.read(REFUNDS, "superseded", charge_id="ch_1", amount=Decimal("4.00"))
    invoice(sent, "INV1", "10.00")
    result = share(sent, charge("ch_1", "10.00"), charge("ch_2", "4.00"))
    assert [(row[0], row[2]) for row in shares(result)] == [("ch_1", "6.00"), ("ch_2", "4.00")]
    assert result.waiting == {}


def test_a_charge_pays_only_what_credits_left_open_of_its_invoice() -> None:
    sent = SentInMemory()
    invoice(sent, "INV1", "10.00")
    sent.add(ALLOCATIONS, invoice_number="INV1", credit_number="RTN1", amount=Decimal("4.00"))
    result = share(sent, charge("ch_1", "10.00"))
    assert [row[2] for row in shares(result)] == ["6.00"]
    assert list(result.waiting.values()) == ["4.00 USD waits: the invoices of order #1001 are paid"]


def test_a_charge_over_two_invoices_pays_the_older_one_first() -> None:
    sent = SentInMemory()
    invoice(sent, "INV2", "60.00", FRIDAY)
    invoice(sent, "INV1", "40.00", TUESDAY)
    result = share(sent, charge("ch_1", "100.00"))
    assert shares(result) == [("ch_1", "INV1", "40.00", TUESDAY), ("ch_1", "INV2", "60.00", FRIDAY)]


def test_two_charges_share_one_invoice_and_what_is_left_waits() -> None:
    sent = SentInMemory()
    invoice(sent, "INV1", "50.00")
    result = share(sent, charge("ch_1", "30.00"), charge("ch_2", "30.00"))
    assert [(row[0], row[2]) for row in shares(result)] == [("ch_1", "30.00"), ("ch_2", "20.00")]
    assert result.waiting == {
        "stripe:acct_1:money:ch_2": "10.00 USD waits: the invoices of order #1001 are paid",
    }


def test_money_without_an_invoice_waits_and_says_why() -> None:
    sent = SentInMemory()
    key = "stripe:acct_1:money:ch_1"
    assert share(sent, charge("ch_1", "5.00")).waiting[key] == "5.00 USD waits: order #1001 has no invoice yet"
    unread = share(sent, charge("ch_1", "5.00", chain_key=None))
    assert unread.waiting[key] == "5.00 USD waits: no order named #1001 has been read, or several are not told apart"
    sent.letters[ORDER] = "abc"
    assert share(sent, charge("ch_1", "5.00")).waiting[key] == (
        "5.00 USD waits: its order can't go on, dead letter abc"
    )


def test_an_invoice_that_may_not_have_arrived_takes_no_money_yet() -> None:
    sent = SentInMemory()
    invoice(sent, "INV1", "10.00", state="sending")
    assert shares(share(sent, charge("ch_1", "10.00"))) == []


def test_money_given_back_unused_is_superseded() -> None:
    sent = SentInMemory()
    sent.read(REFUNDS, "superseded", amount=Decimal("25.00"), charge_id="ch_1")
    result = share(sent, charge("ch_1", "25.00"))
    assert result.superseded == {"stripe:acct_1:money:ch_1": "25.00 USD was given back unused"}


def test_a_refund_of_one_charge_takes_nothing_from_another() -> None:
    """The first charge was given back in an earlier run; the second one of the same amount still waits."""
    sent = SentInMemory()
    sent.read(REFUNDS, "superseded", amount=Decimal("25.00"), charge_id="ch_1")
    result = share(sent, charge("ch_2", "25.00"))
    assert result.superseded == {}
    assert list(result.waiting) == ["stripe:acct_1:money:ch_2"]


def test_a_refund_with_a_credit_takes_nothing_from_its_charge() -> None:
    sent = SentInMemory()
    sent.read(REFUNDS, "delivered", amount=Decimal("25.00"), charge_id="ch_1")
    assert list(share(sent, charge("ch_1", "25.00")).waiting) == ["stripe:acct_1:money:ch_1"]


def test_a_share_once_sent_stays_as_it_was_when_an_older_invoice_appears() -> None:
    sent = SentInMemory()
    invoice(sent, "INV2", "60.00", FRIDAY)
    first = share(sent, charge("ch_1", "80.00"))
    sent.deliver(PAYMENTS, first.shares)
    invoice(sent, "INV1", "40.00", TUESDAY)
    assert shares(share(sent, charge("ch_1", "80.00"))) == [
        ("ch_1", "INV2", "60.00", FRIDAY),
        ("ch_1", "INV1", "20.00", TUESDAY),
    ]


def test_an_invoice_that_is_due_again_takes_one_share_of_a_charge() -> None:
    """Another charge had a part of it, and that payment was refused: a second share would have the first one's key."""
    sent = SentInMemory()
    invoice(sent, "INV1", "120.00")
    both = share(sent, charge("ch_1", "100.00"), charge("ch_2", "50.00"))
    sent.deliver(PAYMENTS, both.shares.tail(1))
    result = share(sent, charge("ch_2", "50.00"))
    assert shares(result) == [("ch_2", "INV1", "20.00", TUESDAY)]
    assert list(result.waiting) == ["stripe:acct_1:money:ch_2"]


def settled(result: Allocation) -> list[str | None]:
    return [row["settled"] and f"{row['settled']:.2f}" for row in rows_of_frame(result.shares)]


def test_each_share_is_settled_at_the_charges_rate_and_the_last_takes_what_is_left() -> None:
    sent = SentInMemory()
    for number, total in enumerate(["1.11", "1.11", "1.11"]):
        invoice(sent, f"INV{number}", total)
    money = charge("ch_1", "3.33", settled=Decimal("4.26"))  # 1.11 of it is 1.42 each time
    assert settled(share(sent, money)) == ["1.42", "1.42", "1.42"]
    uneven = charge("ch_2", "3.33", settled=Decimal("4.27"))  # 1.4233… each time
    assert settled(share(sent, uneven)) == ["1.42", "1.42", "1.43"]
    assert settled(share(sent, charge("ch_3", "3.33"))) == [None, None, None]


def test_money_given_back_unused_is_put_on_nothing_and_the_rest_is_settled_without_it() -> None:
    """The gateway gave 31.67 back at its own cents: what the invoice gets is what the gateway has left."""
    sent = SentInMemory()
    sent.read(REFUNDS, "superseded", amount=Decimal("31.67"), charge_id="ch_1", settled=Decimal("40.54"))
    invoice(sent, "INV1", "79.19")
    result = share(sent, charge("ch_1", "79.19", settled=Decimal("101.36")))
    assert shares(result) == [("ch_1", "INV1", "47.52", TUESDAY)]
    assert settled(result) == ["60.82"]
    assert result.superseded == {"stripe:acct_1:money:ch_1": "31.67 USD was given back unused"}


def test_money_given_back_unused_at_another_rate_leaves_the_rest_at_the_charges() -> None:
    sent = SentInMemory()
    invoice(sent, "INV1", "47.52")
    back = {"amount": Decimal("31.67"), "charge_id": "ch_1", "rate": "1.3100000", "settled": Decimal("41.49")}
    sent.read(REFUNDS, "superseded", **back)
    result = share(sent, charge("ch_1", "79.19", rate=Decimal("1.28"), settled=Decimal("101.36")))
    assert settled(result) == ["60.82"]


CENTS = st.integers(0, 20_000).map(lambda cents: Decimal(cents).scaleb(-2))


@given(
    totals=st.lists(CENTS, max_size=4),
    amounts=st.lists(CENTS, min_size=1, max_size=4),
    invoiced_first=st.integers(0, 4),
    arrived=st.sampled_from(["delivered", "sending"]),
)
def test_shares_never_exceed_the_due_or_the_money_and_come_again_the_same(
    totals: list[Decimal], amounts: list[Decimal], invoiced_first: int, arrived: str
) -> None:
    sent = SentInMemory()
    charges = [charge(f"ch_{number}", amount) for number, amount in enumerate(amounts)]
    for number, total in enumerate(totals[:invoiced_first]):
        invoice(sent, f"INV{number}", total)
    early = share(sent, *charges)
    sent.deliver(PAYMENTS, early.shares, arrived)
    assert rows_of_frame(share(sent, *charges).shares) == rows_of_frame(early.shares)

    for number, total in enumerate(totals[invoiced_first:], start=invoiced_first):
        invoice(sent, f"INV{number}", total, FRIDAY)
    rows = rows_of_frame(share(sent, *charges).shares)
    keys = [row["record_key"] for row in rows]
    assert len(set(keys)) == len(keys)
    assert all(row["amount"] > 0 for row in rows)
    for number, total in enumerate(totals):
        assert sum(row["amount"] for row in rows if row["invoice_number"] == f"INV{number}") <= total
    for money in charges:
        assert sum(row["amount"] for row in rows if row["payment_id"] == money["payment_id"]) <= money["amount"]
    assert sum(row["amount"] for row in rows) == min(sum(totals), sum(amounts))


def credit(sent: SentInMemory, number: str, total: str, refund_ids: str | None = None, refunded: str = "0") -> None:
    fields = {"payment_id": refund_ids, "refunded": Decimal(refunded), "credited_on": FRIDAY}
    sent.add("xero.credit_note", credit_number=number, total=Decimal(total), **fields)


def set_off(sent: SentInMemory, *numbers: str) -> Allocation:
    common = {"chain_key": ORDER, "order_name": "#1001", "currency": "USD", "credited_on": FRIDAY}
    notes = [{**common, "record_key": f"xero:t:credit_note:{number}", "credit_number": number} for number in numbers]
    frame = frame_of(notes, "canonical.allocation")
    return allocate_credits(
        frame, sent, credits="xero.credit_note", invoices=INVOICES, payments=PAYMENTS, allocations=ALLOCATIONS
    )


def set_offs(result: Allocation) -> list[tuple[str, str, str, date]]:
    return [
        (row["credit_number"], row["invoice_number"], f"{row['amount']:.2f}", row["allocated_on"])
        for row in rows_of_frame(result.shares)
    ]


def test_a_credit_without_money_back_is_set_against_the_open_invoices_and_the_rest_waits() -> None:
    sent = SentInMemory()
    invoice(sent, "INV1", "50.00")
    sent.add(PAYMENTS, payment_id="ch_1", invoice_number="INV1", amount=Decimal("30.00"))
    credit(sent, "RTN1", "45.00")
    result = set_off(sent, "RTN1")
    assert set_offs(result) == [("RTN1", "INV1", "20.00", FRIDAY)]
    assert result.waiting == {
        "xero:t:credit_note:RTN1": "25.00 USD of the customer's credit waits: no invoice of #1001 is open"
    }
    sent.deliver(ALLOCATIONS, result.shares)
    invoice(sent, "INV2", "60.00", FRIDAY)
    again = set_off(sent, "RTN1")
    assert [row[1:3] for row in set_offs(again)] == [("INV1", "20.00"), ("INV2", "25.00")]
    assert again.waiting == {}


def test_a_credit_is_kept_for_the_money_its_refund_gives_back() -> None:
    sent = SentInMemory()
    invoice(sent, "INV1", "50.00")
    credit(sent, "RTN1", "45.00", "re_1", "40.00")
    credit(sent, "MEMO1", "5.00", "re_1", "40.00")
    result = set_off(sent, "RTN1", "MEMO1")
    assert [(row[0], row[2]) for row in set_offs(result)] == [("RTN1", "5.00"), ("MEMO1", "5.00")]
    assert result.waiting == {}
