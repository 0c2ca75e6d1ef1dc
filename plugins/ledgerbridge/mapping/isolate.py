"""One record whose values no operation can work with must not keep the rest of its batch from being mapped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from ledgerbridge.mapping.engine import Mapped, Mapping
from ledgerbridge.mapping.failures import FAILURE_COLUMNS
from ledgerbridge.mapping.lookups import Lookups
from ledgerbridge.mapping.rows import nested_records

__all__ = ["map_raw"]


def map_raw(
    mapping: Mapping,
    payloads: Sequence[dict[str, Any]],
    keys: Sequence[str],
    changed_at: Sequence[datetime],
    lookups: Lookups,
) -> Mapped:
    """
    Map raw records; a text where the mapping calculates, or a field of another form than in the other records, is a
    failure (``LB-MAP-006``) of its record alone.

    Such a batch is halved until the record is found, so it costs time only where there is one.

    :raises LedgerbridgeError: a lookup can't be made.
    """
    try:
        return mapping.run(nested_records(payloads, keys, changed_at), lookups)
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError) as error:
        if not payloads:
            raise
        if len(payloads) == 1:
            return _failed(mapping.run(nested_records([], [], []), lookups), error)
    middle = len(payloads) // 2
    return _joined(
        map_raw(mapping, payloads[:middle], keys[:middle], changed_at[:middle], lookups),
        map_raw(mapping, payloads[middle:], keys[middle:], changed_at[middle:], lookups),
        middle,
    )


def _failed(nothing: Mapped, error: Exception) -> Mapped:
    reason = str(error).partition("\n")[0]
    row = {
        "record": 0,
        "code": "LB-MAP-006",
        "field": "",
        "value": None,
        "message": f"the mapping can't work with a value of this record: {reason}",
        "rule": "",
        "remedy": "Mend the value in the source and replay the record, or convert it in the mapping.",
    }
    return Mapped(nothing.frames, nothing.links, pd.DataFrame([row], columns=FAILURE_COLUMNS))


def _joined(first: Mapped, second: Mapped, offset: int) -> Mapped:
    frames = {name: _concat(frame, second.frames[name]) for name, frame in first.frames.items()}
    frames["header"] = frames["header"].drop_duplicates("record_key", keep="last").reset_index(drop=True)
    links = _concat(first.links, second.links.assign(record=second.links["record"] + offset))
    failures = _concat(first.failures, second.failures.assign(record=second.failures["record"] + offset))
    return Mapped(frames, links, failures)


def _concat(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Of an empty frame not even its types, which hold nothing."""
    filled = [frame for frame in (first, second) if not frame.empty]
    return pd.concat(filled, ignore_index=True) if filled else first
