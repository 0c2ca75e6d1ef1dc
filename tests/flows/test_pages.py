"""The pages of a real api-server: who sees what, with encrypted payloads, hostile values and hostile addresses."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pandas as pd
import pytest
from airflow.models.hitl import HITLDetail
from cryptography.fernet import Fernet
from lxml import html
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from demo.airflow_home import CHECKOUT, AirflowHome
from demo.ports import free_port
from demo.services import Services
from ledgerbridge.audit import Actor
from ledgerbridge.drafts.bundle import files_in, pack
from ledgerbridge.drafts.promotions import apply, decide, note_checks, undo
from ledgerbridge.entities import RawRecord
from ledgerbridge.gates import Expectation, Suite, run_suite
from ledgerbridge.links import Read, keep_read
from ledgerbridge.matching.meeting import Agreement, Proposal
from ledgerbridge.reconciliation import Difference, Link, Period, Reconciliation
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.models import DeadLetter, Delivery, MatchProposal, MergeQuestion
from ledgerbridge.state.reconciliations import keep_result
from ledgerbridge.state.signing import Signer, new_key
from ledgerbridge.state.source_records import Fate, Seen, register, set_outcomes
from ledgerbridge.sync import keep_meeting, open_proposals, strangers
from operators.staging import raw_table, remember, write_raw, write_validations
from tests.asked_in_airflow import begin_run, put_question
from tests.browsing import BUILT, Person, chromium, serious
from tests.drafted import FILE, NAMES, git, include_in_git, plant_customers

NAME = "Zebedeo Quisenberry"
AMOUNT = "4711.08"
KEY = "shopify:us:customer:1"
LEG = "/ledgerbridge/dags/order_to_cash.orders/runs/run-1/legs/customer"
RUN = "/ledgerbridge/dags/order_to_cash.reconcile/runs/run-1"
PAGES = [
    f"{LEG}/batch/extract",
    f"{LEG}/dead-letters",
    f"{LEG}/documents",
    f"{LEG}/data-docs",
    f"{RUN}/reconciliation",
]
BUNDLE_KEY = new_key()
MOVED = {"field": "lines.LineAmount", "currency": "USD"}
TRIED = {
    "days": 7,
    "legs": [
        {
            "leg": "order_to_cash.invoice", "entity": "xero.invoice", "records": 19, "before": 19, "after": 19,
            "changed": 7, "added": 0, "gone": 0, "newly_refused": 0, "refused_no_more": 0, "newly_waiting": 0,
            "refusals": [], "totals": [], "assumed": {},
            "accounts": [
                {"role": "additional_fees", "account": "216", **MOVED, "before": "0.00", "after": "85.00"},
                {"role": "shipping_income", "account": "210", **MOVED, "before": "85.00", "after": "0.00"},
            ],
        }
    ],
    "not_shown": {},
}  # fmt: skip
"""What a trial leaves of a change of one account."""
ROLES = {"vera": "viewer", "uma": "user", "olga": "op", "ada": "admin"}
SEE_VALUES = {"uma", "olga", "ada"}
"""Whom Airflow's SimpleAuthManager lets edit a DAG."""


@dataclass(frozen=True)
class Site:
    """An api-server with one run of one leg, and where hostile values want to lead."""

    home: AirflowHome
    services: Services
    passwords: dict[str, str]
    elsewhere: Elsewhere
    key: str

    def browser(self, user: str) -> httpx.Client:
        """A browser with a user's session."""
        return httpx.Client(base_url=self.home.url, cookies={"_token": self.token(user)}, timeout=60)

    def token(self, user: str) -> str:
        login = {"username": user, "password": self.passwords[user]}
        answer = httpx.post(f"{self.home.url}/auth/token", json=login, timeout=60).raise_for_status()
        return str(answer.json()["access_token"])

    def start(self, **environment: str) -> None:
        """Start the api-server, or start it anew with other settings."""
        self.services.stop()
        (server,) = (each for each in self.home.services() if each.name == "airflow-api-server")
        self.services.start(replace(server, environment={**server.environment, **environment}))
        health = f"{self.home.url}/api/v2/monitor/health"
        self.services.wait_until(lambda: _answers(health), what="the api-server", timeout_seconds=120)


