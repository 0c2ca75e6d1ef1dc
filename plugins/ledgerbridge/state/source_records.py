"""The work list of a leg: which source records it has seen, in which version, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.state.models import AuditEntry, Position, SourceRecord
from ledgerbridge.state.names import TAKEN, keep_names
from ledgerbridge.state.upsert import in_chunks, update_each, upsert

__all__ = [
    "BROKEN_OFF",
    "Fate",
    "Outcomes",
    "Seen",
    "counts",
    "done_up_to",
    "hold_rejected",
    "news",
    "register",
    "set_outcomes",
    "still_own",
    "tell_released",
]

BROKEN_OFF = ("read", "held")
"""Outcomes of records whose run got no further, or was stopped."""
UNFINISHED = (*BROKEN_OFF, "waiting")


@dataclass(frozen=True)
class Seen:
    """
    A source record as it was read; ``change`` is its number in the change log.

    :param taken_at: when its leg took this version first; ``try_again_at``: when it is tried again, should it wait.
    """

    source_key: str
    version: str
    change: int | None = None
    taken_at: datetime | None = None
    try_again_at: datetime | None = None


@dataclass(frozen=True)
class Fate:
    """
    What became of a source record, and why; ``canonical`` is the first canonical header made of it, as text.

    :param by_target: a waiting one was put off by its target. Nobody tells when that ends: each run tries it.
    """

    outcome: str
    reason: str | None = None
    label: str | None = None
    canonical: dict[str, Any] | None = None
    by_target: bool = False


Outcomes = Mapping[str, Fate]


def register(
    session: Session,
    flow: str,
    leg: str,
    run_id: str,
    entity: str,
    records: Iterable[Seen],
    batch_uri: str,
    tried_after: int | None = None,
) -> None:
    """
    Take records into a run's batch.

    :param tried_after: the last entry of the audit: what it tells of, this try knows.
    """
    now = datetime.now(UTC)
    rows = [
        {
            "flow": flow,
            "leg": leg,
            "entity": entity,
            "source_key": record.source_key,
            "version": record.version,
            "change": record.change,
            "outcome": "read",
            "reason": None,
            "batch_uri": batch_uri,
            "run_id": run_id,
            "updated_at": now,
            "taken_at": record.taken_at,
            "try_again_at": record.try_again_at,
            "tried_after": tried_after,
        }
        for record in records
    ]
    upsert(session, SourceRecord, rows, key=["flow", "leg", "source_key"])


def still_own(session: Session, flow: str, leg: str, run_id: str, changes: Mapping[str, int | None]) -> set[str]:
    """
    The source keys of a run's batch that are its own still, in the version it took.

    Another run, or another try of this one's extract, may have taken a newer version: that one is the leg's now, and
    this batch must neither send the record nor say what became of it.

    :param changes: number of the version in the batch, by source key.
    """
    own: set[str] = set()
    for chunk in in_chunks(list(changes)):
        rows = session.execute(
            select(SourceRecord.source_key, SourceRecord.change).where(
                SourceRecord.flow == flow,
                SourceRecord.leg == leg,
                SourceRecord.run_id == run_id,
                SourceRecord.source_key.in_(chunk),
            )
        )
        own.update(key for key, change in rows if change == changes[key])
    return own


def done_up_to(session: Session, flow: str, leg: str, entity: str) -> int:
    """The last change of an entity that a leg has done with: what it took before is not under way any more."""
    reached = session.scalar(
        select(Position.change).where(Position.flow == flow, Position.leg == leg, Position.entity == entity)
    )
    first = session.scalar(
        select(func.min(SourceRecord.change)).where(
            SourceRecord.flow == flow,
            SourceRecord.leg == leg,
            SourceRecord.entity == entity,
            SourceRecord.outcome.in_(BROKEN_OFF),
        )
    )
    return (reached or 0) if first is None else min(reached or 0, first - 1)


def set_outcomes(session: Session, flow: str, leg: str, outcomes: Outcomes, *, run_id: str | None = None) -> None:
    """
    Write what became of source records of the current batch.

    :param run_id: only of those that this run has; None: whichever run has them.
    """
    now = datetime.now(UTC)
    changes = {}
    for key, fate in outcomes.items():
        values: dict[str, Any] = {"outcome": fate.outcome, "reason": fate.reason, "updated_at": now}
        if fate.label is not None:
            values["label"] = fate.label
        if fate.by_target:
            values["try_again_at"] = None
        if fate.canonical is not None:
            values |= {"canonical": fate.canonical, "chain_key": fate.canonical.get("chain_key")}
        changes[key] = values
    rows = [SourceRecord.flow == flow, SourceRecord.leg == leg]
    rows += [] if run_id is None else [SourceRecord.run_id == run_id]
    update_each(session, SourceRecord, changes, *rows, key=SourceRecord.source_key)
    _keep_names(session, {key: fate.canonical for key, fate in outcomes.items() if fate.canonical is not None}, rows)


def _keep_names(session: Session, headers: Mapping[str, dict[str, Any]], rows: Sequence[ColumnElement[bool]]) -> None:
    """Let records be found by what their headers call people."""
    found: dict[str, dict[int, Any]] = {}
    for chunk in in_chunks(list(headers)):
        named = select(SourceRecord.id, SourceRecord.company, SourceRecord.source_key)
        for row, company, key in session.execute(named.where(*rows, SourceRecord.source_key.in_(chunk))):
            found.setdefault(company, {})[row] = headers[key]
    for company, of_company in found.items():
        keep_names(session, company, TAKEN, of_company)


def hold_rejected(session: Session, actor: Actor, *, held: bool) -> None:
    """
    Let the rejected records of a run's batch wait with the rest of it, or be finished with after all.

    A held one is taken again by the next pass; a rejected one only when its source or its run changes. The audit tells
    once that a version is held, not in every pass.
    """
    before, after = ("rejected", "held") if held else ("held", "rejected")
    session.execute(update(SourceRecord).where(*_of_batch(actor), SourceRecord.outcome == before).values(outcome=after))
    if held:
        records = session.execute(select(*_HOLD).where(*_of_batch(actor), SourceRecord.outcome == "held")).all()
        told = _held_before(session, actor, [record.source_key for record in records])
        untold = [record for record in records if told.get(record.source_key) != record.version]
        append(session, actor, [_hold("held", actor, record, reason=record.reason) for record in untold])


def tell_released(session: Session, actor: Actor) -> None:
    """For the audit: records of a run's batch that were held, and what became of them now that it is at its end."""
    entry = (AuditEntry.record_key == SourceRecord.source_key) & (AuditEntry.action == "held")
    once_held = select(*_HOLD).join(AuditEntry, entry).where(*_of_batch(actor), SourceRecord.outcome != "held")
    records = session.execute(once_held.distinct()).all()
    told = _held_before(session, actor, [record.source_key for record in records])
    released = [record for record in records if record.source_key in told]
    append(session, actor, [_hold("released", actor, record, outcome=record.outcome) for record in released])


