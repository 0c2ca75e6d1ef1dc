"""
Money to invoices: one payment per (charge, invoice), up to what is due (accounting.md §3 rule 5).

The invoices and what is already paid on them come from our own deliveries, so that a repetition gives the same shares.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.canonical.sent import SentDocuments

__all__ = ["Allocation", "allocate"]


@dataclass(frozen=True)
class Allocation:
    """The shares as canonical payments, the charge each was made from, and the charges that (partly) wait."""

    payments: pd.DataFrame
    parents: dict[str, str]
    waiting: dict[str, str]


@dataclass
class _Invoice:
    number: str
    invoiced_on: date
    due: Decimal


def allocate(charged: pd.DataFrame, sent: SentDocuments, *, invoices: str, payments: str) -> Allocation:
    """
    Share out each payment among the invoices of its order, oldest invoice first.

    :param charged: canonical payments, one a charge.
    :param invoices: entity of the invoices delivered.
    :param payments: entity of the payments delivered.
    """
    charges = pa.Table.from_pandas(charged, preserve_index=False).to_pylist()
    chains = sorted({charge["chain_key"] for charge in charges if charge["chain_key"]})
    invoiced = sent.sent(invoices, "chain_key", chains)
    earlier = sent.sent(payments, "chain_key", chains)
    dead = sent.dead_letters(chains)
    shares: list[dict[str, Any]] = []
    parents: dict[str, str] = {}
    waiting: dict[str, str] = {}
    open_by_chain = {chain: _open_invoices(invoiced.get(chain, []), earlier.get(chain, [])) for chain in chains}
    for charge in charges:
        chain = charge["chain_key"]
        mine = [row for row in earlier.get(chain, []) if row.get("payment_id") == charge["payment_id"]]
        made = [_repeated(charge, row) for row in mine]
        left = charge["amount"] - sum((share["amount"] for share in made), Decimal(0))
        for invoice in open_by_chain.get(chain, []):
            part = min(left, invoice.due)
            if part <= 0:
                continue
            made.append(_share(charge, invoice.number, max(charge["captured_on"], invoice.invoiced_on), part))
            invoice.due -= part
            left -= part
        shares += made
        parents.update({share["record_key"]: charge["record_key"] for share in made})
        if left > 0:
            waiting[charge["record_key"]] = _why(charge, left, dead, bool(invoiced.get(chain)))
    return Allocation(_frame(shares), parents, waiting)


def _open_invoices(invoices: Iterable[dict[str, Any]], payments: list[dict[str, Any]]) -> list[_Invoice]:
    paid: dict[str, Decimal] = {}
    for row in payments:
        paid[row["invoice_number"]] = paid.get(row["invoice_number"], Decimal(0)) + Decimal(row["amount"])
    opened = [
        _Invoice(
            row["invoice_number"],
            date.fromisoformat(row["invoiced_on"]),
            Decimal(row["total"]) - paid.get(row["invoice_number"], Decimal(0)),
        )
        for row in invoices
        if row["state"] == "delivered"
    ]
    return sorted(opened, key=lambda invoice: (invoice.invoiced_on, invoice.number))


def _repeated(charge: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    return _share(charge, row["invoice_number"], date.fromisoformat(row["paid_on"]), Decimal(row["amount"]))


def _share(charge: dict[str, Any], invoice_number: str, paid_on: date, amount: Decimal) -> dict[str, Any]:
    return {
        **charge,
        "record_key": f"{charge['record_key']}/{invoice_number}",
        "invoice_number": invoice_number,
        "paid_on": paid_on,
        "amount": amount,
    }


def _why(charge: dict[str, Any], left: Decimal, dead: dict[str, str], invoiced: bool) -> str:
    amount = f"{left:.2f} {charge['currency']}"
    chain = charge["chain_key"]
    if not chain:
        return f"{amount} waits: no order named {charge['order_name']} has been read"
    if chain in dead:
        return f"{amount} waits: its order can't go on, dead letter {dead[chain]}"
    if invoiced:
        return f"{amount} waits: the invoices of order {charge['order_name']} are paid"
    return f"{amount} waits: order {charge['order_name']} has no invoice yet"


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    schema = pa.schema(list(CANONICAL["canonical.payment"]["header"].items()))
    frame: pd.DataFrame = pa.Table.from_pylist(rows, schema).to_pandas(types_mapper=pd.ArrowDtype)
    return frame
