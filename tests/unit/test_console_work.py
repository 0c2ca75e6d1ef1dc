"""People note at the entries of the work list who takes them on, tags and comments: over a real state database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from ledgerbridge.audit import Actor, Change, append, verify
from ledgerbridge.drafts.store import begin
from ledgerbridge.state import transaction
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.models import AuditEntry, DeadLetter, Delivery, MergeQuestion
from ledgerbridge.state.purge import purge_payloads
from operators import settings
from pages.console.app import app
from tests.drafted import FILE, MAPPING
from tests.unit.console_browser import Browser, serve

ORDER = Actor("order_to_cash", "order", "run-1", "order.map")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WORDS = "Zebedeo called, he is on it"


@pytest.fixture
def work(state_db: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Three letters, a question to people, a document of unknown outcome."""
    serve(state_db, monkeypatch)
    with transaction(state_db) as session:
        letters = [
            Letter("map", f"shopify:us:order:{each}", "v1", f"shopify:us:order:{each}", "LB-MAP-002", "sku", "MUGG",
                   "not known", "Create it.", raw={"sku": "MUGG"})
            for each in (1, 2, 3)
        ]  # fmt: skip
        write_letters(session, ORDER, letters)
        session.add(
            MergeQuestion(
                kind="customer", record_key="gp:main:customer:A1", field="city", number="A1", asked_at=NOON,
                values={"gp": "Salem", "xero": "Lynn"},
            )
        )  # fmt: skip
        session.add(
            Delivery(
                flow="order_to_cash", leg="order", entity="gp.sales_order", record_key="o1", state="sending",
                content_hash="c", idempotency_key="o1", run_id="run-1", updated_at=NOON, called_at=NOON, attempts=1,
            )
        )  # fmt: skip
        session.flush()
        append(session, replace(ORDER, task="order.load"), [Change("sending", "gp.sales_order", "o1")])
    return state_db


def ids(browser: Browser) -> list[str]:
    return [each["id"] for each in browser.get("letters")["letters"]]


def of(letter: str) -> dict[str, Any]:
    """What is noted at a letter."""
    return dict(Browser("olga").get(f"letters/{letter}")["work"])


def test_letters_are_taken_on_found_by_who_has_them_and_given_back(work: Engine) -> None:
    olga = Browser("olga")
    first, second, third = ids(olga)
    assert olga.post(
        "work/assignments", {"kind": "letter", "seen": {first: None, second: None}, "to": "olga"}
    ).is_success
    assert {each["id"] for each in olga.get("letters", assignee="olga")["letters"]} == {first, second}
    assert [each["id"] for each in olga.get("letters", unassigned=True)["letters"]] == [third]
    assert sum(each["count"] for each in olga.get("causes", assignee="olga")) == 2
    assert olga.get("me")["people"] == ["olga"]
    assert olga.post("work/assignments", {"kind": "letter", "seen": {first: "olga"}, "to": None}).is_success
    assert [of(each)["assignee"] for each in (first, second, third)] == [None, "olga", None]
    told = [(each["action"], each["by"], each["reason"]) for each in olga.get(f"letters/{first}")["history"]]
    assert told[1:] == [("assigned", "olga", "to olga"), ("given-back", "olga", None)]
    with transaction(work) as session:
        assert verify(session).broken is None


def test_of_two_who_take_one_letter_on_at_once_the_second_is_told_who_has_it(work: Engine) -> None:
    olga, otto = Browser("olga"), Browser("otto")
    first, second, _ = ids(olga)
    assert otto.post("work/assignments", {"kind": "letter", "seen": {first: None}, "to": "otto"}).is_success
    late = olga.post("work/assignments", {"kind": "letter", "seen": {second: None, first: None}, "to": "olga"})
    assert (late.status_code, late.json()["code"]) == (409, "LB-WRK-002")
    assert "is with otto by now" in late.json()["detail"]
    assert [of(each)["assignee"] for each in (first, second)] == ["otto", None], "all of it or nothing"


def test_tags_and_comments_are_kept_found_and_audited_without_the_words(work: Engine) -> None:
    olga = Browser("olga")
    first, second, _ = ids(olga)
    assert olga.post("work/tags", {"kind": "letter", "entries": [first, second], "add": ["ask-gp", "march"]}).is_success
    assert olga.post("work/tags", {"kind": "letter", "entries": [second], "remove": ["march"]}).is_success
    assert olga.post("work/comments", {"kind": "letter", "entry": first, "text": WORDS}).is_success
    assert [each["id"] for each in olga.get("letters", tag="march")["letters"]] == [first]
    assert (of(first)["tags"], of(second)["tags"]) == (["ask-gp", "march"], ["ask-gp"])
    assert [(each["by"], each["text"]) for each in of(first)["comments"]] == [("olga", WORDS)]
    with transaction(work) as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [each.action for each in entries[4:8]] == ["tagged", "tagged", "tagged", "commented"]
        assert WORDS not in json.dumps([each.details for each in entries])
        assert verify(session).broken is None


