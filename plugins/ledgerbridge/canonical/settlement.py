"""
What is open of a chain's invoices and credits, by our own deliveries, so that a repetition gives the same shares.

Payments and allocations settle: a payment an invoice or a credit, an allocation one of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

__all__ = [
    "CENT",
    "NOTHING",
    "TOLERANCE",
    "Credit",
    "Payable",
    "cancelled_of",
    "cancelled_orders",
    "credits_of",
    "is_at_another_rate",
    "is_exchange_difference",
    "is_refund_of",
    "is_voided",
    "of_goods",
    "open_invoices",
    "taken_back",
    "worth_when_captured",
]

NOTHING = Decimal(0)
CENT = Decimal("0.01")
TOLERANCE = 2 * CENT
"""What a ledger's own arithmetic may make of the parts of a document."""
_INVOICES = ("invoice", "1")
"""What an invoice's `document_type` is, and was once."""

Row = dict[str, Any]


@dataclass
class Payable:
    """A document money or credit can be put on; ``due`` falls with each share."""

    number: str
    booked_on: date
    due: Decimal


@dataclass(frozen=True)
class Credit:
    """
    A credit note and what is left of it.

    :param refund_ids: gateway ids of the refunds that gave its money back, joined by +; None without any.
    :param due: its total less what was paid out and allocated.
    :param free: what of it no refund of its own is going to take.
    """

    number: str
    booked_on: date
    refund_ids: str | None
    due: Decimal
    free: Decimal


def of_goods(invoices: Iterable[Row]) -> list[Row]:
    """Invoices of what was sold, without those that a memo became (cents, fees)."""
    return [row for row in invoices if str(row.get("document_type") or "invoice") in _INVOICES]


def open_invoices(invoices: Iterable[Row], settlements: Iterable[Row]) -> list[Payable]:
    """What is due on each delivered invoice, oldest first."""
    settled = _settled(settlements, "invoice_number")
    opened = [
        Payable(
            row["invoice_number"],
            date.fromisoformat(row["invoiced_on"]),
            Decimal(row["total"]) - settled.get(row["invoice_number"], NOTHING),
        )
        for row in invoices
        if row["state"] == "delivered"
    ]
    return sorted(opened, key=lambda invoice: (invoice.booked_on, invoice.number))


def credits_of(notes: Sequence[Row], payments: Iterable[Row], allocations: Iterable[Row]) -> list[Credit]:
    """
    The delivered credit notes of one chain, oldest first.

    The money of one refund is kept for its credits in their order: for goods before goodwill.
    """
    paid, allocated = _settled(payments, "credit_number"), _settled(allocations, "credit_number")
    money = {row["payment_id"]: Decimal(row.get("refunded") or 0) for row in notes if row.get("payment_id")}
    found = []
    for row in notes:
        total, number, refund_ids = Decimal(row["total"]), row["credit_number"], row.get("payment_id")
        kept = min(total, money.get(refund_ids, NOTHING))
        if refund_ids:
            money[refund_ids] -= kept
        if row["state"] != "delivered":
            continue
        gone = allocated.get(number, NOTHING)
        free = total - gone - max(kept, paid.get(number, NOTHING))
        due = total - gone - paid.get(number, NOTHING)
        found.append(Credit(number, date.fromisoformat(row["credited_on"]), refund_ids, due, max(free, NOTHING)))
    return found


def is_refund_of(payment_id: str, refund_ids: object) -> bool:
    """Whether a gateway's refund is among those joined by +."""
    return payment_id in str(refund_ids or "").split("+")


def is_exchange_difference(record: Row) -> bool:
    """Whether a source record of a refund is what its rate made of it, which is kept beside the refund's own."""
    return "given_back" in record


def cancelled_of(refund: Row, charge_id: str, payments: Iterable[Row]) -> Decimal:
    """
    What of a source record of a refund cancels against its charge, for good: its bank did not send it back.

    :param payments: those delivered, of the refund's shares on credits among them; what they leave of a refund of which
        nothing waits cancels.
    """
    if refund.get("charge_id") != charge_id or refund.get("disputed") is not None or refund.get("failed_on"):
        return NOTHING
    if is_exchange_difference(refund):
        return NOTHING
    if refund["outcome"] == "superseded":
        return Decimal(refund["amount"])
    mine = [row for row in payments if row.get("payment_id") == refund.get("payment_id") and row.get("credit_number")]
    if not mine or refund["outcome"] not in ("delivered", "unchanged"):
        return NOTHING
    return Decimal(refund["amount"]) - sum((Decimal(row["amount"]) for row in mine), NOTHING)


def taken_back(charge_id: str, records: Iterable[Row], documents: Iterable[Row]) -> Decimal:
    """
    What of a charge its payer's bank took back while it was on no invoice, in its currency.

    :param records: source records, those of disputes that cancel against the charge among them.
    :param documents: entries, those of disputes of which something is booked among them.
    """
    booked = {
        row["record_key"]: Decimal(row["disputed"]) - Decimal(row["lost"])
        for row in documents
        if row.get("charge_id") == charge_id and row.get("lost") is not None
    }
    cancelled = {
        row["record_key"]: Decimal(row["disputed"])
        for row in records
        if row["outcome"] == "superseded" and row.get("charge_id") == charge_id and row.get("disputed")
    }
    return sum((cancelled | booked).values(), NOTHING)


def cancelled_orders(
    told: Mapping[str, Iterable[Row]], ordered: Mapping[str, Iterable[Row]], invoiced: Mapping[str, Sequence[Row]]
) -> set[str]:
    """
    The chains whose order was cancelled and is off the books: voided, never sent, or invoiced; each argument by chain.

    :param told: the shop's orders, :param ordered: the orders sent, :param invoiced: invoices of goods.
    """
    cancelled = {chain for chain, rows in told.items() if any(_is_true(row.get("cancelled")) for row in rows)}
    return {
        chain for chain in cancelled if invoiced.get(chain) or all(is_voided(order) for order in ordered.get(chain, ()))
    }


def is_voided(order: Row) -> bool:
    """Whether an order that was sent is voided."""
    return bool(order["state"] == "delivered" and _is_true(order.get("cancelled")))


def _is_true(value: object) -> bool:
    return value in (True, "true", "True")


def is_at_another_rate(refund: Row, charge: Row) -> bool:
    """Whether the gateway gave money back at another rate than it came in at; not where it told no rates."""
    rates = [money.get("rate") for money in (refund, charge)]
    return None not in rates and len({Decimal(str(rate)) for rate in rates}) > 1


def worth_when_captured(charge: Row, amount: Decimal) -> Decimal:
    """What money of a charge moved the gateway's balance by when it came in: all of it as settled, a part by rate."""
    settled = charge.get("settled")
    if settled is not None and (charge.get("rate") is None or amount == Decimal(charge["amount"])):
        worth = amount * Decimal(settled) / Decimal(charge["amount"])
    else:
        worth = amount * Decimal(charge["rate"])
    return worth.quantize(CENT, ROUND_HALF_UP)


def _settled(rows: Iterable[Row], number_field: str) -> dict[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for row in rows:
        number = row.get(number_field)
        if number:
            amounts[number] = amounts.get(number, NOTHING) + Decimal(row["amount"])
    return amounts
