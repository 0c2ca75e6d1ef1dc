"""A mapping drawn in the console, in Chromium: by mouse, by keyboard alone, with suggestions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from ledgerbridge.suggest import read_decisions
from tests.browsing import Person, serious
from tests.drafted import FILE, MAPPING, NAMES, git
from tests.unit.console_site import built, console_of, planted

pytestmark = built


@pytest.fixture(scope="module")
def include(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch, planted(tmp_path_factory.mktemp("canvas"), patch) as (folder, _):
        yield folder


@pytest.fixture
def olga(include: Path) -> Iterator[Person]:
    with console_of("olga") as person:
        yield person


def row(page: Page, tree: str, name: str) -> Locator:
    return (
        page.get_by_role("tree", name=re.compile(f"^{tree} "))
        .get_by_role("treeitem", name=re.compile(f"^{name} "))
        .first
    )


def drawing(person: Person, mapping: str) -> Page:
    page = person.open_console(f"mappings/{mapping}")
    page.get_by_role("button", name="Drawing").press("Enter")
    page.get_by_role("tree", name=re.compile("^Target ")).wait_for()
    return page


def test_a_line_is_dragged_fails_at_its_field_is_mended_published_and_taken_back(include: Path, olga: Person) -> None:
    shipped = (include / FILE).read_text()
    page = drawing(olga, MAPPING)
    assert serious(page) == []
    row(page, "Source", "name").drag_to(row(page, "Target", "CITY"))
    expect(page.get_by_text("name goes into CITY now.")).to_be_visible()
    assert (include / FILE).read_text() == shipped
    draft = page.get_by_role("region", name="Draft")
    expect(draft.get_by_text("+  CITY: {from: name, convert: {text: {max: 35, cut: word")).to_be_visible()
    row(page, "Target", "CITY").click()
    chosen = page.get_by_role("region", name="Chosen: CITY")
    rule = chosen.get_by_role("textbox", name="Rule of CITY")
    rule.fill("{from: name, convert: {decimal: {places: 2}}}")
    expect(chosen.get_by_role("row", name="customer:0")).to_contain_text("LB-MAP-003")
    failing = page.locator(".trees path.fails")
    expect(row(page, "Target", "CITY")).to_contain_text("2 of 2 fail")  # before it is kept
    expect(failing).to_have_attribute("d", re.compile("^M"))
    rule.fill("{from: city}")
    expect(row(page, "Target", "CITY")).not_to_contain_text("fail")
    expect(failing).to_have_attribute("d", "")
    rule.fill("{from: name, convert: {decimal: {places: 2}}}")
    rule.press("Control+Enter")
    expect(row(page, "Target", "CITY")).to_contain_text("2 of 2 fail")
    assert serious(page) == []
    row(page, "Target", "CITY").click()
    rule.fill("{from: name, convert: {text: {max: 35}}}")
    chosen.get_by_role("textbox", name="CITY convert 1 text max").fill("12")
    expect(rule).to_have_value("{from: name, convert: {text: {max: 12}}}")
    expect(chosen.get_by_role("row", name="customer:0")).to_contain_text("LB-MAP-003")
    chosen.get_by_role("combobox", name="More for CITY convert 1 text").select_option("cut")
    expect(chosen.get_by_role("row", name="customer:0")).to_contain_text("Zebedeo")
    expect(chosen.get_by_role("row", name="customer:1")).to_contain_text(NAMES[1])
    rule.press("Control+Enter")
    expect(row(page, "Target", "CITY")).not_to_contain_text("fail")
    draft.get_by_role("textbox", name="Why").fill("Cities are named by people.")
    draft.get_by_role("button", name="Publish").click()
    page.get_by_role("button", name="Draft the text before it").click()
    draft.get_by_role("textbox", name="Why").fill("They are not.")
    draft.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("They are not.")).to_be_visible()
    assert (include / FILE).read_text() == shipped
    assert git(include, "log", "-2", "--format=%an: %s").split("\n")[:2] == [
        "olga: They are not.", "olga: Cities are named by people.",
    ]  # fmt: skip
    assert olga.complaints == []


def test_a_mapping_is_begun_from_nothing_and_drawn_by_keyboard_alone(include: Path, olga: Person) -> None:
    page = olga.open_console("mappings")
    keys = page.keyboard
    page.get_by_text("Begin a mapping").focus()
    keys.press("Enter")
    for words in ("magento_order_of_ours", "magento.order", "canonical.sales_order", "Orders of our shop."):
        keys.press("Tab")
        keys.insert_text(words)
    keys.press("Enter")
    sure = page.get_by_role("button", name=re.compile("Accept all [0-9]+ sure ones"))
    sure.wait_for()
    assert serious(page) == []
    sure.press("Enter")
    expect(sure).to_have_count(0)
    expect(page.get_by_role("row", name=re.compile("^currency"))).to_be_visible()
    page.get_by_role("button", name="Drawing").press("Enter")
    source, target = (page.get_by_role("tree", name=re.compile(f"^{side} ")) for side in ("Source", "Target"))
    find = page.get_by_role("searchbox", name="Find in the source")
    find.fill("increment_id")
    source.focus()
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.get_by_text("increment_id is chosen.")).to_be_visible()
    expect(target).to_be_focused()
    keys.press("l")
    keys.press("Enter")
    expect(page.get_by_text("increment_id goes into label now.")).to_be_visible()
    keys.press("Enter")
    expect(page.get_by_role("textbox", name="Rule of label")).to_be_focused()
    expect(page.get_by_role("textbox", name="Rule of label")).to_have_value("increment_id")
    assert serious(page) == []
    page.get_by_role("textbox", name="Why").focus()
    keys.insert_text("Our shop's orders.")
    keys.press("Enter")
    expect(page.get_by_text("Our shop's orders.")).to_be_visible()
    assert "label: increment_id" in (include / "mappings/magento_order_of_ours.yaml").read_text()
    assert read_decisions(include / "suggestions.yaml")["magento.order -> canonical.sales_order"].accepted != {}
    assert olga.complaints == []
