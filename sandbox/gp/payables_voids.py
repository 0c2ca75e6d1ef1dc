"""What a person does in Void Open Payables Transactions: a posted document with nothing applied is taken back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sandbox.gp.currency import Rate
from sandbox.gp.errors import BookkeeperError
from sandbox.gp.journals import Posting, write_open
from sandbox.gp.originals import payable_with_originals
from sandbox.gp.payables import to_history
from sandbox.gp.rules import PURCHASING_SERIES, period_closed
from sandbox.gp.session import Session

_SOURCES = {6: "PMVPY"}
_VOUCHER = "PMVVR"


def void_posted(session: Session, *, kind: int, number: str, day: date) -> None:
    """
    Reverse what the document booked, on that day; it is history with VOIDED 1 (codes and columns unverified).

    :raises BookkeeperError: it is not posted, something is applied of it, or the day is in a closed period.
    """
    document = session.get("PM20000", DOCTYPE=kind, VCHRNMBR=number)
    if document is None:
        raise BookkeeperError(f"{number} is not posted, or nothing is left of it.")
    if document["CURTRXAM"] != document["DOCAMNT"]:
        raise BookkeeperError(f"{number} has something applied. Take that back first.")
    if period_closed(session, day, PURCHASING_SERIES):
        raise BookkeeperError(f"{day} is in a closed fiscal period. Open it, or void on another day.")
    posting = Posting(
        source=_SOURCES.get(kind, _VOUCHER),
        reference=f"Void {number}"[:30],
        day=day,
        document=document["DOCNUMBR"],
        control=number,
        master_id=document["VENDORID"],
        series=PURCHASING_SERIES,
        rate=Rate.of(payable_with_originals(session, document)),
        audit_trail=f"PMVOI{session.next_number('TRXSORCE'):08d}",
    )
    for line in session.select("GL20000", ORCTRNUM=number, TRXSORCE=document["TRXSORCE"]):
        posting.debit(line["ACTINDX"], line["CRDTAMNT"] - line["DEBITAMT"], line["ORCRDAMT"] - line["ORDBTAMT"])
    write_open(session, posting)
    session.update("MC020103", {"DOCTYPE": kind, "VCHRNMBR": number}, ORCTRXAM=Decimal(0))
    to_history(session, document | {"CURTRXAM": Decimal(0), "VOIDED": 1})
