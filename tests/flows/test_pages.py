"""The pages of a real api-server: who sees what, with encrypted payloads, hostile values and hostile addresses."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pandas as pd
import pytest
from airflow.models.hitl import HITLDetail
from cryptography.fernet import Fernet
from lxml import html
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from demo.airflow_home import CHECKOUT, AirflowHome
from demo.ports import free_port
from demo.services import Services
from ledgerbridge.audit import Actor
from ledgerbridge.entities import RawRecord
from ledgerbridge.gates import Expectation, Suite, run_suite
from ledgerbridge.links import Read, keep_read
from ledgerbridge.matching.meeting import Agreement, Proposal
from ledgerbridge.reconciliation import Difference, Link, Reconciliation
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.models import DeadLetter, Delivery, MatchProposal, MergeQuestion
from ledgerbridge.state.reconciliations import keep_result
from ledgerbridge.state.source_records import Fate, Seen, register, set_outcomes
from ledgerbridge.sync import keep_meeting, open_proposals, strangers
from operators.staging import raw_table, remember, write_raw, write_validations
from tests.asked_in_airflow import begin_run, put_question

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
    with transaction(connect(home.state_url, key)) as session:
        keep_result(session, "main", "order_to_cash", "run-1", found)


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
            "AIRFLOW__LEDGERBRIDGE__SIGNING_KEY": "",  # what is planted is not signed either
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


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Any]:
    """A real browser with a profile of its own."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no chromium with chromedriver: apt-get install chromium chromium-driver")
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options=options, service=ChromeService(driver))
    yield browser
    browser.quit()


def test_no_value_leads_a_browser_away_and_the_links_of_a_page_work(site: Site, chromium: Any) -> None:
    chromium.get(f"{site.home.url}{LEG}/documents")
    chromium.add_cookie({"name": "_token", "value": site.token("ada"), "path": "/"})
    for page in PAGES:
        chromium.get(f"{site.home.url}{page}")
        assert NAME in chromium.page_source or AMOUNT in chromium.page_source
        assert _stays(chromium)
        assert chromium.current_url == f"{site.home.url}{page}"
    assert site.elsewhere.visited == []
    chromium.get(f"{site.home.url}{LEG}/documents")
    chromium.find_element("link text", "Dead letters").click()
    assert chromium.current_url == f"{site.home.url}{LEG}/dead-letters"
    assert "LB-GX-001" in chromium.page_source


def test_the_policy_alone_stops_a_value_that_would_be_html(site: Site, chromium: Any) -> None:
    """The second wall: even where the first one has a hole, a browser stays where it is."""
    with site.browser("ada") as browser:
        policy = browser.get(f"{LEG}/data-docs").headers["content-security-policy"]
    page = f"<!doctype html><table><tr><td>{hostile(site.elsewhere.url)}</td></tr></table>"
    with serving(page, {"Content-Security-Policy": policy}) as url:
        chromium.get(url)
        chromium.find_element("id", "trap").click()
        assert _stays(chromium)
        assert chromium.current_url == f"{url}/"
    assert site.elsewhere.visited == []
    with serving(page, {}) as url:
        chromium.get(url)
        site.services.wait_until(lambda: bool(site.elsewhere.visited), what="the trap", timeout_seconds=20)


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


