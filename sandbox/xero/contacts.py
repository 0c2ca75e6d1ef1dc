"""Contacts: unique names among the active ones, found by id, ContactNumber or name (sources.md Xero §5)."""

from __future__ import annotations

import re
from typing import Any

from sandbox.xero import rules
from sandbox.xero.errors import Refused
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import Element, moment_on_wire

__all__ = ["checked_terms", "contact_of", "contact_summary", "history", "mark_role", "save_contact"]

_TEXTS = {
    "ContactNumber": 50,
    "AccountNumber": 50,
    "Name": 255,
    "FirstName": 255,
    "LastName": 255,
    "CompanyNumber": 50,
    "EmailAddress": 255,
    "BankAccountDetails": 255,
    "TaxNumber": 50,
    "DefaultCurrency": 3,
}
_ADDRESS_TEXTS = {
    "AddressLine1": 500,
    "AddressLine2": 500,
    "AddressLine3": 500,
    "AddressLine4": 500,
    "City": 255,
    "Region": 255,
    "PostalCode": 50,
    "Country": 50,
    "AttentionTo": 255,
}
_PHONE_TEXTS = {"PhoneNumber": 50, "PhoneAreaCode": 10, "PhoneCountryCode": 20}
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_TERMS_KINDS = ("Bills", "Sales")
_MOST_DAYS = {"DAYSAFTERBILLDATE": 999, "DAYSAFTERBILLMONTH": 99, "OFCURRENTMONTH": 31, "OFFOLLOWINGMONTH": 31}
"""By type of payment terms: a day of the month (OAS), else two digits, and more after a bill (help.xero.com)."""
_ADDRESS_TYPES = ("STREET", "POBOX")
_PHONE_TYPES = ("DDI", "DEFAULT", "FAX", "MOBILE")


def save_contact(book: Book, element: Element, *, create: bool) -> Record:
    """
    Create the contact, or change the one with this ContactID, ContactNumber or name.

    :raises Refused: no name, a name that another active contact has, a text that is too long.
    """
    existing = None if create else _existing(book, element)
    texts = rules.checked_texts(element, _TEXTS)
    if texts.get("EmailAddress") and not _EMAIL.fullmatch(texts["EmailAddress"]):
        raise Refused("Email address must be valid.")
    body: Element = (existing.body if existing else _blank()) | texts
    body["ContactStatus"] = str(element.get("ContactStatus") or body["ContactStatus"])
    if not body.get("Name"):
        raise Refused("The Contact Name cannot be empty.")
    _check_unique(book, body, existing)
    _merge(body, element, "Addresses", "AddressType", _ADDRESS_TYPES, _ADDRESS_TEXTS)
    _merge(body, element, "Phones", "PhoneType", _PHONE_TYPES, _PHONE_TEXTS, keeps=True)
    if element.get("PaymentTerms"):
        body["PaymentTerms"] = checked_terms(element["PaymentTerms"])
    if isinstance(element.get("ContactPersons"), list):
        body["ContactPersons"] = element["ContactPersons"]
    if existing is None:
        added = book.add("Contacts", "ContactID", body)
        _note(book, added, "Created")
        return added
    existing.body = body
    book.save(existing)
    _note(book, existing, "Edited")
    return existing


def history(book: Book, contact: Record) -> list[Element]:
    """Who changed the contact and when, newest first."""
    shown = ("Changes", "DateUTC", "User", "Details")
    return [
        {name: each.body[name] for name in shown}
        for each in book.select("HistoryRecords", "number = ?", [contact.id], "ORDER BY position DESC")
    ]


def _note(book: Book, contact: Record, change: str) -> None:
    details = f"{contact.body['Name']} was {change.lower()}"
    noted = {"ContactID": contact.id, "Changes": change, "DateUTC": moment_on_wire(book.now), "User": book.user}
    book.add("HistoryRecords", "HistoryRecordID", {**noted, "Details": details})


