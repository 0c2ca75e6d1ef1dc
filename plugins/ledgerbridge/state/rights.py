"""What the role that tasks work as may do: everything they need, and nothing that undoes the audit."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, inspect, text

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.models import AuditEntry, Base

__all__ = ["grant_use"]

_AUDIT = AuditEntry.__tablename__
# A right may come by another way than a grant of ours: as owner, by membership, or by making oneself a member.
_COULD_UNDO = text(
    "SELECT rolsuper OR rolcreaterole OR pg_has_role(rolname, relowner, 'MEMBER')"
    " OR has_table_privilege(rolname, pg_class.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')"
    " FROM pg_roles, pg_class WHERE rolname = :role AND pg_class.oid = to_regclass(:table)"
)


def grant_use(engine: Engine, role: str) -> None:
    """
    Let a role of PostgreSQL use the tables, which another one owns: it can neither change nor drop audit entries, nor
    the rules that refuse it. Repeated after each migration, for the tables that are new.

    :raises ConfigurationError: the database is SQLite, which knows no roles; the role is not there, or could undo the
        audit all the same: then nothing was granted.
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
            connection.exec_driver_sql(f"REVOKE ALL ON {quoted(table)} FROM {quoted(role)}")
            connection.exec_driver_sql(f"GRANT {_rights(table)} ON {quoted(table)} TO {quoted(role)}")
        connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted(role)}")
        _refuse_one_that_could_undo(connection, role)


def _rights(table: str) -> str:
    if table == _AUDIT:
        return "SELECT, INSERT"
    # where the next migration begins is its owner's to say
    return "SELECT, INSERT, UPDATE, DELETE" if table in Base.metadata.tables else "SELECT"


def _refuse_one_that_could_undo(connection: Connection, role: str) -> None:
    if connection.scalar(_COULD_UNDO, {"role": role, "table": _AUDIT}):
        raise ConfigurationError(
            "LB-CFG-026",
            f"role {role} could undo the audit: it owns {_AUDIT}, is superuser, or may get to be one of these.",
            remedy="Let tasks work as a role that owns nothing and is a member of none"
            " (docs/how-to/run-in-containers.md says how to move an installation), then migrate again.",
        )
