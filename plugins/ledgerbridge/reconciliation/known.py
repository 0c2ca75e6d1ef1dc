"""What the state database knows of the documents of both ledgers: whose counterpart they are, and why they differ."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from ledgerbridge.canonical.sent import Summarised
from ledgerbridge.canonical.summaries import come_to
from ledgerbridge.reconciliation.books import Books
from ledgerbridge.reconciliation.model import TOLERANCE, Booked, Known, summed_up
from ledgerbridge.state.models import Delivery, LoggedChange, Position, PostingDay, Reading, SourceRecord
from ledgerbridge.state.summaries import entries_of_summaries, summaries_of
from ledgerbridge.state.upsert import in_chunks

__all__ = ["KnownDocuments", "delivered_entities"]

_DELIVERY = (
    Delivery.record_key,
    Delivery.target_id,
    Delivery.number,
    Delivery.state,
    Delivery.reason,
    Delivery.updated_at,
)


class KnownDocuments:
    """
    The deliveries of the ledgers' documents, and what became of what was read.

    Of the documents that ``look_at`` was given last; what is stuck is known of all.

    :param company: its key.
    :param legs: names of the legs by flow. :param sources: the entities they read, ``<system>.<entity>``.
    :param books: of both ledgers, the first and the second.
    :param withdrawn: what became of documents of a ledger that were booked and no longer are, by id or number.
    :param closing: whether nothing may be left under way: what is booked after the last reading is no excuse.
    """

    def __init__(
        self,
        session: Session,
        company: str,
        books: Mapping[str, Books],
        *,
        legs: Mapping[str, Collection[str]],
        sources: Collection[str],
        withdrawn: Callable[[str, Sequence[str]], Mapping[str, str]],
        closing: bool,
    ) -> None:
        self._books = books
        self._closing = closing
        self._withdrawn = withdrawn
        first, second = books
        self._other = {first: second, second: first}
        self._read_as = {ledger: {each.partition(".")[2] for each in sources if each.startswith(f"{ledger}.")}
                         for ledger in books}  # fmt: skip
        self._entities = {ledger: delivered_entities(session, ledger) for ledger in books}
        self._delivered: dict[str, dict[str, str]] = {}  # by ledger: id or number to record key
        self._sent: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}  # by ledger: record key to state and ids
        self._deferred: dict[str, dict[str, str]] = {}  # by ledger: record key to why it does not take it yet
        self._read_from: dict[str, dict[str, str]] = {}  # by ledger: id to record key of what was made from it
        self._sent_at: dict[str, datetime] = {}
        self._summaries: dict[str, set[str]] = {}  # by ledger: keys of what its documents are summed up in
        self._summary_of: dict[str, str] = {}  # by record key
        self._empty: set[str] = set()  # keys of summaries that come to nothing
        self._moved: dict[str, PostingDay] = {}  # by record key: what was posted on another day than its own
        self._to_take: set[str] = set()  # source keys of changes that a leg has still to take
        positions = select(Position.entity, func.min(Position.change)).where(
            Position.company == company, _of_legs(Position, legs)
        )
        by_entity = session.execute(positions.group_by(Position.entity))
        self._taken: dict[str, int] = {row.entity: row[1] for row in by_entity}
        self._company = company
        # at the end of a period a run that did not come to its end is no excuse
        outcomes = ("rejected", "held", "waiting", *(() if closing else ("read",)))
        self._stuck = {
            row.source_key: row.reason or f"taken by {row.run_id}, which has not come to its end with it"
            for row in session.execute(
                select(SourceRecord.source_key, SourceRecord.reason, SourceRecord.run_id).where(
                    _of_legs(SourceRecord, legs),
                    SourceRecord.outcome.in_(outcomes),
                )
            )
        }
        self._stuck_by_name = {_name(key): reason for key, reason in self._stuck.items()}
        read = session.execute(
            select(Reading.entity, func.max(Reading.until), func.max(Reading.ended_at))
            .where(Reading.company == company)
            .group_by(Reading.entity)
        ).all()
        self._read_until: dict[str, datetime] = {entity: until for entity, until, _ in read if until is not None}
        self._read_at: dict[str, datetime] = {entity: ended_at for entity, _, ended_at in read}

    @property
    def read_until(self) -> datetime | None:
        """When sources of the company were read last; None: never."""
        return max(self._read_until.values(), default=None)

    def look_at(self, session: Session, documents: Mapping[str, Sequence[Booked]]) -> None:
        """
        Look up the deliveries of these documents, by ledger.

        :param documents: under their own key, or under the one that both ledgers share.
        """
        self._delivered = {ledger: {} for ledger in self._books}
        self._sent = {ledger: {} for ledger in self._books}
        self._deferred = {ledger: {} for ledger in self._books}
        self._read_from = {ledger: {} for ledger in self._books}
        self._sent_at = {}
        self._to_take = set()
        self._summaries, self._summary_of, self._empty = {}, {}, set()
        keys = {each.key for booked in documents.values() for each in booked}
        for ledger, booked in documents.items():
            read_from = {key for each in booked for key in self._read_keys(ledger, each)}
            self._add(self._other[ledger], self._by(session, self._other[ledger], Delivery.record_key, read_from))
            self._read_from[ledger] = {
                key.rpartition(":")[2]: key for key in sorted(self._sent[self._other[ledger]]) if key in read_from
            }
            summaries = self._look_at_summaries(session, ledger, read_from | {each.key for each in booked})
            known = {each for document in booked for each in document.ids}
            found = {
                row.record_key: row
                for column in (Delivery.target_id, Delivery.number)
                for row in self._by(session, ledger, column, known)
            }
            for key, row in sorted(found.items()):
                self._delivered[ledger] |= {str(name): key for name in (row.number, row.target_id) if name}
            keys |= found.keys() | read_from | summaries
            own = {each.part_of or each.record or each.key for each in booked}
            self._to_take |= self._beyond_positions(session, ledger, own | read_from)
        for ledger in self._books:
            self._add(ledger, self._by(session, ledger, Delivery.record_key, keys))
        self._moved = {
            row.record_key: row
            for chunk in in_chunks(sorted(keys))
            for row in session.scalars(
                select(PostingDay).where(PostingDay.company == self._company, PostingDay.record_key.in_(chunk))
            )
        }

    def key(self, booked: Booked, ledger: str) -> str | None:
        """The key of a document that is the same in both ledgers; None: nobody knows it."""
        if booked.key in self._sent[self._other[ledger]]:
            return booked.key
        for each in self._read_keys(ledger, booked):
            if each in self._summary_of:
                return self._summary_of[each]
        for each in booked.ids:
            if each in self._read_from[ledger]:
                return self._read_from[ledger][each]
        return next((self._delivered[ledger][each] for each in booked.ids if each in self._delivered[ledger]), None)

    def together(self, booked: Sequence[Booked], ledger: str) -> list[Booked]:
        """The documents, those that are summed up in one of the other ledger as the one that they come to."""
        of: dict[str, list[Booked]] = {}
        for each in booked:
            if each.key in self._summaries.get(ledger, ()):
                of.setdefault(each.key, []).append(each)
        rest = [each for each in booked if each.key not in of]
        return [*rest, *(summed_up(each) for each in of.values())]

    def is_applied_too(self, booked: Booked, ledger: str) -> bool:
        """
        Whether a credit set against a document is so in the other ledger too.

        That one writes no entry for one without gain, and what it did shows in what is open.
        """
        state, _ = self._sent[self._other[ledger]].get(booked.key, (None, ()))
        return bool(booked.against) and not any(booked.effects.values()) and state == "delivered"

    def _read_keys(self, ledger: str, booked: Booked) -> Iterator[str]:
        """The record keys that a document may have been read under."""
        scope = (booked.record or booked.key).split(":")[1:2]
        entities = {*self._read_as[ledger], booked.source.partition(".")[2]} - {""}
        for each in booked.ids if scope else ():
            yield from (f"{ledger}:{scope[0]}:{entity}:{each}" for entity in entities)

    def _beyond_positions(self, session: Session, ledger: str, keys: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for chunk in in_chunks(sorted(set(keys))):
            for entity, position in self._taken.items():
                if not entity.startswith(f"{ledger}."):
                    continue
                beyond = select(LoggedChange.source_key).where(
                    LoggedChange.company == self._company,
                    LoggedChange.entity == entity,
                    LoggedChange.source_key.in_(chunk),
                    LoggedChange.number > position,
                )
                found.update(session.scalars(beyond))
        return found

    def _look_at_summaries(self, session: Session, ledger: str, keys: Collection[str]) -> set[str]:
        """Keys of the summaries in the other ledger that these records are in, or that have these keys."""
        named = {*summaries_of(session, None, keys).values(), *keys}
        entries = [
            each
            for each in entries_of_summaries(session, named)
            if each.entity.partition(".")[0] == self._other[ledger]
        ]
        of: dict[str, list[Summarised]] = {}
        for each in entries:
            of.setdefault(each.summary, []).append(each)
        self._summaries[ledger] = set(of)
        self._summary_of |= {each.record_key: each.summary for each in entries}
        self._empty |= {key for key, summed in of.items() if not come_to(summed)}
        return set(of)

    def _by(self, session: Session, ledger: str, column: Any, values: Iterable[str]) -> list[Any]:
        return [
            row
            for chunk in in_chunks(sorted(set(values)))
            for row in session.execute(
                select(*_DELIVERY)
                .where(Delivery.entity.in_(self._entities[ledger]), column.in_(chunk))
                .order_by(Delivery.record_key)
            )
        ]

    def _add(self, ledger: str, rows: Iterable[Any]) -> None:
        for key, target_id, number, state, reason, updated_at in rows:
            if state == "delivered":
                self._sent_at[key] = updated_at
            self._sent[ledger][key] = (state, tuple(str(known) for known in (target_id, number) if known))
            if reason and state == "not_sent":
                self._deferred[ledger][key] = reason

    def missing(self, booked: Booked, missing_in: str) -> Known:
        """Why a document is not in the other ledger, or what to do about it."""
        if reason := self._deferred[missing_in].get(booked.key) or self._why_stuck(booked):
            return Known(reason)
        if booked.key in self._empty:
            return Known("the entries of its summary come to nothing", lasts=True)
        if not booked.effects and booked.key.startswith(f"{missing_in}:"):
            reason = f"{missing_in}, where it comes from, writes no entry for a document without value"
            return Known(reason, lasts=True)
        state, ids = self._sent[missing_in].get(booked.key, (None, ()))
        if state == "delivered":
            return self._lost(missing_in, ids)
        if not state and booked.to_apply and booked.key == booked.record:
            reason = f"it pays nothing yet, and goes when a person has done this: {booked.to_apply}"
            return Known(None if self._closing else reason, booked.to_apply, kind="not applied")
        if not state and self.came_later(booked.source, booked.changed_at):
            return Known("booked after this run read it")
        if not state and not self._closing and self._is_to_be_taken(booked, missing_in):
            return Known("read, and to be taken by the next run")
        if not state and self._sent_later(booked):
            return Known("sent after such documents were last read")
        return Known()

    def unequal(self, pair: Sequence[Booked], changed: Mapping[str, Decimal]) -> Known:
        """Why a document differs from its counterpart: one ledger books gain and write-off when it is applied."""
        if not set(changed) <= {"fx_gain_loss", "receivables", "payables", "rounding"}:
            return Known()
        cents = all(abs(amount) <= TOLERANCE for amount in changed.values())
        # which part of a document is the last, with its cent, shows when all of them are posted, in either ledger
        settled = [booked.settles for booked in pair if booked.settles] if cents else []
        for books, booked in zip(self._books.values(), pair, strict=True):
            for each in (*booked.ids, *settled):
                if each in books.on_the_way:
                    return Known(f"booked when it is applied: that entry is {books.on_the_way[each]}")
        for booked in pair:
            if reason := self._why_stuck(booked):
                return Known(f"booked when it is applied: {reason}")
        if any(self.came_later(booked.source, booked.changed_at) for booked in pair):
            return Known("booked when it is applied, by the next run")
        return Known()

    def on_two_days(self, pair: Sequence[Booked]) -> Known:
        """Why a document is booked on another day than its counterpart: on its own one ledger was closed."""
        moved = next((self._moved[each.key] for each in pair if each.key in self._moved), None)
        if moved is None or {each.booked_on for each in pair} != {moved.own, moved.day}:
            return Known()
        ledger = moved.entity.partition(".")[0]
        return Known(f"{ledger} was closed on {moved.own}, its own day: it was posted there on {moved.day}")

    def came_later(self, entity: str, changed_at: datetime | None) -> bool:
        """Whether a document was written after the last run had read such documents; never at the end of a period."""
        until = self._read_until.get(entity)
        return not self._closing and until is not None and changed_at is not None and changed_at > until

    def _is_to_be_taken(self, booked: Booked, missing_in: str) -> bool:
        """Whether the change log has the document, and a leg did not come so far yet."""
        read_keys = self._read_keys(self._other[missing_in], booked)
        return any(key in self._to_take for key in (booked.part_of, booked.record, *read_keys))

    def _sent_later(self, booked: Booked) -> bool:
        """Whether we wrote a document ourselves after the last run had read such documents; of some none ever does."""
        sent_at, read_at = self._sent_at.get(booked.key), self._read_at.get(booked.source)
        told_later = bool(booked.source) and sent_at is not None and (read_at is None or sent_at >= read_at)
        return told_later and not self._closing

    def stuck(self, source_key: str) -> str | None:
        """Why a source record can't go on."""
        return self._stuck.get(source_key)

    def _why_stuck(self, booked: Booked) -> str | None:
        """Of the document itself, or of the record that a flow reads it as or with."""
        ledger, _, entity = booked.source.partition(".")
        names = (f"{ledger}:{entity}:{each}" for each in booked.ids if entity)
        found = (self._stuck_by_name[name] for name in names if name in self._stuck_by_name)
        return self._stuck.get(booked.key) or self._stuck.get(booked.part_of) or next(found, None)

    def _lost(self, ledger: str, ids: Sequence[str]) -> Known:
        books, number = self._books[ledger], ids[-1] if ids else ""
        for each in ids:
            if each in books.on_the_way:
                return Known(f"sent to {ledger}, there still {books.on_the_way[each]}")
        withdrawn = self._withdrawn(ledger, ids)
        for each in ids:
            if each in withdrawn:
                became = withdrawn[each].lower()
                return Known(
                    remedy=f"It was sent to {ledger} as {number} and {became} there: do the same in the other "
                    f"ledger, or enter it in {ledger} again."
                )
        return Known(
            remedy=f"It was sent to {ledger} as {number}, and is neither posted there nor in a batch: somebody "
            f"deleted it. Enter it again, or take it out of the other ledger."
        )


def _of_legs(table: type[Position | SourceRecord], legs: Mapping[str, Collection[str]]) -> ColumnElement[bool]:
    return or_(*(and_(table.flow == flow, table.leg.in_(names)) for flow, names in legs.items()))


def delivered_entities(session: Session, ledger: str) -> list[str]:
    """The entities of a ledger that anything was delivered as; few, and found without looking at every delivery."""
    found: list[str] = []
    while True:
        after = found[-1] if found else f"{ledger}."
        entity = session.scalar(
            select(func.min(Delivery.entity)).where(Delivery.entity > after, Delivery.entity < f"{ledger}/")
        )
        if entity is None:
            return found
        found.append(entity)


def _name(source_key: str) -> str:
    """A source key without its scope: ``system:entity:id``."""
    system, _, rest = source_key.partition(":")
    scope_and_entity, _, identity = rest.rpartition(":")
    return f"{system}:{scope_and_entity.rpartition(':')[2]}:{identity}"
