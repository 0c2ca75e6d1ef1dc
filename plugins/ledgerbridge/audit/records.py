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

__all__ = ["digest_list", "record_digest", "record_list", "record_text"]


def record_text(record: RawRecord) -> bytes:
    """A record as it is hashed: JSON, names sorted, no blanks."""
    told = {
        "key": record.key,
        "version": record.version,
        "changed_at": record.changed_at.astimezone(UTC).isoformat(),
        "payload": record.payload,
    }
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def record_digest(record: RawRecord) -> str:
    """The hash of a record."""
    return sha256(record_text(record)).hexdigest()


def record_list(records: Iterable[RawRecord]) -> bytes:
    """The hashes of a batch's records, sorted, one a line."""
    return digest_list(record_digest(each) for each in records)


def digest_list(digests: Iterable[str]) -> bytes:
    """The same, of the hashes."""
    return "".join(f"{digest}\n" for digest in sorted(digests)).encode()
