"""What GP's sales documents say of themselves beside their entries: taxes by detail, and the goods of their lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hooks.gp.econnect.sales import FREIGHT_LINE, MISC_LINE, SUMMARY

__all__ = ["goods_of", "kept_sale", "sale_names", "tax_sets"]

Row = Mapping[str, Any]

_TAX_COLUMNS = ("LNITMSEQ", "TAXDTLID", "STAXAMNT", "ORSLSTAX", "FRTTXAMT", "ORFRTTAX")
_COST_COLUMNS = ("NONINVEN", "QUANTITY", "UNITCOST", "EXTDCOST", "INVINDX", "CSLSINDX")
_CENT = Decimal("0.01")


def kept_sale(document: Row) -> dict[str, Any]:
    """What is kept of an invoice or return."""
    taxes = [{column: tax.get(column) for column in _TAX_COLUMNS} for tax in document.get("Tax", [])]
    lines = [{column: line.get(column) for column in _COST_COLUMNS} for line in document.get("Line", [])]
    return {"SOPNUMBE": document["SOPNUMBE"], "CURNCYID": document.get("CURNCYID"), "Tax": taxes, "Line": lines}


def sale_names(row: Row) -> Iterator[str]:
    """The number of one."""
    yield str(row["SOPNUMBE"]).upper()


def tax_sets(document: Row, sign: int) -> dict[str, Decimal]:
    """Details of one line, or of the freight, are a set (accounting-rules.md rule 4)."""
    # a company of one currency has no originating amounts
    of_goods, of_freight = ("ORSLSTAX", "ORFRTTAX") if document.get("CURNCYID") else ("STAXAMNT", "FRTTXAMT")
    lines: dict[int, dict[str, Decimal]] = defaultdict(dict)
    for tax in document.get("Tax", []):
        line = int(tax["LNITMSEQ"])
        amount = Decimal(tax[of_freight if line == FREIGHT_LINE else of_goods])
        # a tax of the freight that an edit took away stays as nothing: no node deletes it, and Xero was told none
        if line not in (SUMMARY, MISC_LINE) and (amount or line != FREIGHT_LINE):
            lines[line][str(tax["TAXDTLID"])] = amount
    sets: dict[str, Decimal] = defaultdict(Decimal)
    for details in lines.values():
        sets["+".join(sorted(details))] += sign * sum(details.values(), Decimal(0))
    return {details: amount for details, amount in sets.items() if amount}


def goods_of(
    sales: Sequence[tuple[Row, int]],
    journal: Sequence[Row],
    accounts_of: Callable[[Sequence[str]], Mapping[str, Row]],
) -> dict[str, dict[str, Decimal]]:
    """
    By number of an invoice, or return, what its lines say of the goods: Dr their cost, Cr inventory, or reversed.

    :param sales: each with 1 for an invoice, -1 for a return. One that was kept before lines were has none.
    :param journal: lines of entries, which name accounts beside their ACTINDX.
    :param accounts_of: the accounts of ACTINDX that no such line is on.
    """
    costs = {
        row["SOPNUMBE"].upper(): [
            (str(line.get(column)), side * sign * cost)
            for line in row["Line"]
            if line.get("NONINVEN") != "1" and (cost := _cost(line))
            for column, side in (("CSLSINDX", 1), ("INVINDX", -1))
        ]
        for row, sign in sales
        if "Line" in row
    }
    accounts = {str(line["ACTINDX"]): str(line["ACTNUMST"]) for line in journal if line.get("ACTINDX")}
    if unknown := {index for each in costs.values() for index, _ in each} - accounts.keys():
        accounts |= {index: str(row["ACTNUMST"]) for index, row in accounts_of(sorted(unknown)).items()}
    found: dict[str, dict[str, Decimal]] = {number: defaultdict(Decimal) for number in costs}
    for number, each in costs.items():
        for index, amount in each:
            found[number][accounts.get(index, f"ACTINDX {index}")] += amount
    return found


def _cost(line: Row) -> Decimal:
    """Of all its pieces, in base currency; EXTDCOST where the DOCTYPE has it, which knows of several layers of cost."""
    if line.get("EXTDCOST"):
        return Decimal(line["EXTDCOST"])
    pieces = Decimal(line.get("QUANTITY") or 0)
    return (Decimal(line.get("UNITCOST") or 0) * pieces).quantize(_CENT, ROUND_HALF_UP)
