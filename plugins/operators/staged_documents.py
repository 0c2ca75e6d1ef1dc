"""The documents of staged batches, by the hash the audit knows them by."""

from __future__ import annotations

from typing import Any

from ledgerbridge.delivery import content_hash, document_text, documents_of
from ledgerbridge.errors import ConfigurationError
from operators.staging import BatchRef, read_frames

__all__ = ["documents_by_hash"]


def documents_by_hash(uri: str, rows: dict[str, int], batch_hash: str) -> dict[str, dict[str, Any]]:
    """
    What a batch of documents holds; nothing if it was purged.

    :param rows: rows by part, :param batch_hash: of all its files, as the audit tells them.
    :raises ConfigurationError: the batch is not the one the audit tells of.
    """
    try:
        frames = read_frames(BatchRef(uri, rows, batch_hash))
    except ConfigurationError as error:
        if error.code == "LB-STG-001":
            return {}
        raise
    documents = documents_of(frames, "")
    return {content_hash(each.header, each.parts): document_text(each) for each in documents}
