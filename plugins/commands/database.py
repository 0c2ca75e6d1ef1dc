"""Which state database the commands work on, and bringing its tables up to date."""

from __future__ import annotations

import argparse
import os
from typing import Any

from sqlalchemy import Engine

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import connect, migrate
from ledgerbridge.state.rights import grant_use

__all__ = ["STATE_URL", "open_payloads", "payload_key", "register", "signing_key", "state_engine"]

STATE_URL = "LEDGERBRIDGE_STATE_URL"
PAYLOAD_KEY = "LEDGERBRIDGE_PAYLOAD_KEY"
"""The same as [ledgerbridge] payload_key."""
AIRFLOW_PAYLOAD_KEY = "AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY"
SIGNING_KEY = "LEDGERBRIDGE_SIGNING_KEY"
"""The same as [ledgerbridge] signing_key."""
AIRFLOW_SIGNING_KEY = "AIRFLOW__LEDGERBRIDGE__SIGNING_KEY"


def register(commands: Any) -> None:
    """Add ``migrate``."""
    command = commands.add_parser("migrate", help="bring the tables of the state database up to date")
    command.add_argument(
        "--grant-to",
        metavar="ROLE",
        help="PostgreSQL: let this role, which owns nothing, use the tables (tasks work as it)",
    )
    command.set_defaults(run=_migrate)


def state_engine(options: argparse.Namespace) -> Engine:
    """
    The state database a command was told to work on.

    :raises ConfigurationError: neither the option nor the variable is given.
    """
    url = options.state or os.environ.get(STATE_URL)
    if not url:
        raise ConfigurationError(
            "LB-CFG-007", "no state database is named.", remedy=f"Give --state URL, or set {STATE_URL}."
        )
    return connect(url, payload_key(), signing_key())


def open_payloads() -> None:
    """Let the commands that read staged batches, as Airflow's tasks do, read them with the commands' key."""
    os.environ[AIRFLOW_PAYLOAD_KEY] = payload_key()


def signing_key() -> str:
    """What signs the audit and its packs; blank: nothing does."""
    return os.environ.get(SIGNING_KEY) or os.environ.get(AIRFLOW_SIGNING_KEY, "")


def payload_key() -> str:
    """What payloads are encrypted by here; blank: not at all."""
    return os.environ.get(PAYLOAD_KEY) or os.environ.get(AIRFLOW_PAYLOAD_KEY, "")


def _migrate(options: argparse.Namespace) -> int:
    engine = state_engine(options)
    migrate(engine)
    if options.grant_to:
        grant_use(engine, options.grant_to)
    return 0
