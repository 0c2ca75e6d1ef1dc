"""``ledgerbridge trace``: the whole way of a record, by any of its ids or names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Annotated, Any

import typer

from commands.database import state_engine
from commands.options import AsJson, OfCompany, new_app
from ledgerbridge.audit.search import Hit, search
from ledgerbridge.audit.trace import Step, Trace, happened
from ledgerbridge.audit.trace import trace as trace_of
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, BookedDocument, Delivery

__all__ = ["app", "as_json", "as_lines"]

app = new_app()

_MOST_MEANT = 20
"""Of each way to find something."""


@app.command()
def trace(
    context: typer.Context,
    id_: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Order name, document number or id in any system, charge, payout, journal entry. Else a part of a"
            " name, an amount, or words of what somebody is called: then what may be meant is listed.",
        ),
    ],
    full: Annotated[
        bool,
        typer.Option("--full", help="Also what each was made of, each change, batches, and legs that sent nothing."),
    ] = False,
    company: OfCompany = None,
    json: AsJson = False,
) -> int:
    """Tell the way as a tree, in the order of the process; exit code 1: nothing is called exactly so."""
    with transaction(state_engine(context, company)) as session:
        try:
            found = trace_of(session, id_)
        except LedgerbridgeError as unknown:
            meant = search(session, id_, _MOST_MEANT)
            if not meant:
                raise
            told = dumps([_hit_as_json(each) for each in meant], indent=2) if json else _may_be(unknown, meant)
            code = 1
        else:
            told = dumps(as_json(found), indent=2) if json else "\n".join(as_lines(found, full=full))
            code = 0
    print(told)
    return code


def _may_be(unknown: LedgerbridgeError, meant: Sequence[Hit]) -> str:
    rows = [
        f"  {hit.at:%Y-%m-%d} {hit.wanted}  {' '.join(filter(None, (hit.number, hit.label, _amount(hit), hit.state)))}"
        for hit in meant
    ]
    return "\n".join([f"{unknown.message} It may be one of these:", *rows])


def _amount(hit: Hit) -> str:
    return "" if hit.money is None else f"{hit.money[0]:,.2f} {hit.money[1]}".rstrip()


def _hit_as_json(hit: Hit) -> dict[str, Any]:
    known = {"company": hit.place.company, "flow": hit.place.flow, "leg": hit.place.leg}
    money = None if hit.money is None else {"amount": str(hit.money[0]), "currency": hit.money[1]}
    return known | _picked(hit, "entity", "wanted", "number", "label", "state") | {"money": money, "at": str(hit.at)}


def as_lines(found: Trace, *, full: bool = False) -> Iterator[str]:
    """
    A tree of what happened, by day, then in the order the flow did it: a document a line, below it what was booked for
    it and what stopped it.

    :param full: also what each was made of, when and by which task, where the batches lie, and legs that sent nothing.
    """
    delivering = [record for step in found.steps if step.deliveries for record in step.records]
    known = [record for record in delivering if record.label and record.source_key in found.keys]
    # an order rather than its customer, which is of no chain
    labels = [str(record.label) for record in sorted(known, key=lambda record: record.chain_key is None)]
    yield " ".join([*labels[:1], *found.keys])
    events = list(_events(found, full))
    first_day = min((event.day for event in events if event.day), default="")
    events.sort(key=lambda event: (event.day or first_day, event.began))
    for position, event in enumerate(events):
        last = position == len(events) - 1
        yield f"{'└' if last else '├'}─ {event.line}"
        for line in event.below:
            yield f"{' ' if last else '│'}    {line}"


@dataclass(frozen=True)
class _Event:
    """One line of the story; ``day`` is blank where a document has none, as a customer."""

    day: str
    began: datetime
    line: str
    below: list[str]


def _events(found: Trace, full: bool) -> Iterator[_Event]:
    for step in found.steps:
        details = list(_details(step)) if full else []
        for row in step.deliveries:
            told = happened(row)
            day, what = told.day, told.what or step.leg
            amount = "" if told.amount is None else f"{told.amount:,.2f} {told.currency}".rstrip()
            booked = [_booked_line(each) for each in step.booked if each.record_key == row.record_key]
            line = f"{day:<10} {what:<12} {amount:>16}  {row.entity} {row.number or row.record_key} {row.state}"
            yield _Event(day, step.began, line, [*_stopped(step, row), *booked, *details])
            details = []
        stopped = [] if step.deliveries else [*_stopped(step, None), *details]
        if stopped or (full and not step.deliveries):
            outcomes = ", ".join(sorted({record.outcome for record in step.records}))
            yield _Event("", step.began, f"{'':<10} {step.leg:<12} {'':>16}  {outcomes}", stopped)


def _stopped(step: Step, row: Delivery | None) -> Iterator[str]:
    """What keeps a leg's records; told with its first document, or in place of one."""
    if row is not None and row is not step.deliveries[0]:
        return
    for record in step.records:
        if record.reason:
            yield f"{record.outcome}: {record.reason}"
    for letter in step.letters:
        yield f"dead letter {letter.id} {letter.state}: {letter.code} {letter.field} {letter.message}"


def _details(step: Step) -> Iterator[str]:
    for record in step.records:
        yield f"{step.leg} from {record.source_key} ({record.outcome})"
    for entry in step.entries:
        yield _entry_line(entry)
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
