"""
Gates and tables in the console: expectations from a menu, tried on recent documents at once, published as people write
them; and what drafts of all kinds of files would have done.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from playwright.sync_api import expect
from sqlalchemy import Engine, select

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.expectations.menu import menu
from ledgerbridge.gates import Suite, run_suite
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.yaml_edits import YamlText, in_braces
from ledgerbridge.yaml_files import Location
from operators import settings
from operators.staging import remember, write_frames
from operators.systems import live_lookup
from pages.console.design.edits import edited
from pages.console.design.flow_models import Put
from tests.browsing import Person, serious
from tests.drafted import NAMES, draft, git, plant_fee
from tests.unit.console_browser import Browser
from tests.unit.console_site import built, console_of, planted

FILE = "expectations/gp_customer.yaml"
PAGE = "design/expectations/gp_customer"
ADDED = {
    "expect": "expect_column_value_lengths_to_be_between", "column": "CUSTNAME", "arguments": {"max_value": 15},
    "remedy": "Shorten the name.",
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Engine]]:
    """A repository with the shipped files; two customers have come to the gate of the leg `customer`."""
    with planted(tmp_path, monkeypatch) as planted_site:
        yield planted_site


@pytest.fixture
def include(site: tuple[Path, Engine]) -> Path:
    return site[0]


def put(at: int, value: Any, *key: str) -> dict[str, Any]:
    return {"do": "put", "location": ["expectations", at, *key], "value": value}


def test_an_expectation_is_tried_as_it_is_written_published_and_only_its_line_is_another(
    site: tuple[Path, Engine],
) -> None:
    include, state = site
    olga = Browser("olga")
    shipped = (include / FILE).read_text()
    shown = olga.get(PAGE)
    assert shown["text"] == shipped
    assert (shown["problems"], shown["tried"]["documents"], shown["tried"]["rejected"]) == ([], 2, 0)
    last = len(shown["expectations"])
    tried = olga.post(f"{PAGE}/previews", {"edits": [put(last, ADDED)]}).json()
    names = ("record_key", "expectation", "value", "newly")
    told = [tuple(each[name] for name in names) for each in tried["tried"]["stopped"]]
    assert told == [("customer:0", last, NAMES[0], True)]
    assert (tried["tried"]["rejected"], tried["tried"]["live"], tried["expectations"][last]["stopped"]) == (1, 0, 1)
    assert olga.get(PAGE)["draft"] is None
    kept = olga.post(f"{PAGE}/changes", {"seen": 0, "edits": [put(last, ADDED)]}).json()
    warned = {"seen": 2, "edits": [put(last, "warn", "otherwise")]}
    kept = olga.post(f"{PAGE}/changes", warned).json()
    assert (kept["tried"]["rejected"], kept["tried"]["warned"]) == (0, 1)
    olga.post(f"{PAGE}/publications", {"seen": 3, "note": "Names fit the label."}).raise_for_status()
    added = (
        "  - {expect: expect_column_value_lengths_to_be_between, column: CUSTNAME, arguments: {max_value: 15}, "
        "remedy: Shorten the name., otherwise: warn}\n"
    )
    assert (include / FILE).read_text() == shipped + added
    assert git(include, "log", "-1", "--format=%an: %s").strip() == "olga: Names fit the label."
    with transaction(state) as session:
        looks = session.scalars(select(AuditEntry.record_key).where(AuditEntry.action == "values-shown")).all()
    assert looks == ["customer:0"]


def test_what_is_wrong_is_told_at_its_expectation_and_is_not_published(include: Path) -> None:
    olga = Browser("olga")
    wrong = [put(0, "CUSTNAMR", "column"), put(1, "expect_column_values_to_be_nul", "expect")]
    kept = olga.post(f"{PAGE}/changes", {"seen": 0, "edits": wrong}).json()
    problems = [[one["message"] for one in each["problems"]] for each in kept["expectations"][:3]]
    mappings = ("customer_to_gp_customer", "master_customer_to_gp_customer")
    assert problems == [
        [f'mapping {each} makes no "CUSTNAMR" in header.' for each in mappings],
        ['there is no expectation "expect_column_values_to_be_nul".'],
        [],
    ]
    assert (kept["tried"], kept["not_tried"]) == (None, "Its problems come first.")
    between = {"expect": "expect_column_values_to_be_between", "column": "CITY", "arguments": {"max_value": 1}}
    text = olga.post(f"{PAGE}/previews", {"edits": [put(0, "CITY", "column"), put(1, {**between, "remedy": "x"})]})
    assert "expect_column_values_to_be_between can't judge CITY" in text.json()["not_tried"]
    refused = olga.post(f"{PAGE}/publications", {"seen": 2, "note": "why"})
    assert (refused.status_code, refused.json()["code"]) == (422, "LB-DRF-005")


def test_who_may_not_edit_sees_how_many_would_be_rejected_and_no_value(include: Path) -> None:
    olga, vera = Browser("olga"), Browser("vera")
    written = yaml.safe_dump(ADDED, default_flow_style=True, width=999)
    (include / FILE).write_text((include / FILE).read_text() + f"  - {written}")
    answer = vera.ask("GET", PAGE)
    assert NAMES[0] not in answer.text
    assert [(each["record_key"], each["value"]) for each in answer.json()["tried"]["stopped"]] == [("customer:0", None)]
    assert vera.post(f"{PAGE}/previews", {"edits": [put(0, "x", "remedy")]}).status_code == 403
    assert olga.get(PAGE)["tried"]["stopped"][0]["value"] == NAMES[0]


def test_every_shipped_gate_is_shown_whole_and_a_change_touches_its_line_alone(include: Path) -> None:
    for path in sorted((include / "expectations").glob("*.yaml")):
        told = yaml.safe_load(path.read_text())
        text = YamlText(path.read_text(), path.stem)
        last = len(told["expectations"]) - 1
        place: Location = ("expectations", last, "remedy")
        assert text.put(place, text.written(place)).text == text.text
        changed = edited(text, [Put(do="put", location=list(place), value="Ask.")]).text
        others = [one == other for one, other in zip(changed.split("\n"), text.text.split("\n"), strict=True)]
        assert others.count(False) == 1, path.name
        told["expectations"][last]["remedy"] = "Ask."
        assert yaml.safe_load(changed) == told
    shown = Browser("olga").get("design/expectations/gp_vendor")
    assert [each["remedy"] for each in shown["expectations"]] == [
        each["remedy"] for each in yaml.safe_load((include / "expectations/gp_vendor.yaml").read_text())["expectations"]
    ]
    assert shown["expectations"][4]["arguments"] == {"regex": r"^(?:\+?\d+(?: x\d+)?)?$"}


TOLD = {
    "max_value": 9, "value": 1, "value_set": ["a"], "regex": "a", "regex_list": ["a"], "kind": "iban",
    "strftime_format": "%Y", "type_": "str", "type_list": ["str"],
}  # fmt: skip


def test_everything_on_the_menu_splits_a_batch_by_record() -> None:
    import pandas as pd

    frame = pd.DataFrame({"record_key": ["r1", "r2"], "A": ["a", None], "B": ["b", "b"]}).astype("string[pyarrow]")
    frame["N"] = [1, 2]
    for each in menu():
        told = {one.name: TOLD[one.name] for one in each.arguments if one.needed or one.name == "max_value"}
        beside = {"beside": "B"} if each.of_pairs else {}
        column = "N" if each.name == "expect_column_values_to_be_between" else "A"
        expectation = {"expect": each.name, "column": column, "arguments": told, "remedy": "x", **beside}
        result = run_suite(Suite.model_validate({"expectations": [expectation], "name": "menu"}), {"header": frame})
        assert result.results[0]["rows"] == 2, each.name
    assert {"expect_column_values_to_not_be_null", "expect_column_values_to_be_an_email_address"} < {
        each.name for each in menu()
    }
    assert "expect_column_values_to_match_like_pattern" not in {each.name for each in menu()}


@built
def test_an_expectation_is_added_from_the_menu_in_chromium_by_keyboard(include: Path) -> None:
    with console_of("olga") as olga:
        add_publish_and_take_away(olga, include)
        assert olga.complaints == []


def add_publish_and_take_away(olga: Person, include: Path) -> None:
    shipped = (include / FILE).read_text()
    page = olga.open_console("mappings")
    page.get_by_role("link", name="gp customer", exact=True).press("Enter")
    page.get_by_text("Of 2 recent documents 0 would be rejected").wait_for()
    assert serious(page) == []
    page.get_by_role("button", name="Add an expectation").press("Enter")
    form = page.get_by_role("form", name="New expectation")
    field = form.get_by_role("combobox", name="Field", exact=True)
    expect(field).to_be_focused()
    keys = page.keyboard
    keys.type("CUSTNAME")
    keys.press("Tab")
    keys.type("lengths to be between")
    expect(form.get_by_role("combobox", name="Expectation")).to_have_value("expect_column_value_lengths_to_be_between")
    form.get_by_role("textbox", name="max value").fill("15")
    form.get_by_role("textbox", name="What a person does then").fill("Shorten the name.")
    expect(form.get_by_text("1 of 2 recent documents would be rejected by it.")).to_be_visible()
    expect(form.get_by_role("row", name=re.compile("customer:0"))).to_contain_text(NAMES[0])
    assert serious(page) == []
    assert (include / FILE).read_text() == shipped
    form.get_by_role("textbox", name="max value").fill("30")
    expect(form.get_by_text("0 of 2 recent documents would be rejected by it.")).to_be_visible()
    form.get_by_role("textbox", name="max value").press("Enter")
    expect(form).to_have_count(0)
    page.get_by_role("button", name="CUSTNAME").last.press("Enter")
    changed = page.get_by_role("form", name="CUSTNAME: lengths to be between")
    changed.get_by_role("textbox", name="max value").fill("11")
    changed.get_by_role("combobox", name="A document that does not meet it").select_option("warn")
    expect(changed.get_by_text("2 of 2 recent documents would be told of by it.")).to_be_visible()
    changed.get_by_role("button", name="Keep it in the draft").press("Enter")
    draft = page.get_by_role("region", name="Draft")
    expect(draft.get_by_text("arguments: {max_value: 11}")).to_be_visible()
    draft.get_by_role("textbox", name="Why").fill("Names fit the label.")
    draft.get_by_role("textbox", name="Why").press("Enter")
    page.get_by_role("button", name="Draft the text before it").wait_for()
    assert serious(page) == []
    assert (include / FILE).read_text() == shipped + (
        "  - {expect: expect_column_value_lengths_to_be_between, column: CUSTNAME, arguments: {max_value: 11}, "
        "remedy: Shorten the name., otherwise: warn}\n"
    )
    commit = git(include, "log", "-1", "--format=%h %an: %s").strip()
    assert commit.endswith("olga: Names fit the label.")
    expect(page.get_by_role("list").filter(has_text="Names fit the label.")).to_contain_text(commit[:7])
    page.get_by_role("button", name="CUSTNAME").last.press("Enter")
    page.get_by_role("button", name="Take it away").press("Enter")
    expect(
        page.get_by_role("region", name="Draft").get_by_text("-  - {expect: expect_column_value_lengths")
    ).to_be_visible()
    undo_redo_and_compare(olga)


def undo_redo_and_compare(olga: Person) -> None:
    """Take the last change back and make it again by keyboard; then say by a form what documents are compared by."""
    page = olga.page
    draft = page.get_by_role("region", name="Draft")
    gone = draft.get_by_text("-  - {expect: expect_column_value_lengths")
    page.keyboard.press("Control+z")
    expect(draft.get_by_text("It changes nothing yet.")).to_be_visible()
    expect(page.get_by_role("button", name="CUSTNAME").last).to_be_visible()
    page.keyboard.press("Control+y")
    expect(gone).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(gone).to_have_count(0)
    page.get_by_role("button", name="Compare documents with those before").press("Enter")
    form = page.get_by_role("form", name="Unusual documents")
    for label, name in (("Whose document it is", "CUSTNMBR"), ("Its total", "CITY"), ("Its day", "CUSTNAME")):
        form.get_by_role("combobox", name=label).select_option(name)
    expect(form.get_by_text("0 of 2 recent documents would be told of by it.")).to_be_visible()
    assert serious(page) == []
    form.get_by_role("button", name="Add it to the draft").press("Enter")
    expect(form).to_have_count(0)
    expect(draft.get_by_text("+  party: CUSTNMBR")).to_be_visible()
    expect(page.get_by_text("by party CUSTNMBR, amount CITY, date CUSTNAME")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(draft.get_by_text("It changes nothing yet.")).to_be_visible()


def test_a_lookup_table_is_drafted_as_it_is_written_checked_and_published(include: Path) -> None:
    olga, page = Browser("olga"), "design/lookups/payment_terms"
    shown = olga.get(page)
    shipped = (include / "lookups/payment_terms.csv").read_bytes().decode()
    assert (shown["text"], shown["problems"], shown["columns"][0]) == (shipped, [], "gp_terms")
    assert shown["mappings"] != []
    wrong = olga.post(f"{page}/texts", {"seen": 0, "text": f"{shipped}Net 99,too few\n"}).json()
    assert [(each["line"], each["message"]) for each in wrong["problems"]] == [
        (shipped.count("\n") + 1, "2 values, and there are 3 columns.")
    ]
    refused = olga.post(f"{page}/publications", {"seen": 2, "note": "why"})
    assert (refused.status_code, refused.json()["code"]) == (422, "LB-DRF-005")
    without = olga.post(f"{page}/texts", {"seen": 2, "text": shipped.replace("to_xero", "to_nowhere")}).json()
    assert without["problems"] != []
    olga.post(f"{page}/texts", {"seen": 3, "text": f"{shipped}Net 99,99 DAYSAFTERBILLDATE,\n"}).raise_for_status()
    (added,) = olga.get(f"design/reviews/{without['draft']['id']}")["changes"]
    assert (added["name"], added["what"]) == ("Net 99", "came")
    olga.post(f"{page}/publications", {"seen": 4, "note": "Longer terms."}).raise_for_status()
    assert (include / "lookups/payment_terms.csv").read_text() == f"{shipped}Net 99,99 DAYSAFTERBILLDATE,\n"
    assert Browser("vera").post(f"{page}/texts", {"seen": 0, "text": "a\n"}).status_code == 403


@pytest.fixture
def no_sockets(site: tuple[Path, Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nothing may be reached: whatever connects fails the test.

    That a socket sends is let be: the test client's own event loop wakes itself so, over a pair that never connected.
    """

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    gp = {"conn_type": "gp_econnect", "host": "127.0.0.1", "port": 9, "schema": "http", "extra": {"company": "TWO"}}
    monkeypatch.setenv("AIRFLOW_CONN_GP", json.dumps(gp))
    with pytest.raises(Exception, match="a socket was opened"):  # what asks a system would be found out
        live_lookup(settings.company(), site[1], nullcontext)("gp.item", ["NEVER-ASKED"], None)


