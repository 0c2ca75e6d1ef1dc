"""What is told of a period: the report that people sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ledgerbridge.closing.proof import Carried
from ledgerbridge.closing.under_way import UnderWay
from ledgerbridge.reconciliation.control import Control

__all__ = ["PeriodReport"]


@dataclass(frozen=True)
class PeriodReport:
    """
    What is told of a period.

    :param books: by flow that compares, what its comparison of the period found (``Reconciliation.to_json``).
    :param under_way: what of the period is not through. :param closes: when it is to be signed.
    :param control: the control accounts of each ledger against its sub-ledger.
    :param carried: what became of each record that the flows carry.
    :param gateways: roles of the clearing accounts of gateways.
    :param console: where the console is, for links to documents; blank: there are none.
    """

    company: str
    name: str
    currency: str
    first: date
    last: date
    closes: datetime
    books: Mapping[str, Mapping[str, Any]]
    under_way: Sequence[UnderWay]
    control: Sequence[Control] = ()
    carried: Sequence[Carried] = ()
    gateways: Sequence[str] = ()
    console: str = ""

    @property
    def open(self) -> int:
        """How many differences nobody can explain."""
        return sum(not each["explained"] for books in self.books.values() for each in books["differences"])

    @property
    def explained(self) -> int:
        """How many have a reason."""
        return sum(each["explained"] for books in self.books.values() for each in books["differences"])

    @property
    def missing_the_close(self) -> list[UnderWay]:
        """What is under way and will not be there in time."""
        return [each for each in self.under_way if each.misses is not None]

    def to_json(self) -> dict[str, Any]:
        """As text."""
        return {
            "company": {"key": self.company, "name": self.name, "currency": self.currency},
            "period": {"from": self.first.isoformat(), "to": self.last.isoformat(), "closes": self.closes.isoformat()},
            "books": {flow: dict(found) for flow, found in self.books.items()},
            "control_accounts": [each.to_json() for each in self.control],
            "exactly_once": [each.to_json() for each in self.carried],
            "under_way": [each.to_json() for each in self.under_way],
        }
