"""
Delivering a batch: each document once, whatever happened before (docs/explanation/why-it-cannot-double.md).

A try takes deliveries by numbering them as its own (``fence``); right before each call the documents it carries are
marked as called, in one transaction that checks the try's lease; after it they stand as delivered or rejected. What a
try that ended has called and not settled is looked up in the target by its natural key, once the call can't be under
way any more, then adopted or sent again. All instants are the state database's.

The steps of a delivery are told to the logger ``ledgerbridge.delivery.steps``: a test can kill a worker at each.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, Row, exists, or_, select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.delivery.content import content_hash, document_text, plain, seen_hash
from ledgerbridge.delivery.lease import LEASE, Try
from ledgerbridge.delivery.leave import LEASED, LEAVES_WITHIN, Leave
from ledgerbridge.entities import Candidate, Document, Found, Matched, Outcome, Target
from ledgerbridge.errors import (
    LedgerbridgeError,
    RecordBusy,
    RecordRejected,
    RecordWaits,
    TargetConflict,
    TransientError,
)
from ledgerbridge.going_out import granting
from ledgerbridge.links import WRITTEN, End, MatchPolicy, State, decide, keep_ends, linked_ids
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.companies import MAIN, bound_company
from ledgerbridge.state.database import serialise, transaction
from ledgerbridge.state.dead_letters import money_of
from ledgerbridge.state.models import Delivery, DeliveryTry, LoggedChange
from ledgerbridge.state.upsert import in_chunks, update_each, upsert

__all__ = ["SETTLE", "STEPS", "Delivered", "Deliverer"]

SETTLE = timedelta(seconds=20)
"""
How long after a call the target is given to end what it may have begun; at least as long as a call may take.

