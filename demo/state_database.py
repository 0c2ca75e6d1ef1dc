"""A state database for the demo in a PostgreSQL the user names: a schema of its own there, made anew each time."""

from __future__ import annotations

from sqlalchemy import make_url, text

from ledgerbridge.state import connect

__all__ = ["SCHEMA", "in_own_schema", "make_schema_anew"]

SCHEMA = "ledgerbridge_demo"


def in_own_schema(url: str) -> str:
    """
    The address of the demo's schema in a PostgreSQL database.

    :raises RuntimeError: another kind of database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise RuntimeError(
            f"STATE_DB is on {parsed.get_backend_name()!r}. Give postgresql://user:password@host/database, or nothing"
            " for SQLite in .airflow."
        )
    own = parsed.update_query_dict({"options": f"-csearch_path={SCHEMA}"})
    return own.render_as_string(hide_password=False)


def make_schema_anew(url: str) -> None:
    """Forget what an earlier run left in the demo's schema; nothing else in the database is touched."""
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    engine.dispose()
