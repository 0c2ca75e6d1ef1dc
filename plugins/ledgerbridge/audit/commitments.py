"""
What an audit entry commits to: the row of the table it tells of, by its hash, as the row stands after the change.

So a delivery, a dead letter or a booking that was changed, taken away or invented in its table differs from the trail.
What a purge may take is committed to apart (``body``) or not at all: what tells of a person in a canonical header.
``evidence_verify.py`` computes the same from a pack, with Python's own JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ledgerbridge.canonical.personal import PERSONAL
from ledgerbridge.state.companies import MAIN
from ledgerbridge.state.models import BookedDocument, DeadLetter, Delivery
from ledgerbridge.state.upsert import in_chunks

__all__ = [
    "BODY",
    "BOOKED",
    "DELIVERY",
    "LETTER",
    "PURGED",
    "Told",
    "body",
    "body_digest",
    "commitments",
    "committed",
    "letter_digests",
    "row_digest",
    "tells_of_a_person",
]

DELIVERY = (
    "flow",
    "leg",
    "entity",
    "record_key",
    "chain_key",
    "content_hash",
    "idempotency_key",
    "target_id",
    "number",
    "canonical",
)
"""Of a delivery; its state is told beside the hash (``stands``): that one waits again is not told in every pass."""
LETTER = (
    "id",
    "flow",
    "leg",
    "step",
    "source_key",
    "record_key",
    "version",
    "code",
    "error_class",
    "field",
    "rule",
    "remedy",
    "state",
    "reason",
)
BODY = ("value", "message", "raw", "canonical", "document", "document_types", "corrections")
"""Of a dead letter, until it is purged."""
BOOKED = ("ledger", "key", "record_key", "kind", "number", "booked_on", "effects")

PURGED = "purged"
"""The message of a dead letter whose body was taken away."""

# asked for each entry: made once
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_DELIVERIES = select(Delivery.company, Delivery.state, *(getattr(Delivery, name) for name in DELIVERY)).where(
    Delivery.record_key.in_(bindparam("keys", expanding=True)),
    Delivery.entity.in_(bindparam("entities", expanding=True)),
)


@dataclass(frozen=True)
class Told:
    """What a change tells of, as far as it leads to a row of its company."""

    entity: str
    record_key: str
    action: str
    details: dict[str, Any]
    company: str

    @property
    def letter(self) -> str | None:
        """The dead letter's id."""
        return self.details.get("dead_letter")

    @property
    def booking(self) -> tuple[str, str, str] | None:
        """The booking's company, ledger and key."""
        return (self.company, self.entity, str(self.details.get("key"))) if self.action == "booked" else None


def commitments(session: Session, told: Sequence[Told]) -> list[dict[str, str]]:
    """What the entry of each is to hold, in their order; nothing for what has no row in these tables."""
    letters = letter_digests(session, {each.letter for each in told if each.letter is not None})
    bookings = _bookings(session, {each.booking for each in told if each.booking is not None})
    plain = [each for each in told if each.letter is None and each.booking is None]
    deliveries = _deliveries(session, {(each.company, each.entity, each.record_key) for each in plain})
    found: list[dict[str, str]] = []
    for each in told:
        if each.booking is not None:
            found.append(bookings.get(each.booking, {}))
        elif each.letter is not None:
            found.append(letters.get(each.letter, {}))
        else:
            found.append(deliveries.get((each.company, each.entity, each.record_key), {}))
    return found


def committed(table: type[Any], row: Any) -> dict[str, Any]:
    """
    The fields of a row that an entry commits to, for JSON; a delivery's header without what tells of a person.

    Its company is left out where it is `main`, as of rows from before there were several.
    """
    names = {Delivery: DELIVERY, DeadLetter: LETTER, BookedDocument: BOOKED}[table]
    fields = {name: _plain(getattr(row, name)) for name in names}
    if row.company != MAIN:
        fields["company"] = row.company
    if table is Delivery:
        header = fields["canonical"] or {}
        # a customer's label is a name
        kept = {name: value for name, value in header.items() if name != "label" and not tells_of_a_person(name)}
        fields["canonical"] = kept
    return fields


def row_digest(table: type[Any], row: Any) -> str:
    """The hash of a row."""
    return _digest(committed(table, row))


def body_digest(letter: Any) -> str:
    """The hash of what a dead letter keeps of its record."""
    return _digest(body(letter))


def body(letter: Any) -> dict[str, Any]:
    """What a dead letter keeps of its record, for JSON."""
    return {name: getattr(letter, name) for name in BODY}


def tells_of_a_person(name: str) -> bool:
    """Whether a field of a canonical header does; a purge takes it away."""
    return name in PERSONAL or name.startswith("custom")  # nobody but the site knows what its own fields hold


def _digest(fields: dict[str, Any]) -> str:
    return sha256(_JSON.encode(fields).encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def letter_digests(session: Session, ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """What an entry about each dead letter commits to now, by its id."""
    columns = [DeadLetter.company, *(getattr(DeadLetter, name) for name in (*LETTER, *BODY))]
    rows = _rows(session, columns, DeadLetter.id, sorted(ids))
    return {row.id: {"row": row_digest(DeadLetter, row), "body": body_digest(row)} for row in rows}


def _bookings(session: Session, named: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], dict[str, str]]:
    columns = [BookedDocument.company, *(getattr(BookedDocument, name) for name in BOOKED)]
    rows = _rows(session, columns, BookedDocument.key, sorted({key for *_, key in named}))
    return {(row.company, row.ledger, row.key): {"row": row_digest(BookedDocument, row)} for row in rows}


def _deliveries(session: Session, named: set[tuple[str, str, str]]) -> dict[tuple[str, str, str], dict[str, str]]:
    entities, found = sorted({entity for _, entity, _ in named}), {}
    for chunk in in_chunks(sorted({key for *_, key in named})):
        for row in session.execute(_DELIVERIES, {"entities": entities, "keys": chunk}):
            if (known := (row.company, row.entity, row.record_key)) in named:
                found[known] = {"row": row_digest(Delivery, row), "stands": row.state}
    return found


def _rows(
    session: Session, columns: Sequence[Any], column: InstrumentedAttribute[str], keys: Sequence[str]
) -> Iterator[Row[Any]]:
    for chunk in in_chunks(keys):
        yield from session.execute(select(*columns).where(column.in_(chunk)))
