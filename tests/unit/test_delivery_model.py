"""
The delivery protocol under every interleaving that hypothesis finds: the real Deliverer, one document, a target that
takes it twice.

Tries are threads that go on step by step: they may stand still at any gate for any time, die there, be begun side by
side; the target books a call at any moment up to the time a call may take, whatever became of its caller; the state
database's clock may be set back; the state may be restored from a backup while nothing is under way. A clock of the
database that jumps forward while a call is under way is outside our hands (docs/explanation/why-it-cannot-double.md).

Where the target takes updates, tries come with an older and a newer version: the older never goes over the newer.
"""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from threading import Semaphore, Thread, current_thread
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from memory_ledger import document
from sqlalchemy import Engine, event

from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Deliverer
from ledgerbridge.entities import Document, Found, Outcome
from ledgerbridge.errors import TransientError
from ledgerbridge.going_out import carrying, going_out
from ledgerbridge.state import connect, transaction
from tests.migrated_state import kept_open, migrated

CALL, LEASE, SETTLE = timedelta(seconds=120), timedelta(seconds=60), timedelta(seconds=20)
MOST_TRIES_AT_ONCE = 3
NAME = "A"
GATES = ("looking", "looked", "sending", "marked", "on the wire")
"""Where a try may stand still, in this order."""
LATE_GATES = ("looked", "marked", "on the wire", "on the wire")
"""Drawn more often: what goes wrong goes wrong there."""
THE_END = "the end"


class Killed(BaseException):
    """`kill -9`: no clause tidies up, for the database is out of reach too."""


@dataclass
class Call:
    """One request on its way: booked by the target at any time until it is ``CALL`` old."""

    left_at: float
    version: int
    booked: bool = False


class WorkingTry(Thread):
    """A try that goes from gate to gate when it is told to, with that version of the document."""

    def __init__(self, world: DeliveryProtocol, number: int, version: int) -> None:
        super().__init__(daemon=True)
        self.world = world
        self.at = "begin"
        self.killed = self.over = False
        self._go, self._there = Semaphore(0), Semaphore(0)
        self._engine = world.engine.execution_options()  # for events of its own
        event.listen(self._engine, "begin", lambda _: self._live(), insert=True)
        actor = Actor("order_to_cash", "fee", f"run-{number}", "load")
        self.version = version
        self._document = document(NAME, f"{version}.00")
        self._deliverer = Deliverer(
            self._engine,
            actor,
            "gp.gl_transaction",
            world.ledger(self),
            settle=SETTLE,
            lease=LEASE,
            changes={self._document.record_key: version},
        )
        self.start()
        self._there.acquire()

    def run(self) -> None:
        try:
            self.gate("begin")
            self._deliverer.deliver([self._document], {})
        except (Killed, TransientError):
            pass
        finally:
            self.over = True
            self._there.release()

    def gate(self, name: str) -> None:
        """Stand still until told to go on."""
        self.at = name
        self._there.release()
        self._go.acquire()
        self._live()

    def step(self) -> None:
        """Go on to the next gate, or to the end."""
        self._go.release()
        self._there.acquire()

    def kill(self) -> None:
        self.killed = True
        self.step()

    def heartbeat(self) -> None:
        with transaction(self.world.engine) as session:
            self._deliverer._try.lives(session, self.world.date)

    def seconds(self) -> float:
        """The kernel's seconds, as asked for a leave before and after the mark is committed."""
        if self.at == "asking":
            self.gate("marked")
        else:
            self.at = "asking"
        return self.world.seconds

    def _live(self) -> None:
        if self.killed:
            raise Killed


class SteppedLedger:
    """What a try sees of the target."""

    max_batch = 1
    adopts = True
    asks_before_each_call = True
    call_seconds = CALL.total_seconds()

    def __init__(self, working: WorkingTry) -> None:
        self._working = working
        self._world = working.world

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        self._working.gate("looking")
        held = {each.record_key: Found("id-A", NAME, {}) for each in documents if self.holds()}
        self._working.gate("looked")
        return held

    def holds(self) -> bool:
        """Whether it has the document, so that it need not be sent."""
        return self._world.booked > 0

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        self._working.gate("sending")
        with carrying(documents), going_out():
            call = Call(self._world.seconds, self._working.version)
            self._world.calls.append(call)
            self._working.gate("on the wire")
        if not call.booked:
            raise TransientError("LB-TEST-003", "No answer came.", outcome_unknown=True)
        return [Outcome(each.record_key, "id-A", NAME) for each in documents]


