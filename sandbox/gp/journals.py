"""General ledger entries: those eConnect puts in batches (GL10000), and those posting writes for good (GL20000)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.gp.batches import LEDGER, ensure_batch
from sandbox.gp.call import Call
from sandbox.gp.currency import Rate, document_rate, functional_currency
from sandbox.gp.errors import BookkeeperError
from sandbox.gp.models import Row
from sandbox.gp.rules import FINANCIAL_SERIES, account_index, currency_places, not_negative, open_period
from sandbox.gp.session import Session

_STEP = 16384


@dataclass
class Posting:
    """One journal entry about to be written; debits positive, in functional and originating currency."""

    source: str
    reference: str
    day: date
    document: str
    control: str
    master_id: str
    series: int
    rate: Rate
    audit_trail: str = ""
    lines: list[Row] = field(default_factory=list)

    def debit(self, account: int, functional: Decimal, originating: Decimal = Decimal(0)) -> None:
        """Add a line; negative amounts credit, zero adds nothing."""
        if not functional and not originating:
            return
        zero = Decimal(0)
        self.lines.append(
            {
                "ACTINDX": account,
                "DEBITAMT": max(functional, zero),
                "CRDTAMNT": max(-functional, zero),
                "ORDBTAMT": max(originating, zero),
                "ORCRDAMT": max(-originating, zero),
            }
        )

    @property
    def common(self) -> dict[str, Any]:
        """The columns every line of the entry has."""
        return {
            "SOURCDOC": self.source,
            "REFRENCE": self.reference,
            "TRXDATE": self.day,
            "ORDOCNUM": self.document,
            "ORCTRNUM": self.control,
            "ORMSTRID": self.master_id,
            "SERIES": self.series,
            "TRXSORCE": self.audit_trail,
            "CURNCYID": self.rate.currency,
            "XCHGRATE": self.rate.rate,
        }


def save_line(call: Call) -> None:
    """taGLTransactionLineInsert: one line of a journal entry, before its header."""
    account = account_index(call, "ACTNUMST", "ACTINDX")
    if not account and not call["ACTNUMST"]:
        call.refuse("required", "ACTNUMST", "ACTINDX")
    currency_places(call, ("DEBITAMT", "CRDTAMNT"))
    not_negative(call, ("DEBITAMT", "CRDTAMNT"))
    if call["DEBITAMT"] and call["CRDTAMNT"]:
        call.refuse("out_of_balance", "DEBITAMT", "CRDTAMNT")
    existing = call.session.select("GL10001", JRNENTRY=call["JRNENTRY"])
    sequence = call["SQNCLINE"] or max((line["SQNCLINE"] for line in existing), default=Decimal(0)) + _STEP
    if any(line["SQNCLINE"] == sequence for line in existing):
        call.refuse("duplicate_sequence", SQNCLINE=f"{sequence.normalize():f}")
    call.check()
    names = ("JRNENTRY", "BACHNUMB", "DSCRIPTN", "ORCTRNUM", "ORDOCNUM", "ORMSTRID", "ORMSTRNM", "ORTRXTYP")
    row = {name: call[name] for name in names} | {"SQNCLINE": sequence, "ACTINDX": account}
    row |= {"DEBITAMT": call["DEBITAMT"], "CRDTAMNT": call["CRDTAMNT"]}
    row |= {"ORDBTAMT": call["DEBITAMT"], "ORCRDAMT": call["CRDTAMNT"]}
    call.session.insert("GL10001", row)


def save_header(call: Call) -> None:
    """taGLTransactionHeaderInsert: check the lines' balance and make them an entry in a batch."""
    session = call.session
    if session.get("GL10000", JRNENTRY=call["JRNENTRY"]) or session.select("GL20000", JRNENTRY=call["JRNENTRY"]):
        call.refuse("duplicate_journal", "JRNENTRY")
    if call["TRXTYPE"] not in (0, 1):
        call.refuse("document_type", "TRXTYPE")
    if call["TRXTYPE"] == 1:
        call.refuse("unsupported", "TRXTYPE")
    open_period(call, "TRXDATE", FINANCIAL_SERIES)
    rate = document_rate(call)
    lines = session.select("GL10001", JRNENTRY=call["JRNENTRY"])
    debits = sum((line["ORDBTAMT"] for line in lines), Decimal(0))
    credited = sum((line["ORCRDAMT"] for line in lines), Decimal(0))
    if not lines:
        call.refuse("no_lines", "JRNENTRY")
    if debits != credited:
        call.refuse("out_of_balance", "JRNENTRY", DEBITAMT=debits, CRDTAMNT=credited)
    call.check()
    for line in lines:
        key = {"JRNENTRY": line["JRNENTRY"], "SQNCLINE": line["SQNCLINE"]}
        functional = {
            "DEBITAMT": rate.functional(line["ORDBTAMT"]),
            "CRDTAMNT": rate.functional(line["ORCRDAMT"]),
        }
        session.update("GL10001", key, **functional)
    names = ("JRNENTRY", "BACHNUMB", "REFRENCE", "TRXDATE", "RVRSNGDT", "TRXTYPE")
    row = {name: call[name] for name in names} | rate.columns
    row |= {"BCHSOURC": LEDGER.name, "SERIES": call.flag("SERIES", 2), "USWHPSTD": call["USERID"]}
    session.insert("GL10000", {**row, "SOURCDOC": call["SOURCDOC"] or "GJ"})
    ensure_batch(session, call["BACHNUMB"], LEDGER)


