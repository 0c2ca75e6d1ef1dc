"""Workers whose clocks are an hour off, ahead or behind: what they lease or pause ends when it should."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import FIRST_PAUSE, pause_of, take_probe
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import Circuit
from ledgerbridge.state.tokens import TokenStore

OFF = ["-1h", "+1h"]
LEASE = """
from ledgerbridge.state.tokens import TokenStore
assert TokenStore(engine).lease("xero", "lost worker", 0.5)
"""
FAILURES = """
from ledgerbridge.audit import Actor
from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import call_failed
for _ in range(3):
    with transaction(engine) as session:
        call_failed(session, Actor("f", "l", "r", "t"), "gp", "LB-GP-001 GP was not reached")
"""
PROBE = """
from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import take_probe
with transaction(engine) as session:
    assert take_probe(session, "gp")
"""


def on_another_machine(engine: Engine, off: str, code: str) -> None:
    """Run code in a process whose clock is off, and let it die."""
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("no faketime: apt-get install faketime")
    begin = "import sys\nfrom ledgerbridge.state import connect\nengine = connect(sys.argv[1])\n"
    url = engine.url.render_as_string(hide_password=False)
    subprocess.run([faketime, "-f", off, sys.executable, "-c", begin + code, url], check=True)


def within_seconds(store: TokenStore, seconds: float) -> bool:
    """Whether another owner gets the lease in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if store.lease("xero", "other worker", 30):
            return True
        time.sleep(0.05)
    return False


def test_a_first_statement_that_takes_its_time_moves_no_clock(state_db: Engine) -> None:
    event.listen(state_db, "before_cursor_execute", lambda *_: time.sleep(1), once=True)
    with transaction(state_db) as session:
        first = database_now(session)
    told = time.monotonic()
    with transaction(state_db) as session:
        passed = database_now(session) - first
    assert passed < timedelta(seconds=time.monotonic() - told + 0.5)


@pytest.mark.parametrize("off", OFF)
def test_the_lease_of_a_worker_that_died_ends_whatever_its_clock_said(state_db: Engine, off: str) -> None:
    on_another_machine(state_db, off, LEASE)
    assert within_seconds(TokenStore(state_db), 20)


@pytest.mark.parametrize("off", OFF)
def test_a_worker_whose_clock_is_off_does_not_take_a_lease_that_is_held(state_db: Engine, off: str) -> None:
    assert TokenStore(state_db).lease("xero", "holder", 600)
    with pytest.raises(subprocess.CalledProcessError):
        on_another_machine(state_db, off, LEASE)


@pytest.mark.parametrize("off", OFF)
def test_a_pause_is_as_long_as_it_should_be_whoever_began_it(state_db: Engine, off: str) -> None:
    on_another_machine(state_db, off, FAILURES)
    with transaction(state_db) as session:
        pause, now = pause_of(session, "gp"), database_now(session)
    assert pause is not None
    assert now < pause.until <= now + FIRST_PAUSE


@pytest.mark.parametrize("off", OFF)
def test_a_probe_that_died_is_followed_by_another_in_minutes(state_db: Engine, off: str) -> None:
    on_another_machine(state_db, off, FAILURES)
    with transaction(state_db) as session:
        row = session.get_one(Circuit, "gp")
        row.paused_until = database_now(session)
    on_another_machine(state_db, off, PROBE)
    with transaction(state_db) as session:
        now = database_now(session)
        assert not take_probe(session, "gp")
        assert take_probe(session, "gp", now=now + timedelta(minutes=3))
