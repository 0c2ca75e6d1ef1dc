"""One call budget over hooks, threads and processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from hooks.xero.budget import CallBudget, Limits
from ledgerbridge.errors import TransientError

HOLDER = """
import sys
from pathlib import Path
from hooks.xero.budget import CallBudget, Limits
with CallBudget(Path(sys.argv[1]), "t-1", Limits(calls_at_once=1)).call():
    print("holding", flush=True)
    sys.stdin.read()
"""


def budget(folder: Path, tenant: str = "t-1", **limits: int) -> CallBudget:
    return CallBudget(folder, tenant, Limits(**limits), patience_seconds=0.2)


def test_calls_in_progress_are_counted_over_budgets(tmp_path: Path) -> None:
    with (
        budget(tmp_path, calls_at_once=1).call(),
        pytest.raises(TransientError) as caught,
        budget(tmp_path, calls_at_once=1).call(),
    ):
        pass
    assert caught.value.code == "LB-XERO-008"
    with budget(tmp_path, calls_at_once=1).call():
        pass


def test_a_killed_process_gives_its_place_back(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": "plugins", "PATH": ""},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"holding\n"
    with pytest.raises(TransientError), budget(tmp_path, calls_at_once=1).call():
        pass
    holder.kill()
    holder.communicate()
    with budget(tmp_path, calls_at_once=1).call():
        pass


def test_a_minute_is_shared_and_says_when_it_goes_on(tmp_path: Path) -> None:
    for _ in range(2):
        with budget(tmp_path, calls_per_minute=2).call():
            pass
    with pytest.raises(TransientError) as caught, budget(tmp_path, calls_per_minute=2).call():
        pass
    assert caught.value.retry_after_seconds == pytest.approx(60, abs=5)


def test_a_slow_call_is_counted_for_a_minute_after_its_answer(tmp_path: Path) -> None:
    """Xero's minute begins at 4 s: a call made at 0 s arrives in it at 5 s, so that a third one at 61 s is too many."""
    with time_machine.travel(datetime(2026, 3, 2, 14, tzinfo=UTC), tick=False) as clock:
        with budget(tmp_path, calls_per_minute=2).call():
            clock.shift(5.4)
        with budget(tmp_path, calls_per_minute=2).call():
            clock.shift(0.1)
        clock.shift(55.5)
        with pytest.raises(TransientError) as caught, budget(tmp_path, calls_per_minute=2).call():
            pass
        assert caught.value.retry_after_seconds == pytest.approx(4.5, abs=0.2)
        clock.shift(caught.value.retry_after_seconds)
        with budget(tmp_path, calls_per_minute=2).call():
            pass


def test_a_call_that_failed_is_counted_for_a_minute_after_it_ended(tmp_path: Path) -> None:
    with time_machine.travel(datetime(2026, 3, 2, 14, tzinfo=UTC), tick=False) as clock:
        with suppress(ConnectionResetError), budget(tmp_path, calls_per_minute=1).call():
            clock.shift(20)
            raise ConnectionResetError
        clock.shift(50)
        with pytest.raises(TransientError) as caught, budget(tmp_path, calls_per_minute=1).call():
            pass
        assert caught.value.retry_after_seconds == pytest.approx(10, abs=0.2)


def test_a_call_that_waits_for_its_minute_holds_no_place(tmp_path: Path) -> None:
    with budget(tmp_path, calls_per_minute=1).call():
        pass
    waiting = HOLDER.replace("Limits(calls_at_once=1)", "Limits(1, calls_at_once=1)")
    waiter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            waiting.replace("with CallBudget", 'print("waits", flush=True)\nwith CallBudget'),
            tmp_path,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": "plugins", "PATH": ""},
    )
    assert waiter.stdout is not None
    assert waiter.stdout.readline() == b"waits\n"
    for _ in range(5):  # a minute of more calls, in the same places
        with CallBudget(tmp_path, "t-1", Limits(calls_at_once=1), patience_seconds=5).call():
            pass
    waiter.kill()
    waiter.communicate()


def an_hour_ahead(folder: Path, code: str) -> None:
    """Run code on a budget while the machine's clock is an hour ahead; then it is set back."""
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("no faketime: apt-get install faketime")
    begin = "import sys\nfrom pathlib import Path\nfrom hooks.xero.budget import CallBudget, Limits\n"
    made = 'budget = CallBudget(Path(sys.argv[1]), "t-1", Limits(calls_per_minute=2), patience_seconds=60)\n'
    subprocess.run([faketime, "-f", "+1h", sys.executable, "-c", begin + made + code, folder], check=True)


def test_a_clock_set_back_by_an_hour_keeps_nobody_from_calling(tmp_path: Path) -> None:
    an_hour_ahead(tmp_path, "for _ in range(2):\n    with budget.call():\n        pass\n")
    for _ in range(2):
        with budget(tmp_path, calls_per_minute=2).call():
            pass
    with pytest.raises(TransientError) as caught, budget(tmp_path, calls_per_minute=2).call():
        pass
    assert caught.value.retry_after_seconds == pytest.approx(60, abs=5)


def test_a_pause_is_not_longer_for_a_clock_that_is_set_back(tmp_path: Path) -> None:
    an_hour_ahead(tmp_path, "budget.pause(30)\n")
    for _ in range(2):
        with pytest.raises(TransientError) as caught, budget(tmp_path).call():
            pass
        assert caught.value.retry_after_seconds == pytest.approx(30, abs=5)


def test_tenants_have_budgets_of_their_own(tmp_path: Path) -> None:
    with budget(tmp_path, calls_per_day=1).call(), budget(tmp_path, "t-2", calls_per_day=1).call():
        pass


def test_a_pause_holds_everybody(tmp_path: Path) -> None:
    with pytest.raises(TransientError) as told:
        budget(tmp_path).pause(30)
    with pytest.raises(TransientError) as caught, budget(tmp_path).call():
        pass
    assert told.value.retry_after_seconds == 30
    assert caught.value.retry_after_seconds == pytest.approx(30, abs=5)
