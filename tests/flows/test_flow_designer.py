"""People design a flow in the console: by mouse, by keyboard alone, and nothing is live before it is published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from ledgerbridge.state import connect
from tests.browsing import BUILT, Person, chromium, serious
from tests.drafted import git, include_in_git
from tests.migrated_state import migrated
from tests.served_console import served_console
from tests.unit.console_browser import ROLES, serve

pytestmark = pytest.mark.skipif(not BUILT.exists(), reason="the console is not built: make console")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the shipped files; what is published goes straight to them."""
    folder = include_in_git(tmp_path)
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(folder))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__PUBLISH", "straight")
    return folder


@pytest.fixture
def person(
    include: Path, tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Person]]:
    """Opens the console as somebody."""
    serve(migrated(connect(f"sqlite:///{tmp_path / 'state.db'}")), monkeypatch)
    with served_console(ROLES) as address:
        people: list[Person] = []

        def opened(name: str) -> Person:
            people.append(Person(browser, address, name))
            return people[-1]

        yield opened
        for each in people:
            each.context.close()


def test_a_gate_is_changed_in_the_drawing_checked_and_published(include: Path, person: Callable[[str], Person]) -> None:
    file = include / "flows" / "order_to_cash.yaml"
    shipped = file.read_text()
    olga = person("olga")
    page = olga.open_console("mappings")
    page.get_by_role("link", name="order to cash", exact=True).click()
    leg = page.get_by_role("group", name="Leg customer from")
    expect(leg).to_be_visible()
    assert serious(page) == []
    leg.click()
    panel = page.get_by_role("complementary", name="What is chosen")
    panel.get_by_label("Gate").select_option("xero_contact")
    expect(panel.get_by_text('makes no "')).to_be_visible()
    expect(page.get_by_role("group", name="Target gp.customer of customer, gate xero contact. mapping")).to_be_visible()
    assert file.read_text() == shipped
    panel.get_by_label("Gate").select_option("gp_memo")
    draft = page.get_by_role("region", name="Draft")
    expect(draft.get_by_text("+        gate: gp_memo")).to_be_visible()
    assert serious(page) == []
    assert git(include, "status", "--short") == ""
    assert olga.complaints == []
