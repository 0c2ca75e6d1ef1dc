"""What a ledger and a gateway tell of their books: what to read, and which documents follow from what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from ledgerbridge.entities import RawRecord, Source
from ledgerbridge.reconciliation.model import Booked, Movement, OpenAmount

__all__ = ["Books", "Derived", "GatewayBooks", "JoinedGatewayBooks", "KeptRecord", "KeptSource", "Looked", "Totals"]

Totals = Callable[[date | None, date], Mapping[str, Decimal]]
"""What is booked by account, from a day (None: the beginning) to another, both included."""


@dataclass(frozen=True)
class KeptRecord:
    """One record as it was kept: what the books need of it."""

    book: str
    key: str
    changed_at: datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class KeptSource:
    """
    A source of the books.

    :param book: what distinguishes it from all others of the flow, its scope included.
    :param keep: what of a payload the books need.
    :param names: the names that such a payload bears or refers to; documents follow from all records they join.
    :param whole: it can't be read by change: all of it is read each time, and what is there no more is gone.
    """

    book: str
    source: Source
    keep: Callable[[dict[str, Any]], dict[str, Any]]
    names: Callable[[Mapping[str, Any]], Iterable[str]]
    whole: bool = False


@dataclass(frozen=True)
class Derived:
    """
    What follows from some records: documents and what is open of them, each with the name of what it was made of.

    :param withdrawn: what became of documents that were booked and no longer are, by id or number.
    """

    booked: Sequence[tuple[str, Booked]] = ()
    opened: Sequence[tuple[str, OpenAmount]] = ()
    withdrawn: Mapping[str, str] = field(default_factory=dict)


class Looked(Protocol):
    """What was kept before."""

    def record(self, book: str, key: str) -> RawRecord | None:
        """One record, unless all is to be read anew."""


class Books(Protocol):
    """What a ledger tells of its books."""

    def sources(self) -> Sequence[KeptSource]:
        """What to read, in this order."""

    def terms(self) -> Mapping[str, Any]:
        """Master data that documents are made by, JSON by name; where one changes, all documents are made anew."""

    def derive(self, records: Sequence[KeptRecord]) -> Derived:
        """The documents of records that names join; the same for the same records, in whichever order they come."""

    def applied_to(self, numbers: Sequence[str]) -> Mapping[str, str]:
        """By number of a receipt, credit or memo, the document it is applied to, where the ledger keeps that apart."""

    @property
    def on_the_way(self) -> Mapping[str, str]:
        """Where documents lie that are not booked yet, by id or number."""

    def beyond_documents(self, totals: Totals, on: date, since: date | None) -> Mapping[str, Decimal]:
        """By account, what its balances of that day hold beyond these documents, less what they held before."""


class GatewayBooks(Protocol):
    """What a gateway tells of its balance."""

    def sources(self) -> Sequence[KeptSource]:
        """What to read, in this order."""

    def movements(self, records: Sequence[KeptRecord]) -> list[Movement]:
        """What moved its balance, of records that names join."""

    def balance(self) -> Decimal:
        """What it holds."""


@dataclass(frozen=True)
class JoinedGatewayBooks:
    """The books of a gateway that a company has several accounts with."""

    accounts: Sequence[GatewayBooks]

    def sources(self) -> list[KeptSource]:
        """What to read of each account."""
        return [source for account in self.accounts for source in account.sources()]

    def movements(self, records: Sequence[KeptRecord]) -> list[Movement]:
        """What moved the balance of each account."""
        found = []
        for account in self.accounts:
            mine = {source.book for source in account.sources()}
            found += account.movements([record for record in records if record.book in mine])
        return found

    def balance(self) -> Decimal:
        """What all accounts hold."""
        return sum((account.balance() for account in self.accounts), Decimal(0))
