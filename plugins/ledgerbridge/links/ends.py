"""Keeping the ends of links: what an id in a system is, in our words and in the other systems'."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, insert, null, select, update
from sqlalchemy.orm import Session

from ledgerbridge.errors import TargetConflict
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import OURS, Link, LinkEnd
from ledgerbridge.state.upsert import in_chunks

__all__ = ["MERGED", "READ", "WRITTEN", "End", "State", "ends_of", "keep_ends", "linked_ids"]

READ = "read"
"""How the id of a record is known that was read, and is linked with nothing yet."""
MERGED = "merged"
"""How the id of a record is known that people merged the one that was linked into."""
WRITTEN = "written"
"""How the id of a record is known that we made."""
_NOTHING = null()
"""Of what was told by its hash alone: None would be JSON's null, which a purge would find."""


@dataclass(frozen=True)
class State:
    """
    What one side holds of a thing.

    :param content: kept, encrypted, where the two sides will be merged on it; None: only its hash is kept.
    """

    digest: str
    content: dict[str, Any] | None = None


@dataclass(frozen=True)
class End:
    """
    One id of a thing in a target, as a delivery learned of it.

    :param entity: ``system.name``; ``key`` is the id there, ``number`` what people call it.
    :param matched_by: how we know that it is the same: ``WRITTEN``, ``READ``, or the criterion it was found by.
    :param seen: what the target answered; None: it did not tell.
    :param written: what we wrote; None: it was there as it is.
    """

    record_key: str
    entity: str
    key: str
    number: str | None
    matched_by: str
    seen: State | None = None
    written: State | None = None


@dataclass
class _NewEnd:
    """
    A ``LinkEnd`` that is yet to be written: many take one statement, objects of SQLAlchemy's one each.

    What nobody told is JSON's null, as an object's would be.
    """

    link_id: int
    company: str
    entity: str
    key: str
    linked_at: datetime
    number: str | None = None
    matched_by: str | None = None
    seen_hash: str | None = None
    seen: Any = None
    seen_at: datetime | None = None
    written_hash: str | None = None
    written: Any = None
    written_at: datetime | None = None
    held: None = None
    agreed: None = None
    offered: None = None


_Known = LinkEnd | _NewEnd


def keep_ends(
    session: Session, company: str, kind: str, ends: Sequence[End], *, joins: bool = False
) -> dict[str, TargetConflict]:
    """
    Link each record with its id in a target; by record key the conflict of those that are not linked.

    The first record of a thing makes its link. An id never changes its link: one that belongs to another record is a
    conflict. Only what was read and is linked with nothing yet joins the thing it turns out to be. Workers that link at
    once do so one after the other, so that a thing has one link.

    :param kind: what the thing is, the canonical entity's name: ``customer``.
    :param ends: all of one target entity, one a record.
    :param joins: a record that has no link yet may be one thing with a record that has: two names of one customer.
    """
    if not ends:
        return {}
    serialise(session, f"links {company}")
    name, entity = f"{OURS}{kind}", ends[0].entity
    ours: dict[str, _Known] = {**ends_of(session, company, name, [end.record_key for end in ends])}
    theirs: dict[str, _Known] = {**ends_of(session, company, entity, [end.key for end in ends])}
    records = _records(session, {each.link_id for each in theirs.values()})
    now = datetime.now(UTC)
    unknown = {end.key for end in ends if end.record_key not in ours and end.key not in theirs}
    made = _new_links(session, company, kind, unknown, now)
    new: list[_NewEnd] = []
    conflicts: dict[str, TargetConflict] = {}
    for end in ends:
        own, there = ours.get(end.record_key), theirs.get(end.key)
        if joins and own is not None and there is not None and own.link_id != there.link_id:
            if new:  # what meets is looked for in the table
                _write(session, new)
                ours |= ends_of(session, company, name, [*ours])
                theirs |= ends_of(session, company, entity, [*theirs])
                own, there = ours[end.record_key], theirs[end.key]
            _meet(session, own, there, records)
        if there is not None and not _is_same(end, own, there, records.get(there.link_id, set()), joins=joins):
            conflicts[end.record_key] = _belongs_to_others(end, records[there.link_id])
            continue
        known = there or own
        link_id = made[end.key] if known is None else known.link_id
        if own is None:
            new.append(_NewEnd(link_id, company, name, end.record_key, now))
            ours[end.record_key] = new[-1]
            records.setdefault(link_id, set()).add(end.record_key)
        if there is None:
            new.append(_NewEnd(link_id, company, entity, end.key, now, matched_by=end.matched_by))
            there = theirs[end.key] = new[-1]
        _note(there, end, now)
    session.flush()
    _write(session, new)
    return conflicts