class UpdatedLedger(SteppedLedger):
    """One that takes a newer version in place of the one it has, and an older one as well."""

    updatable = True

    def holds(self) -> bool:
        return self._world.content == self._working.version


class DeliveryProtocol(RuleBasedStateMachine):
    """What may happen, in any order."""

    ledger = SteppedLedger
    versions: tuple[int, ...] = (1,)
    disturbances = ("heartbeat", "clock", "backup", "restore")

    def __init__(self) -> None:
        super().__init__()
        self.engine, self.folder = _emptied()
        self.seconds = 1000.0
        self.date = datetime(2026, 3, 2, 12, tzinfo=UTC)
        self.calls: list[Call] = []
        self.booked = self.content = self.newest = 0
        self.tries: list[WorkingTry] = []
        self._begun = 0
        self._meanwhile = ExitStack()
        self._meanwhile.enter_context(kept_open(self.engine))
        for name, value in {
            "deliver.database_now": lambda _: self.date,
            "lease.database_now": lambda _: self.date,
            "leave.database_now": lambda _: self.date,
            "leave.seconds_since_start": self._asked,
        }.items():
            self._meanwhile.enter_context(patch(f"ledgerbridge.delivery.{name}", value))

    @property
    def living(self) -> list[WorkingTry]:
        return [each for each in self.tries if not each.over]

    def _asked(self) -> float:
        working = current_thread()
        assert isinstance(working, WorkingTry)
        return working.seconds()

    @initialize()
    def keep_an_empty_backup(self) -> None:
        self._back_up()

    @precondition(lambda self: len(self.living) < MOST_TRIES_AT_ONCE)
    @rule(data=st.data(), gate=st.sampled_from([*GATES, THE_END, *LATE_GATES]))
    def begin_any_try(self, data: st.DataObject, gate: str) -> None:
        self.begin_a_try(gate, data.draw(st.sampled_from(self.versions)))

    def begin_a_try(self, gate: str, version: int = 1) -> None:
        self._begun += 1
        self.newest = max(self.newest, version)
        self.tries.append(WorkingTry(self, self._begun, version))
        self.go_on_with(self.tries[-1], gate)

    @precondition(lambda self: self.living)
    @rule(data=st.data(), gate=st.sampled_from([*GATES, THE_END]))
    def go_on(self, data: st.DataObject, gate: str) -> None:
        self.go_on_with(data.draw(st.sampled_from(self.living)), gate)

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def kill_a_try(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.living)).kill()

    @rule(seconds=st.sampled_from([4, 21, 61, 126]))
    def let_time_pass(self, seconds: int) -> None:
        self.seconds += seconds
        self.date += timedelta(seconds=seconds)
        for call in self.calls:
            if self.seconds - call.left_at >= CALL.total_seconds():
                self._book(call)

    @precondition(lambda self: any(not call.booked for call in self.calls))
    @rule(data=st.data())
    def book_a_call(self, data: st.DataObject) -> None:
        self._book(data.draw(st.sampled_from([call for call in self.calls if not call.booked])))

    @rule(data=st.data())
    def disturb(self, data: st.DataObject) -> None:
        what = data.draw(st.sampled_from(self.disturbances))
        if what == "heartbeat" and self.living:
            data.draw(st.sampled_from(self.living)).heartbeat()
        elif what == "clock":
            self.date -= timedelta(seconds=data.draw(st.sampled_from([1, 3600])))
        elif what == "backup":
            self._back_up()
        elif what == "restore":
            self._restore()

    @invariant()
    def what_stands_is_right(self) -> None:
        assert self.booked <= 1

    def teardown(self) -> None:
        try:
            for each in self.living:
                each.kill()
            self.date += timedelta(hours=30)  # beyond whatever was set back
            self.let_time_pass(400)
            for _ in range(3):
                self.begin_a_try("on the wire", max(1, self.newest))
                self.book_all()
                if self.living:
                    self.go_on_with(self.tries[-1], THE_END)
                self.let_time_pass(400)
            self.what_stands_is_right()
            assert (self.booked, self.content) == (1, self.newest)
        finally:
            self._meanwhile.close()

    def go_on_with(self, working: WorkingTry, gate: str) -> None:
        working.step()
        while not working.over and working.at != gate:
            working.step()

    def _restore(self) -> None:
        """Whoever restores has stopped the workers, and takes as long as their calls may."""
        for each in self.living:
            each.kill()
        self.let_time_pass(126)
        with sqlite3.connect(self.folder / "backup.db") as backup, sqlite3.connect(self.folder / "state.db") as state:
            backup.backup(state)

    def book_all(self) -> None:
        for call in self.calls:
            self._book(call)

    def _book(self, call: Call) -> None:
        if not call.booked:
            self.booked += 1
            self.content = call.version
        call.booked = True

    def _back_up(self) -> None:
        with sqlite3.connect(self.folder / "state.db") as state, sqlite3.connect(self.folder / "backup.db") as backup:
            state.backup(backup)


