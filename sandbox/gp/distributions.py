"""
The account distributions of sales and receivables documents, in originating and functional amounts.

Amounts become functional per document, distribution type and account, half-up; the cent this may leave goes to the
company's rounding account, never to tax (accounting-rules.md §7). DISTTYPE numbers: sources.md GP §1.3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from sandbox.gp.currency import Rate
from sandbox.gp.models import Row
from sandbox.gp.rules import cents, posting_account
from sandbox.gp.sales_lines import SUMMARY
from sandbox.gp.session import Session

SOP_SALES, SOP_RECEIVABLE, SOP_TRADE, SOP_FREIGHT, SOP_MISC, SOP_TAXES = 1, 2, 6, 7, 8, 9
SOP_COST, SOP_INVENTORY, SOP_RETURNS, SOP_ROUND = 14, 15, 16, 22
RM_CASH, RM_RECEIVABLE, RM_OTHER, RM_SALES, RM_FREIGHT, RM_MISC, RM_TAXES = 1, 3, 8, 9, 11, 12, 13
RM_DEBIT_MEMO, RM_CREDIT_MEMO = 18, 19
PM_CASH, PM_PAYABLE, PM_PURCHASES, PM_TRADE, PM_MISC, PM_FREIGHT, PM_TAXES, PM_ROUND = 1, 2, 6, 7, 8, 9, 10, 16

_STEP = 16384
_INVOICE = 3


@dataclass
class Distributions:
    """Debits (positive) and credits (negative) of one document by distribution type and account."""

    rate: Rate
    originating: dict[tuple[int, int], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    functional_only: dict[tuple[int, int], Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def debit(self, kind: int, account: int, amount: Decimal) -> None:
        """Add an amount in the document's currency; negative credits."""
        self.originating[kind, account] += amount

    def cost(self, kind: int, account: int, amount: Decimal) -> None:
        """Add an amount that exists in the functional currency alone."""
        self.functional_only[kind, account] += amount

    def rows(self, rounding: tuple[int, int]) -> list[Row]:
        """
        Distribution rows, balanced in functional amounts.

        :param rounding: type and account of the cents that conversion leaves.
        """
        functional = {key: self.rate.functional(amount) for key, amount in self.originating.items()}
        left = -sum(functional.values(), Decimal(0))
        if left:
            functional[rounding] = functional.get(rounding, Decimal(0)) + left
        for key, amount in self.functional_only.items():
            functional[key] = functional.get(key, Decimal(0)) + cents(amount)
        rows = [
            _row(kind, account, amount, self.originating.get((kind, account), Decimal(0)))
            for (kind, account), amount in functional.items()
        ]
        return [row for row in rows if row["DEBITAMT"] or row["CRDTAMNT"]]


def distribute_sales(session: Session, header: Row, lines: Iterable[Row], taxes: Iterable[Row]) -> None:
    """
    Write SOP10102 for an invoice (SOPTYPE 3) or return (4) as CREATEDIST=1 does.

    Invoice: Dr receivables, Cr sales, freight, misc and each tax detail's account, Dr trade discount; Dr cost of goods
    sold, Cr inventory. A return is the same reversed, on the items' returns accounts (accounting-rules.md §2).
    """
    sign = Decimal(1) if header["SOPTYPE"] == _INVOICE else Decimal(-1)
    found = Distributions(Rate.of(header))
    accounts = {name: posting_account(session, name) for name in ("receivables", "shipping_income", "rounding")}
    found.debit(SOP_RECEIVABLE, accounts["receivables"], sign * header["ORDOCAMT"])
    found.debit(SOP_TRADE, posting_account(session, "sales"), sign * header["ORTDISAM"])
    found.debit(SOP_FREIGHT, accounts["shipping_income"], -sign * header["ORFRTAMT"])
    found.debit(SOP_MISC, posting_account(session, "sales"), -sign * header["ORMISCAMT"])
    for tax in (tax for tax in taxes if tax["LNITMSEQ"] == SUMMARY):
        found.debit(SOP_TAXES, tax["ACTINDX"], -sign * (tax["ORSLSTAX"] + tax["ORFRTTAX"] + tax["ORMSCTAX"]))
    for line in lines:
        kind, account = (SOP_SALES, line["SLSINDX"]) if sign > 0 else (SOP_RETURNS, line["RTNSINDX"])
        found.debit(kind, account, -sign * line["OXTNDPRC"])
        if not line["NONINVEN"]:
            cost = cents(line["UNITCOST"] * line["QUANTITY"])
            found.cost(SOP_COST, line["CSLSINDX"], sign * cost)
            found.cost(SOP_INVENTORY, line["INVINDX"], -sign * cost)
    key = {"SOPTYPE": header["SOPTYPE"], "SOPNUMBE": header["SOPNUMBE"]}
    write_distributions(session, SALES_TABLE, key, found.rows((SOP_ROUND, accounts["rounding"])))


@dataclass(frozen=True)
class DistributionTable:
    """Where one module keeps distributions: the document's key, and the names of account and sequence."""

    name: str
    document: tuple[str, ...]
    account: str
    sequence: str


SALES_TABLE = DistributionTable("SOP10102", ("SOPTYPE", "SOPNUMBE"), "ACTINDX", "SEQNUMBR")
RECEIVABLES_TABLE = DistributionTable("RM10101", ("RMDTYPAL", "DOCNUMBR"), "DSTINDX", "SEQNUMBR")
PAYABLES_TABLE = DistributionTable("PM10100", ("VCHRNMBR",), "DSTINDX", "DSTSQNUM")


def write_distributions(session: Session, table: DistributionTable, key: Row, rows: Iterable[Row]) -> None:
    """Add distribution rows behind those the document already has."""
    existing = session.select(table.name, **{name: key[name] for name in table.document})
    sequence = max((row[table.sequence] for row in existing), default=0)
    for row in rows:
        sequence += _STEP
        session.insert(table.name, {**key, **row, table.account: row["ACTINDX"], table.sequence: sequence})


def _row(kind: int, account: int, functional: Decimal, originating: Decimal) -> Row:
    zero = Decimal(0)
    return {
        "DISTTYPE": kind,
        "ACTINDX": account,
        "DEBITAMT": max(functional, zero),
        "CRDTAMNT": max(-functional, zero),
        "ORDBTAMT": max(originating, zero),
        "ORCRDAMT": max(-originating, zero),
    }
