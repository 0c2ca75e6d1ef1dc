"""Merge: the steps of a leg that writes one of two sides that are kept in step (docs/explanation/master-data.md)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
from airflow.sdk import Context
from sqlalchemy.orm import Session

from ledgerbridge.changes import LegId
from ledgerbridge.changes.taking import has_all
from ledgerbridge.delivery import Delivered, plain, settle_overtaken
from ledgerbridge.delivery.content import rows_of
from ledgerbridge.entities import RawRecord
from ledgerbridge.flows import SideLegConfig
from ledgerbridge.links import WRITTEN, KeptSide, Read, agree, keep_read, offer, sides_of
from ledgerbridge.mapping import Lookups, load_mapping, map_canonical, map_chunks, map_raw
from ledgerbridge.mapping import Mapping as CompiledMapping
from ledgerbridge.pipeline.kept import with_headers
from ledgerbridge.pipeline.making import Living
from ledgerbridge.pipeline.work import Work
from ledgerbridge.state import transaction
from ledgerbridge.state.models import OURS
from ledgerbridge.state.replays import KeptDocument
from ledgerbridge.state.source_records import Fate
from ledgerbridge.sync import (
    BY_HAND,
    Change,
    Plan,
    Rules,
    answers_of,
    changes_only,
    is_due,
    keep_meeting,
    keep_questions,
    plan,
    refused_with,
    strangers,
    why_apart,
    withdraw_proposals,
)
from operators import settings
from operators.drift import watched
from operators.gate import GateOperator
from operators.load import LoadOperator
from operators.staging import BatchRef, read_frames, read_rows
from operators.taken import taken_chunks
from operators.transform import TransformOperator

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MergeOperator", "MergedGateOperator", "MergedLoadOperator"]

_OURS_ALONE = ("record_key", "label", "chain_key", "merged_into")
"""Canonical fields that say nothing of the thing."""
_LATER = "it came to be known while others were compared: the next run compares it"


class MergeOperator(TransformOperator):
    """
    Make the documents of what this leg's side has to be told of the changes taken, of both sides.

    What each side holds is kept with its link, newest version first come or not. A thing the side has no record of
    becomes a whole document; of another the gate lets only what differs go on.
    """

    config: SideLegConfig
    made_by_hand = False

    def _to_resume(self, session: Session, work: Work) -> dict[str, list[KeptDocument]]:
        """None: a document is made of what both sides hold, which may be something else by now."""
        return {}

    def _conform(self, given: BatchRef, keys: list[str], lookups: Lookups, work: Work) -> dict[str, pd.DataFrame]:
        """The canonical records as this leg's side is to hold them."""
        planned = self._planned(given, keys, lookups, work)
        offers = {
            each.source_key: {name: (value, each.wanted.get(name)) for name, value in each.fields.items()}
            for each in planned.changes.values()
        }
        with transaction(self.engine) as session:
            offer(session, self.company.key, self.config.source, offers)
        canonical = f"{OURS}{self.config.sync.entity}"
        held = {key: self._header(each, each.held) for key, each in planned.changes.items() if each.key is not None}
        frames = with_headers({}, canonical, {k: self._header(e, e.wanted) for k, e in planned.changes.items()})
        before = map_canonical(_mapping(self.config.map), with_headers({}, canonical, held), lookups)
        work.conformed = {row["record_key"]: row for row in rows_of(frames["header"])}
        work.beside = {"before": before.frames, "merges": {"merges": _staged(planned.changes)}}
        return frames

    def _planned(self, given: BatchRef, keys: list[str], lookups: Lookups, work: Work) -> Plan:
        """What this leg's side has to be told; what the two agree on, and what people are asked, is kept."""
        sync = self.config.sync
        read: dict[str, list[Read]] = {}
        untold: dict[str, str] = {}
        for entity, name in self.config.sources.items():
            of_entity = [key for key in keys if _entity_of(key) == entity]
            read[entity] = self._read(given, of_entity, _mapping(name), lookups, work, untold) if of_entity else []
        work.made = {each.source_key: set() for records in read.values() for each in records} | work.made
        unmet = self._meet(read, work)
        with transaction(self.engine) as session:
            things = keep_read(session, self.company.key, sync.entity, read)
            deleted = [each.key for records in read.values() for each in records if each.deleted]
            withdraw_proposals(session, self.company.key, sync.entity, deleted)
            by_key = {each.record_key: each for each in things.values()}
            apart = (
                {} if unmet is None else why_apart(session, self.company.key, sync.entity, things.values(), met=unmet)
            )
            planned = plan(
                by_key.values(),
                [each.entity for each in sync.sides],
                self.config.target,
                Rules(sync.policy, sync.policies, sync.owner, sync.watched, sync.leader),
                answers_of(session, self.company.key, sync.entity, by_key),
                made_if=sync.made_if,
                apart=apart,
                made_by_hand=self.made_by_hand,
                cleared_by_hand=next(each.cleared_by_hand for each in sync.sides if each.entity == self.config.target),
            )
            keep_questions(session, self.company.key, sync.entity, planned.asked, by_key)
            nothing_to_tell = by_key.keys() - planned.changes.keys() - planned.waiting.keys()
            for key in settle_overtaken(session, work.actor, self.config.target, nothing_to_tell):
                planned.waiting[key] = f"the last update of {self.config.target} was broken off and may be under way"
                for side in by_key[key].sides.values():
                    planned.settled[side.entity].pop(side.key, None)
            for entity, settled in planned.settled.items():
                agree(session, self.company.key, entity, {key: fields for key, fields in settled.items() if fields})
        # what can't be said of one field keeps back no other, so it is the last to be told
        told = {things[each].record_key: why for each, why in untold.items() if each in things}
        planned.waiting.update(told | planned.uncleared | planned.waiting)
        work.waiting.update(planned.waiting)
        for source_key, thing in things.items():
            if thing.record_key in planned.changes or thing.record_key in planned.waiting:
                work.add(source_key, thing.record_key)
        return planned

    def _meet(self, read: Mapping[str, Sequence[Read]], work: Work) -> str | None:
        """
        Compare what each side has for itself, once all of both is known; why those wait that were not compared.

        Comparing takes a while, and keeps no transaction open. None: nothing is compared, what is made decides.
        """
        sync, company = self.config.sync, self.company.key
        meeting = sync.matching.meeting
        if meeting is None:
            return None
        sides = (sync.sides[0].entity, sync.sides[1].entity)
        if meeting.hold:
            return "the first meeting is held: `ledgerbridge match` shows who would meet"
        with transaction(self.engine) as session:
            keep_read(session, company, sync.entity, read)
            if not self._knows_all(session, work):
                return "the first meeting begins when all records of both sides are read"
            alone = (
                strangers(session, company, sync.entity, sides, sync.key)
                if is_due(session, company, sync.entity, sides)
                else None
            )
        if alone is not None:
            from ledgerbridge.matching.meeting import meet  # numpy, scipy: nothing a DAG file needs

            proposals = meet(*alone.fields, meeting, alone.refused)
            with transaction(self.engine) as session:
                linked = keep_meeting(session, work.actor, company, sync.entity, alone, proposals)
            self.log.info(
                "flow=%s leg=%s met=%d,%d linked=%d asked=%d",
                *(self.flow, self.leg, *map(len, alone.fields), linked, len(proposals) - linked),
            )
        return _LATER

    def _knows_all(self, session: Session, work: Work) -> bool:
        """Whether every record of both sides was taken."""
        legs = [LegId(self.company.key, self.flow, self.leg, each) for each in self.config.sources]
        return all(has_all(session, each, work.actor.run_id) for each in legs)

    def _read(
        self,
        given: BatchRef,
        keys: list[str],
        mapping: CompiledMapping,
        lookups: Lookups,
        work: Work,
        untold: dict[str, str],
    ) -> list[Read]:
        """
        The records of one side with their canonical fields; what can't be conformed becomes dead letters.

        :param untold: takes by source key why nothing can be said of a field, which the record is without then.
        """
        changed_at: dict[str, datetime] = {}

        def noted(chunks: Iterable[list[RawRecord]]) -> Iterator[list[RawRecord]]:
            for chunk in chunks:
                changed_at.update({record.key: record.changed_at for record in chunk})
                yield chunk

        living = Living(watched(self.engine, mapping, taken_chunks(given, set(keys))))
        mapped = map_chunks(mapping, noted(living), lookups)
        work.made |= {key: set() for key in keys}
        keys = living.keys
        work.refuse("conform", mapped, keys, mapping.version)
        rows = {row["record_key"]: row for row in rows_of(mapped.frames["header"])}
        told = mapping.columns()["header"] - {*_OURS_ALONE, self.config.sync.key}
        missing: dict[int, dict[str, str]] = {}
        for each in mapped.untold:
            missing.setdefault(each["record"], {})[each["field"]] = f"{each['message']}. {each['remedy']}"
        read = [
            Read(_id_of(each.key), each.key, None, {}, work.changes[each.key] or 0, each.changed_at, deleted=True)
            for each in living.deleted
        ]
        for position, record_key in zip(mapped.links["record"], mapped.links["record_key"], strict=True):
            key, row = keys[position], rows[record_key]
            silent = missing.get(position, {})
            fields = {name: plain(row[name]) for name in sorted(told - silent.keys())}
            number = row[self.config.sync.key]
            if silent:
                untold[key] = f"{BY_HAND}{mapping.source} {number or _id_of(key)}: {' '.join(silent.values())}"
            change, merged_into = work.changes[key] or 0, row.get("merged_into")
            read.append(Read(_id_of(key), key, number, fields, change, changed_at[key], merged_into))
            work.labels[key] = number or _id_of(key)
        return read

    def _header(self, change: Change, fields: Mapping[str, Any]) -> dict[str, Any]:
        number = change.number or fields.get("made_number")
        return {**fields, self.config.sync.key: number, "label": number}


