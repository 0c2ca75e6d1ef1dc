"""What Xero refuses in a document, whatever its kind; each refusal is one validation message (sources.md Xero §4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.xero.errors import Refused
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import Element, as_id, read_day, read_decimal, rounded

__all__ = [
    "bank_account",
    "checked_texts",
    "currency",
    "line_account",
    "new_status",
    "open_day",
    "payment_account",
    "referenced",
    "tax_rate",
    "tracking",
]

# The gains are Xero's own: "the Xero API prevents postings to this account" (Ostendo's help on its Xero integration)
_CONTROL_ACCOUNTS = {"DEBTORS", "CREDITORS", "REALISEDCURRENCYGAIN", "UNREALISEDCURRENCYGAIN"}
_CLOSED_TO_JOURNALS = {"RETAINEDEARNINGS"}  # sources.md Xero §5
_LOCKS = {"EndOfYearLockDate": "end of year lock date", "PeriodLockDate": "period lock date"}


def checked_texts(element: Element, lengths: Mapping[str, int]) -> Element:
    """
    The text fields of ``element`` that are named in ``lengths``, blanks trimmed.

    :raises Refused: one is longer than Xero keeps.
    """
    texts = {}
    for name, longest in lengths.items():
        if element.get(name) is None:
            continue
        text = str(element[name]).strip()
        if len(text) > longest:
            raise Refused(f"The length of {name} must be {longest} characters or less; it has {len(text)}.")
        texts[name] = text
    return texts


def referenced(book: Book, resource: str, reference: object, id_field: str, number_field: str) -> Record | None:
    """The master record an element refers to by id or, without one, by code or number."""
    if not isinstance(reference, dict):
        return None
    if reference.get(id_field):
        return book.master(resource, "id", as_id(reference[id_field]))
    if reference.get(number_field):
        return book.master(resource, "number", str(reference[number_field]))
    return None


def line_account(book: Book, line: Element, *, manual_journal: bool = False) -> Element:
    """
    The account of a line.

    :raises Refused: it doesn't exist, is archived, or is one that lines of this document can't use.
    """
    account = referenced(book, "Accounts", line, "AccountID", "AccountCode")
    found = line.get("AccountCode") or line.get("AccountID")
    if account is None or account.body["Status"] != "ACTIVE":
        raise Refused(f"Account code '{found}' is not a valid code for this document.")
    closed = _CONTROL_ACCOUNTS | (_CLOSED_TO_JOURNALS if manual_journal else set())
    if account.body["Type"] == "BANK" or account.body.get("SystemAccount") in closed:
        where = "a Manual Journal" if manual_journal else "this document"
        raise Refused(
            f"Account code '{found}' is not a valid code for this document: a {account.body['Type']} "
            f"account can't be used in {where}."
        )
    return account.body


def bank_account(book: Book, reference: object) -> Element:
    """
    The bank account a bank transaction or transfer is on.

    :raises Refused: there is no such account of type BANK.
    """
    account = referenced(book, "Accounts", reference, "AccountID", "Code")
    if account is None or account.body["Type"] != "BANK":
        raise Refused("Account could not be found: a valid bank account must be specified.")
    return account.body


def payment_account(book: Book, payment: Element) -> Element:
    """
    The account a payment goes to: a bank account or one that payments are enabled to.

    :raises Refused: there is none, or it takes no payments.
    """
    reference = payment.get("Account") or {"Code": payment.get("Code")}
    account = referenced(book, "Accounts", reference, "AccountID", "Code")
    if account is None:
        raise Refused("Account could not be found")
    if account.body["Type"] != "BANK" and not account.body.get("EnablePaymentsToAccount"):
        raise Refused("Account type is invalid for payments: use a bank account or enable payments to the account.")
    return account.body


def tax_rate(book: Book, tax_type: str) -> Element:
    """
    The tax rate of a line.

    :raises Refused: there is no such active rate.
    """
    rate = book.master("TaxRates", "number", tax_type)
    if rate is None or rate.body["Status"] != "ACTIVE":
        raise Refused(f"The TaxType code '{tax_type}' does not exist or cannot be used for this type of transaction.")
    return rate.body


def tracking(book: Book, entries: object) -> list[Element]:
    """
    A line's tracking entries with their ids.

    :raises Refused: more than two, or a category or option that doesn't exist.
    """
    if not isinstance(entries, list) or not entries:
        return []
    if len(entries) > 2:
        raise Refused("A line can have at most two tracking categories.")
    return [_tracking_entry(book, entry) for entry in entries]


def _tracking_entry(book: Book, entry: Element) -> Element:
    if entry.get("TrackingCategoryID"):
        category = book.master("TrackingCategories", "id", as_id(entry["TrackingCategoryID"]))
    else:
        category = book.master("TrackingCategories", "name", str(entry.get("Name", "")).casefold())
    if category is None:
        raise Refused(f"The tracking category '{entry.get('Name')}' does not exist.")
    for option in category.body["Options"]:
        if entry.get("TrackingOptionID") == option["TrackingOptionID"] or entry.get("Option") == option["Name"]:
            return {
                "Name": category.body["Name"],
                "Option": option["Name"],
                "TrackingCategoryID": category.id,
                "TrackingOptionID": option["TrackingOptionID"],
            }
    raise Refused(f"The tracking option '{entry.get('Option')}' does not exist in '{category.body['Name']}'.")


def open_day(book: Book, day: date) -> date:
    """
    The day, if the books are still open then.

    :raises Refused: it is not after a lock date.
    """
    organisation = book.organisation()
    for name, words in _LOCKS.items():
        if organisation.get(name) and day <= (lock := read_day(organisation[name])):
            raise Refused(
                f"The document date cannot be before the {words}, currently set at {lock.strftime('%d-%b-%Y')}"
            )
    return day


def currency(book: Book, element: Element) -> tuple[str, Decimal]:
    """
    A document's currency and its rate, foreign for one unit of base currency at six decimals; the day's if not given.

    :raises Refused: the organisation hasn't subscribed to the currency, or the rate is not positive.
    """
    code = str(element.get("CurrencyCode") or book.base_currency())
    if code == book.base_currency():
        return code, Decimal(1)
    day_rate = book.day_rate(code)
    if day_rate is None:
        raise Refused(f"Organisation is not subscribed to currency {code}")
    rate = rounded(read_decimal(element["CurrencyRate"]), 6) if element.get("CurrencyRate") else day_rate
    if rate <= 0:
        raise Refused("The CurrencyRate must be greater than zero.")
    return code, rate


_LIFE: dict[str, set[str]] = {
    "": {"DRAFT", "SUBMITTED", "AUTHORISED"},
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "VOIDED"},
}


def new_status(kind: str, old: str, asked: Any) -> str:
    """
    The status an invoice or credit note goes to.

    :param old: its status now, empty for a new one.
    :raises Refused: it can't go there from here.
    """
    status = str(asked or old or "DRAFT")
    if old and old not in _LIFE:
        raise Refused(f"{kind} not of valid status for modification")
    if status not in _LIFE[old]:
        raise Refused(f"{kind} not of valid status for {'modification' if old else 'creation'}")
    return status
