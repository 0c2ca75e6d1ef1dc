"""What people do with dead letters: find, correct, replay, discard; each change audited with who and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.audit.tables import last_entries
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.database import serialise
from ledgerbridge.state.dead_letters import UNSETTLED, body_hash, rejection
from ledgerbridge.state.models import DeadLetter, SourceRecord
from ledgerbridge.state.record_path import PathError, changed, value_at
from ledgerbridge.state.replays import letter_uri
from ledgerbridge.state.work_items import of_letters as noted_letters

__all__ = [
    "CHANGED_MEANWHILE",
    "Person",
    "Wanted",
    "as_seen",
    "conditions",
    "correct",
    "discard",
    "find_letters",
    "letters_by_id",
    "nothing_chosen",
    "replay",
    "revision",
]

CHANGED_MEANWHILE = "LB-LET-007"

EDITABLE = ("raw", "document")
_AFTER_MAPPING = ("gate", "load")


@dataclass(frozen=True)
class Wanted:
    """Which letters; what is None doesn't matter."""

    states: Sequence[str] = UNSETTLED
    company: str | None = None
    flow: str | None = None
    leg: str | None = None
    step: str | None = None
    code: str | None = None
    label: str | None = None
    source_key: str | None = None
    since: datetime | None = None
    field: str | None = None
    assignee: str | None = None
    unassigned: bool = False
    tag: str | None = None


@dataclass(frozen=True)
class Person:
    """
    Who mends letters, why and by what means.

    :param means: the command or task that carries it out.
    :param run_id: of the DAG run, if it is one.
    """

    name: str
    reason: str
    means: str
    run_id: str = ""

    def actor(self, letter: DeadLetter) -> Actor:
        """For the audit of one letter."""
        return Actor(letter.flow, letter.leg, self.run_id, self.means, letter.company)

    def told(self, **details: Any) -> dict[str, Any]:
        """Details of an audit entry, with who and why."""
        return {**details, "by": self.name, "reason": self.reason}


def conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """What a letter that is wanted fulfils."""
    found: list[ColumnElement[bool]] = [
        getattr(DeadLetter, name) == getattr(wanted, name)
        for name in ("company", "flow", "leg", "step", "code", "field", "label", "source_key")
        if getattr(wanted, name) is not None
    ]
    if wanted.since is not None:
        found.append(DeadLetter.created_at >= wanted.since)
    found += noted_letters(assignee=wanted.assignee, unassigned=wanted.unassigned, tag=wanted.tag)
    one = len(wanted.states) == 1  # SQLite reads an index in its order only behind a single value
    return [DeadLetter.state == wanted.states[0] if one else DeadLetter.state.in_(wanted.states), *found]


def find_letters(session: Session, wanted: Wanted) -> list[DeadLetter]:
    """Letters, oldest first."""
    query = select(DeadLetter).where(*conditions(wanted)).order_by(DeadLetter.created_at, DeadLetter.id)
    return list(session.scalars(query))


def letters_by_id(session: Session, ids: Sequence[str]) -> list[DeadLetter]:
    """
    Letters by id, in the order given.

    :raises LedgerbridgeError: one is not there.
    """
    letters = [session.get(DeadLetter, letter_id) for letter_id in ids]
    missing = [letter_id for letter_id, letter in zip(ids, letters, strict=True) if letter is None]
    if missing:
        raise LedgerbridgeError(
            "LB-LET-001",
            f"there is no dead letter {', '.join(missing)}.",
            remedy="`ledgerbridge dead-letters list --state all` lists them.",
        )
    return [letter for letter in letters if letter is not None]


def revision(letter: Any) -> str:
    """What changes with everything that becomes of a letter: who acts on one says which of these they have seen."""
    told = (letter.state, letter.attempt, letter.run_id, letter.replayed_at, letter.closed_at, letter.corrections)
    return blake2b(repr(told).encode(), digest_size=8).hexdigest()