class MergedGateOperator(GateOperator):
    """Validate the documents whole, and let only what they change go on of those that the target has."""

    config: SideLegConfig

    def going_on(self, context: Context, passed: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """Of what the target holds what it has to be told; each document says of which of its changes it was made."""
        before = read_frames(self.staged(context, "before"))
        changes = _staged_changes(self.staged(context, "merges"))
        always = {"record_key", *_mapping(self.config.map).made_of("header", {self.config.sync.key})}
        held = {row["record_key"]: row for row in rows_of(before["header"])}
        headers = []
        for row in rows_of(passed["header"]):
            key = row["record_key"]
            only = changes_only(row, held[key], always) if key in held else row
            # equal documents made of other states are two: what was changed back is changed again
            headers.append({**only, "_made_of_change": None if key not in held else str(changes[key].change)})
        found = {"header": headers}
        for part in passed.keys() - {"header"}:
            found[part] = _changed_rows(rows_of(passed[part]), rows_of(before[part]))
        return {name: _like(passed[name], rows) for name, rows in found.items()}


class MergedLoadOperator(LoadOperator):
    """Deliver what the target has to be told, and keep what the two sides agree on then."""

    config: SideLegConfig

    def merged(self, context: Context) -> Mapping[str, str]:
        """The id of each record that is updated."""
        changes = _staged_changes(self.staged(context, "merges"))
        return {key: change.key for key, change in changes.items() if change.key is not None}

    def refused(self, context: Context) -> Mapping[str, Collection[str]]:
        """Of those that are new to the target, with whom a person said they are not one."""
        new = {c.source_key: key for key, c in _staged_changes(self.staged(context, "merges")).items() if c.key is None}
        with transaction(self.engine) as session:
            found = refused_with(session, self.company.key, self.config.sync.entity, list(new))
        return {new[key]: others for key, others in found.items()}

    def follow_up(self, context: Context, results: Sequence[Delivered]) -> dict[str, Fate]:
        """
        Keep of what was written what the sides hold now, as each of them holds it.

        What the target turned out to hold already is linked as it is; the next run merges the two. An old task that is
        run again and sends nothing says nothing either of what was read since.
        """
        changes = _staged_changes(self.staged(context, "merges"))
        stands = [each.record_key for each in results if each.outcome in _STANDS and each.record_key in changes]
        company, kind = self.company.key, self.config.sync.entity
        with transaction(self.engine) as session:
            things = sides_of(session, company, kind, list(self.config.sources), stands)
        there = {key: thing.sides[self.config.target] for key, thing in things.items()}
        source = {key: thing.sides[self.config.source].held or {} for key, thing in things.items()}
        linked = {key for key, side in there.items() if changes[key].key is None and side.matched_by != WRITTEN}
        unsent = {each.record_key for each in results if each.outcome == "unchanged"}
        overtaken = {key for key in unsent & there.keys() if _is_read_since(there[key], changes[key])}
        written = {key: side for key, side in there.items() if key not in linked | overtaken}
        conformed = self._conformed(context, written)
        agreed: dict[str, dict[str, dict[str, Any]]] = {entity: {} for entity in self.config.sources}
        for key, side in written.items():
            change = changes[key]
            holds = conformed.get(key, change.wanted)
            agreed[self.config.target][side.key] = {name: holds.get(name) for name in change.fields}
            agreed[self.config.source][change.source_key] = {
                name: value for name, value in change.fields.items() if name in source[key]
            }
        with transaction(self.engine) as session:
            agree(session, company, self.config.source, agreed[self.config.source])
            agree(session, company, self.config.target, agreed[self.config.target], holds=True)
        waits = Fate("waiting", f"{self.config.target} has it already: they are linked, and merged by the next run")
        return dict.fromkeys(linked, waits)

    def _conformed(self, context: Context, sides: Mapping[str, KeptSide]) -> dict[str, dict[str, Any]]:
        """The canonical fields of what the target answered, by record key; what can't be conformed is left out."""
        keys = [key for key, side in sides.items() if side.seen]
        if not keys:
            return {}
        mapping = _mapping(self.config.sources[self.config.target])
        payloads = [sides[key].seen or {} for key in keys]
        at = [datetime.now(UTC)] * len(keys)
        mapped = map_raw(mapping, payloads, keys, at, self.lookups(context))
        rows = {row["record_key"]: row for row in rows_of(mapped.frames["header"])}
        made = zip(mapped.links["record"], mapped.links["record_key"], strict=True)
        return {keys[position]: {name: plain(value) for name, value in rows[key].items()} for position, key in made}


_STANDS = ("delivered", "unchanged")


def _is_read_since(side: KeptSide, change: Change) -> bool:
    return change.change is not None and side.change is not None and side.change > change.change


def _mapping(name: str) -> CompiledMapping:
    return load_mapping(settings.include_folder() / "mappings" / f"{name}.yaml")


def _entity_of(source_key: str) -> str:
    """The entity of a record's key, ``system:scope:entity:id``."""
    system, _, entity, _ = source_key.split(":", 3)
    return f"{system}.{entity}"


def _id_of(source_key: str) -> str:
    return source_key.split(":", 3)[3]


def _staged(changes: Mapping[str, Change]) -> pd.DataFrame:
    """What was planned, for the steps that follow."""
    import pandas as pd

    rows = [(key, orjson.dumps(asdict(change)).decode()) for key, change in changes.items()]
    return pd.DataFrame(rows, columns=["record_key", "change"]).astype("string[pyarrow]")


def _staged_changes(merges: BatchRef) -> dict[str, Change]:
    return {row["record_key"]: Change(**orjson.loads(row["change"])) for row in read_rows(merges, "merges")}


def _changed_rows(after: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the records of which any differs: a part is sent whole, with what is to go in it cleared."""
    held = _by_record(before)
    changed: list[dict[str, Any]] = []
    for key, rows in _by_record(after).items():
        if rows == held.get(key):
            continue
        there = held.get(key, [])
        for place, row in enumerate(rows):
            said = {name for name, value in row.items() if value is not None}
            changed.append(changes_only(row, there[place] if place < len(there) else {}, said))
    return changed


def _by_record(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["record_key"], []).append(row)
    return found


def _like(frame: pd.DataFrame, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows with the columns and types of a frame; a column it has not, or without any value, is text."""
    import pandas as pd

    schema = pa.Table.from_pandas(frame, preserve_index=False).schema
    added = sorted({name for row in rows for name in row} - set(schema.names))
    fields = [
        *(pa.field(each.name, pa.string()) if pa.types.is_null(each.type) else each for each in schema),
        *(pa.field(name, pa.string()) for name in added),
    ]
    table = pa.Table.from_pylist(rows, schema=pa.schema(fields))
    made: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return made