def ends_of(session: Session, company: str, entity: str, keys: Sequence[str]) -> dict[str, LinkEnd]:
    """The ends of an entity with these ids, by id."""
    found: dict[str, LinkEnd] = {}
    for chunk in in_chunks(sorted(set(keys))):
        rows = session.scalars(
            select(LinkEnd).where(LinkEnd.company == company, LinkEnd.entity == entity, LinkEnd.key.in_(chunk))
        )
        found |= {row.key: row for row in rows}
    return found


def linked_ids(session: Session, company: str, kind: str, entity: str, record_keys: Sequence[str]) -> dict[str, str]:
    """The id in an entity of the things that records are linked with, by record key; the first one linked."""
    ours = ends_of(session, company, f"{OURS}{kind}", record_keys)
    ids: dict[int, str] = {}
    for chunk in in_chunks(sorted({end.link_id for end in ours.values()})):
        rows = session.execute(
            select(LinkEnd.link_id, LinkEnd.key)
            .where(LinkEnd.link_id.in_(chunk), LinkEnd.entity == entity)
            .order_by(LinkEnd.id)
        )
        for link_id, key in rows:
            ids.setdefault(link_id, key)
    return {key: ids[end.link_id] for key, end in ours.items() if end.link_id in ids}


def _records(session: Session, links: set[int]) -> dict[int, set[str]]:
    """Our record keys by link."""
    found: dict[int, set[str]] = {}
    for chunk in in_chunks(sorted(links)):
        rows = session.execute(
            select(LinkEnd.link_id, LinkEnd.key).where(
                LinkEnd.link_id.in_(chunk), LinkEnd.entity.startswith(OURS, autoescape=True)
            )
        )
        for link_id, key in rows:
            found.setdefault(link_id, set()).add(key)
    return found


def _is_same(end: End, own: _Known | None, there: _Known, records: set[str], *, joins: bool) -> bool:
    """Whether the record is the thing that the id is linked to already."""
    if own is not None:
        return own.link_id == there.link_id
    return joins or not records or end.record_key in records


def _meet(session: Session, own: _Known, there: _Known, records: dict[int, set[str]]) -> None:
    """Make one thing of two, where one of them is a record that was read alone and the other has none of its kind."""
    for alone, other in ((there.link_id, own.link_id), (own.link_id, there.link_id)):
        ends = session.scalars(select(LinkEnd).where(LinkEnd.link_id == alone)).all()
        theirs = [each for each in ends if not each.entity.startswith(OURS)]
        if len(theirs) != 1 or theirs[0].matched_by != READ:
            continue
        of_kind = select(func.count()).where(LinkEnd.link_id == other, LinkEnd.entity == theirs[0].entity)
        if session.scalar(of_kind):
            continue
        session.execute(update(LinkEnd).where(LinkEnd.link_id == alone).values(link_id=other))
        session.execute(delete(Link).where(Link.id == alone))
        records.setdefault(other, set()).update(each.key for each in ends if each.entity.startswith(OURS))
        return


def _new_links(session: Session, company: str, kind: str, keys: Collection[str], now: datetime) -> dict[str, int]:
    """Links of things that have none yet, by the ids that tell them apart."""
    if not keys:
        return {}
    rows = [{"company": company, "kind": kind, "created_at": now}] * len(keys)
    made = session.connection().execute(insert(Link).returning(Link.id), rows).scalars()
    return dict(zip(sorted(keys), sorted(made), strict=True))


def _write(session: Session, new: list[_NewEnd]) -> None:
    """Write what is new, in this order, and forget it."""
    if new:
        session.connection().execute(insert(LinkEnd), [vars(each) for each in new])
        new.clear()


def _note(row: _Known, end: End, now: datetime) -> None:
    row.number = end.number
    if end.seen is not None:
        row.seen_hash, row.seen_at = end.seen.digest, now
        row.seen = end.seen.content or _NOTHING
    if end.written is not None:
        row.written_hash, row.written_at = end.written.digest, now
        row.written = end.written.content or _NOTHING


def _belongs_to_others(end: End, records: set[str]) -> TargetConflict:
    others = ", ".join(sorted(records)[:3])
    return TargetConflict(
        "LB-LNK-001",
        f"{end.entity} {end.number or end.key} is linked to {others} already, and an id belongs to one thing.",
        record_key=end.record_key,
        field="link",
        value=end.number or end.key,
        remedy="See by `ledgerbridge trace` what the two records are. If they are one, discard this dead letter; if"
        " not, give one of the two another number, or e-mail address, where it came from, and replay.",
    )