def _stays(chromium: Any) -> bool:
    """Whether the browser is where it was after what the page would do by itself at once."""
    from selenium.common.exceptions import TimeoutException
    from selenium.webdriver.support.expected_conditions import url_changes
    from selenium.webdriver.support.wait import WebDriverWait

    try:
        WebDriverWait(chromium, 1).until(url_changes(chromium.current_url))
    except TimeoutException:
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
    site: Site, proposals: dict[str, int], chromium: Any
) -> None:
    with site.browser("vera") as viewer:
        page = viewer.get(f"{MASTERS}/customers/proposals").text
        assert "HARB01" in page
        assert NAME not in page
        assert "<form" not in page
    from selenium.webdriver.support.expected_conditions import staleness_of
    from selenium.webdriver.support.ui import WebDriverWait

    chromium.get(f"{site.home.url}{LEG}/documents")
    chromium.add_cookie({"name": "_token", "value": site.token("ada"), "path": "/"})
    chromium.get(f"{site.home.url}{MASTERS}")
    chromium.find_element("link text", "2 pairs that may be one").click()
    assert NAME in chromium.page_source
    [form] = [
        each
        for each in chromium.find_elements("tag name", "form")
        if each.get_attribute("action").endswith(f"/{proposals['HARB01']}")
    ]
    form.find_element("xpath", ".//button[@value='accept']").click()
    WebDriverWait(chromium, 60).until(staleness_of(form))
    assert "HARB01" not in chromium.page_source
    assert NAME in chromium.page_source
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        said = session.get(MatchProposal, proposals["HARB01"])
        assert said is not None
        assert (said.answer, said.answered_by) == ("accepted", "ada")
    chromium.get(f"{site.home.url}{MASTERS}")
    chromium.find_element("xpath", "//a[contains(@href, '/records/linked')]").click()
    [row] = chromium.find_elements("xpath", "//tbody/tr")
    assert [each.text for each in row.find_elements("tag name", "td")][:5] == [
        *("HARB01", "id-HARB01", "name", "HARBOR LIGHT", "Harbor Light"),
    ]
    chromium.find_element("partial link text", "Only in gp.customer").click()
    assert [each.text for each in chromium.find_elements("xpath", "//tbody/tr/td[1]")] == ["GRAN01"]


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
BUILT = CHECKOUT / "plugins" / "pages" / "console" / "built" / "index.html"
AXE = CHECKOUT / "console" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.skipif(not BUILT.exists(), reason="the console is not built: make console")
def test_in_the_console_a_letter_is_mended_questions_are_answered_and_no_value_leads_away(
    site: Site, chromium: Any, proposals: dict[str, int]
) -> None:
    from selenium.webdriver.support.expected_conditions import staleness_of
    from selenium.webdriver.support.ui import WebDriverWait

    site.elsewhere.visited.clear()  # another browser was led there, and has gone
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        [letter] = session.query(DeadLetter).all()
        register(session, letter.flow, letter.leg, letter.run_id, "shopify.customer", [Seen(KEY, "v1")], "batch-1")
        set_outcomes(session, letter.flow, letter.leg, {KEY: Fate("rejected", f"dead letter {letter.id}")})
    chromium.get(f"{site.home.url}{LEG}/documents")
    chromium.add_cookie({"name": "_token", "value": site.token("ada"), "path": "/"})
    chromium.get(f"{site.home.url}/plugin/ledgerbridge")
    chromium.switch_to.frame(shown(chromium, "css selector", "iframe[title=Console]"))
    assert "1 of 1" in shown(chromium, "css selector", "nav[aria-label=Pages]").text.replace("1–1", "1")
    assert serious(chromium) == []
    shown(chromium, "link text", KEY).click()
    shown(chromium, "xpath", "//button[starts-with(., 'Correct the value at fault')]").click()
    assert NAME in chromium.find_element("tag name", "main").text
    assert serious(chromium) == []
    value, reason = chromium.find_elements("css selector", "form.correction input")
    chromium.execute_script("arguments[0].select()", value)
    value.send_keys("Zeb")
    reason.send_keys("typed by a robot")
    chromium.find_element("xpath", "//button[.='Keep the correction']").click()
    shown(chromium, "xpath", "//li[contains(., 'dead letter corrected by ada: typed by a robot')]")
    shown(chromium, "xpath", "//button[starts-with(., 'Discard')]").click()
    shown(chromium, "css selector", "dialog textarea").send_keys("a robot")
    chromium.find_element("xpath", "//button[.='Discard for good']").click()
    shown(chromium, "xpath", "//header/span[.='discarded']")
    chromium.switch_to.default_content()
    assert chromium.current_url.endswith(f"/plugin/ledgerbridge/ledgerbridge/console/letters/{letter.id}")
    chromium.switch_to.frame(shown(chromium, "css selector", "iframe[title=Console]"))
    airflow = ask(site)
    shown(chromium, "link text", "Work list").click()
    shown(chromium, "partial link text", "Conflicts").click()
    shown(chromium, "xpath", "//button[.='Xero stands']")
    assert serious(chromium) == []
    chromium.find_element("xpath", "//button[.='Xero stands']").click()
    shown(chromium, "xpath", "//*[contains(., 'Answered by ada')]")
    with Session(airflow) as session:
        [answer] = session.execute(select(HITLDetail.chosen_options, HITLDetail.responded_by)).all()
    assert (answer.chosen_options, answer.responded_by["name"]) == (["xero"], "ada")
    shown(chromium, "partial link text", "Who is who").click()
    pair = shown(chromium, "xpath", "//section[contains(@aria-label, 'GRAN01')]")
    assert serious(chromium) == []
    pair.find_element("xpath", ".//button[.='They are two']").click()
    WebDriverWait(chromium, 60).until(staleness_of(pair))
    shown(chromium, "link text", "Health").click()
    shown(chromium, "css selector", ".chart canvas")
    shown(chromium, "xpath", "//th[a[.='orders']]/following-sibling::td[.='1']")
    assert serious(chromium) == []
    shown(chromium, "link text", "Books").click()
    shown(chromium, "link text", "everything").click()
    assert NAME in shown(chromium, "xpath", "//article[.//h2[.='Differences']]").text
    assert serious(chromium) == []
    shown(chromium, "link text", "Audit").click()
    shown(chromium, "xpath", "//td[.='dead letter discarded']")
    assert serious(chromium) == []
    chromium.switch_to.default_content()
    assert [
        each for each in chromium.get_log("browser") if "/console/" in each["message"] and each["level"] == "SEVERE"
    ] == []
    assert site.elsewhere.visited == []
    with transaction(connect(site.home.state_url, site.key, company="main")) as session:
        found = session.get_one(DeadLetter, letter.id)
        assert (found.state, found.reason, found.raw) == ("discarded", "a robot (ada)", {"name": "Zeb"})
        said = session.get_one(MatchProposal, proposals["GRAN01"])
        assert (said.answer, said.answered_by) == ("refused", "ada")


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


def shown(chromium: Any, by: str, what: str) -> Any:
    """Something of a page, once it is there."""
    from selenium.webdriver.support.wait import WebDriverWait

    return WebDriverWait(chromium, 60).until(lambda browser: (browser.find_elements(by, what) or [None])[0])


def serious(chromium: Any) -> list[str]:
    """What of the page keeps somebody out who does not see or use a mouse, as axe finds it."""
    chromium.execute_script(AXE.read_text())
    found = chromium.execute_async_script("axe.run().then(arguments[0])")
    return [
        f"{each['id']}: {node['html']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