A look-up that comes too early finds nothing, and the document is sent again while the first is still being booked. A
target that takes longer is stopped by its own uniqueness only: its documents' numbers, its idempotency keys.
"""
_SAME_MOMENT = timedelta(seconds=1)
STEPS = ("written sending", "looked up", "answered", "written outcome")
"""What a delivery goes through, in this order; between any two a worker may die."""

_log = logging.getLogger(__name__)
_steps = logging.getLogger("ledgerbridge.delivery.steps")


@dataclass(frozen=True)
class Delivered:
    """
    What became of one document: ``delivered``, ``unchanged``, ``superseded``, or with its error ``rejected`` or
    ``waiting`` (``RecordWaits``, or ``RecordBusy``: worth another try soon).

    :param later: number of the newer change that one which is ``superseded`` would have undone.
    """

    record_key: str
    outcome: str
    error: LedgerbridgeError | None = None
    later: int | None = None


@dataclass(frozen=True)
class _Item:
    document: Document
    digest: str
    canonical: dict[str, Any]

    @property
    def key(self) -> str:
        return self.document.record_key


class Deliverer:
    """
    Delivers documents of one entity for one task.

    :param entity: target entity, ``system.name``.
    :param target: writes and finds them.
    :param settle: see ``SETTLE``.
    :param made_by: version of the mapping that made a document, by record key; for the audit.
    :param changes: number of the change that a document was made of, by record key. One that is lower than what was
        sent or tried of its record before is not sent. A document without a number is taken as it comes.
    :param kind: what the documents are in life, the canonical entity's name; by default the target entity's.
    :param match: what becomes of a new record when a ``Matched`` target holds something that may be the same.
    :param merged: the target's id by record key of documents that are merged with what it holds (``Document.merged``).
        Given, no other document overwrites what bears its number: it is linked with that.
    :param refused: by record key the target's ids that a person said are not its thing.
    :param leaves_unsettled: a record that no living try holds waits while a call with it may be under way, and a later
        run looks it up. Else that is raised, as for one that another try holds.
    """

    def __init__(
        self,
        engine: Engine,
        actor: Actor,
        entity: str,
        target: Target,
        *,
        settle: timedelta = SETTLE,
        lease: timedelta = LEASE,
        made_by: Mapping[str, str | None] | None = None,
        changes: Mapping[str, int] | None = None,
        kind: str = "",
        match: MatchPolicy = "adopt",
        merged: Mapping[str, str] | None = None,
        refused: Mapping[str, Collection[str]] | None = None,
        leaves_unsettled: bool = False,
    ) -> None:
        self._engine = engine
        self._actor = actor
        self._entity = entity
        self._target = target
        # 0: a target that names no limit of its calls is trusted to keep to the settle time
        call = timedelta(seconds=getattr(target, "call_seconds", 0))
        self._settle = max(settle, call + LEAVES_WITHIN) if call else settle
        self._breaks = settle
        self._lease = lease
        self._made_by = made_by or {}
        self._changes = changes or {}
        self._company = bound_company(engine) or MAIN
        self._kind = kind or entity.partition(".")[2]
        self._matched = target if isinstance(target, Matched) else None
        self._match: MatchPolicy = match
        self._merged = merged or {}
        self._overwrites = merged is None
        self._refused = refused or {}
        self._leaves_unsettled = leaves_unsettled
        self._matched_by: dict[str, str] = {}
        self._try = Try(engine, actor, lease)
        self._leave = Leave(engine, self._company, self._entity, self._try, self._settle)
        self._held_by_others: TransientError | None = None
        self._arrived: set[str] = set()
        self._linked: dict[str, str] = {}
        self._known_as: dict[str, str | None] = {}

    def deliver(self, documents: Sequence[Document], canonical: dict[str, dict[str, Any]]) -> list[Delivered]:
        """
        Deliver ``documents``; ``canonical`` is each one's canonical header, kept with its delivery. To be called once.

        What is wrong with one document stops that one alone, a passing trouble too.

        :raises TransientError: the target can't answer, or another try holds a record (the others are delivered);
            what was not sent yet stays to be sent, what may have been sent is looked up by the next try.
        :raises ConfigurationError: as the target raises it.
        """
        items = [
            _Item(each, content_hash(each.header, each.parts), canonical.get(each.record_key, {})) for each in documents
        ]
        results: list[Delivered] = []
        with self._try:
            for chunk in in_chunks(items, self._target.max_batch):
                results += self._deliver_chunk(list(chunk))
        if self._held_by_others is not None:
            raise self._held_by_others
        return results

    def _deliver_chunk(self, items: list[_Item]) -> list[Delivered]:
        results, to_send, to_look_up = self._begin(items)
        if not to_send and not to_look_up:
            return results
        self._try.beats()
        self._step("written sending")
        try:
            return results + self._settle_all(to_send, to_look_up)
        except BaseException:
            self._let_go([*to_send, *to_look_up])
            raise

    def _settle_all(self, to_send: list[_Item], to_look_up: list[_Item]) -> list[Delivered]:
        results = self._look_up(to_look_up)
        self._step("looked up")
        settled = {result.record_key for result in results}
        to_send = [*to_send, *(item for item in to_look_up if item.key not in settled)]
        to_send, twins = self._apart(to_send)
        if not to_send:
            return results
        try:
            outcomes = self._send([self._addressed(item) for item in to_send])
        except TransientError as error:
            if not error.outcome_unknown:
                self._put_back(to_send)
            raise
        self._step("answered")
        results += self._finish(to_send, outcomes)
        self._step("written outcome")
        unsettled = [each.error for each in outcomes if isinstance(each.error, TransientError)]
        broken = next((error for error in unsettled if not isinstance(error, RecordBusy)), None)
        if broken is not None:
            raise broken
        return results + self._settle_all([], twins) if twins else results

    def _apart(self, items: Sequence[_Item]) -> tuple[list[_Item], list[_Item]]:
        """Those to send now, and those that may be one thing with one of them: they are looked up when it is there."""
        if self._matched is None:
            return list(items), []
        first: dict[str, str] = {}
        now: list[_Item] = []
        later: list[_Item] = []
        for item in items:
            common = None if item.key in self._arrived else self._matched.common(item.document)
            is_twin = common is not None and first.setdefault(common, item.key) != item.key
            (later if is_twin else now).append(item)
        return now, later

    def _addressed(self, item: _Item) -> Document:
        """The document with the id of what it updates."""
        known = self._known_as.get(item.key) if self._matched else None
        return replace(item.document, target_id=known, merged=item.key in self._merged)

    def _send(self, documents: Sequence[Document]) -> list[Outcome]:
        if getattr(self._target, "asks_before_each_call", False):
            with granting(self._grant, documents):
                return self._target.send(documents)
        self._grant(documents)
        return self._target.send(documents)

    def _grant(self, documents: Sequence[Document]) -> None:
        """
        Let one call with these documents leave now, and write down that it may have.

        :raises TransientError: this try's lease is over, another has taken one of them or told of its arrival, or this
            process stood still since: nothing may leave, whoever holds them now looks them up.
        """
        lost = self._leave.ask({each.record_key: self._known_as[each.record_key] for each in documents})
        if lost is not None:
            with transaction(self._engine) as session:
                raise self._leased(session, self._known(session, [lost]).get(lost))

    def _step(self, name: str) -> None:
        _steps.debug("step=%s entity=%s", name, self._entity, extra={"step": name, "entity": self._entity})

    def _let_go(self, items: Sequence[_Item]) -> None:
        """
        Nothing of this try is under way any more: what it never called is free at once, the rest when it has settled.
        """
        try:
            with transaction(self._engine) as session:
                now = database_now(session)
                left = (*self._mine([item.key for item in items]), Delivery.state == "sending")
                never_called = (*left, Delivery.called_at.is_(None))
                freed = set(session.scalars(select(Delivery.record_key).where(*never_called)))
                session.execute(update(Delivery).where(*never_called).values(state="not_sent", fence=None))
                append(session, self._actor, [self._change("put-back", item) for item in items if item.key in freed])
                at_least = now + self._breaks  # a broken call may just have reached the target
                early = or_(Delivery.settles_at.is_(None), Delivery.settles_at < at_least)
                session.execute(update(Delivery).where(*left, early).values(settles_at=at_least))
                session.execute(update(Delivery).where(*left).values(fence=None))
        except Exception as error:  # the one that ended the block counts; the lease ends by itself
            _log.warning("what %s left could not be given back: %s", self._entity, type(error).__name__)

    def _begin(self, items: list[_Item]) -> tuple[list[Delivered], list[_Item], list[_Item]]:
        """Take what will be sent for this try and commit; tell what needs no sending and what was interrupted."""
        results: list[Delivered] = []
        to_send: list[_Item] = []
        to_look_up: list[_Item] = []
        told: list[Change] = []
        with transaction(self._engine) as session:
            # two runs that both find no row of a record would both send it
            serialise(session, f"delivery {self._entity}")
            now = database_now(session)
            keys = [item.key for item in items]
            known = self._known(session, keys)
            self._bound_leases(session, [row for row in known.values() if row.state == "sending"], now)
            arrived = {key for key, row in known.items() if row.target_id}
            self._linked = self._linked_ids(session, [key for key in keys if key not in arrived])
            self._arrived = arrived | self._linked.keys()
            later = self._later(session, known)
            for item in items:
                row = known.get(item.key)
                if row is not None and row.state == "delivered" and row.content_hash == item.digest:
                    results.append(Delivered(item.key, "unchanged"))
                    if item.key not in later:  # what it stands for now, should one of between come along
                        row.change = self._changes.get(item.key, row.change)
                elif item.key in later:
                    results.append(Delivered(item.key, "superseded", later=later[item.key]))
                    told.append(self._superseded(item, later[item.key]))
                elif row is not None and row.state == "delivered" and not getattr(self._target, "updatable", False):
                    results.append(self._refuse_change(item, row))
                    told.append(self._change("change-refused", item))
                elif row is not None and row.state == "sending":
                    if not self._take_over(session, row, now):
                        held = self._leased(session, row)
                        if self._leaves_unsettled and not self._is_held(session, row, now):
                            results.append(Delivered(item.key, "waiting", _left(held)))
                        else:
                            self._held_by_others = held
                    elif row.called_at is None or item.key in self._merged:  # sent again, it changes nothing more
                        to_send.append(item)
                    else:
                        to_look_up.append(item)
                else:
                    to_send.append(item)
            taken = [*to_send, *to_look_up]
            if taken:
                self._try.begin(session, now)
                self._write_sending(session, taken, known)
            begun = [self._begun(item, known.get(item.key)) for item in taken]
            append(session, self._actor, [*told, *begun])
        self._known_as |= {item.key: self._known_id(item, known) for item in taken}
        if getattr(self._target, "adopts", False):
            to_look_up += [item for item in to_send if item.key not in self._arrived]
            to_send = [item for item in to_send if item.key in self._arrived]
        return results, to_send, to_look_up

    def _known_id(self, item: _Item, known: Mapping[str, Delivery]) -> str | None:
        return self._linked.get(item.key) or (known[item.key].target_id if item.key in known else None)

    def _linked_ids(self, session: Session, keys: Sequence[str]) -> dict[str, str]:
        """The ids of what is not new, by record key: of what is merged, and of things that others linked before."""
        if self._matched is None:
            return {}
        return linked_ids(session, self._company, self._kind, self._entity, keys) | dict(self._merged)

    def _known(self, session: Session, keys: Sequence[str]) -> dict[str, Delivery]:
        rows = session.scalars(select(Delivery).where(Delivery.entity == self._entity, Delivery.record_key.in_(keys)))
        return {row.record_key: row for row in rows}

    def _later(self, session: Session, known: Mapping[str, Delivery]) -> dict[str, int]:
        """
        The records of which a newer change than ours was sent or tried, and its number.

        Numbers of two source entities do not tell which of their documents is the newer one.
        """
        pairs = {
            key: (number, row.change)
            for key, row in known.items()
            if (number := self._changes.get(key)) is not None and row.change is not None and number < row.change
        }
        numbers = {number for pair in pairs.values() for number in pair}
        logged = select(LoggedChange.number, LoggedChange.company, LoggedChange.entity)
        found = session.execute(logged.where(LoggedChange.number.in_(numbers))) if numbers else ()
        source = {number: (company, entity) for number, company, entity in found}
        return {key: newer for key, (older, newer) in pairs.items() if source.get(older) == source.get(newer)}

    def _locked(self, session: Session, keys: Sequence[str]) -> dict[str, Row[str, int | None, str | None]]:
        """What settling them asks of the same rows, nobody else's until the transaction ends."""
        rows = session.execute(
            select(Delivery.record_key, Delivery.fence, Delivery.reason)
            .where(Delivery.entity == self._entity, Delivery.record_key.in_(keys))
            .order_by(Delivery.id)
            .with_for_update()
        )
        return {row.record_key: row for row in rows}

    def _bound_leases(self, session: Session, rows: Sequence[Delivery], now: datetime) -> None:
        """
        End in time what a clock set back would keep for hours: nothing can be given for longer than from now.

        Who lives moves its lease on by its next heartbeat; a call under way is waited for as if it had just left.
        """
        if not rows:
            return
        ahead = now + _SAME_MOMENT
        fences = {row.fence for row in rows if row.fence is not None}
        tries = (DeliveryTry.number.in_(fences), DeliveryTry.heartbeat_at > ahead)
        session.execute(update(DeliveryTry).where(*tries).values(heartbeat_at=now, lease_until=now + self._lease))
        called = [row.id for row in rows if row.called_at is not None]
        if called:
            calls = (Delivery.id.in_(called), Delivery.called_at > ahead)
            session.execute(update(Delivery).where(*calls).values(called_at=now, settles_at=now + self._settle))

    def _take_over(self, session: Session, row: Delivery, now: datetime) -> bool:
        """Whether the record is ours now: nobody who lives holds it, and no call with it can be under way."""
        alive = exists().where(DeliveryTry.number == Delivery.fence, DeliveryTry.lease_until > now)
        taken: Any = session.execute(
            update(Delivery)
            .where(
                Delivery.id == row.id,
                Delivery.state == "sending",
                or_(Delivery.settles_at.is_(None), Delivery.settles_at <= now),
                ~alive,
            )
            .values(fence=self._try.begin(session, now))
            .execution_options(synchronize_session=False)
        )
        return bool(taken.rowcount)

    def _is_held(self, session: Session, row: Delivery, now: datetime) -> bool:
        """Whether a try that lives has the record."""
        lives = (DeliveryTry.number == row.fence, DeliveryTry.lease_until > now)
        return session.scalar(select(DeliveryTry.number).where(*lives)) is not None

    def _leased(self, session: Session, row: Delivery | None) -> TransientError:
        """What to raise for a record that this try may not send; None: it is not in our state any more."""
        fence, settles = (None, None) if row is None else (row.fence, row.settles_at)
        holder = None if fence is None else session.get(DeliveryTry, fence, populate_existing=True)
        now = database_now(session)
        leased = None if holder is None else holder.lease_until
        ends = max(each for each in (now, settles, leased) if each is not None)
        who = "no try any more" if holder is None else f"try {holder.number} of run {holder.run_id} ({holder.worker})"
        what = self._entity if row is None else f"{self._entity} {row.record_key}"
        return TransientError(
            LEASED,
            f"{what} is another's to deliver: {who}; a call may be under way until {ends:%H:%M:%S} UTC.",
            remedy="Wait: the retry takes over when that try is done, or gone and its call settled.",
            retry_after_seconds=max(1.0, (ends - now).total_seconds() + 1),
        )

    def _refuse_change(self, item: _Item, row: Delivery) -> Delivered:
        error = TargetConflict(
            "LB-DLV-002",
            f"{self._entity} {row.number or row.target_id} was delivered with other content and can't be changed.",
            record_key=item.key,
            field="content",
            value=row.number or row.target_id,
            remedy="Compare the two documents; correct the ledger by a document of its own (a credit, a reversal).",
        )
        return Delivered(item.key, "rejected", error)

    def _write_sending(self, session: Session, items: Sequence[_Item], known: dict[str, Delivery]) -> None:
        """An update keeps the content that arrived before, until its own has: whoever is killed between leaves that."""
        arrived = self._arrived & known.keys()
        headers = {
            item.key: known[item.key].canonical if item.key in arrived else plain(item.canonical) for item in items
        }
        rows = [
            {
                "flow": self._actor.flow,
                "leg": self._actor.leg,
                "entity": self._entity,
                "record_key": item.key,
                "chain_key": item.canonical.get("chain_key"),
                "state": "sending",
                "content_hash": known[item.key].content_hash if item.key in arrived else item.digest,
                "idempotency_key": item.document.idempotency_key,
                "target_id": self._known_id(item, known),
                "number": known[item.key].number if item.key in known else None,
                "canonical": headers[item.key],
                **money_of(headers[item.key]),
                "change": self._changes.get(item.key, known[item.key].change if item.key in known else None),
                "attempts": known[item.key].attempts + 1 if item.key in known else 1,
                "fence": self._try.number,
                "called_at": known[item.key].called_at if _was_called(known.get(item.key)) else None,
                "settles_at": known[item.key].settles_at if _was_called(known.get(item.key)) else None,
                "run_id": self._actor.run_id,
                "updated_at": datetime.now(UTC),
            }
            for item in items
        ]
        upsert(session, Delivery, rows, key=["entity", "record_key"])

    def _put_back(self, items: Sequence[_Item]) -> None:
        """Nothing was taken: the next try sends them without looking them up."""
        if not items:
            return
        with transaction(self._engine) as session:
            mine = self._mine([item.key for item in items])
            keys = set(session.scalars(select(Delivery.record_key).where(*mine)))
            session.execute(update(Delivery).where(*mine).values(state="not_sent", **_FREE))
            append(session, self._actor, [self._change("put-back", item) for item in items if item.key in keys])

    def _mine(self, keys: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
        """The rows of these records, as far as they are this try's."""
        return (
            Delivery.entity == self._entity,
            Delivery.record_key.in_(keys),
            Delivery.fence == self._try.number,
        )

    def _look_up(self, items: Sequence[_Item]) -> list[Delivered]:
        if not items:
            return []
        found = self._held([item.document for item in items])
        here = [item for item in items if item.key in found]
        outcomes = [self._adopted(item, found[item.key]) for item in here]
        return self._finish(here, outcomes, action="adopted")

    def _held(self, documents: Sequence[Document]) -> Mapping[str, Found | TargetConflict]:
        """What the target holds of the documents, by record key, and where a person is to say whether it does."""
        if self._matched is None:
            return self._target.find(documents)
        candidates = self._matched.matches(documents)
        held: dict[str, Found | TargetConflict] = {}
        for document in documents:
            decided = decide(
                document,
                candidates.get(document.record_key, ()),
                self._match,
                entity=self._entity,
                field=self._matched.number_field,
                overwrites=self._overwrites,
                refused=self._refused.get(document.record_key, ()),
            )
            if isinstance(decided, Candidate):
                self._matched_by[document.record_key] = decided.by
                held[document.record_key] = decided.found
            elif decided is not None:
                held[document.record_key] = decided
        return held

    def _adopted(self, item: _Item, found: Found | TargetConflict) -> Outcome:
        if isinstance(found, TargetConflict):
            return Outcome(item.key, error=found)
        if not found.differences:
            return Outcome(item.key, found.target_id, found.number, found.content, written=False)
        return Outcome(
            item.key,
            error=TargetConflict(
                "LB-DLV-003",
                f"{self._entity} {found.number} is there with other content: {'; '.join(found.differences)}.",
                record_key=item.key,
                field="content",
                value=found.number,
                remedy="Compare the two; mend the one that is wrong, then replay the record.",
            ),
        )

    def _finish(
        self, items: Sequence[_Item], outcomes: Sequence[Outcome], action: str = "delivered"
    ) -> list[Delivered]:
        by_key = {item.key: item for item in items}
        # one that may have arrived stays ``sending``: the next try looks it up
        settled = [each for each in outcomes if _is_settled(each)]
        busy = [each for each in outcomes if isinstance(each.error, RecordBusy) and _may_be_there(each)]
        never_left = [each for each in outcomes if not _is_settled(each) and not _may_be_there(each)]
        now = datetime.now(UTC)
        taken_over: TransientError | None = None
        with transaction(self._engine) as session:
            locked = self._locked(session, [each.record_key for each in settled])
            settled = self._link(session, settled, by_key)
            late = [each for each in settled if locked[each.record_key].fence != self._try.number]
            if late:
                rows = self._known(session, [each.record_key for each in late])
                taken_over = self._leased(session, rows[late[0].record_key])
                self._keep_late(session, late, rows, by_key)
                settled = [each for each in settled if each not in late]
            self._write_outcomes(session, settled, by_key, now)
            news = [
                each
                for each in settled
                if (reason := _ended(each).reason) is None or reason != locked[each.record_key].reason
            ]  # that one waits is told once, not in every pass
            append(
                session,
                self._actor,
                [self._change(_ended(each).action or action, by_key[each.record_key], each) for each in news],
            )
        self._put_back([by_key[each.record_key] for each in never_left])
        if taken_over is not None:
            raise taken_over
        return [
            Delivered(each.record_key, _ended(each).outcome, _with_key(each.error, each.record_key))
            for each in [*settled, *busy]
        ]

    def _keep_late(
        self, session: Session, late: Sequence[Outcome], rows: Mapping[str, Delivery], by_key: Mapping[str, _Item]
    ) -> None:
        """
        What the target answered to a try that had lost its records: told to the audit and to whoever holds them now.

        One that has not sent yet is thereby kept from it (``_grant``). One that has sent too made a double: it is
        named here, and by the reconciliation, which finds both documents under one record.
        """
        changes = []
        for outcome in late:
            row, item = rows[outcome.record_key], by_key[outcome.record_key]
            arrived = outcome.error is None and outcome.target_id is not None
            doubled = arrived and row.state == "delivered" and row.target_id != outcome.target_id
            if arrived and row.target_id is None:
                row.target_id, row.number = outcome.target_id, outcome.number
            if doubled:
                _log.error(
                    "%s %s stands twice in the target: %s and %s. Void one of the two.",
                    *(self._entity, item.key, row.number or row.target_id, outcome.number or outcome.target_id),
                )
            changes.append(self._change("doubled" if doubled else "late-answer", item, outcome))
        append(session, self._actor, changes)

    def _write_outcomes(
        self, session: Session, outcomes: Sequence[Outcome], by_key: Mapping[str, _Item], now: datetime
    ) -> None:
        changes: dict[str, dict[str, Any]] = {}
        for outcome in outcomes:
            ended = _ended(outcome)
            values = {"state": ended.state, "reason": ended.reason, "updated_at": now}
            values |= _FREE
            if outcome.error is None:
                values |= {"target_id": outcome.target_id, "number": outcome.number}
                if outcome.record_key in self._arrived:  # an update: its content takes the place of the one before
                    item = by_key[outcome.record_key]
                    values |= {"content_hash": item.digest, "canonical": plain(item.canonical)}
                    values |= money_of(item.canonical)
            changes[outcome.record_key] = values
        update_each(session, Delivery, changes, Delivery.entity == self._entity, key=Delivery.record_key)

    def _link(self, session: Session, outcomes: Sequence[Outcome], by_key: Mapping[str, _Item]) -> list[Outcome]:
        """The outcomes, their ids linked; a conflict instead where the id is another record's."""
        ends = [
            End(
                each.record_key,
                self._entity,
                each.target_id,
                each.number,
                WRITTEN if each.written else self._matched_by.get(each.record_key, "number"),
                self._seen(each),
                self._written(by_key[each.record_key]) if each.written else None,
            )
            for each in outcomes
            if each.target_id and not each.error
        ]
        conflicts = keep_ends(session, self._company, self._kind, ends, joins=self._matched is not None)
        return [
            Outcome(each.record_key, error=conflicts[each.record_key]) if each.record_key in conflicts else each
            for each in outcomes
        ]

    def _seen(self, outcome: Outcome) -> State | None:
        """What the target told; whole of what may be changed on both sides."""
        if not outcome.content:
            return None
        content = plain(outcome.content)
        return State(seen_hash(content), content if self._matched else None)

    def _written(self, item: _Item) -> State:
        return State(item.digest, document_text(item.document) if self._matched else None)

    def _begun(self, item: _Item, row: Delivery | None) -> Change:
        change = self._change("sending", item)
        before = {} if row is None else {"before": row.content_hash, "state": row.state}
        number = {"change": self._changes[item.key]} if item.key in self._changes else {}
        return replace(change, details={"mapping": self._made_by.get(item.key), **number, **before})

    def _superseded(self, item: _Item, later: int) -> Change:
        return replace(self._change("superseded", item), details={"change": self._changes[item.key], "later": later})

    def _change(self, action: str, item: _Item, outcome: Outcome | None = None) -> Change:
        details: dict[str, Any] = {"number": outcome.number, "target_id": outcome.target_id} if outcome else {}
        if outcome is not None and outcome.error is not None:
            details = {"code": outcome.error.code}
        elif outcome is not None and not outcome.written and item.key in self._matched_by:
            details["matched_by"] = self._matched_by[item.key]
        return Change(action, self._entity, item.key, item.canonical.get("chain_key"), item.digest, details)


class _Ended(NamedTuple):
    """What an outcome makes of a delivery, and what the audit calls it (nothing: as its caller does)."""

    state: str
    outcome: str
    action: str | None = None
    reason: str | None = None


_FREE: dict[str, Any] = {"fence": None, "called_at": None, "settles_at": None}
"""A delivery nobody holds and no call of which is open."""


def _left(held: TransientError) -> RecordBusy:
    """What a record waits for whose call nobody looks after any more."""
    return RecordBusy(
        held.code,
        held.message,
        remedy="None: a later run looks it up before it is sent, once no call can be under way.",
        retry_after_seconds=held.retry_after_seconds,
        outcome_unknown=True,
    )


def _was_called(row: Delivery | None) -> bool:
    return row is not None and row.state == "sending" and row.called_at is not None


def _may_be_there(outcome: Outcome) -> bool:
    return isinstance(outcome.error, TransientError) and outcome.error.outcome_unknown


def _is_settled(outcome: Outcome) -> bool:
    """Whether the target has said what becomes of the document, if only that it does not take it now."""
    if isinstance(outcome.error, RecordBusy):
        return not outcome.error.outcome_unknown
    return not isinstance(outcome.error, TransientError)


def _ended(outcome: Outcome) -> _Ended:
    match outcome.error:
        case None:
            return _Ended("delivered", "delivered")
        case RecordWaits() | RecordBusy() as error:
            return _Ended("not_sent", "waiting", "waits", error.reason)
        case _:
            return _Ended("rejected", "rejected", "refused")


def _with_key(error: LedgerbridgeError | None, key: str) -> LedgerbridgeError | None:
    if isinstance(error, RecordRejected) and not error.record_key:
        error.record_key = key
    return error
