"""
The first meeting of two sides: what is linked, what people are asked, and what waits until they have said.

Nothing that only one side has is made on the other before it was compared with all that only the other has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.links import Thing, alone, join
from ledgerbridge.links.ends import ends_of
from ledgerbridge.state.models import OURS, LinkEnd, MatchProposal
from ledgerbridge.state.upsert import in_chunks

if TYPE_CHECKING:
    from ledgerbridge.matching.meeting import Proposal

__all__ = [
    "Strangers",
    "answer_proposals",
    "is_due",
    "join_by_number",
    "keep_meeting",
    "open_proposals",
    "refused_with",
    "strangers",
    "why_apart",
    "withdraw_proposals",
]

ACCEPTED, REFUSED = "accepted", "refused"


@dataclass(frozen=True)
class Strangers:
    """
    The records of two sides that are linked with nothing.

    :param sides: their entities.
    :param fields: of each side the canonical fields by id, with the number under its field's name.
    :param numbers: what people call each.
    :param refused: pairs of ids that a person said are not one.
    """

    sides: tuple[str, str]
    fields: tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]
    numbers: tuple[dict[str, str | None], dict[str, str | None]]
    refused: frozenset[tuple[str, str]]


def is_due(session: Session, company: str, kind: str, sides: Sequence[str]) -> bool:
    """Whether there is a record that was compared with nothing yet."""
    return bool(alone(session, company, kind, sides, fresh=True))


def strangers(
    session: Session, company: str, kind: str, sides: tuple[str, str], number: str, *, fresh: bool = False
) -> Strangers:
    """
    All that one of the sides has for itself.

    :param number: the canonical field of the number.
    :param fresh: nothing, unless one of them was compared with nothing yet.
    """
    found = Strangers(sides, ({}, {}), ({}, {}), _refused(session, company, kind))
    for end in [] if fresh and not is_due(session, company, kind, sides) else alone(session, company, kind, sides):
        side = sides.index(end.entity)
        found.fields[side][end.key] = {**(end.held or {}), number: end.number}
        found.numbers[side][end.key] = end.number
    return found


def keep_meeting(
    session: Session, actor: Actor, company: str, kind: str, met: Strangers, proposals: Sequence[Proposal]
) -> int:
    """
    Link what is sure, keep what people are asked, and that all were compared; how many were linked.

    What a person has said of a pair stands. What was asked and not answered is asked by what is known now.
    """
    now = datetime.now(UTC)
    for side, keys in enumerate(met.fields):
        for chunk in in_chunks(list(keys)):
            column = MatchProposal.right_key if side else MatchProposal.left_key
            unanswered = (*_of(company, kind), column.in_(chunk), MatchProposal.answer.is_(None))
            session.execute(delete(MatchProposal).where(*unanswered))
    _compared(session, company, met)
    answered = _answered(session, company, kind)
    told: list[Change] = []
    for each in proposals:
        if (each.left, each.right) in answered:
            continue
        linked = each.band == "automatic" and join(
            session, company, (met.sides[0], each.left), (met.sides[1], each.right)
        )
        row = MatchProposal(
            company=company,
            kind=kind,
            sides=list(met.sides),
            left_key=each.left,
            right_key=each.right,
            left_number=met.numbers[0][each.left],
            right_number=met.numbers[1][each.right],
            shown=None if linked else {s: met.fields[at][k] for at, (s, k) in enumerate(_ends(met.sides, each))},
            score=each.score,
            best=each.best,
            agreements=[asdict(one) for one in each.agreements],
            compared_at=now,
            answer=ACCEPTED if linked else None,
            answered_at=now if linked else None,
        )
        session.add(row)
        if linked:
            told.append(_told("matched", row, score=each.score))
    session.flush()
    append(session, actor, told)
    return len(told)


def join_by_number(session: Session, actor: Actor, company: str, kind: str, sides: tuple[str, str]) -> int:
    """
    Link those of both sides that alone bear one number, case aside; how many were linked. All were compared then.

    Where a number is all that a thing is known by, a currency by its code, there is nothing else to compare.
    """
    met = strangers(session, company, kind, sides, "number", fresh=True)
    by_number: list[dict[str, list[str]]] = [{}, {}]
    for side, numbers in enumerate(met.numbers):
        for key, number in numbers.items():
            by_number[side].setdefault((number or "").strip().casefold(), []).append(key)
    told = []
    for number in sorted((by_number[0].keys() & by_number[1].keys()) - {""}):
        left, right = by_number[0][number], by_number[1][number]
        if len(left) == len(right) == 1 and join(session, company, (sides[0], left[0]), (sides[1], right[0])):
            pair = {"left": f"{sides[0]} {left[0]}", "right": f"{sides[1]} {right[0]}"}
            told.append(Change("matched", f"{OURS}{kind}", left[0], details=pair))
    _compared(session, company, met)
    session.flush()
    append(session, actor, told)
    return len(told)


def why_apart(session: Session, company: str, kind: str, things: Iterable[Thing], *, met: str) -> dict[str, str]:
    """
    By record key of things that one side has, why the other is not given them yet.

    :param met: why those wait that were compared with nothing yet.
    """
    single: dict[str, dict[str, str]] = {}
    for thing in things:
        if len(thing.sides) == 1:
            (side,) = thing.sides.values()
            single.setdefault(side.entity, {})[side.key] = thing.record_key
    found: dict[str, str] = {}
    for entity, keys in single.items():
        ends = ends_of(session, company, entity, list(keys))
        found |= {keys[key]: met for key, end in ends.items() if end.compared_at is None}
        for proposal in open_proposals(session, company, kind, list(keys)):
            key, other = proposal.left_key, proposal.right_number or proposal.right_key
            if proposal.sides[1] == entity:
                key, other = proposal.right_key, proposal.left_number or proposal.left_key
            if key in keys and keys[key] not in found:
                found[keys[key]] = f"a person says whether it is {other} (proposal {proposal.id})"
    return found


def open_proposals(
    session: Session, company: str | None, kind: str, keys: Sequence[str] | None = None
) -> list[MatchProposal]:
    """
    What people are asked and have not answered, likeliest first.

    :param company: None: of all; :param keys: only of these records.
    """
    query = select(MatchProposal).where(MatchProposal.kind == kind, MatchProposal.answer.is_(None))
    if company is not None:
        query = query.where(MatchProposal.company == company)
    if keys is None:
        return list(session.scalars(query.order_by(MatchProposal.score.desc(), MatchProposal.id)))
    found: dict[int, MatchProposal] = {}
    for chunk in in_chunks(list(keys)):
        of_keys = or_(MatchProposal.left_key.in_(chunk), MatchProposal.right_key.in_(chunk))
        found |= {each.id: each for each in session.scalars(query.where(of_keys))}
    return sorted(found.values(), key=lambda each: (-each.score, each.id))


def answer_proposals(session: Session, actor: Actor, answers: Mapping[int, bool], by: str) -> None:
    """
    Carry out what a person says of proposals: True makes one thing of the two, False keeps them apart for good.

    :raises LedgerbridgeError: there is no such proposal, it is answered, or the two are linked with others already;
        nothing of the answers is kept then.
    """
    now = datetime.now(UTC)
    told: list[Change] = []
    for number, accepted in answers.items():
        row = session.get(MatchProposal, number, with_for_update=True)
        if row is None or row.answer is not None:
            raise _not_to_be_answered(number, row)
        ends = _ends(row.sides, row)
        if accepted and not join(session, row.company, *ends):
            raise LedgerbridgeError(
                "LB-MAT-002",
                f"proposal {number}: {' and '.join(' '.join(each) for each in ends)} are each linked with another"
                " record already, and can't be one.",
                remedy="See by `ledgerbridge trace` what they are linked with, and refuse the proposal.",
            )
        row.answer, row.answered_by, row.answered_at = (ACCEPTED if accepted else REFUSED), by, now
        row.shown = None
        told.append(_told("answered", row, answer=row.answer, by=by))
    session.flush()
    append(session, actor, told)


def withdraw_proposals(session: Session, company: str, kind: str, keys: Sequence[str]) -> None:
    """Ask people no more of these records: there are none of them any more."""
    for chunk in in_chunks(sorted(keys)):
        of_keys = or_(MatchProposal.left_key.in_(chunk), MatchProposal.right_key.in_(chunk))
        session.execute(delete(MatchProposal).where(*_of(company, kind), of_keys, MatchProposal.answer.is_(None)))


def refused_with(session: Session, company: str, kind: str, keys: Sequence[str]) -> dict[str, set[str]]:
    """By id of these records the ids of the other side with which a person said they are not one."""
    found: dict[str, set[str]] = {}
    for left, right in _refused(session, company, kind) if keys else ():
        for key, other in ((left, right), (right, left)):
            found.setdefault(key, set()).add(other)
    return {key: found[key] for key in keys if key in found}


def _compared(session: Session, company: str, met: Strangers) -> None:
    now = datetime.now(UTC)
    for entity, keys in zip(met.sides, met.fields, strict=True):
        for chunk in in_chunks(list(keys)):
            these = (LinkEnd.company == company, LinkEnd.entity == entity, LinkEnd.key.in_(chunk))
            session.execute(update(LinkEnd).where(*these).values(compared_at=now))


def _told(action: str, row: MatchProposal, **details: Any) -> Change:
    pair = {"left": f"{row.sides[0]} {row.left_key}", "right": f"{row.sides[1]} {row.right_key}"}
    return Change(action, f"{OURS}{row.kind}", row.left_key, details={**pair, **details})


def _ends(sides: Sequence[str], pair: Any) -> tuple[tuple[str, str], tuple[str, str]]:
    left, right = (pair.left_key, pair.right_key) if isinstance(pair, MatchProposal) else (pair.left, pair.right)
    return (sides[0], left), (sides[1], right)


def _answered(session: Session, company: str, kind: str) -> set[tuple[str, str]]:
    rows = session.execute(
        select(MatchProposal.left_key, MatchProposal.right_key).where(
            *_of(company, kind), MatchProposal.answer.is_not(None)
        )
    )
    return {(left, right) for left, right in rows}


def _refused(session: Session, company: str, kind: str) -> frozenset[tuple[str, str]]:
    rows = session.execute(
        select(MatchProposal.left_key, MatchProposal.right_key).where(
            *_of(company, kind), MatchProposal.answer == REFUSED
        )
    )
    return frozenset((left, right) for left, right in rows)


def _of(company: str, kind: str) -> tuple[Any, ...]:
    return (MatchProposal.company == company, MatchProposal.kind == kind)


def _not_to_be_answered(number: int, row: MatchProposal | None) -> LedgerbridgeError:
    found = (
        "there is none of this number" if row is None else f"{row.answered_by or 'the flow'} {row.answer} it already"
    )
    return LedgerbridgeError(
        "LB-MAT-001",
        f"proposal {number} can't be answered: {found}; a proposal that is open is expected.",
        remedy="`ledgerbridge match FLOW ENTITY` lists what is open; after a new meeting the numbers are others.",
    )
