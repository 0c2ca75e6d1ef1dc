"""From source records to documents: conform to canonical records, hold these to the rules, map what goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Settings
from datetime import date
from typing import TYPE_CHECKING

from ledgerbridge.canonical.checks import check
from ledgerbridge.canonical.rules import RULES
from ledgerbridge.canonical.sent import SentDocuments
from ledgerbridge.delivery.content import rows_of
from ledgerbridge.entities import RawRecord
from ledgerbridge.mapping import Lookups, Mapping, map_canonical, map_chunks
from ledgerbridge.pipeline.work import Work

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Living", "conform", "make_documents", "rule"]


class Living:
    """
    Passes on the records that their source still has.

    ``keys`` are theirs, in their order, and ``deleted`` the others, of those that were passed so far.
    """

    def __init__(self, chunks: Iterable[list[RawRecord]]) -> None:
        self._chunks = chunks
        self.keys: list[str] = []
        self.deleted: list[RawRecord] = []

    def __iter__(self) -> Iterator[list[RawRecord]]:
        for chunk in self._chunks:
            living = [record for record in chunk if not record.is_deleted]
            self.keys += [record.key for record in living]
            self.deleted += [record for record in chunk if record.is_deleted]
            yield living


def conform(
    work: Work,
    mapping: Mapping,
    chunks: Iterable[list[RawRecord]],
    keys: list[str],
    lookups: Lookups,
    send_from: date | None,
) -> dict[str, pd.DataFrame]:
    """
    Canonical frames of source records, checked; ``work`` knows what became of each.

    :param chunks: the records of ``keys`` in their order, some hundreds at a time: so many are in memory as they were
        read.
    :param send_from: what is dated before it, people keyed.
    """
    living = Living(chunks)
    mapped = map_chunks(mapping, living, lookups, send_from)
    work.made, work.conformed_by = {key: set() for key in keys}, mapping.version
    keys = living.keys
    work.earlier = {
        keys[position]: f"dated {day}, before the company's `send_from` {send_from}: people keyed it"
        for position, day in mapped.earlier.items()
    }
    for position, record_key in zip(mapped.links["record"], mapped.links["record_key"], strict=True):
        work.add(keys[position], record_key)
    header = mapped.frames["header"]
    if "label" in header:
        labels = dict(zip(header["record_key"], header["label"], strict=True))
        work.labels = {key: labels[made] for key, all_made in work.made.items() for made in all_made if made in labels}
    work.labels |= {keys[position]: label for position, label in mapped.labels.items()}
    work.refuse("conform", mapped, keys, mapping.version)
    work.conformed = {row["record_key"]: row for row in rows_of(mapped.frames["header"])}
    checked = check(mapped.frames)
    work.refuse_records("check", checked.failures, mapping.version)
    return checked.frames


def rule(
    work: Work,
    rules: Settings[str, Settings[str, str]],
    frames: dict[str, pd.DataFrame],
    sent: SentDocuments,
) -> dict[str, pd.DataFrame]:
    """
    Canonical frames as the rules of a leg leave them.

    :param rules: as the flow file names them, each with what it is told.
    """
    for name, told in rules.items():
        ruled = RULES[name](frames, sent, **told)
        frames = ruled.frames
        work.waiting.update(ruled.waiting)
        work.superseded.update(ruled.superseded)
        work.descend(ruled.parents)
        work.join(ruled.made_of)
        work.summarised += ruled.summarised
        work.refuse_records("rule", ruled.failures, work.conformed_by)
    work.canonical = {row["record_key"]: row for row in rows_of(frames["header"])}
    return frames


def make_documents(
    work: Work, mapping: Mapping, frames: dict[str, pd.DataFrame], lookups: Lookups
) -> dict[str, pd.DataFrame]:
    """The target's documents of canonical frames."""
    mapped = map_canonical(mapping, frames, lookups)
    work.refuse("map", mapped, list(frames["header"]["record_key"]), mapping.version, canonical=True)
    work.versions.update(dict.fromkeys(mapped.frames["header"]["record_key"], mapping.version))
    return mapped.frames
