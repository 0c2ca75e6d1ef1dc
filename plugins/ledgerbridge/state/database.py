"""The engine of the state database, and bringing its tables up to date."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, NullPool, Pool, QueuePool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.orm.interfaces import ORMOption

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.companies import MAIN, OfCompany, for_company, only_of
from ledgerbridge.state.faults import explain_faults, not_to_be_opened
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.state.sealing import Sealer
from ledgerbridge.state.signing import Signer
from ledgerbridge.state.statistics import tell_statistics

__all__ = ["connect", "migrate", "serialise", "snapshot", "transaction"]

_SNAPSHOT = "ledgerbridge_snapshot"
_MIGRATIONS = Path(__file__).parent / "migrations"
_FROZEN_SECONDS = 30
"""How long PostgreSQL lets a process that stands still keep what its transaction holds; ours take far less."""
_PATIENCE_SECONDS = 60
"""How long a transaction waits for another one that holds what it needs."""


def connect(
    url: str, payload_key: str = "", signing_key: str = "", company: str | None = None, *, keeps: bool = False
) -> Engine:
    """
    An engine for the state database.

    SQLite runs in WAL mode and takes its write lock when a transaction begins: a lock that is asked for only at the
    first write of a transaction fails at once instead of waiting when another process wrote in between. Neither logs
    nor exceptions show what a statement was given: payloads hold personal data. A database that is damaged, full,
    locked or away is told as an error of ours, see ``explain_faults``.

    :param url: SQLAlchemy URL, ``sqlite:////path/state.db`` or ``postgresql://…``. Who waits for a lock gives up after
        a minute; on SQLite the URL may say otherwise (``?timeout=`` seconds).
    :param payload_key: encrypts payloads in columns, see ``Sealer``.
    :param signing_key: signs the audit's entries, see ``Signer``.
    :param company: key of the one whose rows alone are seen, see ``for_company``; None: all are.
    :param keeps: keep a connection between transactions: on PostgreSQL it is a process of the server's, and SQLite
        puts its files in order whenever the last one closes. What is forked makes its own. Not for a process that
        stays while a SQLite file is put in the place of another: it would go on with the one that was.
    :raises ConfigurationError: it is no URL, or another database's, or its folder can't be made.
    """
    parsed = _parsed(url)
    engine = _on_sqlite(parsed, keeps) if parsed.get_backend_name() == "sqlite" else _on_postgresql(parsed, keeps)
    explain_faults(engine)
    dialect: Any = engine.dialect  # what column types are handed, and each session leads to
    dialect.payload_sealer = Sealer(payload_key)
    dialect.audit_signer = Signer(signing_key)
    return engine if company is None else for_company(engine, company)


def _on_sqlite(parsed: URL, keeps: bool) -> Engine:
    if parsed.database:
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_to_be_opened(parsed.render_as_string(), str(error)) from error
    patience = {} if "timeout" in parsed.query else {"timeout": _PATIENCE_SECONDS}
    engine = create_engine(parsed, connect_args=patience, hide_parameters=True, **_pool(keeps))
    if keeps:
        _KEEPING.add(engine)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late, see above
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # a transaction that only reads sees one moment in WAL mode, and keeps nobody from writing
        reads = _SNAPSHOT in connection.get_execution_options()
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _pool(keeps: bool) -> dict[str, Any]:
    return {"poolclass": QueuePool, "pool_size": 1, "max_overflow": -1} if keeps else {"poolclass": NullPool}


def _on_postgresql(parsed: URL, keeps: bool) -> Engine:
    engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=keeps, **_pool(keeps))
    if keeps:
        _KEEPING.add(engine)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # in each transaction: a pooler between us and the server may not know settings of a connection
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = '{_PATIENCE_SECONDS}s';"
            f" SET LOCAL idle_in_transaction_session_timeout = '{_FROZEN_SECONDS}s'"
        )

    return engine


_KEEPING: WeakSet[Engine] = WeakSet()
_PARENTS: list[Pool] = []


def _forget_the_parents_connections() -> None:
    for engine in list(_KEEPING):
        _PARENTS.append(engine.pool)  # neither used nor closed here: SQLite's files are not to be put in order twice
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_the_parents_connections)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = URL.create("")
    if parsed.drivername in ("postgres", "postgresql"):  # as psql, libpq and most hosts write it
        return parsed.set(drivername="postgresql+psycopg2")
    if not parsed.drivername.startswith(("sqlite", "postgresql+")):
        raise ConfigurationError(
            "LB-CFG-009",
            f"the state database is to be on {parsed.drivername!r}."
            if parsed.drivername
            else "that is no database URL.",
            remedy="Give sqlite:////path/state.db or postgresql://user:password@host/database.",
        )
    return parsed


class StateSession(Session):
    """A session that sees the rows of the company its engine is bound to (``for_company``), or of all."""


@event.listens_for(StateSession, "do_orm_execute")
def _hold_to_company(state: ORMExecuteState) -> None:
    company = only_of(state)
    if company is not None:
        state.statement = state.statement.options(*_only_rows_of(company))


@lru_cache(maxsize=256)  # making them takes longer than most statements
def _only_rows_of(company: str) -> tuple[ORMOption, ...]:
    told = None if company == MAIN else company  # see AuditEntry
    return (
        with_loader_criteria(OfCompany, lambda table: table.company == company, include_aliases=True),
        with_loader_criteria(AuditEntry, AuditEntry.company.is_not_distinct_from(told), include_aliases=True),
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session that commits when the block ends well; what is read stays usable afterwards."""
    with StateSession(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def snapshot(engine: Engine) -> Iterator[Session]:
    """A session that reads everything as it stood at one moment, however long it takes; others go on writing."""
    on_postgresql = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    options = on_postgresql if engine.dialect.name == "postgresql" else {_SNAPSHOT: True}
    with StateSession(engine.execution_options(**options), expire_on_commit=False) as session, session.begin():
        yield session


def serialise(database: Session | Connection, name: str) -> None:
    """
    Let one transaction at a time go on from here, until it ends; later ones see what it wrote.

    On SQLite every transaction holds the write lock from its beginning (see ``connect``).

    :param name: what is done one at a time, e.g. ``audit``.
    """
    bind = database.get_bind() if isinstance(database, Session) else database
    if bind.dialect.name == "postgresql":
        database.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"ledgerbridge.{name}"})


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to ``revision``; does nothing when they are there already."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")  # another one may migrate for long
        serialise(connection, "migrate")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        if connection.dialect.name == "sqlite":
            tell_statistics(connection)