class VersionProtocol(DeliveryProtocol):
    """
    The same with two versions, and a target that takes either in place of the other.

    A state that is restored has forgotten what it sent: what is older is not to be seen from it.
    """

    ledger = UpdatedLedger
    versions = (1, 2)
    disturbances = ("heartbeat", "clock")

    @invariant()
    def what_stands_is_right(self) -> None:
        """As the target books a call (``_book``)."""

    def _book(self, call: Call) -> None:
        assert call.booked or call.version >= self.content, "an older version went over a newer one"
        self.content = call.version if not call.booked else self.content
        self.booked, call.booked = 1, True


def _emptied() -> tuple[Engine, Path]:
    """A state database with its tables and nothing in them, and its folder: where another world had its own."""
    engine, folder = _state()
    for name in ("state.db", "state.db-wal", "state.db-shm", "backup.db"):
        (folder / name).unlink(missing_ok=True)
    return migrated(engine), folder


@cache
def _state() -> tuple[Engine, Path]:
    """One engine for all worlds: SQLAlchemy keeps with it how it says each statement."""
    folder = Path(tempfile.mkdtemp(prefix="protocol-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return connect(f"sqlite:///{folder / 'state.db'}", company="main"), folder


@pytest.mark.parametrize("dies", [False, True], ids=["stands still", "dies"])
@pytest.mark.parametrize("gate", GATES)
def test_two_tries_at_any_two_gates_with_any_wait_between_leave_one_document(gate: str, dies: bool) -> None:
    """Every schedule of two tries, the first of which stands still or dies at a gate, and of the target's booking."""
    for seconds, second_gate, books in product((61, 187), (*GATES, THE_END), ("early", "late", "last")):
        with closing(_Schedule()) as world:
            world.begin_a_try(gate)
            first = world.tries[0]
            if dies:
                first.kill()
            world.let_time_pass(seconds)
            if books == "early":
                world.book_all()
            world.begin_a_try(second_gate)
            if books == "late":
                world.book_all()
            if not first.over:
                world.go_on_with(first, THE_END)
            if not world.tries[1].over:
                world.go_on_with(world.tries[1], THE_END)
            world.what_stands_is_right()


@pytest.mark.parametrize("versions", [(1, 2), (2, 1)], ids=["older first", "newer first"])
@pytest.mark.parametrize("gate", GATES)
def test_two_versions_at_any_gate_leave_the_newer_one(gate: str, versions: tuple[int, int]) -> None:
    """Every schedule of two tries, the first of which stands still at a gate, and of the target's booking."""
    for seconds, second_gate, books in product((61, 187), ("on the wire", THE_END), ("early", "late", "last")):
        with closing(_VersionSchedule()) as world:
            world.begin_a_try(gate, versions[0])
            world.let_time_pass(seconds)
            if books == "early":
                world.book_all()
            world.begin_a_try(second_gate, versions[1])
            if books == "late":
                world.book_all()
            for each in world.living:
                world.go_on_with(each, THE_END)


class _Schedule(DeliveryProtocol):
    """The same world, played by a test."""

    def close(self) -> None:
        self.teardown()


class _VersionSchedule(VersionProtocol):
    """The same world, played by a test."""

    def close(self) -> None:
        self.teardown()


TestDeliveryProtocol: Any = DeliveryProtocol.TestCase
TestDeliveryProtocol.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestVersionProtocol: Any = VersionProtocol.TestCase
TestVersionProtocol.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