@pytest.mark.parametrize(
    ("kind", "lists", "of"), [("question", "questions", "questions"), ("unknown", "unknown", "documents")]
)
def test_whatever_waits_can_be_taken_on(work: Engine, kind: str, lists: str, of: str) -> None:
    olga = Browser("olga")
    if kind == "question":
        with transaction(work) as session:
            entry = str(session.scalars(select(MergeQuestion.id)).one())
    else:
        entry = str(olga.get(lists)[of][0]["id"])
    assert olga.post("work/assignments", {"kind": kind, "seen": {entry: None}, "to": "otto"}).is_success
    assert olga.post("work/comments", {"kind": kind, "entry": entry, "text": WORDS}).is_success
    if kind == "unknown":
        [shown] = olga.get("unknown")["documents"]
        assert (shown["work"]["assignee"], shown["work"]["comments"][0]["text"]) == ("otto", WORDS)
    with transaction(work) as session:
        assert verify(session).broken is None


def test_who_may_not_edit_the_dag_sees_who_has_a_letter_and_nothing_that_people_wrote(work: Engine) -> None:
    olga, vera = Browser("olga"), Browser("vera")
    first, *_ = ids(olga)
    olga.post("work/assignments", {"kind": "letter", "seen": {first: None}, "to": "olga"})
    olga.post("work/tags", {"kind": "letter", "entries": [first], "add": ["zebedeo"]})
    olga.post("work/comments", {"kind": "letter", "entry": first, "text": WORDS})
    seen = vera.get(f"letters/{first}")
    assert seen["work"] == {"assignee": "olga", "tags": [], "comments": []}
    assert "ebedeo" not in json.dumps([seen, vera.get("letters")])
    assert vera.get("letters", tag="zebedeo")["total"] == 0


def test_an_auditor_can_do_none_of_the_writing(work: Engine) -> None:
    """Every address that takes something is asked for, also one that is added later."""
    vera = Browser("vera")
    letter, *_ = ids(vera)
    revision = vera.get(f"letters/{letter}")["revision"]
    bodies = {
        "/letters/{letter_id}/corrections": {"revision": revision, "path": "raw.sku", "value": "x", "reason": "x"},
        "/letters/replays": {"seen": {letter: revision}, "reason": "x"},
        "/letters/discards": {"seen": {letter: revision}, "reason": "x"},
        "/proposals/answers": {"company": "main", "kind": "customer", "answers": {"1": "accept"}},
        "/payloads": {"company": "main", "wanted": "o1", "flow": "order_to_cash", "leg": "order"},
        "/sign-offs/{company}/{sign_off}/reopenings": {"reason": "x"},
        "/work/assignments": {"kind": "letter", "seen": {letter: None}, "to": "vera"},
        "/work/tags": {"kind": "letter", "entries": [letter], "add": ["x"]},
        "/work/comments": {"kind": "letter", "entry": letter, "text": "x"},
    }
    rule: dict[str, Any] = {"location": ["header", "CITY"], "written": "city"}
    edits = {"edits": [{"do": "take_away", "location": ["owner"]}]}
    of_files: dict[str, dict[str, Any]] = {
        "mappings/{name}/previews": rule, "mappings/{name}/changes": {**rule, "seen": 0},
        "mappings/{name}/lines": {"seen": 0, "target": "CITY", "source": "name"},
        "mappings/{name}/decisions": {"seen": 0}, "mappings/{name}/acceptances": {},
        "beginnings": {"kind": "flows", "name": "mine"},
        "flows/{name}/previews": edits, "flows/{name}/changes": {**edits, "seen": 0},
        "flows/{name}/texts": {"seen": 1, "text": "x"}, "expectations/{name}/texts": {"seen": 1, "text": "x"},
        "expectations/{name}/previews": edits, "expectations/{name}/changes": {**edits, "seen": 0},
        "reviews/{number}/comments": {"text": "x"}, "lookups/{name}/texts": {"seen": 0, "text": "x"},
        "{kind}/{name}/trials": {"days": 1}, "{kind}/{name}/merges": {"seen": 1},
        "{kind}/{name}/publications": {"seen": 1, "note": "x"}, "{kind}/{name}/rollbacks": {"publication": 1},
        "{kind}/{name}/discards": {"seen": 1},
    }  # fmt: skip
    bodies |= {f"/design/{path}": body for path, body in of_files.items()}
    bodies |= {
        "/design/bundles": {"content": "eA=="}, "/design/bundles/packs": {}, "/design/bundles/{number}/rollbacks": {},
    }  # fmt: skip
    changes_nothing = {"/audit/verifications", "/evidence"}
    posts = {path.removeprefix("/api") for path, told in app.openapi()["paths"].items() if set(told) != {"get"}}
    assert posts == bodies.keys() | changes_nothing
    before = vera.get("letters")
    with transaction(work) as session:
        begin(session, FILE, "", "olga")
    for path, body in bodies.items():
        names = {"letter_id": letter, "kind": "mappings", "company": "main", "sign_off": 1, "number": 1}
        of_kind = {"flows": "order_to_cash", "expectations": "gp_customer", "lookups": "payment_terms"}
        names["name"] = next((name for kind, name in of_kind.items() if f"/{kind}/" in path), MAPPING)
        answer = vera.post(path.removeprefix("/").format(**names), body)
        assert answer.status_code == 403, (path, answer.text)
    assert vera.get("letters") == before


