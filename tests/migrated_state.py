"""State databases with their tables, as copies of one that was migrated: the migrations have tests of their own."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from demo.postgres_cluster import PostgresCluster
from ledgerbridge.state import connect, migrate

__all__ = ["kept_open", "migrated", "migrated_on"]


def migrated(engine: Engine) -> Engine:
    """A SQLite database that does not exist yet, with its tables."""
    shutil.copyfile(_sqlite_template(), str(engine.url.database))
    return engine


def migrated_on(cluster: PostgresCluster, engine: Engine) -> Engine:
    """An empty database of a cluster, with its tables."""
    cluster.replace(str(engine.url.database), _postgres_template(cluster))
    return engine


@contextmanager
def kept_open(engine: Engine) -> Iterator[Engine]:
    """A database that some other connection has open too: SQLite puts its files in order when the last one closes."""
    with engine.engine.connect() as idle:
        idle.rollback()
        yield engine


@cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ledgerbridge-state-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    migrate(connect(f"sqlite:///{folder / 'state.db'}"))
    return folder / "state.db"


@cache
def _postgres_template(cluster: PostgresCluster) -> str:
    engine = connect(cluster.new_database())
    migrate(engine)
    engine.dispose()  # a database that somebody is connected to is no template
    return str(engine.url.database)