TABLE, FLOW = "lookups/gateway_movements.csv", "flows/fees.yaml"
ENTRY, ENTRY_GATE = "mappings/gateway_movement_to_gp_gl_transaction.yaml", "expectations/gp_gl_transaction.yaml"
FEES = """\
description: What a gateway takes, to both ledgers.
owner: finance
stages:
  payouts:
    legs:
      movement:
        from: stripe.balance_transaction
        conform: stripe_balance_transaction_to_gateway_movement
        to:
          - {entity: gp.gl_transaction, map: gateway_movement_to_gp_gl_transaction, gate: gp_gl_transaction}
          - {entity: xero.bank_transaction, map: gateway_movement_to_xero_bank_transaction, gate: xero_bank_transaction}
"""


def fees_alone(site: tuple[Path, Engine], folder: Path) -> None:
    """Let a bill of a gateway have been read, which one small flow takes: each trial reads all flows there are."""
    include, state = site
    for shipped in (include / "flows").glob("*.yaml"):
        shipped.unlink()
    (include / FLOW).write_text(FEES)
    plant_fee(state, folder / "staging")


def answered(site: tuple[Path, Engine], file: str, text: str) -> dict[str, Any]:
    """What olga's page answers when she tries a draft with this text."""
    draft(site[1], site[0], file, "olga", text)
    answer = Browser("olga").post(f"design/{file.rpartition('.')[0]}/trials", {"days": 1})
    told: dict[str, Any] = answer.raise_for_status().json()
    return told


