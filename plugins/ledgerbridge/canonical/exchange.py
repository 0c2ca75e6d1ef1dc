"""
What is realised on money that was never on an invoice and went back at another rate than it came in at.

Charge and refund cancel each other and are not posted; the gateway's balance keeps what it lost or gained by them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from ledgerbridge.canonical.allocation import chains_of, frame_of, rows_of_frame
from ledgerbridge.canonical.sent import SentDocuments
from ledgerbridge.canonical.settlement import is_at_another_rate, worth_when_captured

__all__ = ["realise"]

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
    reasons = (each["reason"] for each in fates if "given_back" not in each and each["reason"])
    return next(reasons, "its refund is not paid on a credit yet")