class Elsewhere:
    """A server that notes who was led to it."""

    def __init__(self) -> None:
        self.visited: list[str] = []
        visited = self.visited

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visited.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def hostile(elsewhere: str) -> str:
    """What a customer may type as a name."""
    return (
        f'{NAME}</td><meta http-equiv="refresh" content="0;url={elsewhere}/refresh"><base href="{elsewhere}/">'
        f'<img src="{elsewhere}/img"><script>location = "{elsewhere}/script"</script>'
        f'<form action="{elsewhere}/form"><button id="trap">Next</button></form><a href="{elsewhere}/link">Next</a>'
    )


def plant(home: AirflowHome, key: str, name: str, patch: pytest.MonkeyPatch) -> None:
    """What one run of a leg leaves behind, encrypted."""
    patch.setenv("AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY", key)
    folder = f"{(home.state_folder / 'staging').as_uri()}/runs/main/order_to_cash/run-1/customer"
    now = datetime(2026, 3, 2, tzinfo=UTC)
    raw = write_raw(f"{folder}/extract", raw_table([RawRecord(KEY, "v1", now, {"name": name})]))
    suite = Suite(
        name="gp_customer",
        expectations=[
            Expectation(
                expect="expect_column_values_to_match_regex", column="name", arguments={"regex": "^x"}, remedy="rename"
            )
        ],
    )
    found = run_suite(suite, {"header": pd.DataFrame({"record_key": [KEY], "name": [name]})})
    validations = write_validations(f"{folder}/gate/validations", found.validations)
    actor = Actor("order_to_cash", "customer", "run-1", "customer.gate")
    with transaction(connect(home.state_url, key, company="main")) as session:
        remember(session, raw, validations)
        write_letters(
            session,
            actor,
            [Letter("gate", KEY, "v1", KEY, "LB-GX-001", "name", name, f'"{name}"', "rename", raw={"name": name})],
        )
        session.add(
            Delivery(
                flow="order_to_cash", leg="customer", entity="gp.customer", record_key=KEY, state="delivered",
                content_hash="c", idempotency_key="i", canonical={"name": name}, run_id="run-1", updated_at=now,
            )
        )  # fmt: skip
    link = Link("gp", "invoice", "INV1", KEY)
    difference = Difference(
        "missing", "receivables", Decimal(AMOUNT), (link,), "Post it.", f"parts of {AMOUNT} of {NAME}"
    )
    roles = {"receivables": (Decimal(AMOUNT), Decimal(AMOUNT))}
    found = Reconciliation(("gp", "xero"), roles, [difference], {"gain": Decimal(AMOUNT)})
    february = Period(date(2026, 2, 1), date(2026, 2, 28))
    with transaction(connect(home.state_url, key)) as session:
        keep_result(session, "main", "order_to_cash", "run-1", found)
        keep_result(session, "main", "order_to_cash", "run-0", replace(found, differences=[], period=february))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    key = Fernet.generate_key().decode()
    users = ",".join(f"{user}:{role}" for user, role in ROLES.items())
    home = AirflowHome(
        folder / "airflow",
        free_port(),
        extra={
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": users,
            "AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY": key,
            "AIRFLOW__LEDGERBRIDGE__BUNDLE_KEYS": Signer(BUNDLE_KEY).public.known[0],
            "AIRFLOW__LEDGERBRIDGE__SIGNING_KEY": "",  # what is planted is not signed either
            "AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER": str(include_in_git(folder)),
            "AIRFLOW__LEDGERBRIDGE__PUBLISH": "straight",
        },
    )
    home.path.mkdir()
    passwords = {user: f"password-of-{user}" for user in ROLES}
    (home.path / "passwords.json").write_text(json.dumps(passwords))
    home.prepare()
    elsewhere = Elsewhere()
    with pytest.MonkeyPatch.context() as patch:
        plant(home, key, hostile(elsewhere.url), patch)
    with Services(folder / "logs", CHECKOUT) as services:
        site = Site(home, services, passwords, elsewhere, key)
        site.start()
        yield site
    elsewhere.close()


