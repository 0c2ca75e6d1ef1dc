"""The dead-letter store: records that can't go on, whole, with reason and remedy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.state.models import DeadLetter
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = ["Letter", "close_letters", "open_letters", "write_letters"]


@dataclass(frozen=True)
class Letter:
    """One reason why one record can't go on."""

    step: str
    source_key: str
    version: str
    record_key: str
    code: str
    field: str
    value: str | None
    message: str
    remedy: str
    rule: str | None = None
    label: str | None = None
    raw: dict[str, Any] | None = dataclasses.field(default=None, repr=False)
    canonical: dict[str, Any] | None = dataclasses.field(default=None, repr=False)
    document: dict[str, Any] | None = dataclasses.field(default=None, repr=False)
    mapping_version: str | None = None

    def id(self, flow: str, leg: str) -> str:
        """The same for the same reason, so that a rerun writes it once."""
        key = "\x1f".join([flow, leg, self.source_key, self.version, self.code, self.field, self.value or ""])
        return blake2b(key.encode(), digest_size=12).hexdigest()


def write_letters(session: Session, actor: Actor, letters: Iterable[Letter]) -> dict[str, str]:
    """
    Write letters, once each.

    :returns: letter id by source key (the last one, where a record has several).
    """
    by_id = {letter.id(actor.flow, actor.leg): letter for letter in letters}
    known: set[str] = set()
    for chunk in in_chunks(list(by_id)):
        known.update(session.scalars(select(DeadLetter.id).where(DeadLetter.id.in_(chunk), DeadLetter.state == "open")))
    now = datetime.now(UTC)
    rows = [
        {
            "id": letter_id,
            "flow": actor.flow,
            "leg": actor.leg,
            "step": letter.step,
            "source_key": letter.source_key,
            "record_key": letter.record_key,
            "label": letter.label,
            "code": letter.code,
            "field": letter.field,
            "value": letter.value,
            "message": letter.message,
            "rule": letter.rule,
            "remedy": letter.remedy,
            "raw": letter.raw,
            "canonical": letter.canonical,
            "document": letter.document,
            "mapping_version": letter.mapping_version,
            "run_id": actor.run_id,
            "state": "open",
            "created_at": now,
            "closed_at": None,
        }
        for letter_id, letter in by_id.items()
    ]
    upsert(session, DeadLetter, rows, key=["id"], keep=["created_at"])
    append(
        session,
        actor,
        (
            Change(
                "dead-lettered", actor.leg, letter.record_key, details={"dead_letter": letter_id, "code": letter.code}
            )
            for letter_id, letter in by_id.items()
            if letter_id not in known
        ),
    )
    return {letter.source_key: letter_id for letter_id, letter in by_id.items()}


def close_letters(session: Session, actor: Actor, source_keys: Sequence[str]) -> None:
    """Close the open letters of records that went on after all."""
    for chunk in in_chunks(source_keys):
        where = (
            DeadLetter.flow == actor.flow,
            DeadLetter.leg == actor.leg,
            DeadLetter.state == "open",
            DeadLetter.source_key.in_(chunk),
        )
        closed = session.execute(select(DeadLetter.id, DeadLetter.record_key).where(*where)).all()
        if not closed:
            continue
        session.execute(update(DeadLetter).where(*where).values(state="closed", closed_at=datetime.now(UTC)))
        append(
            session,
            actor,
            (Change("dead-letter-closed", actor.leg, key, details={"dead_letter": letter}) for letter, key in closed),
        )


def open_letters(session: Session, source_keys: Sequence[str]) -> dict[str, str]:
    """Id of the newest open letter by source key, whatever the leg."""
    found: dict[str, str] = {}
    for chunk in in_chunks(source_keys):
        rows = session.execute(
            select(DeadLetter.source_key, DeadLetter.id)
            .where(DeadLetter.state == "open", DeadLetter.source_key.in_(chunk))
            .order_by(DeadLetter.created_at, DeadLetter.id)
        )
        found.update((key, letter) for key, letter in rows)
    return found
