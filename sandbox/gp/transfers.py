"""
The warehouse ships: an order, whole or in part, becomes an invoice with a number of its own (sources.md GP §4).

Net and each tax detail of a line are shared by quantity, half-up; the last part takes what is left; freight and its
taxes go with the first invoice (accounting-rules.md rule 10). By the setting ``transfer_arithmetic`` = ``recomputed``
GP computes partly transferred lines anew from unit price and tax percentages, as real sites have seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.gp.batches import SALES, batch_name, ensure_batch
from sandbox.gp.currency import Rate
from sandbox.gp.distributions import distribute_sales
from sandbox.gp.errors import BookkeeperError
from sandbox.gp.models import Row
from sandbox.gp.numbers import next_sales_number
from sandbox.gp.rules import cents
from sandbox.gp.sales import FUNCTIONAL, INVOICE, LINE_FUNCTIONAL, ORDER, TAX_FUNCTIONAL, to_history
from sandbox.gp.sales_lines import SUMMARY, summaries, tax_rows
from sandbox.gp.session import Session

_PERCENT = Decimal(100)


def find_order(session: Session, *, number: str | None, customer_po: str | None) -> Row | None:
    """The open order of this number or customer PO number; None where GP has none."""
    if number:
        return session.get("SOP10100", SOPTYPE=ORDER, SOPNUMBE=number)
    found = session.select("SOP10100", SOPTYPE=ORDER, CSTPONBR=customer_po or "")
    return found[0] if found else None


def transfer_order(session: Session, order: Row, quantities: Mapping[str, Decimal] | None, day: date) -> str:
    """
    Make an invoice of an order, all that is left of it or these quantities by item; its number.

    :raises BookkeeperError: an item is not on the order, or not so many of it are left.
    """
    session.next_document()
    key = {"SOPTYPE": ORDER, "SOPNUMBE": order["SOPNUMBE"]}
    lines = session.select("SOP10200", **key)
    shipped = _shipped(order, lines, quantities)
    document_id = session.state("invoice_document_id")
    number = next_sales_number(session, INVOICE, document_id)
    target = {"SOPTYPE": INVOICE, "SOPNUMBE": number}
    taxes = session.select("SOP10105", **key)
    before = _transferred(session, order["SOPNUMBE"])
    partial = any(shipped.get(line["LNITMSEQ"], Decimal(0)) != line["QUANTITY"] for line in lines)
    anew = partial and session.settings["transfer_arithmetic"] == "recomputed"

    invoice_lines, invoice_taxes = [], []
    for line in lines:
        quantity = shipped.get(line["LNITMSEQ"])
        if not quantity:
            continue
        share = _Share(quantity, line["QUANTITY"], line["QTYPRINV"] + quantity == line["QUANTITY"])
        part = line | target | {"QUANTITY": quantity, "QTYPRINV": Decimal(0)}
        part["OXTNDPRC"] = (
            cents((line["ORUNTPRC"] - line["ORMRKDAM"]) * quantity)
            if anew
            else share.of(line["OXTNDPRC"], before.get((line["LNITMSEQ"], ""), Decimal(0)))
        )
        for tax in (tax for tax in taxes if tax["LNITMSEQ"] == line["LNITMSEQ"]):
            amount = (
                _computed_tax(session, tax, part["OXTNDPRC"])
                if anew
                else share.of(tax["ORSLSTAX"], before.get((line["LNITMSEQ"], tax["TAXDTLID"]), Decimal(0)))
            )
            invoice_taxes.append(tax | target | {"ORSLSTAX": amount, "ORTOTSLS": part["OXTNDPRC"]})
        part["ORTAXAMT"] = sum(
            (tax["ORSLSTAX"] for tax in invoice_taxes if tax["LNITMSEQ"] == line["LNITMSEQ"]), Decimal(0)
        )
        invoice_lines.append(part)
        session.update("SOP10200", key | {"LNITMSEQ": line["LNITMSEQ"]}, QTYPRINV=line["QTYPRINV"] + quantity)
    first = not before
    if first:
        # header-level taxes on goods survive only a transfer in full (sources.md GP §1.3)
        lost = {"ORSLSTAX": Decimal(0)} if partial else {}
        of_lines = {line["LNITMSEQ"] for line in lines}
        others = tax_rows(taxes, by_header=not any(tax["LNITMSEQ"] in of_lines for tax in taxes))
        invoice_taxes += [tax | target | lost for tax in others if tax["LNITMSEQ"] not in of_lines]
    header = _invoice_header(order, number, document_id, day, invoice_lines, invoice_taxes, first=first)
    own = [tax for tax in invoice_taxes if tax["LNITMSEQ"] != SUMMARY]
    _store(session, header, invoice_lines, [*own, *summaries(invoice_taxes)])
    if not _left(session.select("SOP10200", **key)):
        to_history(session, session.select("SOP10100", **key)[0])
    return number


class _Share:
    """The part of an amount that goes with a part of a quantity."""

    def __init__(self, quantity: Decimal, whole: Decimal, last: bool) -> None:
        self._quantity, self._whole, self._last = quantity, whole, last

    def of(self, amount: Decimal, gone_before: Decimal) -> Decimal:
        """Half-up by quantity; the last part is what is left."""
        return amount - gone_before if self._last else cents(amount * self._quantity / self._whole)


def _shipped(order: Row, lines: list[Row], quantities: Mapping[str, Decimal] | None) -> dict[int, Decimal]:
    """Quantity by line; several lines of one item are filled in their order."""
    left = {line["LNITMSEQ"]: line["QUANTITY"] - line["QTYPRINV"] - line["QTYCANCE"] for line in lines}
    if quantities is None:
        return left
    shipped: dict[int, Decimal] = {}
    for item, wanted in quantities.items():
        for line in lines:
            if line["ITEMNMBR"].upper() == item.upper() and wanted > 0:
                taken = min(wanted, left[line["LNITMSEQ"]])
                shipped[line["LNITMSEQ"]] = taken
                wanted -= taken
        if wanted > 0:
            raise BookkeeperError(
                f"Order {order['SOPNUMBE']} has not enough of {item} left, {wanted.normalize():f} more asked for. "
                "Ship what is on the order."
            )
    return shipped


def _transferred(session: Session, order_number: str) -> dict[tuple[int, str], Decimal]:
    """What earlier invoices of the order took, by line and tax detail (blank: the line's net)."""
    taken: dict[tuple[int, str], Decimal] = {}
    for headers, lines in (("SOP10100", "SOP10200"), ("SOP30200", "SOP30300")):
        for invoice in session.select(headers, ORIGTYPE=ORDER, ORIGNUMB=order_number):
            key = {"SOPTYPE": invoice["SOPTYPE"], "SOPNUMBE": invoice["SOPNUMBE"]}
            rows = [((line["LNITMSEQ"], ""), line["OXTNDPRC"]) for line in session.select(lines, **key)]
            rows += [((t["LNITMSEQ"], t["TAXDTLID"]), t["ORSLSTAX"]) for t in session.select("SOP10105", **key)]
            for place, amount in rows:
                taken[place] = taken.get(place, Decimal(0)) + amount
    return taken


def _computed_tax(session: Session, tax: Row, net: Decimal) -> Decimal:
    detail = session.get("TX00201", TAXDTLID=tax["TAXDTLID"])
    return cents(net * detail["TXDTLPCT"] / _PERCENT) if detail else Decimal(0)


def _invoice_header(
    order: Row, number: str, document_id: str, day: date, lines: list[Row], taxes: list[Row], *, first: bool
) -> Row:
    def total(rows: list[Row], column: str) -> Decimal:
        return sum((row[column] for row in rows), Decimal(0))

    amounts = {
        "ORSUBTOT": total(lines, "OXTNDPRC"),
        "ORFRTAMT": order["ORFRTAMT"] if first else Decimal(0),
        "ORMISCAMT": order["ORMISCAMT"] if first else Decimal(0),
        "ORTAXAMT": total(taxes, "ORSLSTAX"),
        "ORFRTTAX": total(taxes, "ORFRTTAX"),
        "ORMSCTAX": total(taxes, "ORMSCTAX"),
    }
    discount = order["ORTDISAM"] if first else Decimal(0)
    amounts["ORDOCAMT"] = sum(amounts.values(), Decimal(0)) - discount
    amounts["ORTDISAM"] = discount
    identity: dict[str, Any] = {
        "SOPTYPE": INVOICE,
        "SOPNUMBE": number,
        "DOCID": document_id,
        "ORIGTYPE": ORDER,
        "ORIGNUMB": order["SOPNUMBE"],
        "BACHNUMB": batch_name("SHIP", day),
        "BCHSOURC": SALES.name,
    }
    dates = dict.fromkeys(("DOCDATE", "INVODATE", "GLPOSTDT", "DUEDATE"), day)
    rate = Rate.of(order)
    functional = {FUNCTIONAL[column]: rate.functional(amount) for column, amount in amounts.items()}
    return order | identity | dates | amounts | functional


def _store(session: Session, header: Row, lines: list[Row], taxes: list[Row]) -> None:
    rate = Rate.of(header)
    session.insert("SOP10100", header)
    for line in lines:
        line |= {functional: rate.functional(line[own]) for own, functional in LINE_FUNCTIONAL.items()}
        session.insert("SOP10200", line)
    for tax in taxes:
        tax |= {functional: rate.functional(tax[own]) for own, functional in TAX_FUNCTIONAL.items()}
        session.insert("SOP10105", tax)
    fields = session.get("SOP10106", SOPTYPE=ORDER, SOPNUMBE=header["ORIGNUMB"])
    if fields:
        session.insert("SOP10106", fields | {"SOPTYPE": header["SOPTYPE"], "SOPNUMBE": header["SOPNUMBE"]})
    distribute_sales(session, header, lines, taxes)
    ensure_batch(session, header["BACHNUMB"], SALES)


def _left(lines: list[Row]) -> Decimal:
    return sum((line["QUANTITY"] - line["QTYPRINV"] - line["QTYCANCE"] for line in lines), Decimal(0))
