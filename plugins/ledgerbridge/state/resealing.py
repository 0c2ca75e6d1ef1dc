"""Encrypt payloads anew, so that an older key can be taken away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Engine, Row, Table, select, tuple_, type_coerce, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.database import transaction
from ledgerbridge.state.models import Base
from ledgerbridge.state.sealing import SealedJson, SealedText, Sealer

__all__ = ["Resealed", "reseal_columns", "tell_resealed"]

_AT_A_TIME = 500


@dataclass(frozen=True)
class Resealed:
    """
    What was looked at since the last one.

    :param place: table, or ``staged batches``.
    :param seen: rows or files.
    :param renewed: those of them that were encrypted anew; the others were encrypted by the newest key already.
    :param unreadable: those that no key opens, by their names.
    """

    place: str
    seen: int
    renewed: int
    unreadable: tuple[str, ...] = ()


def reseal_columns(engine: Engine) -> Iterator[Resealed]:
    """
    Encrypt every payload column by the engine's newest key, some hundred rows a transaction.

    What is encrypted by it already stays as it is: broken off, it goes on where it was when it is begun again.
    """
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if isinstance(column.type, SealedJson | SealedText)]
        after: tuple[Any, ...] | None = None
        while columns:
            with transaction(engine) as session:
                rows = _rows(session, table, columns, after)
                resealed = _reseal(session, table, columns, rows)
            yield resealed
            if len(rows) < _AT_A_TIME:
                break
            after = tuple(rows[-1][: len(table.primary_key)])


def tell_resealed(session: Session, done: list[Resealed], by: str) -> None:
    """Tell the audit how much was encrypted anew, and by whom."""
    details = {
        "renewed": sum(each.renewed for each in done),
        "unreadable": sum(len(each.unreadable) for each in done),
        "by": by,
    }
    append(
        session,
        Actor("", "", "", "ledgerbridge reseal"),
        [Change("resealed", "payloads", "by the newest key", details=details)],
    )


def _rows(session: Session, table: Table, columns: list[Column[Any]], after: tuple[Any, ...] | None) -> list[Row[Any]]:
    """The next rows: their key, then each column as it is kept."""
    key = list(table.primary_key)
    kept = [type_coerce(column, column.type.impl_instance).label(column.name) for column in columns]  # type: ignore[attr-defined]
    chosen = select(*key, *kept).order_by(*key).limit(_AT_A_TIME).with_for_update()
    return list(session.execute(chosen if after is None else chosen.where(tuple_(*key) > after)))


def _reseal(session: Session, table: Table, columns: list[Column[Any]], rows: list[Row[Any]]) -> Resealed:
    dialect: Any = session.get_bind().dialect
    sealer: Sealer = dialect.payload_sealer
    renewed, unreadable = 0, []
    for row in rows:
        names = row._mapping
        try:
            values = {
                column.name: column.type.process_result_value(names[column.name], dialect)  # type: ignore[attr-defined]
                for column in columns
                if names[column.name] is not None and not sealer.is_newest(names[column.name])
            }
        except ConfigurationError:
            unreadable.append(f"{table.name} {', '.join(str(names[each.name]) for each in table.primary_key)}")
            continue
        if values:
            where = [column == names[column.name] for column in table.primary_key]
            session.execute(update(table).where(*where).values(values))
            renewed += 1
    return Resealed(table.name, len(rows), renewed, tuple(unreadable))
