"""The sides of things that are kept in step, with their links: what each holds, and what the two last agreed on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from ledgerbridge.links.ends import MERGED, READ, End, ends_of, keep_ends
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import OURS, Link, LinkEnd
from ledgerbridge.state.names import HELD, forget_names, keep_names
from ledgerbridge.state.upsert import in_chunks

__all__ = ["KeptSide", "Offers", "Read", "Thing", "agree", "keep_read", "offer", "sides_of"]

Offers = Mapping[str, Sequence[Sequence[Any]]]
"""By field what the other side was to be given: as it is held on this side, and as it was to be held on that one."""
_MOST_OFFERS = 20
"""Of one field; so often nobody edits it while nothing gets through."""


@dataclass(frozen=True)
class Read:
    """
    A record of one side as it was read.

    :param key: its id in its system; ``number`` is what people call it.
    :param source_key: its key in the change log.
    :param fields: its canonical fields, for JSON.
    :param change: number of the change that told of it, made at ``changed_at`` by its system's clock.
    :param merged_into: the id of the record that people merged it into; None: they did not.
    :param deleted: its system has it no more; nothing is known of its fields.
    """

    key: str
    source_key: str
    number: str | None
    fields: dict[str, Any]
    change: int
    changed_at: datetime
    merged_into: str | None = None
    deleted: bool = False


@dataclass(frozen=True)
class KeptSide:
    """
    What is kept of one side of a thing.

    :param held: its canonical fields as they were read last; None: it was never read.
    :param change, changed_at: of the change that told them.
    :param agreed: the same when the two sides last agreed on each.
    :param seen: what its system answered last to what was written.
    :param offered: what the other side was to be given since the two last agreed.
    :param gone: its system has it no more.
    """

    entity: str
    key: str
    number: str | None
    held: dict[str, Any] | None
    change: int | None
    changed_at: datetime | None
    agreed: dict[str, Any]
    matched_by: str | None = None
    seen: dict[str, Any] | None = None
    offered: Offers = field(default_factory=dict)
    gone: bool = False


@dataclass(frozen=True)
class Thing:
    """One thing: the key its deliveries are kept by, and its sides by entity."""

    record_key: str
    sides: Mapping[str, KeptSide]


def keep_read(session: Session, company: str, kind: str, read: Mapping[str, Sequence[Read]]) -> dict[str, Thing]:
    """
    Keep what was read of each side, unless something newer is known; the things it belongs to, by source key.

    A record that nothing is linked with yet becomes a thing of its own. Of several records of one entity that are one
    thing the first that was linked is the one kept in step; the others have no thing here. One that was merged into
    another leaves it its link and is its thing, unless both are linked with the other side: then it is as if archived.
    So is one that was deleted; one that was linked with nothing is forgotten. One that people make again under its
    number takes the place of the one that is gone, whatever id it has.

    :param read: the records by entity.
    """
    serialise(session, f"links {company}")
    things: dict[str, Thing] = {}
    survivors: dict[str, dict[str, str]] = {}
    read = {entity: _without_forgotten(session, company, entity, records) for entity, records in read.items()}
    for entity, records in read.items():
        merged = {each.key: each.merged_into for each in records if each.merged_into}
        merged |= _made_again(session, company, entity, records)
        survivors[entity] = _follow_merges(session, company, entity, merged)
        records = [each for each in records if each.key not in survivors[entity]]
        known = ends_of(session, company, entity, [each.key for each in records])
        named = _record_keys(session, kind, {end.link_id for end in known.values()})
        ends = [
            End(f"{kind}:{each.source_key}", entity, each.key, each.number, READ)
            for each in records
            if each.key not in known or known[each.key].link_id not in named
        ]
        keep_ends(session, company, kind, ends, joins=True)
        kept = ends_of(session, company, entity, [each.key for each in records])
        for each in records:
            end = kept[each.key]
            if end.held_change is None or end.held_change <= each.change:
                end.held = {**(end.held or {}), "active": False} if each.deleted else each.fields
                end.held_change, end.held_changed_at = each.change, each.changed_at
                end.gone_at = datetime.now(UTC) if each.deleted else None
            end.number = end.number if each.deleted else each.number
        session.flush()
        keep_names(session, company, HELD, {end.id: end.held for end in kept.values()})
    for entity, records in read.items():
        stands_for = {each.key: survivors[entity].get(each.key, each.key) for each in records}
        kept = ends_of(session, company, entity, list(stands_for.values()))
        of_links = _things(session, kind, {end.link_id for end in kept.values()}, list(read))
        for each in records:
            thing = of_links[kept[stands_for[each.key]].link_id]
            if thing.sides[entity].key == stands_for[each.key]:
                things[each.source_key] = thing
    return things


def sides_of(
    session: Session, company: str, kind: str, entities: Sequence[str], record_keys: Sequence[str]
) -> dict[str, Thing]:
    """The things that are delivered under these keys, as they stand now."""
    ours = ends_of(session, company, f"{OURS}{kind}", record_keys)
    of_links = _things(session, kind, {end.link_id for end in ours.values()}, entities)
    return {key: of_links[end.link_id] for key, end in ours.items()}


def agree(
    session: Session, company: str, entity: str, agreed: Mapping[str, Mapping[str, Any]], *, holds: bool = False
) -> None:
    """
    Keep what a side holds of the fields that the two sides agree on now.

    :param agreed: fields by the id of the side's record.
    :param holds: it was just given them, and what was read of it is older.
    """
    ends = ends_of(session, company, entity, list(agreed))
    for key, end in ends.items():
        fields = {**(end.agreed or {}), **agreed[key]}
        if fields != end.agreed:
            end.agreed = fields
        if holds and end.held is not None:
            end.held = {**end.held, **agreed[key]}
        if end.offered and agreed[key].keys() & end.offered.keys():
            end.offered = {name: each for name, each in end.offered.items() if name not in agreed[key]}
    session.flush()
    if holds:
        keep_names(session, company, HELD, {end.id: end.held for end in ends.values()})


def offer(session: Session, company: str, entity: str, offers: Mapping[str, Mapping[str, tuple[Any, Any]]]) -> None:
    """
    Keep what is about to be given to the other side, before it is: an answer that is lost tells of nothing.

    :param offers: by the id of this side's record and field the value here, and the one that is to be there.
    """
    for key, end in ends_of(session, company, entity, list(offers)).items():
        kept: dict[str, Any] = dict(end.offered or {})
        for name, pair in offers[key].items():
            before = [each for each in kept.get(name, []) if each != list(pair)]
            kept[name] = [*before, list(pair)][-_MOST_OFFERS:]
        if kept != end.offered:
            end.offered = kept
    session.flush()


def _follow_merges(session: Session, company: str, entity: str, merged: Mapping[str, str]) -> dict[str, str]:
    """
    Let what a record was merged into, or made again as, take its place in the link; what was agreed on stays the base.

    Its place is the last one's that it was merged into, one after the other, and a double's that people kept instead.

    :param merged: by id the id of that other one.
    :return: those of them whose place was taken, now or before.
    """
    ends = ends_of(session, company, entity, [*merged, *merged.values()])
    followed: dict[str, str] = {}
    for key in merged:
        survivor = _last_of(merged, key)
        end, there = ends.get(key), ends.get(survivor)
        if end is None and there is not None:
            followed[key] = survivor
        if end is None or not _is_linked(session, end) or (there is not None and not _gives_way(session, there, end)):
            continue
        end.held = end.held_change = end.held_changed_at = end.gone_at = None
        if there is not None:
            end.number = there.number
            end.held, end.held_change, end.held_changed_at = there.held, there.held_change, there.held_changed_at
            forget_names(session, HELD, [there.id])
            session.execute(delete(LinkEnd).where(LinkEnd.id == there.id))
            if there.link_id != end.link_id:
                session.execute(update(LinkEnd).where(LinkEnd.link_id == there.link_id).values(link_id=end.link_id))
                session.execute(delete(Link).where(Link.id == there.link_id))
        session.flush()
        end.key, end.matched_by = survivor, MERGED
        session.flush()
        keep_names(session, company, HELD, {end.id: end.held})
        ends[survivor] = end
        followed[key] = survivor
    return followed


def _last_of(merged: Mapping[str, str], key: str) -> str:
    passed = {key}
    while (survivor := merged.get(key)) is not None and survivor not in passed:
        key = survivor
        passed.add(key)
    return key


def _gives_way(session: Session, there: LinkEnd, end: LinkEnd) -> bool:
    """Whether another one may take a record's key: it is linked with nothing else, or is that one's double."""
    if there.link_id == end.link_id:
        return (end.linked_at, end.id) < (there.linked_at, there.id)
    return not _is_linked(session, there)


def _made_again(session: Session, company: str, entity: str, records: Sequence[Read]) -> dict[str, str]:
    """By id of records that are gone, now or before, the id of another one of their number."""
    new = {each.number: each.key for each in records if each.number and not each.deleted}
    deleted = ends_of(session, company, entity, [each.key for each in records if each.deleted])
    gone = {end.number: end for end in _numbered(session, company, entity, new, LinkEnd.gone_at.is_not(None))}
    gone |= {end.number: end for end in deleted.values() if end.number}
    others = {end.number: end.key for end in _numbered(session, company, entity, gone, LinkEnd.gone_at.is_(None))}
    made = {number: key for number, key in others.items() if key not in deleted} | new
    return {end.key: made[number] for number, end in gone.items() if made.get(number, end.key) != end.key}


def _numbered(
    session: Session, company: str, entity: str, numbers: Collection[str | None], where: ColumnElement[bool]
) -> list[LinkEnd]:
    found: list[LinkEnd] = []
    for chunk in in_chunks(sorted(filter(None, numbers))):
        there = (LinkEnd.company == company, LinkEnd.entity == entity, LinkEnd.number.in_(chunk))
        found += session.scalars(select(LinkEnd).where(*there, where).order_by(LinkEnd.id))
    return found


def _without_forgotten(session: Session, company: str, entity: str, records: Sequence[Read]) -> list[Read]:
    """The records but those that were deleted and are linked with nothing, of which nothing is kept any more."""
    deleted = {each.key for each in records if each.deleted}
    ends = ends_of(session, company, entity, list(deleted))
    for key in list(deleted):
        end = ends.get(key)
        if end is not None and _is_linked(session, end):
            deleted.discard(key)
        elif end is not None:
            gone = (LinkEnd.link_id == end.link_id,)
            forget_names(session, HELD, session.scalars(select(LinkEnd.id).where(*gone)).all())
            session.execute(delete(LinkEnd).where(*gone))
            session.execute(delete(Link).where(Link.id == end.link_id))
    session.flush()
    return [each for each in records if each.key not in deleted]


def _is_linked(session: Session, end: LinkEnd) -> bool:
    """Whether its thing has a record of another entity than this one."""
    others = (LinkEnd.link_id == end.link_id, LinkEnd.entity != end.entity)
    of_systems = ~LinkEnd.entity.startswith(OURS, autoescape=True)
    return session.scalar(select(LinkEnd.id).where(*others, of_systems).limit(1)) is not None


def _record_keys(session: Session, kind: str, links: set[int]) -> dict[int, str]:
    """By link the first key that a record read of a side was given: what is delivered for a flow's own has others."""
    found: dict[int, str] = {}
    for chunk in in_chunks(sorted(links)):
        rows = session.execute(
            select(LinkEnd.link_id, LinkEnd.key)
            .where(LinkEnd.link_id.in_(chunk), LinkEnd.entity == f"{OURS}{kind}", LinkEnd.key.like(f"{kind}:%:%:%:%"))
            .order_by(LinkEnd.linked_at, LinkEnd.id)
        )
        for link_id, key in rows:
            found.setdefault(link_id, key)
    return found


def _things(session: Session, kind: str, links: set[int], entities: Sequence[str]) -> dict[int, Thing]:
    record_keys = _record_keys(session, kind, links)
    sides: dict[int, dict[str, KeptSide]] = {link: {} for link in links}
    for chunk in in_chunks(sorted(links)):
        rows = session.scalars(
            select(LinkEnd)
            .where(LinkEnd.link_id.in_(chunk), LinkEnd.entity.in_(entities))
            .order_by(LinkEnd.linked_at, LinkEnd.id)
        )
        for row in rows:
            side = KeptSide(
                entity=row.entity,
                key=row.key,
                number=row.number,
                held=row.held,
                change=row.held_change,
                changed_at=row.held_changed_at,
                agreed=row.agreed or {},
                matched_by=row.matched_by,
                seen=row.seen,
                offered=row.offered or {},
                gone=row.gone_at is not None,
            )
            sides[row.link_id].setdefault(row.entity, side)
    return {link: Thing(record_keys[link], sides[link]) for link in links}
