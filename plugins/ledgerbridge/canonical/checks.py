"""What every canonical record must fulfil, whatever its source: its total is the sum of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.canonical.models import MONEY

__all__ = ["Checked", "check"]


@dataclass(frozen=True)
class Checked:
    """The records that hold, and why the others don't (``record_key``, code, field, value, message, rule, remedy)."""

    frames: dict[str, pd.DataFrame]
    failures: list[dict[str, Any]]


def check(frames: dict[str, pd.DataFrame]) -> Checked:
    """Documents with lines: total = Σ net + Σ tax, and each line's tax = Σ its tax details (accounting-rules.md §3)."""
    if "lines" not in frames:
        return Checked(frames, [])
    failures = _empty(frames) + _totals(frames)
    failed = {failure["record_key"] for failure in failures}
    kept = {name: frame[~frame["record_key"].isin(failed)].reset_index(drop=True) for name, frame in frames.items()}
    return Checked(kept, failures)


def _empty(frames: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    header = frames["header"]
    bare = header[~header["record_key"].isin(frames["lines"]["record_key"])]
    return [
        {
            "record_key": key,
            "code": "LB-CAN-001",
            "field": "lines",
            "value": None,
            "message": "the document has no lines",
            "rule": "canonical.checks",
            "remedy": "Mend the document in its source; a document without lines can't be booked.",
        }
        for key in bare["record_key"]
    ]


def _totals(frames: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    net, tax = _sums(frames["lines"], "net"), _sums(frames["taxes"], "amount")
    header = pa.Table.from_pandas(frames["header"][["record_key", "total"]], preserve_index=False)
    keys = header["record_key"].to_pylist()
    parts = pc.add(_aligned(net, keys), _aligned(tax, keys)).cast(MONEY)
    wrong = pc.filter(
        pa.table({"key": header["record_key"], "total": header["total"], "parts": parts}),
        pc.not_equal(header["total"], parts),
    )
    return [
        {
            "record_key": row["key"],
            "code": "LB-CAN-002",
            "field": "total",
            "value": f"{row['total']:.2f}",
            "message": f"the total {row['total']:.2f} is not the sum of lines and taxes, {row['parts']:.2f}",
            "rule": "canonical.checks",
            "remedy": "Mend the document in its source; a difference is not booked away.",
        }
        for row in wrong.to_pylist()
    ]


def _sums(frame: pd.DataFrame, column: str) -> pa.Table:
    table = pa.Table.from_pandas(frame[["record_key", column]], preserve_index=False)
    return table.group_by("record_key").aggregate([(column, "sum")]).rename_columns(["record_key", "sum"])


def _aligned(sums: pa.Table, keys: list[str]) -> pa.Array:
    positions = pc.index_in(pa.array(keys, pa.string()), sums["record_key"].combine_chunks().cast(pa.string()))
    taken = sums["sum"].combine_chunks().take(positions).cast(MONEY)
    return pc.fill_null(taken, pa.scalar(Decimal(0), MONEY))
