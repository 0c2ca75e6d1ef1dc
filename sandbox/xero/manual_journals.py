"""Manual journals: lines that balance, on any account but receivables, payables and banks."""

from __future__ import annotations

from decimal import Decimal

from sandbox.xero import rules
from sandbox.xero.errors import Refused
from sandbox.xero.ledger import Posting, post, reverse
from sandbox.xero.lines import LineRules
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import Element, day_on_wire, money, read_day

__all__ = ["save_manual_journal"]

_LIFE = {
    "": {"DRAFT", "POSTED"},
    "DRAFT": {"DRAFT", "POSTED", "DELETED"},
    "POSTED": {"POSTED", "VOIDED"},
}


def save_manual_journal(book: Book, element: Element, *, create: bool) -> Record:
    """
    Create a manual journal, or change the one with this ManualJournalID; VOIDED takes it back.

    :raises Refused: no narration, an account it can't use, or debits that differ from credits.
    """
    journal = None if create else _existing(book, element)
    body: Element = journal.body if journal else {"HasAttachments": False, "ShowOnCashBasisReports": True}
    old = body.get("Status", "")
    status = str(element.get("Status") or old or "DRAFT")
    if status not in _LIFE.get(old, set()):
        raise Refused(f"Manual journal not of valid status for {'modification' if old else 'creation'}")
    if old:
        rules.open_day(book, read_day(body["Date"]))
    body["Status"] = status
    if status not in {"VOIDED", "DELETED"}:
        _fill(book, body, element)
    if journal is None:
        journal = book.add("ManualJournals", "ManualJournalID", body)
    else:
        reverse(book, journal.id)
        book.save(journal)
    if status == "POSTED":
        _post(book, journal)
    return journal


def _existing(book: Book, element: Element) -> Record | None:
    if not element.get("ManualJournalID"):
        return None
    journal = book.find("ManualJournals", str(element["ManualJournalID"]))
    if journal is None:
        raise Refused("Manual journal could not be found")
    return journal


def _fill(book: Book, body: Element, element: Element) -> None:
    body |= rules.checked_texts(element, {"Narration": 4000, "Url": 2000})
    if not body.get("Narration"):
        raise Refused("Narration is required")
    given = element.get("Date") or body.get("Date")
    day = rules.open_day(book, read_day(given) if given else book.now.date())
    types = element.get("LineAmountTypes") or body.get("LineAmountTypes") or "NoTax"
    body |= {"Date": day_on_wire(day), "LineAmountTypes": LineRules.amount_types_of(types)}
    lines = [_line(book, line) for line in element.get("JournalLines") or body.get("JournalLines") or []]
    if len(lines) < 2:
        raise Refused("A manual journal needs at least two lines.")
    debits = sum((line["LineAmount"] for line in lines if line["LineAmount"] > 0), Decimal("0.00"))
    credits = -sum((line["LineAmount"] for line in lines if line["LineAmount"] < 0), Decimal("0.00"))
    if debits != credits:
        raise Refused(f"The total debits ({debits}) must equal total credits ({credits})")
    body["JournalLines"] = lines


def _line(book: Book, line: Element) -> Element:
    account = rules.line_account(book, line, manual_journal=True)
    tax_type = str(line.get("TaxType") or "NONE")
    if rules.tax_rate(book, tax_type)["EffectiveRate"]:
        raise Refused(f"Tax on manual journals is not simulated; the TaxType must be NONE, not {tax_type}.")
    return {
        "LineAmount": money(line.get("LineAmount", 0)),
        "AccountCode": account["Code"],
        "AccountID": account["AccountID"],
        "Description": str(line.get("Description") or ""),
        "TaxType": tax_type,
        "TaxAmount": Decimal("0.00"),
        "Tracking": rules.tracking(book, line.get("Tracking")),
        "IsBlank": False,
    }


def _post(book: Book, journal: Record) -> None:
    post(
        book,
        source_type="MANJOURNAL",
        source_id=journal.id,
        day=read_day(journal.body["Date"]),
        reference=journal.body["Narration"],
        postings=[
            Posting(line["AccountID"], int(line["LineAmount"] * 100), line["Description"], line["TaxType"])
            for line in journal.body["JournalLines"]
        ],
    )
