"""Passes run on the live scheduler, failures and delays reach people, and nothing is left behind."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from airflow.sdk.crypto import get_fernet
from rich.console import Console
from sqlalchemy import select

from commands.main import main
from demo.airflow_api import AirflowApi, ImportFailed
from demo.airflow_home import CHECKOUT, USER
from demo.passes import FlowRunner, PassFailed
from demo.ports import free_port
from demo.postgres_cluster import PostgresCluster, postgres_binaries
from demo.stack import Stack
from hooks.shopify.hook import ShopifyHook
from hooks.xero.hook import XeroHook
from ledgerbridge.drafts.bundle import files_in
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.models import BackfillRow, LoggedChange, SignOff
from ledgerbridge.state.signing import Signer, new_key
from sandbox.orders import harbor_light_supply, make_orders
from sandbox.player import Player, opening_of
from tests.contract.webhook_receiver import Receiver, receiving
from tests.flows.conftest import VIEWER
from tests.flows.entries import EntryDesk, day_of
from tests.two_environments import MAPPING, dev_and_prod

DAG_FILE = """
from airflow.sdk import dag, get_current_context, task

@dag(schedule=None, params={"close": False})
def small_flow():
    @task
    def read():
        return 20

    @task
    def check(count):
        if get_current_context()["params"]["close"]:
            raise ValueError(f"{count} differences: receivables 190.08 in GP, 190.07 in Xero")

    check(read())

small_flow()
"""
MASTER_DATA = """
'''The Airflow DAGs of master data, of a flow file that is ours.'''
from pathlib import Path
from operators.builder import build_flow

globals().update(build_flow("master_data", Path({include!r})))
"""
ORDER_TO_CASH = MASTER_DATA.replace("master data", "order to cash").replace("master_data", "order_to_cash")
GENERAL_LEDGER = MASTER_DATA.replace("master data", "the general ledger").replace("master_data", "general_ledger")
CLOSE = """
'''The Airflow DAG that closes a month, over flow files that are ours.'''
from pathlib import Path
from operators.close import build_close

dag = build_close(Path({include!r}))
"""
SIGNERS = {"anna": "Anna Archer", "ben": "Ben Quay"}
ALERTING = """
description: Customers of a shop that cannot be reached.
owner: finance
retries: {retries}
retry_seconds: 300
alerts: {alerts}
stages:
  customers:
    legs:
      customer:
        from: shopify.order
        conform: shopify_order_to_customer
        map: customer_to_gp_customer
        gate: gp_customer
        to: gp.customer
"""
ALERTING_FLOWS = {
    "failing": ALERTING.format(retries=0, alerts="{to: team}"),
    # its first task waits 150 s at least before it is tried again: longer than the deadline
    "late": ALERTING.format(retries=1, alerts="{to: team, deadline_minutes: 1}"),
}
CUSTOMERS = "master_data.customers"
ITEMS = "master_data.items"
POLLED = "{events: true, poll: {gp: {least_seconds: 5, most_seconds: 10}}}"
ENTRIES = "general_ledger.entries"
BILLS = "procure_to_pay.bills"
PURCHASE_ORDERS = "procure_to_pay.purchase_orders"
WITH_SETTINGS = """
import os

os.environ |= {settings}

"""
"""Before the text of a DAG file: settings of an environment of its own, for the tasks of that DAG alone."""
GP_ORDER = 2
SUBSCRIBE = """mutation Subscribe($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri}) { userErrors { message } }
}"""
ORDERS = "order_to_cash.orders"
ON_POSTGRES = pytest.mark.skipif(
    postgres_binaries() is None,
    reason="no PostgreSQL in /usr/lib/postgresql: on SQLite an Airflow backfill may find it locked",
)
DEV_KEY = new_key()
DEV = Signer(DEV_KEY)
BY_HAND = "customers_by_hand"
BROKEN_DAG_FILE = """
from airflow.sdk import dag
raise ValueError("include/flows/broken_flow.yaml:3:9 leg `invoice`: unknown key `gates`")
"""


@pytest.fixture(scope="module")
def company() -> dict[str, Any]:
    """A company whose months two people sign."""
    return harbor_light_supply() | {"close": {"signatures": 2, "signers": SIGNERS}}


@pytest.fixture(scope="module")
def airflow_db() -> Iterator[str | None]:
    """Airflow's database as in production, where a PostgreSQL can be had."""
    if (binaries := postgres_binaries()) is None:
        yield None
        return
    cluster = PostgresCluster(binaries, port=free_port())
    yield cluster.new_database(over_tcp=True)
    cluster.stop()