def moved(told: dict[str, Any]) -> dict[tuple[str, str], list[Decimal]]:
    """By ledger and account: debit and credit before, then after, and the difference."""
    sides = ("debit_before", "credit_before", "debit_after", "credit_after", "difference")
    return {(each["ledger"], each["account"]): [Decimal(each[side]) for side in sides] for each in told["effects"]}


def test_drafts_of_every_kind_are_tried_on_what_was_recorded_to_the_cent_and_no_socket_is_opened(
    site: tuple[Path, Engine], tmp_path: Path, no_sockets: None
) -> None:
    include, state = site
    fees_alone(site, tmp_path)
    with transaction(state) as session:
        before = len(session.scalars(select(AuditEntry)).all())

    told = answered(site, TABLE, (include / TABLE).read_text().replace("\nfee,fees\n", "\nfee,goodwill\n"))
    fee = Decimal("3.20")
    gone, come = [fee, 0, 0, 0, -fee], [0, 0, fee, 0, fee]
    assert moved(told) == {
        ("gp", "000-6100-00"): gone, ("gp", "000-4120-00"): come, ("xero", "404"): gone, ("xero", "206"): come,
    }  # fmt: skip
    assert [(each["leg"], each["changed"]) for each in told["differences"] if each["records"] and each["changed"]] == [
        ("fees.movement_gp", 1),
        ("fees.movement_xero", 1),
    ]

    # a rule that looks something up in a system is answered by what was kept; nothing was
    mapping = YamlText((include / ENTRY).read_text())
    note = in_braces({"lookup": {"live": "gp.item", "key": "label", "optional": True}})
    told = answered(site, ENTRY, mapping.put(("header", "NOTETEXT"), note).text)
    entry = next(each for each in told["differences"] if each["leg"] == "fees.movement_gp")
    assert (entry["changed"], entry["assumed"], moved(told)) == (1, {"gp.item": 1}, {})

    gate = YamlText((include / ENTRY_GATE).read_text())
    most = {"part": "lines", "expect": "expect_column_values_to_be_between", "column": "DEBITAMT",
            "arguments": {"max_value": 3}, "remedy": "Ask."}  # fmt: skip
    place = ("expectations", len(gate.keys(("expectations",))))
    told = answered(site, ENTRY_GATE, gate.put(place, in_braces(most)).text)
    entry = next(each for each in told["differences"] if each["leg"] == "fees.movement_gp")
    assert (entry["newly_refused"], entry["gone"]) == (1, 1)
    assert moved(told) == {("gp", "000-6100-00"): gone, ("gp", "000-1110-00"): [0, fee, 0, 0, fee]}

    flow = YamlText((include / FLOW).read_text())
    told = answered(site, FLOW, flow.put(("stages", "payouts", "legs", "movement", "max_records"), "5").text)
    assert [(each["leg"], each["records"], each["changed"]) for each in told["differences"]] == [
        ("fees.movement_gp", 1, 0),
        ("fees.movement_xero", 1, 0),
    ]
    with transaction(state) as session:
        assert len(session.scalars(select(AuditEntry)).all()) == before