def as_seen(session: Session, seen: Mapping[str, str]) -> list[DeadLetter]:
    """
    Letters that are still as somebody has seen them; until the transaction ends nobody else acts on any.

    :param seen: the revision by the letter's id.
    :raises LedgerbridgeError: one is not there, or something has become of it since: the message says by whom.
    """
    serialise(session, "dead letters")
    letters = letters_by_id(session, list(seen))
    changed = [letter for letter in letters if revision(letter) != seen[letter.id]]
    if changed:
        last = last_entries(session, DeadLetter, changed[:1]).get((changed[0].id,))
        who = "" if last is None else last.details.get("by") or f"run {last.run_id}"
        by = "" if last is None else f": {last.action} by {who} at {last.at:%H:%M} UTC"
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise LedgerbridgeError(
            CHANGED_MEANWHILE,
            f"dead letter {changed[0].id}{others} is {changed[0].state} and was changed since you looked{by}.",
            remedy="Look at it as it is now; nothing of what you asked for was done.",
        )
    return letters


def nothing_chosen() -> ConfigurationError:
    """Neither letters nor filters were given: taking all of them would be a slip."""
    return ConfigurationError(
        "LB-LET-006",
        "no dead letter is chosen.",
        remedy="Give ids or filters (flow, leg, code, label, since).",
    )


def correct(session: Session, letter: DeadLetter, path: str, value: str, person: Person) -> None:
    """
    Change one value of the kept record; a replay uses it. All letters of the record keep the same one.

    :param path: ``raw.…`` or ``document.…``, e.g. ``raw.lineItems.0.sku``.
    :raises LedgerbridgeError: the letter is settled, or the path leads to no value that can be changed.
    """
    _require(letter, ("open",), "corrected")
    body, _, rest = path.partition(".")
    holders = [letter] if body == "document" else _siblings(session, letter, ("open",))
    before = getattr(letter, body, None) if body in EDITABLE else None
    if before is None or not rest:
        kept = [name for name in EDITABLE if getattr(letter, name) is not None]
        raise _no_value(letter, f'"{path}" does not begin with a record it keeps', f"{' or '.join(kept)} and a name")
    try:
        was, after = value_at(before, rest), changed(before, rest, value)
    except PathError as error:
        raise _no_value(letter, str(error), "the path of a single value") from error
    note = {"path": path, "before": was, "after": value_at(after, rest), "by": person.name, "at": _now().isoformat()}
    for each in holders:
        setattr(each, body, after)
        each.corrections = [*(each.corrections or []), note]
    for each in holders:
        details = person.told(dead_letter=each.id, path=path, before=body_hash(before), after=body_hash(after))
        change = Change("dead-letter-corrected", each.leg, each.record_key, None, body_hash(after), details)
        append(session, person.actor(each), [change])


def replay(session: Session, letters: Sequence[DeadLetter], person: Person, *, force: bool = False) -> list[str]:
    """
    Put the letters' records on the work list again: the next pass of their flow takes them.

    A record starts at the step that failed: up to the mapping it is made anew from the kept raw record by the current
    mapping, after it the kept document goes on. All open letters of a record go together.

    :param force: also where the source has a newer version.
    :returns: ids of the letters that are under replay now.
    :raises LedgerbridgeError: a letter is settled, its body was purged, or its record changed or is under way.
    """
    serialise(session, "dead letters")
    replayed: list[str] = []
    for letter in letters:
        if letter.id in replayed:
            continue
        _require(letter, ("open", "discarded"), "replayed")
        record = _record(session, letter)
        _check_fresh(letter, record, force)
        together = {each.id: each for each in [*_siblings(session, letter, ("open",)), letter]}
        start = _start(list(together.values()))
        now = database_now(session)  # the last replay decides where the record starts
        for each in together.values():
            each.state, each.stands_for, each.replay_from, each.replayed_at = "replaying", record.version, start, now
            each.closed_at = each.reason = None
            details = person.told(dead_letter=each.id, starts_at=start, version=record.version, force=force)
            append(
                session,
                person.actor(each),
                [Change("dead-letter-replayed", each.leg, each.record_key, None, body_hash(each.raw), details)],
            )
        record.outcome, record.reason, record.updated_at = "read", f"replay of dead letter {letter.id}", now
        record.batch_uri = letter_uri(letter.id)
        replayed += together
    session.flush()
    return replayed


