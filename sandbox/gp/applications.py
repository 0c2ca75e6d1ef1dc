"""taRMApply: a receipt or credit applied to a charge, with write-off and realised gain (sources.md GP §1.3)."""

from __future__ import annotations

from decimal import Decimal

from sandbox.gp.call import Call
from sandbox.gp.currency import Rate
from sandbox.gp.journals import Posting, keep_in_batch
from sandbox.gp.models import EMPTY_DATE, Row
from sandbox.gp.originals import leave, with_originals
from sandbox.gp.receivables import CHARGES, CREDITS, RECEIPT
from sandbox.gp.rules import SALES_SERIES, currency_places, not_negative, open_period, posting_account

_ZERO = Decimal(0)


def apply_document(call: Call) -> None:
    """
    Apply APPTOAMT (in the documents' currency) of the apply-from document, and write WROFAMNT off.

    What is left of both falls. Write-off (Dr rounding account, Cr receivables) and realised gain (the difference of
    the two rates) go to a GL batch that people post.
    """
    if call["APTODCTY"] not in CHARGES:
        call.refuse("document_type", "APTODCTY")
    if call["APFRDCTY"] not in CREDITS:
        call.refuse("document_type", "APFRDCTY")
    if call["DISTKNAM"]:
        call.refuse("unsupported", "DISTKNAM")
    open_period(call, "GLPOSTDT", SALES_SERIES)
    currency_places(call, ("APPTOAMT", "WROFAMNT"))
    not_negative(call, ("APPTOAMT", "WROFAMNT"))
    if not call["APPTOAMT"] and not call["WROFAMNT"]:
        call.refuse("required", "APPTOAMT")
    call.check()
    charge = _open_document(call, "APTODCTY", "APTODCNM")
    credit = _open_document(call, "APFRDCTY", "APFRDCNM")
    call.check()
    assert charge is not None  # refused above
    assert credit is not None
    _check_pair(call, charge, credit)
    call.check()

    charged, written_off = _taken(charge, call["APPTOAMT"], call["WROFAMNT"])
    credited, _ = _taken(credit, call["APPTOAMT"], _ZERO)
    gain = credited - charged if call.session.settings["realised_gain_on_apply"] else _ZERO
    day = call["APPLYDATE"] if call["APPLYDATE"] != EMPTY_DATE else call.session.stamp.date()
    posted_on = call["GLPOSTDT"] if call["GLPOSTDT"] != EMPTY_DATE else day
    _reduce(call, charge, charged + written_off, call["APPTOAMT"] + call["WROFAMNT"])
    _reduce(call, credit, credited, call["APPTOAMT"])
    row = {
        "CUSTNMBR": charge["CUSTNMBR"],
        "DATE1": day,
        "GLPOSTDT": posted_on,
        "CURNCYID": charge["CURNCYID"],
        "APPTOAMT": charged,
        "ORAPTOAM": call["APPTOAMT"],
        "WROFAMNT": written_off,
        "ORWROFAM": call["WROFAMNT"],
        "RLGANLOS": gain,
        "POSTED": int(credit["PLACE"] == "RM20101"),
    }
    _save(call, row)
    receivables = posting_account(call.session, "receivables")
    posting = Posting(
        source="RMAPY",
        reference=f"Apply {call['APFRDCNM']}"[:30],
        day=posted_on,
        document=call["APTODCNM"],
        control=call["APFRDCNM"],
        master_id=charge["CUSTNMBR"],
        series=3,
        rate=Rate(charge["CURNCYID"], Decimal(1), 0),
    )
    posting.debit(posting_account(call.session, "rounding"), written_off)
    posting.debit(receivables, -written_off)
    posting.debit(receivables, gain)
    posting.debit(posting_account(call.session, "fx_gain_loss"), -gain)
    keep_in_batch(call.session, posting, "RMAPPLY")


def _open_document(call: Call, type_field: str, number_field: str) -> Row | None:
    """The document among the posted ones (or, where the site allows it, a receipt in a batch)."""
    key = {"RMDTYPAL": call[type_field], "DOCNUMBR": call[number_field]}
    for table in ("RM20101", "RM30101"):
        found = call.session.get(table, **key)
        if found is not None:
            return with_originals(call.session, found) | {"PLACE": table}
    work = "RM10201" if call[type_field] == RECEIPT else "RM10301"
    waiting = call.session.get(work, **key)
    if waiting is None:
        call.refuse("not_found", type_field, number_field)
    elif work == "RM10201" and call.session.settings["apply_unposted_receipts"]:
        return with_originals(call.session, waiting) | {"PLACE": work}
    else:
        call.refuse("not_posted", type_field, number_field)
    return None


def _check_pair(call: Call, charge: Row, credit: Row) -> None:
    if charge["CUSTNMBR"].upper() != credit["CUSTNMBR"].upper():
        call.refuse("other_customer", "APTODCNM", "APFRDCNM")
    if charge["CURNCYID"].upper() != credit["CURNCYID"].upper():
        call.refuse("other_currency", "APTODCNM", "APFRDCNM")
    if charge.get("VOIDSTTS") or credit.get("VOIDSTTS"):
        call.refuse("already_void", "APTODCNM", "APFRDCNM")
    if call["APPTOAMT"] + call["WROFAMNT"] > charge["ORCTRXAM"]:
        call.refuse("over_apply_to", "APPTOAMT", "WROFAMNT", CURTRXAM=charge["ORCTRXAM"])
    if call["APPTOAMT"] > credit["ORCTRXAM"]:
        call.refuse("over_apply_from", "APPTOAMT", CURTRXAM=credit["ORCTRXAM"])


def _taken(document: Row, applied: Decimal, written_off: Decimal) -> tuple[Decimal, Decimal]:
    """Functional amounts of both parts at the document's rate; the last part takes what is left."""
    rate = Rate.of(document)
    if applied + written_off == document["ORCTRXAM"]:
        off = rate.functional(written_off)
        return document["CURTRXAM"] - off, off
    return rate.functional(applied), rate.functional(written_off)


def _reduce(call: Call, document: Row, functional: Decimal, originating: Decimal) -> None:
    left = document["CURTRXAM"] - functional, document["ORCTRXAM"] - originating
    leave(call.session, document["PLACE"], document, *left)


def _save(call: Call, row: Row) -> None:
    """One row per pair of documents: a second application of the same pair adds to it."""
    key = {name: call[name] for name in ("APTODCTY", "APTODCNM", "APFRDCTY", "APFRDCNM")}
    existing = call.session.get("RM20201", **key)
    if existing is None:
        call.session.insert("RM20201", {**key, **row})
        return
    added = ("APPTOAMT", "ORAPTOAM", "WROFAMNT", "ORWROFAM", "RLGANLOS")
    call.session.update("RM20201", key, **{name: existing[name] + row[name] for name in added})