def next_entry(session: Session) -> int:
    """The next journal entry number, used up at once."""
    return session.next_number("JRNENTRY")


def write_open(session: Session, posting: Posting) -> int | None:
    """Write the entry to the open year (GL20000), one row per line; its number, None if it has no line."""
    if not posting.lines:
        return None
    number = next_entry(session)
    fiscal = {"OPENYEAR": posting.day.year, "PERIODID": posting.day.month}
    common = posting.common | fiscal | {"JRNENTRY": number, "ORGNTSRC": "", "USWHPSTD": "sa"}
    for position, line in enumerate(posting.lines, start=1):
        place = {"SEQNUMBR": position * _STEP, "DEX_ROW_ID": session.next_number("DEX_ROW_ID")}
        session.insert("GL20000", {**common, **line, **place})
    return number


def repeat_entry(session: Session, number: int, day: date) -> int:
    """
    Post an entry once more as the recurring batch it came of does: same number and lines; how often it is there then.

    :raises BookkeeperError: no entry of this number is posted.
    """
    rows = session.select("GL20000", JRNENTRY=number)
    if not rows:
        raise BookkeeperError(f"Journal entry {number} is not posted. Post its batch first.")
    session.next_document()
    times = {row["RCTRXSEQ"] for row in rows}
    for row in (row for row in rows if row["RCTRXSEQ"] == max(times)):
        again = {"RCTRXSEQ": max(times) + 1, "TRXDATE": day, "OPENYEAR": day.year, "PERIODID": day.month}
        session.insert("GL20000", row | again | {"DEX_ROW_ID": session.next_number("DEX_ROW_ID")})
    return len(times) + 1


def keep_in_batch(session: Session, posting: Posting, batch: str) -> None:
    """Write the entry to a GL batch that people post; nothing if it has no line."""
    if not posting.lines:
        return
    number = next_entry(session)
    header = posting.common | {"JRNENTRY": number, "BACHNUMB": batch, "BCHSOURC": LEDGER.name}
    session.insert("GL10000", header | {"CURNCYID": functional_currency(session), "XCHGRATE": Decimal(1)})
    for position, line in enumerate(posting.lines, start=1):
        row = posting.common | line | {"JRNENTRY": number, "BACHNUMB": batch, "SQNCLINE": Decimal(position * _STEP)}
        session.insert("GL10001", row)
    ensure_batch(session, batch, LEDGER)
