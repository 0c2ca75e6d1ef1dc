"""
Credit memos: shares of what was invoiced, shipping, and adjustments that have neither lines nor tax.

Source: sources.md Magento (credit memo).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.magento.errors import EventRefused
from sandbox.magento.invoices import share, sum_up
from sandbox.magento.taxes import ZERO, Carry, cents
from sandbox.magento.wire import SIDES, amount, side_name

__all__ = ["Refund", "credit_amounts"]

Json = dict[str, Any]
_SHIPPING_PARTS = (
    "shipping_amount",
    "shipping_incl_tax",
    "shipping_tax_amount",
    "shipping_discount_amount",
    "shipping_discount_tax_compensation_amount",
)


@dataclass(frozen=True)
class Refund:
    """
    What is given back; amounts in the base currency.

    :param quantities: by item id, dummies included.
    :param shipping: without tax; None for all that is left.
    """

    quantities: dict[int, Decimal]
    shipping: Decimal | None
    adjustment_positive: Decimal
    adjustment_negative: Decimal


def credit_amounts(order: Json, memo: Json, refund: Refund) -> None:
    """
    Fill the memo's rows and totals, and count them as refunded on the order and its rows.

    :raises EventRefused: more shipping or money than is left, or nothing.
    """
    memo["items"] = [
        _row(item, quantity) for item in order["items"] if (quantity := refund.quantities[item["item_id"]])
    ]
    rows = {row["order_item_id"]: row for row in memo["items"]}
    part = _shipping_part(order, refund.shipping)
    for side in SIDES:
        carry = Carry()
        for item in order["items"]:
            if item["item_id"] in rows and not item.get("_dummy"):
                _credit_row(item, rows[item["item_id"]], side, carry)
        _shipping(order, memo, side, part)
        sum_up(memo, side, -amount(memo, side_name(side, "shipping_discount_amount")))
        _adjust(order, memo, side, refund)
    _check(order, memo)
    for side in SIDES:
        _count(order, memo, side)
        del memo[side_name(side, "shipping_discount_amount")]
    for item in order["items"]:
        item["qty_refunded"] += refund.quantities[item["item_id"]]


def _row(item: Json, quantity: Decimal) -> Json:
    # what stands on the parent is not even named on its children
    return {
        "order_item_id": item["item_id"],
        "product_id": item["product_id"],
        "sku": item["sku"],
        "name": item["name"],
        "qty": quantity,
        "_dummy": item.get("_dummy"),
    }


def _credit_row(item: Json, row: Json, side: str, carry: Carry) -> None:
    quantity = row["qty"]
    left = amount(item, "qty_invoiced") - amount(item, "qty_refunded")
    for name, invoiced, refunded in (
        ("row_total", "row_invoiced", "amount_refunded"),
        ("tax_amount", "tax_invoiced", "tax_refunded"),
        ("discount_amount", "discount_invoiced", "discount_refunded"),
        (
            "discount_tax_compensation_amount",
            "discount_tax_compensation_invoiced",
            "discount_tax_compensation_refunded",
        ),
    ):
        rest = amount(item, side + invoiced) - amount(item, side + refunded)
        row[side + name] = share(rest, quantity, left, carry)
        item[side + refunded] = amount(item, side + refunded) + row[side + name]
    row[f"{side}price"], row[f"{side}price_incl_tax"] = item[f"{side}price"], item[f"{side}price_incl_tax"]
    with_tax = amount(item, f"{side}row_total_incl_tax") / amount(item, "qty_ordered") * quantity
    row[f"{side}row_total_incl_tax"] = cents(with_tax)


def _shipping_part(order: Json, wanted: Decimal | None) -> Decimal | None:
    """Which part of the order's shipping is given back; None for the rest of it."""
    left = amount(order, "base_shipping_invoiced") - amount(order, "base_shipping_refunded")
    if wanted is None or cents(wanted) == left:
        return None
    if wanted > left:
        raise EventRefused(f"Maximum shipping amount allowed to refund is: {left}")
    return cents(wanted) / amount(order, "base_shipping_amount") if wanted else ZERO


def _shipping(order: Json, memo: Json, side: str, part: Decimal | None) -> None:
    for name in _SHIPPING_PARTS:
        field = side_name(side, name)
        refunded = f"_{field}_refunded"
        invoiced = amount(order, field) if order.get("_shipping_invoiced") else ZERO
        given = invoiced - amount(order, refunded) if part is None else cents(invoiced * part)
        memo[field] = given
        order[refunded] = amount(order, refunded) + given


def _adjust(order: Json, memo: Json, side: str, refund: Refund) -> None:
    rate = Decimal(1) if side else amount(order, "base_to_order_rate")
    positive, negative = cents(refund.adjustment_positive * rate), cents(refund.adjustment_negative * rate)
    memo |= {
        f"{side}adjustment_positive": positive,
        f"{side}adjustment_negative": negative,
        f"{side}adjustment": positive - negative,
    }
    memo[f"{side}grand_total"] += positive - negative


def _check(order: Json, memo: Json) -> None:
    left = amount(order, "base_total_paid") - amount(order, "base_total_refunded")
    if memo["base_grand_total"] > left:
        raise EventRefused(f"The most money available to refund is {left}.")
    if memo["base_grand_total"] <= 0:
        raise EventRefused("The credit memo's total must be positive.")


def _count(order: Json, memo: Json, side: str) -> None:
    for done, name in (
        ("subtotal_refunded", "subtotal"),
        ("tax_refunded", "tax_amount"),
        ("shipping_refunded", "shipping_amount"),
        ("shipping_tax_refunded", "shipping_tax_amount"),
        ("discount_refunded", "discount_amount"),
        ("discount_tax_compensation_refunded", "discount_tax_compensation_amount"),
        ("adjustment_positive", "adjustment_positive"),
        ("adjustment_negative", "adjustment_negative"),
        ("total_refunded", "grand_total"),
    ):
        order[side + done] = amount(order, side + done) + amount(memo, side + name)
