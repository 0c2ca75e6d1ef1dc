"""Why Xero refused a document, as errors that name the field, the value and the remedy. Source: sources.md Xero §4."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledgerbridge.entities import Document
from ledgerbridge.errors import PeriodClosed, RecordRejected, TransientError

__all__ = [
    "NAME_TAKEN",
    "NUMBER_TAKEN",
    "RATE_REFUSED",
    "RequestRefused",
    "elements_of",
    "is_explained",
    "not_xeros",
    "refusal",
    "refused",
    "validation_messages",
]

NUMBER_TAKEN = "LB-XERO-014"
NAME_TAKEN = "LB-XERO-018"
RATE_REFUSED = "LB-XERO-021"
_EXPLANATIONS = {"Detail", "Elements", "ErrorNumber", "Message", "Title"}
_PARTS = {"Allocations", "Attachments", "HistoryRecords", "Options"}
_ALONE = {"Organisation": "Organisations"}
_CALLED = {"History": "HistoryRecords"}
_NEVER_EMPTY = {"Organisations", "Reports"}


class RequestRefused(Exception):
    """
    Xero refused a whole request (400, 404, 413 …); nothing of it was saved.

    :param messages: what Xero said, the validation messages of the elements before the general one.
    """

    def __init__(self, status: int, answer: Any) -> None:
        content = answer if isinstance(answer, dict) else {}
        elements = content.get("Elements") or []
        general = content.get("Message") or content.get("Detail") or f"status {status}"
        self.status = status
        self.messages = [text for item in elements for text in validation_messages(item)] or [str(general)]
        super().__init__(status, self.messages)


@dataclass(frozen=True)
class _Known:
    """A validation message Xero gives; the wording is unverified, so only telling words are matched."""

    pattern: re.Pattern[str]
    code: str
    field: str
    remedy: str
    passes: bool = False
    """Whether the refusal ends without the document being mended: its day is closed."""


def _known(pattern: str, code: str, field: str, remedy: str, *, passes: bool = False) -> _Known:
    return _Known(re.compile(pattern, re.IGNORECASE), code, field, remedy, passes)


# How other documents call the field.
_SYNONYMS = {
    "AccountCode": ("Account.Code", "BankAccount.Code", "FromBankAccount.Code"),
    "InvoiceNumber": ("CreditNoteNumber",),
    "Contact.ContactID": ("Contact.Name",),
    "Invoice.InvoiceNumber": ("Invoice.InvoiceID", "CreditNote.CreditNoteNumber", "CreditNote.CreditNoteID"),
}
_KNOWN = (
    _known(
        r"account code\W+(?P<value>[^'\"]*?)['\"]? (?:is not|has been)"
        r"|account code .*must be specified|account could not be found|valid bank account",
        "LB-XERO-012",
        "AccountCode",
        "Add the account in Xero's chart of accounts (or restore it), or correct the code in include/lookups.",
    ),
    _known(
        r"tax ?type(?: code)?\W+(?P<value>[A-Z0-9]+)|tax type|tax rate",
        "LB-XERO-013",
        "TaxType",
        "Add the tax rate in Xero, or correct it in include/lookups; it must be allowed for the line's account.",
    ),
    _known(
        r"(?:invoice|credit note) (?:could )?not (?:be )?found",
        "LB-XERO-027",
        "Invoice.InvoiceNumber",
        "The document to pay or allocate is not in Xero under this number: replay it first.",
    ),
    _known(
        r"item code\W+(?P<value>[^'\"]*)",
        "LB-XERO-028",
        "ItemCode",
        "Add the item in Xero, or leave ItemCode out of the mapping.",
    ),
    _known(
        r"(?:invoice|credit note) (?:#|number)?.*must be unique|already exists.*number",
        NUMBER_TAKEN,
        "InvoiceNumber",
        "Look at the document in Xero that has this number and decide which of the two stands.",
    ),
    _known(
        r"exceeds the amount (?:outstanding|due)|greater than the (?:amount|outstanding|remaining)",
        "LB-XERO-015",
        "Amount",
        "Look in Xero for a payment or credit of the document that was entered by hand.",
    ),
    _known(
        r"lock date|locked period|period.*locked",
        "LB-XERO-016",
        "Date",
        "Move the lock date in Xero (Accounting > Advanced > Financial settings); every run tries it again.",
        passes=True,
    ),
    _known(
        r"contact name.*(?:already assigned|must be unique)",
        NAME_TAKEN,
        "Name",
        "Rename one of the two contacts in Xero.",
    ),
    _known(
        r"e-?mail address",
        "LB-XERO-033",
        "EmailAddress",
        "Correct the address in the source, where the customer is; until then leave it out by the mapping.",
    ),
    _known(
        r"contact.*archived",
        "LB-XERO-032",
        "Contact.ContactID",
        "Restore the contact in Xero (Contacts, Archived, Restore), or merge it with the one in use; then replay.",
    ),
    _known(
        r"contact.*(?:must be specified|could not be found|not valid|not found)",
        "LB-XERO-017",
        "Contact.ContactID",
        "Look in Xero whether the contact was merged with another, and replay the customer first.",
    ),
    _known(
        r"line ?amount|line total|unit amount|total.*(?:does not|must) equal",
        "LB-XERO-019",
        "LineAmount",
        "Quantity × unit amount must give the line's amount: compare them with the source's line.",
    ),
    _known(
        r"not of valid status|status",
        "LB-XERO-020",
        "Status",
        "Look at the document's status in Xero: voided, deleted and paid documents can't be changed or paid.",
    ),
    _known(
        r"currency",
        RATE_REFUSED,
        "CurrencyCode",
        "Add the currency in Xero (Settings, Currencies), or correct the rate on the document.",
    ),
)


def is_explained(answer: Any) -> bool:
    """Whether a refusal is Xero's own: a proxy's has another body, or none."""
    return isinstance(answer, dict) and not _EXPLANATIONS.isdisjoint(answer)


def elements_of(path: str, answer: Any) -> list[dict[str, Any]]:
    """
    The elements of a good answer.

    :param path: what was asked, below ``/api.xro/2.0``.
    :raises ValueError: it is not of the shape Xero gives to that path.
    """
    whole, *parts = path.split("/")
    parts = [_CALLED.get(part, part) for part in parts]
    name = next((part for part in parts if part in _PARTS), _ALONE.get(whole, whole))
    status = answer.get("Status", "OK") if isinstance(answer, dict) else None
    elements = answer.get(name) if status == "OK" else None
    if not isinstance(elements, list) or not all(isinstance(each, dict) for each in elements):
        found = f"Status {status}" if status not in ("OK", None) else type(answer).__name__
        raise ValueError(f"no list of {name} ({found})")
    if not elements and name in _NEVER_EMPTY:
        raise ValueError(f"an empty list of {name}")
    return elements


def not_xeros(where: str, found: object, *, outcome_unknown: bool = False) -> TransientError:
    """
    An answer that can't be Xero's, most likely that of something between us and Xero.

    :param where: the call, without its query.
    """
    return TransientError(
        "LB-XERO-009",
        f"{where} was answered with {found}, which is not an answer of Xero",
        remedy="Repeat; if it stays so, look for a proxy between Airflow and Xero, and at status.xero.com.",
        outcome_unknown=outcome_unknown,
    )


def validation_messages(answer: Mapping[str, Any]) -> list[str]:
    """All messages Xero gave about one element, also those about its lines; empty if it was accepted."""
    messages = [str(error.get("Message", error)) for error in answer.get("ValidationErrors") or []]
    for line in answer.get("LineItems") or []:
        messages += [str(error.get("Message", error)) for error in line.get("ValidationErrors") or []]
    return list(dict.fromkeys(messages))


def refused(answer: Mapping[str, Any]) -> bool:
    """Whether Xero did not save this element."""
    if answer.get("StatusAttributeString") == "ERROR" or answer.get("HasValidationErrors"):
        return True
    return bool(answer.get("ValidationErrors"))


def refusal(document: Document, messages: Sequence[str]) -> RecordRejected:
    """The dead letter's error for a document Xero refused; the first message it knows decides the remedy."""
    text = " ".join(messages) or "Xero gave no reason"
    for message in messages:
        for known in _KNOWN:
            if match := known.pattern.search(message):
                found = match.groupdict().get("value") or None
                field, value = _place(document, known.field, found)
                kind = PeriodClosed if known.passes else RecordRejected
                return kind(
                    known.code, text, record_key=document.record_key, field=field, value=value, remedy=known.remedy
                )
    return RecordRejected(
        "LB-XERO-011",
        text,
        record_key=document.record_key,
        remedy="Mend what the message names, in the source or in the mapping, and replay the record.",
    )


def _place(document: Document, field: str, found: str | None) -> tuple[str, object]:
    """Where the document holds the field: in the line that has the value Xero named, in its header, or in a line."""
    named = [(place, value) for place, value in _line_values(document, field) if found is not None and value == found]
    in_header = [
        (name, document.header[name]) for name in (field, *_SYNONYMS.get(field, ())) if name in document.header
    ]
    return next(iter([*named, *in_header, *_line_values(document, field)]), (field, found))


def _line_values(document: Document, field: str) -> list[tuple[str, object]]:
    lines = enumerate(document.parts.get("lines", []), start=1)
    return [(f"lines[{number}].{field}", line[field]) for number, line in lines if field in line]
