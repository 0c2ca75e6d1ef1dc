"""Entries of a general ledger: which of them the other ledger takes as a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["of_other_ledgers", "with_tax", "without_amounts"]

_ENTERED_AS = {
    "bank": "enter it in the other ledger as money spent or received, or as a transfer",
    "receivables": "back the entry out and enter an invoice, credit or receipt of the customer",
    "payables": "back the entry out and enter a bill, credit or payment of the supplier",
}
_BY_HAND = "enter the entry in the other ledger by hand, on an account that it lets journals use"


def without_amounts(header: pd.DataFrame, distributions: pd.DataFrame) -> dict[str, str]:
    """By record key of entries that move no money, why they need no journal (accounting-rules.md rule 24)."""
    empty = header["record_key"][~header["record_key"].isin(distributions["record_key"])]
    return dict.fromkeys(empty, "it moves no money")


def of_other_ledgers(distributions: pd.DataFrame) -> list[dict[str, Any]]:
    """
    The failures of entries with a line on an account that a sub-ledger or the bank keeps, one each.

    Carried as a journal as well as by the documents of the sub-ledger, the account would be booked twice
    (accounting-rules.md rule 25).
    """
    kept = distributions[distributions["kept_by"].notna()].drop_duplicates("record_key")
    return [
        {
            "record_key": key,
            "code": "LB-CAN-008",
            "field": "kept_by",
            "value": account,
            "message": f"it has a line on {account}, an account of {kept_by}, which no journal may be on",
            "rule": "of_general_ledger",
            "remedy": f"In the ledger it stands in, or the other: {_ENTERED_AS.get(kept_by, _BY_HAND)}; then close the"
            " letter.",
        }
        for key, account, kept_by in zip(kept["record_key"], kept["account"], kept["kept_by"], strict=True)
    ]


def with_tax(distributions: pd.DataFrame) -> list[dict[str, Any]]:
    """The failures of entries with a line that bears tax, one each: which detail it is none says (rule 27)."""
    taxed = distributions[distributions["tax"].notna() & (distributions["tax"] != 0)].drop_duplicates("record_key")
    return [
        {
            "record_key": key,
            "code": "LB-CAN-009",
            "field": "tax",
            "value": str(tax),
            "message": f"its line on {account} bears tax of {tax}: which detail of the other ledger, nothing says",
            "rule": "of_general_ledger",
            "remedy": "Key the entry with its tax in the other ledger by hand; then close the letter.",
        }
        for key, account, tax in zip(taxed["record_key"], taxed["account"], taxed["tax"], strict=True)
    ]