_HOLD = (
    SourceRecord.entity,
    SourceRecord.source_key,
    SourceRecord.version,
    SourceRecord.chain_key,
    SourceRecord.outcome,
    SourceRecord.reason,
)


def _of_batch(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    return (SourceRecord.flow == actor.flow, SourceRecord.leg == actor.leg, SourceRecord.run_id == actor.run_id)


def _hold(action: str, actor: Actor, record: Row[*tuple[Any, ...]], **details: str | None) -> Change:
    told = {"flow": actor.flow, "leg": actor.leg, "version": record.version, **details}
    return Change(action, record.entity, record.source_key, record.chain_key, details=told)


def _held_before(session: Session, actor: Actor, source_keys: Sequence[str]) -> dict[str, str]:
    """Which version the audit tells of as held in this leg, by source key of those not released since."""
    held: dict[str, str] = {}
    for chunk in in_chunks(source_keys):
        entries = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.record_key.in_(chunk), AuditEntry.action.in_(("held", "released")))
            .order_by(AuditEntry.id)
        )
        for entry in entries:
            if (entry.details["flow"], entry.details["leg"]) != (actor.flow, actor.leg):
                continue
            if entry.action == "held":
                held[entry.record_key] = entry.details["version"]
            else:
                held.pop(entry.record_key, None)
    return held


def news(session: Session, task: str, entity: str, fates: Outcomes) -> list[Change]:
    """
    For the audit: what became of records that no delivery and no dead letter tells of, once and not in every pass.

    :param task: the one that decides it; what it told last is not told again.
    :param entity: of the source records.
    """
    settled = {key: fate for key, fate in fates.items() if fate.outcome in ("waiting", "superseded", "unchanged")}
    told: dict[str, tuple[str, Any]] = {}
    for chunk in in_chunks(list(settled)):
        entries = session.execute(
            select(AuditEntry.record_key, AuditEntry.action, AuditEntry.details)
            .where(AuditEntry.record_key.in_(chunk), AuditEntry.entity == entity, AuditEntry.task == task)
            .order_by(AuditEntry.id)
        )
        told.update((key, (action, details.get("reason"))) for key, action, details in entries)
    return [
        Change(fate.outcome, entity, key, (fate.canonical or {}).get("chain_key"), details={"reason": fate.reason})
        for key, fate in settled.items()
        if told.get(key) != (fate.outcome, fate.reason)
    ]


def counts(session: Session, flow: str, leg: str, run_id: str) -> Counter[str]:
    """How many source records of a run's batch have which outcome."""
    rows = session.execute(
        select(SourceRecord.outcome, func.count().label("records"))
        .where(SourceRecord.flow == flow, SourceRecord.leg == leg, SourceRecord.run_id == run_id)
        .group_by(SourceRecord.outcome)
    )
    return Counter({row.outcome: row.records for row in rows})
