"""What the state database answers when it can't go on, in words of ours; one place for all who use it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, StoreUnavailable

__all__ = ["explain_faults", "not_to_be_opened"]

_BY_ITSELF = "Nothing was lost: what was not committed is done again. A task is tried again by itself."
_LOCK_ENDS_SECONDS = 30.0


def explain_faults(engine: Engine) -> None:
    """
    Let whatever keeps this database from its work reach callers as an error with code and remedy.

    What a statement itself did wrong, a second row with one key or an entry that is append-only, stays SQLAlchemy's:
    the code that made it knows what to do.
    """

    @event.listens_for(engine, "handle_error")
    def _explain(context: ExceptionContext) -> LedgerbridgeError | None:
        if context.is_pre_ping:
            return None  # a kept connection that has ended: another one is made
        kind = _kind_of(context.original_exception)
        place = engine.url.render_as_string(hide_password=True)
        return None if kind is None else kind(place, " ".join(str(context.original_exception).split()))


def _damaged(place: str, said: str) -> ConfigurationError:
    return ConfigurationError(
        "LB-STA-001",
        f"the state database {place} is damaged ({said}).",
        remedy="Pause the flows, keep the damaged file, and recover it or restore the last backup"
        " (docs/reference/errors.md, LB-STA-001). What was delivered since is found in the targets and adopted, not"
        " sent again.",
    )


def _full(place: str, said: str) -> StoreUnavailable:
    return StoreUnavailable(
        "LB-STA-002",
        f"the state database {place} has no space left on its disk ({said}).",
        remedy=f"Make room on that disk. {_BY_ITSELF}",
    )


def _locked(place: str, said: str) -> StoreUnavailable:
    return StoreUnavailable(
        "LB-STA-003",
        f"the state database {place} was kept locked by somebody else for too long ({said}).",
        remedy=f"Find who holds it: a backup, a tool somebody left open in a transaction. {_BY_ITSELF}",
        retry_after_seconds=_LOCK_ENDS_SECONDS,
    )


def not_to_be_opened(place: str, said: str) -> ConfigurationError:
    return ConfigurationError(
        "LB-STA-004",
        f"the state database {place} can't be opened or written ({said}).",
        remedy="See that its URL is right and that the user of the workers may read and write it: for SQLite the file"
        " and its folder, for PostgreSQL the role, its password and the database.",
    )


def _silent(place: str, said: str) -> StoreUnavailable:
    return StoreUnavailable(
        "LB-STA-005",
        f"the state database {place} does not answer ({said}).",
        remedy=f"See that its server runs and is reached from here. {_BY_ITSELF}",
    )


def _without_tables(place: str, said: str) -> ConfigurationError:
    return ConfigurationError(
        "LB-STA-006",
        f"the state database {place} lacks a table or a column ({said}).",
        remedy="Run `ledgerbridge migrate`; if it says nothing, see that the URL names the right database.",
    )


def _failing_disk(place: str, said: str) -> StoreUnavailable:
    return StoreUnavailable(
        "LB-STA-007",
        f"the disk of the state database {place} fails ({said}).",
        remedy=f"Look at the disk, its quota and the system's log; then `ledgerbridge audit verify`. {_BY_ITSELF}",
    )


Kind = Callable[[str, str], LedgerbridgeError]

# by the primary code, the low byte of https://sqlite.org/rescode.html
_OF_SQLITE: dict[int, Kind] = {
    sqlite3.SQLITE_CORRUPT: _damaged,
    sqlite3.SQLITE_NOTADB: _damaged,
    sqlite3.SQLITE_FULL: _full,
    sqlite3.SQLITE_BUSY: _locked,
    sqlite3.SQLITE_LOCKED: _locked,
    sqlite3.SQLITE_CANTOPEN: not_to_be_opened,
    sqlite3.SQLITE_READONLY: not_to_be_opened,
    sqlite3.SQLITE_PERM: not_to_be_opened,
    sqlite3.SQLITE_AUTH: not_to_be_opened,
    sqlite3.SQLITE_IOERR: _failing_disk,
}

# by the code, else by its class (https://www.postgresql.org/docs/current/errcodes-appendix.html)
_OF_POSTGRESQL: dict[str, Kind] = {
    "XX001": _damaged,
    "XX002": _damaged,
    "53100": _full,
    "58030": _failing_disk,
    "55P03": _locked,
    "40001": _locked,
    "40P01": _locked,
    "57014": _locked,  # cancelled: statement_timeout, or by hand
    "25006": _silent,  # read-only: a standby, until the new primary is reached
    "42501": not_to_be_opened,
    "42P01": _without_tables,
    "42703": _without_tables,
    "08": _silent,
    "28": not_to_be_opened,
    "3D": not_to_be_opened,
    "53": _silent,
    "57": _silent,
}
_REFUSALS = ("password authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied")


def _kind_of(error: BaseException) -> Kind | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _OF_SQLITE.get(code & 0xFF) or (_without_tables if "no such " in str(error) else None)
    if type(error).__module__.partition(".")[0] != "psycopg2":
        return None
    code = getattr(error, "pgcode", None)
    if code is not None:
        return _OF_POSTGRESQL.get(code) or _OF_POSTGRESQL.get(code[:2])
    # no code: the connection was not made, or broke
    if type(error).__name__ not in ("OperationalError", "InterfaceError", "DatabaseError"):
        return None
    return not_to_be_opened if any(each in str(error) for each in _REFUSALS) else _silent
