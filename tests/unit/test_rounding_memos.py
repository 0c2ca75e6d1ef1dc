"""The cents a ledger's own arithmetic leaves between an order and its invoices go to rounding, and only those."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sent_documents import ORDER, SentInMemory

from ledgerbridge.canonical.allocation import frame_of, rows_of_frame
from ledgerbridge.canonical.rounding import Cents, Side, cents_of_orders

ORDERS, INVOICES = "gp.sales_order", "xero.invoice"


def company(ordered: str, *invoiced: str, quantity: int = 2) -> SentInMemory:
    """An order of two and its invoices of one each."""
    sent = SentInMemory()
    sent.add(ORDERS, record_key=ORDER, total=Decimal(ordered), quantity=Decimal(quantity))
    for number, total in enumerate(invoiced, start=1):
        sent.add(
            INVOICES,
            record_key=f"gp:T:sales_invoice:{number}",
            total=Decimal(total),
            quantity=1,
            document_type="invoice",
        )
    return sent


def settle(sent: SentInMemory, side: Side, *numbers: int) -> Cents:
    rows = [
        {
            "record_key": f"gp:T:sales_invoice:{number}",
            "chain_key": ORDER,
            "label": "#1",
            "currency": "USD",
            "granted_on": date(2026, 3, number),
        }
        for number in numbers
    ]
    frame = frame_of(rows, "canonical.memo")
    return cents_of_orders(frame, sent, orders=ORDERS, invoices=INVOICES, side=side, tolerance=Decimal("0.02"))


@pytest.mark.parametrize(
    ("second", "credit", "debit"),
    [
        pytest.param("49.99", [], [], id="as-ordered"),
        pytest.param("50.01", ["0.02"], [], id="two-cents-more"),
        pytest.param("49.98", [], ["0.01"], id="a-cent-less"),
    ],
)
def test_cents_within_the_tolerance_become_a_memo_of_the_right_side(
    second: str, credit: list[str], debit: list[str]
) -> None:
    sent = company("100.00", "50.01", second)
    for side, expected in (("credit", credit), ("debit", debit)):
        result = settle(sent, side, 1, 2)  # type: ignore[arg-type]
        assert [f"{memo['total']:.2f}" for memo in rows_of_frame(result.memos)] == expected
        assert result.failures == []


def test_an_order_has_one_memo_dated_as_its_last_invoice_however_many_invoices_there_are() -> None:
    result = settle(company("100.00", "50.01", "50.00"), "credit", 1, 2)
    (memo,) = rows_of_frame(result.memos)
    assert (memo["record_key"], memo["granted_on"]) == (f"{ORDER}:rounding", date(2026, 3, 2))
    assert result.parents == {f"{ORDER}:rounding": "gp:T:sales_invoice:2"}


def test_an_order_that_is_not_invoiced_in_full_has_none_yet() -> None:
    result = settle(company("100.00", "50.01", quantity=2), "credit", 1)
    assert rows_of_frame(result.memos) == []
    assert (result.waiting, result.failures) == ({}, [])


def test_an_invoice_the_other_ledger_does_not_have_yet_waits() -> None:
    result = settle(company("100.00", "50.01"), "credit", 1, 2)
    assert result.waiting == {"gp:T:sales_invoice:2": "its invoice is not in the other ledger yet"}


def test_more_than_the_tolerance_is_rejected_with_both_figures() -> None:
    (failure,) = settle(company("100.00", "50.01", "50.02"), "credit", 2).failures
    assert (failure["code"], failure["field"], failure["value"]) == ("LB-CAN-003", "total", "100.03")
    assert "100.03 USD, the customer was charged 100.00" in failure["message"]
    assert settle(company("100.00", "50.01", "50.02"), "debit", 2).failures == []