def contact_of(book: Book, reference: Any) -> Record:
    """
    The contact a document names, by id, number or name; a name that is new becomes a contact.

    :raises Refused: none is named, or the one named doesn't exist.
    """
    if not isinstance(reference, dict) or not any(
        reference.get(name) for name in ("ContactID", "ContactNumber", "Name")
    ):
        raise Refused("A Contact must be specified for this type of transaction")
    contact = _existing(book, reference)
    if contact is None and reference.get("Name"):
        return save_contact(book, reference, create=True)
    if contact is None:
        raise Refused("The contact could not be found.")
    if contact.body["ContactStatus"] != "ACTIVE":
        raise Refused(
            "The contact with the specified contact details has been archived. The contact must be un-archived before "
            "creating new invoices or credit notes."
        )
    return contact


def checked_terms(terms: Element) -> Element:
    """
    Payment terms, which replace those there were: nothing tells whether Xero would keep the kind that is left out.

    Day and Type go together (XeroAPI/Xero-Net#199).

    :raises Refused: one of the two is missing, or is none.
    """
    checked: Element = {}
    for kind in _TERMS_KINDS:
        if kind not in terms:
            continue
        day, how = ((terms[kind] or {}).get(name) for name in ("Day", "Type"))
        if day is None or not how:
            raise Refused("Both Day and Type must be supplied when adding or updating payment terms")
        if how not in _MOST_DAYS or not 0 <= int(day) <= _MOST_DAYS[how]:
            raise Refused(f"Payment terms of {day} {how} are not valid.")
        checked[kind] = {"Day": int(day), "Type": how}
    return checked


def contact_summary(contact: Record) -> Element:
    """What documents show of their contact."""
    shown = {name: contact.body[name] for name in ("ContactID", "ContactNumber", "Name") if name in contact.body}
    return shown | {
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }


def mark_role(book: Book, contact: Record, role: str) -> None:
    """A contact with a sales document is a customer, one with a bill a supplier."""
    if not contact.body[role]:
        contact.body[role] = True
        book.save(contact)


def _existing(book: Book, element: Element) -> Record | None:
    if element.get("ContactID"):
        contact = book.find("Contacts", str(element["ContactID"]))
        if contact is None:
            raise Refused("The contact ID was not found.")
        return contact
    if element.get("ContactNumber"):
        return book.numbered("Contacts", str(element["ContactNumber"]))
    for contact in book.named("Contacts", str(element.get("Name") or "")):
        if contact.body["ContactStatus"] == "ACTIVE":
            return contact
    return None


def _check_unique(book: Book, body: Element, existing: Record | None) -> None:
    if body["ContactStatus"] != "ACTIVE":
        return
    own_id = existing.id if existing else None
    for other in book.named("Contacts", body["Name"]):
        if other.id != own_id and other.body["ContactStatus"] == "ACTIVE":
            raise Refused(
                f"The contact name {body['Name']} is already assigned to another contact. "
                "The contact name must be unique across all active contacts."
            )
    number = body.get("ContactNumber")
    other_of_number = book.numbered("Contacts", number) if number else None
    if other_of_number and other_of_number.id != own_id:
        raise Refused(f"The contact number {number} is already assigned to another contact.")


def _merge(
    body: Element,
    element: Element,
    part: str,
    kind: str,
    kinds: tuple[str, ...],
    texts: dict[str, int],
    *,
    keeps: bool = False,
) -> None:
    """
    Addresses and phones sent replace those of their kind.

    :param keeps: what an entry does not say stays: a phone goes by all of its parts sent empty (calcinai/xero-php#736).
    """
    kept = {entry[kind]: entry for entry in body[part]}
    for entry in element.get(part) or []:
        if (named := entry.get(kind)) in kinds:
            held = kept.get(named, {}) if keeps else {}
            kept[named] = {**held, kind: named, **rules.checked_texts(entry, texts)}
    body[part] = list(kept.values())


def _blank() -> Element:
    return {
        "ContactStatus": "ACTIVE",
        "EmailAddress": "",
        "BankAccountDetails": "",
        "Addresses": [{"AddressType": kind} for kind in _ADDRESS_TYPES],
        "Phones": [{"PhoneType": kind, "PhoneNumber": ""} for kind in _PHONE_TYPES],
        "ContactGroups": [],
        "ContactPersons": [],
        "IsSupplier": False,
        "IsCustomer": False,
        "HasAttachments": False,
        "HasValidationErrors": False,
    }
