"""Writing many rows with few statements, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

from sqlalchemy import ColumnElement, Executable, bindparam, inspect, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from ledgerbridge.state.companies import OfCompany, bound_company
from ledgerbridge.state.models import Base

__all__ = ["in_chunks", "update_each", "upsert"]

# SQLite takes 32,766 parameters a statement
_ROWS_A_STATEMENT = 500


def upsert(
    session: Session, table: type[Base], rows: Sequence[dict[str, Any]], *, key: Sequence[str], keep: Sequence[str] = ()
) -> None:
    """
    Insert ``rows``; where ``key`` is there already, overwrite all other given columns but those in ``keep``.

    A company's rows are inserted for, and looked for in, the company they name, or else the session's.
    """
    if not rows:
        return
    if issubclass(table, OfCompany) and "company" not in key and not _is_primary(table, key):
        key = ["company", *key]
    # compiled once and run for all rows: a statement with the rows in it is compiled anew, which takes longer than the
    # database does
    dialect = session.get_bind().dialect.name
    session.connection().execute(_upserting(dialect, table, tuple(rows[0]), tuple(key), tuple(keep)), list(rows))


@lru_cache(maxsize=256)  # a chunk asks for the same as the one before
def _upserting(
    dialect_name: str, table: type[Base], columns: tuple[str, ...], key: tuple[str, ...], keep: tuple[str, ...]
) -> Executable:
    # PostgreSQL's takes a tenth of a second to import, for nothing where the state lies on SQLite
    dialect: Any = import_module(f"sqlalchemy.dialects.{dialect_name}")
    statement = dialect.insert(table)
    changed = {name: statement.excluded[name] for name in columns if name not in key and name not in keep}
    upserting: Executable = (
        statement.on_conflict_do_update(index_elements=list(key), set_=changed)
        if changed
        else statement.on_conflict_do_nothing(index_elements=list(key))
    )
    return upserting


def _is_primary(table: type[Base], key: Sequence[str]) -> bool:
    """Whether rows of all companies are told apart by it."""
    return {column.key for column in inspect(table).primary_key} == set(key)


def update_each(
    session: Session,
    table: type[Base],
    changes: Mapping[str, dict[str, Any]],
    *where: ColumnElement[bool],
    key: InstrumentedAttribute[str],
) -> None:
    """
    Give rows a value each.

    :param changes: new values by a row's ``key``.
    :param where: which rows ``key`` is looked for in; of them the session's company's, if it has one.
    """
    if issubclass(table, OfCompany) and (company := bound_company(session)) is not None:
        where = (*where, table.company == company)
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for value, changed in changes.items():
        alike.setdefault(tuple(changed), []).append({**changed, "_key": value})
    for columns, rows in alike.items():
        new: dict[str, Any] = {name: bindparam(name) for name in columns}
        statement = update(table).where(*where, key == bindparam("_key")).values(new)
        session.connection().execute(statement, rows)


def in_chunks(rows: Sequence[Any], size: int = _ROWS_A_STATEMENT) -> list[Sequence[Any]]:
    """``rows`` in pieces that fit one statement."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
