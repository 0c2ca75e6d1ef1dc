"""
Comparing the tables with the trail: is every delivery, dead letter and booking as its last entry says, none invented.

Entries written before rows were committed to say less: of a delivery its content, id and number, of a letter its state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ledgerbridge.audit.commitments import BODY, PURGED, body, body_digest, row_digest
from ledgerbridge.state.companies import MAIN
from ledgerbridge.state.models import AuditEntry, BookedDocument, DeadLetter, Delivery
from ledgerbridge.state.upsert import in_chunks

__all__ = ["Misfit", "last_entries", "misfits"]

_AT_ONCE = 500
_CLOSING = timedelta(hours=1)
"""How much later than a letter was closed its entry may say: it waits for others that write to the trail."""
_ENTRY = (
    AuditEntry.id,
    AuditEntry.at,
    AuditEntry.action,
    AuditEntry.entity,
    AuditEntry.record_key,
    AuditEntry.content_hash,
    AuditEntry.details,
    AuditEntry.company,
)
_OF_DELIVERIES = ("sending", "delivered", "adopted", "refused", "waits", "put-back", "change-refused")
_STATE_AFTER = {
    "dead-lettered": "open",
    "dead-letter-corrected": "open",
    "dead-letter-replayed": "replaying",
    "dead-letter-closed": "closed",
    "dead-letter-discarded": "discarded",
}
Entry = Row[Any]
Key = tuple[str, ...]


@dataclass(frozen=True)
class Misfit:
    """
    A row that is not as the trail tells.

    :param how: changed, removed, invented.
    :param entry: number of the entry it differs from; None for one invented.
    """

    table: str
    key: str
    how: str
    entry: int | None = None

    def __str__(self) -> str:
        told = "no audit entry tells of it" if self.entry is None else f"audit entry {self.entry} tells of another"
        if self.how == "removed":
            told = f"audit entry {self.entry} tells of it"
        return f"{self.table} {self.key} was {self.how}: {told}"


def misfits(session: Session) -> Iterator[Misfit]:
    """Every row that differs from its last entry, has none, or is gone; the tables are read in pieces."""
    untold = _ledgers_untold(session)
    checks: tuple[tuple[Any, Callable[[Session, Any, Entry | None], str | None]], ...] = (
        (Delivery, _delivery),
        (DeadLetter, _letter),
        (BookedDocument, _booking),
    )
    for table, check in checks:
        for rows in _pieces(session, table):
            rows = [row for row in rows if table is not BookedDocument or row.ledger not in untold]
            entries = last_entries(session, table, rows)
            for row in rows:
                entry = entries.get(_key(table, row))
                how = check(session, row, entry)
                if how is not None:
                    yield Misfit(table.__tablename__, " ".join(_key(table, row)), how, entry.id if entry else None)
    yield from _removed(session)


def _ledgers_untold(session: Session) -> set[str]:
    """
    Ledgers whose bookings may be older than their entries; their next reconciliation tells of them.

    A trail that is signed from its first entry on began after bookings were told of: it has none such.
    """
    if session.scalar(select(AuditEntry.signature).order_by(AuditEntry.id).limit(1)) is not None:
        return set()
    told = select(AuditEntry.entity).where(AuditEntry.action == "booked")
    return set(session.scalars(select(BookedDocument.ledger).where(BookedDocument.ledger.not_in(told)).distinct()))


def last_entries(session: Session, table: Any, rows: Sequence[Any]) -> dict[Key, Entry]:
    """
    The last entry about each row, by ``company, entity, record_key`` of deliveries, ``id`` of letters, ``company,
    ledger, key`` of bookings; without the company where it is `main`.
    """
    wanted = {_key(table, row) for row in rows}
    found: dict[Key, Entry] = {}
    for chunk in in_chunks(sorted({row.record_key for row in rows})):
        entries = select(*_ENTRY).where(AuditEntry.record_key.in_(chunk)).order_by(AuditEntry.id)
        for entry in session.execute(entries):
            named, key = _names(entry)
            if named is table and key in wanted:
                found[key] = entry
    return found


def _key(table: Any, row: Any) -> Key:
    if table is DeadLetter:
        return (row.id,)
    company = () if row.company == MAIN else (row.company,)
    return (*company, row.entity, row.record_key) if table is Delivery else (*company, row.ledger, row.key)


def _names(entry: Entry) -> tuple[Any, Key]:
    """The table and the key of the row an entry tells of; a delivery's where nothing else is named."""
    if "dead_letter" in entry.details:
        return DeadLetter, (str(entry.details["dead_letter"]),)
    company = () if entry.company is None else (entry.company,)
    if entry.action == "booked":
        return BookedDocument, (*company, entry.entity, str(entry.details["key"]))
    return Delivery, (*company, entry.entity, entry.record_key)


