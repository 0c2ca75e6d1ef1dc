"""
Customers in Xero: one per person, found by our number, then by exact e-mail; names unique.

Source: accounting-rules.md rule 14; sources.md Xero §5, Contact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from hooks.xero.refusals import NAME_TAKEN
from hooks.xero.targets import DocumentTarget, adopted, equals, failed
from ledgerbridge.entities import Document, Found, Outcome
from ledgerbridge.errors import TargetConflict, TransientError

__all__ = ["Contacts"]

_NAME_LENGTH = 255


class Contacts(DocumentTarget):
    """
    Contacts. Key: ContactNumber; one that has the same exact EmailAddress is adopted as it is.

    A contact of ours whose content has changed is updated; whatever else the contact holds in Xero stays.
    """

    collection = "Contacts"
    id_field = "ContactID"
    options = MappingProxyType({"summarizeErrors": "false"})
    compared = ("Name", "FirstName", "LastName", "EmailAddress")

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """
        Contacts that need not be sent: the same content under our number, or somebody's with the same e-mail.

        One under our number with other content is left out: sending it again updates it.
        """
        known = _Known(self._relatives(documents))
        found = {}
        for document in documents:
            own = known.by_number(document)
            if own is None:
                twins = known.by_email(document)
                if len(twins) == 1:
                    found[document.record_key] = Found(twins[0]["ContactID"], self.number(twins[0]), twins[0])
            elif not (match := self._found(known.distinct(document), [own])).differences:
                found[document.record_key] = match
        return found

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """
        Create or update the contacts; one outcome each, in the order given.

        Two documents with one e-mail become one contact. On a name somebody else has, the customer number is
        appended. Xero is asked for numbers, e-mails and names first, because it may overwrite a contact of the same
        name (XeroAPI/xero-php-oauth2#191).

        :raises TransientError, ConfigurationError: as ``DocumentTarget.send``.
        """
        known = _Known(self._relatives(documents))
        outcomes: dict[str, Outcome] = {}
        updates: list[Document] = []
        creations: list[Document] = []
        sharers: list[tuple[Document, Document]] = []
        for document in documents:
            own, twins = known.by_number(document), known.by_email(document)
            same = next((other for other in creations if _email(other) and _email(other) == _email(document)), None)
            if own is not None:
                updates.append(_with_id(known.distinct(document), own["ContactID"]))
            elif len(twins) > 1:
                outcomes[document.record_key] = _ambiguous(document, twins)
            elif twins:
                outcomes[document.record_key] = adopted(
                    document, Found(twins[0]["ContactID"], self.number(twins[0]), twins[0])
                )
            elif same is not None:
                sharers.append((document, same))
            else:
                creations.append(known.distinct(document))
        outcomes |= self._saved(updates)
        try:
            outcomes |= self._saved(creations)
        except TransientError as error:
            if not updates:
                raise
            outcomes |= failed(creations, error)
        for document, same in sharers:
            outcomes[document.record_key] = replace(outcomes[same.record_key], record_key=document.record_key)
        return [outcomes[document.record_key] for document in documents]

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return (str(content.get("ContactNumber", "")),)

    def verb(self, documents: Sequence[Document]) -> str:
        return "POST" if "ContactID" in documents[0].header else "PUT"

    def _saved(self, documents: Sequence[Document]) -> dict[str, Outcome]:
        if not documents:
            return {}
        outcomes = self._write_all(documents)
        clashes = [document for document in documents if _clashes(outcomes[document.record_key])]
        if clashes:
            try:
                outcomes |= self._write_all([_numbered(document) for document in clashes])
            except TransientError as error:
                outcomes |= failed(clashes, error)
        return outcomes

    def _relatives(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        clauses = [
            equals(field, str(value))
            for document in documents
            for field in ("ContactNumber", "EmailAddress", "Name")
            if (value := document.header.get(field))
        ]
        yield from self.hook.any_of("Contacts", clauses)


class _Known:
    """The active contacts that share a number, an e-mail or a name with what is to be sent."""

    def __init__(self, contacts: Iterable[dict[str, Any]]) -> None:
        active = [contact for contact in contacts if contact.get("ContactStatus", "ACTIVE") == "ACTIVE"]
        self._contacts = list({contact["ContactID"]: contact for contact in active}.values())
        self._names = {contact["Name"].casefold(): contact.get("ContactNumber") for contact in self._contacts}

    def by_number(self, document: Document) -> dict[str, Any] | None:
        number = document.header["ContactNumber"]
        return next((contact for contact in self._contacts if contact.get("ContactNumber") == number), None)

    def by_email(self, document: Document) -> list[dict[str, Any]]:
        email = _email(document)
        return [contact for contact in self._contacts if email and contact.get("EmailAddress") == email]

    def distinct(self, document: Document) -> Document:
        """The document with a name nobody else has, also not one made distinct before."""
        name, number = str(document.header["Name"]).casefold(), document.header["ContactNumber"]
        if self._names.setdefault(name, number) == number:
            return document
        return _numbered(document)


def _email(document: Document) -> str | None:
    return document.header.get("EmailAddress") or None


def _clashes(outcome: Outcome) -> bool:
    return outcome.error is not None and outcome.error.code == NAME_TAKEN


def _numbered(document: Document) -> Document:
    suffix = f" ({document.header['ContactNumber']})"
    return _named(document, str(document.header["Name"])[: _NAME_LENGTH - len(suffix)] + suffix)


def _named(document: Document, name: str) -> Document:
    return replace(document, header={**document.header, "Name": name})


def _with_id(document: Document, identity: str) -> Document:
    return replace(document, header={**document.header, "ContactID": identity})


def _ambiguous(document: Document, twins: Sequence[Mapping[str, Any]]) -> Outcome:
    names = ", ".join(f"{twin['Name']} ({twin['ContactID']})" for twin in twins)
    error = TargetConflict(
        "LB-XERO-025",
        f"Xero has {len(twins)} active contacts with this e-mail: {names}",
        record_key=document.record_key,
        field="EmailAddress",
        value=document.header["EmailAddress"],
        remedy=f"Merge them in Xero, or give the right one the contact number {document.header['ContactNumber']}; "
        "then replay.",
    )
    return Outcome(document.record_key, error=error)