@pytest.fixture(scope="module")
def dags_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dags")
    (folder / "small_flow.py").write_text(DAG_FILE)
    (folder / "broken_flow.py").write_text(BROKEN_DAG_FILE)
    include = folder / "include"
    shutil.copytree(CHECKOUT / "include", include)
    flow = include / "flows" / "master_data.yaml"
    text = flow.read_text().replace("policies: {", "policies: {city: ask, ", 1)
    flow.write_text(text.replace("  items:\n", f"  items:\n    schedule: {POLLED}\n", 1))
    (folder / "master_data.py").write_text(MASTER_DATA.format(include=str(include)))
    flow = include / "flows" / "order_to_cash.yaml"
    text = flow.read_text().replace("  orders:\n", "  orders:\n    schedule: {events: true}\n", 1)
    flow.write_text(text.replace("owner:", "alerts: {to: books}\nowner:", 1))
    (folder / "order_to_cash.py").write_text(ORDER_TO_CASH.format(include=str(include)))
    (folder / "period_close.py").write_text(CLOSE.format(include=str(include)))
    flow = include / "flows" / "general_ledger.yaml"
    flow.write_text(flow.read_text().replace("owner:", "closed_periods: ask\nowner:", 1))
    (folder / "general_ledger.py").write_text(GENERAL_LEDGER.format(include=str(include)))
    for name in ("procure_to_pay.py", "backfill.py"):
        shutil.copy(CHECKOUT / "dags" / name, folder)
    for name, text in ALERTING_FLOWS.items():
        (include / "flows" / f"{name}.yaml").write_text(text)
        (folder / f"{name}.py").write_text(ORDER_TO_CASH.format(include=str(include)).replace("order_to_cash", name))
    _, prod = dev_and_prod(folder)
    of_prod = {
        "AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER": str(prod),
        "AIRFLOW__LEDGERBRIDGE__BUNDLE_KEYS": DEV.public.known[0],
    }
    of_files = {"AIRFLOW__LEDGERBRIDGE__ATTACHMENTS_URL": (folder / "files").as_uri()}
    for name, of_its_own in (("promote.py", of_prod), ("attachments.py", of_files)):
        text = (CHECKOUT / "dags" / name).read_text()
        (folder / name).write_text(WITH_SETTINGS.format(settings=of_its_own) + text)
    (folder / "customers_by_hand.py").write_text(code_of("docs/how-to/write-a-dag-by-hand.md"))
    return folder


def code_of(page: str) -> str:
    """The Python of a page of the docs."""
    (code,) = re.findall(r"^```python\n(.*?)^```", (CHECKOUT / page).read_text(), re.MULTILINE | re.DOTALL)
    return str(code)


@pytest.fixture(scope="module")
def dag_id() -> str:
    return "small_flow"


@pytest.fixture
def runner(stack: Stack, live_airflow: AirflowApi) -> FlowRunner:
    console = Console(file=io.StringIO())
    return FlowRunner(live_airflow, Player(stack.addresses), connect(stack.airflow.state_url), console, ["small_flow"])


def test_pass_runs_to_its_end_on_the_live_scheduler(runner: FlowRunner, live_airflow: AirflowApi) -> None:
    run_id = runner.run_once()
    assert live_airflow.state("small_flow", run_id) == "success"
    assert {task.state for task in live_airflow.tasks("small_flow", run_id)} == {"success"}


def test_cleared_run_does_every_task_again(runner: FlowRunner, live_airflow: AirflowApi) -> None:
    run_id = runner.run_once()
    live_airflow.clear("small_flow", run_id)
    assert runner.wait("small_flow", run_id) == "success"
    assert {task.try_number for task in live_airflow.tasks("small_flow", run_id)} == {2}
    assert live_airflow.runs("small_flow")[-1] == run_id


def test_failed_pass_names_the_task_and_its_last_lines(runner: FlowRunner) -> None:
    with pytest.raises(PassFailed, match=r"task check, try 1:(.|\n)*ValueError: 20 differences: receivables 190.08"):
        runner.run_once(close=True)


def test_scheduler_has_the_heavy_libraries_before_a_task_needs_them(stack: Stack, live_airflow: AirflowApi) -> None:
    """The import of Great Expectations would take 5 s in each task."""
    assert live_airflow.is_healthy()
    loaded = {Path(m.path).name for process in _scheduler(stack) for m in process.memory_maps()}
    assert any(name.startswith("libarrow") for name in loaded)


def wait_for_dag(stack: Stack, live_airflow: AirflowApi, dag_id: str) -> None:
    """Until it is loaded, whatever is told of the broken flow beside it."""

    def is_loaded() -> bool:
        with suppress(ImportFailed):
            return live_airflow.has_dag(dag_id)
        return False

    stack.services.wait_until(is_loaded, what=dag_id, timeout_seconds=90)


