"""Why a document is not in the other ledger: told by what became of the record that a flow reads it with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine

from ledgerbridge.reconciliation.known import KnownDocuments
from ledgerbridge.reconciliation.model import Booked, Known
from ledgerbridge.state import transaction
from ledgerbridge.state.models import SourceRecord

NOTE = "xero:org-1:credit_note:note-1"
WAITS = '"LBT1" was made by us, and no delivery of xero.credit_note is known for it yet'


def test_a_credit_set_against_an_invoice_waits_as_the_credit_does_that_it_is_read_with(state_db: Engine) -> None:
    """A state restored to before the return was sent: its credit note waits, and with it what it was set against."""
    work: dict[str, Any] = {"flow": "order_to_cash", "entity": "xero.credit_note", "source_key": NOTE, "version": "1",
                            "batch_uri": "", "run_id": "run", "updated_at": datetime.now(UTC)}  # fmt: skip
    set_against = Booked(
        "xero:org-1:allocation:LBT1 to INV1", "allocation", "LBT1 INV1", date(2026, 3, 5), {},
        settles="LBT1", against="INV1", source="xero.credit_note", part_of=NOTE,
    )  # fmt: skip
    books: Any = {system: SimpleNamespace(on_the_way={}) for system in ("gp", "xero")}
    with transaction(state_db) as session:
        session.add(SourceRecord(leg="credit_application", outcome="waiting", reason=WAITS, **work))
    with transaction(state_db) as session:
        known = KnownDocuments(
            session, "main", "order_to_cash", books,
            legs=["credit_application"], sources=["xero.credit_note"], withdrawn=lambda *_: {}, closing=False,
        )  # fmt: skip
        known.look_at(session, {"xero": [set_against]})
        assert known.missing(set_against, "gp") == Known(WAITS)