@pytest.mark.parametrize("user", ROLES)
@pytest.mark.parametrize("page", PAGES)
def test_one_rule_says_who_sees_values_on_all_pages(site: Site, user: str, page: str) -> None:
    with site.browser(user) as browser:
        answer = browser.get(page)
    assert answer.status_code == 200, answer.text
    seen = NAME in answer.text or AMOUNT in answer.text
    assert seen == (user in SEE_VALUES)
    assert ("Values are shown to those who may edit the DAG" in answer.text) != seen


def test_values_are_text_on_every_page(site: Site) -> None:
    with site.browser("ada") as browser:
        for page in PAGES:
            document = html.document_fromstring(browser.get(page).text)
            for tag in ("base", "form", "img", "script", "button"):
                assert list(document.iter(tag)) == [], page
            assert [each.get("http-equiv") for each in document.iter("meta") if each.get("http-equiv")] == []
            assert not [each for each in document.iter("a") if site.elsewhere.url in each.get("href", "")]


def test_an_address_beyond_what_databases_count_is_refused_as_a_page(site: Site) -> None:
    with site.browser("ada") as browser:
        for offset in ("9223372036854775807", "9223372036854775808", "1" * 40, "-1", "x"):
            answer = browser.get(f"{LEG}/documents?offset={offset}")
            assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8"), offset
            assert "offset" in answer.text
        assert browser.get(f"{LEG}/documents?offset={2**63 - 101}").status_code == 200
        assert browser.get(f"{LEG}/dead-letters?offset={2**63 - 101}").status_code == 200
        assert browser.get(f"/ledgerbridge/dags/{'d' * 251}/runs/run-1/reconciliation").status_code == 422


def test_a_stage_shows_its_own_legs_and_no_other_stage_s(site: Site) -> None:
    with site.browser("ada") as browser:
        for stage in ("invoices", "money", "reconcile"):
            answer = browser.get(LEG.replace(".orders", f".{stage}") + "/documents")
            assert answer.status_code == 404
            assert NAME not in answer.text
        assert browser.get(f"{RUN.replace('.reconcile', '.orders')}/reconciliation").status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1:1@evil.example"])
