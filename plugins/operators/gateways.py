"""The clearing account against its gateway: balance + fees not yet posted − money not yet posted (accounting.md §6)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import Engine, select

from ledgerbridge.entities import Window
from ledgerbridge.flows import Company
from ledgerbridge.flows.company import Gateway
from ledgerbridge.reconciliation import Difference, Reconciliation
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery, SourceRecord
from operators.systems import hook_for

__all__ = ["clearing_differences"]

NOTHING = Decimal(0)
CENT = Decimal("0.01")
TOLERANCE = Decimal("0.02")  # accounting.md §3 rule 1


def clearing_differences(company: Company, engine: Engine, flow: str, result: Reconciliation) -> list[Difference]:
    """What of each gateway's money is not in the books, with its reason; and what is left over without one."""
    found: list[Difference] = []
    for gateway in company.gateways:
        if gateway.name in company.connections:
            found += _of_gateway(company, gateway, engine, flow, result)
    return found


def _of_gateway(
    company: Company, gateway: Gateway, engine: Engine, flow: str, result: Reconciliation
) -> list[Difference]:
    hook: Any = hook_for(gateway.name, company.connections_of(gateway.name)[0])
    posted = _Posted(engine, flow, gateway.name)
    payouts = list(_payloads(hook, "payout"))
    fees = sum((Decimal(each["fee"]) for _, each in _payloads(hook, "balance_transaction")), NOTHING)
    differences = [
        *_money_not_posted(_payloads(hook, "charge"), _payloads(hook, "refund"), gateway, posted),
        *_payouts_not_posted(payouts, gateway, posted),
        *_fees_not_posted(fees, payouts, gateway, posted),
    ]
    balance = sum(hook.balance().values(), NOTHING)
    explained = sum((_sign(each) * each.value for each in differences), NOTHING)
    for ledger, booked in zip(result.ledgers, result.roles.get(gateway.role, (NOTHING, NOTHING)), strict=True):
        open_in_batch = sum(
            (each.value for each in result.differences if each.role == gateway.role and each.explained), NOTHING
        )
        in_books = booked - (open_in_batch if ledger == result.ledgers[0] else NOTHING)
        left = in_books - (balance + explained)
        if left:
            differences.append(
                Difference(
                    "clearing",
                    gateway.role,
                    left,
                    (f"{ledger} {in_books:.2f}", f"{gateway.name} {balance:.2f}"),
                    f"Compare the clearing account in {ledger} with the gateway's balance, entry by entry.",
                )
            )
    return differences


def _sign(difference: Difference) -> int:
    """Unposted fees and payouts leave more on clearing than the gateway holds, unposted money leaves less."""
    return -1 if difference.type in ("money without document", "rounding") else 1


def _money_not_posted(
    charges: Iterable[tuple[str, dict[str, Any]]],
    refunds: Iterable[tuple[str, dict[str, Any]]],
    gateway: Gateway,
    posted: _Posted,
) -> list[Difference]:
    """Charges and refunds that are on no document; a refund of a charge that never was on one cancels against it."""
    left: dict[str, Decimal] = {}
    reasons: dict[str, str | None] = {}
    foreign: set[str] = set()
    for key, money in [*charges, *refunds]:
        if not money.get("balance_transaction"):
            continue
        charge = money["charge"]["id"] if money.get("charge") else money["id"]
        amount = Decimal(money["balance_transaction"]["amount"]) - posted.money.get(money["id"], NOTHING)
        left[charge] = left.get(charge, NOTHING) + amount
        reasons[charge] = posted.reasons.get(key) or reasons.get(charge)
        if money["balance_transaction"].get("exchange_rate"):
            foreign.add(charge)
    remedy = "Mend the order's dead letter, or give the money back."
    return [
        Difference(
            "rounding", gateway.role, amount, (charge,), remedy, f"parts of a charge, each at its rate: {amount:.2f}"
        )
        if charge in foreign and abs(amount) <= TOLERANCE
        else Difference("money without document", gateway.role, amount, (charge,), remedy, reasons[charge])
        for charge, amount in left.items()
        if amount
    ]


def _payouts_not_posted(
    payouts: Iterable[tuple[str, dict[str, Any]]], gateway: Gateway, posted: _Posted
) -> list[Difference]:
    found = []
    for key, payout in payouts:
        if key not in posted.payouts and payout["status"] in ("paid", "in_transit", "pending"):
            reason = posted.reasons.get(key) or (None if payout.get("items") else "the payout is not closed")
            remedy = "Wait until the gateway has closed the payout, or look at its dead letter."
            value = Decimal(payout["amount"])
            found.append(Difference("payout not posted", gateway.role, value, (payout["id"],), remedy, reason))
    return found


def _fees_not_posted(
    fees: Decimal, payouts: Iterable[tuple[str, dict[str, Any]]], gateway: Gateway, posted: _Posted
) -> list[Difference]:
    """Fees that wait for their payout; and those that don't, though their payout is posted."""
    due = sum(
        (Decimal(item["fee"]) for key, payout in payouts if key in posted.payouts for item in payout["items"] or []),
        NOTHING,
    )
    found = [
        (due - posted.fees, "Look at the dead letters of the fee legs.", None),
        (fees - due, "Nothing: they are posted with their payout.", "the fees of payouts that are not closed"),
    ]
    return [
        Difference("fee not posted", gateway.role, value, (gateway.name,), remedy, reason)
        for value, remedy, reason in found
        if value
    ]


def _payloads(hook: Any, entity: str) -> Iterable[tuple[str, dict[str, Any]]]:
    for page in hook.entity(entity).read(Window()):
        for record in page:
            yield record.key, record.payload


class _Posted:
    """What the flow has posted of a gateway's money, by our deliveries."""

    def __init__(self, engine: Engine, flow: str, gateway: str) -> None:
        self.money: dict[str, Decimal] = {}
        self.payouts: set[str] = set()
        fees: dict[str, Decimal] = {}
        with transaction(engine) as session:
            rows = session.scalars(select(Delivery).where(Delivery.flow == flow, Delivery.state == "delivered"))
            for row in rows:
                if row.canonical.get("gateway") != gateway:
                    continue
                amount = Decimal(row.canonical["amount"]) * Decimal(row.canonical.get("rate") or 1)
                amount = amount.quantize(CENT, ROUND_HALF_UP) * (-1 if row.canonical.get("credit_number") else 1)
                if row.canonical.get("payment_id"):
                    self.money[row.canonical["payment_id"]] = (
                        self.money.get(row.canonical["payment_id"], NOTHING) + amount
                    )
                elif row.canonical.get("month"):
                    fees[row.record_key] = amount
                else:
                    self.payouts.add(row.record_key)
            records = session.execute(
                select(SourceRecord.source_key, SourceRecord.reason).where(
                    SourceRecord.flow == flow, SourceRecord.outcome.in_(("waiting", "rejected", "held", "superseded"))
                )
            )
            self.fees = sum(fees.values(), NOTHING)
            self.reasons = {key: reason for key, reason in records if reason}
