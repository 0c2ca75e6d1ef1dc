"""What rules ask of the state database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

__all__ = ["SentDocuments", "Summarised"]


@dataclass(frozen=True)
class Summarised:
    """
    An entry that is summed up with others in one document.

    :param record_key: its own, :param summary: of the document.
    :param entity: of the document, ``system.entity``.
    :param label: what people call the entry, :param posted_on: its day.
    :param lines: account, code of the other ledger's, what tells that apart or nothing, amount in base currency.
    """

    entity: str
    record_key: str
    summary: str
    label: str
    posted_on: date
    lines: list[list[str]]


class SentDocuments(Protocol):
    """Documents that arrived or may have arrived, and records that can't go on."""

    def sent(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """All such documents by a column of theirs, oldest first, with their canonical header's fields as text."""

    def summarised(self, entity: str, keys: Sequence[str]) -> list[Summarised]:
        """All entries of the summaries that any of these canonical records is in; ``entity`` is the summaries'."""

    def records(self, entity: str, chain_keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """Source records by chain, oldest first: the canonical header's fields, ``leg``, ``outcome``,
        ``reason``, and ``change``: the number of the version that was taken."""

    def done_with(self, entity: str, legs: Sequence[str]) -> int:
        """Number of the last change of a source entity that all these legs of the flow have done with."""

    def needless(self, source_keys: Sequence[str]) -> dict[str, str]:
        """Why no document is to be made of a source record, by source key; not of one that a document was made of."""

    def dead_letters(self, source_keys: Sequence[str]) -> dict[str, str]:
        """Id of an open dead letter by source key."""
