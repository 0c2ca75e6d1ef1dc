"""The engine of the state database, and bringing its tables up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.orm import Session

__all__ = ["connect", "migrate", "serialise", "transaction"]

_MIGRATIONS = Path(__file__).parent / "migrations"


def connect(url: str) -> Engine:
    """
    An engine for the state database; one connection per use, so that forked tasks never share one.

    SQLite runs in WAL mode and takes its write lock when a transaction begins: a lock that is asked for only at the
    first write of a transaction fails at once instead of waiting when another process wrote in between.

    :param url: SQLAlchemy URL, ``sqlite:////path/state.db`` or ``postgresql+psycopg2://…``.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, poolclass=NullPool)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, poolclass=NullPool, connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late, see above
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session that commits when the block ends well; what is read stays usable afterwards."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
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
        serialise(connection, "migrate")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
