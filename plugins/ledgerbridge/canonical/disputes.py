"""
What a payer's bank took back: a loss as far as its charge is on invoices (accounting-rules.md rule 7).

What of the charge is on none is no income, and its going back no loss: the two cancel each other, as with a refund.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledgerbridge.canonical.allocation import Allocation, chains_of, frame_of, rows_of_frame
from ledgerbridge.canonical.sent import SentDocuments
from ledgerbridge.canonical.settlement import (
    NOTHING,
    cancelled_of,
    cancelled_orders,
    of_goods,
    taken_back,
    worth_when_captured,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["follow_charges"]

Row = dict[str, Any]

_DONE = ("superseded", "delivered", "unchanged")
"""What becomes of a charge of which nothing waits."""


def follow_charges(
    moved: pd.DataFrame,
    sent: SentDocuments,
    *,
    charges: str,
    refunds: str,
    disputes: str,
    payments: str,
    entries: str,
    orders: str,
    invoices: str,
    sold: tuple[str, ...],
    exchange: str,
) -> Allocation:
    """
    Each dispute's money as far as it is lost; the other movements as they are.

    What an invoice may still take of its charge keeps it waiting. What the bank gives back goes as it was taken; where
    the charge is done with, it waits until it was given back to the customer.

    :param moved: canonical movements; a dispute's have ``charge_id``.
    :param charges: source entity of the gateway's charges, :param refunds: of its refunds, :param disputes: of the
        movements themselves, :param sold: those of the shops' orders.
    :param payments: entity of the payments delivered, :param entries: of the entries made of movements, :param orders:
        of the orders, :param invoices: of the invoices.
    :param exchange: account role of what a gateway's rates bring and take.
    """
    rows = rows_of_frame(moved)
    chains = chains_of(row for row in rows if row["charge_id"])
    captured, returned, told = (sent.records(entity, chains) for entity in (charges, refunds, disputes))
    paid, booked, invoiced = (sent.sent(entity, "chain_key", chains) for entity in (payments, entries, invoices))
    of_orders = sent.sent(orders, "record_key", chains)
    ended = cancelled_orders(
        {chain: [row for entity in sold for row in sent.records(entity, [chain]).get(chain, [])] for chain in chains},
        of_orders,
        {chain: of_goods(invoiced.get(chain, [])) for chain in chains},
    )
    result = Allocation(frame_of([], "canonical.gateway_movement"), {})
    kept = [row for row in rows if not row["charge_id"]]
    by_charge: dict[tuple[str | None, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["charge_id"]:
            by_charge[row["chain_key"], row["charge_id"]].append(row)
    for (chain, identity), mine in by_charge.items():
        charge = _charge(captured.get(chain or "", []), identity)
        if charge is None:  # people enter its charge by hand: nothing else takes of it
            kept += mine
            continue
        keys = {row["record_key"] for row in mine}
        money = _Money.of(
            charge, paid.get(chain or "", []), returned.get(chain or "", []),
            [row for row in told.get(chain or "", []) if row.get("record_key") not in keys],
            [row for row in booked.get(chain or "", []) if row["record_key"] not in keys],
        )  # fmt: skip
        for row in sorted(mine, key=lambda row: (row["moved_on"], -row["disputed"], row["record_key"])):
            unused = money.unused_of(row["disputed"])
            if money.waits or (unused > 0 and chain not in ended):
                money.waits = True
                result.waiting[row["record_key"]] = (
                    f"{abs(row['disputed']):.2f} of {identity} waits: it is on no invoice of its order yet; "
                    "where nothing is shipped, cancel the order in the shop"
                )
                continue
            if charge["outcome"] in _DONE and unused < 0 < money.left - unused:
                # nobody looks at the charge again: what the bank gave back of it is told by the movement
                result.waiting[row["record_key"]] = (
                    f"{-unused:.2f} of {identity} waits: its bank gave it back, and its order is cancelled; "
                    "give it back to the customer"
                )
                continue
            money.take(row["disputed"], unused)
            entry = _entry(row, charge, unused, money.first_day, exchange)
            if entry["amount"]:
                kept.append(entry)
            else:
                result.superseded[row["record_key"]] = f"{unused:.2f} cancels against its charge: it was on no invoice"
    return Allocation(frame_of(kept, "canonical.gateway_movement"), result.parents, result.waiting, result.superseded)


def _charge(records: list[Row], identity: str) -> Row | None:
    """A charge that goes the flow's way; one that is a dead letter does not."""
    found = (row for row in records if row.get("payment_id") == identity and row.get("captured_on"))
    return next((row for row in found if row["outcome"] != "rejected"), None)


@dataclass
class _Money:
    """What became of a charge, in its currency: on invoices since ``first_day``, of that lost, and what is left."""

    used: Decimal
    left: Decimal
    cancelled: Decimal
    first_day: date | None
    lost: Decimal = NOTHING
    waits: bool = False

    @classmethod
    def of(
        cls, charge: Row, payments: list[Row], refunds: list[Row], records: list[Row], documents: list[Row]
    ) -> _Money:
        identity = charge["payment_id"]
        shares = [row for row in payments if row.get("payment_id") == identity and row.get("invoice_number")]
        used = sum((Decimal(row["amount"]) for row in shares), NOTHING)
        refunded = sum((cancelled_of(row, identity, payments) for row in refunds), NOTHING)
        cancelled = taken_back(identity, records, documents)
        lost = sum((Decimal(row["lost"]) for row in documents if _is_loss(row, identity)), NOTHING)
        left = Decimal(charge["amount"]) - used - refunded - cancelled
        days = [date.fromisoformat(row["paid_on"]) for row in shares]
        return cls(used, left, cancelled, min(days, default=None), lost)

    def unused_of(self, disputed: Decimal) -> Decimal:
        """What of a dispute's money is on no invoice; below zero of what the bank gives back."""
        if disputed < 0:
            return -min(-disputed, self.cancelled)
        beyond = disputed - min(disputed, max(self.used - self.lost, NOTHING))
        return min(beyond, max(self.left, NOTHING))

    def take(self, disputed: Decimal, unused: Decimal) -> None:
        """Settle it so."""
        self.lost += disputed - unused
        self.cancelled += unused
        self.left -= unused


def _is_loss(row: Row, identity: str) -> bool:
    return row.get("charge_id") == identity and row.get("lost") is not None


def _entry(row: Row, charge: Row, unused: Decimal, first_day: date | None, exchange: str) -> Row:
    """What is booked of it; of what cancels that is what the gateway's rate made of it meanwhile."""
    lost = row["disputed"] - unused
    role = row["role"] if lost else exchange
    day = max(row["moved_on"], first_day) if lost and first_day else row["moved_on"]
    worth = _worth(charge, abs(unused)).copy_sign(unused) if unused else NOTHING
    return {**row, "role": role, "moved_on": day, "lost": lost, "amount": row["amount"] - worth}


def _worth(charge: Row, amount: Decimal) -> Decimal:
    in_base = charge.get("rate") is None and charge.get("settled") is None
    return amount if in_base else worth_when_captured(charge, amount)
