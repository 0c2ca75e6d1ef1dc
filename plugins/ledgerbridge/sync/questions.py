"""
What people are asked: which of two values of a field stands, where both sides changed it and its policy is to ask, or
where it is watched and any side changed it.

A question is about two values. Where one of them changes before it is answered it is another question; where the two
come to be the same it is none any more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.state.models import OURS, MergeQuestion
from ledgerbridge.state.upsert import in_chunks

__all__ = [
    "Asked",
    "Question",
    "answer",
    "answers_of",
    "has_open",
    "has_unput",
    "is_open",
    "keep_questions",
    "put_again",
    "put_questions",
]

Fields = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Asked:
    """What is to be asked of a thing: by field the value of each system; ``number`` is what people call the thing."""

    number: str | None
    fields: Fields


@dataclass(frozen=True)
class Question:
    """A question as it is put to people: ``values`` by system, of the thing of ``record_key``."""

    id: int
    kind: str
    number: str | None
    field: str
    values: dict[str, Any]
    record_key: str = ""


def answers_of(
    session: Session, company: str, kind: str, record_keys: Collection[str]
) -> dict[str, dict[str, tuple[dict[str, Any], str]]]:
    """By record key and field the values that were asked about, and the system whose value stands."""
    found: dict[str, dict[str, tuple[dict[str, Any], str]]] = {}
    for row in _rows(session, company, kind, record_keys):
        if row.answer is not None:
            found.setdefault(row.record_key, {})[row.field] = (row.values or {}, row.answer)
    return found


def keep_questions(
    session: Session, company: str, kind: str, asked: Mapping[str, Asked], looked_at: Collection[str]
) -> None:
    """
    Keep what is to be asked, each question once.

    :param asked: by record key, also what has an answer that is not carried out yet.
    :param looked_at: record keys of all things that were looked at: what is not asked of them any more is dropped.
    """
    now = datetime.now(UTC)
    known = {(row.record_key, row.field): row for row in _rows(session, company, kind, looked_at)}
    for key, of_thing in asked.items():
        for name, values in of_thing.fields.items():
            row = known.pop((key, name), None)
            if row is not None and row.values == dict(values):
                continue
            if row is None:
                row = MergeQuestion(company=company, kind=kind, record_key=key, field=name)
                session.add(row)
            row.number, row.values, row.asked_at = of_thing.number, dict(values), now
            row.put_in = row.answer = row.answered_by = row.answered_at = None
    for row in known.values():
        session.delete(row)
    session.flush()


def has_unput(session: Session, company: str, kind: str) -> bool:
    """Whether there is a question that was put to nobody yet."""
    return session.scalar(select(MergeQuestion.id).where(*_unput(company, kind)).limit(1)) is not None


def has_open(session: Session, company: str, kind: str, fields: Collection[str]) -> bool:
    """Whether a question about any of these fields has no answer yet."""
    unanswered = (MergeQuestion.field.in_(sorted(fields)), MergeQuestion.answer.is_(None))
    of_kind = (MergeQuestion.company == company, MergeQuestion.kind == kind)
    return session.scalar(select(MergeQuestion.id).where(*of_kind, *unanswered).limit(1)) is not None


def put_questions(session: Session, company: str, kind: str, run_id: str) -> list[Question]:
    """The questions a run puts to people: those that none has put yet, and those it has put before."""
    of_run = (MergeQuestion.company == company, MergeQuestion.kind == kind, MergeQuestion.put_in == run_id)
    for row in session.scalars(select(MergeQuestion).where(*_unput(company, kind)).with_for_update()):
        row.put_in = run_id
    session.flush()
    rows = session.scalars(select(MergeQuestion).where(*of_run).order_by(MergeQuestion.id))
    return [Question(row.id, kind, row.number, row.field, dict(row.values or {}), row.record_key) for row in rows]


def put_again(session: Session, questions: Collection[Question]) -> None:
    """Take back that these were put to people: whoever was asked may not answer."""
    for each in questions:
        row = session.get(MergeQuestion, each.id, with_for_update=True)
        if row is not None and row.answer is None:
            row.put_in = None
    session.flush()


def is_open(session: Session, question: Question) -> bool:
    """Whether a question is still the one that was put, and has no answer."""
    row = session.get(MergeQuestion, question.id)
    return row is not None and row.values == question.values and row.answer is None


def answer(session: Session, actor: Actor, question: Question, system: str, by: str) -> bool:
    """Keep whose value stands, and tell the audit; False: it is another question by now, or none."""
    row = session.get(MergeQuestion, question.id, with_for_update=True)
    if row is None or row.values != question.values or row.answer is not None:
        return False
    row.answer, row.answered_by, row.answered_at = system, by, datetime.now(UTC)
    details = {"field": row.field, "stands": system, "by": by}
    append(session, actor, [Change("answered", f"{OURS}{row.kind}", row.record_key, details=details)])
    return True


def _rows(session: Session, company: str, kind: str, record_keys: Collection[str]) -> list[MergeQuestion]:
    found: list[MergeQuestion] = []
    for chunk in in_chunks(sorted(record_keys)):
        of_things = (MergeQuestion.company == company, MergeQuestion.kind == kind, MergeQuestion.record_key.in_(chunk))
        found += session.scalars(select(MergeQuestion).where(*of_things))
    return found


def _unput(company: str, kind: str) -> tuple[Any, ...]:
    return (MergeQuestion.company == company, MergeQuestion.kind == kind, MergeQuestion.put_in.is_(None))
