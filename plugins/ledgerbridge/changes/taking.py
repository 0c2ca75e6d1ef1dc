"""
Taking: a leg's next batch, of what earlier passes left over and of what the log holds beyond the leg's position.

What is taken stands in the work list before the position moves, in one transaction: nothing falls between them. A
batch names where its records lie; none of them is copied.

What waits is not tried in every pass, but when something happened that it may have waited for, and else after as long
as it has waited already: of a refund whose credit nobody posts, each pass would find the same. What its target put off,
a document that somebody has open, is: nobody tells when that ends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Row, case, func, or_, select
from sqlalchemy.orm import Session

from ledgerbridge.changes.log import Latest, newest
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.companies import MAIN
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import AuditEntry, LoggedChange, Position, Reading, SourceRecord
from ledgerbridge.state.source_records import BROKEN_OFF, Seen, done_up_to, register
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = [
    "Batch",
    "Beyond",
    "LegId",
    "Stretches",
    "Taken",
    "has_all",
    "has_new",
    "has_position",
    "has_taken",
    "has_work",
    "is_more_than",
    "pass_over",
    "take",
]

_AT_A_TIME = 1_000
"""Numbers of the log that are looked at with one statement."""
_NEWS = (
    "delivered",
    "adopted",
    "unchanged",
    "superseded",
    "waiting",
    "sent-again",
    "dead-letter-discarded",
    "answered",
    "matched",
    "passed-over",
)
"""What the audit tells of that a waiting record may have waited for; a reading only where it found something new."""
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(hours=1)
"""When a waiting record is tried again although nothing happened; in between, after as long as it has waited."""


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


@dataclass(frozen=True)
class Beyond:
    """The newest version of each record whose changes lie beyond a leg's position, up to number ``upto``."""

    position: int
    upto: int
    records: list[Taken]


