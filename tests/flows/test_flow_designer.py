"""People design a flow in the console, by mouse or by keyboard alone; published, it runs, and its document is seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from operators.new_files import dag_file
from sandbox.orders import make_orders
from sandbox.player import Player
from tests.browsing import BUILT, Person, chromium, serious
from tests.drafted import git, include_in_git
from tests.flows.in_process import InProcess, Office, open_office, placed_orders
from tests.served_console import served_console
from tests.unit.console_browser import ROLES, serve

pytestmark = pytest.mark.skipif(not BUILT.exists(), reason="the console is not built: make console")
GREEN = "The check finds nothing wrong."


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the shipped files; what is published goes straight to them."""
    folder = include_in_git(tmp_path / "site")
    (folder.parent / "dags").mkdir()
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(folder))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__PUBLISH", "straight")
    return folder


@pytest.fixture
def office(include: Path, stack: Stack, sandboxes: Player, tmp_path: Path) -> Iterator[Office]:
    """A company between its systems."""
    with open_office(make_orders(1), stack, sandboxes, tmp_path) as opened:
        yield opened


@pytest.fixture
def person(office: Office, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Person]]:
    """Opens the console as somebody."""
    serve(office.state, monkeypatch)
    with served_console(ROLES) as address:
        people: list[Person] = []

        def opened(name: str) -> Person:
            people.append(Person(browser, address, name))
            return people[-1]

        yield opened
        for each in people:
            each.context.close()


def drag(page: Page, what: Locator, onto: Locator) -> None:
    """By the mouse, as far as its button goes: a thing is dragged once it has moved a little."""
    onto.scroll_into_view_if_needed()
    what.scroll_into_view_if_needed()  # the palette scrolls by itself
    begin, end = what.bounding_box(), onto.bounding_box()
    assert begin is not None
    assert end is not None
    x, y = begin["x"] + 10, begin["y"] + begin["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y, steps=3)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=4)
    page.mouse.up()


def moves_and_lies_where_it_was_left(page: Page, what: Locator) -> None:
    """By the wheel, and by its ground; standing still it is painted anew, where it was seen last."""
    ground, view = page.locator(".react-flow__pane"), page.locator(".react-flow__viewport")
    painted = view.get_attribute("style")
    assert painted is not None
    box = page.get_by_test_id("rf__wrapper").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] - 60, box["y"] + 12
    page.mouse.move(x, y)
    page.mouse.wheel(0, 60)
    expect(view).not_to_have_attribute("style", painted)
    begun = what.bounding_box()
    page.mouse.down()
    page.mouse.move(x - 40, y + 30, steps=4)
    seen = what.bounding_box()
    page.mouse.up()
    assert begun is not None
    assert seen == pytest.approx({**begun, "x": begun["x"] - 40, "y": begun["y"] + 30}, abs=0.1)
    expect(ground).to_have_css("transform", "none")
    assert what.bounding_box() == pytest.approx(seen, abs=0.1)


def publish(page: Page, why: str) -> None:
    draft = page.get_by_role("region", name="Draft")
    draft.get_by_role("textbox", name="Why").fill(why)
    draft.get_by_role("button", name="Publish").press("Enter")
    expect(page.get_by_text(why)).to_be_visible()


def test_a_flow_is_dragged_together_from_nothing_published_and_its_document_is_in_the_target(
    include: Path, office: Office, person: Callable[[str], Person]
) -> None:
    olga = person("olga")
    page = olga.open_console("mappings")
    page.get_by_text("New flow").click()
    page.get_by_role("textbox", name="Name of the flow").fill("contacts")
    page.get_by_role("button", name="Begin it as a draft").click()
    canvas = page.get_by_test_id("rf__wrapper")
    palette = page.get_by_role("complementary", name="Palette")
    palette.get_by_role("button", name="stage").wait_for()
    drag(page, palette.get_by_role("button", name="stage"), canvas)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("people")
    dialog.get_by_role("button", name="Add it to the draft").click()
    stage = page.get_by_role("group", name="Stage people")
    expect(stage).to_be_visible()
    palette.get_by_text("gp", exact=True).click()
    drag(page, palette.get_by_role("button", name="gp.customer", exact=True), stage)
    dialog.get_by_role("combobox", name="To").select_option("xero.contact")
    dialog.get_by_role("button", name="Add it to the draft").click()
    expect(page.get_by_role("group", name="Leg contact from gp.customer")).to_be_visible()
    expect(page.get_by_role("group", name="Target xero.contact of contact, gate xero contact")).to_be_visible()
    expect(page.get_by_text(GREEN)).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Fit View").click()  # the target may have come to lie beyond the edge
    moves_and_lies_where_it_was_left(page, stage)
    palette.get_by_text("Gates").click()
    target = page.get_by_role("group", name="Target xero.contact of contact")
    drag(page, palette.get_by_role("button", name="gp memo", exact=True), target)
    expect(page.get_by_role("group", name=re.compile("gate gp memo. mapping .* makes no"))).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text(GREEN)).to_be_visible()
    line = page.get_by_test_id("rf__edge-leg:contact>to:contact:0").bounding_box()
    assert line is not None
    page.mouse.click(line["x"] + line["width"] / 2, line["y"] + line["height"] / 2)  # one that is level has no height
    page.keyboard.press("Delete")
    expect(target).to_have_count(0)
    page.keyboard.press("Control+Z")
    expect(target).to_be_visible()
    expect(page.get_by_text(GREEN)).to_be_visible()
    assert not (include / "flows" / "contacts.yaml").exists()
    publish(page, "Contacts by themselves.")
    assert git(include, "log", "-1", "--format=%an: %s").strip() == "olga: Contacts by themselves."
    assert (include.parent / "dags" / "contacts.py").read_text() == dag_file("contacts")
    placed_orders(office.player, 1)
    office.flow.run_stage("orders", "run-1")
    InProcess("contacts").run("run-2")
    page.reload()
    expect(page.get_by_role("group", name=re.compile("Target xero.contact .* 1 read, 1 delivered"))).to_be_visible()
    with transaction(office.state) as session:
        sent = select(Delivery.entity, Delivery.state).where(Delivery.flow == "contacts")
        assert session.execute(sent).all() == [("xero.contact", "delivered")]
    assert olga.complaints == []


