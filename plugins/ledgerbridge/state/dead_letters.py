"""The dead-letter store: records that can't go on, whole, with reason and remedy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import blake2b, sha256
from typing import Any

import orjson
from sqlalchemy import Row, or_, select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.audit.commitments import letter_digests
from ledgerbridge.state.companies import MAIN, bound_company
from ledgerbridge.state.models import DeadLetter
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = [
    "MONEY_PLACES",
    "UNSETTLED",
    "Letter",
    "body_hash",
    "close_letters",
    "money_of",
    "open_letters",
    "rejection",
    "write_letters",
]

MONEY_PLACES = 5
"""Of ``DeadLetter.money``: as many as the ledgers keep of any amount."""
_MOST_MONEY = 10**16
"""A hundred billion: even a hundred letters about as much add up within 64 bits."""
UNSETTLED = ("open", "replaying")
"""States of letters whose record has not gone on."""


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
    document_types: dict[str, str] | None = dataclasses.field(default=None, repr=False)
    mapping_version: str | None = None
    changed_at: datetime | None = None
    error_class: str = "RecordRejected"

    def id(self, flow: str, leg: str, company: str = MAIN) -> str:
        """The same for the same reason, so that a rerun writes it once."""
        of_company = [] if company == MAIN else [company]  # `main` has ids from before there were several
        why = [self.source_key, self.version, self.code, self.field, self.value or ""]
        key = "\x1f".join([*of_company, flow, leg, *why])
        return blake2b(key.encode(), digest_size=12).hexdigest()


def write_letters(session: Session, actor: Actor, letters: Iterable[Letter]) -> dict[str, str]:
    """
    Write letters, once each; one that replaces a letter under replay closes that one, a discarded one stays so.

    :returns: the reason of the rejection by source key, which names the letter (the last one, if there are several).
    """
    company = bound_company(session) or MAIN
    by_id = {letter.id(actor.flow, actor.leg, company): letter for letter in letters}
    known = _known(session, list(by_id))
    attempts = _attempts(session, actor, [letter.source_key for letter in by_id.values()])
    now = datetime.now(UTC)
    rows = [
        _row(actor, letter_id, letter, attempts.get(letter.source_key, 1), now)
        for letter_id, letter in by_id.items()
        if letter_id not in known or known[letter_id].state != "discarded"
    ]
    before = letter_digests(session, list(known))
    upsert(session, DeadLetter, rows, key=["id"], keep=["created_at"])
    after = letter_digests(session, [row["id"] for row in rows])
    append(
        session,
        actor,
        (
            _opened(actor, by_id[row["id"]], row, known.get(row["id"]))
            for row in rows
            if before.get(row["id"]) != after[row["id"]]
        ),
    )
    _replace(session, actor, by_id)
    return {
        letter.source_key: rejection(letter_id, known[letter_id].reason if letter_id in known else None)
        for letter_id, letter in by_id.items()
    }


def rejection(letter_id: str, discarded: str | None = None) -> str:
    """Why a source record is rejected, as the work list and the reconciliation say it."""
    return f"dead letter {letter_id}" + (f", discarded: {discarded}" if discarded else "")


@dataclass(frozen=True)
class _Known:
    state: str
    reason: str | None


def _known(session: Session, ids: Sequence[str]) -> dict[str, _Known]:
    """Letters there are already; the reason only of those discarded."""
    known: dict[str, _Known] = {}
    for chunk in in_chunks(ids):
        rows = session.execute(
            select(DeadLetter.id, DeadLetter.state, DeadLetter.reason).where(DeadLetter.id.in_(chunk))
        )
        known.update(
            (letter, _Known(state, reason if state == "discarded" else None)) for letter, state, reason in rows
        )
    return known


def _attempts(session: Session, actor: Actor, source_keys: Sequence[str]) -> dict[str, int]:
    """Which failure of each record in this leg this one is; another try of the same run counts once."""
    attempts: dict[str, int] = {}
    for chunk in in_chunks(source_keys):
        rows = session.execute(
            select(DeadLetter.source_key, DeadLetter.attempt, DeadLetter.run_id).where(
                DeadLetter.flow == actor.flow, DeadLetter.leg == actor.leg, DeadLetter.source_key.in_(chunk)
            )
        )
        for key, attempt, run_id in rows:
            attempts[key] = max(attempts.get(key, 1), attempt + (run_id != actor.run_id))
    return attempts


def _row(actor: Actor, letter_id: str, letter: Letter, attempt: int, now: datetime) -> dict[str, Any]:
    return {
        "id": letter_id,
        "flow": actor.flow,
        "leg": actor.leg,
        "step": letter.step,
        "source_key": letter.source_key,
        "record_key": letter.record_key,
        "label": letter.label,
        "code": letter.code,
        "error_class": letter.error_class,
        "field": letter.field,
        "value": letter.value,
        "message": letter.message,
        "rule": letter.rule,
        "remedy": letter.remedy,
        "raw": letter.raw,
        "canonical": letter.canonical,
        "document": letter.document,
        "document_types": letter.document_types,
        "mapping_version": letter.mapping_version,
        "version": letter.version,
        "changed_at": letter.changed_at,
        "attempt": attempt,
        "run_id": actor.run_id,
        "state": "open",
        "created_at": now,
        "closed_at": None,
        "reason": None,
        **money_of(letter.canonical or {}),
    }


def money_of(header: Mapping[str, Any]) -> dict[str, Any]:
    """
    How much money a canonical header is about: ``money`` in whole hundred-thousandths of ``currency``.

    Both are None where the header names no amount and currency, or one beyond what databases count.
    """
    unknown = {"money": None, "currency": None}
    total = header.get("total") if header.get("total") is not None else header.get("amount")
    currency = header.get("currency")
    if total is None or not isinstance(currency, str) or len(currency) > 16:
        return unknown
    try:
        units = Decimal(str(total)).scaleb(MONEY_PLACES)
    except InvalidOperation:
        return unknown
    if not units.is_finite() or units != units.to_integral_value() or abs(units) > _MOST_MONEY:
        return unknown
    return {"money": int(units), "currency": currency}


def _opened(actor: Actor, letter: Letter, row: dict[str, Any], known: _Known | None) -> Change:
    details = {
        "dead_letter": row["id"],
        "code": letter.code,
        "step": letter.step,
        "attempt": row["attempt"],
        "mapping": letter.mapping_version,
        "before": known.state if known else None,
    }
    return Change(
        "dead-lettered",
        actor.leg,
        letter.record_key,
        chain_key=(letter.canonical or {}).get("chain_key"),
        content_hash=body_hash(letter.raw),
        details=details,
    )


def body_hash(body: Any) -> str | None:
    """The hash of a kept record: what the audit holds of it, so that the record itself can be purged."""
    return None if body is None else sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _replace(session: Session, actor: Actor, by_id: Mapping[str, Letter]) -> None:
    """Letters under replay whose record failed again for another reason end: the new letter has the record now."""
    for letter_id, letter in by_id.items():
        same = or_(DeadLetter.record_key == letter.record_key, DeadLetter.replay_from == "transform")
        replaced = session.execute(
            select(DeadLetter.id, DeadLetter.record_key).where(
                DeadLetter.flow == actor.flow,
                DeadLetter.leg == actor.leg,
                DeadLetter.source_key == letter.source_key,
                DeadLetter.state == "replaying",
                DeadLetter.id.not_in(by_id),
                same,
            )
        ).all()
        _close(session, actor, replaced, f"the record failed again: dead letter {letter_id}")


def close_letters(session: Session, actor: Actor, source_keys: Sequence[str], record_keys: Sequence[str] = ()) -> None:
    """
    Close the letters of records that went on after all, whatever made them go on.

    :param source_keys: source records of which nothing is rejected any more.
    :param record_keys: documents that stand in the target.
    """
    for column, keys in ((DeadLetter.source_key, source_keys), (DeadLetter.record_key, record_keys)):
        for chunk in in_chunks(keys):
            ended = session.execute(
                select(DeadLetter.id, DeadLetter.record_key).where(
                    DeadLetter.flow == actor.flow,
                    DeadLetter.leg == actor.leg,
                    DeadLetter.state.in_(UNSETTLED),
                    column.in_(chunk),
                )
            ).all()
            _close(session, actor, ended, f"the record went on in run {actor.run_id}")


def _close(session: Session, actor: Actor, letters: Sequence[Row[str, str]], reason: str) -> None:
    for chunk in in_chunks(letters):
        session.execute(
            update(DeadLetter)
            .where(DeadLetter.id.in_([letter for letter, _ in chunk]))
            .values(state="closed", closed_at=datetime.now(UTC), reason=reason)
        )
        append(
            session,
            actor,
            (
                Change("dead-letter-closed", actor.leg, key, details={"dead_letter": letter, "reason": reason})
                for letter, key in chunk
            ),
        )


def open_letters(session: Session, source_keys: Sequence[str]) -> dict[str, str]:
    """Id of the newest letter of a record that has not gone on, discarded ones too, by source key, whatever the leg."""
    found: dict[str, str] = {}
    for chunk in in_chunks(source_keys):
        rows = session.execute(
            select(DeadLetter.source_key, DeadLetter.id)
            .where(DeadLetter.state != "closed", DeadLetter.source_key.in_(chunk))
            .order_by(DeadLetter.created_at, DeadLetter.id)
        )
        found.update((key, letter) for key, letter in rows)
    return found
