"""The console's API over a real state database: who sees and does what with dead letters, and what two at once meet."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

from ledgerbridge.audit import Actor, verify
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, money_of, write_letters
from ledgerbridge.state.letter_list import Place, causes, letters_of_page
from ledgerbridge.state.mending import Wanted
from ledgerbridge.state.models import AuditEntry, DeadLetter, SourceRecord
from ledgerbridge.state.source_records import Fate, Seen, register, set_outcomes
from pages.console.app import app
from tests.unit.console_browser import Browser, serve

ORDER = Actor("order_to_cash", "order", "run-1", "order.transform")
CUSTOMER = replace(ORDER, leg="customer", task="customer.gate")
NAME, SKU = "Zebedeo Quisenberry", "MUGG"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def letters(state_db: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Three orders with one unknown item, of which the amount of one is not known, and a customer without a name."""
    serve(state_db, monkeypatch)
    with transaction(state_db) as session:
        for number, total in (("1", "12.50"), ("2", "1000.00"), ("3", None)):
            reject(session, ORDER, f"shopify:us:order:{number}", total)
        reject(session, CUSTOMER, "shopify:us:customer:7", None, code="LB-GX-001", field="name", value=NAME)
    return state_db


def reject(session: Any, actor: Actor, key: str, total: str | None, **fields: Any) -> None:
    raw = {"name": NAME, "lineItems": [{"sku": SKU}, {"sku": "CUP"}]}
    canonical = {"total": total, "currency": "USD"} if total else None
    given: dict[str, Any] = {"code": "LB-MAP-002", "field": "sku", "value": SKU, **fields}
    letter = Letter(
        step="map", source_key=key, version="v1", record_key=key, message=f'"{given["value"]}" is not known',
        remedy="Create the item.", label=f"{NAME} {key[-1]}", raw=raw, canonical=canonical, changed_at=NOON, **given,
    )  # fmt: skip
    register(session, actor.flow, actor.leg, actor.run_id, "shopify.order", [Seen(key, "v1")], "batch-1")
    reasons = write_letters(session, actor, [letter])
    set_outcomes(session, actor.flow, actor.leg, {key: Fate("rejected", reasons[key])})


def letter(number: str) -> dict[str, Any]:
    """An order's letter as somebody sees it who may mend it."""
    olga = Browser("olga")
    (found,) = olga.get("letters", source_key=f"shopify:us:order:{number}")["letters"]
    return dict(olga.get(f"letters/{found['id']}"))


def test_a_page_of_letters_is_a_part_of_all_in_the_order_asked_for(letters: Engine) -> None:
    olga = Browser("olga")
    first = olga.get("letters", order="amount", limit=2)
    rest = olga.get("letters", order="amount", limit=2, offset=2)
    assert (first["total"], rest["total"]) == (4, 4)
    assert [each["money"] for each in first["letters"]] == [
        {"amount": "1000.00000", "currency": "USD"},
        {"amount": "12.50000", "currency": "USD"},
    ]
    assert [each["money"] for each in rest["letters"]] == [None, None]
    pages = [olga.get("letters", order="amount", limit=1, offset=at)["letters"] for at in range(5)]
    assert [each for page in pages for each in page] == [*first["letters"], *rest["letters"]]
    newest, oldest = (olga.get("letters", order=order)["letters"] for order in ("newest", "oldest"))
    assert newest == oldest[::-1]


@pytest.mark.parametrize(
    ("filters", "count"),
    [({"leg": "order"}, 3), ({"code": "LB-GX-001"}, 1), ({"company": "quay"}, 0), ({"state": "closed"}, 0)],
)
def test_a_list_holds_what_its_filters_choose(letters: Engine, filters: dict[str, str], count: int) -> None:
    found = Browser("olga").get("letters", **filters)
    assert (found["total"], len(found["letters"])) == (count, count)


def test_whoever_sees_one_leg_alone_is_shown_and_counted_its_letters_alone(letters: Engine) -> None:
    wanted, customer = Wanted(("open",)), Place("main", "order_to_cash", "customer")
    with transaction(letters) as session:
        for among, count in (([customer], 1), ([], 0), (None, 4)):
            rows, total = letters_of_page(session, wanted, among, "oldest", 0, 10)
            assert (len(rows), total, sum(each.count for each in causes(session, wanted, among))) == (
                count,
                count,
                count,
            )


def test_letters_of_one_cause_are_counted_together_with_the_money_that_is_known(letters: Engine) -> None:
    of_order, of_customer = Browser("olga").get("causes")
    assert of_order == {
        "company": "main", "flow": "order_to_cash", "leg": "order", "code": "LB-MAP-002", "field": "sku", "count": 3,
        "sums": [{"amount": "1012.50000", "currency": "USD"}],
    }  # fmt: skip
    assert (of_customer["leg"], of_customer["count"], of_customer["sums"]) == ("customer", 1, [])


