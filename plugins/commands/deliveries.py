"""``ledgerbridge deliveries``: which documents are on their way, and what is known of each."""

from __future__ import annotations

import argparse
from typing import Any

from sqlalchemy import select

from commands.database import state_engine
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery

__all__ = ["STANDINGS", "register"]

STANDINGS = {
    "not_sent": "not sent",
    "sending": "unknown",
    "delivered": "sent and confirmed",
    "rejected": "rejected",
}
"""What a delivery's state says to a person: an interrupted one is looked up in the target by the next pass."""


def register(commands: Any) -> None:
    """Add ``deliveries``."""
    command = commands.add_parser("deliveries", help="each document's standing: not sent, confirmed, unknown, rejected")
    command.add_argument("--standing", choices=sorted(STANDINGS.values()), help="only these")
    command.add_argument("--entity", help="only of this target entity, e.g. gp.sales_order")
    command.add_argument("--run-id", help="only those a run last worked on")
    command.set_defaults(run=_list)


def _list(options: argparse.Namespace) -> int:
    query = select(Delivery).order_by(Delivery.entity, Delivery.id)
    if options.standing:
        states = [state for state, standing in STANDINGS.items() if standing == options.standing]
        query = query.where(Delivery.state.in_(states))
    if options.entity:
        query = query.where(Delivery.entity == options.entity)
    if options.run_id:
        query = query.where(Delivery.run_id == options.run_id)
    with transaction(state_engine(options)) as session:
        for row in session.scalars(query):
            when = f"{row.updated_at:%Y-%m-%d %H:%M:%S}"
            number = row.number or ""
            print(
                f"{when} {STANDINGS[row.state]:<18} {row.entity:<22} {number:<24} {row.record_key} tries={row.attempts}"
            )
    return 0
