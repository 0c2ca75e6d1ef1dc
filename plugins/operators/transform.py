"""Transform: raw to canonical (conform), the canonical rules, canonical to the target's document (map)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from ledgerbridge.audit import Actor
from ledgerbridge.canonical.checks import check
from ledgerbridge.canonical.rules import RULES
from ledgerbridge.delivery.content import plain, rows_of
from ledgerbridge.entities import RawRecord
from ledgerbridge.mapping import Lookups, Mapped, frame_records, load_mapping, nested_records
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, close_letters, write_letters
from ledgerbridge.state.reader import DatabaseReader
from ledgerbridge.state.source_records import Fate, set_outcomes
from operators import settings
from operators.leg import LegOperator
from operators.staging import read_raw, write_frames
from operators.systems import live_lookup

__all__ = ["TransformOperator"]


class TransformOperator(LegOperator):
    """
    Make the target's documents of a raw batch; what can't be made becomes dead letters, the rest goes on.

    Both the canonical frames and the documents are kept for the audit.
    """

    step = "transform"

    def execute(self, context: Context) -> dict[str, Any]:
        """Conform, check, rule, map, stage; the reference to the documents."""
        actor = self.actor(context)
        records = read_raw(self.batch_of(context, "extract").uri)
        reader = DatabaseReader(self.engine)
        company = settings.company()
        lookups = Lookups(settings.lookups_folder(), company.tables(), reader, live_lookup(company), company.time_zone)
        work = _Work(actor, {record.key: record for record in records})
        canonical = self._conform(records, lookups, work)
        canonical = self._rule(canonical, reader, work)
        documents = self._map(canonical, lookups, work)
        write_frames(self.batch_uri(context, "canonical"), canonical)
        batch = write_frames(self.batch_uri(context, "documents"), documents)
        write_frames(self.batch_uri(context, "links"), {"links": work.links()})
        self._settle(work, set(documents["header"]["record_key"]))
        if documents["header"].empty:
            self.close_batch(actor)
            raise AirflowSkipException("no record of this batch goes on")
        return batch.to_xcom()

    def _conform(self, records: list[RawRecord], lookups: Lookups, work: _Work) -> dict[str, pd.DataFrame]:
        mapping = load_mapping(settings.include_folder() / "mappings" / f"{self.config.conform}.yaml")
        raw = nested_records(
            [record.payload for record in records],
            [record.key for record in records],
            [record.changed_at for record in records],
        )
        mapped = mapping.run(raw, lookups)
        keys = [record.key for record in records]
        work.made = {key: set() for key in keys}
        for position, record_key in zip(mapped.links["record"], mapped.links["record_key"], strict=True):
            work.made[keys[position]].add(record_key)
        header = mapped.frames["header"]
        if "label" in header:
            labels = dict(zip(header["record_key"], header["label"], strict=True))
            work.labels = {
                key: labels[made] for key, all_made in work.made.items() for made in all_made if made in labels
            }
        work.refuse("conform", mapped, keys, mapping.version)
        work.conformed = {row["record_key"]: row for row in rows_of(mapped.frames["header"])}
        checked = check(mapped.frames)
        work.refuse_records("check", checked.failures, mapping.version)
        return checked.frames

    def _rule(self, frames: dict[str, pd.DataFrame], reader: DatabaseReader, work: _Work) -> dict[str, pd.DataFrame]:
        for name, entities in self.config.rules.items():
            ruled = RULES[name](frames, reader, **entities)
            frames = ruled.frames
            work.waiting.update(ruled.waiting)
            work.superseded.update(ruled.superseded)
            work.descend(ruled.parents)
        work.canonical = {row["record_key"]: row for row in rows_of(frames["header"])}
        return frames

    def _map(self, frames: dict[str, pd.DataFrame], lookups: Lookups, work: _Work) -> dict[str, pd.DataFrame]:
        mapping = load_mapping(settings.include_folder() / "mappings" / f"{self.config.map}.yaml")
        mapped = mapping.run(frame_records(frames), lookups)
        positions = list(frames["header"]["record_key"])
        work.refuse("map", mapped, positions, mapping.version, canonical=True)
        return mapped.frames

    def _settle(self, work: _Work, going_on: set[str]) -> None:
        with transaction(self.engine) as session:
            letters = write_letters(session, work.actor, work.letters)
            fates = {key: work.fate(key, letters.get(key), going_on) for key in work.made}
            settled = [key for key, fate in fates.items() if fate.outcome in ("unchanged", "superseded")]
            close_letters(session, work.actor, settled)
            set_outcomes(session, self.flow, self.leg, fates)
            stopped = self.too_many_rejected(session, work.actor)
        if stopped is not None:
            raise stopped


@dataclass
class _Work:
    """What became of the records of a batch on their way through the steps."""

    actor: Actor
    records: dict[str, RawRecord]

    def __post_init__(self) -> None:
        self.made: dict[str, set[str]] = {}
        self.labels: dict[str, str] = {}
        self.waiting: dict[str, str] = {}
        self.superseded: dict[str, str] = {}
        self.conformed: dict[str, dict[str, Any]] = {}
        self.letters: list[Letter] = []
        self.canonical: dict[str, dict[str, Any]] = {}
        self._roots: dict[str, str] = {}

    def descend(self, parents: dict[str, str]) -> None:
        """A rule made new records of the old ones."""
        self._roots.update(parents)
        for key, made in self.made.items():
            children = {child for child, parent in parents.items() if parent in made}
            self.made[key] = made | children

    def fate(self, source_key: str, letter: str | None, going_on: set[str]) -> Fate:
        """What becomes of a source record; one that goes on stays ``read``, with the reason why a part of it waits."""
        made = self.made[source_key]
        first = next((self.conformed[each] for each in sorted(made) if each in self.conformed), None)
        known: dict[str, Any] = {
            "label": self.labels.get(source_key),
            "canonical": None if first is None else plain(first),
        }
        waits = next((self.waiting[each] for each in made if each in self.waiting), None)
        replaced = next((self.superseded[each] for each in made if each in self.superseded), None)
        if letter is not None:
            return Fate("rejected", f"dead letter {letter}", **known)
        if made & going_on:
            return Fate("read", waits, **known)
        if waits:
            return Fate("waiting", waits, **known)
        if replaced:
            return Fate("superseded", replaced, **known)
        return Fate("unchanged", "there is nothing to send", **known)

    def refuse(self, step: str, mapped: Mapped, keys: list[str], version: str, canonical: bool = False) -> None:
        """Dead letters for the failures of a mapping; ``keys`` by the position failures speak of."""
        for failure in mapped.failures.to_dict("records"):
            key = keys[failure["record"]]
            for source_key in self._sources(key) if canonical else [key]:
                self._refuse(step, source_key, key, failure, version)

    def refuse_records(self, step: str, failures: Iterable[dict[str, Any]], version: str) -> None:
        """Dead letters for canonical records that break a rule of their kind."""
        for failure in failures:
            for source_key in self._sources(failure["record_key"]):
                self._refuse(step, source_key, failure["record_key"], failure, version)

    def links(self) -> pd.DataFrame:
        """Which source record became which document."""
        pairs = [(key, made) for key, all_made in self.made.items() for made in sorted(all_made)]
        return pd.DataFrame(pairs, columns=["source_key", "record_key"], dtype="string[pyarrow]")

    def _sources(self, record_key: str) -> list[str]:
        return [key for key, made in self.made.items() if record_key in made]

    def _refuse(self, step: str, source_key: str, record_key: str, failure: Mapping[Any, Any], version: str) -> None:
        record = self.records[source_key]
        self.letters.append(
            Letter(
                step=step,
                source_key=source_key,
                version=record.version,
                record_key=record_key,
                code=failure["code"],
                field=failure["field"],
                value=failure["value"],
                message=failure["message"],
                remedy=failure["remedy"],
                rule=failure["rule"],
                label=self.labels.get(source_key),
                raw=record.payload,
                canonical=plain(self.canonical.get(record_key, {})) or None,
                mapping_version=version,
            )
        )
