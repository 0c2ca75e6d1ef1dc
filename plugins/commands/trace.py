"""``ledgerbridge trace``: everything known of a record, by any of its ids or names."""

from __future__ import annotations

import argparse
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from commands.database import state_engine
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, Delivery, SourceRecord

__all__ = ["register"]


def register(commands: Any) -> None:
    """Add ``trace``."""
    command = commands.add_parser("trace", help="everything known of a record, by any of its ids or names")
    command.add_argument("id", help="record key, document number, order name or target id")
    command.set_defaults(run=_trace)


def _trace(options: argparse.Namespace) -> int:
    with transaction(state_engine(options)) as session:
        chains = _chains(session, options.id)
        entries = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.chain_key.in_(chains) | AuditEntry.record_key.in_(chains))
            .order_by(AuditEntry.id)
        )
        for entry in entries:
            number = entry.details.get("number") or entry.details.get("dead_letter") or ""
            when = f"{entry.at:%Y-%m-%d %H:%M:%S}"
            print(f"{when} {entry.action:<12} {entry.entity:<22} {number:<24} {entry.run_id} {entry.task}")
    return 0


def _chains(session: Session, wanted: str) -> list[str]:
    deliveries = session.execute(
        select(Delivery.chain_key, Delivery.record_key).where(
            (Delivery.record_key == wanted)
            | (Delivery.chain_key == wanted)
            | (Delivery.target_id == wanted)
            | (Delivery.number == wanted)
        )
    )
    keys = {chain or record for chain, record in deliveries}
    keys.update(session.scalars(select(SourceRecord.source_key).where(SourceRecord.label == wanted)))
    return sorted(keys | {wanted})
