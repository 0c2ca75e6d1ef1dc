"""Dead letters of a running company are corrected and replayed, from the command line and from the DAG's form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from airflow.models import DagBag
from sqlalchemy import select

from commands.main import main
from demo.airflow_home import CHECKOUT
from demo.stack import Stack
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import body_hash
from ledgerbridge.state.mending import Wanted, find_letters
from ledgerbridge.state.models import AuditEntry, DeadLetter, Delivery, SourceRecord
from operators.replay import REPLAY_PARAMS, ReplayOperator
from sandbox.orders import make_orders
from sandbox.player import Player, opening_of
from tests.flows.in_process import Office, open_office

UNKNOWN_ITEM = "#1016"


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Two plain orders and one of an item GP doesn't have, placed; GP refuses every order in the first pass."""
    file = make_orders(20)
    file["cases"] = [case for case in file["cases"] if case["order"]["name"] in ("#1001", "#1002", UNKNOWN_ITEM)]
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        sandboxes.set_clock(opening_of(file))
        sandboxes.play(file, 1)
        refuse_orders(stack, "Credit controller is on holiday")
        office.flow.run("run-1", reconcile=False)
        yield office


def refuse_orders(stack: Stack, text: str | None) -> None:
    body = {"procedure": "taSopHdrIvcInsert", "error": text and {"number": 55001, "text": text}}
    httpx.put(f"{stack.addresses.of('gp')}/_sandbox/procedures", json=body).raise_for_status()


def letters(office: Office, *states: str) -> dict[str, DeadLetter]:
    with transaction(office.state) as session:
        return {str(letter.label): letter for letter in find_letters(session, Wanted(states=states or ("open",)))}


def order(office: Office, name: str) -> tuple[SourceRecord, Delivery | None]:
    with transaction(office.state) as session:
        record = session.scalars(
            select(SourceRecord).where(SourceRecord.leg == "order", SourceRecord.label == name)
        ).one()
        sent = select(Delivery).where(Delivery.leg == "order", Delivery.record_key == record.source_key)
        return record, session.scalars(sent).one_or_none()


def use_form(**params: Any) -> list[dict[str, Any]]:
    """The DAG's task with its form filled in."""
    form = {name: param.value for name, param in REPLAY_PARAMS.items()}
    task = ReplayOperator(task_id="replay")
    context: Any = {"run_id": "manual__1", "params": {**form, "reason": "back from holiday", **params}}
    return task.execute(context)


def cli(office: Office, *arguments: str) -> int:
    return main(["--state", office.state.url.render_as_string(hide_password=False), "dead-letters", *arguments])


def test_each_letter_keeps_all_that_was_made_of_its_record(office: Office) -> None:
    found = letters(office)
    assert {name: letter.step for name, letter in found.items()} == {
        "#1001": "load", "#1002": "load", UNKNOWN_ITEM: "map",
    }  # fmt: skip
    for letter in found.values():
        assert all([letter.raw, letter.canonical, letter.mapping_version, letter.remedy])
        assert (letter.error_class, letter.attempt, letter.run_id) == ("RecordRejected", 1, "run-1")
    refused = found["#1001"]
    assert refused.code == "LB-GP-014"
    assert refused.document is not None
    assert refused.document["header"]["CSTPONBR"] == "#1001"
    assert refused.document["lines"]