def test_the_same_is_done_by_keyboard_alone_and_each_step_can_be_undone(
    include: Path, person: Callable[[str], Person]
) -> None:
    olga = person("olga")
    page = olga.open_console("mappings")
    page.get_by_text("New flow").press("Enter")
    page.get_by_role("textbox", name="Name of the flow").press_sequentially("contacts")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Add a stage")).to_be_enabled()
    page.get_by_role("button", name="Add a stage").press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type("people")
    page.keyboard.press("Enter")
    stage = page.get_by_role("group", name="Stage people")
    expect(stage).to_be_visible()
    for name, target in (("contact", "xero.contact"), ("supplier", "xero.supplier")):
        page.get_by_role("button", name="Add a leg").first.press("Enter")
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("combobox", name="From").select_option("gp.customer" if name == "contact" else "gp.vendor")
        dialog.get_by_role("combobox", name="To").select_option(target)
        dialog.get_by_role("textbox", name="Name of the leg").press("Enter")
        expect(page.get_by_role("group", name=f"Leg {name} from")).to_be_visible()
    supplier = page.get_by_role("group", name="Leg supplier from")
    supplier.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="What is chosen")
    expect(panel.locator(":focus")).to_have_count(1)
    panel.get_by_text("After: none").press("Enter")
    panel.get_by_role("checkbox", name="contact").press("Space")
    expect(page.get_by_role("group", name="Leg supplier from gp.vendor, after contact")).to_be_visible()
    line = panel.get_by_role("button", name="Take the line away: supplier waits for contact")
    line.press("Enter")
    expect(page.get_by_role("group", name="Leg supplier from gp.vendor", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo").press("Enter")
    page.get_by_role("group", name="Leg contact from").press("Enter")  # while the answer to that is on its way
    panel.get_by_role("textbox", name="Name").fill("person")
    panel.get_by_role("textbox", name="Name").press("Enter")
    expect(page.get_by_role("group", name="Leg supplier from gp.vendor, after person")).to_be_visible()
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_role("group", name="Leg supplier from gp.vendor, after contact")).to_be_visible()
    supplier.press("Enter")
    panel.get_by_role("combobox", name="Pool").fill("xero")
    panel.get_by_role("textbox", name="Stops if more are rejected").press_sequentially("lots")
    expect(panel.get_by_text('"lots" is neither a share')).to_be_visible()
    page.keyboard.press("Escape")
    supplier.press("Control+C")
    supplier.press("Control+V")
    expect(page.get_by_role("group", name="Leg supplier 2 from")).to_be_visible()
    page.get_by_role("group", name="Leg supplier 2 from").press("Delete")
    expect(page.get_by_role("group", name="Leg supplier 2 from")).to_have_count(0)
    supplier.press("Delete")
    expect(supplier).to_have_count(0)
    stage.press("Control+Z")
    expect(supplier).to_be_visible()
    page.get_by_role("button", name="Show as a list").press("Enter")
    row = page.get_by_role("row", name="supplier")
    expect(row).to_contain_text("contact")
    assert serious(page) == []
    row.get_by_role("button", name="supplier", exact=True).press("Enter")
    stages = page.get_by_role("region", name="Stage people")
    stages.get_by_role("button", name="people").press("Enter")
    panel.get_by_label("Cron, UTC").press_sequentially("0 6 * * *")
    page.keyboard.press("Enter")
    expect(stages).to_contain_text("0 6 * * *")
    expect(page.get_by_text(GREEN)).to_be_visible()
    publish(page, "By keyboard.")
    assert 'schedule: {cron: "0 6 * * *"}' in (include / "flows" / "contacts.yaml").read_text()
    assert git(include, "status", "--short") == ""
    assert olga.complaints == []
