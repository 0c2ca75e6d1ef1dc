"""
Money given back: on the credit it was given back for; what no credit stands for cancels against its charge.

A shop tells which refund of the gateway belongs to which return or goodwill (accounting.md §2, §3 rules 5, 6, 8, 9).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from ledgerbridge.canonical.allocation import NOTHING, Allocation, Payable, frame_of, rows_of_frame, share_out
from ledgerbridge.canonical.sent import SentDocuments

__all__ = ["allocate_refunds"]


def allocate_refunds(
    refunded: pd.DataFrame,
    sent: SentDocuments,
    *,
    credits: str,
    payments: str,
    orders: str,
    promised: tuple[str, ...],
) -> Allocation:
    """
    Put each refund on the credit notes made for it.

    :param refunded: canonical refunds.
    :param credits: entity of the credit notes delivered.
    :param payments: entity of the payments delivered.
    :param orders: source entity of orders; a refund the shop has not recorded waits.
    :param promised: entities of the returns and memos that become credit notes once they are posted.
    """
    refunds = rows_of_frame(refunded)
    chains = sorted({refund["chain_key"] for refund in refunds if refund["chain_key"]})
    noted = sent.sent(credits, "chain_key", chains)
    earlier = sent.sent(payments, "chain_key", chains)
    ordered = sent.records(orders, chains)
    coming = [sent.sent(entity, "chain_key", chains) for entity in promised]
    shares: list[dict[str, Any]] = []
    result = Allocation(frame_of([], "canonical.refund"), {})
    for refund in refunds:
        chain, key = refund["chain_key"], refund["record_key"]
        records = ordered.get(chain, [])
        open_credits = _open_credits(refund, noted.get(chain, []), earlier.get(chain, []))
        made, left = share_out(refund, earlier.get(chain, []), open_credits, "credit_number", "refunded_on")
        shares += made
        result.parents.update({share["record_key"]: key for share in made})
        if left <= 0:
            continue
        amount = f"{left:.2f} {refund['currency']}"
        expected = _promised(refund, [row for rows in coming for row in rows.get(chain, [])])
        if not any(refund["payment_id"] in str(row.get("refund_ids") or "").split("+") for row in records):
            result.waiting[key] = f"{amount} waits: the shop has not recorded refund {refund['payment_id']}"
        elif stuck := [row["reason"] for row in records if row["outcome"] in ("rejected", "held", "waiting")]:
            result.waiting[key] = f"{amount} waits: {stuck[0]}"
        elif expected > refund["amount"] - left:
            result.waiting[key] = f"{amount} waits: its credit is not posted yet"
        elif made:
            result.waiting[key] = f"{amount} waits: no credit stands for it"
        else:
            result.superseded[key] = f"{amount} cancels against its charge: it was never on an invoice"
    return Allocation(frame_of(shares, "canonical.refund"), result.parents, result.waiting, result.superseded)


def _open_credits(
    refund: dict[str, Any], notes: Iterable[dict[str, Any]], payments: Iterable[dict[str, Any]]
) -> list[Payable]:
    paid: dict[str, Decimal] = {}
    for row in payments:
        number = row.get("credit_number")
        if number:
            paid[number] = paid.get(number, NOTHING) + Decimal(row["amount"])
    return [
        Payable(
            row["credit_number"],
            date.fromisoformat(row["credited_on"]),
            Decimal(row["total"]) - paid.get(row["credit_number"], NOTHING),
        )
        for row in notes
        if row["state"] == "delivered" and row.get("payment_id") == refund["payment_id"]
    ]


def _promised(refund: dict[str, Any], documents: Iterable[dict[str, Any]]) -> Decimal:
    return sum((Decimal(row["total"]) for row in documents if row.get("payment_id") == refund["payment_id"]), NOTHING)
