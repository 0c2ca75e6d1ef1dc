"""The DAG files beside the flows, run whole by Airflow's own ``dag.test()`` on state that needs them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, func, select, text, update

from demo.airflow_home import CHECKOUT, AirflowHome
from demo.ports import free_port
from demo.stack import Stack
from ledgerbridge.audit import Actor, Anchor, Change, append, head
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.mending import Wanted, find_letters
from ledgerbridge.state.models import AuditEntry, BackfillRow, DeadLetter, Delivery, LoggedChange, SourceRecord
from ledgerbridge.state.signing import Signer
from operators import settings
from operators.anchors import kept_anchors
from sandbox.orders import make_orders
from sandbox.player import Player, opening_of
from tests.contract.webhook_receiver import Receiver, receiving
from tests.flows.dag_runs import RunningHome, running
from tests.flows.in_process import Office, open_office

UNKNOWN_ITEM = "#1016"


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One order of an item GP doesn't have, read and rejected."""
    file = make_orders(20)
    file["cases"] = [case for case in file["cases"] if case["order"]["name"] == UNKNOWN_ITEM]
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        sandboxes.set_clock(opening_of(file))
        sandboxes.play(file, 1)
        office.flow.run("run-1", reconcile=False)
        yield office


@pytest.fixture(scope="module")
def office_home(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHome]:
    """A home whose DAGs work on the office's state and systems."""
    named = ("AIRFLOW_CONN_", "AIRFLOW__LEDGERBRIDGE__", "AIRFLOW__CORE__FERNET_KEY")
    ours = {name: value for name, value in os.environ.items() if name.startswith(named)}
    home = AirflowHome(tmp_path_factory.mktemp("airflow"), free_port(), extra=ours)
    home.prepare()
    with running(home) as opened:
        yield opened


def test_a_broken_chain_fails_verify_audit_and_keeps_no_new_anchor(airflow_home: AirflowHome) -> None:
    state = connect(airflow_home.state_url, "", airflow_home.environment["AIRFLOW__LEDGERBRIDGE__SIGNING_KEY"])
    actor = Actor("order_to_cash", "order", "run-1", "order.load")
    with transaction(state) as session:
        append(session, actor, [Change("window-read", "shopify.order", f"window-{n}") for n in range(1, 11)])
        before = head(session)
    with running(airflow_home) as home:
        succeeded, told = home.run_dag("verify_audit")
        assert succeeded, told
        (anchor,) = anchors(airflow_home)
        forge_entry(state, 5)
        succeeded, told = home.run_dag("verify_audit")
    assert (anchor.position, anchor.number, anchor.hash) == (1, before.number, before.hash)
    assert Signer(airflow_home.environment["AIRFLOW__LEDGERBRIDGE__SIGNING_KEY"]).public.verify(
        "anchor", anchor.text(), anchor.signature
    )
    assert not succeeded
    assert "LB-AUD-001" in told
    assert "audit entry 5 changed: its content does not have its hash." in told
    assert len(anchors(airflow_home)) == 1


def anchors(home: AirflowHome) -> list[Anchor]:
    return kept_anchors((home.state_folder / "staging" / "audit_anchors").as_uri())


def forge_entry(state: Engine, number: int) -> None:
    with state.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_entry_refuses_update"))
        connection.execute(text("UPDATE audit_entry SET record_key = 'another' WHERE id = :n"), {"n": number})


def test_a_letter_corrected_in_the_form_is_replayed_by_the_run_it_starts_and_closed(
    office: Office, office_home: RunningHome
) -> None:
    letter = letter_of(office, "open")
    path = next(
        f"raw.lineItems.{position}.sku"
        for position, line in enumerate((letter.raw or {})["lineItems"])
        if line["sku"] == "NO-SUCH-SKU"
    )
    form = {"ids": [letter.id], "path": path, "value": "MUG-12", "reason": "typo in the shop"}
    succeeded, told = office_home.run_dag("replay_dead_letters", form, beside=["order_to_cash"])
    assert succeeded, told
    assert letter_of(office, "replaying").id == letter.id
    (conf,) = started(office_home.home, "order_to_cash.orders")
    assert conf == {"legs": ["order"]}
    succeeded, told = office_home.run_dag("order_to_cash.orders", conf)
    assert succeeded, told
    assert letter_of(office, "closed").id == letter.id
    with transaction(office.state) as session:
        order = session.scalars(select(Delivery).where(Delivery.entity == "gp.sales_order")).one()
        mended = select(AuditEntry.action).where(AuditEntry.action.startswith("dead-letter-")).order_by(AuditEntry.id)
        actions = list(session.scalars(mended))
    assert (order.state, order.number is not None) == ("delivered", True)
    assert actions == ["dead-letter-corrected", "dead-letter-replayed", "dead-letter-closed"]


