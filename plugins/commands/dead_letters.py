"""``ledgerbridge dead-letters``: the records that can't go on."""

from __future__ import annotations

import argparse
from typing import Any

from sqlalchemy import select

from commands.database import state_engine
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter

__all__ = ["register"]


def register(commands: Any) -> None:
    """Add ``dead-letters``."""
    command = commands.add_parser("dead-letters", help="list the records that can't go on, with remedy")
    command.add_argument("--all", action="store_true", help="closed ones too")
    command.set_defaults(run=_list)


def _list(options: argparse.Namespace) -> int:
    with transaction(state_engine(options)) as session:
        query = select(DeadLetter).order_by(DeadLetter.created_at)
        for letter in session.scalars(query if options.all else query.where(DeadLetter.state == "open")):
            print(f"{letter.id} {letter.code} {letter.leg} {letter.label or letter.record_key}")
            print(f"  {letter.field}: {letter.message}")
            print(f"  remedy: {letter.remedy}")
    return 0
