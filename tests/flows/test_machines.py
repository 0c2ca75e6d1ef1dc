"""Order to cash as on several machines, one of which dies in the middle and another is cut off: nothing is lost."""

from __future__ import annotations

import io
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from rich.console import Console

from demo.airflow_home import CHECKOUT, USER
from demo.books import LEDGERS, read_result, roles_that_differ
from demo.machines import EDGE, WORKERS, Machines, machines, missing
from demo.passes import FlowRunner
from demo.ports import free_port
from demo.stack import STAGES, start_sandboxes
from ledgerbridge.state import connect
from sandbox.orders import UNKNOWN_ITEM, make_orders
from sandbox.places import SYSTEMS
from sandbox.player import STEPS, OrderFile, Player, opening_of
from tests.browsing import BUILT, Person, chromium
from tests.flows.conftest import VIEWER
from tests.flows.console_journeys import auditor_takes_the_evidence, operator_mends_the_letter, token_of

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

CUT_SECONDS = 60
USERS = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin,{VIEWER}:viewer"}


class Trouble:
    """
    What befalls the machines while the flow runs, each when a task runs there; ``had`` says what did.

    A Celery worker dies with the task; then nothing gets to GP's network and back for a minute.
    """

    def __init__(self, on: Machines) -> None:
        self.had: list[str] = []
        self._on = on
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._strike)

    def __enter__(self) -> Trouble:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _strike(self) -> None:
        if killed := self._with_a_task(WORKERS):
            self._on.kill(killed)
            self.had.append("killed")
        if self._with_a_task((EDGE,)):
            with self._on.gp_cut_off():
                self._over.wait(CUT_SECONDS)
            self.had.append("cut off")

    def _with_a_task(self, names: tuple[str, ...]) -> str | None:
        """The first of these workers that runs one; None when all is over."""
        while not self._over.is_set():
            for name in names:
                if any("airflow worker -- " in each for each in self._titles(name)):
                    return name
            time.sleep(0.02)
        return None

    def _titles(self, name: str) -> Iterator[str]:
        for each in psutil.Process(self._on.stack.services.process(name).pid).children(recursive=True):
            try:
                yield " ".join(each.cmdline())
            except psutil.NoSuchProcess:  # it ended meanwhile
                continue


@pytest.fixture(scope="module")
def file() -> OrderFile:
    return make_orders(4)


@pytest.fixture(scope="module")
def office(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, file: OrderFile
) -> Iterator[tuple[Machines, FlowRunner]]:
    if not request.config.getoption("--machines"):
        pytest.skip("minutes for one test: say --machines")
    folder: Path = tmp_path_factory.mktemp("machines")
    ports = {system: free_port() for system in SYSTEMS}
    common: dict[str, Any] = {
        "home": folder / "airflow",
        "airflow_port": free_port(),
        "sandbox_ports": ports,
        "extra": USERS,
    }
    with machines(folder, file["company"], **common) as all_of_them, Player(all_of_them.stack.addresses) as player:
        stack = all_of_them.stack
        stack.start_airflow()
        start_sandboxes(stack.services, ports, folder / "sandbox")
        player.seed(file["company"], opening_of(file))
        api = stack.wait_for_airflow()
        yield (
            all_of_them,
            FlowRunner(api, player, connect(stack.airflow.state_url), Console(file=io.StringIO()), STAGES),
        )
        api.close()


def _answers_its_health_check(on: Machines, check: list[str]) -> bool:
    """Whether the health check of a container passes, asked beside the workers."""
    kind, *command = check
    assert kind == "CMD"
    done = subprocess.run(command, env=on.stack.airflow.environment, cwd=CHECKOUT, capture_output=True, check=False)
    return done.returncode == 0


def test_the_health_checks_of_the_compose_file_are_answered_by_the_workers_alone_that_they_name(
    office: tuple[Machines, FlowRunner],
) -> None:
    all_of_them, _ = office
    services = yaml.safe_load((CHECKOUT / "docker-compose.yaml").read_text())["services"]
    for name in WORKERS:
        check: list[str] = services[name]["healthcheck"]["test"]
        all_of_them.stack.services.wait_until(
            lambda check=check: _answers_its_health_check(all_of_them, check),  # type: ignore[misc]
            what=name,
            timeout_seconds=180,
        )
        nobody = [word.replace(name, "celery-worker-3") for word in check]
        assert not _answers_its_health_check(all_of_them, nobody)


def test_nothing_is_lost_and_nothing_is_twice_when_a_worker_dies_and_gp_is_cut_off_for_a_minute(
    office: tuple[Machines, FlowRunner], file: OrderFile
) -> None:
    all_of_them, runner = office
    with Trouble(all_of_them) as trouble:
        for step in STEPS:
            if runner.player.play(file, step):
                runner.run_once()
                runner.player.post()
        runner.drain()
        closing_run = runner.run_once(close=True)
    assert trouble.had == ["killed", "cut off"]
    result = read_result(file, runner.player, runner.state)
    for case in file["cases"]:
        order, expected = result["orders"][case["order"]["name"]], case["expect"]
        assert order["outcome"] == expected["outcome"], case["id"]
        for kind in ("gp_invoices", "xero_invoices"):
            assert len(order[kind]) == len(expected.get(kind, [])), case["id"]
    for ledger in LEDGERS:
        booked = {role: Decimal(amount) for role, amount in result["books"][ledger].items()}
        assert {role: booked[role] for role in file["books"]} == _amounts(file["books"]), ledger
    assert roles_that_differ(result) == []
    verdict = runner.reconciliation(closing_run)
    assert verdict is not None
    assert verdict["agree"] is True


@pytest.mark.skipif(not BUILT.exists(), reason="the console is not built: make console")
def test_an_auditor_and_an_operator_do_their_work_on_the_machines(
    office: tuple[Machines, FlowRunner], file: OrderFile, tmp_path: Path
) -> None:
    all_of_them, runner = office
    home = all_of_them.stack.airflow
    opening = datetime.fromisoformat(runner.player.clock()["shopify"])
    late = make_orders(1, seed=9001, first_number=9001, opening=opening)
    late["cases"][0]["order"]["lines"][0]["sku"] = UNKNOWN_ITEM
    runner.player.play(late, 1)
    runner.run_once()
    invoices = {
        name: each["xero_invoices"] for name, each in read_result(file, runner.player, runner.state)["orders"].items()
    }
    order = next(each["order"] for each in file["cases"] if invoices[each["order"]["name"]])
    customer, [invoice, *_] = order["customer"], invoices[order["name"]]
    values = (customer["email"], customer["last_name"], customer["address"]["line1"], order["total"])
    with chromium() as browser:
        auditor = Person(browser, home.url, token_of(home, VIEWER))
        auditor_takes_the_evidence(auditor, invoice["number"], order["name"], values, tmp_path)
        operator_mends_the_letter(Person(browser, home.url, token_of(home, USER)), "#9001", "MUG-12")


def _amounts(books: dict[str, Any]) -> dict[str, Decimal]:
    return {role: Decimal(amount) for role, amount in books.items()}
