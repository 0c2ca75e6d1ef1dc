"""
Money given back: on the credit it was given back for; what was never on an invoice cancels against its charge.

A shop tells which refund of the gateway belongs to which return or goodwill (accounting-rules.md §2, rules 5, 6, 8, 9).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledgerbridge.canonical.allocation import Allocation, chains_of, frame_of, rows_of_frame, share_out
from ledgerbridge.canonical.sent import SentDocuments
from ledgerbridge.canonical.settlement import NOTHING, Credit, Payable, cancelled_of, credits_of, is_refund_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["allocate_refunds"]

_UNDER_WAY = ("read", "held")


def allocate_refunds(
    refunded: pd.DataFrame,
    sent: SentDocuments,
    *,
    credits: str,
    payments: str,
    allocations: str,
    makers: Mapping[str, tuple[str, ...]],
    charges: str,
    refunds: str,
    promised: tuple[str, ...],
) -> Allocation:
    """
    Put each refund on the credit notes made for it, then on what is free of the order's others.

    One whose money the bank sent back is put on nothing; where a payment was made of it, people take that back.

    :param refunded: canonical refunds.
    :param credits: entity of the credit notes delivered.
    :param payments: entity of the payments delivered.
    :param allocations: entity of the credits delivered onto invoices.
    :param makers: by source entity of orders the legs that make credits of what the shop recorded: before they have
        looked at it nothing cancels, and a refund the shop has not recorded waits.
    :param charges: source entity of the gateway's charges; what of one is on no invoice a refund cancels against.
    :param refunds: their own source entity.
    :param promised: entities of the returns and memos that become credit notes once they are posted.
    """
    rows = rows_of_frame(refunded)
    chains = chains_of(rows)
    noted, earlier, settled = (sent.sent(entity, "chain_key", chains) for entity in (credits, payments, allocations))
    charged, returned = (sent.records(entity, chains) for entity in (charges, refunds))
    coming = [sent.sent(entity, "chain_key", chains) for entity in promised]
    ordered: dict[str, list[dict[str, Any]]] = {}
    looked_at: dict[str, int] = {}
    for entity, legs in makers.items():
        of_shop = sent.records(entity, chains)
        ordered |= of_shop
        looked_at |= dict.fromkeys(of_shop, sent.done_with(entity, legs))
    shares: list[dict[str, Any]] = []
    result = Allocation(frame_of([], "canonical.refund"), {})
    fresh: list[dict[str, Any]] = []
    for refund in rows:
        chain, key = refund["chain_key"], refund["record_key"]
        records, mine = ordered.get(chain, []), _of(refund, earlier.get(chain, []))
        if refund["failed_on"]:
            if mine:
                result.failures.append(_failed(refund, mine))
            else:
                result.superseded[key] = f"the bank sent it back on {refund['failed_on']}, before it was booked"
            continue
        paid = [*earlier.get(chain, []), *(share for share in fresh if share["chain_key"] == chain)]
        notes = credits_of(noted.get(chain, []), paid, settled.get(chain, []))
        made, left = share_out(
            refund, refund["amount"], earlier.get(chain, []), _payables(refund, notes), "credit_number",
            ("refunded_on", "paid_on"),
        )  # fmt: skip
        shares += made
        fresh += made[len(mine) :]
        result.parents.update({share["record_key"]: key for share in made})
        if left <= 0:
            continue
        amount = f"{left:.2f} {refund['currency']}"
        expected = _promised(refund, [row for documents in coming for row in documents.get(chain, [])])
        recorded = [row for row in records if is_refund_of(refund["payment_id"], row.get("refund_ids"))]
        if not recorded:
            result.waiting[key] = f"{amount} waits: the shop has not recorded refund {refund['payment_id']}"
        elif stuck := [row["reason"] for row in records if row["outcome"] in ("rejected", "waiting") and _is_sold(row)]:
            result.waiting[key] = f"{amount} waits: {stuck[0]}"
        elif any(row["outcome"] in _UNDER_WAY or row["change"] > looked_at[chain] for row in recorded):
            result.waiting[key] = f"{amount} waits: its order, which tells what it is for, is under way"
        elif expected > refund["amount"] - left:
            result.waiting[key] = f"{amount} waits: its credit is not posted yet"
        elif left > _unused(refund, charged.get(chain, []), earlier.get(chain, []), returned.get(chain, [])):
            result.waiting[key] = f"{amount} waits: no credit stands for it"
        elif not made:
            result.superseded[key] = f"{amount} cancels against its charge: it was never on an invoice"
        elif refund["rate"] is not None:
            # what the rate made of a part is no entry's: exchange_of_unused is of whole refunds
            result.waiting[key] = f"{amount} waits: a part of a refund in another currency has no credit"
    made_of = frame_of(shares, "canonical.refund")
    return Allocation(made_of, result.parents, result.waiting, result.superseded, result.failures)


def _failed(refund: dict[str, Any], payments: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The failure of a refund that was booked before the bank sent its money back."""
    amount = f"{refund['amount']:.2f} {refund['currency']}"
    notes = ", ".join(sorted({payment["credit_number"] for payment in payments}))
    return {
        "record_key": refund["record_key"],
        "code": "LB-CAN-005",
        "field": "failed_on",
        "value": str(refund["failed_on"]),
        "message": f"the bank sent {amount} of refund {refund['payment_id']} back on {refund['failed_on']}, "
        f"after it was paid on {notes}",
        "rule": "allocate_to_credits",
        "remedy": f"The customer has not been paid: delete the payment on {notes} in the ledger that shows it, and in "
        "the other unapply and void the debit memo made of it. Then close the letter, and give the money back again.",
    }


def _is_sold(row: dict[str, Any]) -> bool:
    """Whether a record of the shop is of what was sold: money it tells of may itself wait for what refunds do."""
    return not row.get("gateway")


def _payables(refund: dict[str, Any], notes: Iterable[Credit]) -> list[Payable]:
    """The credits made for this refund, then what no other refund is going to take of the others."""
    mine = [note for note in notes if is_refund_of(refund["payment_id"], note.refund_ids)]
    others = [note for note in notes if not is_refund_of(refund["payment_id"], note.refund_ids)]
    return [
        *(Payable(note.number, note.booked_on, note.due) for note in mine),
        *(Payable(note.number, note.booked_on, note.free) for note in others),
    ]


def _of(money: dict[str, Any], payments: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in payments if row.get("payment_id") == money["payment_id"] and row.get("credit_number")]


def _unused(
    refund: dict[str, Any],
    charges: Iterable[dict[str, Any]],
    payments: Iterable[dict[str, Any]],
    refunds: Iterable[dict[str, Any]],
) -> Decimal:
    """What of the refund's charge is on no invoice, and was not given back before."""
    charge = refund["charge_id"]
    captured = _sum(row for row in charges if row.get("payment_id") == charge)
    payments = list(payments)
    others = (row for row in refunds if row.get("payment_id") != refund["payment_id"])
    used = _sum(row for row in payments if row.get("payment_id") == charge)
    return captured - used - sum((cancelled_of(row, charge, payments) for row in others), NOTHING)


def _sum(rows: Iterable[dict[str, Any]]) -> Decimal:
    return sum((Decimal(row["amount"]) for row in rows), NOTHING)


def _promised(refund: dict[str, Any], documents: Iterable[dict[str, Any]]) -> Decimal:
    mine = (row for row in documents if is_refund_of(refund["payment_id"], row.get("payment_id")))
    return sum((Decimal(row["total"]) for row in mine), NOTHING)