@pytest.fixture(scope="module")
def team(stack: Stack, live_airflow: AirflowApi) -> Iterator[Receiver]:
    """Who is told, while no shop can be reached; the triggerer has to ask Airflow's database for the address."""
    for name in ALERTING_FLOWS:
        wait_for_dag(stack, live_airflow, f"{name}.customers")
    with told_at(stack, "team") as receiver:
        yield receiver


@contextmanager
def told_at(stack: Stack, connection: str) -> Iterator[Receiver]:
    """Whoever alerts to this connection reach."""
    with receiving() as receiver, logged_in(stack, USER) as browser:
        path = receiver.url.replace("http://", "json://")
        extra = json.dumps({"config": {"path": path, "tag": "alerts"}})
        body = {"connection_id": connection, "conn_type": "apprise", "extra": extra}
        browser.post("/api/v2/connections", json=body).raise_for_status()
        yield receiver


def message(team: Receiver, timeout_seconds: float) -> Any:
    return json.loads(team.next(timeout_seconds).body)


def test_failed_task_is_told_with_its_cause_and_log(team: Receiver, live_airflow: AirflowApi) -> None:
    live_airflow.trigger("failing.customers", {})
    told = message(team, 90)
    assert told["title"] == "failing: TransientError"
    assert "failing customer, TransientError, once since" in told["message"]
    assert "/dags/failing.customers/runs/" in told["message"]


def test_run_past_its_deadline_is_told_while_it_goes_on(team: Receiver, live_airflow: AirflowApi) -> None:
    run_id = live_airflow.trigger("late.customers", {})
    told = message(team, 150)
    assert told["title"] == "late: deadline"
    assert "more than 1 minutes" in told["message"]
    assert live_airflow.state("late.customers", run_id) == "running"
    live_airflow.pause("late.customers")


def test_a_month_is_signed_by_two_people_in_airflow_and_a_late_entry_is_one_alert(
    stack: Stack, sandboxes: Player, live_airflow: AirflowApi, capsys: pytest.CaptureFixture[str]
) -> None:
    rent, accrued = "000-6100-00", "000-2440-00"
    desk = EntryDesk(sandboxes)
    desk.key("Rent of February", (rent, "120.55"), (accrued, "-120.55"), on="2026-02-27")
    sandboxes.post()
    runner_of(stack, sandboxes, live_airflow, ENTRIES).run_once()
    [line] = {
        (day_of(journal["JournalDate"]), tuple(f"{line['AccountCode']} {line['NetAmount']}" for line in lines))
        for journal in sandboxes.entries("xero")
        for lines in [journal["JournalLines"]]
    }
    assert line == ("2026-02-27", ("404 120.55", "828 -120.55"))

    run_id = live_airflow.trigger("period_close", {"from": "2026-02-01", "to": "2026-02-28"})
    for place, person in enumerate(SIGNERS, start=1):
        signs_as(stack, live_airflow, run_id, person, f"sign_{place}")
    stack.services.wait_until(
        lambda: live_airflow.is_finished("period_close", run_id), what="the end of the close", timeout_seconds=60
    )
    assert live_airflow.state("period_close", run_id) == "success"
    state = connect(stack.airflow.state_url)
    with transaction(state) as session:
        [signed] = session.scalars(select(SignOff))
        assert (signed.state, [each["by"] for each in signed.signatures]) == ("signed", [*SIGNERS])
        folder = Path(signed.report_url.removeprefix("file://"))
        assert signed.report_hash == sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()

    compares = runner_of(stack, sandboxes, live_airflow, "order_to_cash.reconcile")
    with told_at(stack, "books") as books:
        desk.key("Late", (rent, "9.00"), (accrued, "-9.00"), on="2026-02-20")
        sandboxes.post()
        for _ in range(2):
            compares.run_once()
        told = json.loads(books.next(20).body)
        assert "2026-02 was signed, and changed since" in told["message"]
        assert books.is_empty
    assert main(["--state", stack.airflow.state_url, "periods", "list"]) == 1
    assert f"signed     by Anna Archer, Ben Quay, report {signed.report_hash}" in capsys.readouterr().out


