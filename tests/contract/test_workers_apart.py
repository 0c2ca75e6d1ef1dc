"""
Workers on machines of their own, with clocks, process tables and names of their own, that die, freeze and go on.

Real hooks, the real Deliverer, a simulated GP and Xero that take these documents twice; each must stand there once.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.sdk.crypto import get_fernet
from sqlalchemy import Engine, func, make_url, select, text, update

from hooks.gp.econnect.hook import GPEConnectHook
from hooks.xero.hook import XeroHook
from ledgerbridge.errors import TransientError
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.models import Delivery
from sandbox.gp.app import create_app as create_gp
from sandbox.xero.app import create_app as create_xero
from tests.contract import one_worker
from tests.contract.gp_company import COMPANY
from tests.contract.served_app import serve
from tests.contract.xero_connection import FERNET_KEY
from tests.contract.xero_office import COMPANY as XERO_COMPANY
from tests.machines import Machine, Worker

_STAT = Path("/proc/stat")
PATIENCE = 120
"""Seconds that something may take to happen on a loaded machine."""
CALL_SECONDS = 10
"""How long a connection lets a call take."""
NAMES = [f"LBF{number:02}" for number in range(12)]
GP, XERO = "gp.gl_transaction", "xero.bank_transaction"
BEGUN_WITH = (one_worker.__name__, "zeep", "lxml.etree", "alembic", "authlib.integrations.requests_client")
UNIQUE_NOWHERE = ("xero.bank_transaction", "xero.bank_transfer", "xero.manual_journal", GP)


class Machines:
    """The machines of this module, each as it was left: those of one command are one."""

    def __init__(self) -> None:
        self._on: dict[tuple[str, ...], Machine] = {}

    def __call__(self, *under: str) -> Machine:
        """The machine under a command; a new one where the worker of a test that failed goes on."""
        if (found := self._on.get(under)) and not found.is_free():
            found.switch_off()
            found = None
        machine = found or Machine(*BEGUN_WITH, under=under, environment=os.environ)
        self._on[under] = machine
        return machine

    def switch_off(self) -> None:
        """All of them."""
        for each in self._on.values():
            each.switch_off()


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    opened = Machines()
    yield opened
    opened.switch_off()


@dataclass
class Site:
    """Both ledgers, a state database, and the workers between them."""

    gp: str
    xero: str
    tenant: str
    environment: dict[str, str]
    machines: Machines

    def deliver(self, entity: str, run_id: str, names: Sequence[str] = NAMES, *, on: Machine | None = None) -> None:
        """As Airflow does: again when the worker said so, until it ends well; in this process unless ``on`` another."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            seconds = (
                one_worker.attempt(entity, run_id, names)
                if on is None
                else self._start(on, "attempt", entity, run_id, names).returned
            )
            if seconds is None:
                return
            time.sleep(min(seconds, 15))
        raise AssertionError("not delivered within two minutes")

    def begin(
        self, entity: str, run_id: str, names: Sequence[str], began: Callable[[], bool], *, on: Machine | None = None
    ) -> Worker:
        """A worker that has ``begun``: again where a busy machine let its very first call time out."""
        machine = on or self.machines()
        worker = self._start(machine, "attempt", entity, run_id, names)

        def has_begun() -> bool:
            nonlocal worker
            if worker.has_ended() and worker.returned is not None:
                worker = self._start(machine, "attempt", entity, run_id, names)
            return began()

        _wait(has_begun)
        return worker

    def overlap(
        self,
        entity: str,
        first: Sequence[str],
        second: Sequence[str],
        began: Callable[[], bool],
        *,
        one_on: Machine | None = None,
        other_on: Machine,
    ) -> None:
        """Two workers side by side; the second begins once ``began``, and is tried again until it is done."""
        gate = Path(self.environment["AIRFLOW__LEDGERBRIDGE__STATE_FOLDER"]) / "gate"
        other = self._start(other_on, "attempt_behind", str(gate), entity, "run-2", second)
        _wait(Path(f"{gate}.ready").exists)
        one = self.begin(entity, "run-1", first, began, on=one_on)
        gate.touch()
        if other.returned is not None:
            self.deliver(entity, "run-2", second, on=other_on)
        one.wait()
        self.deliver(entity, "run-3", sorted({*first, *second}))

    def _start(self, machine: Machine, call: str, *arguments: Any) -> Worker:
        return machine.start(f"{one_worker.__name__}:{call}", *arguments, environment=self.environment)

    def standing(self, entity: str, names: Sequence[str] = NAMES) -> Counter[str]:
        """How often each of the names stands in its ledger."""
        if entity == GP:
            reader = GPEConnectHook("gp_test").site().reader
            held = reader.by_keys("GL_Work_Trans", "REFRENCE", list(names), key=("JRNENTRY",))
            numbers = [each["REFRENCE"] for each in held]
        else:
            collection, reference = COLLECTIONS[entity]
            held = XeroHook("xero_test").get(collection)[collection]
            numbers = [each[reference] for each in held if each.get("Status") not in ("VOIDED", "DELETED")]
        return Counter(number for number in numbers if number in names)

    def slow_down(self, seconds: float) -> None:
        """Both ledgers take their time for each request that writes, then book it."""
        fault = {"kind": "slow", "seconds": seconds, "times": None}
        _ask(f"{self.gp}/_sandbox/faults", {**fault, "contains": "CreateTransactionEntity"})
        _ask(f"{self.xero}/_sandbox/faults", {**fault, "method": "PUT"})


