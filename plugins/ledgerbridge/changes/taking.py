"""
Taking: a leg's next batch, of what earlier passes left over and of what the log holds beyond the leg's position.

What is taken stands in the work list before the position moves, in one transaction: nothing falls between them. A
batch names where its records lie; none of them is copied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from ledgerbridge.changes.log import newest
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import LoggedChange, Position, SourceRecord
from ledgerbridge.state.source_records import UNFINISHED, Seen, register
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = ["Batch", "LegId", "Taken", "has_position", "has_taken", "has_work", "take"]

_BROKEN_OFF = ("read", "held")
"""Outcomes of records whose run got no further, or was stopped."""
_AT_A_TIME = 1_000
"""Numbers of the log that are looked at with one statement."""


class LegId(NamedTuple):
    """A leg of a company's flow, and the entity it takes."""

    company: str
    flow: str
    leg: str
    entity: str


@dataclass(frozen=True)
class Taken:
    """
    A record of a batch.

    :param change: its number in the log; None for one that was taken before there was one.
    :param uri: where it lies: a staged file, or a dead letter.
    :param content_hash: what the audit knows it by, where the log tells.
    """

    key: str
    version: str
    change: int | None
    uri: str
    content_hash: str | None = None


@dataclass(frozen=True)
class Batch:
    """What a pass takes, in order of their numbers; ``more`` tells that the log or the work list holds more."""

    records: list[Taken]
    more: bool


