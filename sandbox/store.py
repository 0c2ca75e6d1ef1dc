"""The state of one simulated system: a SQLite file that several processes share, with a business clock in it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["BusinessClock", "ClockMovedBackwards", "Store", "instant", "wire_instant"]

_CLOCK = "CREATE TABLE IF NOT EXISTS business_clock (id INTEGER PRIMARY KEY CHECK (id = 1), now TEXT NOT NULL);"


def instant(text: str) -> datetime:
    """An aware UTC time from its wire form (``2026-03-02T15:41:00Z``)."""
    return datetime.fromisoformat(text).astimezone(UTC)


def wire_instant(moment: datetime) -> str:
    """The wire form of an aware time: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """One connection per thread; readers never wait, writers take turns across threads and processes."""

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._local = threading.local()
        self.connection.executescript(_CLOCK + schema)

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, for reading; rows by column name."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=60)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            self._local.connection = connection
        return connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start, so that what it read stays true."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


class ClockMovedBackwards(ValueError):
    """Somebody set the business clock to an earlier time."""

    def __init__(self, found: datetime, asked: datetime) -> None:
        super().__init__(
            f"The business clock stands at {wire_instant(found)} and only moves forward; {wire_instant(asked)} is "
            "earlier. Start with an empty data folder to play an earlier time."
        )


class BusinessClock:
    """What the simulated system takes for the present: real time until set, then the time it was set to."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> datetime:
        """The present, aware UTC."""
        row = self._store.connection.execute("SELECT now FROM business_clock").fetchone()
        return instant(row["now"]) if row else datetime.now(UTC)

    def set(self, moment: datetime) -> None:
        """
        Move the clock to ``moment``.

        :raises ClockMovedBackwards: it was set to a later time before.
        """
        with self._store.write() as connection:
            row = connection.execute("SELECT now FROM business_clock").fetchone()
            if row and instant(row["now"]) > moment:
                raise ClockMovedBackwards(instant(row["now"]), moment)
            self._put(connection, moment)

    def reach(self, connection: sqlite3.Connection, moment: datetime) -> datetime:
        """Move an earlier or unset clock to ``moment`` within the caller's transaction; the present after that."""
        row = connection.execute("SELECT now FROM business_clock").fetchone()
        if row and instant(row["now"]) >= moment:
            return instant(row["now"])
        self._put(connection, moment)
        return moment

    @staticmethod
    def _put(connection: sqlite3.Connection, moment: datetime) -> None:
        connection.execute("INSERT OR REPLACE INTO business_clock VALUES (1, ?)", (wire_instant(moment),))