COLLECTIONS = {
    "xero.bank_transaction": ("BankTransactions", "Reference"),
    "xero.bank_transfer": ("BankTransfers", "Reference"),
    "xero.manual_journal": ("ManualJournals", "Narration"),
}
EACH_ONCE = Counter(NAMES)


@pytest.fixture
def site(state_db: Engine, machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with serve(create_gp(tmp_path / "gp")) as gp, serve(create_xero(tmp_path / "xero")) as xero:
        seed = {"company": COMPANY, "company_id": "HLS", "login": "econnect", "password": "wool-store-7"}
        _ask(f"{gp}/_sandbox/seed", seed)
        seed = {"company": XERO_COMPANY, "client_id": "app", "client_secret": "pa55-phrase"}
        tenant = _ask(f"{xero}/_sandbox/seed", seed)["tenant_id"]
        environment = {
            **os.environ,
            **_connections(gp, xero, tenant),
            **_state(state_db),
            "AIRFLOW__LEDGERBRIDGE__STATE_FOLDER": str(tmp_path),
            "AIRFLOW__CORE__FERNET_KEY": FERNET_KEY,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        get_fernet.cache_clear()
        yield Site(gp, xero, tenant, environment, machines)


def test_a_load_killed_in_the_middle_of_slow_calls_doubles_nothing(site: Site, state_db: Engine) -> None:
    """Issue 16, 1: the calls it had just begun are booked after it is gone."""
    site.slow_down(2)
    worker = site.begin(GP, "run-1", NAMES, lambda: _called(state_db) > 0)
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL
    site.deliver(GP, "run-1")
    assert site.standing(GP) == EACH_ONCE


def test_a_living_worker_is_not_taken_for_dead_when_the_clock_is_stepped(
    site: Site, state_db: Engine, tmp_path: Path
) -> None:
    """Issue 16, 2: NTP steps the machine's clock, and with it the times at which it and its processes began."""
    site.slow_down(2)
    stepped = site.machines(*_stepped(tmp_path), *_faketime("FAKETIME=+1s"))
    site.overlap(GP, NAMES, NAMES, lambda: _called(state_db) > 0, other_on=stepped)
    assert site.standing(GP) == EACH_ONCE


def test_two_workers_of_one_name_and_process_number_keep_out_of_each_other_s_way(site: Site, state_db: Engine) -> None:
    """Issue 16, 3: containers, each with process table and host name of its own, here the same."""
    one, other = (Machine(*BEGUN_WITH, under=_namespaces(), environment=os.environ) for _ in range(2))
    site.slow_down(2)
    try:
        site.overlap(GP, NAMES, NAMES, lambda: _called(state_db) > 0, one_on=one, other_on=other)
    finally:
        one.switch_off()
        other.switch_off()
    assert site.standing(GP) == EACH_ONCE


def test_a_worker_frozen_for_longer_than_its_lease_sends_no_more_than_what_was_on_the_wire(
    site: Site, state_db: Engine
) -> None:
    """Issue 16, 4."""
    site.slow_down(0.5)
    frozen = site.begin(GP, "run-1", NAMES, lambda: _called(state_db) > 0)
    _freeze_between_transactions(frozen, state_db)
    site.deliver(GP, "run-1")
    os.kill(frozen.pid, signal.SIGCONT)
    frozen.wait()
    assert site.standing(GP) == EACH_ONCE


@pytest.mark.parametrize(("ahead", "entity"), [("+330s", GP), ("+330s", XERO), ("-1h", GP)])
def test_a_worker_whose_clock_is_wrong_takes_nothing_from_one_that_lives(
    site: Site, state_db: Engine, ahead: str, entity: str
) -> None:
    """Issue 16, 4: and the batches of the two overlap."""
    site.slow_down(2)
    other = site.machines(*_faketime(f"FAKETIME={ahead}"))
    names = NAMES if entity == GP else NAMES[:4]
    site.overlap(entity, names[:-1], names[1:], lambda: _called(state_db) > 0, other_on=other)
    assert site.standing(entity, names) == Counter(names)


@pytest.mark.parametrize("entity", UNIQUE_NOWHERE)
def test_a_state_that_forgot_what_it_sent_looks_before_it_sends(
    site: Site, entity: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 16, 5: last night's backup is restored; Xero's idempotency keys are over."""
    names = NAMES[:4]
    _ask(f"{site.xero}/_sandbox/settings", {"idempotency_seconds": 1}, "PUT")
    site.deliver(entity, "run-1", names)
    time.sleep(1.5)  # the keys are over, see above
    monkeypatch.setenv(*_state(_another_state(request, tmp_path)).popitem())
    site.deliver(entity, "run-2", names)
    assert site.standing(entity, names) == Counter(names)


def _another_state(request: pytest.FixtureRequest, folder: Path) -> Engine:
    kind = request.node.callspec.params["state_db_kind"]
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'restored.db'}"
    else:
        url = request.getfixturevalue("postgres_cluster").new_database()
    engine = connect(url, company="main")
    migrate(engine)
    return engine


def _state(engine: Engine) -> dict[str, str]:
    url = engine.url.render_as_string(hide_password=False)
    return {"AIRFLOW_CONN_LEDGERBRIDGE_DB": json.dumps({"conn_type": "generic", "extra": {"url": url}})}


def _connections(gp: str, xero: str, tenant: str) -> dict[str, str]:
    host, port = gp.removeprefix("http://").split(":")
    ours: dict[str, dict[str, Any]] = {
        "GP_TEST": {
            "conn_type": GPEConnectHook.conn_type,
            "host": host,
            "port": int(port),
            "schema": "http",
            "login": "econnect",
            "password": "wool-store-7",
            "extra": {"company": "HLS", "timeout_seconds": CALL_SECONDS},
        },
        "XERO_TEST": {
            "conn_type": "xero",
            "host": xero,
            "login": "app",
            "password": "pa55-phrase",
            "extra": {
                "identity_url": f"{xero}/identity",
                "tenant_id": tenant,
                "scopes": "accounting.transactions accounting.settings accounting.contacts",
                "timeout": CALL_SECONDS,
            },
        },
    }
    return {f"AIRFLOW_CONN_{name}": json.dumps(connection) for name, connection in ours.items()}


def _ask(url: str, body: dict[str, Any], method: str = "POST") -> Any:
    answer = requests.request(method, url, json=body, timeout=30)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def _called(engine: Engine) -> int:
    with transaction(engine) as session:
        return session.scalar(select(func.count()).where(Delivery.called_at.is_not(None))) or 0


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline, f"nothing happened within {PATIENCE} s"
        time.sleep(0.02)


def _freeze_between_transactions(worker: Worker, engine: Engine) -> None:
    """SQLite takes no lock away from a process that stands still (PostgreSQL does, after 30 s)."""
    url = make_url(str(engine.url)).update_query_dict({"timeout": "1"} if engine.dialect.name == "sqlite" else {})
    impatient = connect(url.render_as_string(hide_password=False))
    while True:
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            with transaction(impatient) as session:
                session.execute(
                    text("SET LOCAL lock_timeout = '1s'" if engine.dialect.name == "postgresql" else "SELECT 1")
                )
                session.execute(update(Delivery).values(attempts=Delivery.attempts))
            return
        except TransientError:
            os.kill(worker.pid, signal.SIGCONT)
            time.sleep(0.05)


def _faketime(*settings: str) -> list[str]:
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if library is None:
        pytest.skip("no libfaketime in /usr/lib: apt-get install faketime")
    return ["env", f"LD_PRELOAD={library}", "FAKETIME_DONT_FAKE_MONOTONIC=1", *settings]


def _namespaces() -> list[str]:
    command = _unshared("--pid", "--uts", "--fork", "--kill-child", "--mount-proc")
    return [*command, "sh", "-c", 'hostname worker; exec "$@"', "worker"]


def _stepped(folder: Path) -> list[str]:
    """The machine as after a step of its clock by one second: the kernel tells another time of its start."""
    stat = folder / "stat"
    stat.write_text(re.sub(r"(?m)^btime (\d+)", lambda found: f"btime {int(found[1]) + 1}", _STAT.read_text()))
    return [*_unshared("--mount"), "sh", "-c", f'mount --bind {stat} {_STAT}; exec "$@"', "stepped"]


def _unshared(*options: str) -> list[str]:
    command = ["unshare", *options]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("the kernel gives this user no name spaces of its own")
    return command