def take(
    session: Session,
    leg: LegId,
    run_id: str,
    limit: int,
    behind: Sequence[str] = (),
    *,
    done_by: Sequence[str] = (),
    lost: Collection[str] = (),
) -> Batch:
    """
    Take a run's batch into the work list; the caller commits, and others who take for the leg wait until then.

    First what the run took before (a rerun) and what was broken off, then the newest version of each record beyond the
    leg's position, then what waits, longest untried first: of that no more than half while there is something new.

    :param limit: most records of a batch.
    :param behind: legs of the flow that this one comes after and that take the same entity: it goes no further than
        they have, or it would have orders whose customers are not taken yet.
    :param done_by: legs of other stages that take the same entity and come before: they run at any time, so that this
        one goes no further than they have done with what they took.
    :param lost: staged files that can't be read any more: what lies there is taken as it was read anew.
    """
    serialise(session, f"take {leg.company} {leg.flow} {leg.leg}")
    bound = _bound(session, leg, behind, done_by)
    begun = _carried(session, leg, run_id, limit + 1, waiting=False)
    carried = dict(list(begun.items())[:limit])
    room = max(0, limit - len(carried))
    waiting = _carried(session, leg, run_id, room + 1, waiting=True)
    log = _Log(session, leg, bound, without=set(carried))
    fresh = log.take(room - min(len(waiting), room // 2))
    kept = dict(list(waiting.items())[: room - len(fresh)])
    records = {**_at_their_newest(session, leg, {**kept, **carried}, bound, lost), **fresh}
    listed = sorted(records.values(), key=lambda each: (each.change or 0, each.key))
    _register(session, leg, run_id, listed)
    values = {**leg._asdict(), "change": log.position, "taken_at": datetime.now(UTC)}
    upsert(session, Position, [values], key=["company", "flow", "leg", "entity"])
    return Batch(listed, more=log.more or len(begun) > len(carried) or len(waiting) > len(kept))


def has_position(session: Session, leg: LegId) -> bool:
    """Whether a leg has taken from its source before."""
    return session.get(Position, tuple(leg)) is not None


def has_taken(session: Session, leg: LegId, run_id: str) -> bool:
    """Whether a run has records of the leg: its task is tried again, or was cleared."""
    of_run = (SourceRecord.flow == leg.flow, SourceRecord.leg == leg.leg, SourceRecord.run_id == run_id)
    return session.scalar(select(SourceRecord.id).where(*of_run).limit(1)) is not None


class _Log:
    """What of the log a leg has not taken yet; ``position`` moves as it is taken."""

    def __init__(self, session: Session, leg: LegId, bound: int | None, without: Collection[str]) -> None:
        self._session = session
        self._leg = leg
        self._bound = bound
        self._without = without
        reached = session.get(Position, tuple(leg))
        self.position = reached.change if reached is not None else 0
        self.more = False

    def take(self, room: int) -> dict[str, Taken]:
        """The newest version of the next records, as many as there is room for, by key."""
        chosen: dict[str, Taken] = {}
        while numbers := self.next_numbers():
            keys = list({key for _, key in numbers})
            latest = newest(self._session, self._leg.company, self._leg.entity, keys, upto=self._bound)
            open_keys = self._open(latest)
            for number, key in numbers:
                if key in open_keys and key not in chosen and key not in self._without:
                    if len(chosen) == room:
                        self.more = True
                        return chosen
                    chosen[key] = _taken(latest[key])
                self.position = number
        return chosen

    def next_numbers(self, at_most: int = _AT_A_TIME) -> list[tuple[int, str]]:
        """Numbers beyond the position, with the keys of their records."""
        within = [] if self._bound is None else [LoggedChange.number <= self._bound]
        found = self._session.execute(
            select(LoggedChange.number, LoggedChange.source_key)
            .where(
                LoggedChange.company == self._leg.company,
                LoggedChange.entity == self._leg.entity,
                LoggedChange.number > self.position,
                LoggedChange.payload_uri.is_not(None),
                *within,
            )
            .order_by(LoggedChange.number)
            .limit(at_most)
        )
        return [(number, key) for number, key in found]

    def _open(self, latest: Mapping[str, LoggedChange]) -> set[str]:
        """The keys whose newest version the leg has neither finished with nor in its work list."""
        known: dict[str, tuple[str, int]] = {}
        for chunk in in_chunks(list(latest)):
            known |= {key: (version, change or 0) for key, version, change in _rows(self._session, self._leg, chunk)}
        return {
            key
            for key, change in latest.items()
            if key not in known or (known[key][0] != change.version and known[key][1] < change.number)
        }


def _carried(session: Session, leg: LegId, run_id: str, limit: int, *, waiting: bool) -> dict[str, Taken]:
    """
    What stands in the work list already, by key, the longest untried first.

    :param waiting: what waits for something, or else what the run took before and what other runs left broken off.
    """
    waits = (SourceRecord.outcome == "waiting") & (SourceRecord.run_id != run_id)
    wanted = waits if waiting else or_(SourceRecord.run_id == run_id, SourceRecord.outcome.in_(_BROKEN_OFF))
    rows = session.execute(
        select(SourceRecord.source_key, SourceRecord.version, SourceRecord.change, SourceRecord.batch_uri)
        .where(SourceRecord.flow == leg.flow, SourceRecord.leg == leg.leg, wanted)
        .order_by(case((SourceRecord.run_id == run_id, 0), else_=1), SourceRecord.updated_at, SourceRecord.id)
        .limit(limit)
    )
    return {key: Taken(key, version, change, uri) for key, version, change, uri in rows}


def has_work(session: Session, leg: LegId, done_by: Sequence[str] = ()) -> bool:
    """
    Whether there is something to take: left over, waiting, or beyond the leg's position.

    :param done_by: as for ``take``.
    """
    unfinished = (SourceRecord.flow == leg.flow, SourceRecord.leg == leg.leg, SourceRecord.outcome.in_(UNFINISHED))
    if session.scalar(select(SourceRecord.id).where(*unfinished).limit(1)) is not None:
        return True
    return bool(_Log(session, leg, _bound(session, leg, (), done_by), without=()).next_numbers(at_most=1))


def _bound(session: Session, leg: LegId, behind: Sequence[str], done_by: Sequence[str]) -> int | None:
    """The last number that may be taken; None: all of them."""
    bounds = []
    for other in {*behind, *done_by}:
        position = session.get(Position, (leg.company, leg.flow, other, leg.entity))
        bounds.append(position.change if position is not None else 0)
        if other in done_by:
            of_other = (SourceRecord.flow == leg.flow, SourceRecord.leg == other)
            under_way = SourceRecord.outcome.in_(_BROKEN_OFF)
            first = session.scalar(select(func.min(SourceRecord.change)).where(*of_other, under_way))
            bounds += [] if first is None else [first - 1]
    return min(bounds, default=None)


def _at_their_newest(
    session: Session, leg: LegId, carried: Mapping[str, Taken], bound: int | None, lost: Collection[str]
) -> dict[str, Taken]:
    """The records as they stand in the work list, or as they became known since: changed, or read anew."""
    latest = newest(session, leg.company, leg.entity, list(carried), upto=bound)
    found = dict(carried)
    for key, change in latest.items():
        taken = carried[key]
        is_same = change.number == taken.change and change.payload_uri == taken.uri
        is_other = change.version != taken.version or taken.uri in lost
        if is_same or (change.number > (taken.change or 0) and is_other):
            found[key] = _taken(change)
    return found


def _taken(change: LoggedChange) -> Taken:
    return Taken(change.source_key, change.version, change.number, str(change.payload_uri), change.content_hash)


def _rows(session: Session, leg: LegId, keys: Sequence[str]) -> list[tuple[str, str, int | None]]:
    found = session.execute(
        select(SourceRecord.source_key, SourceRecord.version, SourceRecord.change).where(
            SourceRecord.flow == leg.flow, SourceRecord.leg == leg.leg, SourceRecord.source_key.in_(keys)
        )
    )
    return [(key, version, change) for key, version, change in found]


def _register(session: Session, leg: LegId, run_id: str, records: Iterable[Taken]) -> None:
    by_file: dict[str, list[Seen]] = {}
    for each in records:
        by_file.setdefault(each.uri, []).append(Seen(each.key, each.version, each.change))
    for uri, seen in by_file.items():
        register(session, leg.flow, leg.leg, run_id, leg.entity, seen, uri)
