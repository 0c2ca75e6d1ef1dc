"""What staged batches hold, for evidence packs: the records that were read and the documents made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ledgerbridge.delivery import content_hash, document_text, documents_of
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from operators.staging import BatchRef, read_frames
from operators.taken import taken_records

__all__ = ["documents_by_hash", "records_of_batch"]

Content = TypeVar("Content", list[Any], dict[str, Any])


def documents_by_hash(uri: str, rows: dict[str, int], batch_hash: str) -> dict[str, dict[str, Any]]:
    """
    The documents of a batch, by the hash the audit knows them by; nothing if it was purged.

    :param rows: rows by part, :param batch_hash: of all its files, as the audit tells them.
    :raises ConfigurationError: the batch is not the one the audit tells of.
    """
    frames = _unless_purged(read_frames, BatchRef(uri, rows, batch_hash), {})
    documents = documents_of(frames, "") if frames else []
    return {content_hash(each.header, each.parts): document_text(each) for each in documents}


def records_of_batch(uri: str, rows: dict[str, int], batch_hash: str) -> list[RawRecord]:
    """
    The records of a batch as they were read; none if it was purged.

    :param rows: rows by part, :param batch_hash: of all its files, as the audit tells them.
    :raises ConfigurationError: the batch is not the one the audit tells of.
    """
    return _unless_purged(taken_records, BatchRef(uri, rows, batch_hash), [])


def _unless_purged(read: Callable[[BatchRef], Content], reference: BatchRef, purged: Content) -> Content:
    try:
        return read(reference)
    except ConfigurationError as error:
        if error.code == "LB-STG-001":
            return purged
        raise
