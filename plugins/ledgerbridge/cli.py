"""The ``ledgerbridge`` command: the state database and what lies in it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.models import AuditEntry, DeadLetter, Delivery, SourceRecord

__all__ = ["main"]

STATE_URL = "LEDGERBRIDGE_STATE_URL"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    url = options.state or os.environ.get(STATE_URL)
    if not url:
        print(f"Which state database? Give --state URL, or set {STATE_URL}.", file=sys.stderr)
        return 2
    engine = connect(url)
    options.command(engine, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ledgerbridge", description="What the flows keep of their work.")
    parser.add_argument("--state", metavar="URL", help=f"state database, as an SQLAlchemy URL (default: {STATE_URL})")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("migrate", help="bring the tables of the state database up to date")
    command.set_defaults(command=_migrate)
    command = commands.add_parser("dead-letters", help="list the records that can't go on, with remedy")
    command.add_argument("--all", action="store_true", help="closed ones too")
    command.set_defaults(command=_dead_letters)
    command = commands.add_parser("trace", help="everything known of a record, by any of its ids or names")
    command.add_argument("id", help="record key, document number, order name or target id")
    command.set_defaults(command=_trace)
    return parser


def _migrate(engine: Engine, options: argparse.Namespace) -> None:
    migrate(engine)


def _dead_letters(engine: Engine, options: argparse.Namespace) -> None:
    with transaction(engine) as session:
        query = select(DeadLetter).order_by(DeadLetter.created_at)
        for letter in session.scalars(query if options.all else query.where(DeadLetter.state == "open")):
            print(f"{letter.id} {letter.code} {letter.leg} {letter.label or letter.record_key}")
            print(f"  {letter.field}: {letter.message}")
            print(f"  remedy: {letter.remedy}")


def _trace(engine: Engine, options: argparse.Namespace) -> None:
    with transaction(engine) as session:
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
