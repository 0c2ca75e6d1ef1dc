"""
The bookkeeper posts batches: work rows move on, receivables documents appear, the general ledger is written through.

Nothing of this can be reached through eConnect (sources.md GP §4). A document that can't be posted stays in its batch
and is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.gp.batches import (
    AVAILABLE,
    LEDGER,
    PAYABLES,
    PAYMENTS,
    RECEIPTS,
    RECEIVABLES,
    SALES,
    SOURCES,
    BatchSource,
    drop_if_empty,
)
from sandbox.gp.currency import Rate
from sandbox.gp.errors import BookkeeperError
from sandbox.gp.journals import Posting, write_open
from sandbox.gp.models import Row
from sandbox.gp.originals import keep_receivable, rate_of_payable, with_originals
from sandbox.gp.payables import to_history as payable_to_history
from sandbox.gp.rules import FINANCIAL_SERIES, PURCHASING_SERIES, SALES_SERIES, period_closed
from sandbox.gp.sales import INVOICE, to_history
from sandbox.gp.session import Session

_INVOICE_IN_RECEIVABLES, _RETURN_IN_RECEIVABLES = 1, 8
_POSTED = 2
_SOURCE_DOCUMENT = {1: "SJ", 3: "DRM", 7: "CRM", 8: "RTN", 9: "CRJ"}
_REVERSING = 1
_SIDES = (("DEBITAMT", "CRDTAMNT"), ("ORDBTAMT", "ORCRDAMT"))


@dataclass(frozen=True)
class _Entry:
    """How a document's journal entry names it."""

    number: str
    control: str
    source: str
    series: int


@dataclass
class PostingResult:
    """How many documents were posted, and why others were not."""

    posted: int = 0
    errors: list[str] = field(default_factory=list)


def post_batches(session: Session, batch: str | None) -> PostingResult:
    """
    Post one batch of every origin with this number, or all.

    :raises BookkeeperError: the batch named is unknown, or locked by somebody.
    """
    result = PostingResult()
    posters: dict[BatchSource, Callable[[Session, Row, str], None]] = {
        SALES: _post_sales,
        RECEIVABLES: _post_receivables,
        RECEIPTS: _post_receipt,
        PAYABLES: _post_voucher,
        PAYMENTS: _post_payment,
        LEDGER: _post_journal,
    }
    known = False
    for source in SOURCES:
        numbers = [batch] if batch else _batch_numbers(session, source)
        for number in numbers:
            documents = _documents(session, source, number)
            known = known or bool(documents)
            if documents and _available(session, source, number, result, named=batch is not None):
                trail = f"{source.name[:5].upper().strip()}{session.next_number('TRXSORCE'):08d}"
                for document in documents:
                    _post_one(session, document, trail, posters[source], result)
                drop_if_empty(session, number, source)
    if batch and not known:
        raise BookkeeperError(f"Batch {batch} has no document that can be posted. GET /_sandbox/batches lists those.")
    return result


def _batch_numbers(session: Session, source: BatchSource) -> list[str]:
    found = session.connection.execute(f"SELECT DISTINCT BACHNUMB FROM {source.table}")  # noqa: S608
    return sorted(row[0] for row in found)


def _documents(session: Session, source: BatchSource, number: str) -> list[Row]:
    return session.query(source.table, f"BACHNUMB = ? AND {source.condition}", [number])


def _available(session: Session, source: BatchSource, number: str, result: PostingResult, *, named: bool) -> bool:
    batch = session.get("SY00500", BACHNUMB=number, BCHSOURC=source.name)
    if batch is None or batch["BCHSTTUS"] == AVAILABLE:
        return True
    problem = (
        f"Batch {number} ({source.name}) is locked: BCHSTTUS is {batch['BCHSTTUS']}, 0 expected. Wait until it is free."
    )
    if named:
        raise BookkeeperError(problem)
    result.errors.append(problem)
    return False


