"""A failed task reaches people through Apprise: a local receiver stands for Slack, Teams, mail or a webhook."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from sqlalchemy import Engine

from hooks.xero.budget import GRANTED, CallBudget
from ledgerbridge.alerts import AlertsConfig
from ledgerbridge.audit import Actor
from ledgerbridge.errors import ConfigurationError, TransientError
from ledgerbridge.flows import FlowConfig, load_flow
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.circuits import FAILURES_TO_OPEN, call_failed, call_succeeded
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.counted_calls import budgets
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.models import CountedCall, Delivery
from notifications.alerts import AlertNotifier
from operators.builder import build_flow
from operators.watch import WatchOperator, build_watch
from tests.migrated_state import migrated

INCLUDE = Path(__file__).parents[2] / "include"
ACTOR = Actor("order_to_cash", "order", "run-1", "order.transform")


class Receiver:
    """Takes messages, or refuses them while ``refuses`` is set."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.refuses = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if not receiver.refuses:
                    receiver.messages.append(json.loads(body))
                self.send_response(503 if receiver.refuses else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing on the console."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def apprise_url(self) -> str:
        return f"json://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    receiver = Receiver()
    connection = {"conn_type": "apprise", "extra": {"config": {"path": receiver.apprise_url, "tag": "alerts"}}}
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", json.dumps(connection))
    yield receiver
    receiver.close()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    monkeypatch.setenv("AIRFLOW_CONN_LEDGERBRIDGE_DB", json.dumps({"conn_type": "generic", "extra": {"url": url}}))
    return migrated(connect(url, company="main"))


def fail(error: Exception, task_id: str = "invoice.load") -> None:
    notifier = AlertNotifier("order_to_cash", AlertsConfig(to="team"), "America/New_York")
    task = SimpleNamespace(task_id=task_id, log_url="http://airflow.example/log")
    notifier.notify({"exception": error, "ti": task})  # type: ignore[typeddict-item]


def test_a_failed_task_is_told_with_remedy_and_link_and_its_repetition_is_not(
    receiver: Receiver, state: Engine
) -> None:
    error = ConfigurationError("LB-XERO-006", "Xero refuses the token", remedy="Consent anew.")
    for _ in range(3):
        fail(error)
    (message,) = receiver.messages
    assert message["title"] == "order_to_cash: ConfigurationError"
    assert "order_to_cash invoice, ConfigurationError, once since" in message["message"]
    for part in ("Xero refuses the token", "Remedy: Consent anew.", "http://airflow.example/log"):
        assert part in message["message"]


def test_an_alert_nobody_received_is_sent_with_the_next_failure(receiver: Receiver, state: Engine) -> None:
    receiver.refuses = True
    fail(TransientError("LB-XERO-009", "not reached", remedy="Wait."))
    receiver.refuses = False
    fail(TransientError("LB-XERO-009", "not reached", remedy="Wait."))
    (message,) = receiver.messages
    assert "2 times" in message["message"]


def test_a_failure_is_told_although_the_state_database_that_counts_alerts_is_damaged(
    receiver: Receiver, state: Engine, tmp_path: Path
) -> None:
    state.dispose()
    (tmp_path / "state.db").write_bytes(b"minutes of the meeting\n" * 400)
    with pytest.raises(ConfigurationError) as caught, transaction(state) as session:
        session.connection()
    fail(caught.value)
    (message,) = receiver.messages
    assert message["title"] == "order_to_cash: ConfigurationError"
    for part in ("order_to_cash invoice, ConfigurationError", "is damaged", "Remedy: Pause the flows", "/log"):
        assert part in message["message"]


class Watched:
    """The shipped flow with alerts, watched on a state database."""

    def __init__(self, **alerts: Any) -> None:
        flow = load_flow(INCLUDE / "flows" / "order_to_cash.yaml", INCLUDE)
        config = AlertsConfig(to="team", repeat_after_minutes=1, **alerts)
        self.flow: FlowConfig = flow.model_copy(update={"alerts": config})

    def look(self) -> int:
        told: int = WatchOperator(task_id="watch", flow="order_to_cash", config=self.flow).execute({})  # type: ignore[typeddict-item]
        return told


@pytest.fixture
def no_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A company whose systems warn of nothing: it has GP alone."""
    company_with(tmp_path, monkeypatch, "gp")


def company_with(folder: Path, monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    text = (INCLUDE / "companies" / "main.yaml").read_text()
    before, _, after = text.partition("connections:\n")
    rest = after[after.index("# Flows speak") :]
    (folder / "main.yaml").write_text(f"{before}connections: {{{system}: {system}}}\n{rest}")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__COMPANIES_FOLDER", str(folder))


@pytest.mark.usefixtures("no_systems")
def test_silence_is_told_until_something_comes(receiver: Receiver, state: Engine) -> None:
    watched = Watched(expect={"order": 120})
    assert watched.look() == 1
    assert "expected something every 120 minutes, got nothing ever" in receiver.messages[0]["message"]
    with transaction(state) as session:
        session.add(a_delivery(datetime.now(UTC) - timedelta(minutes=119)))
    assert watched.look() == 0
    assert len(receiver.messages) == 1


@pytest.mark.usefixtures("no_systems")
def test_a_system_that_is_down_is_told_once_and_is_over_when_it_answers(receiver: Receiver, state: Engine) -> None:
    watched = Watched()
    assert watched.look() == 0
    with transaction(state) as session:
        for _ in range(FAILURES_TO_OPEN):
            call_failed(session, ACTOR, "gp", "LB-GP-003 GP was not reached")
    assert watched.look() == 1
    assert "gp is down since" in receiver.messages[0]["message"]
    assert "LB-GP-003" in receiver.messages[0]["message"]
    with transaction(state) as session:
        call_succeeded(session, ACTOR, "gp")
    assert watched.look() == 0


def test_calls_of_the_day_that_end_in_hours_if_it_goes_on_so_are_told_before_they_do(
    receiver: Receiver, state: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company_with(tmp_path, monkeypatch, "xero")
    extra = {"grant": "client_credentials", "tenant_id": "tenant-1"}
    connection = {"conn_type": "xero", "login": "client-1", "password": "secret-1", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_XERO", json.dumps(connection))
    with CallBudget(lambda: state, "client-1:tenant-1", GRANTED).call():
        pass
    watched = Watched()
    assert watched.look() == 0
    with transaction(state) as session:
        [budget] = budgets(session)
        at = database_now(session) - timedelta(minutes=10)
        session.add_all(CountedCall(budget=budget, began_at=at, ended_at=at) for _ in range(999))
    assert watched.look() == 1
    message = receiver.messages[0]["message"]
    assert (
        "4000 of 5000 calls to Xero are left of the last 24 hours' allowance; as in the last hour, they end" in message
    )
    assert "in 4.0 hours" in message


@pytest.mark.usefixtures("no_systems")
def test_more_dead_letters_than_allowed_are_told(receiver: Receiver, state: Engine) -> None:
    letter = Letter(
        "map", "shopify:x:order:2", "v1", "shopify:x:order:2", "LB-MAP-002", "sku", "NONE",
        '"NONE" is not known', "Create item NONE in GP.", label="#2",
    )  # fmt: skip
    watched = Watched(dead_letters_over=0)
    assert watched.look() == 0
    with transaction(state) as session:
        write_letters(session, ACTOR, [letter])
    assert watched.look() == 1
    assert "1 dead letters are open, more than 0" in receiver.messages[0]["message"]


def test_a_flow_with_alerts_is_a_dag_that_tells_of_failures_and_late_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(INCLUDE, tmp_path / "include")
    flow = tmp_path / "include" / "flows" / "order_to_cash.yaml"
    flow.write_text(flow.read_text() + "alerts: {to: team, deadline_minutes: 90, expect: {order: 120}}\n")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(tmp_path / "include"))
    for dag in build_flow("order_to_cash").values():
        assert all(isinstance(task.on_failure_callback[0], AlertNotifier) for task in dag.tasks)
        assert [alert.interval for alert in dag.deadline or []] == [timedelta(minutes=90)]
        again = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
        assert len(again.deadline or []) == 1
    watch = build_watch()
    assert [task.task_id for task in watch.tasks] == ["order_to_cash"]


def test_alerts_for_a_leg_that_is_not_there_are_refused(tmp_path: Path) -> None:
    shutil.copytree(INCLUDE, tmp_path / "include")
    flow = tmp_path / "include" / "flows" / "order_to_cash.yaml"
    flow.write_text(flow.read_text() + "alerts: {to: team, expect: {orders: 120}}\n")
    with pytest.raises(ConfigurationError, match=r"`alerts\.expect` names orders"):
        load_flow(flow, tmp_path / "include")


def a_delivery(at: datetime) -> Delivery:
    return Delivery(
        flow="order_to_cash",
        leg="order",
        entity="gp.sales_order",
        record_key="shopify:x:order:1",
        state="delivered",
        content_hash="0",
        idempotency_key="0",
        canonical={},
        run_id="run-1",
        updated_at=at,
    )
