"""No more comes back than was invoiced (accounting-rules.md rule 8)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sent_documents import ORDER, SentInMemory

from ledgerbridge.canonical.allocation import frame_of
from ledgerbridge.canonical.given_up import beyond_invoices

INVOICES, RETURNS = "xero.invoice", "gp.sales_return"


def comes_back(total: str, number: int = 1, *, cancelled: bool = False) -> dict[str, Any]:
    return {
        "record_key": f"{ORDER}:refund:{number}",
        "label": "#1001",
        "chain_key": ORDER,
        "returned_on": date(2026, 3, number),
        "currency": "USD",
        "cancelled": cancelled,
        "total": Decimal(total),
    }


def found(sent: SentInMemory, *rows: dict[str, Any]) -> tuple[list[tuple[str, str]], dict[str, str]]:
    frame = frame_of(list(rows), "canonical.sales_return")
    failures, waiting = beyond_invoices(frame, sent, invoices=INVOICES, returns=RETURNS)
    return [(each["code"], each["message"]) for each in failures], waiting


def invoiced(*totals: str) -> SentInMemory:
    sent = SentInMemory()
    for total in totals:
        sent.add(INVOICES, total=Decimal(total))
    return sent


def test_what_was_invoiced_comes_back_give_or_take_the_cents_of_its_parts() -> None:
    assert found(invoiced("33.33", "66.66"), comes_back("50.00"), comes_back("50.00", 2)) == ([], {})


def test_all_of_an_order_cancelled_between_its_shipments_is_a_letter() -> None:
    letters, waiting = found(invoiced("53.77"), comes_back("107.54", cancelled=True))
    assert letters == [
        ("LB-CAN-007", "107.54 USD come back of the cancelled order #1001, but only 53.77 of them are invoiced")
    ]
    assert waiting == {}


def test_what_may_ship_yet_waits_and_what_came_back_before_counts() -> None:
    sent = invoiced("53.77")
    sent.add(RETURNS, record_key=f"{ORDER}:refund:1", total=Decimal("53.77"))
    assert found(sent, comes_back("53.77"), comes_back("53.77", 2)) == (
        [],
        {f"{ORDER}:refund:2": "53.77 USD come back, 0.00 of them are invoiced: the rest is not shipped yet"},
    )


def test_the_fee_that_a_memo_became_is_no_invoice_of_goods() -> None:
    sent = invoiced("53.77")
    sent.add(INVOICES, total=Decimal("100.00"), document_type="debit_memo")
    assert len(found(sent, comes_back("107.54", cancelled=True))[0]) == 1
