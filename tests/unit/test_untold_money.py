"""Money that only the shop knows of: its word is enough, or the record says what is due and whom it waits for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sent_documents import ORDER, SentInMemory

from ledgerbridge.canonical.allocation import frame_of
from ledgerbridge.canonical.rules import RULES, Ruled

INVOICES, CREDITS, RECEIPTS, MEMOS = "xero.invoice", "xero.credit_note", "gp.cash_receipt", "gp.debit_memo"
ALLOCATIONS = "xero.allocation"
PAYMENT: dict[str, Any] = {
    "record_key": "paid",
    "chain_key": ORDER,
    "order_name": "#1001",
    "gateway": "paypal",
    "currency": "USD",
    "amount": Decimal("53.77"),
}


def told(sent: SentInMemory, **fields: Any) -> Ruled:
    """The rule on a payment."""
    frames = {"header": frame_of([{**PAYMENT, **fields}], "canonical.payment")}
    return RULES["unless_untold"](frames, sent, documents=INVOICES, receipts=RECEIPTS, allocations=ALLOCATIONS)


def invoiced() -> SentInMemory:
    sent = SentInMemory()
    sent.add(INVOICES, record_key="i", invoice_number="INV1", total="53.77")
    return sent


def test_what_the_shop_s_word_is_enough_for_goes_on() -> None:
    result = told(invoiced(), told_by="shop")
    assert list(result.frames["header"]["record_key"]) == ["paid"]
    assert (result.waiting, result.superseded) == ({}, {})


@pytest.mark.parametrize(
    ("told_by", "whom"),
    [
        pytest.param(None, ", and nobody tells us: enter it on the document, or give it a line", id="nobody"),
        pytest.param("people", ": it waits for people to enter it on the document", id="people"),
    ],
)
def test_what_nobody_told_us_of_is_due_and_says_who_is_waited_for(told_by: str | None, whom: str) -> None:
    result = told(invoiced(), told_by=told_by)
    assert result.frames["header"].empty
    assert result.waiting["paid"].startswith(f"53.77 USD of #1001 is due, paid by paypal{whom}")


def test_it_waits_no_more_once_people_entered_it_and_some_was_credited() -> None:
    sent = invoiced()
    sent.add(RECEIPTS, record_key="r", invoice_number="INV1", amount="53.75")
    assert told(sent).waiting
    sent.add(ALLOCATIONS, record_key="a", invoice_number="INV1", credit_number="C1", amount="0.02")
    assert told(sent).superseded == {"paid": "what it is for is settled in both ledgers"}


def test_of_an_order_cancelled_before_it_was_invoiced_nothing_is_due() -> None:
    assert told(SentInMemory(), cancelled=True).superseded
    assert told(invoiced(), cancelled=True).waiting


def test_money_given_back_is_due_to_the_customer_until_its_credit_is_paid() -> None:
    sent = SentInMemory()
    sent.add(CREDITS, record_key="c", credit_number="C1", total="53.77")
    frames = {"header": frame_of([PAYMENT], "canonical.refund")}

    def given_back() -> Ruled:
        return RULES["unless_untold"](frames, sent, documents=CREDITS, receipts=MEMOS, allocations=ALLOCATIONS)

    assert given_back().waiting["paid"].startswith("53.77 USD of #1001 is due to the customer, given back by paypal")
    sent.add(MEMOS, record_key="m", credit_number="C1", amount="53.77")
    assert given_back().superseded == {"paid": "what it is for is settled in both ledgers"}