def plant_orders(state: Engine, staging: Path, amounts: list[int]) -> None:
    """Let orders of one customer have come to the gate of the leg `order`, a day's."""
    keys = [f"order:{number}" for number in range(len(amounts))]
    header = pd.DataFrame(
        {
            "record_key": keys, "CUSTNMBR": "C1", "CURNCYID": pd.Series([None] * len(keys), dtype="string[pyarrow]"),
            "DOCAMNT": [Decimal(each) for each in amounts], "DOCDATE": date(2026, 3, 2),
        }
    )  # fmt: skip
    made = write_frames(f"{staging.as_uri()}/runs/main/order_to_cash/run-8/order/documents", {"header": header})
    with transaction(state) as session:
        remember(session, made)
        told = {"leg": "order", "uri": made.uri, "rows": {}}
        actor = Actor("order_to_cash", "order", "run-8", "order.transform")
        append(session, actor, [Change("batch-transform", "gp.sales_order", "batch:8", details=told)])


def test_what_is_unusual_is_tried_on_recent_documents_and_a_text_of_before_is_brought_back(
    site: tuple[Path, Engine], tmp_path: Path
) -> None:
    plant_orders(site[1], tmp_path / "staging", [*range(100, 114), 90_000])
    olga, page = Browser("olga"), "design/expectations/gp_sales_order"
    shown = olga.get(page)
    by = {name: shown["unusual"][name] for name in ("party", "amount", "date", "currency", "account", "otherwise")}
    assert by == {"party": "CUSTNMBR", "amount": "DOCAMNT", "date": "DOCDATE", "currency": "CURNCYID", "account": "",
                  "otherwise": "warn"}  # fmt: skip
    names = ("record_key", "expectation", "unusual", "value", "rejects")
    strange = [tuple(each[name] for name in names) for each in shown["tried"]["stopped"] if each["unusual"]]
    assert strange == [("order:14", None, "amount", "90000", False)]
    assert (shown["unusual"]["found"], shown["tried"]["rejected"]) == (1, 0)
    assert "90000" not in Browser("vera").ask("GET", page).text
    wrong = [{"do": "put", "location": ["unusual", "party"], "value": "CUSTNUMBER"}]
    told = olga.post(f"{page}/previews", {"edits": wrong}).json()
    assert {each["message"] for each in told["unusual"]["problems"]} == {
        'mapping sales_order_to_gp_sales_order makes no "CUSTNUMBER" in header.'
    }
    held = [{"do": "put", "location": ["unusual", "otherwise"], "value": "reject"}]
    kept = olga.post(f"{page}/changes", {"seen": 0, "edits": held}).json()
    assert (kept["tried"]["rejected"], kept["tried"]["live"]) == (1, 0)
    undone = olga.post(f"{page}/texts", {"seen": 2, "text": shown["text"]}).json()
    assert (undone["draft"]["diff"], undone["unusual"]["otherwise"]) == ([], "warn")
    late = olga.post(f"{page}/texts", {"seen": 2, "text": shown["text"]})
    assert (late.status_code, late.json()["code"]) == (409, "LB-DRF-002")


