"""Why a document is not in the other ledger: told by what became of the record that a flow reads it as, or with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from ledgerbridge.reconciliation.known import KnownDocuments
from ledgerbridge.reconciliation.model import Booked, Known
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery, SourceRecord

NOTE, RETURN = "xero:org-1:credit_note:note-1", "gp:HLS:sales_return:LBT1"
WAITS = '"LBT1" was made by us, and no delivery of xero.credit_note is known for it yet'


def taken(leg: str, source_key: str, outcome: str, reason: str | None = None) -> SourceRecord:
    system, _, entity, _ = source_key.split(":")
    return SourceRecord(
        flow="order_to_cash", leg=leg, entity=f"{system}.{entity}", source_key=source_key, version="1",
        outcome=outcome, reason=reason, batch_uri="", run_id="run-7", updated_at=datetime.now(UTC),
    )  # fmt: skip


def why_missing(state: Engine, booked: Booked, missing_in: str, *, closing: bool = False) -> Known:
    books: Any = {system: SimpleNamespace(on_the_way={}) for system in ("gp", "xero")}
    other = {"gp": "xero", "xero": "gp"}[missing_in]
    with transaction(state) as session:
        known = KnownDocuments(
            session, "main", books,
            legs={"order_to_cash": ["credit_note", "credit_application"], "procure_to_pay": ["bill"]},
            sources=["gp.sales_return", "xero.credit_note"],
            withdrawn=lambda *_: {}, closing=closing,
        )  # fmt: skip
        known.look_at(session, {other: [booked]})
        return known.missing(booked, missing_in)


def test_a_credit_set_against_an_invoice_waits_as_the_credit_does_that_it_is_read_with(state_db: Engine) -> None:
    """A state restored to before the return was sent: its credit note waits, and with it what it was set against."""
    with transaction(state_db) as session:
        session.add(taken("credit_application", NOTE, "waiting", WAITS))
    set_against = Booked(
        "xero:org-1:allocation:LBT1 to INV1", "allocation", "LBT1 INV1", date(2026, 3, 5), {},
        settles="LBT1", against="INV1", source="xero.credit_note", part_of=NOTE,
    )  # fmt: skip
    assert why_missing(state_db, set_against, "gp") == Known(WAITS)


@pytest.mark.parametrize(("gain", "known"), [("0.01", True), ("0.40", False)], ids=["a-cent", "more"])
def test_the_cent_of_a_part_waits_for_the_entry_of_another_part_that_the_other_ledger_has_in_a_batch(
    state_db: Engine, gain: str, known: bool
) -> None:
    """Of a return GP has the money given back posted, and what was set against an invoice in a batch."""
    effects = {"fx": Decimal(gain), "receivables": -Decimal(gain)}
    memo = Booked("re1", "debit memo", "LBD1", date(2026, 3, 5), {}, ids=("LBD1",))
    payment = Booked("re1", "payment", "re_1", date(2026, 3, 5), effects, ids=("re_1",), settles="LBT1")
    books: Any = {
        "gp": SimpleNamespace(on_the_way={"LBT1": "in batch RMAPPLY"}),
        "xero": SimpleNamespace(on_the_way={}),
    }
    with transaction(state_db) as session:
        documents = KnownDocuments(
            session, "main", books, legs={"order_to_cash": []}, sources=[], withdrawn=lambda *_: {}, closing=True
        )
        documents.look_at(session, {})
        changed = {"fx_gain_loss": Decimal(gain), "receivables": -Decimal(gain)}
        assert bool(documents.unequal((memo, payment), changed).reason) is known


@pytest.mark.parametrize(
    ("closing", "known"),
    [(False, Known("taken by run-7, which has not come to its end with it")), (True, Known())],
    ids=["in-between", "at-the-end-of-a-period"],
)
def test_what_a_run_took_and_did_not_end_with_is_under_way_until_the_books_are_closed(
    state_db: Engine, closing: bool, known: Known
) -> None:
    """A load was killed in the midst of its call; the reconciliation runs before the next run takes it up."""
    with transaction(state_db) as session:
        session.add(taken("credit_note", RETURN, "read"))
        session.add(
            Delivery(
                flow="order_to_cash", leg="credit_note", entity="xero.credit_note", record_key=RETURN, state="sending",
                content_hash="", idempotency_key="", canonical={}, run_id="run-7", updated_at=datetime.now(UTC),
            )
        )  # fmt: skip
    came_back = Booked(RETURN, "return", "LBT1", date(2026, 3, 5), {}, ids=("LBT1",), source="gp.sales_return")
    assert why_missing(state_db, came_back, "xero", closing=closing) == known
