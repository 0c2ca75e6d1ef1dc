"""What every canonical record must fulfil, whatever its source: its total is the sum of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Checked", "check"]

_SUM = pa.decimal128(30, 5)
"""Lines that fit may have a sum that fits no field."""


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
    if not failed:
        return Checked(frames, [])
    kept = {name: frame[~frame["record_key"].isin(failed)].reset_index(drop=True) for name, frame in frames.items()}
    return Checked(kept, failures)


def _empty(frames: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    keys = _column(frames["header"], "record_key")
    bare = keys.filter(pc.invert(pc.is_in(keys, _column(frames["lines"], "record_key"))))
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
        for key in bare.to_pylist()
    ]


def _totals(frames: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    keys, total = _column(frames["header"], "record_key"), _column(frames["header"], "total")
    net, tax = _sums(frames["lines"], "net", keys), _sums(frames["taxes"], "amount", keys)
    parts = pc.add(net, tax)
    wrong = pa.table({"key": keys, "total": total, "parts": parts}).filter(pc.not_equal(total, parts))
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


def _sums(frame: pd.DataFrame, column: str, keys: pa.Array) -> pa.Array:
    """The sum of each record's rows, in the order of ``keys``; that of no rows is nothing."""
    table = pa.table({"key": _column(frame, "record_key"), "value": _column(frame, column)})
    sums = table.group_by("key", use_threads=False).aggregate([("value", "sum")])
    places = pc.index_in(keys, sums["key"].combine_chunks())
    return pc.fill_null(sums["value_sum"].combine_chunks().take(places).cast(_SUM), pa.scalar(Decimal(0), _SUM))


def _column(frame: pd.DataFrame, name: str) -> pa.Array:
    column = pa.array(frame[name], from_pandas=True)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
