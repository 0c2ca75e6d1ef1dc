"""Originating and functional amounts of a document (sources.md GP §4, multicurrency)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.gp.call import Call
from sandbox.gp.models import Row
from sandbox.gp.rules import cents
from sandbox.gp.session import Session

_DIVIDE = 1


@dataclass(frozen=True)
class Rate:
    """
    The currency of a document and how its amounts become functional ones.

    :param rate: XCHGRATE; functional = originating x rate, or ÷ rate where ``method`` (RTCLCMTD) is 1.
    """

    currency: str
    rate: Decimal
    method: int

    def functional(self, originating: Decimal) -> Decimal:
        """The amount in the company's currency, half-up at cents."""
        return cents(originating / self.rate if self.method == _DIVIDE else originating * self.rate)

    @property
    def columns(self) -> dict[str, Any]:
        """The columns a document keeps its rate in."""
        return {"CURNCYID": self.currency, "XCHGRATE": self.rate, "RTCLCMTD": self.method}

    @classmethod
    def of(cls, row: Row) -> Rate:
        """The rate a stored document carries."""
        return cls(row["CURNCYID"], row["XCHGRATE"], row["RTCLCMTD"])


def document_rate(call: Call) -> Rate:
    """The rate a node asks for: its own, else the currency's table rate; blank CURNCYID is the functional currency."""
    session = call.session
    home = functional_currency(session)
    if not call["CURNCYID"] or call["CURNCYID"].upper() == home.upper():
        return Rate(home, Decimal(1), 0)
    table = session.get("MC40200", CURNCYID=call["CURNCYID"])
    if table is None:
        call.refuse("currency", "CURNCYID")
        return Rate(home, Decimal(1), 0)
    if call["XCHGRATE"]:
        return Rate(table["CURNCYID"], call["XCHGRATE"], call["RTCLCMTD"])
    (exchange,) = session.select("MC40300", CURNCYID=table["CURNCYID"])
    rate = session.select("MC00100", EXGTBLID=exchange["EXGTBLID"])[-1]
    return Rate(table["CURNCYID"], rate["XCHGRATE"], exchange["RTCLCMTD"])


def functional_currency(session: Session) -> str:
    """CURNCYID of the company's own currency."""
    return str(session.state("functional_currency"))
