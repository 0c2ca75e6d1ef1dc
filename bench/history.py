"""Years of history in a state database, made of the first few orders that really went through it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Engine, Integer, Table, func, insert, literal, select, update

from ledgerbridge.state import transaction
from ledgerbridge.state.models import (
    Base,
    Delivery,
    Link,
    LinkEnd,
    LoggedChange,
    Position,
    SourceRecord,
)

__all__ = ["grow", "size"]

COPIED: dict[type[Base], tuple[str, ...]] = {
    LoggedChange: ("source_key",),
    SourceRecord: ("source_key", "label", "chain_key", "run_id"),
    Delivery: ("record_key", "chain_key", "target_id", "number", "run_id"),
    Link: (),
    LinkEnd: ("key", "number"),
}
"""
Tables that grow with what went through, and the columns by which a copy is another record of another run.

What reconciliation keeps stays: the ledgers hold none of the copies. `make bench ARGS=reconcile` grows that.
"""
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
"""A reconciliation looks at deliveries made since the one before."""
KEPT_IDS = {Link: ("id",), LinkEnd: ("link_id",)}
"""Columns that lead from one table to another: a copy's are moved on by the same number."""


def size(state: Engine) -> int:
    """How many source records it knows, each in the legs that took it."""
    with transaction(state) as session:
        return session.scalar(select(func.count()).select_from(LoggedChange)) or 0


def grow(state: Engine, records: int) -> None:
    """
    Copy what is there, under other names, until so many changes are known; each leg has done with all of them.

    Nothing may run meanwhile.
    """
    present = size(state)
    ends = {table: _end(state, table) for table in COPIED}
    for number in range(1, -(-records // present)):
        with transaction(state) as session:
            for model, names in COPIED.items():
                # copies are grown again: their names say from how many they were
                chosen = _copy(model, names, f"~{present}.{number}", number * (ends[Link] + 1), ends[model])
                session.execute(chosen)
    with transaction(state) as session:
        last = select(func.max(LoggedChange.number)).where(LoggedChange.entity == Position.entity).scalar_subquery()
        session.execute(update(Position).values(change=func.coalesce(last, Position.change)))


def _end(state: Engine, model: type[Base]) -> int:
    """The last row of those that are copied, by the column that numbers them."""
    with transaction(state) as session:
        return session.scalar(select(func.max(_numbered(model)))) or 0


def _numbered(model: type[Base]) -> Column[Any]:
    table = _table(model)
    name = next(iter(KEPT_IDS.get(model, ())), None) or next(each.name for each in table.primary_key)
    return table.c[name]


def _copy(model: type[Base], names: tuple[str, ...], suffix: str, moved_by: int, end: int) -> Any:
    table = _table(model)
    given: dict[str, Any] = {}
    for column in table.columns:
        if column.name in KEPT_IDS.get(model, ()):
            given[column.name] = column + literal(moved_by)
        elif column.name in names:
            given[column.name] = column + literal(suffix)
        elif column.name == "updated_at":
            given[column.name] = literal(LONG_AGO, column.type)
        elif not (column.primary_key and isinstance(column.type, Integer)):
            given[column.name] = column
    done = [table.c["outcome"].not_in(("read", "waiting", "held"))] if model is SourceRecord else []
    chosen = select(*given.values()).where(_numbered(model) <= end, *done)
    return insert(table).from_select(list(given), chosen)


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table