def _post_one(
    session: Session, document: Row, trail: str, poster: Callable[[Session, Row, str], None], result: PostingResult
) -> None:
    session.next_document()
    session.connection.execute("SAVEPOINT document")
    try:
        poster(session, document, trail)
    except BookkeeperError as error:
        session.connection.execute("ROLLBACK TO document")
        result.errors.append(str(error))
    else:
        result.posted += 1
    session.connection.execute("RELEASE document")


def _post_sales(session: Session, header: Row, trail: str) -> None:
    number = header["SOPNUMBE"]
    key = {"SOPTYPE": header["SOPTYPE"], "SOPNUMBE": number}
    kind = _INVOICE_IN_RECEIVABLES if header["SOPTYPE"] == INVOICE else _RETURN_IN_RECEIVABLES
    distributions = session.select("SOP10102", **key)
    _write_ledger(session, header, Rate.of(header), _entry(number, kind), distributions, "ACTINDX", trail)
    document = {
        "RMDTYPAL": kind,
        "DOCNUMBR": number,
        "SLSAMNT": header["SUBTOTAL"],
        "FRTAMNT": header["FRTAMNT"],
        "MISCAMNT": header["MISCAMNT"],
        "TAXAMNT": header["TAXAMNT"] + header["FRTTXAMT"] + header["MSCTXAMT"],
        "TRDISAMT": header["TRDISAMT"],
        "ORTRXAMT": header["DOCAMNT"],
        "CURTRXAM": header["DOCAMNT"],
        "CSPORNBR": header["CSTPONBR"],
        "TRXSORCE": trail,
        "POSTDATE": session.stamp.date(),
    }
    carried = ("CUSTNMBR", "DOCDATE", "GLPOSTDT", "BACHNUMB", "BCHSOURC", "PYMTRMID", "DUEDATE", "CURNCYID")
    document |= {name: header[name] for name in carried}
    session.insert("RM20101", document)
    keep_receivable(session, document, Rate.of(header), header["ORDOCAMT"])
    to_history(session, header, PSTGSTUS=_POSTED, TRXSORCE=trail, POSTEDDT=session.stamp.date())
    session.delete("SOP10102", **key)


def _post_receivables(session: Session, document: Row, trail: str) -> None:
    posted = {"TRXDSCRN": document["DOCDESCR"], "CSPORNBR": document["CSTPONBR"]}
    posted |= dict.fromkeys(("ORTRXAMT", "CURTRXAM"), document["DOCAMNT"])
    _post_to_open(session, "RM10301", document, posted, trail)


def _post_receipt(session: Session, receipt: Row, trail: str) -> None:
    posted = {"FRTSCHID": receipt["CRCARDID"], "MSCSCHID": receipt["CHEKBKID"]}
    _post_to_open(session, "RM10201", receipt, posted, trail)
    session.connection.execute("UPDATE RM20201 SET POSTED = 1 WHERE APFRDCNM = ?", [receipt["DOCNUMBR"]])


def _post_to_open(session: Session, work: str, document: Row, posted: Row, trail: str) -> None:
    key = {"RMDTYPAL": document["RMDTYPAL"], "DOCNUMBR": document["DOCNUMBR"]}
    distributions = session.select("RM10101", **key)
    entry = _entry(document["DOCNUMBR"], document["RMDTYPAL"])
    rate = Rate.of(with_originals(session, document))
    _write_ledger(session, document | posted, rate, entry, distributions, "DSTINDX", trail)
    session.insert("RM20101", document | posted | {"TRXSORCE": trail, "POSTDATE": session.stamp.date()})
    session.delete(work, **key)
    session.delete("RM10101", **key)


def _post_voucher(session: Session, document: Row, trail: str) -> None:
    number = document["VCHNUMWK"]
    _post_payable(session, document, number, "PMTRX", trail)
    session.delete("PM10000", VCHNUMWK=number)


def _post_payment(session: Session, document: Row, trail: str) -> None:
    number = document["PMNTNMBR"]
    _post_payable(session, document | {"VCHNUMWK": number}, number, "PMPAY", trail)
    session.delete("PM10400", PMNTNMBR=number)


