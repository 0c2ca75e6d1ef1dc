"""
Delivering a batch: each document once, whatever happened before (docs/explanation/why-it-cannot-double.md).

Before a call the deliveries stand as ``sending``, committed; after it they stand as delivered or rejected. What is
found ``sending`` was interrupted: it is looked up in the target by its natural key, then adopted or sent again.

The steps of a delivery are told to the logger ``ledgerbridge.delivery.steps``: a test can kill a worker at each.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, or_, select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.delivery.content import content_hash, plain
from ledgerbridge.delivery.lease import LEASE, KeepAlive, new_holder, process_is_gone
from ledgerbridge.entities import Document, Found, Outcome, Target
from ledgerbridge.errors import LedgerbridgeError, RecordRejected, RecordWaits, TargetConflict, TransientError
from ledgerbridge.state.database import serialise, transaction
from ledgerbridge.state.models import CrossReference, Delivery
from ledgerbridge.state.upsert import in_chunks, update_each, upsert

__all__ = ["LEASED", "SETTLE", "STEPS", "Delivered", "Deliverer"]

LEASED = "LB-DLV-001"
"""Code of the error that says another worker holds a record."""

SETTLE = timedelta(seconds=20)
"""
How long after a broken call the target is given to end what it may have begun.

A look-up that comes too early finds nothing, and the document is sent again while the first is still being booked. A
target that takes longer is stopped by its own uniqueness only: GP's and Xero's numbers, Xero's idempotency keys.
"""
STEPS = ("written sending", "looked up", "answered", "written outcome")
"""What a delivery goes through, in this order; between any two a worker may die."""

_log = logging.getLogger(__name__)
_steps = logging.getLogger("ledgerbridge.delivery.steps")


@dataclass(frozen=True)
class Delivered:
    """What became of one document: ``delivered``, ``unchanged``, or with its error ``rejected`` or ``waiting``."""

    record_key: str
    outcome: str
    error: LedgerbridgeError | None = None


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

    :param entity: target entity, e.g. ``gp.sales_order``.
    :param target: writes and finds them.
    :param settle: see ``SETTLE``.
    :param made_by: version of the mapping that made a document, by record key; for the audit.
    """

    def __init__(
        self,
        engine: Engine,
        actor: Actor,
        entity: str,
        target: Target,
        *,
        settle: timedelta = SETTLE,
        made_by: Mapping[str, str | None] | None = None,
    ) -> None:
        self._engine = engine
        self._actor = actor
        self._entity = entity
        self._target = target
        self._settle = settle
        self._made_by = made_by or {}
        self._owner = new_holder()
        self._held_by_others: TransientError | None = None
        self._arrived: set[str] = set()

    def deliver(self, documents: Sequence[Document], canonical: dict[str, dict[str, Any]]) -> list[Delivered]:
        """
        Deliver ``documents``; ``canonical`` is each one's canonical header, kept with its delivery.

        :raises TransientError: the target can't answer, or another worker holds a record (the others are delivered);
            what was not sent yet stays to be sent, what may have been sent is looked up by the next try.
        :raises ConfigurationError: as the target raises it.
        """
        items = [
            _Item(each, content_hash(each.header, each.parts), canonical.get(each.record_key, {})) for each in documents
        ]
        results: list[Delivered] = []
        for chunk in in_chunks(items, self._target.max_batch):
            results += self._deliver_chunk(list(chunk))
        if self._held_by_others is not None:
            raise self._held_by_others
        return results

    def _deliver_chunk(self, items: list[_Item]) -> list[Delivered]:
        results, to_send, to_look_up = self._begin(items)
        if not to_send and not to_look_up:
            return results
        self._step("written sending")
        with KeepAlive(lambda: self._renew([*to_send, *to_look_up]), self._not_renewed):
            try:
                return results + self._settle_all(to_send, to_look_up)
            except Exception:
                self._let_settle([*to_send, *to_look_up])
                raise

    def _settle_all(self, to_send: list[_Item], to_look_up: list[_Item]) -> list[Delivered]:
        results = self._look_up(to_look_up)
        self._step("looked up")
        settled = {result.record_key for result in results}
        to_send = [*to_send, *(item for item in to_look_up if item.key not in settled)]
        if not to_send:
            return results
        self._check_leases(to_send)
        try:
            outcomes = self._target.send([item.document for item in to_send])
        except TransientError as error:
            if not error.outcome_unknown:
                self._put_back(to_send)
            raise
        self._step("answered")
        results += self._finish(to_send, outcomes)
        self._step("written outcome")
        unsettled = next((each.error for each in outcomes if isinstance(each.error, TransientError)), None)
        if unsettled is not None:
            raise unsettled
        return results

    def _step(self, name: str) -> None:
        _steps.debug("step=%s entity=%s", name, self._entity, extra={"step": name, "entity": self._entity})

    def _renew(self, items: Sequence[_Item]) -> None:
        self._set_lease(items, datetime.now(UTC) + LEASE)

    def _let_settle(self, items: Sequence[_Item]) -> None:
        """Nothing is under way here any more: others need to wait only until the target has ended what it began."""
        try:
            self._set_lease(items, datetime.now(UTC) + self._settle)
        except Exception as error:  # the one that ended the block counts
            self._not_renewed(error)

    def _not_renewed(self, error: Exception) -> None:
        _log.warning("the leases of %s could not be written: %s", self._entity, type(error).__name__)

    def _set_lease(self, items: Sequence[_Item], until: datetime) -> None:
        with transaction(self._engine) as session:
            session.execute(update(Delivery).where(*self._mine([item.key for item in items])).values(lease_until=until))

    def _check_leases(self, items: Sequence[_Item]) -> None:
        """A worker that was stopped for longer than its lease must not send what another has taken over."""
        with transaction(self._engine) as session:
            known = self._known(session, [item.key for item in items])
        for item in items:
            row = known[item.key]
            if row.lease_owner != self._owner:
                raise self._leased(row)

    def _begin(self, items: list[_Item]) -> tuple[list[Delivered], list[_Item], list[_Item]]:
        """Write what will be sent as ``sending`` and commit; tell what needs no sending and what was interrupted."""
        results: list[Delivered] = []
        to_send: list[_Item] = []
        to_look_up: list[_Item] = []
        refused: list[Change] = []
        now = datetime.now(UTC)
        with transaction(self._engine) as session:
            # two runs that both find no row of a record would both send it
            serialise(session, f"delivery {self._entity}")
            known = self._known(session, [item.key for item in items])
            self._arrived = {key for key, row in known.items() if row.target_id}
            for item in items:
                row = known.get(item.key)
                if row is not None and row.state == "delivered" and row.content_hash == item.digest:
                    results.append(Delivered(item.key, "unchanged"))
                elif row is not None and row.state == "delivered" and not getattr(self._target, "updatable", False):
                    results.append(self._refuse_change(item, row))
                    refused.append(self._change("change-refused", item))
                elif row is not None and row.state == "sending":
                    if self._take_over(session, row, now):
                        to_look_up.append(item)
                    else:
                        self._held_by_others = self._leased(row)
                else:
                    to_send.append(item)
            self._write_sending(session, [*to_send, *to_look_up], known, now)
            begun = [self._begun(item, known.get(item.key)) for item in [*to_send, *to_look_up]]
            append(session, self._actor, [*refused, *begun])
        if getattr(self._target, "adopts", False):
            to_look_up += [item for item in to_send if item.key not in self._arrived]
            to_send = [item for item in to_send if item.key in self._arrived]
        return results, to_send, to_look_up

    def _known(self, session: Session, keys: Sequence[str]) -> dict[str, Delivery]:
        rows = session.scalars(select(Delivery).where(Delivery.entity == self._entity, Delivery.record_key.in_(keys)))
        return {row.record_key: row for row in rows}

    def _take_over(self, session: Session, row: Delivery, now: datetime) -> bool:
        free = [Delivery.lease_until.is_(None), Delivery.lease_until < now]
        if row.lease_owner and process_is_gone(row.lease_owner) and row.updated_at < now - self._settle:
            free.append(Delivery.lease_owner == row.lease_owner)
        taken: Any = session.execute(
            update(Delivery)
            .where(Delivery.id == row.id, or_(*free))
            .values(lease_owner=self._owner, lease_until=now + LEASE)
            .execution_options(synchronize_session=False)
        )
        return bool(taken.rowcount)

    def _leased(self, row: Delivery) -> TransientError:
        now = datetime.now(UTC)
        if row.lease_owner and process_is_gone(row.lease_owner):
            ends = row.updated_at + self._settle
        else:
            ends = row.lease_until or now
        return TransientError(
            LEASED,
            f"{self._entity} {row.record_key} is being delivered by run {row.run_id} ({row.lease_owner}).",
            remedy="Wait: the retry takes over when that task is done or its lease ends.",
            retry_after_seconds=min(60.0, max(1.0, (ends - now).total_seconds() + 1)),
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

    def _write_sending(
        self, session: Session, items: Sequence[_Item], known: dict[str, Delivery], now: datetime
    ) -> None:
        """An update keeps the content that arrived before, until its own has: whoever is killed between leaves that."""
        rows = [
            {
                "flow": self._actor.flow,
                "leg": self._actor.leg,
                "entity": self._entity,
                "record_key": item.key,
                "chain_key": item.canonical.get("chain_key"),
                "state": "sending",
                "content_hash": known[item.key].content_hash if item.key in self._arrived else item.digest,
                "idempotency_key": item.document.idempotency_key,
                "target_id": known[item.key].target_id if item.key in known else None,
                "number": known[item.key].number if item.key in known else None,
                "canonical": known[item.key].canonical if item.key in self._arrived else plain(item.canonical),
                "attempts": known[item.key].attempts + 1 if item.key in known else 1,
                "lease_owner": self._owner,
                "lease_until": now + LEASE,
                "run_id": self._actor.run_id,
                "updated_at": now,
            }
            for item in items
        ]
        upsert(session, Delivery, rows, key=["entity", "record_key"])

    def _put_back(self, items: Sequence[_Item]) -> None:
        """Nothing was taken: the next try sends them without looking them up."""
        with transaction(self._engine) as session:
            mine = self._mine([item.key for item in items])
            session.execute(update(Delivery).where(*mine).values(state="not_sent", lease_owner=None, lease_until=None))
            append(session, self._actor, [self._change("put-back", item) for item in items])

    def _mine(self, keys: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
        """The rows of these records, as far as this worker holds their lease."""
        return (
            Delivery.entity == self._entity,
            Delivery.record_key.in_(keys),
            Delivery.lease_owner == self._owner,
        )

    def _look_up(self, items: Sequence[_Item]) -> list[Delivered]:
        if not items:
            return []
        found = self._target.find([item.document for item in items])
        here = [item for item in items if item.key in found]
        outcomes = [self._adopted(item, found[item.key]) for item in here]
        return self._finish(here, outcomes, action="adopted")

    def _adopted(self, item: _Item, found: Found) -> Outcome:
        if not found.differences:
            return Outcome(item.key, found.target_id, found.number, found.content)
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
        # one with a transient error stays ``sending``: the next try looks it up
        settled = [outcome for outcome in outcomes if not isinstance(outcome.error, TransientError)]
        now = datetime.now(UTC)
        with transaction(self._engine) as session:
            waited = {key: row.reason for key, row in self._held(session, settled).items()}
            self._write_outcomes(session, settled, by_key, now)
            upsert(
                session,
                CrossReference,
                self._references(settled, now),
                key=["entity", "target_id", "record_key"],
                keep=["created_at"],
            )
            news = [
                each for each in settled if (reason := _ended(each).reason) is None or reason != waited[each.record_key]
            ]  # that one waits is told once, not in every pass
            append(
                session,
                self._actor,
                [self._change(_ended(each).action or action, by_key[each.record_key], each) for each in news],
            )
        return [
            Delivered(each.record_key, _ended(each).outcome, _with_key(each.error, each.record_key)) for each in settled
        ]

    def _held(self, session: Session, outcomes: Sequence[Outcome]) -> dict[str, Delivery]:
        """
        The rows of these outcomes, locked.

        :raises TransientError: another worker has taken one over. Nothing of this answer is kept then: the retry finds
            out what stands in the target.
        """
        keys = [each.record_key for each in outcomes]
        rows = session.scalars(
            select(Delivery)
            .where(Delivery.entity == self._entity, Delivery.record_key.in_(keys))
            .order_by(Delivery.id)
            .with_for_update()
        )
        known = {row.record_key: row for row in rows}
        lost = next((row for row in known.values() if row.lease_owner != self._owner), None)
        if lost is not None:
            raise self._leased(lost)
        return known

    def _write_outcomes(
        self, session: Session, outcomes: Sequence[Outcome], by_key: Mapping[str, _Item], now: datetime
    ) -> None:
        changes: dict[str, dict[str, Any]] = {}
        for outcome in outcomes:
            ended = _ended(outcome)
            values = {"state": ended.state, "reason": ended.reason, "updated_at": now}
            values |= {"lease_owner": None, "lease_until": None}
            if outcome.error is None:
                values |= {"target_id": outcome.target_id, "number": outcome.number}
                if outcome.record_key in self._arrived:  # an update: its content takes the place of the one before
                    item = by_key[outcome.record_key]
                    values |= {"content_hash": item.digest, "canonical": plain(item.canonical)}
            changes[outcome.record_key] = values
        update_each(session, Delivery, changes, Delivery.entity == self._entity, key=Delivery.record_key)

    def _references(self, outcomes: Sequence[Outcome], now: datetime) -> list[dict[str, Any]]:
        return [
            {
                "entity": self._entity,
                "target_id": outcome.target_id,
                "number": outcome.number,
                "record_key": outcome.record_key,
                "created_at": now,
            }
            for outcome in outcomes
            if outcome.target_id and not outcome.error
        ]

    def _begun(self, item: _Item, row: Delivery | None) -> Change:
        change = self._change("sending", item)
        before = {} if row is None else {"before": row.content_hash, "state": row.state}
        return replace(change, details={"mapping": self._made_by.get(item.key), **before})

    def _change(self, action: str, item: _Item, outcome: Outcome | None = None) -> Change:
        details: dict[str, Any] = {"number": outcome.number, "target_id": outcome.target_id} if outcome else {}
        if outcome is not None and outcome.error is not None:
            details = {"code": outcome.error.code}
        return Change(action, self._entity, item.key, item.canonical.get("chain_key"), item.digest, details)


class _Ended(NamedTuple):
    """What an outcome makes of a delivery, and what the audit calls it (nothing: as its caller does)."""

    state: str
    outcome: str
    action: str | None = None
    reason: str | None = None


def _ended(outcome: Outcome) -> _Ended:
    match outcome.error:
        case None:
            return _Ended("delivered", "delivered")
        case RecordWaits() as error:
            return _Ended("not_sent", "waiting", "waits", error.reason)
        case _:
            return _Ended("rejected", "rejected", "refused")


def _with_key(error: LedgerbridgeError | None, key: str) -> LedgerbridgeError | None:
    if isinstance(error, RecordRejected) and not error.record_key:
        error.record_key = key
    return error
