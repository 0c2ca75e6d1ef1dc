"""
Contacts of Xero as far as they may be somebody we know, read in the ways a large organisation answers.

Source: sources.md Xero §3 (efficient lists of contacts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hooks.xero.api import XeroApi
from hooks.xero.paging import PAGE_SIZE
from hooks.xero.targets import holding
from ledgerbridge.entities import Document

__all__ = ["ContactDirectory"]

Contact = dict[str, Any]
_SEARCHED = ("EmailAddress", "Name", "ContactNumber")
"""Those of our fields that ``searchTerm`` looks through."""
_LIGHT = {"summaryOnly": "true", "includeArchived": "true"}
_STAMPED_MEANWHILE = timedelta(seconds=10)
"""How far before an answer the changes after it are asked from: they may have been stamped while it was made."""


class ContactDirectory:
    """
    The contacts that share number, e-mail or name with documents; archived ones too.

    All are read, a thousand a call, where that takes fewer calls than three searches a document; from then on what
    changed. Light fields only: no addresses.

    :param number_field: the field of a contact that has our number.
    """

    def __init__(self, hook: XeroApi, number_field: str) -> None:
        self._hook = hook
        self._fields = (number_field, "EmailAddress", "Name")
        self._contacts: dict[str, Contact] = {}
        self._known_as: dict[tuple[str, str], set[str]] = {}  # field and folded value to ids, of before too
        self._pages: int | None = None
        self._read_at: datetime | None = None
        self._whole = False
        self._searched: set[tuple[str, str]] = set()

    def look_up(self, documents: Sequence[Document]) -> None:
        """Read what may be one of them, unless it was read; of what was read as a whole, what changed since."""
        searches = set(self._searches(documents)) - self._searched
        if self._whole:
            self._read_changes()
        elif searches and self._page_count() <= len(self._searched | searches):
            self._read_whole()
        else:
            for option, value in sorted(searches):
                self._read({option: value})
            self._searched |= searches

    def by_id(self, ids: Iterable[str]) -> dict[str, Contact]:
        """The contacts with these ids, read where they are not known."""
        wanted = set(ids)
        for contact in self._hook.listed("Contacts", "IDs", wanted - self._contacts.keys(), **_LIGHT):
            self.add(contact)
        return {each: self._contacts[each] for each in wanted & self._contacts.keys()}

    def add(self, contact: Contact) -> None:
        """One that was written or read."""
        self._contacts[contact["ContactID"]] = contact
        for field in self._fields:
            self._known_as.setdefault((field, folded(contact.get(field))), set()).add(contact["ContactID"])

    def having(self, field: str, value: str) -> list[Contact]:
        """Those whose name, number or e-mail address is this one, case aside; active ones first."""
        ids = self._known_as.get((field, folded(value)), ())
        found = [contact for each in ids if folded((contact := self._contacts[each]).get(field)) == folded(value)]
        return sorted(found, key=lambda each: (is_archived(each), each["ContactID"]))

    def _page_count(self) -> int:
        if self._pages is None:
            answer = self._hook.get("Contacts", self._page(1))
            self._read_at = self._hook.clock()
            for contact in answer["Contacts"]:
                self.add(contact)
            self._pages = int(answer.get("pagination", {}).get("pageCount") or 1)
        return self._pages

    def _read_whole(self) -> None:
        for page in range(2, self._page_count() + 1):
            for contact in self._hook.get("Contacts", self._page(page))["Contacts"]:
                self.add(contact)
        self._whole = True

    def _page(self, number: int) -> dict[str, Any]:
        return {**_LIGHT, "order": "ContactID", "page": number, "pageSize": PAGE_SIZE}

    def _read_changes(self) -> None:
        assert self._read_at is not None  # a directory that is whole was read
        since = (self._read_at - _STAMPED_MEANWHILE).astimezone(UTC)
        self._read({}, **{"If-Modified-Since": since.strftime("%Y-%m-%dT%H:%M:%S")})
        self._read_at = self._hook.clock()

    def _searches(self, documents: Sequence[Document]) -> Iterator[tuple[str, str]]:
        """
        What is asked of a large organisation, where one ``searchTerm`` or one equation a call is answered.

        Names too: the term is compared whatever the case, as Xero compares names, and may hold any character.
        """
        for document in documents:
            for field in self._fields:
                value = document.header.get(field)
                if value and field in _SEARCHED:
                    yield "searchTerm", value
                elif value:
                    yield "where", holding(field, value)

    def _read(self, query: Mapping[str, str], **headers: str) -> None:
        for page in self._hook.pages("Contacts", {**_LIGHT, **query}, **headers):
            for contact in page:
                self.add(contact)


def folded(text: str | None) -> str:
    """An e-mail address or a name as it is compared."""
    return (text or "").strip().casefold()


def is_archived(contact: Mapping[str, Any]) -> bool:
    """Whether it may not be used any more."""
    return bool(contact.get("ContactStatus", "ACTIVE") != "ACTIVE")