def letter_of(office: Office, state: str) -> DeadLetter:
    with transaction(office.state) as session:
        (letter,) = find_letters(session, Wanted(states=(state,)))
        return letter


def started(home: AirflowHome, dag_id: str) -> list[dict[str, Any]]:
    """With what conf the runs of a DAG were started."""
    airflow = create_engine(home.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with airflow.connect() as connection:
        rows = connection.execute(text("SELECT conf FROM dag_run WHERE dag_id = :dag"), {"dag": dag_id})
        return [json.loads(conf) for (conf,) in rows]


def test_a_run_fails_with_a_leg_though_nothing_was_to_do_for_those_behind_it(
    office: Office, office_home: RunningHome
) -> None:
    with transaction(office.state) as session:
        session.execute(update(SourceRecord).where(SourceRecord.leg == "order").values(outcome="read"))
    nobody = json.dumps({"conn_type": "gp", "host": json.loads(os.environ["AIRFLOW_CONN_GP"])["host"]})
    succeeded, told = office_home.run_dag("order_to_cash.orders", more={"AIRFLOW_CONN_GP": nobody})
    assert not succeeded
    assert "LB-GP-003" in told
    airflow = create_engine(office_home.home.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with airflow.connect() as connection:
        rows = connection.execute(text("SELECT task_id, state FROM task_instance ORDER BY start_date"))
        states = {row.task_id: row.state for row in rows}
    assert states["order.load"] == "upstream_failed"
    assert states["exchange_order.load"] == "skipped"


def test_a_backfilled_day_is_read_into_the_log_by_mapped_spans_and_a_run_without_entities_reads_nothing(
    office: Office, office_home: RunningHome
) -> None:
    day_after = (opening_of(office.file).date() + timedelta(days=1)).isoformat()
    with transaction(office.state) as session:
        logged = session.scalar(select(func.count()).select_from(LoggedChange))
    succeeded, told = office_home.run_dag("backfill", {"entities": ["shopify.order"], "again": True}, day=day_after)
    assert succeeded, told
    assert "entity=shopify.order" in told
    assert "read=1 new=1" in told
    with transaction(office.state) as session:
        assert session.scalar(select(func.count()).select_from(LoggedChange)) == logged + 1
        filled = list(session.scalars(select(BackfillRow)))
    assert {each.connection for each in filled} == set(settings.company().connections_of("shopify"))
    assert all((each.done, each.until) == (each.until, each.since + timedelta(days=1)) for each in filled)
    succeeded, told = office_home.run_dag("backfill", day=day_after)
    assert succeeded, told
    assert "nothing to read: `entities` names none" in told


@pytest.fixture
def team() -> Iterator[Receiver]:
    """Who is told: a webhook on a socket."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def watching(team: Receiver, tmp_path: Path) -> dict[str, str]:
    """Environment in which a flow expects an order every two hours."""
    include = tmp_path / "include"
    shutil.copytree(CHECKOUT / "include", include)
    flow = include / "flows" / "order_to_cash.yaml"
    flow.write_text(flow.read_text() + "alerts: {to: team, expect: {order: 120}}\n")
    url = team.url.replace("http://", "json://")
    connection = {"conn_type": "apprise", "extra": {"config": {"path": url, "tag": "alerts"}}}
    return {"AIRFLOW_CONN_TEAM": json.dumps(connection), "AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER": str(include)}


def test_orders_that_stay_away_for_two_hours_are_told_by_watch(
    office: Office, office_home: RunningHome, watching: dict[str, str], team: Receiver
) -> None:
    latest = datetime.now(UTC) - timedelta(minutes=121)
    with transaction(office.state) as session:
        session.execute(update(DeadLetter).values(created_at=latest))
        session.execute(update(Delivery).values(updated_at=latest))
    succeeded, told = office_home.run_dag("watch", more=watching)
    assert succeeded, told
    message = json.loads(team.next().body)
    assert message["title"] == "order_to_cash: silence"
    assert f"expected something every 120 minutes, got nothing since {latest:%Y-%m-%d %H:%M} UTC" in message["message"]
    assert team.is_empty
