"""
Money that only the shop knows of: its word is enough, or somebody has to enter it (accounting-rules.md rule 17).

What nobody tells us of must not wait in silence: it says what is due, and how it was paid.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledgerbridge.canonical.allocation import chains_of, rows_of_frame
from ledgerbridge.canonical.sent import SentDocuments
from ledgerbridge.canonical.settlement import NOTHING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["untold"]

Row = dict[str, Any]
_NUMBERS = ("credit_number", "invoice_number")


def untold(
    header: pd.DataFrame, sent: SentDocuments, *, documents: str, receipts: str, allocations: str
) -> tuple[dict[str, str], dict[str, str]]:
    """
    Why money that nobody tells us of is superseded, and why the rest of it waits; what the shop's word is enough for
    is in neither.

    :param header: canonical payments or refunds of a shop.
    :param documents: entity of the invoices, or credits, that such money is for.
    :param receipts: entity of what the other ledger has of money for them, whoever entered it.
    :param allocations: entity of the credits delivered onto invoices.
    """
    rows = [row for row in rows_of_frame(header) if row["told_by"] != "shop"]
    chains = chains_of(rows)
    issued, received, allocated = (
        sent.sent(entity, "chain_key", chains) for entity in (documents, receipts, allocations)
    )
    superseded, waiting = {}, {}
    for row in rows:
        key, chain = row["record_key"], row["chain_key"]
        number = next(each for each in _NUMBERS if each in row)
        settled = [*received.get(chain, []), *allocated.get(chain, [])]
        due = _sum(issued.get(chain, []), "total") - _sum((each for each in settled if each.get(number)), "amount")
        if chain in issued and due <= 0:
            superseded[key] = "what it is for is settled in both ledgers"
        elif row["cancelled"] and chain not in issued:
            superseded[key] = "its order was cancelled before it was invoiced"
        else:
            waiting[key] = _why(row)
    return superseded, waiting


def _why(row: Row) -> str:
    amount = f"{row['amount']:.2f} {row['currency']}"
    done = f"{amount} of {row['order_name']} is due, paid by {row['gateway']}"
    if "credit_number" in row:
        done = f"{amount} of {row['order_name']} is due to the customer, given back by {row['gateway']}"
    if row["told_by"] == "people":
        return f"{done}: it waits for people to enter it on the document"
    return (
        f"{done}, and nobody tells us: enter it on the document, or give it a line under `gateways` of the company file"
    )


def _sum(rows: Iterable[Row], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), NOTHING)