def test_what_is_not_there_is_told_and_nothing_is_noted(work: Engine) -> None:
    olga = Browser("olga")
    first, *_ = ids(olga)
    for kind, entry in (("letter", "abc"), ("question", "99"), ("question", "f" * 32), ("overdue", "9" * 32)):
        answer = olga.post("work/comments", {"kind": kind, "entry": entry, "text": WORDS})
        assert (answer.status_code, answer.json()["code"]) == (404, "LB-WRK-001")
    mixed = olga.post("work/assignments", {"kind": "letter", "seen": {first: None, "abc": None}, "to": "olga"})
    assert (mixed.status_code, of(first)["assignee"]) == (404, None)
    assert olga.post("work/tags", {"kind": "letter", "entries": [first], "add": ["two words"]}).status_code == 422


def test_a_remedy_leads_to_the_file_and_the_pages_where_it_is_done(
    work: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = next(each for each in settings.include_folder().glob("mappings/*order*.yaml"))
    with transaction(work) as session:
        letter = Letter(
            "map", "shopify:us:order:9", "v1", "shopify:us:order:9", "LB-MAP-002", "sku", "MUGG", "not known",
            "Give it a line in include/lookups/tax_titles.csv.", rule=f"{file.name}:46 (ITEMNMBR)", raw={"sku": "MUGG"},
        )  # fmt: skip
        write_letters(session, ORDER, [letter])
    extra = {"addresses": "order https://admin.example.com/orders/{id}\nhome javascript:alert(1)"}
    shop, *_ = settings.company("main").connections_of("shopify")
    monkeypatch.setenv(f"AIRFLOW_CONN_{shop.upper()}", json.dumps({"conn_type": "shopify", "extra": extra}))
    [found] = Browser("olga").get("letters", source_key="shopify:us:order:9")["letters"]
    places = {each["title"]: each["address"] for each in Browser("olga").get(f"letters/{found['id']}")["mended_at"]}
    assert places == {
        f"mappings/{file.name}:46": None,
        "lookups/tax_titles.csv": None,
        "shopify order": "https://admin.example.com/orders/9",
    }
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__FILES_URL", "https://git.example.com/{path}#L{line}")
    [file_first, *_] = Browser("olga").get(f"letters/{found['id']}")["mended_at"]
    assert file_first["address"] == f"https://git.example.com/mappings/{file.name}#L46"
    assert Browser("vera").get(f"letters/{found['id']}")["mended_at"] == []


def test_a_purge_takes_the_words_but_of_letters_that_go_on(work: Engine) -> None:
    olga = Browser("olga")
    first, second, _ = ids(olga)
    for each in (first, second):
        olga.post("work/comments", {"kind": "letter", "entry": each, "text": WORDS})
        olga.post("work/tags", {"kind": "letter", "entries": [each], "add": ["march"]})
    with transaction(work) as session:
        session.get_one(DeadLetter, first).state = "closed"
        session.flush()
        purge_payloads(session, database_now(session) + timedelta(days=1))
    assert [(of(each)["comments"] != [], of(each)["tags"]) for each in (first, second)] == [
        (False, ["march"]),
        (True, ["march"]),
    ]