def discard(session: Session, letters: Sequence[DeadLetter], person: Person) -> None:
    """
    Give letters up for good; the record stays rejected, and the reconciliation says why.

    :raises LedgerbridgeError: no reason is given, or a letter is settled or under replay.
    """
    serialise(session, "dead letters")
    if not person.reason.strip():
        raise LedgerbridgeError(
            "LB-LET-005",
            "a dead letter is discarded without a reason.",
            remedy="Say why: whoever asks about the missing document reads it.",
        )
    for letter in letters:
        _require(letter, ("open",), "discarded")
        letter.state, letter.closed_at, letter.reason = "discarded", _now(), f"{person.reason} ({person.name})"
        record = _record(session, letter)
        if record.outcome == "rejected" and record.reason == rejection(letter.id):
            record.reason = rejection(letter.id, letter.reason)
        details = person.told(dead_letter=letter.id)
        append(
            session,
            person.actor(letter),
            [Change("dead-letter-discarded", letter.leg, letter.record_key, None, body_hash(letter.raw), details)],
        )
    session.flush()


def _siblings(session: Session, letter: DeadLetter, states: Sequence[str]) -> list[DeadLetter]:
    """The letters of the same version of the same source record in the same leg, itself included."""
    return list(
        session.scalars(
            select(DeadLetter)
            .where(
                DeadLetter.company == letter.company,
                DeadLetter.flow == letter.flow,
                DeadLetter.leg == letter.leg,
                DeadLetter.source_key == letter.source_key,
                or_(DeadLetter.version == letter.version, DeadLetter.id == letter.id),
                DeadLetter.state.in_(states),
            )
            .order_by(DeadLetter.id)
        )
    )


def _start(letters: Sequence[DeadLetter]) -> str:
    """The task a record's replay starts at; a correction of the raw record is worked through all steps."""
    resumable = all(each.step in _AFTER_MAPPING and each.document and each.document_types for each in letters)
    raw_corrected = any(note["path"].startswith("raw.") for each in letters for note in each.corrections or [])
    return "gate" if resumable and not raw_corrected else "transform"


def _record(session: Session, letter: DeadLetter) -> SourceRecord:
    record = session.scalar(
        select(SourceRecord).where(
            SourceRecord.company == letter.company,
            SourceRecord.flow == letter.flow,
            SourceRecord.leg == letter.leg,
            SourceRecord.source_key == letter.source_key,
        )
    )
    if record is None:
        raise LedgerbridgeError(
            "LB-LET-001",
            f"the work list of {letter.flow}.{letter.leg} has no record {letter.source_key}.",
            remedy="Its state database was changed by hand: clear the run's `extract` task, which reads it again.",
        )
    return record


def _check_fresh(letter: DeadLetter, record: SourceRecord, force: bool) -> None:
    if letter.raw is None:
        raise LedgerbridgeError(
            "LB-LET-003",
            f"the record of dead letter {letter.id} was purged.",
            remedy="Touch the record in its source, so that the next run reads it again.",
        )
    if record.outcome in ("read", "waiting"):
        raise LedgerbridgeError(
            "LB-LET-003",
            f"the record of dead letter {letter.id} is under way already: {record.outcome} by run {record.run_id}.",
            remedy="Wait for that run, or for the next one; the letter closes when the record goes on.",
        )
    if letter.version != record.version and not force:
        raise LedgerbridgeError(
            "LB-LET-002",
            f"the record of dead letter {letter.id} has changed in its source since: kept is version"
            f" {letter.version}, read was {record.version} ({record.outcome}).",
            remedy="Look at the newer version's own letter; with `--force` the kept one is sent all the same.",
        )


def _require(letter: DeadLetter, states: Sequence[str], what: str) -> None:
    if letter.state not in states:
        raise LedgerbridgeError(
            "LB-LET-003",
            f"dead letter {letter.id} is {letter.state}: it can't be {what}.",
            remedy=f"Only letters that are {' or '.join(states)} can.",
        )


def _no_value(letter: DeadLetter, finding: str, expected: str) -> LedgerbridgeError:
    return LedgerbridgeError(
        "LB-LET-004",
        f"dead letter {letter.id}: {finding}.",
        remedy=f"Give {expected}; `ledgerbridge dead-letters show {letter.id}` shows the record.",
    )


def _now() -> datetime:
    return datetime.now(UTC)