def test_who_may_not_edit_the_dag_sees_that_something_stands_still_and_no_value(letters: Engine) -> None:
    vera = Browser("vera")
    listed, grouped = vera.get("letters"), vera.get("causes")
    told = json.dumps([listed, grouped, *(vera.get(f"letters/{each['id']}") for each in listed["letters"])])
    assert listed["total"] == 4
    assert [each for each in (NAME, SKU, "1000", "12.5") if each in told] == []
    assert "Create the item." in told
    assert [each["may_mend"] for each in vera.get("me")["places"]] == [False, False]


def test_who_may_not_edit_the_dag_changes_nothing(letters: Engine) -> None:
    seen = letter("1")
    vera = Browser("vera")
    asked = {"seen": {seen["id"]: seen["revision"]}, "reason": "created"}
    correction = {"revision": seen["revision"], "path": "raw.name", "value": "Zeb", "reason": "typo"}
    for path, body in (
        ("letters/replays", asked),
        ("letters/discards", asked),
        (f"letters/{seen['id']}/corrections", correction),
    ):
        refused = vera.post(path, body)
        assert (refused.status_code, "who may edit its DAG" in refused.json()["detail"]) == (403, True)
    assert letter("1") == seen


def test_a_corrected_letter_is_replayed_and_its_history_tells_by_whom_and_why(letters: Engine) -> None:
    uma, seen = Browser("uma"), letter("1")  # an operator, and no engineer
    assert seen["at_fault"] == "raw.lineItems.0.sku"
    correction = {"revision": seen["revision"], "path": seen["at_fault"], "value": "MUG-12", "reason": "typo"}
    assert uma.post(f"letters/{seen['id']}/corrections", correction).status_code == 200
    corrected = letter("1")
    assert corrected["raw"]["lineItems"][0]["sku"] == "MUG-12"
    asked = {"seen": {seen["id"]: corrected["revision"]}, "reason": "it is MUG-12"}
    assert uma.post("letters/replays", asked).json() == {"letters": [seen["id"]]}
    with transaction(letters) as session:
        record = session.scalars(select(SourceRecord).where(SourceRecord.source_key == seen["source_key"])).one()
        assert (record.outcome, session.get_one(DeadLetter, seen["id"]).state) == ("read", "replaying")
        assert verify(session).broken is None
    history = uma.get(f"letters/{seen['id']}")["history"]
    assert [(each["action"], each["by"], each["reason"]) for each in history] == [
        ("dead-lettered", None, None),
        ("dead-letter-corrected", "uma", "typo"),
        ("dead-letter-replayed", "uma", "it is MUG-12"),
    ]


def test_the_second_of_two_people_at_one_letter_is_told_what_the_first_did(letters: Engine) -> None:
    seen, other = letter("1"), letter("2")
    asked = {"seen": {other["id"]: other["revision"], seen["id"]: seen["revision"]}, "reason": "withdrew"}
    done = Browser("otto").post("letters/discards", {**asked, "seen": {seen["id"]: seen["revision"]}})
    assert done.status_code == 200
    late = Browser("olga").post("letters/replays", asked)
    assert (late.status_code, late.json()["code"]) == (409, "LB-LET-007")
    assert f"{seen['id']} is discarded" in late.json()["detail"]
    assert "dead-letter-discarded by otto" in late.json()["detail"]
    assert letter("2") == other, "nothing of what was asked for was done"


def test_fifty_letters_are_replayed_at_once_by_what_the_list_shows_of_them(letters: Engine) -> None:
    with transaction(letters) as session:
        for number in range(4, 51):
            reject(session, ORDER, f"shopify:us:order:{number}", "1.00")
    olga = Browser("olga")
    seen = {each["id"]: each["revision"] for each in olga.get("letters", leg="order")["letters"]}
    done = olga.post("letters/replays", {"seen": seen, "reason": "created"}).json()["letters"]
    assert (len(done), sorted(done)) == (50, sorted(seen))
    assert olga.get("letters", leg="order", state="replaying")["total"] == 50
    late = Browser("otto").post("letters/discards", {"seen": seen, "reason": "withdrew"})
    assert (late.status_code, "and 49 more" in late.json()["detail"]) == (409, True)


