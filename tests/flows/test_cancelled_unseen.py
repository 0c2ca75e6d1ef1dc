"""Orders cancelled before the flow ever saw them: no document (accounting-rules.md rules 7 and 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, Delivery, SourceRecord
from sandbox.player import Player
from tests.flows.expected_books import with_expectations
from tests.flows.golden_orders import lamp, line, order_file, pay, refund, sale
from tests.flows.in_process import Office, open_office
from tests.golden.check import differences

CANCEL = {"step": 1, "do": "cancel", "at": "2026-03-02T17:00:00Z"}
POUNDS = {"shop": "uk", "currency": "GBP", "rate": "1.25", "taxes_included": True}


def back(identity: str, amount: str, step: int, **more: Any) -> dict[str, Any]:
    """Money given back, before the first pass or long after it."""
    at = "2026-03-02T18:00:00Z" if step == 1 else "2026-03-12T19:00:00Z"
    return refund(identity, amount, step=step, at=at, **more)


# a lamp is 53.77 with its tax
CASES = [
    sale(4401, [lamp()], [pay("ch_61", "53.77"), CANCEL, back("re_61", "53.77", 1)]),
    sale(4402, [lamp()], [pay("ch_62", "53.77"), CANCEL, back("re_62", "53.77", 4)]),
    sale(4403, [lamp()], [pay("ch_63", "53.77"), CANCEL, back("re_63a", "20.00", 1), back("re_63b", "33.77", 4)]),
    sale(
        4404,
        [line("MUG-12", 1, "12.00", ())],
        [pay("ch_64", "12.00", rate="1.2137"), CANCEL, back("re_64", "12.00", 1, rate="1.2137")],
        **POUNDS,
        total="12.00",
    ),
    sale(4405, [line("NO-SUCH-SKU", 1, "10.00", ())], [pay("ch_65", "10.00"), CANCEL, back("re_65", "10.00", 4)]),
    sale(4406, [lamp()], [CANCEL]),
]
COVERS = ["ch_61", "re_61", "ch_62", "re_62", "ch_63", "re_63a", "re_63b", "ch_64", "re_64", "ch_65", "re_65"]
PAYOUT = {"id": "po_61", "step": 5, "arrives": "2026-03-20", "covers": COVERS, "amount": "-5.00"}


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The cases, played to their end."""
    file = with_expectations(order_file(CASES, [PAYOUT]))
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


def test_no_document_of_them_is_in_a_ledger_and_only_fees_and_payout_are_booked(office: Office) -> None:
    result = read_result(office.file, office.player, office.state)
    assert differences(office.file, result) == []
    assert {order["outcome"] for order in result["orders"].values()} == {"cancelled"}
    assert (result["books"]["gp"]["fees"], result["books"]["xero"]["clearing"]) == ("5.00", "0.00")
    with transaction(office.state) as session:
        sales = select(Delivery.entity).where(Delivery.entity.in_(("gp.sales_order", "xero.invoice", "xero.payment")))
        assert session.scalars(sales).all() == []


def test_order_charge_and_refund_end_superseded_with_their_reason(office: Office) -> None:
    with transaction(office.state) as session:
        ends = select(SourceRecord.label, SourceRecord.outcome, SourceRecord.reason).where(
            SourceRecord.leg.in_(("order", "payment", "refund"))
        )
        found = {label: (outcome, reason) for label, outcome, reason in session.execute(ends)}
        audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "superseded")).all()
    assert found["#4401"] == ("superseded", "it was cancelled before it was sent")
    assert found["ch_61"] == ("superseded", "53.77 USD was given back unused")
    assert found["re_61"] == ("superseded", "53.77 USD cancels against its charge: it was never on an invoice")
    assert {outcome for outcome, _ in found.values()} == {"superseded"}
    told = [entry for entry in audited if str(entry.task).startswith(("order.", "payment.", "refund."))]
    assert len(found) == len(told) == len(CASES) + len(COVERS)


def test_the_reconciliation_has_nothing_left_to_explain(office: Office) -> None:
    verdict = office.verdicts[-1]
    assert (verdict["agree"], verdict["differences"]) == (True, [])
