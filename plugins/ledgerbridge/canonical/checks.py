"""What every canonical record must fulfil, whatever its source: its total is the sum of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
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
    keys = _keys(frames["header"])
    owners = {part: pc.index_in(_keys(frames[part]), keys) for part in ("lines", "taxes")}
    failures = _empty(keys, owners["lines"]) + _totals(frames, keys, owners)
    failed = {failure["record_key"] for failure in failures}
    if not failed:
        return Checked(frames, [])
    kept = {name: frame[~frame["record_key"].isin(failed)].reset_index(drop=True) for name, frame in frames.items()}
    return Checked(kept, failures)


def _empty(keys: pa.Array, owners: pa.Array) -> list[dict[str, Any]]:
    bare = np.ones(len(keys), dtype=bool)
    bare[owners.drop_null().to_numpy()] = False
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
        for key in keys.filter(pa.array(bare)).to_pylist()
    ]


def _totals(frames: dict[str, pd.DataFrame], keys: pa.Array, owners: Mapping[str, pa.Array]) -> list[dict[str, Any]]:
    total = _column(frames["header"], "total")
    net = _sums(_column(frames["lines"], "net"), owners["lines"], len(keys))
    tax = _sums(_column(frames["taxes"], "amount"), owners["taxes"], len(keys))
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


def _sums(values: pa.Array, owners: pa.Array, size: int) -> pa.Array:
    """The sum of each owner's values; that of none is nothing."""
    table = pa.table({"owner": owners, "value": values})
    sums = table.group_by("owner", use_threads=False).aggregate([("value", "sum")])
    places = pc.index_in(pa.array(np.arange(size, dtype=np.int32)), sums["owner"].combine_chunks())
    return pc.fill_null(sums["value_sum"].combine_chunks().take(places).cast(_SUM), pa.scalar(Decimal(0), _SUM))


def _keys(frame: pd.DataFrame) -> pa.Array:
    return _column(frame, "record_key").cast(pa.string())  # an empty frame's may have no type


def _column(frame: pd.DataFrame, name: str) -> pa.Array:
    column = pa.array(frame[name], from_pandas=True)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
