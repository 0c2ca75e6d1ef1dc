"""What a person takes out of a batch at GP's windows: a document that nobody has posted yet."""

from __future__ import annotations

from sandbox.gp.batches import (
    LEDGER,
    PAYABLES,
    PAYMENTS,
    RECEIPTS,
    RECEIVABLES,
    SALES,
    BatchSource,
    drop_if_empty,
)
from sandbox.gp.errors import BookkeeperError
from sandbox.gp.session import Session

_NUMBERS = {
    SALES: "SOPNUMBE",
    RECEIPTS: "DOCNUMBR",
    RECEIVABLES: "DOCNUMBR",
    PAYABLES: "VCHNUMWK",
    PAYMENTS: "PMNTNMBR",
    LEDGER: "JRNENTRY",
}
_PARTS = {
    SALES: ("SOP10200", "SOP10102", "SOP10105", "SOP10106"),
    RECEIPTS: ("RM10101", "MC020102"),
    RECEIVABLES: ("RM10101", "RM10601", "MC020102"),
    PAYABLES: ("PM10100", "PM10500", "MC020103"),
    PAYMENTS: ("PM10100", "MC020103"),
    LEDGER: ("GL10001",),
}


def delete_unposted(session: Session, number: str) -> str:
    """
    Delete a sales document, receipt, memo, voucher, payment or journal entry from its batch; the batch.

    :raises BookkeeperError: none of that number is in a batch.
    """
    for source, column in _NUMBERS.items():
        found = _find(session, source, column, number)
        if found is not None:
            key = {name: found[name] for name in (column, "RMDTYPAL") if name in found}
            session.delete(source.table, **key)
            parts = {"VCHRNMBR": found[column]} if source in (PAYABLES, PAYMENTS) else key
            for table in _PARTS[source]:
                session.delete(table, **parts)
            drop_if_empty(session, str(found["BACHNUMB"]), source)
            return str(found["BACHNUMB"])
    raise BookkeeperError(f"No document {number} is in a batch. Only what is not posted can be deleted.")


def _find(session: Session, source: BatchSource, column: str, number: str) -> dict[str, object] | None:
    if source is LEDGER and not number.isdecimal():
        return None
    return session.get(source.table, **{column: int(number) if source is LEDGER else number})