def signs_as(stack: Stack, live_airflow: AirflowApi, run_id: str, person: str, task: str) -> None:
    """Wait until a task of the close asks, read it for a moment, sign, and wait until that is taken."""

    def asks() -> bool:
        return any(each["task_instance"]["task_id"] == task for each in live_airflow.open_questions("period_close"))

    def is_taken() -> bool:
        states = {each.task_id: each.state for each in live_airflow.tasks("period_close", run_id)}
        return states.get(task) in ("success", "failed")

    stack.services.wait_until(
        lambda: asks() or live_airflow.is_finished("period_close", run_id), what=task, timeout_seconds=120
    )
    [question] = live_airflow.open_questions("period_close")
    assert question["subject"] == "Harbor Light Supply: close 2026-02? the books agree"
    passwords = json.loads((stack.airflow.path / "passwords.json").read_text())
    api = AirflowApi(stack.airflow.url, person, passwords[person])
    time.sleep(3)
    api.answer(question, "Sign")
    api.close()
    stack.services.wait_until(is_taken, what=f"the signature of {person}", timeout_seconds=120)


@pytest.fixture
def customers_stage(stack: Stack, sandboxes: Player, live_airflow: AirflowApi) -> FlowRunner:
    """Runs the stage that keeps customers in step; of a city that both changed it asks."""
    return runner_of(stack, sandboxes, live_airflow, CUSTOMERS)


def runner_of(stack: Stack, sandboxes: Player, live_airflow: AirflowApi, *dag_ids: str) -> FlowRunner:
    """Runs stages one after the other, once they are loaded."""
    for dag_id in dag_ids:
        wait_for_dag(stack, live_airflow, dag_id)
    console = Console(file=io.StringIO())
    return FlowRunner(live_airflow, sandboxes, connect(stack.airflow.state_url), console, dag_ids)


def test_customer_changed_in_each_ledger_arrives_in_the_other_on_the_live_scheduler(
    customers_stage: FlowRunner, sandboxes: Player
) -> None:
    stage = customers_stage
    sandboxes.call("PUT", "gp", "/_sandbox/customers/LIVE1", {"CUSTNAME": "Live one", "CITY": "Boston"})
    stage.run_once()
    sandboxes.call("PUT", "xero", "/_sandbox/contacts/LIVE1", {"Name": "Live two"})
    stage.run_once()
    customers = sandboxes.call("GET", "gp", "/_sandbox/customers")["customers"]
    assert [each["CUSTNAME"] for each in customers if each["CUSTNMBR"] == "LIVE1"] == ["Live two"]


