"""
One SQL transaction on the company's tables, and the business clock their timestamps come from.

``Company.writing()`` is one transaction of GP: it commits when the block ends and leaves nothing when it raises.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.gp.models import TABLES, Row, create_script
from sandbox.store import BusinessClock, Store

DEFAULT_SETTINGS: dict[str, Any] = {
    # What GP does with text longer than its column is unverified (sandbox.md eConnect 7): refuse, or cut.
    "text_overflow": "error",
    # Characters outside CP-1252 are lost in a char column: "replace" stores ?, "error" refuses.
    "code_page": "replace",
    # How a partly transferred line gets its amounts: shared by quantity or computed anew (accounting-rules.md rule 10).
    "transfer_arithmetic": "shared",
    # Whether the set-up of payables and receivables names a checkbook for new batches (sources.md GP §1.5, 11479).
    "default_batch_checkbook": True,
    # Whether taRMApply takes a receipt that is still in a batch (sources.md GP §1.3, unverified).
    "apply_unposted_receipts": False,
    # Whether an application through taRMApply books the realised gain (accounting-rules.md §2, unverified).
    "realised_gain_on_apply": True,
    # Hours by which the server's own clock, which eConnect_Out is dated by, is ahead of UTC.
    "server_hours_ahead": -5,
}

# Tables whose deletions the Requester is set up to note in eConnect_Out: DOCTYPE and column of the key.
_NOTED = {"RM00101": ("Customer", "CUSTNMBR"), "PM00200": ("Vendor", "VENDORID"), "IV00101": ("Item", "ITEMNMBR")}
_DELETED = 3

# A trigger stamps the customer of an address that changes; an internet address stamps nobody.
_STAMPS = {"RM00102": ("RM00101", "CUSTNMBR")}

_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)


class SiteClock(BusinessClock):
    """
    The business clock of all companies, never behind a DEX_ROW_TS already given.

    The clock stands still between settings while DEX_ROW_TS must tell the order of changes: each document is a
    millisecond later than the one before, and the present is the next full second.

    :param companies: the stores whose rows are stamped.
    """

    def __init__(self, store: Store, companies: Callable[[], Iterable[Store]]) -> None:
        super().__init__(store)
        self._companies = companies

    def now(self) -> datetime:
        """The present, aware UTC, to the second."""
        set_to = super().now()
        last = max(filter(None, (last_stamp(store.connection) for store in self._companies())), default=None)
        if last is None:
            return set_to
        return max(set_to, (last + _SECOND - _MILLISECOND).replace(microsecond=0, tzinfo=set_to.tzinfo))


def last_stamp(connection: sqlite3.Connection) -> datetime | None:
    """The latest DEX_ROW_TS given so far, naive UTC."""
    found = connection.execute("SELECT value FROM state WHERE name = 'last_stamp'").fetchone()
    return datetime.fromisoformat(json.loads(found[0])) if found else None


class Session:
    """Rows of the company's tables as dicts of Python values, within one transaction."""

    def __init__(self, connection: sqlite3.Connection, clock: BusinessClock) -> None:
        self.connection = connection
        self.settings: dict[str, Any] = DEFAULT_SETTINGS | (self.state("settings") or {})
        self._clock = clock
        self._stamp: datetime | None = None

    def get(self, table: str, **key: Any) -> Row | None:
        """The one row with this key, or None."""
        rows = self.select(table, **key)
        return rows[0] if rows else None

    def select(self, table: str, **equals: Any) -> list[Row]:
        """Rows whose columns equal the values given, in key order."""
        columns = TABLES[table].columns
        where = " AND ".join(f'"{name}" = ?' for name in equals) or "1"
        return self.query(table, where, [columns[name].stored(value) for name, value in equals.items()])

    def query(self, table: str, where: str, parameters: list[Any], limit: int = -1) -> list[Row]:
        """Rows for an SQL condition built by us (values bound, never pasted), in key order."""
        spec = TABLES[table]
        cursor = self.connection.execute(
            f"SELECT {spec.selection} FROM {table} WHERE {where} ORDER BY {spec.order} LIMIT {int(limit)}",  # noqa: S608
            parameters,
        )
        columns = list(spec.columns.values())
        return [{c.name: c.loaded(v) for c, v in zip(columns, row, strict=True)} for row in cursor]

    def insert(self, table: str, row: Row) -> None:
        """Add a row: columns not given get GP's empty value, values that are no column of the table are left out."""
        spec = TABLES[table]
        if spec.stamped:
            row = {**row, "DEX_ROW_TS": self.stamp}
        values = [c.stored(row[c.name]) if c.name in row else c.stored(c.empty) for c in spec.columns.values()]
        marks = ", ".join("?" * len(values))
        self.connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608
        self._stamp_owner(table, row)

    def update(self, table: str, key: Row, **changes: Any) -> None:
        """Change the rows with this key."""
        spec = TABLES[table]
        if spec.stamped:
            changes["DEX_ROW_TS"] = self.stamp
        assignments = ", ".join(f'"{name}" = ?' for name in changes)
        where = " AND ".join(f'"{name}" = ?' for name in key)
        values = [spec.columns[n].stored(v) for n, v in (*changes.items(), *key.items())]
        self.connection.execute(f"UPDATE {table} SET {assignments} WHERE {where}", values)  # noqa: S608
        self._stamp_owner(table, key)

    def delete(self, table: str, **equals: Any) -> None:
        """Remove rows by column values."""
        columns = TABLES[table].columns
        where = " AND ".join(f'"{name}" = ?' for name in equals)
        values = [columns[n].stored(v) for n, v in equals.items()]
        self._note_deletions(table, where, values)
        self.connection.execute(f"DELETE FROM {table} WHERE {where}", values)  # noqa: S608
        self._stamp_owner(table, equals)

    def _note_deletions(self, table: str, where: str, values: list[Any]) -> None:
        """What the Requester's trigger writes; it is the server's own time that it writes it with."""
        if table not in _NOTED:
            return
        doctype, column = _NOTED[table]
        at = self.stamp + timedelta(hours=self.settings["server_hours_ahead"])
        for row in self.query(table, where, values):
            noted = {"DOCTYPE": doctype, "TABLENAME": table, "INDEX1": row[column], "ACTION": _DELETED, "DATE1": at}
            self.insert("eConnect_Out", noted)

    def _stamp_owner(self, table: str, row: Row) -> None:
        if table in _STAMPS:
            owner, column = _STAMPS[table]
            self.update(owner, {column: row[column]})

    def next_number(self, sequence: str) -> int:
        """The next number of this sequence, used up at once."""
        found = self.connection.execute("SELECT value FROM sequence WHERE name = ?", [sequence]).fetchone()
        value = int(found[0]) if found else 1
        self.start_sequence(sequence, value + 1)
        return value

    def start_sequence(self, sequence: str, value: int) -> None:
        """Let the sequence continue from this number."""
        self.connection.execute("INSERT OR REPLACE INTO sequence VALUES (?, ?)", [sequence, value])

    def state(self, name: str) -> Any:
        """A stored value of the sandbox itself, None if never kept."""
        found = self.connection.execute("SELECT value FROM state WHERE name = ?", [name]).fetchone()
        return json.loads(found[0]) if found else None

    def keep_state(self, name: str, value: Any) -> None:
        """Store a value of the sandbox itself."""
        self.connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", [name, json.dumps(value)])

    def commit(self) -> None:
        """Make what was written so far permanent and go on in a new transaction (eConnect's mode 2)."""
        self.connection.execute("COMMIT")
        self.connection.execute("BEGIN IMMEDIATE")

    @property
    def stamp(self) -> datetime:
        """DEX_ROW_TS of the document being written, naive UTC; later than any given before."""
        if self._stamp is None:
            self._stamp = self._next_stamp()
        return self._stamp

    def stamp_as(self, instant: datetime) -> None:
        """Write rows as if changed at ``instant``, outside the order of changes (masters set up long ago)."""
        self._stamp = instant

    def next_document(self) -> None:
        """Rows written from here on belong to another document and get a later DEX_ROW_TS."""
        self._stamp = None

    def _next_stamp(self) -> datetime:
        set_to = BusinessClock.now(self._clock).replace(microsecond=0, tzinfo=None)
        last = last_stamp(self.connection)
        stamp = max(set_to, last + _MILLISECOND) if last else set_to
        self.keep_state("last_stamp", stamp.isoformat(sep=" ", timespec="milliseconds"))
        return stamp


class Company:
    """The database of one GP company; several processes may open it."""

    def __init__(self, path: Path, clock: BusinessClock) -> None:
        self.store = Store(path, create_script())
        self._clock = clock

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that holds the write lock from its start, so that checks stay true until it commits."""
        with self.store.write() as connection:
            yield Session(connection, self._clock)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that sees one state of the tables throughout."""
        connection = self.store.connection
        connection.execute("BEGIN")
        try:
            yield Session(connection, self._clock)
        finally:
            connection.execute("ROLLBACK")
