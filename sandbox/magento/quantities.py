"""How many pieces of an order's rows can still be invoiced, shipped, canceled or refunded, and which are picked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from sandbox.magento.errors import EventRefused
from sandbox.magento.events import Pick
from sandbox.magento.taxes import ZERO
from sandbox.magento.wire import amount

__all__ = ["Action", "is_top", "left", "left_of", "picked"]

Json = dict[str, Any]
Action = Literal["invoice", "ship", "cancel", "refund"]


def is_top(item: Json) -> bool:
    """Whether the row is a product of the cart, not one inside another."""
    return "parent_item_id" not in item


def left_of(item: Json, action: Action) -> Decimal:
    """How many pieces of a row are left for that."""
    ordered, canceled = amount(item, "qty_ordered"), amount(item, "qty_canceled")
    invoiced, refunded = amount(item, "qty_invoiced"), amount(item, "qty_refunded")
    unshipped = ordered - amount(item, "qty_shipped") - refunded
    match action:
        case "invoice":
            return ordered - invoiced - canceled
        case "ship":
            return ZERO if item["is_virtual"] else max(unshipped - canceled, ZERO)
        case "cancel":
            return max(min(ordered - invoiced, unshipped) - canceled, ZERO)
        case "refund":
            return invoiced - refunded


def left(order: Json, action: Action) -> dict[int, Decimal]:
    """The same of all rows, by item id."""
    return {item["item_id"]: left_of(item, action) for item in order["items"]}


def picked(
    order: Json, lines: list[Pick] | None, action: Action, *, may_be_nothing: bool = False
) -> dict[int, Decimal]:
    """
    By item id how many pieces; children go along with their parent.

    :param lines: by sku; None for all that is left.
    :raises EventRefused: there is not so much left, or nothing is.
    """
    available = left(order, action)
    quantities = available if lines is None else dict.fromkeys(available, ZERO)
    for pick in lines or []:
        row = _row_of(order, pick, available, quantities)
        for item in order["items"]:
            if row["item_id"] in (item["item_id"], item.get("parent_item_id")):
                quantities[item["item_id"]] += item["qty_ordered"] * pick.quantity / Decimal(row["qty_ordered"])
    if not may_be_nothing and not any(quantities.values()):
        raise EventRefused(f"Order {order['increment_id']}: nothing is left to {action}.")
    return quantities


def _row_of(order: Json, pick: Pick, available: dict[int, Decimal], taken: dict[int, Decimal]) -> Json:
    """The top row of that sku that still has so many pieces."""
    for item in order["items"]:
        there = available[item["item_id"]] - taken[item["item_id"]]
        if is_top(item) and item["sku"] == pick.sku and there >= pick.quantity:
            row: Json = item
            return row
    raise EventRefused(
        f"Order {order['increment_id']} has no row {pick.sku} with {pick.quantity} left. Take fewer, or another sku."
    )