@pytest.fixture
def xero(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[XeroHook]:
    """Calls the Xero of that Airflow as its tasks do."""
    for name, value in stack.airflow.environment.items():
        if name.startswith(("AIRFLOW_CONN_", "AIRFLOW__LEDGERBRIDGE__", "AIRFLOW__CORE__FERNET_KEY")):
            monkeypatch.setenv(name, value)
    get_fernet.cache_clear()  # a task process reads its key once; here it is of that Airflow
    yield XeroHook("xero")
    get_fernet.cache_clear()


def test_an_order_a_bill_and_its_file_of_a_new_supplier_reach_gp_on_the_live_scheduler(
    stack: Stack,
    sandboxes: Player,
    live_airflow: AirflowApi,
    dags_folder: Path,
    xero: XeroHook,
) -> None:
    line = {"Description": "Shades", "Quantity": 1, "UnitAmount": "40.00", "AccountCode": "310", "TaxType": "TAX003"}
    common = {"Status": "AUTHORISED", "Contact": {"Name": "Live Shades"}, "Date": "2026-03-02", "LineItems": [line]}
    bill = {"Type": "ACCPAY", "InvoiceNumber": "LIVE-7", "DueDate": "2026-04-01"}
    entered = sandboxes.call("POST", "xero", "/_sandbox/documents", common | bill)
    sandboxes.call("POST", "xero", "/_sandbox/purchase_orders", common | {"PurchaseOrderNumber": "PO-LIVE"})
    place = f"Invoices/{entered['InvoiceID']}/Attachments/scan.pdf"
    xero.write("PUT", place, b"%PDF-1.7", content_type="application/pdf")
    runner_of(stack, sandboxes, live_airflow, "master_data.vendors", PURCHASE_ORDERS, BILLS).run_once()
    held = sandboxes.ledger("gp")
    [voucher], [order] = held["payables"], held["purchase_orders"]
    assert (voucher["DOCNUMBR"], voucher["DOCAMNT"], voucher["state"]) == ("LIVE-7", "48.00", "work")
    assert (order["number"], order["SUBTOTAL"], order["TAXAMNT"]) == ("PO-LIVE", "40.00", "8.00")
    wait_for_dag(stack, live_airflow, "attachments")
    run_id = live_airflow.trigger("attachments", {})
    stack.services.wait_until(
        lambda: live_airflow.is_finished("attachments", run_id), what="the files", timeout_seconds=120
    )
    lying = dags_folder / "files" / "main" / "out" / voucher["number"] / "scan.pdf"
    assert lying.read_bytes() == b"%PDF-1.7"


def test_where_both_changed_a_field_that_is_asked_about_a_person_says_in_airflow(
    customers_stage: FlowRunner, stack: Stack, sandboxes: Player, live_airflow: AirflowApi
) -> None:
    stage, asks = customers_stage, f"{CUSTOMERS}_questions"
    sandboxes.call("PUT", "gp", "/_sandbox/customers/ASK1", {"CUSTNAME": "Ask one", "CITY": "Boston"})
    stage.run_once()
    stage.run_once()
    assert live_airflow.runs(asks) == []
    sandboxes.call("PUT", "gp", "/_sandbox/customers/ASK1", {"CITY": "Salem"})
    addresses = [{"AddressType": "STREET", "City": "Lynn"}]
    sandboxes.call("PUT", "xero", "/_sandbox/contacts/ASK1", {"Addresses": addresses})
    stage.run_once()
    [run_id] = live_airflow.runs(asks)
    stack.services.wait_until(lambda: bool(live_airflow.open_questions(asks)), what="the question", timeout_seconds=60)
    [question] = live_airflow.open_questions(asks)
    assert "customer ASK1: whose city stands?" in question["subject"]
    assert "| gp | Salem |" in question["body"]
    assert "| xero | Lynn |" in question["body"]
    assert question["options"] == ["gp", "xero"]
    answer(stack, live_airflow, asks, run_id, "xero")
    stage.run_once()
    customers = sandboxes.call("GET", "gp", "/_sandbox/customers")["customers"]
    assert [each["CITY"] for each in customers if each["CUSTNMBR"] == "ASK1"] == ["Lynn"]
    stage.run_once()
    assert live_airflow.runs(asks) == [run_id]


def answer(stack: Stack, live_airflow: AirflowApi, dag_id: str, run_id: str, option: str) -> None:
    """
    Answer what a run asks, as a person does, until it has ended well.

    Airflow takes a task for a killed one whose answer is there before the process that asked has ended, as no person's
    is; it is tried again then, and asks again only where the answer was lost.
    """
    for patience_seconds in (2, 5, 15, 30):
        for question in live_airflow.open_questions(dag_id):
            time.sleep(patience_seconds)
            live_airflow.answer(question, option)
        stack.services.wait_until(
            lambda: live_airflow.is_finished(dag_id, run_id) or bool(live_airflow.open_questions(dag_id)),
            what=f"the end of {dag_id}",
            timeout_seconds=120,
        )
        if live_airflow.is_finished(dag_id, run_id):
            break
    assert live_airflow.state(dag_id, run_id) == "success"


def test_a_bundle_of_another_environment_is_approved_in_airflow_and_live(
    dags_folder: Path,
    stack: Stack,
    live_airflow: AirflowApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dev, prod, bundle = dags_folder / "dev", dags_folder / "prod", str(tmp_path / "bundle.zip")
    before = files_in(prod)
    monkeypatch.setenv("LEDGERBRIDGE_SIGNING_KEY", DEV_KEY)
    assert main(["promote", "pack", "--include", str(dev), "--by", "ada", "--out", bundle]) == 0
    key_of_prod = json.loads((stack.airflow.path / "keys.json").read_text())["signing_key"]
    monkeypatch.setenv("LEDGERBRIDGE_SIGNING_KEY", key_of_prod)
    offer = ["promote", "offer", bundle, "--by", "otto", "--key", DEV.public.known[0]]
    assert main(["--state", stack.airflow.state_url, *offer]) == 0
    wait_for_dag(stack, live_airflow, "promote")
    run_id = live_airflow.trigger("promote", {"promotion": 1})
    stack.services.wait_until(
        lambda: bool(live_airflow.open_questions("promote")) or live_airflow.is_finished("promote", run_id),
        what="the question whether the bundle may be live",
        timeout_seconds=120,
    )
    [question] = live_airflow.open_questions("promote")
    assert question["subject"] == "May bundle 1 of ada be live?"
    assert MAPPING in question["body"]
    assert files_in(prod) == before
    answer(stack, live_airflow, "promote", run_id, "Approve")
    assert files_in(prod) == files_in(dev) != before


@pytest.fixture
def february_is_locked(sandboxes: Player) -> Iterator[None]:
    """Xero takes nothing before March."""
    sandboxes.call("PUT", "xero", "/_sandbox/organisation", {"PeriodLockDate": "2026-02-28"})
    yield
    sandboxes.call("PUT", "xero", "/_sandbox/organisation", {"PeriodLockDate": None})


@pytest.mark.usefixtures("february_is_locked")
def test_a_person_says_in_airflow_on_which_day_an_entry_of_a_closed_period_is_posted(
    stack: Stack, sandboxes: Player, live_airflow: AirflowApi
) -> None:
    desk, asks = EntryDesk(sandboxes), f"{ENTRIES}_questions"
    number = desk.key("Rent, forgotten", ("000-6100-00", "6.30"), ("000-2440-00", "-6.30"), on="2026-01-21")
    sandboxes.post()
    stage = runner_of(stack, sandboxes, live_airflow, ENTRIES)
    stage.run_once()
    assert "Rent, forgotten" not in str(sandboxes.entries("xero"))
    [run_id] = live_airflow.runs(asks)
    subject = f"xero.manual_journal {number}: which posting day?"

    def asked() -> list[dict[str, Any]]:
        """The late entry of the month that was signed may be asked about too."""
        return [each for each in live_airflow.open_questions(asks) if each["subject"] == subject]

    stack.services.wait_until(lambda: bool(asked()), what="the question", timeout_seconds=60)
    [question] = asked()
    assert question["options"] == ["next open day", "its own day, once that is open"]
    assert "| next open day | 2026-03-01 |" in question["body"]
    answer(stack, live_airflow, asks, run_id, "next open day")
    stage.run_once()
    days = {day_of(each["JournalDate"]) for each in sandboxes.entries("xero") if "forgotten" in str(each)}
    assert days == {"2026-03-01"}


@pytest.fixture(scope="module")
def by_hand(stack: Stack, sandboxes: Player, live_airflow: AirflowApi) -> str:
    """A run of the docs' hand-written DAG over six orders; a customer typed HTML into the name."""
    file = make_orders(6)
    file["cases"][0]["order"]["customer"] |= {"first_name": "<b>Zoë</b>", "last_name": "O'Hara & Sons"}
    sandboxes.set_clock(opening_of(file))
    sandboxes.play(file, 1)
    stack.services.wait_until(lambda: live_airflow.has_dag(BY_HAND), what=BY_HAND, timeout_seconds=90)
    run_id = live_airflow.trigger(BY_HAND, {})
    stack.services.wait_until(
        lambda: live_airflow.is_finished(BY_HAND, run_id), what="the hand-written DAG", timeout_seconds=120
    )
    return run_id


def test_hand_written_dag_of_the_docs_delivers(by_hand: str, live_airflow: AirflowApi) -> None:
    assert {task.state for task in live_airflow.tasks(BY_HAND, by_hand)} == {"success"}
    assert live_airflow.returned(BY_HAND, by_hand, "load") == {"delivered": 6}
    assert live_airflow.returned(BY_HAND, by_hand, "tell") == "6 delivered"


def test_links_of_a_task_lead_to_pages_about_what_it_did(by_hand: str, stack: Stack) -> None:
    pages = {}
    with logged_in(stack, USER) as browser:
        for task in ("extract", "transform", "gate", "load"):
            for name, link in links(browser, by_hand, task).items():
                answer = browser.get(link)
                assert answer.status_code == 200, answer.text
                assert "default-src 'none'" in answer.headers["content-security-policy"]
                pages[task, name] = answer.text
    assert set(pages) == {
        ("extract", "Batch"), ("extract", "Dead letters"), ("extract", "Data Docs"), ("extract", "Documents"),
        ("transform", "Batch"), ("transform", "Dead letters"),
        ("gate", "Batch"), ("gate", "Dead letters"), ("gate", "Data Docs"),
        ("load", "Documents"), ("load", "Dead letters"),
    }  # fmt: skip
    assert "<b>Zoë</b>" not in "".join(pages.values())
    assert "&lt;b&gt;Zoë&lt;/b&gt; O&#39;Hara &amp; Sons" in pages["load", "Documents"]
    assert pages["load", "Documents"].count(">delivered</td>") == 6
    assert "6 rows" in pages["extract", "Batch"]
    assert "UpdateIfExists" in pages["transform", "Batch"]
    assert "values must never be null" in pages["gate", "Data Docs"]
    assert "No record of this leg was refused" in pages["gate", "Dead letters"]


def test_viewer_sees_what_was_done_but_no_values(by_hand: str, stack: Stack) -> None:
    with logged_in(stack, VIEWER) as browser:
        pages = [
            browser.get(link).text
            for task in ("extract", "transform", "gate", "load")
            for link in links(browser, by_hand, task).values()
        ]
    assert all("<h1>" in page for page in pages)
    assert "customer:" in "".join(pages)
    assert "O&#39;Hara" not in "".join(pages)
    assert "example.com" not in "".join(pages)


def test_pages_are_refused_without_login(by_hand: str, stack: Stack) -> None:
    with logged_in(stack, USER) as browser:
        link = links(browser, by_hand, "extract")["Batch"]
    answer = httpx.get(f"{stack.airflow.url}{link}")
    assert answer.status_code == 401
    assert "Log in to Airflow" in answer.text
    assert "rows" not in answer.text


@pytest.mark.parametrize("name", ["..", "%2e%2e", ".hidden", "a%2Fb"])
def test_no_address_leads_out_of_the_flow(by_hand: str, stack: Stack, name: str) -> None:
    with logged_in(stack, USER) as browser:
        answer = browser.get(f"/ledgerbridge/dags/{BY_HAND}/runs/{name}/legs/customer/batch/extract")
    assert answer.status_code in (404, 422)


@dataclass
class Shop:
    """A shop whose webhooks come to the live Airflow; nobody starts a run, and no schedule does."""

    stack: Stack
    player: Player
    airflow: AirflowApi
    placed: list[str] = field(default_factory=list)

    def subscribe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let it tell of orders."""
        monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY_US", self.stack.airflow.environment["AIRFLOW_CONN_SHOPIFY_US"])
        uri = f"{self.stack.airflow.url}/ledgerbridge/webhooks/shopify_us"
        for topic in ("ORDERS_CREATE", "ORDERS_UPDATED"):
            answer = ShopifyHook("shopify_us").graphql(SUBSCRIBE, {"topic": topic, "uri": uri})
            assert answer.data["webhookSubscriptionCreate"]["userErrors"] == []

    def place(self, count: int = 1) -> None:
        """Customers place orders."""
        opening = datetime.fromisoformat(self.player.clock()["shopify"])
        first = 9001 + len(self.placed)
        self.player.play(make_orders(count, seed=first, first_number=first, opening=opening), 1)
        self.placed += [f"#{number}" for number in range(first, first + count)]

    @property
    def in_gp(self) -> list[str]:
        """The names of the orders that GP has, of those that were placed."""
        documents = self.player.ledger("gp")["documents"]
        names = [str(each["CSTPONBR"]).strip() for each in documents if int(each.get("SOPTYPE", 0)) == GP_ORDER]
        return sorted(name for name in names if name in self.placed)

    def wait_for(self, ready: Callable[[], bool], what: str) -> None:
        self.stack.services.wait_until(ready, what=what, timeout_seconds=240)

    def has_delivered(self) -> bool:
        return self.in_gp == self.placed

    def is_running(self) -> bool:
        return any(not self.airflow.is_finished(ORDERS, run_id) for run_id in self.airflow.runs(ORDERS)[-1:])


def test_orders_get_from_a_webhook_into_gp_whatever_events_airflow_loses(
    stack: Stack, sandboxes: Player, live_airflow: AirflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(stack, sandboxes, live_airflow)
    shop.wait_for(lambda: live_airflow.has_dag(ORDERS), ORDERS)
    shop.subscribe(monkeypatch)
    live_airflow.unpause(ORDERS)
    shop.place()
    shop.wait_for(shop.has_delivered, "the first order")

    # what comes while a run is active, Airflow may lose: apache/airflow#56050
    shop.wait_for(lambda: not shop.is_running(), "the end of its run")
    shop.place()
    shop.wait_for(shop.is_running, "the run of the second order")
    for _ in range(3):
        shop.place()
    shop.wait_for(shop.has_delivered, "orders that came while a run was active")

    # and what comes while the DAG is paused: #49857
    shop.wait_for(lambda: not shop.is_running(), "the end of its runs")
    live_airflow.pause(ORDERS)
    shop.place(2)
    live_airflow.unpause(ORDERS)
    shop.wait_for(shop.has_delivered, "orders that came while the DAG was paused")
    later = live_airflow.runs(ORDERS)
    assert {run_id.partition("__")[0] for run_id in later} == {"asset_triggered"}
    assert "failed" not in {live_airflow.state(ORDERS, run_id) for run_id in later}
    live_airflow.pause(ORDERS)


def test_item_keyed_in_gp_which_tells_nothing_by_itself_reaches_xero_though_nobody_starts_a_run(
    stack: Stack, sandboxes: Player, live_airflow: AirflowApi
) -> None:
    wait_for_dag(stack, live_airflow, ITEMS)
    live_airflow.unpause(ITEMS)

    def has_read() -> bool:
        return any(live_airflow.state(ITEMS, run_id) == "success" for run_id in live_airflow.runs(ITEMS))

    def in_xero() -> bool:
        items = sandboxes.call("GET", "xero", "/_sandbox/items")["items"]
        return "POLLED-01" in [each["Code"] for each in items]

    stack.services.wait_until(has_read, what="the first run of the items", timeout_seconds=240)
    sandboxes.call("PUT", "gp", "/_sandbox/items/POLLED-01", {"ITEMDESC": "Polled paper"})
    stack.services.wait_until(in_xero, what="the item in Xero", timeout_seconds=240)
    assert {run_id.partition("__")[0] for run_id in live_airflow.runs(ITEMS)} == {"asset_triggered"}
    live_airflow.pause(ITEMS)


@ON_POSTGRES
def test_airflow_fills_the_log_day_by_day_and_goes_on_behind_a_day_that_failed(
    stack: Stack, sandboxes: Player, live_airflow: AirflowApi
) -> None:
    wait_for_dag(stack, live_airflow, "backfill")
    now = datetime.fromisoformat(sandboxes.clock()["shopify"])
    sandboxes.play(make_orders(1, seed=8801, first_number=8801, opening=now), 1)
    days = [str(now.date() + timedelta(days=by)) for by in (-1, 0, 1)]
    sandboxes.order_fault("shopify", {"kind": "status", "status": 403})
    of_days = ["--from-date", days[0], "--to-date", days[-1], "--reprocess-behavior", "failed"]
    conf = json.dumps({"entities": ["shopify.order"], "again": True})
    in_airflow(stack, "backfill", "create", "--dag-id", "backfill", *of_days, "--dag-run-conf", conf)
    live_airflow.unpause("backfill")

    def runs() -> list[str]:
        return [name for name in live_airflow.runs("backfill") if name.startswith("backfill__")]

    def states() -> list[str]:
        return [live_airflow.state("backfill", name) for name in runs()]

    stack.services.wait_until(lambda: states()[:1] == ["failed"], what="the day that fails", timeout_seconds=240)
    assert not {"success", "failed"} & set(states()[1:]), "the days after it wait"
    live_airflow.clear_failed("backfill", runs()[0])
    stack.services.wait_until(lambda: states() == 3 * ["success"], what="all three days", timeout_seconds=240)
    with transaction(connect(stack.airflow.state_url)) as session:
        filled = session.scalars(select(BackfillRow)).all()
        again = session.scalars(select(LoggedChange).where(LoggedChange.how == "again")).all()
    assert {(str(each.since.date()), each.done == each.until) for each in filled} == {(each, True) for each in days}
    assert len({each.source_key for each in again}) == len(again) > 0
    live_airflow.pause("backfill")


def in_airflow(stack: Stack, *arguments: str) -> None:
    """Give Airflow a command as an operator does."""
    command = [str(Path(sys.executable).parent / "airflow"), *arguments]
    done = subprocess.run(command, env=stack.airflow.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def logged_in(stack: Stack, user: str) -> httpx.Client:
    """A browser with a user's session."""
    passwords = json.loads((stack.airflow.path / "passwords.json").read_text())
    token = httpx.post(f"{stack.airflow.url}/auth/token", json={"username": user, "password": passwords[user]})
    return httpx.Client(
        base_url=stack.airflow.url, cookies={"_token": token.raise_for_status().json()["access_token"]}, timeout=60
    )


def links(browser: httpx.Client, run_id: str, task: str) -> dict[str, str]:
    answer = browser.get(f"/api/v2/dags/{BY_HAND}/dagRuns/{run_id}/taskInstances/{task}/links")
    found: dict[str, str] = answer.raise_for_status().json()["extra_links"]
    return found


def test_broken_dag_file_is_told_with_its_message(stack: Stack, live_airflow: AirflowApi) -> None:
    with pytest.raises(ImportFailed, match="unknown key `gates`"):
        stack.services.wait_until(lambda: live_airflow.has_dag("broken_flow"), what="the error", timeout_seconds=90)


def test_stopping_leaves_no_process_behind(stack: Stack, live_airflow: AirflowApi) -> None:
    before = _processes_of(stack)
    assert len(before) >= 4
    stack.services.stop()
    assert _processes_of(stack) == []
    assert not live_airflow.is_healthy()


def _processes_of(stack: Stack) -> list[psutil.Process]:
    home = str(stack.airflow.path)
    return [process for process in psutil.process_iter() if _environment(process).get("AIRFLOW_HOME") == home]


def _scheduler(stack: Stack) -> list[psutil.Process]:
    return [process for process in _processes_of(stack) if "scheduler" in " ".join(process.cmdline())]


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}