@built
def test_a_table_is_changed_and_tried_in_chromium_and_its_lines_stand_apart_from_its_text(
    site: tuple[Path, Engine], tmp_path: Path
) -> None:
    fees_alone(site, tmp_path)
    with console_of("olga") as olga:
        page = olga.open_console("mappings")
        page.get_by_role("link", name="gateway movements", exact=True).press("Enter")
        text = page.get_by_role("textbox", name=re.compile("The table as it is written"))
        form = page.locator("form.correction").bounding_box()
        heading = page.get_by_role("heading", name="Lines").bounding_box()
        assert form is not None
        assert heading is not None
        assert heading["y"] - form["y"] - form["height"] > 16
        assert serious(page) == []
        text.fill((site[0] / TABLE).read_text().replace("\nfee,fees\n", "\nfee,goodwill\n"))
        text.press("Control+Enter")
        draft = page.get_by_role("region", name="Draft")
        expect(draft.get_by_text("+fee,goodwill")).to_be_visible()
        draft.get_by_role("button", name="Try").press("Enter")
        for ledger, fees, goodwill in (("gp", "000-6100-00", "000-4120-00"), ("xero", "404", "206")):
            table = draft.get_by_role("table", name=f"What {ledger} books")
            expect(table.get_by_role("row", name=f"fees {fees}")).to_contain_text("3.200.000.000.00−3.20")
            expect(table.get_by_role("row", name=f"goodwill {goodwill}")).to_contain_text("0.000.003.200.00+3.20")
        assert serious(page) == []
        assert olga.complaints == []
