"""What the role that tasks work as may do: everything they need, and nothing that undoes the audit."""

from __future__ import annotations

from sqlalchemy import Engine, inspect

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.models import AuditEntry

__all__ = ["grant_use"]


def grant_use(engine: Engine, role: str) -> None:
    """
    Let a role of PostgreSQL use the tables, which another one owns: it can neither change nor drop audit entries, nor
    the rules that refuse it. Repeated after each migration, for the tables that are new.

    :raises ConfigurationError: the database is SQLite, which knows no roles.
    """
    if engine.dialect.name != "postgresql":
        raise ConfigurationError(
            "LB-CFG-025",
            f"{engine.dialect.name} has no roles to grant rights to.",
            remedy="Leave --grant-to away, or keep the state database on PostgreSQL.",
        )
    quoted = engine.dialect.identifier_preparer.quote
    with engine.begin() as connection:
        for table in inspect(connection).get_table_names():
            rights = "SELECT, INSERT" if table == AuditEntry.__tablename__ else "SELECT, INSERT, UPDATE, DELETE"
            connection.exec_driver_sql(f"REVOKE ALL ON {quoted(table)} FROM {quoted(role)}")
            connection.exec_driver_sql(f"GRANT {rights} ON {quoted(table)} TO {quoted(role)}")
        connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted(role)}")
