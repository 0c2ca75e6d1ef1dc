"""
What a reconciliation read of ledgers and gateways, kept for the next one: a pass reads only what changed since.

All of it follows from the sources, and lies in the state database: any worker goes on from there. What was written is
marked ``due``, and loses the mark when it has been worked off, in portions; broken off, the next pass goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, insert, select, update
from sqlalchemy.orm import Session

from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.reconciliation.books import KeptRecord, KeptSource
from ledgerbridge.reconciliation.signed import touch_periods
from ledgerbridge.state.database import serialise, transaction
from ledgerbridge.state.models import (
    BooksCase,
    BooksDocument,
    BooksName,
    BooksOpenItem,
    BooksReading,
    BooksRecord,
    BooksState,
    BooksSum,
)
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = ["KeptBooks", "PurgedMet", "cut"]

# A source may show a change later than one that was made after it.
_OVERLAP = timedelta(minutes=10)
_DERIVED = (BooksDocument, BooksOpenItem, BooksSum, BooksCase)
_LENGTH = 255


class PurgedMet(Exception):
    """Something concerns a record whose payload was purged: all has to be read anew."""


@dataclass
class KeptBooks:
    """
    The books of one flow of a company, as far as they are known.

    :param anew: read everything, whatever is kept.
    :param number: of the pass, from ``begin`` on.
    """

    engine: Engine
    company: str
    flow: str
    anew: bool = False
    number: int = field(default=0, init=False)

    def begin(self, terms: Mapping[str, Any]) -> None:
        """
        Begin a pass.

        :param terms: what documents are made by, JSON by name; where one is another than before, or gone, all are made
            anew of what is kept.
        """
        with self.changing() as session:
            state = session.get(BooksState, (self.company, self.flow))
            before = {} if state is None else state.terms
            self.number = 1 if state is None else state.passes + 1
            if self.anew or any(name not in terms or terms[name] != value for name, value in before.items()):
                for table in _DERIVED:
                    session.execute(delete(table).where(self.of(table)))
                session.execute(update(BooksRecord).where(self.of(BooksRecord)).values(due=self.number))
                touch_periods(session, self.company, self.number)
            row = {"company": self.company, "flow": self.flow, "passes": self.number, "terms": dict(terms)}
            if state is None:
                row["deliveries_until"] = None
            upsert(session, BooksState, [row], key=["company", "flow"])

    @contextmanager
    def changing(self) -> Iterator[Session]:
        """A transaction in which nobody else changes these books."""
        with transaction(self.engine) as session:
            serialise(session, f"books {self.company} {self.flow}")
            yield session

    def of(self, table: Any) -> ColumnElement[bool]:
        """The rows of these books."""
        own: ColumnElement[bool] = (table.company == self.company) & (table.flow == self.flow)
        return own

    def read(self, ledger: str, source: KeptSource) -> None:
        """
        Keep what changed in a source since it was read last.

        What is written while it reads, behind what it has read, is read by the next pass: as for the change log, a
        reading ends at the newest stamp or at the source's time when it began, whichever is earlier.

        :raises TransientError, ConfigurationError: as the source raises them; what was read till then is kept.
        """
        with transaction(self.engine) as session:
            reading = session.get(BooksReading, (self.company, self.flow, source.book))
        cursor = None if reading is None or self.anew or source.whole else reading.until
        began = source.source.clock()
        since = None if cursor is None else min(cursor, began) - _OVERLAP
        newest: datetime | None = None
        seen: set[str] = set()
        for page in source.source.read(Window(since)):
            for chunk in in_chunks(page):
                self._keep(ledger, source, chunk)
            stamps = [record.changed_at for record in page] + ([] if newest is None else [newest])
            newest = max(stamps, default=None)
            if since is None:
                seen.update(cut(record.key) for record in page)
        if since is None:
            self._miss(source.book, seen)
        until = cursor if newest is None else min(newest, began)
        if cursor is not None and cursor <= began:
            until = max(until or cursor, cursor)
        row = {"company": self.company, "flow": self.flow, "book": source.book, "until": until}
        with self.changing() as session:
            upsert(session, BooksReading, [row], key=["company", "flow", "book"])

    def record(self, book: str, key: str) -> RawRecord | None:
        """One record as it was kept, unless all is read anew; its version is not."""
        if self.anew:
            return None
        with transaction(self.engine) as session:
            row = session.scalar(select(BooksRecord).where(*self._in(book), BooksRecord.key == cut(key)))
        if row is None or row.gone or row.payload is None:
            return None
        return RawRecord(key, "", row.changed_at, row.payload)

    def due_records(self, session: Session, ledger: str, limit: int) -> list[int]:
        """Some of the records that documents have not been made of yet."""
        return list(
            session.scalars(
                select(BooksRecord.id)
                .where(self.of(BooksRecord), BooksRecord.due.is_not(None), BooksRecord.ledger == ledger)
                .order_by(BooksRecord.id)
                .limit(limit)
            )
        )

    def joined(
        self, session: Session, ledger: str, records: Iterable[int] = (), names: Iterable[str] = ()
    ) -> tuple[list[KeptRecord], set[str], list[int]]:
        """
        All records that names join with these, those gone left out, by key; all their names; the ids of all.

        :raises PurgedMet: one has no payload any more.
        """
        ids, known = set(records), {cut(name) for name in names}
        new_ids, new_names = set(ids), set(known)
        while new_ids or new_names:
            told = set(self._names(session, BooksName.name, BooksName.record, new_ids, ledger)) - known
            new_names |= told
            known |= told
            new_ids = set(self._names(session, BooksName.record, BooksName.name, new_names, ledger)) - ids
            ids |= new_ids
            new_names = set()
        found: list[KeptRecord] = []
        columns = (BooksRecord.book, BooksRecord.key, BooksRecord.changed_at, BooksRecord.payload)
        for chunk in in_chunks(sorted(ids)):
            rows = session.execute(select(*columns).where(BooksRecord.id.in_(chunk), BooksRecord.gone.is_(False)))
            for book, key, changed_at, payload in rows:
                if payload is None:
                    raise PurgedMet(key)
                found.append(KeptRecord(book, key, changed_at, payload))
        return sorted(found, key=lambda each: (each.changed_at, each.key)), known, sorted(ids)

    def settle_records(self, session: Session, ids: Sequence[int]) -> None:
        """Documents have been made of these; those gone are forgotten."""
        for chunk in in_chunks(ids):
            gone = select(BooksRecord.id).where(BooksRecord.id.in_(chunk), BooksRecord.gone)
            session.execute(delete(BooksName).where(BooksName.record.in_(gone)))
            session.execute(delete(BooksRecord).where(BooksRecord.id.in_(chunk), BooksRecord.gone))
            due = (BooksRecord.id.in_(chunk), BooksRecord.due.is_not(None))
            session.execute(update(BooksRecord).where(*due).values(due=None))

    def _keep(self, ledger: str, source: KeptSource, records: Sequence[RawRecord]) -> None:
        """Keep those of a page that are new, or other than they were."""
        with self.changing() as session:
            found = {cut(record.key): (record.changed_at, source.keep(record.payload)) for record in records}
            here = select(BooksRecord).where(*self._in(source.book), BooksRecord.key.in_(found))
            before = {row.key: row for row in session.scalars(here)}
            changed = {
                key: each
                for key, each in found.items()
                if key not in before or before[key].gone or self._is_other(before[key], *each)
            }
            if not changed:
                return
            own = {"company": self.company, "flow": self.flow, "ledger": ledger, "book": source.book}
            rows = [
                {**own, "key": key, "changed_at": at, "payload": payload, "gone": False, "due": self.number}
                for key, (at, payload) in changed.items()
            ]
            upsert(session, BooksRecord, rows, key=["company", "flow", "book", "key"])
            columns = select(BooksRecord.key, BooksRecord.id).where(
                *self._in(source.book), BooksRecord.key.in_(changed)
            )
            ids = {row.key: row.id for row in session.execute(columns)}
            names = {ids[key]: {cut(name) for name in source.names(each[1])} for key, each in changed.items()}
            self._rename(session, ledger, names)

    def _is_other(self, kept: BooksRecord, changed_at: datetime, payload: Mapping[str, Any]) -> bool:
        """Whether a record is another than it was; of one that was purged its stamp tells."""
        same = kept.payload == payload or (kept.payload is None and not self.anew)
        return kept.changed_at != changed_at or not same

    def _rename(self, session: Session, ledger: str, names: Mapping[int, set[str]]) -> None:
        """Give records other names; what those they bore join is due too."""
        told = select(BooksName.record, BooksName.name).where(BooksName.record.in_(names))
        before = {(record, name) for record, name in session.execute(told)}
        after = {(record, name) for record, each in names.items() for name in each}
        left = {name for _, name in before - after}
        if left:
            near = set(self._names(session, BooksName.record, BooksName.name, left, ledger))
            session.execute(update(BooksRecord).where(BooksRecord.id.in_(near)).values(due=self.number))
            gone = {record for record, _ in before - after}
            session.execute(delete(BooksName).where(BooksName.record.in_(gone), BooksName.name.in_(left)))
            before = {(record, name) for record, name in before if not (record in gone and name in left)}
        own = {"company": self.company, "flow": self.flow, "ledger": ledger}
        rows = [{**own, "name": name, "record": record} for record, name in after - before]
        if rows:
            session.connection().execute(insert(BooksName), rows)

    def _miss(self, book: str, seen: Collection[str]) -> None:
        """What a whole reading did not see is gone."""
        with self.changing() as session:
            rows = session.execute(
                select(BooksRecord.id, BooksRecord.key).where(*self._in(book), BooksRecord.gone.is_(False))
            )
            missed = [number for number, key in rows if key not in seen]
            for chunk in in_chunks(missed):
                values = {"gone": True, "due": self.number}
                session.execute(update(BooksRecord).where(BooksRecord.id.in_(chunk)).values(values))

    def _names(self, session: Session, wanted: Any, by: Any, values: Collection[Any], ledger: str) -> Iterator[Any]:
        for chunk in in_chunks(list(values)):
            yield from session.scalars(
                select(wanted).where(self.of(BooksName), BooksName.ledger == ledger, by.in_(chunk))
            )

    def _in(self, book: str) -> tuple[ColumnElement[bool], ...]:
        return self.of(BooksRecord), BooksRecord.book == book


def cut(name: str) -> str:
    """A name as far as it fits its column."""
    return name[:_LENGTH]
