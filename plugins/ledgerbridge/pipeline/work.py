"""What becomes of the records of a batch on their way from source record to document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Fields
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ledgerbridge.audit import Actor
from ledgerbridge.canonical.sent import Summarised
from ledgerbridge.delivery.content import plain
from ledgerbridge.entities import RawRecord
from ledgerbridge.mapping import AWAITED, Mapped
from ledgerbridge.state.dead_letters import Letter
from ledgerbridge.state.replays import KeptDocument
from ledgerbridge.state.source_records import Fate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Work"]


@dataclass
class Work:
    """What became of the records of a batch on their way through the steps; they themselves stay where they lie."""

    actor: Actor
    source_versions: dict[str, str]
    changes: dict[str, int | None]

    def __post_init__(self) -> None:
        self.conformed_by = ""  # version of the mapping
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
        self.summarised: list[Summarised] = []
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

    def join(self, made_of: Fields[str, Sequence[str]]) -> None:
        """A rule made one record of several."""
        for child, parents in made_of.items():
            for parent in parents:
                self.descend({child: parent})

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
