"""A gate in the console, in Chromium: an expectation from the menu, tried at once, published, all by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browsing import Person, serious
from tests.drafted import NAMES, git
from tests.unit.console_site import built, console_of, planted

pytestmark = built
FILE = "expectations/gp_customer.yaml"


@pytest.fixture
def include(tmp_path: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch, planted(tmp_path, patch) as (folder, _):
        yield folder


@pytest.fixture
def olga(include: Path) -> Iterator[Person]:
    with console_of("olga") as person:
        yield person


def test_an_expectation_is_added_from_the_menu_shows_what_it_rejects_and_is_published(
    include: Path, olga: Person
) -> None:
    shipped = (include / FILE).read_text()
    page = olga.open_console("mappings")
    page.get_by_role("link", name="gp customer").press("Enter")
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
    changed.get_by_role("textbox", name="max value").fill("12")
    changed.get_by_role("combobox", name="A document that does not meet it").select_option("warn")
    expect(changed.get_by_text("2 of 2 recent documents would be told of by it.")).to_be_visible()
    changed.get_by_role("button", name="Keep it in the draft").press("Enter")
    draft = page.get_by_role("region", name="Draft")
    expect(draft.get_by_text("arguments: {max_value: 12}")).to_be_visible()
    draft.get_by_role("textbox", name="Why").fill("Names fit the label.")
    draft.get_by_role("textbox", name="Why").press("Enter")
    page.get_by_role("button", name="Draft the text before it").wait_for()
    assert serious(page) == []
    assert (include / FILE).read_text() == shipped + (
        "  - {expect: expect_column_value_lengths_to_be_between, column: CUSTNAME, arguments: {max_value: 12}, "
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
    assert olga.complaints == []
