"""Orders that were cancelled: voided where they may have arrived, else not sent at all (accounting-rules.md rule 8)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sent_documents import ORDER, SentInMemory

from ledgerbridge.canonical.allocation import frame_of, rows_of_frame
from ledgerbridge.canonical.rules import RULES, Ruled

ORDERS, INVOICES = "gp.sales_order", "xero.invoice"
OTHER = "shopify:us:order:2"


def ruled(sent: SentInMemory, *, cancelled: bool) -> Ruled:
    """The rule on an order, with one beside it that stands."""
    rows: list[dict[str, Any]] = [
        {"record_key": ORDER, "chain_key": ORDER, "cancelled": cancelled},
        {"record_key": OTHER, "chain_key": OTHER, "cancelled": False},
    ]
    frames = {part: frame_of(rows, "canonical.sales_order") for part in ("header", "lines")}
    return RULES["unless_cancelled"](frames, sent, orders=ORDERS, invoices=INVOICES)


def test_an_order_cancelled_before_it_was_sent_is_superseded_with_all_its_parts() -> None:
    result = ruled(SentInMemory(), cancelled=True)
    assert {name: list(frame["record_key"]) for name, frame in result.frames.items()} == {
        "header": [OTHER],
        "lines": [OTHER],
    }
    assert result.superseded == {ORDER: "it was cancelled before it was sent"}
    assert (result.waiting, result.failures) == ({}, [])


@pytest.mark.parametrize("state", ["delivered", "sending"])
def test_a_cancelled_order_that_may_have_arrived_goes_on_to_be_voided(state: str) -> None:
    sent = SentInMemory()
    sent.add(ORDERS, record_key=ORDER, state=state)
    result = ruled(sent, cancelled=True)
    assert list(result.frames["header"]["record_key"]) == [ORDER, OTHER]
    assert result.superseded == {}


def test_an_order_that_stands_goes_on() -> None:
    result = ruled(SentInMemory(), cancelled=False)
    assert list(result.frames["header"]["record_key"]) == [ORDER, OTHER]
    assert result.superseded == {}


@pytest.mark.parametrize(
    ("document_type", "sent_as"),
    [
        pytest.param("invoice", "gp:invoice:1", id="goods-come-back-by-a-return"),
        pytest.param("debit_memo", None, id="a-fee-leaves-the-order-voided"),
    ],
)
def test_only_an_invoice_of_goods_keeps_a_cancelled_order_from_being_voided(
    document_type: str, sent_as: str | None
) -> None:
    sent = SentInMemory()
    sent.add(ORDERS, record_key=ORDER)
    sent.add(INVOICES, record_key="gp:invoice:1", document_type=document_type)
    header = ruled(sent, cancelled=True).frames["header"]
    assert rows_of_frame(header)[0]["invoice_sent"] == sent_as


def fee(sent: SentInMemory) -> Ruled:
    """The rule on what is kept of the cancelled order."""
    frames = {"header": frame_of([{"record_key": "fee", "chain_key": ORDER, "total": 10}], "canonical.memo")}
    return RULES["after_cancelled"](frames, sent, orders=ORDERS, invoices=INVOICES)


def test_a_cancellation_fee_goes_on_when_its_order_is_voided_invoiced_or_was_never_sent() -> None:
    never, voided, invoiced = SentInMemory(), SentInMemory(), SentInMemory()
    voided.add(ORDERS, record_key=ORDER, cancelled=True)
    invoiced.add(ORDERS, record_key=ORDER, cancelled=True, state="sending")
    invoiced.add(INVOICES, record_key="gp:invoice:1", document_type="invoice")
    assert [fee(sent).waiting for sent in (never, voided, invoiced)] == [{}, {}, {}]


def test_a_cancellation_fee_waits_while_nobody_knows_what_becomes_of_its_order() -> None:
    standing, rejected = SentInMemory(), SentInMemory()
    standing.add(ORDERS, record_key=ORDER, cancelled=False)
    rejected.letters = {ORDER: "7"}
    assert fee(standing).waiting == {"fee": "its order is neither voided nor invoiced yet"}
    assert fee(rejected).waiting == {"fee": "its order can't go on, dead letter 7"}


def test_what_cash_was_rounded_by_is_a_credit_or_a_debit_by_its_sign() -> None:
    rows: list[dict[str, Any]] = [
        {"record_key": name, "total": total} for name, total in (("less", Decimal("0.02")), ("more", Decimal("-0.03")))
    ]
    frames = {"header": frame_of(rows, "canonical.memo")}
    made = {
        side: RULES["on_side"](frames, SentInMemory(), too_much=side).frames["header"] for side in ("credit", "debit")
    }
    assert {side: [(row["record_key"], row["total"]) for row in rows_of_frame(made[side])] for side in made} == {
        "credit": [("less", Decimal("0.02"))],
        "debit": [("more", Decimal("0.03"))],
    }
