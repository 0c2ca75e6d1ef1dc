"""Twenty orders through the live scheduler: both ledgers hold what they must, and a rerun changes neither."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from rich.console import Console
from sqlalchemy import Engine

from demo.airflow_api import AirflowApi
from demo.airflow_home import USER
from demo.books import KEPT_BY_GP_ALONE, LEDGERS, read_result, roles_that_differ
from demo.passes import FlowRunner, deliveries_sent
from demo.report import print_report
from demo.stack import STAGES, Stack
from ledgerbridge.state import connect
from sandbox.orders import make_orders
from sandbox.player import Player
from tests.browsing import BUILT, Person, chromium
from tests.flows.conftest import VIEWER
from tests.flows.console_journeys import auditor_takes_the_evidence, operator_mends_the_letter, token_of


@dataclass
class PlayedRun:
    """A file that was played to its end, and everything that took part."""

    file: dict[str, Any]
    runner: FlowRunner
    player: Player
    state: Engine
    closing_run: str
    result: dict[str, Any]


@pytest.fixture(scope="module")
def played(stack: Stack, sandboxes: Player, live_airflow: AirflowApi) -> Iterator[PlayedRun]:
    file = make_orders(20)
    state = connect(stack.airflow.state_url)
    runner = FlowRunner(live_airflow, sandboxes, state, Console(file=io.StringIO()), STAGES)
    closing_run = runner.play(file)
    yield PlayedRun(file, runner, sandboxes, state, closing_run, read_result(file, sandboxes, state))
    state.dispose()


def test_every_order_has_the_outcome_and_documents_it_must(played: PlayedRun) -> None:
    for case in played.file["cases"]:
        order, expected = played.result["orders"][case["order"]["name"]], case["expect"]
        assert order["outcome"] == expected["outcome"], case["id"]
        for kind in ("gp_invoices", "xero_invoices"):
            assert [_figures(i) for i in order[kind]] == [_figures(i) for i in expected.get(kind, [])], case["id"]


def test_books_of_both_ledgers_are_those_expected(played: PlayedRun) -> None:
    for ledger in LEDGERS:
        balances = {role: Decimal(amount) for role, amount in played.result["books"][ledger].items()}
        kept = {role: amount for role, amount in balances.items() if amount and role not in KEPT_BY_GP_ALONE}
        assert kept == {role: Decimal(amount) for role, amount in played.file["books"].items()}, ledger
    assert roles_that_differ(played.result) == []


def test_rejected_order_names_the_item_and_what_to_do(played: PlayedRun) -> None:
    rejected = [order for order in played.result["orders"].values() if order["outcome"] == "rejected"]
    assert rejected
    for order in rejected:
        letter = order["dead_letters"][0]
        assert (letter["field"], letter["value"]) == ("sku", "NO-SUCH-SKU")
        assert letter["remedy"]


def test_last_reconciliation_agrees_with_only_explained_differences(played: PlayedRun) -> None:
    verdict = played.runner.reconciliation(played.closing_run)
    assert verdict is not None
    assert verdict["agree"] is True
    assert [difference for difference in verdict["differences"] if not difference["explained"]] == []


def test_report_shows_every_step_with_its_documents(played: PlayedRun) -> None:
    console = Console(file=io.StringIO(), width=200)
    verdict = played.runner.reconciliation(played.closing_run)
    print_report(console, played.file, played.result, played.state, verdict)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for row in ("orders placed in the shop", "sales orders in GP", "invoices in Xero", "receipts applied in GP"):
        assert row in shown
    assert "NO-SUCH-SKU" in shown
    assert "differs" not in shown


def test_rerun_of_every_task_leaves_both_ledgers_as_they_were(played: PlayedRun, live_airflow: AirflowApi) -> None:
    before = {system: played.player.ledger(system) for system in LEDGERS}
    runs = live_airflow.runs(STAGES[0])
    busiest = max(runs, key=lambda run_id: deliveries_sent(played.state, run_id))
    assert deliveries_sent(played.state, busiest) > 0
    for stage, run_id in [*((stage, busiest) for stage in STAGES), (STAGES[-1], played.closing_run)]:
        live_airflow.clear(stage, run_id)
        assert played.runner.wait(stage, run_id) == "success"
    first = runs[0]  # of the first orders: a small batch, for which only the leg's extract was started
    live_airflow.clear_leg(STAGES[0], first, "order.transform")
    assert played.runner.wait(STAGES[0], first) == "success"
    states = {task.task_id: task.state for task in live_airflow.tasks(STAGES[0], first)}
    assert {states[f"order.{step}"] for step in ("extract", "transform", "gate", "load")} == {"success"}
    assert {system: played.player.ledger(system) for system in LEDGERS} == before
    assert played.player.open_batches() == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    if not BUILT.exists():
        pytest.skip("the console is not built: make console")
    with chromium() as browser:
        yield browser


def test_an_auditor_finds_the_way_of_an_order_from_its_invoice_and_takes_the_evidence_without_values(
    played: PlayedRun, stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    case = next(
        each for each in played.file["cases"] if played.result["orders"][each["order"]["name"]]["xero_invoices"]
    )
    order = case["order"]
    [invoice, *_] = played.result["orders"][order["name"]]["xero_invoices"]
    values = (
        order["customer"]["email"],
        order["customer"]["last_name"],
        order["customer"]["address"]["line1"],
        order["total"],
    )
    auditor = Person(browser, stack.airflow.url, token_of(stack.airflow, VIEWER))
    auditor_takes_the_evidence(auditor, invoice["number"], order["name"], values, tmp_path)


def test_an_operator_mends_a_letter_and_watches_its_document_arrive_and_no_other(
    played: PlayedRun, stack: Stack, browser: Browser, live_airflow: AirflowApi
) -> None:
    [name] = [name for name, each in played.result["orders"].items() if each["outcome"] == "rejected"]
    operator_mends_the_letter(Person(browser, stack.airflow.url, token_of(stack.airflow, USER)), name, "MUG-12")
    assert read_result(played.file, played.player, played.state)["orders"][name]["outcome"] == "ordered"
    run_id = live_airflow.runs(STAGES[0])[-1]
    assert played.runner.wait(STAGES[0], run_id) == "success"
    assert deliveries_sent(played.state, run_id) == 1


def _figures(invoice: dict[str, Any]) -> dict[str, Any]:
    """Amounts as numbers, lines in any order, without the ledger's own number."""
    return {
        name: sorted(map(Decimal, value)) if isinstance(value, list) else Decimal(value)
        for name, value in invoice.items()
        if name != "number"
    }
