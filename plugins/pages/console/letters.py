"""The work list: what can't go on, what it is about, and what people do with it; the same as the command does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.dead_letters import UNSETTLED
from ledgerbridge.state.letter_list import Order, Place, amount_of, causes, how_many, letters_of_page, places
from ledgerbridge.state.mending import Person, Wanted, as_seen, correct, discard, find_letters, replay, revision
from ledgerbridge.state.mending import letters_by_id as by_id
from ledgerbridge.state.models import AuditEntry, DeadLetter
from ledgerbridge.state.work_items import LETTER
from operators import settings
from operators.page_links import leg_address
from pages.console.access import Access, dag_of_place
from pages.console.looks import Look, note_looks
from pages.console.models import (
    CauseView,
    Corrected,
    Correction,
    Event,
    LetterDetail,
    LetterList,
    LetterView,
    Money,
    PlaceView,
)
from pages.console.remedies import places_to_mend
from pages.console.work import works

__all__ = [
    "correct_letter",
    "discard_letters",
    "grouped",
    "how_many_open",
    "letter_of",
    "listed",
    "places_of",
    "replay_letters",
]

MEANS = "console"


def places_of(access: Access) -> list[PlaceView]:
    """The places that have letters the user sees."""
    with snapshot(settings.state_engine(stays=True)) as opened:
        found = access.readable(places(opened))
    return [PlaceView(**each._asdict(), may_mend=access.may_mend(each)) for each in found]


def listed(access: Access, wanted: Wanted, order: Order, offset: int, limit: int) -> LetterList:
    """A page of the letters the user sees."""
    with snapshot(settings.state_engine(stays=True)) as opened:
        rows, total = letters_of_page(opened, wanted, _among(opened, access, wanted), order, offset, limit)
        mends = {each: access.may_mend(each) for each in {_place(row) for row in rows}}
        work = works(opened, LETTER, {row.id: mends[_place(row)] for row in rows})
    letters = [LetterView(**_told(row, mends[_place(row)]), work=work[row.id]) for row in rows]
    return LetterList(total=total, letters=letters)


def how_many_open(access: Access) -> int:
    """How many letters the user sees stand open."""
    with snapshot(settings.state_engine(stays=True)) as opened:
        return how_many(opened, wanted := Wanted(("open",)), _among(opened, access, wanted))


def grouped(access: Access, wanted: Wanted) -> list[CauseView]:
    """The letters the user sees, by what would mend them; sums of money to those who see values."""
    with snapshot(settings.state_engine(stays=True)) as opened:
        found = causes(opened, wanted, _among(opened, access, wanted))
    return [
        CauseView(
            **each.place._asdict(), code=each.code, field=each.field, count=each.count,
            sums=[Money(amount=amount, currency=currency) for currency, amount in each.sums.items()]
            if access.may_mend(each.place) else [],
        )
        for each in found
    ]  # fmt: skip


def letter_of(access: Access, letter_id: str) -> LetterDetail:
    """
    All that is kept of a letter, as far as the user sees it; that values were shown is told to the audit.

    :raises LedgerbridgeError: there is none the user sees.
    """
    with snapshot(settings.state_engine(stays=True)) as opened:
        letter = _readable(opened, access, [letter_id])[0]
        mends = access.may_mend(_place(letter))
        history = list(_history(opened, letter, mends))
        alike = Wanted(UNSETTLED, letter.company, letter.flow, letter.leg, source_key=letter.source_key)
        together = [each for each in find_letters(opened, alike) if each.version == letter.version]
        work = works(opened, LETTER, {letter.id: mends})[letter.id]
        mended_at = places_to_mend(opened, letter) if mends else []
    if mends:
        note_looks(access.name, [Look(_place(letter), letter.leg, letter.source_key)])
    dag = dag_of_place(_place(letter))
    kept = {name: getattr(letter, name) if mends else None for name in ("value", "raw", "canonical", "document")}
    plain = ("record_key", "version", "rule", "error_class", "mapping_version", "run_id")
    return LetterDetail(
        **_told(letter, mends), **kept, **{name: getattr(letter, name) for name in plain},
        may_mend=mends, work=work, mended_at=mended_at, at_fault=_at_fault(letter) if mends else None,
        corrections=[_correction(each, mends) for each in letter.corrections or []],
        history=history, together=len(together), dag=dag,
        run_page=leg_address(dag, letter.run_id, letter.leg, "dead-letters"),
    )  # fmt: skip


def correct_letter(access: Access, letter_id: str, correction: Correction) -> list[str]:
    """
    Change one value of what a letter keeps.

    :raises LedgerbridgeError: it is not as it was seen, or the path leads to no value that can be changed.
    :raises PermissionError: the user may not mend it.
    """
    with transaction(settings.state_engine(stays=True)) as opened:
        (letter,) = _mendable(opened, access, {letter_id: correction.revision})
        correct(opened, letter, correction.path, correction.value, Person(access.name, correction.reason, MEANS))
    return [letter_id]


def replay_letters(access: Access, seen: Mapping[str, str], reason: str, *, force: bool) -> list[str]:
    """
    Let the next pass of the flow take them.

    :raises LedgerbridgeError: one is not as it was seen, or can't be replayed: then none is.
    :raises PermissionError: the user may not mend one of them.
    """
    with transaction(settings.state_engine(stays=True)) as opened:
        return replay(opened, _mendable(opened, access, seen), Person(access.name, reason, MEANS), force=force)


def discard_letters(access: Access, seen: Mapping[str, str], reason: str) -> list[str]:
    """
    Give them up for good.

    :raises LedgerbridgeError: one is not as it was seen, or is settled: then none is given up.
    :raises PermissionError: the user may not mend one of them.
    """
    with transaction(settings.state_engine(stays=True)) as opened:
        discard(opened, _mendable(opened, access, seen), Person(access.name, reason, MEANS))
    return list(seen)


def _among(opened: Session, access: Access, wanted: Wanted) -> list[Place] | None:
    """The places whose letters the user sees, and whose tags where one is wanted; None: all."""
    everywhere = places(opened)
    readable = access.readable(everywhere)
    if wanted.tag is not None:
        readable = [each for each in readable if access.may_mend(each)]
    return None if readable == everywhere else readable


def _readable(opened: Session, access: Access, ids: list[str]) -> list[DeadLetter]:
    """Letters by id; of one the user may not see nobody tells that it is there."""
    found = by_id(opened, ids)
    hidden = [each.id for each in found if not access.may_read(_place(each))]
    if hidden:
        raise LedgerbridgeError(
            "LB-LET-001",
            f"there is no dead letter {', '.join(hidden)}.",
            remedy="Take one from the list; who may read the DAG of a flow sees its letters.",
        )
    return found


def _mendable(opened: Session, access: Access, seen: Mapping[str, str]) -> list[DeadLetter]:
    for letter in _readable(opened, access, list(seen)):
        if not access.may_mend(_place(letter)):
            raise PermissionError(f"Those may mend letters of {letter.flow}.{letter.leg} who may edit its DAG.")
    opened.expunge_all()  # as_seen looks at them anew, once nobody else can act on them
    return as_seen(opened, seen)


def _place(letter: Any) -> Place:
    return Place(letter.company, letter.flow, letter.leg)


def _told(letter: Any, values: bool) -> dict[str, Any]:
    """What a list tells of a letter, a row of it or the whole."""
    same = ("id", "state", "company", "flow", "leg", "step", "code", "field", "source_key", "remedy", "attempt")
    known = values and letter.money is not None
    return {
        **{name: getattr(letter, name) for name in same},
        "created_at": letter.created_at,
        "reason": letter.reason if values else None,
        "revision": revision(letter),
        "title": letter.label if values and letter.label else letter.record_key,
        "message": letter.message if values else None,
        "money": Money(amount=amount_of(letter.money), currency=letter.currency) if known else None,
    }


def _correction(note: dict[str, Any], values: bool) -> Corrected:
    return Corrected(**{name: note[name] for name in note if values or name not in ("before", "after")})


def _history(opened: Session, letter: DeadLetter, values: bool) -> Iterator[Event]:
    """What the audit tells of the letter; what people wrote names what they see."""
    entries = opened.scalars(
        select(AuditEntry).where(AuditEntry.record_key == letter.record_key).order_by(AuditEntry.id)
    )
    for entry in entries:
        if entry.details.get("dead_letter") == letter.id:
            reason = _words(entry) if values else None
            yield Event(
                at=entry.at, action=entry.action, by=entry.details.get("by"), reason=reason, run_id=entry.run_id or None
            )


def _words(entry: AuditEntry) -> str | None:
    """What a person said or noted, as the audit has it."""
    told = entry.details
    if entry.action == "tagged":
        return " ".join([*(f"+{each}" for each in told["added"]), *(f"−{each}" for each in told["removed"])])
    return f"to {told['to']}" if entry.action == "assigned" else told.get("reason")


def _at_fault(letter: DeadLetter) -> str | None:
    """Where the value at fault stands in what a correction may change, if it stands there once."""
    if letter.value is None:
        return None
    name = letter.field.rpartition(".")[2]
    for body in ("document", "raw"):
        held = list(_paths(getattr(letter, body), letter.value, body))
        named = [each for each in held if each.rpartition(".")[2] == name]
        for found in (named, held):
            if len(found) == 1:
                return found[0]
    return None


def _paths(kept: Any, value: str, path: str) -> Iterator[str]:
    if isinstance(kept, dict | list):
        for name, each in kept.items() if isinstance(kept, dict) else enumerate(kept):
            yield from _paths(each, value, f"{path}.{name}")
    elif kept is not None and str(kept) == value:
        yield path
