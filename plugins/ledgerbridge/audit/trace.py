"""The whole way of a record, from any of its ids: what was read, made, sent, refused and booked, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state.models import OURS, AuditEntry, BookedDocument, DeadLetter, Delivery, LinkEnd, SourceRecord
from ledgerbridge.state.summaries import entries_of_summaries, summaries_of
from ledgerbridge.state.upsert import in_chunks

__all__ = ["Happening", "Step", "Trace", "happened", "trace"]

Text = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]


@dataclass
class Step:
    """
    One leg's part: the source records it took, what it delivered, and what the ledgers booked for that.

    :param payloads: where the batches lie that hold its records, by kind: ``raw``, ``documents``.
    """

    flow: str
    leg: str
    records: list[SourceRecord] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    booked: list[BookedDocument] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)
    payloads: dict[str, str] = field(default_factory=dict)

    @property
    def began(self) -> datetime:
        """When its first audited change was; of a step without any, when its record was touched last."""
        moments = [entry.at for entry in self.entries] or [each.updated_at for each in self.records]
        return min(moments)


@dataclass(frozen=True)
class Trace:
    """All steps of a record's chain, earliest first; ``keys`` are what the chain is known by."""

    wanted: str
    keys: list[str]
    steps: list[Step]

    @property
    def entries(self) -> list[AuditEntry]:
        """Every audit entry of the chain, in the order of the trail."""
        return sorted({entry.id: entry for step in self.steps for entry in step.entries}.values(), key=lambda e: e.id)


@dataclass(frozen=True)
class Happening:
    """
    What a document tells of, as its canonical header says.

    :param what: ordered, paid, invoiced …; blank as ``day`` where it says no day, as a customer's.
    """

    day: str
    what: str
    amount: Decimal | None
    currency: str


def happened(row: Delivery) -> Happening:
    """What a document tells of."""
    header = row.canonical or {}
    what = next((name for name in header if name.endswith("_on") and header[name]), None)
    total = header.get("total") or header.get("amount")
    return Happening(
        str(header[what]) if what else "", what.removesuffix("_on") if what else "",
        None if total is None else Decimal(total), str(header.get("currency") or ""),
    )  # fmt: skip


def trace(session: Session, wanted: str) -> Trace:
    """
    Everything known of a record and of all that was made of it.

    :param wanted: any id or name: of the shop's order, a document's number or id in any system, a charge, refund or
        payout, a dead letter, a journal entry, a record key.
    :raises LedgerbridgeError: nothing is known under it.
    """
    keys = _keys(session, wanted)
    if not keys:
        raise LedgerbridgeError(
            "LB-AUD-003",
            f'nothing is known under "{wanted}".',
            remedy="Give an order's name, or a document's number or id as one of the systems shows it.",
        )
    records, deliveries = _chain(session, keys)
    steps: dict[tuple[str, str], Step] = {}
    for record in records:
        steps.setdefault((record.flow, record.leg), Step(record.flow, record.leg)).records.append(record)
    for delivery in deliveries:
        steps.setdefault((delivery.flow, delivery.leg), Step(delivery.flow, delivery.leg)).deliveries.append(delivery)
    for step in steps.values():
        _fill(session, step)
    return Trace(wanted, sorted(keys), sorted(steps.values(), key=lambda step: step.began))


def _keys(session: Session, wanted: str) -> set[str]:
    """The keys of the chains that something called ``wanted`` belongs to."""
    start = {wanted, *_record_keys(session, wanted)}
    keys: set[str] = set()
    for key in start:
        for delivery in session.scalars(select(Delivery).where(_named(key, Delivery.record_key, Delivery.chain_key))):
            keys.add(delivery.chain_key or _origin(session, delivery.record_key))
        named = or_(_named(key, SourceRecord.source_key, SourceRecord.chain_key), SourceRecord.label == key)
        for record in session.scalars(select(SourceRecord).where(named)):
            keys.add(record.chain_key or record.source_key)
    return keys


def _record_keys(session: Session, wanted: str) -> set[str]:
    """Record keys of what carries this id or number somewhere else than in its key."""
    found: set[str] = set()
    for table, columns in (
        (Delivery, (Delivery.target_id, Delivery.number)),
        (BookedDocument, (BookedDocument.number,)),
    ):
        known = select(table.record_key).where(or_(*(column == wanted for column in columns)))
        found.update(session.scalars(known))
    there, ours = aliased(LinkEnd), aliased(LinkEnd)
    linked = (
        select(ours.key)
        .join(there, there.link_id == ours.link_id)
        .where(or_(there.key == wanted, there.number == wanted), ours.entity.startswith(OURS, autoescape=True))
    )
    found.update(session.scalars(linked))
    booked = select(BookedDocument.record_key).where(_named(wanted, BookedDocument.key))
    found.update(session.scalars(booked))
    found.update(session.scalars(select(DeadLetter.source_key).where(DeadLetter.id == wanted)))
    return found


