"""``ledgerbridge trace``: the whole way of a record, by any of its ids or names."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from typing import Annotated, Any

import typer

from commands.database import state_engine
from commands.options import AsJson, new_app
from ledgerbridge.audit.trace import Step, Trace
from ledgerbridge.audit.trace import trace as trace_of
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, BookedDocument

__all__ = ["app", "as_json", "as_lines"]

app = new_app()


@app.command()
def trace(
    context: typer.Context,
    id_: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Order name, document number or id in any system, charge, payout, journal entry."
        ),
    ],
    json: AsJson = False,
) -> int:
    """Tell the way as a tree."""
    with transaction(state_engine(context)) as session:
        found = trace_of(session, id_)
        told = dumps(as_json(found), indent=2) if json else "\n".join(as_lines(found))
    print(told)
    return 0


def as_lines(found: Trace) -> Iterator[str]:
    """A tree: steps, below each what it took, delivered and when, and what was booked."""
    delivering = [record for step in found.steps if step.deliveries for record in step.records]
    known = [record for record in delivering if record.label and record.source_key in found.keys]
    # an order rather than its customer, which is of no chain
    labels = [str(record.label) for record in sorted(known, key=lambda record: record.chain_key is None)]
    yield " ".join([*labels[:1], *found.keys])
    for position, step in enumerate(found.steps):
        last = position == len(found.steps) - 1
        first, *below = _step_lines(step)
        yield f"{'└' if last else '├'}─ {first}"
        for line in below:
            yield f"{' ' if last else '│'}    {line}"


def _step_lines(step: Step) -> Iterator[str]:
    made = [f"{row.entity} {row.number or row.record_key} {row.state}" for row in step.deliveries]
    yield f"{step.leg}: {', '.join(made) or ', '.join(sorted({row.outcome for row in step.records}))}"
    for record in step.records:
        reason = f": {record.reason}" if record.reason else ""
        yield f"from {record.source_key} ({record.outcome}{reason})"
    for letter in step.letters:
        yield f"dead letter {letter.id} {letter.state}: {letter.code} {letter.field} {letter.message}"
    for entry in step.entries:
        yield _entry_line(entry)
    for booked in step.booked:
        yield _booked_line(booked)
    for name, uri in step.payloads.items():
        yield f"{name:<9} {uri}"


def _entry_line(entry: AuditEntry) -> str:
    told = {name: entry.details[name] for name in ("number", "dead_letter", "reason", "by") if entry.details.get(name)}
    content = f"content {entry.content_hash[:12]}" if entry.content_hash else ""
    parts = [f"{entry.at:%Y-%m-%d %H:%M:%S} {entry.action:<12}", *map(str, told.values()), content]
    return " ".join([*filter(None, parts), f"[{entry.run_id} {entry.task}]"])


def _booked_line(booked: BookedDocument) -> str:
    effects = ", ".join(f"{account} {amount}" for account, amount in booked.effects.items())
    return f"booked    {booked.booked_on} {booked.ledger} {booked.kind} {booked.number} {booked.key}: {effects}"


def as_json(found: Trace) -> dict[str, Any]:
    """The same for programs; amounts are text, instants ISO 8601."""
    return {"wanted": found.wanted, "keys": found.keys, "steps": [_step_json(step) for step in found.steps]}


def _step_json(step: Step) -> dict[str, Any]:
    letters = ("id", "state", "step", "code", "field", "message", "remedy", "reason")
    return {
        "flow": step.flow,
        "leg": step.leg,
        "records": [
            _picked(row, "entity", "source_key", "version", "label", "outcome", "reason") for row in step.records
        ],
        "deliveries": [
            _picked(row, "entity", "record_key", "state", "number", "target_id", "content_hash", "run_id", "attempts")
            for row in step.deliveries
        ],
        "dead_letters": [_picked(row, *letters) for row in step.letters],
        "booked": [
            {**_picked(row, "ledger", "key", "kind", "number", "effects"), "booked_on": row.booked_on.isoformat()}
            for row in step.booked
        ],
        "entries": [
            {
                "number": entry.id,
                "at": entry.at.isoformat(),
                **_picked(entry, "run_id", "task", "action", "entity", "record_key", "content_hash", "details", "hash"),
            }
            for entry in step.entries
        ],
        "payloads": step.payloads,
    }


def _picked(row: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
