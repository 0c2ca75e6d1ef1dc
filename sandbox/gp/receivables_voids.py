"""
taRMVoidTransaction: a posted receipt or memo that was never applied is taken back (sources.md GP §1.3).

Where GP keeps it after that is unverified: here it stays in RM20101 with VOIDSTTS 1 and nothing left to apply.
"""

from __future__ import annotations

from decimal import Decimal

from sandbox.gp.call import Call
from sandbox.gp.currency import Rate
from sandbox.gp.journals import Posting, write_open
from sandbox.gp.models import Row
from sandbox.gp.originals import leave, with_originals
from sandbox.gp.rules import SALES_SERIES, open_period

_NOTHING = Decimal(0)


def void_document(call: Call) -> None:
    """Void the document and reverse its journal lines on GLPOSTDT."""
    if call["VOIDSTTS"] != 1:
        call.refuse("document_type", "VOIDSTTS")
    open_period(call, "GLPOSTDT", SALES_SERIES)
    call.check()
    key = {"RMDTYPAL": call["RMDTYPAL"], "DOCNUMBR": call["DOCNUMBR"]}
    document = call.session.get("RM20101", **key)
    if document is None:
        work = [table for table in ("RM10201", "RM10301") if call.session.get(table, **key)]
        call.refuse("not_posted" if work else "not_found", *key)
        call.check()
    assert document is not None  # refused above
    if document["VOIDSTTS"]:
        call.refuse("already_void", "DOCNUMBR")
    elif document["CURTRXAM"] != document["ORTRXAMT"]:
        call.refuse("applied", "DOCNUMBR", CURTRXAM=document["CURTRXAM"], ORTRXAMT=document["ORTRXAMT"])
    call.check()
    _reverse(call, document)
    call.session.update("RM20101", key, VOIDSTTS=1, VOIDDATE=call["VOIDDATE"])
    leave(call.session, "RM20101", document, _NOTHING, _NOTHING)


def _reverse(call: Call, document: Row) -> None:
    number = call["DOCNUMBR"]
    lines = call.session.select("GL20000", ORCTRNUM=number, TRXSORCE=document["TRXSORCE"])
    posting = Posting(
        source=lines[0]["SOURCDOC"] if lines else "CRJ",
        reference=f"Void {number}"[:30],
        day=call["GLPOSTDT"],
        document=number,
        control=number,
        master_id=document["CUSTNMBR"],
        series=SALES_SERIES,
        rate=Rate.of(with_originals(call.session, document)),
        audit_trail=f"RMVOI{call.session.next_number('TRXSORCE'):08d}",
    )
    for line in lines:
        posting.debit(line["ACTINDX"], line["CRDTAMNT"] - line["DEBITAMT"], line["ORCRDAMT"] - line["ORDBTAMT"])
    write_open(call.session, posting)