def _named(wanted: str, *columns: Text) -> ColumnElement[bool]:
    """Whether a key is the one wanted, or ends in it."""
    return or_(*(column == wanted for column in columns), columns[0].endswith(f":{wanted}", autoescape=True))


def _origin(session: Session, record_key: str) -> str:
    """The source record a document without a chain was made of: its key begins with that one's."""
    parts = record_key.split(":")
    candidates = [":".join(parts[:length]) for length in range(len(parts), 0, -1)]
    known = set(session.scalars(select(SourceRecord.source_key).where(SourceRecord.source_key.in_(candidates))))
    return next((key for key in candidates if key in known), record_key)


def _chain(session: Session, keys: set[str]) -> tuple[list[SourceRecord], list[Delivery]]:
    """
    Source records of the chains and what was made of them; a document has its record's key, or begins with it.

    Of an entry that is summed up with others the summary, and of a summary all its entries.
    """
    deliveries: dict[int, Delivery] = {}
    records: dict[int, SourceRecord] = {}
    for key in keys:
        made = or_(
            Delivery.chain_key == key,
            Delivery.record_key == key,
            Delivery.record_key.startswith(f"{key}:", autoescape=True),
        )
        deliveries |= {row.id: row for row in session.scalars(select(Delivery).where(made))}
        of_chain = or_(SourceRecord.chain_key == key, SourceRecord.source_key == key)
        records |= {row.id: row for row in session.scalars(select(SourceRecord).where(of_chain))}
    summed_up = entries_of_summaries(session, {row.record_key for row in deliveries.values()})
    summaries = set(summaries_of(session, None, [row.source_key for row in records.values()]).values())
    for chunk in in_chunks([each.record_key for each in summed_up]):
        records |= {r.id: r for r in session.scalars(select(SourceRecord).where(SourceRecord.source_key.in_(chunk)))}
    for chunk in in_chunks(sorted(summaries)):
        deliveries |= {r.id: r for r in session.scalars(select(Delivery).where(Delivery.record_key.in_(chunk)))}
    for record in records.values():
        # a customer has a key of its own, which no order's key begins
        made_of_it = (record.canonical or {}).get("record_key", record.source_key)
        of_leg = (Delivery.flow == record.flow, Delivery.leg == record.leg, Delivery.record_key == made_of_it)
        deliveries |= {row.id: row for row in session.scalars(select(Delivery).where(*of_leg))}
    return list(records.values()), list(deliveries.values())


def _fill(session: Session, step: Step) -> None:
    keys = {*(row.source_key for row in step.records), *(row.record_key for row in step.deliveries)}
    tasks = [f"{step.leg}.{task}" for task in ("extract", "transform", "gate", "load")]
    entities = [*{row.entity for row in step.records}, *{row.entity for row in step.deliveries}, step.leg]
    step.entries = _of(session, AuditEntry, AuditEntry.record_key, keys, AuditEntry.entity.in_(entities))
    step.entries = [
        entry for entry in step.entries if entry.task in tasks or "." not in entry.task or entry.entity == step.leg
    ]
    same_leg = (DeadLetter.flow == step.flow) & (DeadLetter.leg == step.leg)
    step.letters = _of(session, DeadLetter, DeadLetter.source_key, {row.source_key for row in step.records}, same_leg)
    delivered = {row.record_key for row in step.deliveries}
    ledgers = {row.entity.partition(".")[0] for row in step.deliveries}
    step.booked = _of(session, BookedDocument, BookedDocument.record_key, delivered, BookedDocument.ledger.in_(ledgers))
    runs = {row.run_id for row in step.deliveries} or {row.run_id for row in step.records}
    for name, task, action in (("raw", tasks[0], "batch-extract"), ("documents", tasks[1], "batch-transform")):
        staged = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.run_id.in_(runs), AuditEntry.task == task, AuditEntry.action == action)
            .order_by(AuditEntry.id)
        )
        for entry in staged:
            step.payloads[name] = entry.details["uri"]


def _of(
    session: Session, table: Any, column: InstrumentedAttribute[str], keys: Iterable[str], more: ColumnElement[bool]
) -> list[Any]:
    rows: list[Any] = []
    for chunk in in_chunks(sorted(keys)):
        rows += session.scalars(select(table).where(column.in_(chunk), more).order_by(table.id))
    return rows
