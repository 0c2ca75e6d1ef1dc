"""
Customers and suppliers in Xero: one contact per person, under our number or another; names unique.

Source: accounting-rules.md rule 14; sources.md Xero §5, Contact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from hooks.xero.contact_directory import ContactDirectory, folded, is_archived
from hooks.xero.refusals import NAME_TAKEN
from hooks.xero.targets import DocumentTarget, failed
from ledgerbridge.entities import Candidate, Document, Found, Matched, Outcome
from ledgerbridge.errors import TransientError

__all__ = ["Contacts", "Suppliers"]

_NAME_LENGTH = 255
_TERMS = "PaymentTerms"


class Contacts(DocumentTarget, Matched):
    """
    Contacts. Key: ContactNumber; those that may be one are reported by EmailAddress, case aside.

    A contact of ours whose content has changed is updated; whatever else the contact holds in Xero stays. One that was
    adopted has another ContactNumber, or none, and is left as it is.
    """

    collection = "Contacts"
    id_field = "ContactID"
    options = MappingProxyType({"summarizeErrors": "false"})
    compared = ("Name", "FirstName", "LastName", "EmailAddress")
    number_field = "ContactNumber"
    updatable = True
    adopts = True

    @cached_property
    def _directory(self) -> ContactDirectory:
        return ContactDirectory(self.hook, self.number_field)

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """Contacts under our number with the same content; with another one it is sent again, and thereby updated."""
        candidates = self.matches(documents)
        return {key: each.found for key, found in candidates.items() for each in found if each.own and each.current}

    def matches(self, documents: Sequence[Document]) -> dict[str, list[Candidate]]:
        """Contacts under our number, else those with the e-mail address; archived ones too."""
        self._directory.look_up(documents)
        return {document.record_key: found for document in documents if (found := self._candidates(document))}

    def common(self, document: Document) -> str | None:
        return folded(document.header.get("EmailAddress")) or None

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """
        Create or update the contacts; one outcome each, in the order given.

        On a name somebody else has, the customer number is appended; of a contact that people renamed the new name
        is refused, for they are to choose another. Xero is asked for names first, because it may
        overwrite a contact of the same name (XeroAPI/xero-php-oauth2#191).

        :raises TransientError, ConfigurationError: as ``DocumentTarget.send``.
        """
        documents = self._with_what_stays(documents)
        known = self._directory.by_id(each.target_id for each in documents if each.target_id and not each.merged)
        self._directory.look_up([document for document in documents if not document.target_id])
        outcomes: dict[str, Outcome] = {}
        updates: list[Document] = []
        creations: list[Document] = []
        names: dict[str, str] = {}
        for document in documents:
            if document.merged:
                updates.append(_with_id(document, str(document.target_id)))
                continue
            held = known.get(document.target_id or "") or self._own(document)
            if held is None and document.target_id is None:
                creations.append(self._distinct(document, names))
            elif held is not None and held.get(self.number_field) != document.header[self.number_field]:
                outcomes[document.record_key] = self._left(document, held)
            else:
                held_id = document.target_id if held is None else held["ContactID"]
                updates.append(_with_id(self._distinct(document, names), str(held_id)))
        outcomes |= self._saved(updates)
        try:
            outcomes |= self._saved(creations)
        except TransientError as error:
            if not updates:
                raise
            outcomes |= failed(creations, error)
        for outcome in outcomes.values():
            if outcome.error is None and outcome.written:
                self._directory.add(outcome.content)
        return [outcomes[document.record_key] for document in documents]

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return (str(content.get(self.number_field, "")),)

    def verb(self, documents: Sequence[Document]) -> str:
        return "POST" if "ContactID" in documents[0].header else "PUT"

    def _with_what_stays(self, documents: Sequence[Document]) -> list[Document]:
        """
        Those that change payment terms or an address with what the contact holds besides: the other kind of terms, the
        lines of an address that nobody is told of here.

        Nobody says whether Xero keeps what an update of either leaves out.
        """
        ids = sorted(each.target_id for each in documents if each.target_id and each.merged and _changes_a_whole(each))
        found = self.hook.listed("Contacts", "IDs", ids, includeArchived="true") if ids else ()
        held = {each["ContactID"]: each for each in found}
        return [_beside(each, held[each.target_id]) if each.target_id in held else each for each in documents]

    def _saved(self, documents: Sequence[Document]) -> dict[str, Outcome]:
        if not documents:
            return {}
        outcomes = self._write_all(documents)
        clashes = [each for each in documents if _clashes(outcomes[each.record_key]) and not each.merged]
        if clashes:
            try:
                outcomes |= self._write_all([self._numbered(document) for document in clashes])
            except TransientError as error:
                outcomes |= failed(clashes, error)
        return outcomes

    def _candidates(self, document: Document) -> list[Candidate]:
        if own := self._own(document):
            current = not self._found(self._distinct(document, {}), [own]).differences
            found = Found(own["ContactID"], self.number(own), own)
            return [Candidate(found, self.number_field, own=True, active=not is_archived(own), current=current)]
        email = self.common(document)
        twins = self._directory.having("EmailAddress", email) if email else []
        return [
            Candidate(Found(each["ContactID"], self.number(each), each), "EmailAddress", active=not is_archived(each))
            for each in twins
        ]

    def _own(self, document: Document) -> dict[str, Any] | None:
        number = document.header[self.number_field]
        found = self._directory.having(self.number_field, number)
        return next((each for each in found if each[self.number_field] == number), None)

    def _left(self, document: Document, held: dict[str, Any]) -> Outcome:
        return Outcome(document.record_key, held["ContactID"], self.number(held), held, written=False)

    def _distinct(self, document: Document, names: dict[str, str]) -> Document:
        """The document with a name nobody else has; ``names`` are those made distinct before, by name to number."""
        name, number = folded(document.header["Name"]), document.header[self.number_field]
        others = {each.get(self.number_field) for each in self._directory.having("Name", name) if not is_archived(each)}
        if others <= {number} and names.setdefault(name, number) == number:
            return document
        return self._numbered(document)

    def _numbered(self, document: Document) -> Document:
        suffix = f" ({document.header[self.number_field]})"
        name = str(document.header["Name"])[: _NAME_LENGTH - len(suffix)] + suffix
        return replace(document, header={**document.header, "Name": name})


class Suppliers(Contacts):
    """
    Contacts as those we buy from. Key: AccountNumber, for ContactNumber is the customer that a contact may be as well.

    Xero does not hold AccountNumber unique, and sets IsSupplier itself, with the first bill.
    """

    number_field = "AccountNumber"


def _clashes(outcome: Outcome) -> bool:
    return outcome.error is not None and outcome.error.code == NAME_TAKEN


def _changes_terms(document: Document) -> bool:
    """Whether it says any; a column of the batch that has no value here says nothing."""
    return any(value is not None for name, value in document.header.items() if name.startswith(f"{_TERMS}."))


def _changes_a_whole(document: Document) -> bool:
    return _changes_terms(document) or bool(document.parts.get("addresses"))


def _beside(document: Document, held: Mapping[str, Any]) -> Document:
    """A document with what a contact holds beside it of what it changes."""
    header, parts = document.header, dict(document.parts)
    if _changes_terms(document):
        header = {**_terms(held.get(_TERMS) or {}), **header}
    if "addresses" in parts:
        there = {each["AddressType"]: each for each in held.get("Addresses") or []}
        parts["addresses"] = [
            {**there.get(each["AddressType"], {}), **{name: value for name, value in each.items() if value is not None}}
            for each in parts["addresses"]
        ]
    return replace(document, header=header, parts=parts)


def _terms(held: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{_TERMS}.{kind}.{name}": value for kind, of in held.items() for name, value in of.items()}


def _with_id(document: Document, identity: str) -> Document:
    return replace(document, header={**document.header, "ContactID": identity})
