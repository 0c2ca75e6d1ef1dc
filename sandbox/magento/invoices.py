"""
Invoices: each takes its share of what the order still has to invoice; the first takes shipping, the last the rest.

Source: sources.md Magento (revenue belongs to invoices; configurable and bundle rows).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.magento.taxes import ZERO, Carry, cents
from sandbox.magento.wire import SIDES, amount, side_name

__all__ = ["invoice_amounts", "share", "sum_up"]

Json = dict[str, Any]


def share(rest: Decimal, quantity: Decimal, available: Decimal, carry: Carry) -> Decimal:
    """The part of ``rest`` that ``quantity`` of ``available`` pieces has; the last pieces take all of it."""
    return rest if quantity == available else carry.round(rest / available * quantity)


def invoice_amounts(order: Json, invoice: Json, quantities: dict[int, Decimal]) -> None:
    """
    Fill the invoice's rows and totals, and count them as invoiced on the order and its rows.

    :param quantities: by item id, dummies included; all within what is left to invoice.
    """
    first = not amount(order, "_shipping_invoiced")
    invoice["items"] = [
        _row(item, quantities[item["item_id"]]) for item in order["items"] if quantities[item["item_id"]]
    ]
    rows = {row["order_item_id"]: row for row in invoice["items"]}
    for side in SIDES:
        carry = Carry()
        for item in order["items"]:
            if item["item_id"] in rows and not item.get("_dummy"):
                _invoice_row(item, rows[item["item_id"]], side, carry)
        _shipping(order, invoice, side, first=first)
        sum_up(invoice, side, -amount(invoice, side_name(side, "shipping_discount_amount")))
        _count(order, invoice, side)
    order["_shipping_invoiced"] = 1
    for item in order["items"]:
        item["qty_invoiced"] += quantities[item["item_id"]]


def _row(item: Json, quantity: Decimal) -> Json:
    return {
        "order_item_id": item["item_id"],
        "product_id": item["product_id"],
        "sku": item["sku"],
        "name": item["name"],
        "qty": quantity,
        "_dummy": item.get("_dummy"),
    }


def _invoice_row(item: Json, row: Json, side: str, carry: Carry) -> None:
    quantity, ordered = row["qty"], amount(item, "qty_ordered")
    left = ordered - amount(item, "qty_invoiced")
    for name, done in (
        ("row_total", "row_invoiced"),
        ("tax_amount", "tax_invoiced"),
        ("discount_amount", "discount_invoiced"),
        ("discount_tax_compensation_amount", "discount_tax_compensation_invoiced"),
    ):
        rest = amount(item, side + name) - amount(item, side + done)
        row[side + name] = share(rest, quantity, left, carry)
        item[side + done] = amount(item, side + done) + row[side + name]
    row[f"{side}price"], row[f"{side}price_incl_tax"] = item[f"{side}price"], item[f"{side}price_incl_tax"]
    row[f"{side}row_total_incl_tax"] = cents(amount(item, f"{side}row_total_incl_tax") / ordered * quantity)


def _shipping(order: Json, invoice: Json, side: str, *, first: bool) -> None:
    for name in (
        "shipping_amount",
        "shipping_incl_tax",
        "shipping_tax_amount",
        "shipping_discount_amount",
        "shipping_discount_tax_compensation_amount",
    ):
        field = side_name(side, name)
        invoice[field] = amount(order, field) if first else ZERO


def sum_up(document: Json, side: str, shipping_discount: Decimal) -> None:
    """
    The totals of an invoice or credit memo from its rows and its shipping.

    Its compensation includes shipping's, where the order tells the two apart.
    """
    rows = [row for row in document["items"] if not row.get("_dummy")]

    def total(name: str) -> Decimal:
        return sum((amount(row, side + name) for row in rows), ZERO)

    compensation = amount(document, side_name(side, "shipping_discount_tax_compensation_amount"))
    document |= {
        f"{side}subtotal": total("row_total"),
        f"{side}subtotal_incl_tax": total("row_total_incl_tax"),
        f"{side}discount_amount": shipping_discount - total("discount_amount"),
        f"{side}tax_amount": total("tax_amount") + amount(document, f"{side}shipping_tax_amount"),
        f"{side}discount_tax_compensation_amount": total("discount_tax_compensation_amount") + compensation,
    }
    document[f"{side}grand_total"] = sum(
        (
            amount(document, side + name)
            for name in (
                "subtotal",
                "shipping_amount",
                "tax_amount",
                "discount_tax_compensation_amount",
                "discount_amount",
            )
        ),
        ZERO,
    )


def _count(order: Json, invoice: Json, side: str) -> None:
    for done, name in (
        ("subtotal_invoiced", "subtotal"),
        ("tax_invoiced", "tax_amount"),
        ("shipping_invoiced", "shipping_amount"),
        ("discount_invoiced", "discount_amount"),
        ("discount_tax_compensation_invoiced", "discount_tax_compensation_amount"),
        ("total_invoiced", "grand_total"),
    ):
        order[side + done] = amount(order, side + done) + amount(invoice, side + name)
