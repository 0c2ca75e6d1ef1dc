"""What has been sent, as the rules ask for it: in memory, filled by what a pass over the rules made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ledgerbridge.canonical.allocation import frame_of, rows_of_frame
from ledgerbridge.canonical.sent import Summarised
from ledgerbridge.delivery import plain

__all__ = ["ORDER", "SentInMemory", "money_frame"]

ORDER = "shopify:us:order:1"


def money_frame(entity: str, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a canonical frame, the same for all: one order, one gateway, dollars."""
    common = {"chain_key": ORDER, "order_name": "#1001", "gateway": "stripe", "currency": "USD"}
    keyed = [{**common, "record_key": f"stripe:acct_1:money:{row['payment_id']}", **row} for row in rows]
    return frame_of(keyed, entity)


class SentInMemory:
    """Documents and records of one order."""

    def __init__(self) -> None:
        self.documents: dict[str, list[dict[str, Any]]] = {}
        self.source_records: dict[str, list[dict[str, Any]]] = {}
        self.letters: dict[str, str] = {}
        self.looked_at = 0
        self.summarised_entries: list[Summarised] = []

    def add(self, entity: str, **fields: Any) -> None:
        """A delivered document."""
        self.documents.setdefault(entity, []).append({"chain_key": ORDER, "state": "delivered", **plain(fields)})

    def deliver(self, entity: str, shares: pd.DataFrame, state: str = "delivered") -> None:
        """What a rule made arrives, each key once."""
        kept = {row["record_key"]: row for row in self.documents.get(entity, [])}
        for row in rows_of_frame(shares):
            kept[row["record_key"]] = {**plain(row), "state": state}
        self.documents[entity] = list(kept.values())

    def read(self, entity: str, outcome: str, reason: str | None = None, **fields: Any) -> None:
        """A source record with what became of it."""
        row = {"change": 0, "outcome": outcome, "reason": reason, **plain(fields)}
        self.source_records.setdefault(entity, []).append(row)

    def sent(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """By chain key or record key, where there are any."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.documents.get(entity, []):
            if row.get(by) in keys:
                found.setdefault(row[by], []).append(row)
        return found

    def needless(self, source_keys: Sequence[str]) -> dict[str, str]:
        """Those that were superseded when they were read."""
        rows = (row for each in self.source_records.values() for row in each)
        return {
            row["source_key"]: row["reason"]
            for row in rows
            if row["outcome"] == "superseded" and row.get("source_key") in source_keys
        }

    def records(self, entity: str, chain_keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """By chain key."""
        return {ORDER: self.source_records.get(entity, [])} if ORDER in chain_keys else {}

    def done_with(self, entity: str, legs: Sequence[str]) -> int:
        """How far these legs have looked."""
        return self.looked_at

    def summarised(self, entity: str, keys: Sequence[str]) -> list[Summarised]:
        """Those that are in one summary with any of these."""
        summaries = {each.summary for each in self.summarised_entries if each.record_key in keys}
        return [each for each in self.summarised_entries if each.summary in summaries]

    def dead_letters(self, source_keys: Sequence[str]) -> dict[str, str]:
        """Of these keys."""
        return {key: letter for key, letter in self.letters.items() if key in source_keys}
