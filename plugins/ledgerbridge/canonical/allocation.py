"""
Money to invoices: one payment per (charge, invoice), up to what is due (accounting.md §3 rule 5).

The invoices and what is already paid on them come from our own deliveries, so that a repetition gives the same shares.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.canonical.sent import SentDocuments

__all__ = ["Allocation", "Payable", "allocate", "frame_of", "rows_of_frame", "share_out"]

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Allocation:
    """The shares as canonical records, what each was made from, and what (partly) waits or is superseded, and why."""

    shares: pd.DataFrame
    parents: dict[str, str]
    waiting: dict[str, str] = field(default_factory=dict)
    superseded: dict[str, str] = field(default_factory=dict)


@dataclass
class Payable:
    """A document money can be put on; ``due`` falls with each share."""

    number: str
    booked_on: date
    due: Decimal


def allocate(charged: pd.DataFrame, sent: SentDocuments, *, invoices: str, payments: str, refunds: str) -> Allocation:
    """
    Share out each payment among the invoices of its order, oldest invoice first.

    :param charged: canonical payments, one a charge.
    :param invoices: entity of the invoices delivered.
    :param payments: entity of the payments delivered.
    :param refunds: source entity of the gateway's refunds; one without a credit takes from what is left of its charge.
    """
    charges = rows_of_frame(charged)
    chains = sorted({charge["chain_key"] for charge in charges if charge["chain_key"]})
    invoiced = sent.sent(invoices, "chain_key", chains)
    earlier = sent.sent(payments, "chain_key", chains)
    returned = sent.records(refunds, chains)
    dead = sent.dead_letters(chains)
    shares: list[dict[str, Any]] = []
    result = Allocation(frame_of([], "canonical.payment"), {})
    payables = {chain: _open_invoices(invoiced.get(chain, []), earlier.get(chain, [])) for chain in chains}
    for charge in charges:
        chain = charge["chain_key"]
        made, left = share_out(charge, earlier.get(chain, []), payables.get(chain, []), "invoice_number", "captured_on")
        shares += made
        result.parents.update({share["record_key"]: charge["record_key"] for share in made})
        if left <= 0:
            continue
        if left <= _given_back(charge, returned.get(chain, [])):
            result.superseded[charge["record_key"]] = f"{left:.2f} {charge['currency']} was given back unused"
        else:
            result.waiting[charge["record_key"]] = _why(charge, left, dead, bool(invoiced.get(chain)))
    return Allocation(frame_of(shares, "canonical.payment"), result.parents, result.waiting, result.superseded)


def share_out(
    money: dict[str, Any], earlier: list[dict[str, Any]], payables: Iterable[Payable], number_field: str, day_field: str
) -> tuple[list[dict[str, Any]], Decimal]:
    """
    The shares of one amount: those made before, as they were, then new ones; and what is left.

    :param money: canonical payment or refund.
    :param earlier: payments delivered before in its chain.
    """
    mine = [row for row in earlier if row.get("payment_id") == money["payment_id"]]
    made = [
        _share(money, number_field, row[number_field], date.fromisoformat(row["paid_on"]), Decimal(row["amount"]))
        for row in mine
    ]
    left = money["amount"] - sum((share["amount"] for share in made), NOTHING)
    has_share = {row[number_field] for row in mine}
    for payable in payables:
        part = min(left, payable.due)
        # a document that is due again takes no second share: that would have the key of the first
        if part <= 0 or payable.number in has_share:
            continue
        made.append(_share(money, number_field, payable.number, max(money[day_field], payable.booked_on), part))
        payable.due -= part
        left -= part
    return made, left


def rows_of_frame(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as Python values."""
    rows: list[dict[str, Any]] = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return rows


def frame_of(rows: list[dict[str, Any]], entity: str) -> pd.DataFrame:
    """Rows as the header frame of a canonical record."""
    schema = pa.schema(list(CANONICAL[entity]["header"].items()))
    frame: pd.DataFrame = pa.Table.from_pylist(rows, schema).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def _share(money: dict[str, Any], number_field: str, number: str, paid_on: date, amount: Decimal) -> dict[str, Any]:
    return {
        **money,
        "record_key": f"{money['record_key']}/{number}",
        number_field: number,
        "paid_on": paid_on,
        "amount": amount,
    }


def _open_invoices(invoices: Iterable[dict[str, Any]], payments: list[dict[str, Any]]) -> list[Payable]:
    paid: dict[str, Decimal] = {}
    for row in payments:
        number = row.get("invoice_number")
        if number:
            paid[number] = paid.get(number, NOTHING) + Decimal(row["amount"])
    opened = [
        Payable(
            row["invoice_number"],
            date.fromisoformat(row["invoiced_on"]),
            Decimal(row["total"]) - paid.get(row["invoice_number"], NOTHING),
        )
        for row in invoices
        if row["state"] == "delivered"
    ]
    return sorted(opened, key=lambda invoice: (invoice.booked_on, invoice.number))


def _given_back(charge: dict[str, Any], refunds: list[dict[str, Any]]) -> Decimal:
    mine = (row for row in refunds if row["outcome"] == "superseded" and row["charge_id"] == charge["payment_id"])
    return sum((Decimal(row["amount"]) for row in mine), NOTHING)


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
