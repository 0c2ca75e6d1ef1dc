"""What the state database knows of the documents of both ledgers: whose counterpart they are, and why they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Engine, func, select

from ledgerbridge.reconciliation import Booked, Known
from ledgerbridge.reconciliation.model import TOLERANCE
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery, Reading, SourceRecord
from operators.systems import Books

__all__ = ["KnownDocuments"]


class KnownDocuments:
    """
    The deliveries of the ledgers' documents, and what became of what was read.

    :param books: of both ledgers, the first and the second.
    :param closing: whether nothing may be left under way: what is booked after the last reading is no excuse.
    """

    def __init__(self, engine: Engine, flow: str, books: Mapping[str, Books], *, closing: bool) -> None:
        self._books = books
        self._closing = closing
        self._delivered: dict[str, dict[str, str]] = {}  # by ledger: id or number to record key
        self._sent: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}  # by ledger: record key to state and ids
        self._deferred: dict[str, dict[str, str]] = {}  # by ledger: record key to why it does not take it yet
        self._sent_at: dict[str, datetime] = {}
        with transaction(engine) as session:
            for ledger in books:
                rows = session.execute(
                    select(
                        Delivery.record_key,
                        Delivery.target_id,
                        Delivery.number,
                        Delivery.state,
                        Delivery.reason,
                        Delivery.updated_at,
                    ).where(Delivery.entity.startswith(f"{ledger}."))
                ).all()
                self._sent_at.update({row.record_key: row.updated_at for row in rows if row.state == "delivered"})
                self._delivered[ledger] = {
                    str(known): key for key, target_id, number, *_ in rows for known in (number, target_id) if known
                }
                self._sent[ledger] = {
                    key: (state, tuple(str(known) for known in (target_id, number) if known))
                    for key, target_id, number, state, *_ in rows
                }
                self._deferred[ledger] = {
                    row.record_key: row.reason for row in rows if row.reason and row.state == "not_sent"
                }
            self._stuck = dict(
                session.execute(
                    select(SourceRecord.source_key, SourceRecord.reason).where(
                        SourceRecord.flow == flow, SourceRecord.outcome.in_(("rejected", "held", "waiting"))
                    )
                ).all()
            )
            self._stuck_by_name = {_name(key): reason for key, reason in self._stuck.items()}
            read = session.execute(
                select(Reading.entity, func.max(Reading.until), func.max(Reading.ended_at)).group_by(Reading.entity)
            ).all()
            self._read_until: dict[str, datetime] = {entity: until for entity, until, _ in read if until is not None}
            self._read_at: dict[str, datetime] = {entity: ended_at for entity, _, ended_at in read}
        first, second = books
        # what was made from a document of the other ledger has that one's record key, which ends in its number
        self._read_from = {
            (ledger, other): {key.rpartition(":")[2]: key for key in self._sent[other] if key.startswith(f"{ledger}:")}
            for ledger, other in ((first, second), (second, first))
        }

    def keyed(self, booked: Sequence[Booked], ledger: str) -> list[Booked]:
        """
        The documents of a ledger with keys that are the same in both.

        One that nobody knows, under the number of one that is known, is the same thing entered twice.
        """
        (other,) = [each for each in self._books if each != ledger]
        keys = [self._key(each, ledger, other) for each in booked]
        known = {(each.kind, each.number): key for each, key in zip(booked, keys, strict=True) if key and each.number}
        return [
            replace(each, key=key or known.get((each.kind, each.number)) or each.key, record=each.key)
            for each, key in zip(booked, keys, strict=True)
        ]

    def settling(self, documents: Mapping[str, Sequence[Booked]]) -> dict[str, list[Booked]]:
        """
        The documents, those that the other ledger lacks with what they are applied to in their own.

        Without credits set against documents that the other ledger has applied too: it writes no entry for one without
        gain, and what it did shows in what is open.
        """
        documents = {
            ledger: [each for each in booked if not self._is_applied_too(each, ledger)]
            for ledger, booked in documents.items()
        }
        keys = {ledger: {each.key for each in booked} for ledger, booked in documents.items()}
        found = {}
        for ledger, booked in documents.items():
            (others,) = [each for name, each in keys.items() if name != ledger]
            alone = [each.number for each in booked if each.key not in others and not each.settles]
            applied = self._books[ledger].applied_to(alone) if alone else {}
            found[ledger] = [
                replace(each, settles=applied[each.number])
                if each.number in applied and each.key not in others
                else each
                for each in booked
            ]
        return found

    def _is_applied_too(self, booked: Booked, ledger: str) -> bool:
        (other,) = [each for each in self._books if each != ledger]
        state, _ = self._sent[other].get(booked.key, (None, ()))
        return bool(booked.against) and not any(booked.effects.values()) and state == "delivered"

    def _key(self, booked: Booked, ledger: str, other: str) -> str | None:
        if booked.key in self._sent[other]:
            return booked.key
        for each in booked.ids:
            if each in self._read_from[ledger, other]:
                return self._read_from[ledger, other][each]
        return next((self._delivered[ledger][each] for each in booked.ids if each in self._delivered[ledger]), None)

    def missing(self, booked: Booked, missing_in: str) -> Known:
        """Why a document is not in the other ledger, or what to do about it."""
        if reason := self._deferred[missing_in].get(booked.key) or self._why_stuck(booked):
            return Known(reason)
        if not booked.effects and booked.key.startswith(f"{missing_in}:"):
            return Known(f"{missing_in}, where it comes from, writes no entry for a document without value")
        state, ids = self._sent[missing_in].get(booked.key, (None, ()))
        if state == "delivered":
            return self._lost(missing_in, ids)
        if not state and self.came_later(booked.source, booked.changed_at):
            return Known("booked after this run read it")
        if not state and self._sent_later(booked):
            return Known("sent after such documents were last read")
        return Known()

    def unequal(self, pair: Sequence[Booked], changed: Mapping[str, Decimal]) -> Known:
        """Why a document differs from its counterpart: one ledger books gain and write-off when it is applied."""
        if not set(changed) <= {"fx_gain_loss", "receivables", "rounding"}:
            return Known()
        cents = all(abs(amount) <= TOLERANCE for amount in changed.values())
        for books, booked in zip(self._books.values(), pair, strict=True):
            # which part of a document is the last, with its cent, shows when all of them are posted
            for each in (*booked.ids, booked.settles) if cents else booked.ids:
                if each in books.on_the_way:
                    return Known(f"booked when it is applied: that entry is {books.on_the_way[each]}")
        for booked in pair:
            if reason := self._why_stuck(booked):
                return Known(f"booked when it is applied: {reason}")
        if any(self.came_later(booked.source, booked.changed_at) for booked in pair):
            return Known("booked when it is applied, by the next run")
        return Known()

    def came_later(self, entity: str, changed_at: datetime | None) -> bool:
        """Whether a document was written after the last run had read such documents; never at the end of a period."""
        until = self._read_until.get(entity)
        return not self._closing and until is not None and changed_at is not None and changed_at > until

    def _sent_later(self, booked: Booked) -> bool:
        """Whether we wrote a document ourselves after the last run had read such documents."""
        sent_at, read_at = self._sent_at.get(booked.key), self._read_at.get(booked.source)
        return not self._closing and sent_at is not None and (read_at is None or sent_at >= read_at)

    def stuck(self, source_key: str) -> str | None:
        """Why a source record can't go on."""
        return self._stuck.get(source_key)

    def _why_stuck(self, booked: Booked) -> str | None:
        """Of the document itself, or of the record that a flow reads it as."""
        ledger, _, entity = booked.source.partition(".")
        names = (f"{ledger}:{entity}:{each}" for each in booked.ids if entity)
        found = (self._stuck_by_name[name] for name in names if name in self._stuck_by_name)
        return self._stuck.get(booked.key) or next(found, None)

    def _lost(self, ledger: str, ids: Sequence[str]) -> Known:
        books, number = self._books[ledger], ids[-1] if ids else ""
        for each in ids:
            if each in books.on_the_way:
                return Known(f"sent to {ledger}, there still {books.on_the_way[each]}")
        for each in ids:
            if each in books.withdrawn:
                became = books.withdrawn[each].lower()
                return Known(
                    remedy=f"It was sent to {ledger} as {number} and {became} there: do the same in the other "
                    f"ledger, or enter it in {ledger} again."
                )
        return Known(
            remedy=f"It was sent to {ledger} as {number}, and is neither posted there nor in a batch: somebody "
            f"deleted it. Enter it again, or take it out of the other ledger."
        )


def _name(source_key: str) -> str:
    """A source key without its scope: ``system:entity:id``."""
    system, _, rest = source_key.partition(":")
    scope_and_entity, _, identity = rest.rpartition(":")
    return f"{system}:{scope_and_entity.rpartition(':')[2]}:{identity}"