def test_a_refused_order_goes_on_from_its_kept_document_by_the_form(stack: Stack, office: Office) -> None:
    before = letters(office)["#1001"]
    refuse_orders(stack, None)
    started = use_form(ids=[before.id], path="document.header.BACHNUMB", value="HELD ORDERS")
    assert started == [{"trigger_dag_id": "order_to_cash.orders", "conf": {"legs": ["order"]}}]
    office.flow.run("run-2", reconcile=False)
    assert letters(office, "closed")["#1001"].reason == "the record went on in run run-2"
    record, delivery = order(office, "#1001")
    assert (record.outcome, record.run_id) == ("delivered", "run-2")
    assert delivery is not None
    assert delivery.state == "delivered"
    sent = letters(office, "closed")["#1001"].document or {}
    assert sent["header"]["BACHNUMB"] == "HELD ORDERS"
    assert delivery.content_hash == body_hash(sent)
    with transaction(office.state) as session:
        (entry,) = session.scalars(
            select(AuditEntry).where(
                AuditEntry.action == "delivered",
                AuditEntry.record_key == delivery.record_key,
                AuditEntry.entity == "gp.sales_order",
            )
        )
    assert entry.run_id == "run-2"


def test_a_rerun_of_the_replays_run_leaves_the_corrected_order_as_it_is(office: Office) -> None:
    _, before = order(office, "#1001")
    office.flow.run("run-2", reconcile=False)
    record, after = order(office, "#1001")
    assert before is not None
    assert after is not None
    assert (record.outcome, after.content_hash) == ("unchanged", before.content_hash)
    assert "#1001" not in letters(office, "open", "replaying")


def test_a_wrong_sku_is_corrected_and_replayed_by_command(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    letter = letters(office)[UNKNOWN_ITEM]
    assert cli(office, "show", letter.id) == 0
    shown = json.loads(capsys.readouterr().out)
    path = path_of(shown["raw"], "NO-SUCH-SKU")
    assert cli(office, "edit", letter.id, f"raw.{path}=MUG-12", "--reason", "typo", "--by", "olga") == 0
    assert cli(office, "replay", letter.id, "--reason", "typo", "--by", "olga") == 0
    office.flow.run("run-3", reconcile=False)
    record, delivery = order(office, UNKNOWN_ITEM)
    assert (record.outcome, delivery is not None) == ("delivered", True)
    assert UNKNOWN_ITEM not in letters(office)


def test_a_replay_that_is_refused_again_opens_its_letter_again(stack: Stack, office: Office) -> None:
    refuse_orders(stack, "Still on holiday")
    letter = letters(office)["#1002"]
    assert cli(office, "replay", "--label", "#1002", "--reason", "try") == 0
    office.flow.run("run-4", reconcile=False)
    again = letters(office)["#1002"]
    assert (again.state, again.attempt) == ("open", 2)
    assert order(office, "#1002")[0].outcome == "rejected"
    assert letter.id == again.id


def test_the_reconciliation_explains_what_was_discarded(
    office: Office, stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse_orders(stack, None)
    letter = letters(office)["#1002"]
    assert cli(office, "discard", letter.id, "--reason", "customer withdrew", "--by", "olga") == 0
    assert order(office, "#1002")[0].reason == f"dead letter {letter.id}, discarded: customer withdrew (olga)"
    office.flow.run("run-5")
    verdict = office.verdicts[-1]
    assert verdict["agree"]
    money = [each["reason"] for each in verdict["differences"] if letter.id in each["reason"]]
    assert len(money) == 1
    capsys.readouterr()
    assert cli(office, "list") == 0
    assert capsys.readouterr().out == ""


def test_no_choice_takes_nothing(office: Office) -> None:
    assert cli(office, "discard", "--reason", "tidy up") == 2
    with pytest.raises(LedgerbridgeError, match="LB-LET-006"):
        use_form()


def test_the_dag_is_loaded_with_its_form() -> None:
    bag = DagBag(dag_folder=str(CHECKOUT / "dags" / "replay_dead_letters.py"))
    assert bag.import_errors == {}
    assert set(bag.dags["replay_dead_letters"].params) == set(REPLAY_PARAMS)


def path_of(record: Any, value: str, path: str = "") -> str | None:
    """The path of a value inside a record."""
    if record == value:
        return path
    inside = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for name, each in inside:
        found = path_of(each, value, f"{path}.{name}" if path else str(name))
        if found:
            return found
    return None
