"""
What is realised by rates and no ledger books by itself.

Money that was never on an invoice and went back at another rate than it came in at: charge and refund cancel each other
and are not posted; the gateway's balance keeps what it lost or gained by them. And credits applied to documents of
another rate, where the ledger takes the one off the other without booking the difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from ledgerbridge.canonical.allocation import chains_of, frame_of, rows_of_frame
from ledgerbridge.canonical.sent import SentDocuments
from ledgerbridge.canonical.settlement import (
    CENT,
    NOTHING,
    is_at_another_rate,
    is_exchange_difference,
    worth_when_captured,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["realise", "realise_applied"]

Row = dict[str, Any]


def realise(
    refunded: pd.DataFrame, sent: SentDocuments, *, charges: str, refunds: str, payments: str
) -> tuple[pd.DataFrame, dict[str, str]]:
    """
    The exchange differences of refunds that cancel against their charges, and what waits by record key.

    :param refunded: canonical exchange differences, one a refund.
    :param charges: source entity of the gateway's charges.
    :param refunds: their own source entity; what became of each tells whether it cancels against its charge.
    :param payments: entity of the payments delivered; a refund paid on a credit realises its difference there.
    """
    rows = rows_of_frame(refunded)
    chains = chains_of(rows)
    charged, returned = (sent.records(entity, chains) for entity in (charges, refunds))
    paid = sent.sent(payments, "chain_key", chains)
    made: list[Row] = []
    waiting: dict[str, str] = {}
    for row in rows:
        chain, identity = row["chain_key"], row["payment_id"]
        fates = [each for each in returned.get(chain, []) if each.get("payment_id") == identity]
        if any(each["outcome"] == "superseded" for each in fates):
            charge = next(each for each in charged[chain] if each.get("payment_id") == row["charge_id"])
            made += _difference(row, charge)
        elif not any(each.get("payment_id") == identity for each in paid.get(chain, [])):
            waiting[row["record_key"]] = _why(fates)
    return frame_of(made, "canonical.exchange_difference"), waiting


def _difference(row: Row, charge: Row) -> list[Row]:
    if not is_at_another_rate(row, charge):
        return []
    gone = row["settled"] if row["settled"] is not None else worth_when_captured(row, row["given_back"])
    loss = gone - worth_when_captured(charge, row["given_back"])
    return [{**row, "amount": loss}] if loss else []


def _why(fates: list[Row]) -> str:
    """As the refund itself; what stands of an earlier pass over the difference has no reason of its own."""
    reasons = (each["reason"] for each in fates if not is_exchange_difference(each) and each["reason"])
    return next(reasons, "its refund is not paid on a credit yet")


def realise_applied(applied: pd.DataFrame, sent: SentDocuments, *, entries: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """
    The gains of applications that the ledger booked none for, and what waits by record key.

    :param applied: canonical realised gains, one an application, all applications of a credit together.
    :param entries: entity of the entries delivered; what was sent stays as it is.
    """
    rows = rows_of_frame(applied)
    sent_before = sent.sent(entries, "record_key", [row["record_key"] for row in rows])
    standing = {key: documents[-1] for key, documents in sent_before.items()}
    of_credit: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_credit[row["credit_key"]].append(row)
    made: list[Row] = []
    waiting: dict[str, str] = {}
    for parts in of_credit.values():
        gone = sum((row["applied"] for row in parts), NOTHING)
        if gone == parts[0]["gone"]:
            made += _gains(parts, standing)
        else:
            reason = f"{parts[0]['from_number']} is applied by {gone:.2f}, but {parts[0]['gone']:.2f} of it is gone"
            waiting.update((row["record_key"], reason) for row in parts)
    return frame_of(made, "canonical.realised_gain"), waiting


def _gains(parts: Sequence[Row], standing: Mapping[str, Row]) -> list[Row]:
    """
    One row an application with a gain of its own; together they make up what is gone of the credit.

    The last that nothing is booked for takes what is left, so that a cent of rounding stays on no receivable.
    """
    left: Decimal = parts[0]["worth"]
    made: list[Row] = []
    unbooked: list[Row] = []
    for row in sorted(parts, key=lambda row: (row["realised_on"], row["to_number"])):
        kept = standing.get(row["record_key"])
        if kept is not None and Decimal(kept["applied"]) == row["applied"]:
            made.append({**row, "amount": Decimal(kept["amount"])})
            left -= row["charged"] + made[-1]["amount"]
        elif row["booked"] is not None:
            left -= row["charged"] + row["booked"] if row["booked"] else _at_its_rate(row)
        else:
            unbooked.append(row)
    for row in unbooked:
        worth = left if row is unbooked[-1] else _at_its_rate(row)
        left -= worth
        if worth != row["charged"]:
            made.append({**row, "amount": worth - row["charged"]})
    return made


def _at_its_rate(row: Row) -> Decimal:
    worth: Decimal = row["applied"] * row["rate"]
    return worth.quantize(CENT, ROUND_HALF_UP)