def take(
    session: Session,
    leg: LegId,
    run_id: str,
    limit: int,
    behind: Sequence[str] = (),
    *,
    done_by: Sequence[str] = (),
    lost: Collection[str] = (),
    asked: bool = False,
) -> Batch:
    """
    Take a run's batch into the work list; the caller commits, and others who take for the leg wait until then.

    First what the run took before (a rerun) and what was broken off, then the newest version of each record beyond the
    leg's position, then what waits and is due, longest untried first: of that no more than half while there is
    something new.

    :param limit: most records of a batch.
    :param behind: legs of the flow that this one comes after and that take the same entity: it goes no further than
        they have, or it would have orders whose customers are not taken yet.
    :param done_by: legs of other stages that take the same entity and come before: they run at any time, so that this
        one goes no further than they have done with what they took.
    :param lost: staged files that can't be read any more: what lies there is taken as it was read anew.
    :param asked: a person wants this leg to run: all that waits is due.
    """
    serialise(session, f"take {leg.company} {leg.flow} {leg.leg}")
    known = session.scalar(select(func.max(AuditEntry.id))) or 0  # before anything is looked at
    bound = _bound(session, leg, behind, done_by)
    begun = _carried(session, leg, limit + 1, or_(_of_run(run_id), SourceRecord.outcome.in_(BROKEN_OFF)), run_id)
    carried = dict(list(begun.items())[:limit])
    room = max(0, limit - len(carried))
    waits = _waiting() if asked else _due(session, leg)
    waiting = _carried(session, leg, room + 1, waits & ~_of_run(run_id), run_id)
    log = _Log(session, leg, bound, without=set(carried))
    fresh = log.take(room - min(len(waiting), room // 2))
    kept = dict(list(waiting.items())[: room - len(fresh)])
    records = {**_at_their_newest(session, leg, {**kept, **carried}, bound, lost), **fresh}
    listed = sorted(records.values(), key=lambda each: (each.change or 0, each.key))
    _register(session, leg, run_id, listed, known)
    values = {**leg._asdict(), "change": log.position, "taken_at": datetime.now(UTC)}
    upsert(session, Position, [values], key=["company", "flow", "leg", "entity"])
    return Batch(listed, more=log.more or len(begun) > len(carried) or len(waiting) > len(kept))


def has_position(session: Session, leg: LegId) -> bool:
    """Whether a leg has taken from its source before."""
    return session.get(Position, tuple(leg)) is not None


def has_taken(session: Session, leg: LegId, run_id: str) -> bool:
    """Whether a run has records of the leg: its task is tried again, or was cleared."""
    return session.scalar(select(SourceRecord.id).where(*_of_leg(leg), _of_run(run_id)).limit(1)) is not None


class _Log:
    """What of the log a leg has not taken yet; ``position`` moves as it is taken."""

    def __init__(self, session: Session, leg: LegId, bound: int | None, without: Collection[str]) -> None:
        self._session = session
        self._leg = leg
        self.bound = bound
        self._without = without
        reached = session.get(Position, tuple(leg))
        self.position = reached.change if reached is not None else 0
        self.more = False

    def take(self, room: int) -> dict[str, Taken]:
        """The newest version of the next records, as many as there is room for, by key."""
        chosen: dict[str, Taken] = {}
        while numbers := self.next_numbers():
            keys = list({key for _, key in numbers})
            latest = newest(self._session, self._leg.company, self._leg.entity, keys, upto=self.bound)
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
        within = [] if self.bound is None else [LoggedChange.number <= self.bound]
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

    def _open(self, latest: Mapping[str, Latest]) -> set[str]:
        """The keys whose newest version the leg has neither finished with nor in its work list, or takes once more."""
        known: dict[str, tuple[str, int]] = {}
        for chunk in in_chunks(list(latest)):
            rows = _rows(self._session, self._leg, chunk)
            known |= {row.source_key: (row.version, row.change or 0) for row in rows}
        return {
            key
            for key, change in latest.items()
            if key not in known
            or (known[key][1] < change.number and (known[key][0] != change.version or change.how == "again"))
        }


def _carried(session: Session, leg: LegId, limit: int, wanted: ColumnElement[bool], run_id: str) -> dict[str, Taken]:
    """What of this stands in the work list already, by key, the run's own first, the longest untried first."""
    rows = session.execute(
        select(SourceRecord.source_key, SourceRecord.version, SourceRecord.change, SourceRecord.batch_uri)
        .where(*_of_leg(leg), wanted)
        .order_by(case((_of_run(run_id), 0), else_=1), SourceRecord.updated_at, SourceRecord.id)
        .limit(limit)
    )
    return {key: Taken(key, version, change, uri) for key, version, change, uri in rows}


def has_work(session: Session, leg: LegId, done_by: Sequence[str] = (), *, asked: bool = False) -> bool:
    """
    Whether there is something to take: left over, waiting and due, or beyond the leg's position.

    :param done_by, asked: as for ``take``.
    """
    return _has_left_over(session, leg, asked=asked) or has_new(session, leg, done_by)


def is_more_than(session: Session, leg: LegId, most: int, run_id: str, done_by: Sequence[str] = ()) -> bool:
    """
    Whether there may be more to take than so many records: the run's own, left over, due, or changed since.

    :param done_by: as for ``take``.
    """
    wanted = or_(_of_run(run_id), SourceRecord.outcome.in_(BROKEN_OFF), _due(session, leg))
    known = select(SourceRecord.id).where(*_of_leg(leg), wanted).limit(most + 1).subquery()
    left = most - (session.scalar(select(func.count()).select_from(known)) or 0)
    log = _Log(session, leg, _bound(session, leg, (), done_by), without=())
    return left < 0 or len(log.next_numbers(left + 1)) > left


def has_new(session: Session, leg: LegId, done_by: Sequence[str] = ()) -> bool:
    """Whether the log holds something beyond a leg's position; ``done_by`` as for ``take``."""
    return bool(_Log(session, leg, _bound(session, leg, (), done_by), without=()).next_numbers(at_most=1))


class Stretches:
    """
    What the log holds beyond the positions of legs, for those that may pass over it.

    Most legs of an entity stand at the same position: a stretch is read once for all of them.

    :param legs: those that may ask. :param at_most: changes of a stretch; of a longer one nothing is told.
    """

    def __init__(self, session: Session, legs: Collection[LegId], at_most: int) -> None:
        self._session = session
        self._legs = legs
        self._at_most = at_most
        self._read: dict[tuple[str, str, int, int | None], tuple[Beyond, set[tuple[str, str]]] | None] = {}

    def beyond(self, leg: LegId, done_by: Sequence[str] = ()) -> Beyond | None:
        """
        What a leg would take, where that is all it has to do, and it has made nothing yet of any of these records.

        :param done_by: as for ``take``.
        """
        if not has_position(self._session, leg) or _has_left_over(self._session, leg, asked=False):
            return None
        log = _Log(self._session, leg, _bound(self._session, leg, (), done_by), without=())
        place = (leg.company, leg.entity, log.position, log.bound)
        if place not in self._read:
            self._read[place] = self._stretch(leg, log)
        found = self._read[place]
        return None if found is None or (leg.flow, leg.leg) in found[1] else found[0]

    def _stretch(self, leg: LegId, log: _Log) -> tuple[Beyond, set[tuple[str, str]]] | None:
        """It, and flow and leg of those that made something of one of its records."""
        numbers = log.next_numbers(self._at_most + 1)
        if not numbers or len(numbers) > self._at_most:
            return None
        keys, upto = list({key for _, key in numbers}), numbers[-1][0]
        made_by = set[tuple[str, str]]()
        others = [each for each in self._legs if each.entity == leg.entity]
        for chunk in in_chunks(keys):
            made = select(SourceRecord.flow, SourceRecord.leg).where(
                SourceRecord.flow.in_({each.flow for each in others}),
                SourceRecord.leg.in_({each.leg for each in others}),
                SourceRecord.entity == leg.entity,
                SourceRecord.source_key.in_(chunk),
                SourceRecord.outcome != "unchanged",
            )
            made_by |= {(flow, name) for flow, name in self._session.execute(made.distinct())}
        latest = newest(self._session, leg.company, leg.entity, keys, upto=upto)
        return Beyond(log.position, upto, [_taken(each) for each in latest.values()]), made_by


def pass_over(session: Session, leg: LegId, passed: Beyond) -> bool:
    """Move a leg's position behind changes that it makes nothing of, unless it has moved since; the caller commits."""
    serialise(session, f"take {leg.company} {leg.flow} {leg.leg}")
    reached = session.get(Position, tuple(leg))
    if reached is None or reached.change != passed.position:
        return False
    reached.change, reached.taken_at = passed.upto, datetime.now(UTC)
    return True


def has_all(session: Session, leg: LegId, run_id: str) -> bool:
    """
    Whether a leg knows every record of its source: it was read from its beginning, and all of it is taken.

    :param run_id: the run that asks; what another one took and got no further with is not known yet.
    """
    of_entity = (Reading.company == leg.company, Reading.entity == leg.entity)
    readings = session.scalars(select(Reading.whole).where(*of_entity)).all()
    others = (*_of_leg(leg), SourceRecord.outcome.in_(BROKEN_OFF), ~_of_run(run_id))
    under_way = session.scalar(select(SourceRecord.id).where(*others).limit(1))
    left = _Log(session, leg, None, without=()).next_numbers(at_most=1)
    return bool(readings) and all(readings) and under_way is None and not left


def _has_left_over(session: Session, leg: LegId, *, asked: bool) -> bool:
    """Whether the work list holds what was broken off, or what waits and is due."""
    for wanted in (SourceRecord.outcome.in_(BROKEN_OFF), _waiting() if asked else _due(session, leg)):
        if session.scalar(select(SourceRecord.id).where(*_of_leg(leg), wanted).limit(1)) is not None:
            return True
    return False


def _of_leg(leg: LegId) -> tuple[ColumnElement[bool], ...]:
    return (SourceRecord.flow == leg.flow, SourceRecord.leg == leg.leg, SourceRecord.entity == leg.entity)


def _of_run(run_id: str) -> ColumnElement[bool]:
    return SourceRecord.run_id == run_id


def _waiting() -> ColumnElement[bool]:
    return SourceRecord.outcome == "waiting"


def _due(session: Session, leg: LegId) -> ColumnElement[bool]:
    """What waits and is tried again: something happened since, its time has come, or it waits since before a time."""
    tried_after = session.scalar(select(func.min(SourceRecord.tried_after)).where(*_of_leg(leg), _waiting()))
    since = or_(SourceRecord.try_again_at.is_(None), SourceRecord.try_again_at <= database_now(session))
    if tried_after is not None and (latest := _latest_news(session, leg.company, tried_after)) is not None:
        since = or_(since, SourceRecord.tried_after < latest)
    return _waiting() & since


def _latest_news(session: Session, company: str, after: int) -> int | None:
    """The last audit entry of a company, beyond this one, that a waiting record may have waited for."""
    is_new = AuditEntry.action.in_(("window-read", "announced-read")) & (AuditEntry.details["new"].as_integer() > 0)
    latest: int | None = session.scalar(
        select(func.max(AuditEntry.id)).where(
            AuditEntry.id > after,
            func.coalesce(AuditEntry.company, MAIN) == company,
            or_(AuditEntry.action.in_(_NEWS), is_new),
        )
    )
    return latest


def _bound(session: Session, leg: LegId, behind: Sequence[str], done_by: Sequence[str]) -> int | None:
    """The last number that may be taken; None: all of them."""
    bounds = []
    for other in behind:
        position = session.get(Position, (leg.company, leg.flow, other, leg.entity))
        bounds.append(position.change if position is not None else 0)
    bounds += [done_up_to(session, leg.flow, other, leg.entity) for other in done_by]
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


def _taken(change: Latest) -> Taken:
    return Taken(change.source_key, change.version, change.number, change.payload_uri, change.content_hash)


def _rows(session: Session, leg: LegId, keys: Sequence[str]) -> Sequence[Row[str, str, int | None, datetime | None]]:
    """Of these records what the leg has in its work list: key, version, change and when it was taken first."""
    columns = (SourceRecord.source_key, SourceRecord.version, SourceRecord.change, SourceRecord.taken_at)
    return session.execute(select(*columns).where(*_of_leg(leg), SourceRecord.source_key.in_(keys))).all()


def _register(session: Session, leg: LegId, run_id: str, records: Sequence[Taken], known: int) -> None:
    now = database_now(session)
    first_taken: dict[tuple[str, str], datetime] = {}
    for chunk in in_chunks([each.key for each in records]):
        rows = _rows(session, leg, chunk)
        first_taken |= {(row.source_key, row.version): row.taken_at for row in rows if row.taken_at is not None}
    by_file: dict[str, list[Seen]] = {}
    for each in records:
        taken_at = first_taken.get((each.key, each.version), now)
        again = now + min(max(now - taken_at, _SOONEST), _LATEST)
        by_file.setdefault(each.uri, []).append(Seen(each.key, each.version, each.change, taken_at, again))
    for uri, seen in by_file.items():
        register(session, leg.flow, leg.leg, run_id, leg.entity, seen, uri, known)
