"""
How the audit knows a source's records: a batch by the hash of the list of its records' hashes.

One hash an entry, however large the batch; yet each record can be proven alone, by its text and the list, which tells
nothing of the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from hashlib import sha256

import orjson

from ledgerbridge.entities import RawRecord

__all__ = ["record_list", "record_text"]


def record_text(record: RawRecord) -> bytes:
    """A record as it is hashed: JSON, names sorted, no blanks."""
    told = {
        "key": record.key,
        "version": record.version,
        "changed_at": record.changed_at.astimezone(UTC).isoformat(),
        "payload": record.payload,
    }
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def record_list(records: Iterable[RawRecord]) -> bytes:
    """The hashes of a batch's records, sorted, one a line."""
    digests = sorted(sha256(record_text(each)).hexdigest() for each in records)
    return "".join(f"{digest}\n" for digest in digests).encode()
