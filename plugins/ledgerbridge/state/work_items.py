"""What people note at what waits on the work list: who takes it on, tags, comments; each act is in the audit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b, sha256
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, delete, null, or_, select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.database import serialise
from ledgerbridge.state.dead_letters import UNSETTLED
from ledgerbridge.state.models import DeadLetter, WorkItem, WorkTag
from ledgerbridge.state.upsert import in_chunks

__all__ = [
    "LETTER",
    "TAKEN",
    "Kind",
    "Noted",
    "Subject",
    "assign",
    "assignees",
    "comment",
    "forget_comments",
    "id_of",
    "noted",
    "of_letters",
    "tag",
]

Kind = Literal["letter", "question", "proposal", "unknown", "overdue"]
LETTER: Kind = "letter"
TAKEN = "LB-WRK-002"


@dataclass(frozen=True)
class Subject:
    """
    Something that waits, and how the audit names it.

    :param id: a dead letter's own; of others what ``id_of`` makes of that by which they are known.
    """

    kind: Kind
    id: str
    company: str
    flow: str
    leg: str
    entity: str
    record_key: str


def id_of(*known_by: str) -> str:
    """The id of something that is known by these: a row's own number may be given to another one."""
    return blake2b("\0".join(known_by).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Noted:
    """What is noted at something; comments as ``at`` (ISO), ``by``, ``text``, the oldest first."""

    assignee: str | None = None
    tags: Sequence[str] = ()
    comments: Sequence[dict[str, Any]] = field(default=())


def noted(session: Session, kind: Kind, ids: Collection[str]) -> dict[str, Noted]:
    """What is noted at those of these at which anything is."""
    found: dict[str, Noted] = {}
    for chunk in in_chunks(sorted(ids)):
        rows = session.scalars(select(WorkItem).where(WorkItem.kind == kind, WorkItem.subject.in_(chunk))).all()
        tags: dict[int, list[str]] = {}
        for item, name in session.execute(
            select(WorkTag.item, WorkTag.tag).where(WorkTag.item.in_([row.id for row in rows])).order_by(WorkTag.tag)
        ):
            tags.setdefault(item, []).append(name)
        found |= {row.subject: Noted(row.assignee, tags.get(row.id, []), row.comments or []) for row in rows}
    return found


def assignees(session: Session) -> list[str]:
    """Everybody who has taken something on."""
    named = select(WorkItem.assignee).where(WorkItem.assignee.is_not(None)).distinct().order_by(WorkItem.assignee)
    return [str(each) for each in session.scalars(named)]


def of_letters(*, assignee: str | None, unassigned: bool, tag: str | None) -> list[ColumnElement[bool]]:
    """What a dead letter fulfils that somebody has taken on, that nobody has, or that bears a tag."""
    letters = select(WorkItem.subject).where(WorkItem.kind == LETTER)
    found: list[ColumnElement[bool]] = []
    if assignee is not None:
        found.append(DeadLetter.id.in_(letters.where(WorkItem.assignee == assignee)))
    if unassigned:
        found.append(DeadLetter.id.not_in(letters.where(WorkItem.assignee.is_not(None))))
    if tag is not None:
        tagged = letters.join(WorkTag, WorkTag.item == WorkItem.id).where(WorkTag.tag == tag)
        found.append(DeadLetter.id.in_(tagged))
    return found


def assign(session: Session, subjects: Mapping[Subject, str | None], to: str | None, by: str) -> None:
    """
    Let somebody take things on, or nobody; the caller commits.

    :param subjects: with who has taken each on, as whoever decides has seen it.
    :raises LedgerbridgeError: another has taken one on since; then nothing is changed.
    """
    rows = _rows(session, subjects)
    for subject, seen in subjects.items():
        now = rows[subject].assignee
        if now != seen:
            raise LedgerbridgeError(
                TAKEN,
                f"{subject.kind} {subject.id} is {f'with {now}' if now else 'with nobody'} by now; nothing is changed.",
                remedy="Look at it as it is now, and decide anew.",
            )
    changed = [subject for subject, seen in subjects.items() if seen != to]
    for subject in changed:
        rows[subject].assignee = to
    _tell(session, changed, "assigned" if to else "given-back", by, {"to": to} if to else {})


def tag(
    session: Session, subjects: Collection[Subject], add: Collection[str], remove: Collection[str], by: str
) -> None:
    """Put tags at things, and take others away; the caller commits."""
    rows = _rows(session, subjects)
    for row in rows.values():
        known = set(session.scalars(select(WorkTag.tag).where(WorkTag.item == row.id)))
        session.execute(delete(WorkTag).where(WorkTag.item == row.id, WorkTag.tag.in_(list(remove))))
        session.add_all(WorkTag(item=row.id, tag=each) for each in set(add) - set(remove) - known)
    _tell(session, subjects, "tagged", by, {"added": sorted(add), "removed": sorted(remove)})


def comment(session: Session, subject: Subject, text: str, by: str) -> None:
    """Keep what somebody says of something; the audit has its hash, for a purge takes the words. The caller commits."""
    (row,) = _rows(session, [subject]).values()
    said = {"at": database_now(session).isoformat(), "by": by, "text": text}
    row.comments = [*(row.comments or []), said]
    _tell(session, [subject], "commented", by, {"after": sha256(text.encode()).hexdigest()})


def forget_comments(session: Session, before: datetime) -> int:
    """Take away what people said of what nobody has touched since; of how much. Of letters that go on, it stays."""
    unsettled = select(DeadLetter.id).where(DeadLetter.state.in_(UNSETTLED))
    settled = or_(WorkItem.kind != LETTER, and_(WorkItem.kind == LETTER, WorkItem.subject.not_in(unsettled)))
    old = (WorkItem.comments.is_not(null()), WorkItem.updated_at < before, settled)
    forgotten: Any = session.execute(
        update(WorkItem).where(*old).values(comments=null()).execution_options(synchronize_session=False)
    )
    return int(forgotten.rowcount)


def _rows(session: Session, subjects: Iterable[Subject]) -> dict[Subject, WorkItem]:
    """The row of each, made where there is none; until the transaction ends nobody else changes any."""
    serialise(session, "work list")
    now, found = database_now(session), {}
    for subject in subjects:
        query = select(WorkItem).where(WorkItem.kind == subject.kind, WorkItem.subject == subject.id)
        row = session.scalars(query).one_or_none()
        if row is None:
            row = WorkItem(company=subject.company, kind=subject.kind, subject=subject.id)
            session.add(row)
        row.updated_at = now
        found[subject] = row
    session.flush()
    return found


def _tell(session: Session, subjects: Iterable[Subject], action: str, by: str, details: dict[str, Any]) -> None:
    session.flush()
    for each in subjects:
        named = {"dead_letter": each.id} if each.kind == LETTER else {"of": f"{each.kind} {each.id}"}
        told = Change(action, each.entity, each.record_key, details={**named, "by": by, **details})
        append(session, Actor(each.flow, each.leg, "", "console", each.company), [told])
