"""
An order with its credit memos, the tax of each row by detail.

Magento says of a memo's row how much tax was given back, not of which detail. The order's own details tell in which
proportion; all memos together give back of each detail what the order has, to the cent.

Source: sources.md Magento (credit memo; extension attributes of the order).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

__all__ = ["with_credit_memos"]

Json = dict[str, Any]
_CENT = Decimal("0.01")
_NOTHING = Decimal(0)


def with_credit_memos(order: Json, memos: Sequence[Json]) -> Json:
    """
    The order with ``credit_memos``: each as Magento shows it, its rows with ``applied_taxes`` (``code``, ``amount``),
    itself with ``shipping_applied_taxes``.

    :param memos: all of the order's, oldest first.
    """
    of_rows, of_shipping = _applied(order)
    before: dict[Any, Decimal] = {}
    whole = []
    for memo in memos:
        rows = [
            {**row, "applied_taxes": _next_part(of_rows.get(row["order_item_id"], []), row, "tax_amount", before)}
            for row in memo["items"]
        ]
        shipping = memo if _amount(memo, "shipping_amount") or _amount(memo, "shipping_tax_amount") else {}
        whole.append(
            {
                **memo,
                "items": rows,
                "shipping_applied_taxes": _next_part(of_shipping, shipping, "shipping_tax_amount", before)
                if shipping
                else [],
            }
        )
    return {**order, "credit_memos": whole}


def _applied(order: Json) -> tuple[dict[Any, list[Json]], list[Json]]:
    """The taxes of the order's rows by row, and those of its shipping."""
    rows: dict[Any, list[Json]] = {}
    shipping: list[Json] = []
    for applied in (order.get("extension_attributes") or {}).get("item_applied_taxes") or []:
        if applied.get("type") == "shipping":
            shipping += applied["applied_taxes"]
        else:
            rows.setdefault(applied.get("item_id"), []).extend(applied["applied_taxes"])
    return rows, shipping


def _next_part(applied: Sequence[Json], credited: Json, name: str, before: dict[Any, Decimal]) -> list[Json]:
    """What is credited of each detail now, given what was credited ``before``; that is moved on."""
    key = credited.get("order_item_id")
    earlier = before.get(key, _NOTHING)
    before[key] = earlier + _amount(credited, name)
    weights = [_amount(tax, "amount") for tax in applied]
    return [
        {"code": tax["code"], "amount": str(now - then)}
        for tax, now, then in zip(applied, _shared(before[key], weights), _shared(earlier, weights), strict=True)
    ]


def _shared(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """The amount in proportion to the weights, each to the cent and all together the amount."""
    whole = sum(weights, _NOTHING)
    shares, shared, weight_so_far = [], _NOTHING, _NOTHING
    for weight in weights:
        weight_so_far += weight
        up_to = (amount * weight_so_far / whole).quantize(_CENT, ROUND_HALF_UP) if whole else _NOTHING
        shares.append(up_to - shared)
        shared = up_to
    return shares


def _amount(row: Json, name: str) -> Decimal:
    return Decimal(str(row.get(name) or 0))