def test_a_request_without_the_token_of_the_users_own_page_is_refused(letters: Engine) -> None:
    seen = letter("1")
    asked = {"seen": {seen["id"]: seen["revision"]}, "reason": "created"}
    otto, olga = Browser("otto"), Browser("olga")
    for headers in ({}, {"X-Ledgerbridge-Token": otto.token}, {"X-Ledgerbridge-Token": "Ω".encode()}):
        refused = olga.ask("POST", "letters/replays", json=asked, headers=headers)
        assert refused.status_code == 403
    assert letter("1") == seen


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"seen": {}, "reason": "x"}, "seen"),
        ({"seen": {"a": "b"}, "reason": "  "}, "reason"),
        ({"seen": {"a": "b"}, "reason": "x", "all": True}, "all"),
    ],
    ids=["no-letter", "blank-reason", "unknown-name"],
)
def test_a_request_that_does_not_fit_is_refused_by_the_name_at_fault(
    letters: Engine, body: dict[str, Any], told: str
) -> None:
    refused = Browser("olga").post("letters/discards", body)
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith(f"{told}: ")


def test_what_is_not_there_and_what_can_t_be_changed_is_told_with_its_remedy(letters: Engine) -> None:
    olga, seen = Browser("olga"), letter("1")
    assert olga.ask("GET", "letters/abc").json()["code"] == "LB-LET-001"
    correction = {"revision": seen["revision"], "path": "raw.lineItems.7.sku", "value": "x", "reason": "typo"}
    refused = olga.post(f"letters/{seen['id']}/corrections", correction)
    assert (refused.status_code, refused.json()["code"]) == (422, "LB-LET-004")


@pytest.mark.parametrize(
    ("user", "may"),
    [("vera", (1, 0, 0, 0, 0)), ("uma", (1, 1, 1, 1, 0)), ("olga", (1, 1, 1, 1, 1))],
    ids=["auditor", "operator-and-approver", "engineer"],
)
def test_the_page_of_rights_says_what_airflow_lets_the_user_do(
    letters: Engine, user: str, may: tuple[int, ...]
) -> None:
    told = Browser(user).get("rights")
    assert {(each["flow"], each["stage"]) for each in told} >= {("order_to_cash", "orders"), ("master_data", "items")}
    assert {tuple(each[right] for right in ("reads", "mends", "answers", "starts", "edits")) for each in told} == {may}


def test_nobody_who_is_not_logged_in_gets_anything(letters: Engine) -> None:
    client = TestClient(app, base_url="http://airflow", follow_redirects=False)
    for path in ("me", "rights", "letters", "causes", "letters/abc"):
        assert client.get(f"/api/{path}").status_code == 401
    page = client.get("/letters?leg=order")
    assert page.status_code == 307
    assert "next=" in page.headers["location"]


@pytest.mark.parametrize(
    ("header", "money"),
    [
        ({"total": "12.5", "currency": "USD"}, {"money": 1250000, "currency": "USD"}),
        ({"amount": "-0.00001", "currency": "JPY"}, {"money": -1, "currency": "JPY"}),
        ({"total": "0.000001", "currency": "USD"}, {"money": None, "currency": None}),
        ({"total": "9" * 40, "currency": "USD"}, {"money": None, "currency": None}),
        ({"total": "NaN", "currency": "USD"}, {"money": None, "currency": None}),
        ({"total": "12.5"}, {"money": None, "currency": None}),
    ],
    ids=["total", "amount", "too-fine", "too-large", "no-number", "no-currency"],
)
def test_the_money_of_a_letter_is_known_exactly_or_not_at_all(header: dict[str, Any], money: dict[str, Any]) -> None:
    assert money_of(header) == money


def test_what_a_person_did_is_in_the_audit_by_its_page(letters: Engine) -> None:
    seen = letter("1")
    Browser("olga").post("letters/discards", {"seen": {seen["id"]: seen["revision"]}, "reason": "withdrew"})
    with transaction(letters) as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.task, entry.action, entry.details["by"]) == ("console", "dead-letter-discarded", "olga")


def test_the_audit_tells_once_an_hour_whose_values_somebody_was_shown(letters: Engine) -> None:
    olga, vera = Browser("olga"), Browser("vera")
    first, second = (each["id"] for each in olga.get("letters")["letters"][:2])
    for browser, letter in ((olga, first), (olga, first), (vera, first), (olga, second), (Browser("otto"), first)):
        browser.get(f"letters/{letter}")
    with transaction(letters) as session:
        looked = session.scalars(select(AuditEntry).where(AuditEntry.action == "values-shown").order_by(AuditEntry.id))
        told = [(each.details["by"], each.record_key) for each in looked]
        keys = {each.id: each.source_key for each in session.scalars(select(DeadLetter))}
    assert told == [("olga", keys[first]), ("olga", keys[second]), ("otto", keys[first])]
