"""GP's own document numbers: used up when asked for, gaps stay (sources.md GP §2, next numbers)."""

from __future__ import annotations

import re

from sandbox.gp.errors import SqlError
from sandbox.gp.session import Session

_RECEIVABLES_PREFIX = {1: "SALES", 3: "DEBIT", 4: "FIN", 5: "SVC", 6: "WRNTY", 7: "CREDT", 8: "RTRN", 9: "PYMNT"}


def next_sales_number(session: Session, document_type: int, document_id: str) -> str:
    """The number SOP40200 holds for this document ID; the ID moves on to the one after."""
    key = {"SOPTYPE": document_type, "DOCID": document_id.strip()}
    setup = session.get("SOP40200", **key)
    if setup is None:
        raise SqlError(50000, f"SOP40200 has no document ID '{document_id}' of type {document_type}.", "taGetSopNumber")
    number = str(setup["SOPNUMBE"])
    session.update("SOP40200", key, SOPNUMBE=_incremented(number))
    taken = [session.get(table, SOPTYPE=document_type, SOPNUMBE=number) for table in ("SOP10100", "SOP30200")]
    return next_sales_number(session, document_type, document_id) if any(taken) else number


def next_receivables_number(session: Session, document_type: int) -> str:
    """The next number of a receivables document type."""
    if document_type not in _RECEIVABLES_PREFIX:
        raise SqlError(50000, f"Receivables have no document type {document_type}.", "taGetNextRMNumber")
    return f"{_RECEIVABLES_PREFIX[document_type]}{session.next_number(f'RM{document_type}'):012d}"


def next_voucher_number(session: Session) -> str:
    """The next payables voucher number."""
    return f"{session.next_number('PM'):017d}"


def _incremented(number: str) -> str:
    match = re.search(r"(\d+)$", number)
    if match is None:
        return f"{number}1"
    digits = match.group(1)
    return f"{number[: match.start()]}{int(digits) + 1:0{len(digits)}d}"
