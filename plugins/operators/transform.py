"""Transform: raw to canonical (conform), the canonical rules, canonical to the target's document (map)."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Fields
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from sqlalchemy.orm import Session

from ledgerbridge.audit import Actor, append
from ledgerbridge.canonical.checks import check
from ledgerbridge.canonical.rules import RULES
from ledgerbridge.delivery.content import plain, rows_of
from ledgerbridge.entities import RawRecord
from ledgerbridge.mapping import AWAITED, Lookups, Mapped, Mapping, load_mapping, map_canonical, map_chunks
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, close_letters, write_letters
from ledgerbridge.state.reader import DatabaseReader
from ledgerbridge.state.replays import KeptDocument, documents_to_resume
from ledgerbridge.state.source_records import Fate, news, set_outcomes, still_own
from operators import settings
from operators.leg import LegOperator
from operators.page_links import BatchLink, DeadLettersLink
from operators.resume import with_canonical, with_documents
from operators.staging import BatchRef, remember, write_frames
from operators.taken import taken_changes, taken_chunks, taken_records, taken_versions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TransformOperator", "Work"]


class TransformOperator(LegOperator):
    """
    Make the target's documents of a raw batch; what can't be made becomes dead letters, the rest goes on.

    A record that another run has taken in a newer version since is left alone.
    Both the canonical frames and the documents are kept for the audit.
    """

    step = "transform"
    before = "extract"
    operator_extra_links = (BatchLink(), DeadLettersLink())

    def execute(self, context: Context) -> dict[str, Any]:
        """Conform, check, rule, map, stage; the reference to the documents."""
        actor = self.actor(context)
        given = self.given_batch(context)
        changes, versions = taken_changes(given), taken_versions(given)
        with transaction(self.engine) as session:
            own = still_own(session, self.flow, self.leg, actor.run_id, changes)
        superseded = len(changes) - len(own)
        if not own:
            self.close_batch(actor, superseded)
            raise self.nothing_goes_on("newer versions of all its records are taken")
        reader = DatabaseReader(self.engine, self.flow)
        work = Work(actor, {key: version for key, version in versions.items() if key in own}, changes)
        with transaction(self.engine) as session:
            work.resumed = self._to_resume(session, work)
        lookups = self.lookups(context)
        anew = [key for key in work.source_versions if key not in work.resumed]
        canonical: dict[str, pd.DataFrame] = {}
        documents: dict[str, pd.DataFrame] = {}
        if anew:
            canonical = self._rule(self._conform(given, anew, lookups, work), reader, work)
            documents = self._map(canonical, lookups, work)
        if work.resumed:
            kept = work.resume()
            canonical = with_canonical(canonical, self._conform_mapping().target, kept)
            documents = with_documents(documents, kept)
        frames = {"canonical": canonical, "links": {"links": work.links()}, **work.beside}
        beside = [write_frames(self.batch_uri(context, name), parts) for name, parts in frames.items()]
        batch = write_frames(self.batch_uri(context, "documents"), documents)
        letters = work.letters_with(taken_records(given, work.refused())) if work.letters else []
        self._settle(work, letters, set(documents["header"]["record_key"]), batch, beside)
        if documents["header"].empty:
            self.close_batch(actor, superseded)
            raise self.nothing_goes_on("no record of this batch goes on")
        return batch.to_xcom()

    def _to_resume(self, session: Session, work: Work) -> dict[str, list[KeptDocument]]:
        """The documents of replayed dead letters that go on as they are."""
        return documents_to_resume(session, self.flow, self.leg, work.source_versions)

    def _conform_mapping(self) -> Mapping:
        return load_mapping(settings.include_folder() / "mappings" / f"{self.config.conform}.yaml")

    def _conform(self, given: BatchRef, keys: list[str], lookups: Lookups, work: Work) -> dict[str, pd.DataFrame]:
        """What is made of the records of ``keys``; as they were read they are in memory some hundreds at a time."""
        mapping, since = self._conform_mapping(), self.company.send_from
        mapped = map_chunks(mapping, taken_chunks(given, set(keys)), lookups, since)
        work.made = {key: set() for key in keys}
        work.earlier = {
            keys[position]: f"dated {day}, before the company's `send_from` {since}: people keyed it"
            for position, day in mapped.earlier.items()
        }
        for position, record_key in zip(mapped.links["record"], mapped.links["record_key"], strict=True):
            work.add(keys[position], record_key)
        header = mapped.frames["header"]
        if "label" in header:
            labels = dict(zip(header["record_key"], header["label"], strict=True))
            work.labels = {
                key: labels[made] for key, all_made in work.made.items() for made in all_made if made in labels
            }
        work.labels |= {keys[position]: label for position, label in mapped.labels.items()}
        work.refuse("conform", mapped, keys, mapping.version)
        work.conformed = {row["record_key"]: row for row in rows_of(mapped.frames["header"])}
        checked = check(mapped.frames)
        work.refuse_records("check", checked.failures, mapping.version)
        return checked.frames

    def _rule(self, frames: dict[str, pd.DataFrame], reader: DatabaseReader, work: Work) -> dict[str, pd.DataFrame]:
        for name, entities in self.config.rules.items():
            ruled = RULES[name](frames, reader, **entities)
            frames = ruled.frames
            work.waiting.update(ruled.waiting)
            work.superseded.update(ruled.superseded)
            work.descend(ruled.parents)
            work.refuse_records("rule", ruled.failures, self._conform_mapping().version)
        work.canonical = {row["record_key"]: row for row in rows_of(frames["header"])}
        return frames

    def _map(self, frames: dict[str, pd.DataFrame], lookups: Lookups, work: Work) -> dict[str, pd.DataFrame]:
        mapping = load_mapping(settings.include_folder() / "mappings" / f"{self.config.map}.yaml")
        mapped = map_canonical(mapping, frames, lookups)
        positions = list(frames["header"]["record_key"])
        work.refuse("map", mapped, positions, mapping.version, canonical=True)
        work.versions.update(dict.fromkeys(mapped.frames["header"]["record_key"], mapping.version))
        return mapped.frames

    def _settle(
        self, work: Work, letters: list[Letter], going_on: set[str], batch: BatchRef, beside: list[BatchRef]
    ) -> None:
        with transaction(self.engine) as session:
            remember(session, batch, *beside)
            refusals = write_letters(session, work.actor, letters)
            fates = {key: work.fate(key, refusals.get(key), going_on) for key in work.made}
            settled = [key for key, fate in fates.items() if fate.outcome in ("unchanged", "superseded")]
            close_letters(session, work.actor, settled)
            append(session, work.actor, news(session, work.actor.task, self.config.source, fates))
            self.audit_batch(session, work.actor, self.config.target, batch)
            set_outcomes(session, self.flow, self.leg, fates, run_id=work.actor.run_id)
            stopped = self.too_many_rejected(session, work.actor)
        if stopped is not None:
            raise stopped


@dataclass
class Work:
    """What became of the records of a batch on their way through the steps; they themselves stay where they lie."""

    actor: Actor
    source_versions: dict[str, str]
    changes: dict[str, int | None]

    def __post_init__(self) -> None:
        self.made: dict[str, set[str]] = {}
        self.earlier: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.waiting: dict[str, str] = {}
        self.awaiting: dict[str, str] = {}
        self.superseded: dict[str, str] = {}
        self.conformed: dict[str, dict[str, Any]] = {}
        self.letters: list[Letter] = []
        self.canonical: dict[str, dict[str, Any]] = {}
        self.resumed: dict[str, list[KeptDocument]] = {}
        self.versions: dict[str, str | None] = {}
        self.beside: dict[str, dict[str, pd.DataFrame]] = {}  # what else is staged, by name
        self._made_of: dict[str, list[str]] = {}

    def add(self, source_key: str, record_key: str) -> None:
        """A canonical record was made of a source record."""
        made = self.made.setdefault(source_key, set())
        if record_key not in made:
            made.add(record_key)
            self._made_of.setdefault(record_key, []).append(source_key)

    def resume(self) -> list[KeptDocument]:
        """Documents made before that go on as they are."""
        kept = [each for documents in self.resumed.values() for each in documents]
        for each in kept:
            self.add(each.source_key, each.record_key)
            self.versions[each.record_key] = each.mapping_version
        return kept

    def descend(self, parents: dict[str, str]) -> None:
        """A rule made new records of the old ones."""
        for child, parent in parents.items():
            for source_key in self._sources(parent):
                self.add(source_key, child)

    def fate(self, source_key: str, refusal: str | None, going_on: set[str]) -> Fate:
        """What becomes of a source record; one that goes on stays ``read``, with the reason why a part of it waits."""
        made = self.made[source_key]
        first = next((self.conformed[each] for each in sorted(made) if each in self.conformed), None)
        known: dict[str, Any] = {
            "label": self.labels.get(source_key),
            "canonical": None if first is None else plain(first),
        }
        waits = next((self.waiting[each] for each in made if each in self.waiting), None)
        replaced = next((self.superseded[each] for each in made if each in self.superseded), None)
        if refusal is not None:
            return Fate("rejected", refusal, **known)
        if made & going_on:
            return Fate("read", waits, **known)
        if waits := waits or self.awaiting.get(source_key):
            return Fate("waiting", waits, **known)
        if replaced:
            return Fate("superseded", replaced, **known)
        if source_key in self.earlier:
            return Fate("superseded", self.earlier[source_key], **known)
        return Fate("unchanged", "there is nothing to send", **known)

    def refuse(self, step: str, mapped: Mapped, keys: list[str], version: str, canonical: bool = False) -> None:
        """Dead letters for the failures of a mapping; ``keys`` by the position failures speak of."""
        failures = mapped.failures.to_dict("records")
        awaiting = {failure["record"]: failure["message"] for failure in failures if failure["code"] == AWAITED}
        for failure in failures:
            key = keys[failure["record"]]
            for source_key in self._sources(key) if canonical else [key]:
                if failure["record"] in awaiting:  # what else fails may follow from it
                    self.awaiting[source_key] = awaiting[failure["record"]]
                else:
                    self._refuse(step, source_key, key, failure, version)

    def refuse_records(self, step: str, failures: Iterable[dict[str, Any]], version: str) -> None:
        """Dead letters for canonical records that break a rule of their kind."""
        for failure in failures:
            for source_key in self._sources(failure["record_key"]):
                self._refuse(step, source_key, failure["record_key"], failure, version)

    def refused(self) -> set[str]:
        """The keys of the source records that letters are about."""
        return {letter.source_key for letter in self.letters}

    def letters_with(self, records: Iterable[RawRecord]) -> list[Letter]:
        """The letters, each with its source record as it was read."""
        raw = {record.key: record for record in records}
        return [
            replace(letter, raw=raw[letter.source_key].payload, changed_at=raw[letter.source_key].changed_at)
            for letter in self.letters
        ]

    def links(self) -> pd.DataFrame:
        """Which source record, in which version, became which document, by which version of the mapping."""
        import pandas as pd

        rows = [
            (key, self.changes[key], made, self.versions.get(made))
            for key, all_made in self.made.items()
            for made in sorted(all_made)
        ]
        text = "string[pyarrow]"
        types = {"source_key": text, "change": "int64[pyarrow]", "record_key": text, "mapping_version": text}
        return pd.DataFrame(rows, columns=list(types)).astype(types)

    def _sources(self, record_key: str) -> list[str]:
        return list(self._made_of.get(record_key, ()))

    def _refuse(self, step: str, source_key: str, record_key: str, failure: Fields[Any, Any], version: str) -> None:
        self.letters.append(
            Letter(
                step=step,
                source_key=source_key,
                version=self.source_versions[source_key],
                record_key=record_key,
                code=failure["code"],
                field=failure["field"],
                value=failure["value"],
                message=failure["message"],
                remedy=failure["remedy"],
                rule=failure["rule"],
                label=self.labels.get(source_key),
                canonical=plain(self.canonical.get(record_key, {})) or None,
                mapping_version=version,
            )
        )
