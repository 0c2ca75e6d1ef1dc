"""
The log itself: one way in for polls, webhooks, backfills and people.

Its numbers are the order in which changes became known. On PostgreSQL a number that was given earlier may become
visible later; here it can't: whoever appends to an entity holds its lock from before the first number to the commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from ledgerbridge.changes.sources import SourceId
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import LoggedChange
from ledgerbridge.state.upsert import in_chunks

__all__ = ["GONE", "Found", "How", "Latest", "append", "gone", "last_number", "newest", "unknown"]

How = Literal["poll", "webhook", "backfill", "person", "again"]
"""How a change became known; ``again``: it was known, and is to be taken once more."""
GONE = "gone"
"""The version of a record that a list of all its source's has no more."""


class _Version(Protocol):
    """One version of one record, read or only told of."""

    @property
    def key(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def changed_at(self) -> datetime: ...


_V = TypeVar("_V", bound=_Version)


@dataclass(frozen=True)
class Found:
    """A version of a record; ``content_hash`` is what the audit knows it by, none where only its change was told."""

    key: str
    version: str
    changed_at: datetime
    content_hash: str | None = None


class Latest(NamedTuple):
    """The last change of a record that has a payload, as the log has it."""

    source_key: str
    number: int
    version: str
    changed_at: datetime
    how: str
    payload_uri: str
    content_hash: str | None


_LATEST = [getattr(LoggedChange, name) for name in Latest._fields]


def append(
    session: Session,
    source: SourceId,
    found: Sequence[Found],
    *,
    how: How,
    payload_uri: str | None,
    began_after: int | None = None,
    lost: Collection[str] = (),
) -> int:
    """
    Write what the log does not hold yet; how many that were. The caller commits, and others wait until then.

    :param payload_uri: the staged file with all of them; None where they were only told of.
    :param began_after, lost: as for ``unknown``; None takes all of them as newer than what the log holds.
    """
    serialise(session, f"change {source.company} {source.entity}")
    lost = [uri for uri in lost if uri != payload_uri]  # the same records were staged once more: that file is whole now
    fresh = unknown(session, source, found, began_after=began_after, lost=lost, again=how == "again")
    known_at = datetime.now(UTC)
    rows = [
        {
            "company": source.company,
            "entity": source.entity,
            "connection": source.connection,
            "source_key": each.key,
            "version": each.version,
            "changed_at": each.changed_at,
            "how": how,
            "payload_uri": payload_uri,
            "content_hash": each.content_hash,
            "known_at": known_at,
        }
        for each in fresh
    ]
    if rows:
        session.connection().execute(insert(LoggedChange), rows)
    return len(rows)


def unknown(
    session: Session,
    source: SourceId,
    found: Iterable[_V],
    *,
    began_after: int | None = None,
    lost: Collection[str] = (),
    again: bool = False,
) -> list[_V]:
    """
    What the log does not hold as a record's newest version, in the order given.

    A version that comes back after another one is new again. What another reader appended while this one read may be
    newer than what this one has in hands: then only a later stamp counts, and what is left out is read again. So it is
    with a version that a person has sent again.

    :param began_after: the last number when this reading began; None where nobody else can have read meanwhile.
    :param lost: staged files that can't be read any more: the log does not hold what lies there.
    :param again: what the log holds as the newest version counts as unknown too, for legs to take it once more.
    """
    listed = list(found)
    known = newest(session, source.company, source.entity, [each.key for each in listed])
    return [each for each in listed if _is_new(each, known.get(each.key), began_after, lost, again)]


def _is_new(found: _Version, known: Latest | None, began_after: int | None, lost: Collection[str], again: bool) -> bool:
    if known is None:
        return True
    if known.version == found.version:
        return again or known.payload_uri in lost
    if known.how == "person":  # wanted so, though the source said otherwise up to then
        return found.changed_at > known.changed_at
    return began_after is None or known.number <= began_after or found.changed_at > known.changed_at


def newest(
    session: Session, company: str, entity: str, keys: Sequence[str], *, upto: int | None = None
) -> dict[str, Latest]:
    """The last change of each record that has a payload, by key, numbers beyond ``upto`` left aside."""
    found: dict[str, Latest] = {}
    within = [] if upto is None else [LoggedChange.number <= upto]
    for chunk in in_chunks(keys):
        last = (
            select(func.max(LoggedChange.number))
            .where(
                _of(company, entity),
                LoggedChange.source_key.in_(chunk),
                LoggedChange.payload_uri.is_not(None),
                *within,
            )
            .group_by(LoggedChange.source_key)
        )
        for row in session.execute(select(*_LATEST).where(LoggedChange.number.in_(last))):
            found[row[0]] = Latest(*row)
    return found


def gone(
    session: Session, source: SourceId, listed: Collection[str], *, upto: int, lost: Collection[str] = ()
) -> list[str]:
    """
    The keys of the records that a source had and a list of all its records has no more.

    A list that is empty proves nothing, for that is what a reader without rights gets; nor does one of another company
    or organisation, whose keys are others.

    :param listed: the keys of the list. :param upto: the last number of the log when the list was begun.
    :param lost: as for ``unknown``: what is known of a record lies there.
    """
    scopes = {_scope(key) for key in listed}
    last = (
        select(func.max(LoggedChange.number))
        .where(_of(source.company, source.entity), LoggedChange.connection == source.connection)
        .where(LoggedChange.number <= upto)
        .group_by(LoggedChange.source_key)
    )
    known = session.execute(
        select(LoggedChange.source_key, LoggedChange.version, LoggedChange.payload_uri)
        .where(LoggedChange.number.in_(last))
        .order_by(LoggedChange.number)
    )
    return [
        key
        for key, version, uri in known
        if (version != GONE or uri in lost) and key not in listed and _scope(key) in scopes
    ]


def last_number(session: Session, company: str, entity: str) -> int:
    """The last number of an entity; 0 before its first change."""
    number: int | None = session.scalar(select(func.max(LoggedChange.number)).where(_of(company, entity)))
    return number or 0


def _scope(key: str) -> str:
    """The ``system:scope:entity`` of a record's key."""
    return ":".join(key.split(":", 3)[:3])


def _of(company: str, entity: str) -> Any:
    return (LoggedChange.company == company) & (LoggedChange.entity == entity)
