"""Which state database the commands work on, and the keys for what lies there."""

from __future__ import annotations

import os

import typer
from sqlalchemy import Engine

from commands.options import STATE_URL
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import connect
from ledgerbridge.state.companies import for_company

__all__ = ["open_payloads", "payload_key", "signing_key", "state_engine"]

PAYLOAD_KEY = "LEDGERBRIDGE_PAYLOAD_KEY"
"""The same as [ledgerbridge] payload_key."""
AIRFLOW_PAYLOAD_KEY = "AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY"
SIGNING_KEY = "LEDGERBRIDGE_SIGNING_KEY"
"""The same as [ledgerbridge] signing_key."""
AIRFLOW_SIGNING_KEY = "AIRFLOW__LEDGERBRIDGE__SIGNING_KEY"


def state_engine(context: typer.Context, company: str | None = None) -> Engine:
    """
    The state database a command was told to work on; under `airflow` without a word, that of the tasks.

    :param company: key of the one whose rows alone are seen; None: all are.
    :raises ConfigurationError: none is named.
    """
    url = context.find_root().params["state"] or os.environ.get(STATE_URL)
    if url:
        return connect(url, payload_key(), signing_key(), company)
    if context.obj is None:
        raise ConfigurationError(
            "LB-CFG-007", "no state database is named.", remedy=f"Give --state URL, or set {STATE_URL}."
        )
    named: Engine = context.obj()
    return named if company is None else for_company(named, company)


def open_payloads() -> None:
    """Let the commands that read staged batches, as Airflow's tasks do, read them with the commands' key."""
    os.environ[AIRFLOW_PAYLOAD_KEY] = payload_key()


def signing_key() -> str:
    """What signs the audit and its packs; blank: nothing does."""
    return os.environ.get(SIGNING_KEY) or os.environ.get(AIRFLOW_SIGNING_KEY, "")


def payload_key() -> str:
    """What payloads are encrypted by here; blank: not at all."""
    return os.environ.get(PAYLOAD_KEY) or os.environ.get(AIRFLOW_PAYLOAD_KEY, "")
