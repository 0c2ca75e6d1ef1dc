"""A leg in shadow: what it would make of records, without taking them, sending anything, or asking a system."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ledgerbridge.audit import Actor
from ledgerbridge.delivery import documents_of
from ledgerbridge.delivery.content import rows_of
from ledgerbridge.entities import Document, RawRecord
from ledgerbridge.flows import LegConfig
from ledgerbridge.gates import Suite, load_suite, run_suite
from ledgerbridge.mapping import Lookups, load_mapping
from ledgerbridge.mapping import Mapping as CompiledMapping
from ledgerbridge.pipeline.making import conform, make_documents, rule
from ledgerbridge.pipeline.work import Work
from ledgerbridge.state.reader import DatabaseReader

__all__ = ["Answered", "LegVersion", "Refusal", "Shadow", "load_version"]


_WHY = ("code", "field", "value", "message", "rule", "remedy")


@dataclass(frozen=True)
class Refusal:
    """Why a record would not go on; ``code`` to ``rule`` as of a dead letter."""

    source_key: str
    record_key: str
    step: str
    code: str
    field: str
    value: str | None
    message: str
    rule: str
    remedy: str


@dataclass
class Shadow:
    """
    What a leg makes of records.

    :param labels: what people call a document, by record key, :param currencies: that it is in, likewise.
    :param waiting: why a record waits, by source key.
    """

    documents: dict[str, Document] = field(default_factory=dict)
    labels: dict[str, str | None] = field(default_factory=dict)
    currencies: dict[str, str | None] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LegVersion:
    """What makes a leg's documents: its definition, mappings and suite, as they are in one folder."""

    config: LegConfig
    conform: CompiledMapping
    map: CompiledMapping
    suite: Suite

    def make(
        self,
        records: Sequence[RawRecord],
        lookups: Lookups,
        reader: DatabaseReader,
        send_from: date | None,
        *,
        flow: str,
        leg: str,
    ) -> Shadow:
        """The documents of records that pass the gate, and what is refused; nothing of it is kept."""
        actor = Actor(flow, leg, "what-if", "what-if")
        work = Work(actor, {each.key: each.version for each in records}, dict.fromkeys(each.key for each in records))
        chunks = [list(records)]
        conformed = conform(work, self.conform, chunks, list(work.source_versions), lookups, send_from)
        frames = rule(work, self.config.rules, conformed, reader)
        documents = make_documents(work, self.map, frames, lookups)
        canonical = {row["record_key"]: row for row in rows_of(frames["header"])}
        found = Shadow(waiting={**_of_sources(work, work.waiting), **work.awaiting})
        found.refusals = [
            Refusal(each.source_key, each.record_key, each.step, **{name: getattr(each, name) for name in _WHY})
            for each in work.letters
        ]
        sources = {made: key for key, all_made in work.made.items() for made in all_made}
        failed = run_suite(self.suite, documents).failures if len(documents["header"]) else []
        for each in failed:
            key = each["record_key"]
            found.refusals.append(Refusal(sources.get(key, key), key, "gate", **{name: each[name] for name in _WHY}))
        stopped = {each["record_key"] for each in failed}
        for document in documents_of(documents, self.config.target):
            if document.record_key not in stopped:
                header = canonical.get(document.record_key, {})
                found.documents[document.record_key] = document
                found.labels[document.record_key] = header.get("label")
                found.currencies[document.record_key] = header.get("currency")
        return found


class Answered:
    """
    Master data as systems answered it before, so that none is asked.

    What no system told is not there; of an entity that was never answered at all, as before an upgrade to a release
    that keeps answers, everything is taken to be there.

    :param kept: rows by entity and key; None of an entity of which none is kept.
    """

    def __init__(self, kept: Callable[[str, Sequence[str]], dict[str, dict[str, Any]] | None]) -> None:
        self._kept = kept
        self._assumed: dict[str, set[str]] = {}

    def __call__(self, entity: str, keys: Sequence[str], max_age_minutes: int | None) -> dict[str, dict[str, Any]]:
        """The rows of these keys."""
        found = self._kept(entity, keys)
        if found is None:
            self._assumed.setdefault(entity, set()).update(keys)
            return {key: {} for key in keys}
        return found

    @property
    def assumed(self) -> dict[str, int]:
        """How many keys of each entity were taken to be there."""
        return {entity: len(keys) for entity, keys in self._assumed.items() if keys}


def load_version(include: Path, config: LegConfig) -> LegVersion:
    """
    A leg as a folder's files have it.

    :raises ConfigurationError: a file is missing or wrong; names file, line and remedy.
    """
    mappings = include / "mappings"
    return LegVersion(
        config,
        load_mapping(mappings / f"{config.conform}.yaml"),
        load_mapping(mappings / f"{config.map}.yaml"),
        load_suite(include / "expectations" / f"{config.gate}.yaml"),
    )


def _of_sources(work: Work, by_record: Mapping[str, str]) -> dict[str, str]:
    made: Iterable[tuple[str, set[str]]] = work.made.items()
    return {key: by_record[each] for key, all_made in made for each in all_made if each in by_record}