def _pieces(session: Session, table: Any) -> Iterator[list[Any]]:
    last: Any = None
    while True:
        query = select(table).order_by(table.id).limit(_AT_ONCE).execution_options(populate_existing=True)
        rows = list(session.scalars(query if last is None else query.where(table.id > last)))
        if not rows:
            return
        yield rows
        last = rows[-1].id
        session.expunge_all()  # a company's whole table does not fit


def _delivery(session: Session, row: Delivery, entry: Entry | None) -> str | None:
    if entry is None:
        return "invented"
    if "row" not in entry.details:
        told = (entry.content_hash, entry.details.get("target_id"), entry.details.get("number"))
        settled = entry.action in ("delivered", "adopted")
        fits = not settled or (row.state == "delivered" and told == (row.content_hash, row.target_id, row.number))
        return None if fits else "changed"
    stands = entry.details["stands"]
    # that a record waits again for the same reason is not told in every pass
    waits_again = stands == "sending" and row.state == "not_sent" and _waited(session, row)
    fits = row_digest(Delivery, row) == entry.details["row"] and (row.state == stands or waits_again)
    return None if fits else "changed"


def _waited(session: Session, row: Delivery) -> bool:
    told = select(AuditEntry.id).where(
        AuditEntry.record_key == row.record_key,
        AuditEntry.entity == row.entity,
        AuditEntry.action == "waits",
        AuditEntry.company.is_not_distinct_from(None if row.company == MAIN else row.company),
    )
    return session.scalar(told.limit(1)) is not None


def _letter(session: Session, row: DeadLetter, entry: Entry | None) -> str | None:
    if entry is None:
        return "invented"
    if "row" not in entry.details:
        return None if _STATE_AFTER.get(entry.action, row.state) == row.state else "changed"
    if row_digest(DeadLetter, row) != entry.details["row"]:
        return "changed"
    emptied = row.state in ("closed", "discarded") and body(row) == {**dict.fromkeys(BODY), "message": PURGED}
    fits = body_digest(row) == entry.details["body"] or (emptied and _purged(session, entry))
    return None if fits else "changed"


def _purged(session: Session, closing: Entry) -> bool:
    """
    Whether a purge that the audit tells of could take the body of a letter.

    :param closing: the last entry about it; when the row says it was closed, nothing vouches for.
    """
    purges = select(AuditEntry.record_key).where(AuditEntry.action == "purged", AuditEntry.id > closing.id)
    days = [datetime.fromisoformat(each.removeprefix("before ")) for each in session.scalars(purges)]
    return any(closing.at - _CLOSING < day for day in days)


def _booking(session: Session, row: BookedDocument, entry: Entry | None) -> str | None:
    if entry is None:
        return "invented"
    return None if row_digest(BookedDocument, row) == entry.details["row"] else "changed"


def _removed(session: Session) -> Iterator[Misfit]:
    """Rows that an entry tells of and that are not there, each once."""
    told: set[tuple[str, Key]] = set()
    last = 0
    while True:
        query = select(*_ENTRY).where(AuditEntry.id > last).order_by(AuditEntry.id).limit(_AT_ONCE)
        entries = list(session.execute(query))
        if not entries:
            return
        last = entries[-1].id
        missing: dict[tuple[Any, Key], int] = {}
        for entry in entries:
            table, key = _names(entry)
            if table is not Delivery or "row" in entry.details or entry.action in _OF_DELIVERIES:
                missing[table, key] = entry.id
        for table, column in _LOOKED_UP:
            sought = [key for other, key in missing if other is table]
            for chunk in in_chunks(sorted({key[-1] for key in sought})):
                there = select(table).where(column.in_(chunk)).execution_options(yield_per=_AT_ONCE)
                for row in session.scalars(there):
                    missing.pop((table, _key(table, row)), None)
            session.expunge_all()
        for (table, key), number in missing.items():
            if (table.__tablename__, key) not in told:
                told.add((table.__tablename__, key))
                yield Misfit(table.__tablename__, " ".join(key), "removed", number)


_LOOKED_UP: tuple[tuple[Any, InstrumentedAttribute[str]], ...] = (
    (Delivery, Delivery.record_key),
    (DeadLetter, DeadLetter.id),
    (BookedDocument, BookedDocument.key),
)
