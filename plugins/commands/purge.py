"""``ledgerbridge purge``: payloads past their retention go, the audit stays verifiable."""

from __future__ import annotations

import argparse
import getpass
from datetime import UTC, datetime, timedelta
from typing import Any

from commands.database import state_engine
from ledgerbridge.changes.retention import forget_payloads, old_payloads
from ledgerbridge.reconciliation.retention import forget_books
from ledgerbridge.state import transaction
from ledgerbridge.state.batches import forget_batches
from ledgerbridge.state.purge import old_batches, purge_payloads, tell_purged

__all__ = ["register"]


def register(commands: Any) -> None:
    """Add ``purge``."""
    command = commands.add_parser("purge", help="take away payloads past their retention; hashes and books stay")
    command.add_argument(
        "--older-than", required=True, metavar="DAYS", type=_days, help="in days, e.g. 400d; what is open stays"
    )
    command.add_argument("--by", default=None, help="who; default: the user logged in here")
    command.set_defaults(run=_purge)


def _days(text: str) -> timedelta:
    number = text.removesuffix("d")
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f'"{text}" is no number of days; write e.g. 400d')
    return timedelta(days=int(number))


def _purge(options: argparse.Namespace) -> int:
    from operators.staging import remove_batches  # Airflow's storage paths are slow to import

    before = datetime.now(UTC) - options.older_than
    engine = state_engine(options)
    with transaction(engine) as session:
        batches, payloads = old_batches(session, before), old_payloads(session, before)
    removed = remove_batches([*batches, *payloads])
    with transaction(engine) as session:
        forget_batches(session, removed)
        forget_payloads(session, payloads, before)
        purged = purge_payloads(session, before)
        forget_books(session, before)
        tell_purged(session, before, purged, removed, options.by or getpass.getuser())
    print(f"before {before:%Y-%m-%d}: {len(removed)} batches, {purged.letters} dead letters, {purged.headers} headers")
    return 0