def _post_payable(session: Session, document: Row, number: str, source: str, trail: str) -> None:
    distributions = session.select("PM10100", VCHRNMBR=number)
    ledger = {"GLPOSTDT": document["PSTGDATE"], "CUSTNMBR": document["VENDORID"]}
    entry = _Entry(document["DOCNUMBR"], number, source, PURCHASING_SERIES)
    rate = rate_of_payable(session, document)
    _write_ledger(session, document | ledger, rate, entry, distributions, "DSTINDX", trail)
    posted = document | {"VCHRNMBR": number, "TRXSORCE": trail, "POSTEDDT": session.stamp.date()}
    # a document with nothing left to pay is history at once (sources.md GP §4)
    if document["CURTRXAM"]:
        session.insert("PM20000", posted)
    else:
        payable_to_history(session, posted)


def _post_journal(session: Session, entry: Row, trail: str) -> None:
    number = entry["JRNENTRY"]
    lines = session.select("GL10001", JRNENTRY=number)
    _post_lines(session, entry, lines, trail)
    if entry["TRXTYPE"] == _REVERSING:
        # under the number of what it reverses, so that its date alone tells them apart (unverified)
        reversed_lines = [
            line | {name: line[other] for side in _SIDES for name, other in (side, side[::-1])} for line in lines
        ]
        _post_lines(session, entry | {"TRXDATE": entry["RVRSNGDT"]}, reversed_lines, trail)
    session.delete("GL10000", JRNENTRY=number)
    session.delete("GL10001", JRNENTRY=number)


def _post_lines(session: Session, entry: Row, lines: list[Row], trail: str) -> None:
    day = entry["TRXDATE"]
    _check(session, f"Journal entry {entry['JRNENTRY']}", day, lines, FINANCIAL_SERIES)
    for position, line in enumerate(lines, start=1):
        row = entry | line | {"SEQNUMBR": position * 16384, "OPENYEAR": day.year, "PERIODID": day.month}
        row |= {"TRXSORCE": trail, "ORGNTSRC": entry["BACHNUMB"], "DEX_ROW_ID": session.next_number("DEX_ROW_ID")}
        session.insert("GL20000", row)


def _entry(number: str, kind: int) -> _Entry:
    return _Entry(number, number, _SOURCE_DOCUMENT.get(kind, "SJ"), SALES_SERIES)


def _write_ledger(
    session: Session, document: Row, rate: Rate, entry: _Entry, distributions: list[Row], account: str, trail: str
) -> None:
    day = document["GLPOSTDT"]
    _check(session, f"Document {entry.number}", day, distributions, entry.series)
    posting = Posting(
        source=entry.source,
        reference=str(document.get("TRXDSCRN") or document.get("CUSTNAME") or entry.number)[:30],
        day=day,
        document=entry.number,
        control=entry.control,
        master_id=document["CUSTNMBR"],
        series=entry.series,
        rate=rate,
        audit_trail=trail,
    )
    totals: dict[tuple[int, int], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in distributions:
        totals[row[account], row["DISTTYPE"]][0] += row["DEBITAMT"] - row["CRDTAMNT"]
        totals[row[account], row["DISTTYPE"]][1] += row["ORDBTAMT"] - row["ORCRDAMT"]
    for (index, _), (functional, originating) in totals.items():
        posting.debit(index, functional, originating)
    write_open(session, posting)


def _check(session: Session, name: str, day: Any, lines: list[Row], series: int) -> None:
    if period_closed(session, day, series):
        raise BookkeeperError(f"{name} is dated {day}, in a closed fiscal period. Open it, or change the date.")
    balance = sum((line["DEBITAMT"] - line["CRDTAMNT"] for line in lines), Decimal(0))
    if balance:
        raise BookkeeperError(f"{name} is out of balance by {balance:.2f}. Correct its distributions.")
    for line in lines:
        if not line.get("ACTINDX") and not line.get("DSTINDX"):
            raise BookkeeperError(f"{name} has a distribution without an account. Set up the posting account.")
