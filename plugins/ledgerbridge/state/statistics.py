"""
What SQLite is told of how many rows an index finds.

It counts by itself only when it is asked to (ANALYZE), which keeps all others waiting on a database of years. Without
figures it takes ``company``, the same in all rows, for selective, and looks at all that a company ever had. So it is
given those of a large installation. PostgreSQL counts for itself (autovacuum).

Source: sqlite.org/fileformat2.html, "The sqlite_stat1 table"; sqlite.org/optoverview.html, on its use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, inspect, text

__all__ = ["tell_statistics"]

_ROWS = 1_000_000
_DISTINCT = {
    "company": 1,
    "flow": 2,
    "kind": 4,
    "ledger": 2,
    "state": 2,
    "outcome": 4,
    "leg": 20,
    "entity": 20,
    "kept_in": 2,
}
"""Different values of columns that have few; all others are taken for keys."""
_A_KEY = 4
"""Rows that have the same key."""


def tell_statistics(connection: Connection) -> None:
    """Write the figures of every index that there is; in effect for connections opened from then on."""
    connection.exec_driver_sql("ANALYZE sqlite_schema")  # makes the table, and counts nothing
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    rows = [{"table": table, "index": index, "figures": figures} for table, index, figures in _figures(connection)]
    connection.execute(text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:table, :index, :figures)"), rows)


def _figures(connection: Connection) -> Iterator[tuple[str, str, str]]:
    for table in inspect(connection).get_table_names():
        indexes = connection.execute(text('SELECT name, "unique" FROM pragma_index_list(:table)'), {"table": table})
        for index, unique in indexes.all():
            named = text("SELECT name FROM pragma_index_info(:index) ORDER BY seqno")
            columns = connection.scalars(named, {"index": index}).all()
            yield table, index, " ".join(map(str, [_ROWS, *_found(columns, unique=bool(unique))]))


def _found(columns: Sequence[str], *, unique: bool) -> list[int]:
    """How many rows have the same values in the first, the first two, … columns."""
    found, left = [], _ROWS
    for name in columns:
        left = max(1, left // _DISTINCT[name]) if name in _DISTINCT else min(left, _A_KEY)
        found.append(left)
    return [*found[:-1], 1] if unique and found else found
