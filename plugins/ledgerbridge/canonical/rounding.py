"""
The cents by which the invoices a ledger posted miss what the customer was charged (accounting-rules.md rules 1, 10).

A ledger may compute a partly transferred line anew. What it posted counts; the difference to the order goes to rounding
when the whole order is invoiced, and only within the tolerance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from ledgerbridge.canonical.allocation import chains_of, frame_of, rows_of_frame
from ledgerbridge.canonical.sent import SentDocuments
from ledgerbridge.canonical.settlement import NOTHING, of_goods

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cents", "Side", "cents_of_orders"]

Side = Literal["credit", "debit"]
"""Which memo settles it: a credit where the invoices are more than the order, a debit where they are less."""


@dataclass(frozen=True)
class Cents:
    """Memos to write, one an order, what each was made from, what waits and what is above the tolerance."""

    memos: pd.DataFrame
    parents: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)


def cents_of_orders(
    invoiced: pd.DataFrame, sent: SentDocuments, *, orders: str, invoices: str, side: Side, tolerance: Decimal
) -> Cents:
    """
    The memos of one side for the orders of posted invoices.

    :param invoiced: canonical memos without total, one an invoice.
    :param orders: entity of the orders delivered, with their totals and quantities.
    :param invoices: entity of the invoices delivered.
    """
    rows = rows_of_frame(invoiced)
    chains = chains_of(rows)
    ordered, delivered = sent.sent(orders, "chain_key", chains), sent.sent(invoices, "chain_key", chains)
    memos: dict[str, dict[str, Any]] = {}
    result = Cents(frame_of([], "canonical.memo"))
    for row in rows:
        key, chain = row["record_key"], row["chain_key"]
        arrived = [each for each in delivered.get(chain, []) if each["state"] == "delivered"]
        if key not in {each["record_key"] for each in arrived}:
            result.waiting[key] = "its invoice is not in the other ledger yet"
            continue
        goods = of_goods(arrived)
        if _sum(goods, "quantity") != _sum(ordered.get(chain, []), "quantity"):
            continue  # the invoice that completes the order settles it
        surplus = _sum(goods, "total") - _sum(ordered.get(chain, []), "total")
        if not surplus or (surplus > 0) != (side == "credit"):
            continue
        if abs(surplus) > tolerance:
            result.failures.append(
                _too_much(row, _sum(goods, "total"), _sum(ordered.get(chain, []), "total"), tolerance)
            )
            continue
        memo_key = f"{chain}:rounding"
        memos[memo_key] = {**row, "record_key": memo_key, "total": abs(surplus)}
        result.parents[memo_key] = key
    return Cents(frame_of(list(memos.values()), "canonical.memo"), result.parents, result.waiting, result.failures)


def _sum(documents: Iterable[dict[str, Any]], name: str) -> Decimal:
    return sum((Decimal(each.get(name) or 0) for each in documents), NOTHING)


def _too_much(row: dict[str, Any], invoiced: Decimal, ordered: Decimal, tolerance: Decimal) -> dict[str, Any]:
    return {
        "record_key": row["record_key"],
        "code": "LB-CAN-003",
        "field": "total",
        "value": f"{invoiced:.2f}",
        "message": f"the invoices of order {row['label']} are {invoiced:.2f} {row['currency']}, the customer was "
        f"charged {ordered:.2f}; more than {tolerance} apart",
        "rule": "settle_rounding",
        "remedy": "Compare the invoices with the order; correct them by a return or debit memo, then discard this.",
    }