def test_login_link_leads_back_to_this_server_whatever_host_was_named(site: Site, host: str) -> None:
    answer = httpx.get(f"{site.home.url}{LEG}/documents?offset=1", headers={"Host": host}, timeout=60)
    assert answer.status_code == 401
    assert "evil" not in answer.text
    (link,) = (
        each.get("href") for each in html.document_fromstring(answer.text).iter("a") if "next=" in each.get("href")
    )
    assert parse_qs(urlsplit(link).query)["next"] == [f"{LEG}/documents?offset=1"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def person(site: Site, browser: Browser) -> Iterator[Callable[[str], Person]]:
    """Users of the site by name, each with a browser of their own."""
    people: list[Person] = []

    def come(user: str) -> Person:
        people.append(Person(browser, site.home.url, site.token(user)))
        return people[-1]

    yield come
    for each in people:
        each.context.close()


def test_no_value_leads_a_browser_away_and_the_links_of_a_page_work(
    site: Site, person: Callable[[str], Person]
) -> None:
    page = person("ada").page
    for address in PAGES:
        page.goto(address)
        assert NAME in page.content() or AMOUNT in page.content()
        assert _stays(page)
        assert page.url == f"{site.home.url}{address}"
    assert site.elsewhere.visited == []
    page.goto(f"{LEG}/documents")
    page.get_by_role("link", name="Dead letters").click()
    expect(page).to_have_url(f"{site.home.url}{LEG}/dead-letters")
    assert "LB-GX-001" in page.content()


def test_the_policy_alone_stops_a_value_that_would_be_html(site: Site, browser: Browser) -> None:
    """The second wall: even where the first one has a hole, a browser stays where it is."""
    with site.browser("ada") as client:
        policy = client.get(f"{LEG}/data-docs").headers["content-security-policy"]
    hole = f"<!doctype html><table><tr><td>{hostile(site.elsewhere.url)}</td></tr></table>"
    with serving(hole, {"Content-Security-Policy": policy}) as url, browser.new_page() as page:
        page.goto(url)
        page.get_by_role("button", name="Next").click(no_wait_after=True)
        assert _stays(page)
        assert page.url == f"{url}/"
    assert site.elsewhere.visited == []
    with serving(hole, {}) as url, browser.new_page() as page:
        page.goto(url, wait_until="commit")
        site.services.wait_until(lambda: bool(site.elsewhere.visited), what="the trap", timeout_seconds=20)
    site.elsewhere.visited.clear()


@contextmanager
def serving(page: str, headers: dict[str, str]) -> Iterator[str]:
    """One page, wherever it is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _stays(page: Page) -> bool:
    """Whether the browser is where it was after what the page would do by itself at once."""
    here = page.url
    try:
        page.wait_for_url(lambda url: url != here, timeout=1000)
    except PlaywrightTimeout:
        return True
    return False


def test_pages_say_which_setting_is_missing_where_the_server_has_no_key(site: Site) -> None:
    site.start(AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY="")
    try:
        with site.browser("ada") as browser:
            for page in PAGES[:4]:
                answer = browser.get(page)
                assert answer.status_code == 503, page
                assert "LB-CFG-021" in answer.text or "LB-STG-003" in answer.text
                assert "[ledgerbridge] payload_key" in answer.text
    finally:
        site.start()


MASTERS = "/ledgerbridge/dags/master_data.customers/masters"
PAIRS = {"HARB01": "Harbor Light", "GRAN01": NAME}
"""Customers that are proposed to be contacts of these names."""


@pytest.fixture(scope="module")
def proposals(site: Site) -> dict[str, int]:
    """The ids of what is asked of customers, by GP's number."""
    sides, at = ("gp.customer", "xero.contact"), datetime(2026, 3, 2, tzinfo=UTC)

    def read(system: str, entity: str, key: str, name: str) -> Read:
        return Read(key, f"{system}:main:{entity}:{key}", key, {"name": name}, 1, at)

    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        customers = [read("gp", "customer", key, name.upper()) for key, name in PAIRS.items()]
        contacts = [read("xero", "contact", f"id-{key}", name) for key, name in PAIRS.items()]
        keep_read(session, "main", "customer", {sides[0]: customers, sides[1]: contacts})
        met = strangers(session, "main", "customer", sides, "customer_number")
        agreement = (Agreement("name", "the same", 9.1),)
        asked = [Proposal(key, f"id-{key}", 0.9, "review", True, agreement) for key in PAIRS]
        keep_meeting(session, Actor("master_data", "", "", "test"), "main", "customer", met, asked)
        return {str(each.left_number): each.id for each in open_proposals(session, "main", "customer")}


def test_who_may_edit_the_dag_says_in_the_browser_who_is_who_and_the_audit_has_their_name(
    site: Site, proposals: dict[str, int], person: Callable[[str], Person]
) -> None:
    with site.browser("vera") as viewer:
        shown = viewer.get(f"{MASTERS}/customers/proposals").text
        assert "HARB01" in shown
        assert NAME not in shown
        assert "<form" not in shown
    page = person("ada").page
    page.goto(MASTERS)
    page.get_by_role("link", name="2 pairs that may be one").click()
    expect(page.get_by_role("main")).to_contain_text(NAME)
    accept = page.locator(f"form[action$='/{proposals['HARB01']}']").locator("button[value=accept]")
    accept.click()
    expect(accept).to_have_count(0)
    assert "HARB01" not in page.content()
    assert NAME in page.content()
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        said = session.get(MatchProposal, proposals["HARB01"])
        assert said is not None
        assert (said.answer, said.answered_by) == ("accepted", "ada")
    page.goto(MASTERS)
    page.locator("a[href*='/records/linked']").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.locator("tbody td").all_inner_texts()[:5] == [
        *("HARB01", "id-HARB01", "name", "HARBOR LIGHT", "Harbor Light"),
    ]
    page.get_by_role("link", name="Only in gp.customer").click()
    expect(page.locator("tbody tr td:first-child")).to_have_text(["GRAN01"])


def test_lists_of_masters_show_what_is_held_to_those_alone_who_may_edit_the_dag(
    site: Site, proposals: dict[str, int]
) -> None:
    with site.browser("vera") as viewer, site.browser("ada") as editor:
        for browser, sees in ((viewer, False), (editor, True)):
            page = browser.get(f"{MASTERS}/customers/records/xero.contact").text
            assert ("id-GRAN01" in page, NAME in page) == (True, sees)
        assert "There is none." in editor.get(f"{MASTERS}/customers/records/waiting").text
        assert "id-GRAN01" not in editor.get(f"{MASTERS}/customers/records/xero.contact?offset=100").text
        assert editor.get(f"{MASTERS}/customers/records/gp.item").status_code == 404
        assert editor.get(f"{MASTERS}/customer/records/linked").status_code == 404


@pytest.mark.parametrize("token", ["of another page", "Ω"], ids=["text", "beyond-ascii"])
@pytest.mark.parametrize("user", ["vera", "ada"])
def test_an_answer_without_the_token_of_the_users_own_page_is_refused(
    site: Site, proposals: dict[str, int], user: str, token: str
) -> None:
    with site.browser(user) as browser:
        sent = {"answer": "refuse", "token": token}
        answer = browser.post(f"{MASTERS}/customers/proposals/{proposals['GRAN01']}", data=sent)
    assert answer.status_code == 403
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        assert "GRAN01" in {each.left_number for each in open_proposals(session, "main", "customer")}


CITIES = {"gp": "Salem", "xero": "Lynn"}
built = pytest.mark.skipif(not BUILT.exists(), reason="the console is not built: make console")


def plant_letters(site: Site, leg: str, count: int) -> None:
    """Records of a leg that stand still for one cause."""
    actor = Actor("order_to_cash", leg, "run-2", f"{leg}.transform")
    keys = [f"shopify:us:{leg}:{number}" for number in range(count)]
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        letters = [
            Letter("map", key, "v1", key, "LB-MAP-002", "sku", "MUGG", "MUGG is not known", "Create the item.",
                   raw={"sku": "MUGG"}, label=f"Letter {key}")
            for key in keys
        ]  # fmt: skip
        register(session, actor.flow, leg, actor.run_id, "shopify.order", [Seen(key, "v1") for key in keys], "batch-2")
        reasons = write_letters(session, actor, letters)
        set_outcomes(session, actor.flow, leg, {key: Fate("rejected", reasons[key]) for key in keys})


@built
def test_in_airflow_s_frame_a_letter_is_corrected_and_discarded_and_no_value_leads_away(
    site: Site, person: Callable[[str], Person]
) -> None:
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        [letter] = session.query(DeadLetter).filter(DeadLetter.run_id == "run-1").all()
        register(session, letter.flow, letter.leg, letter.run_id, "shopify.customer", [Seen(KEY, "v1")], "batch-1")
        set_outcomes(session, letter.flow, letter.leg, {KEY: Fate("rejected", f"dead letter {letter.id}")})
    ada = person("ada")
    ada.page.goto("/plugin/ledgerbridge")
    console = ada.console_in_airflow()
    expect(console.get_by_role("navigation", name="Pages")).to_contain_text("1–1 of 1")
    assert serious(console) == []
    console.get_by_role("link", name=KEY).first.click()
    console.get_by_role("button", name="Correct the value at fault").click()
    expect(console.get_by_role("main")).to_contain_text(NAME)
    assert serious(console) == []
    console.get_by_role("textbox", name="raw.name").fill("Zeb")
    console.get_by_role("textbox", name="Reason").fill("typed by a robot")
    console.get_by_role("button", name="Keep the correction").click()
    expect(console.get_by_text("dead letter corrected by ada: typed by a robot")).to_be_visible()
    console.get_by_role("button", name="Discard").click()
    console.get_by_role("dialog").get_by_role("textbox", name="Reason").fill("a robot")
    console.get_by_role("button", name="Discard for good").click()
    expect(console.get_by_text("discarded", exact=True)).to_be_visible()
    expect(ada.page).to_have_url(f"{site.home.url}/plugin/ledgerbridge/ledgerbridge/console/letters/{letter.id}")
    assert ada.complaints == []
    assert site.elsewhere.visited == []
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        found = session.get_one(DeadLetter, letter.id)
        assert (found.state, found.reason, found.raw) == ("discarded", "a robot (ada)", {"name": "Zeb"})


@built
def test_the_second_of_two_people_at_one_letter_is_told_what_the_first_did(
    site: Site, person: Callable[[str], Person]
) -> None:
    plant_letters(site, "payment", 1)
    ada, olga = person("ada"), person("olga")
    for each in (ada, olga):
        each.open_console("letters?leg=payment").get_by_role("link", name="Letter shopify:us:payment:0").click()
    ada.page.get_by_role("button", name="Take it on").click()
    expect(ada.page.get_by_text("With you", exact=True)).to_be_visible()
    olga.page.get_by_role("button", name="Take it on").click()
    expect(olga.page.get_by_text("is with ada by now")).to_be_visible()
    expect(olga.page.get_by_text("With ada", exact=True)).to_be_visible()
    olga.page.get_by_role("button", name="Replay").click()
    olga.page.get_by_role("textbox", name="Reason").fill("created")
    ada.page.get_by_role("button", name="Discard").click()
    ada.page.get_by_role("textbox", name="Reason").fill("withdrawn")
    ada.page.get_by_role("button", name="Discard for good").click()
    expect(ada.page.get_by_text("discarded", exact=True)).to_be_visible()
    olga.page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(olga.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("dead-letter-discarded by ada")
    olga.page.keyboard.press("Escape")
    expect(olga.page.get_by_role("dialog")).to_have_count(0)


@built
def test_fifty_letters_are_tagged_and_replayed_at_once(site: Site, person: Callable[[str], Person]) -> None:
    plant_letters(site, "order", 50)
    page = person("ada").open_console()
    page.get_by_role("complementary", name="Causes").get_by_role("link", name="50 order LB-MAP-002 sku").click()
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("1–50 of 50")
    page.get_by_role("checkbox", name="Choose all of this page").check()
    page.get_by_role("button", name="Take on").click()
    expect(page.get_by_role("cell", name="ada")).to_have_count(50)
    page.get_by_role("button", name="Replay").click()
    page.get_by_role("textbox", name="Reason").fill("item created")
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(page.get_by_text("Nothing stands still here")).to_be_visible()
    page.get_by_label("State").select_option("replaying")
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("1–50 of 50")
    page.go_back()
    expect(page.get_by_label("State")).to_have_value("open")
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        replaying = session.query(DeadLetter).filter(DeadLetter.state == "replaying")
        assert {each.leg for each in replaying} == {"order"}
        assert replaying.count() == 50


@built
def test_a_conflict_and_a_pair_are_answered_and_every_page_can_be_used_by_everybody(
    site: Site, person: Callable[[str], Person], proposals: dict[str, int]
) -> None:
    airflow = ask(site)
    ada = person("ada")
    page = ada.open_console()
    page.get_by_role("link", name="Conflicts").click()
    stands = page.get_by_role("button", name="Xero stands")
    stands.wait_for()
    assert serious(page) == []
    stands.click()
    expect(page.get_by_text("Answered by ada")).to_be_visible()
    with Session(airflow) as session:
        [answer] = session.execute(select(HITLDetail.chosen_options, HITLDetail.responded_by)).all()
    assert (answer.chosen_options, answer.responded_by["name"]) == (["xero"], "ada")
    page.get_by_role("link", name="Who is who").click()
    pair = page.get_by_role("region", name="customer GRAN01")
    pair.wait_for()
    assert serious(page) == []
    pair.get_by_role("button", name="They are two").click()
    expect(pair).to_have_count(0)
    page.get_by_role("link", name="Health").click()
    page.get_by_role("img", name="Documents delivered and refused by hour").wait_for()
    expect(page.get_by_role("row", name="orders order to cash")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("link", name="Books").click()
    page.get_by_role("link", name="everything").click()
    expect(page.get_by_role("article")).to_contain_text(NAME)
    assert serious(page) == []
    page.get_by_label("Period").select_option("2026-02-01 to 2026-02-28: agree")
    expect(page.get_by_role("heading", name="main: 2026-02-01 to 2026-02-28")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="main: everything")).to_be_visible()
    page.get_by_role("link", name="Audit").click()
    page.get_by_role("cell", name="answered").wait_for()
    assert serious(page) == []
    assert ada.complaints == []
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        said = session.get_one(MatchProposal, proposals["GRAN01"])
        assert (said.answer, said.answered_by) == ("refused", "ada")


@built
def test_a_rule_is_changed_broken_seen_at_its_field_tried_published_and_taken_back(
    site: Site, person: Callable[[str], Person]
) -> None:
    """By keyboard, from the list of mappings on."""
    include = site.home.path.parent / "include"
    shipped = (include / FILE).read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY", site.key)
        plant_customers(connect(site.home.state_url, site.key, company="main"), site.home.state_folder / "staging")
    olga, vera = person("olga"), person("vera")
    page = olga.open_console("mappings")
    page.get_by_role("searchbox", name="Find").press_sequentially("gp.customer order_to_cash")
    link = page.get_by_role("link", name="customer to gp customer", exact=True)
    link.wait_for()
    assert serious(page) == []
    link.press("Enter")
    cities = page.get_by_role("row", name=re.compile("^CITY"))
    city = cities.filter(has=page.get_by_role("button", name="CITY", exact=True))  # not the row of a suggestion
    expect(city).to_contain_text("Salem")
    assert serious(page) == []
    page.get_by_role("button", name="CITY", exact=True).press("Enter")
    editor = page.get_by_role("form", name="Rule of CITY")
    rule = editor.get_by_role("textbox", name="Rule of CITY")
    expect(rule).to_be_focused()
    rule.fill("{from: nam}")
    expect(editor.get_by_text('"nam" is no field of')).to_be_visible()
    rule.fill("{from: name, convert: {decimal: {places: 2}}}")
    expect(editor.get_by_role("row", name="customer:0")).to_contain_text("LB-MAP-003")
    assert serious(page) == []
    rule.press("Control+Enter")
    expect(editor).to_have_count(0)
    expect(city).to_contain_text("2 of 2")
    page.get_by_role("button", name="CITY", exact=True).press("Enter")
    rule.fill("{from: name, convert: {text: {max: 35, code_page: cp1252}}}")
    expect(editor.get_by_role("row", name="customer:1")).to_contain_text(NAMES[1])
    rule.press("Control+Enter")
    draft = page.get_by_role("region", name="Draft")
    expect(draft.get_by_text("+  CITY: {from: name")).to_be_visible()
    assert (include / FILE).read_text() == shipped
    draft.get_by_role("button", name="Try", exact=True).press("Enter")
    expect(draft.get_by_text("0 records of the last 7 days").first).to_be_visible()
    assert serious(page) == []
    draft.get_by_role("textbox", name="Why").fill("Cities are named by people.")
    draft.get_by_role("button", name="Publish").press("Enter")
    expect(page.get_by_text("Cities are named by people.")).to_be_visible()
    assert git(include, "log", "-1", "--format=%an: %s").strip() == "olga: Cities are named by people."
    assert (include / FILE).read_text() == shipped.replace(
        "{from: city, convert: {text: {max: 35, cut: word, code_page: cp1252}}}",
        "{from: name, convert: {text: {max: 35, code_page: cp1252}}}",
    )
    viewed = vera.open_console("mappings/customer_to_gp_customer")
    expect(viewed.get_by_text("Engineers edit a mapping")).to_be_visible()
    assert NAMES[1] not in viewed.content()
    # an operator sees values, and edits nothing
    mended = person("uma").open_console("mappings/customer_to_gp_customer")
    expect(mended.get_by_text("Engineers edit a mapping")).to_be_visible()
    expect(mended.get_by_role("row", name=re.compile("^CITY"))).to_contain_text(NAMES[0])
    expect(mended.get_by_role("button", name="CITY", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Draft the text before it").press("Enter")
    draft.get_by_role("textbox", name="Why").fill("They are not.")
    draft.get_by_role("button", name="Publish").press("Enter")
    expect(page.get_by_text("They are not.")).to_be_visible()
    assert (include / FILE).read_text() == shipped
    assert olga.complaints == []


@built
def test_a_bundle_is_offered_seen_with_what_it_changes_and_approved_by_somebody_else(
    site: Site, person: Callable[[str], Person]
) -> None:
    include = site.home.path.parent / "include"
    before = files_in(include)
    changed = {**before, FILE: before[FILE].replace(b"from: city", b"from: name")}
    signer, state = Signer(BUNDLE_KEY), connect(site.home.state_url, site.key)
    content = pack(changed, signer, "tess", datetime.now(UTC), "test")
    olga, ada = person("olga"), person("ada")
    page = olga.open_console("bundles")
    expect(page.get_by_text("No bundle was offered here yet.")).to_be_visible()
    assert serious(page) == []
    upload = page.get_by_label("Offer a bundle")
    upload.set_input_files({"name": "b.zip", "mimeType": "application/zip", "buffer": content[:-1] + b"!"})
    expect(page.get_by_role("alert")).to_contain_text("the bundle is refused")
    assert [each for each in olga.complaints if "422" not in each] == []
    upload.set_input_files({"name": "b.zip", "mimeType": "application/zip", "buffer": content})
    expect(page.get_by_role("heading", name="Bundle 1")).to_contain_text("offered")
    expect(page.get_by_role("region", name=f"Changed lines of {FILE}")).to_contain_text("+  CITY: {from: name")
    expect(page.get_by_role("button", name="Check it, and ask for approval")).to_be_visible()
    actor = Actor("", "", "run-9", "check")
    with transaction(state) as session:
        note_checks(session, actor, 1, before, [], TRIED)
    page.reload()
    expect(page.get_by_text("somebody else approves it")).to_be_visible()
    expect(page.get_by_role("row", name="shipping_income 210")).to_contain_text("−85.00")
    assert serious(page) == []
    seen = ada.open_console("bundles/1")
    link = seen.get_by_role("link", name="Approve or reject it in Airflow")
    expect(link).to_have_attribute("href", re.compile("/dags/promote/runs/run-9/tasks/approve/required_actions$"))
    assert serious(seen) == []
    with transaction(state) as session:
        decide(session, actor, 1, ["ada"], "ada", approved=True, approvers={})
    apply(state, actor, include, 1, signer.public, signer)
    expect(page.get_by_role("heading", name="Bundle 1")).to_contain_text("applied")
    expect(page.get_by_text("approved by ada")).to_be_visible()
    expect(page.get_by_role("button", name="Take it back …")).to_be_visible()
    undo(state, actor, include, 1, signer, "olga")
    page.get_by_role("link", name="← Promotion").click()
    expect(page.get_by_role("row", name=re.compile("Bundle 1"))).to_contain_text("taken back by olga")
    assert serious(page) == []
    assert files_in(include) == before
    assert ada.complaints == []


def ask(site: Site) -> Engine:
    """Airflow's database, after a run put a question to people: of a customer's city."""
    asks = "master_data.customers_questions"
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        session.add(
            MergeQuestion(
                kind="customer", record_key="gp:main:customer:A1", field="city", number="A1", values=CITIES,
                asked_at=datetime(2026, 3, 2, tzinfo=UTC), put_in=f"{asks} run-1",
            )
        )  # fmt: skip
    airflow = create_engine(f"sqlite:///{site.home.path / 'airflow.db'}")
    with Session(airflow) as session:
        begin_run(session, asks)
        put_question(session, asks, "customer A1: whose city stands?")
    return airflow
