"""The state database as the Airflow connection `ledgerbridge_db` names it."""

from __future__ import annotations

from functools import lru_cache

from airflow.configuration import conf
from sqlalchemy import Engine

from hooks.environments import connection_here
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import connect

__all__ = ["payload_key", "signing_key", "state_engine"]


def state_engine(*, stays: bool = False) -> Engine:
    """
    The state database, from the connection `ledgerbridge_db`; one engine a process, which compiles a statement once.

    :param stays: for a process that outlives runs (the api-server, the triggerer): it holds no SQLite file open, which
        may be put in the place of another (restored) while no task runs.
    :raises ConfigurationError: its extra has no `url`, or it is another environment's.
    """
    url = connection_here("ledgerbridge_db").extra_dejson.get("url")
    if not url:
        raise ConfigurationError(
            "LB-CFG-001",
            "connection ledgerbridge_db has no `url` in its extra.",
            remedy='Set the extra to {"url": "postgresql+psycopg2://…"} or {"url": "sqlite:////path/state.db"}.',
        )
    return _engine(url, payload_key(), signing_key(), not (stays and url.startswith("sqlite")))


@lru_cache(maxsize=4)
def _engine(url: str, payload_key: str, signing_key: str, keeps: bool) -> Engine:
    return connect(url, payload_key, signing_key, keeps=keeps)


def payload_key() -> str:
    """What payloads at rest are encrypted with, `[ledgerbridge] payload_key`; blank: not at all."""
    return conf.get("ledgerbridge", "payload_key", fallback="") or ""


def signing_key() -> str:
    """What signs the audit, `[ledgerbridge] signing_key`; blank: nothing does."""
    return conf.get("ledgerbridge", "signing_key", fallback="") or ""
