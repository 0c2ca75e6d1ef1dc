"""Drafts before they are published: looked at by others, talked of, put together where two changed the same lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine, select

from ledgerbridge.drafts.publish import Clash, merged, pieces
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry
from tests.browsing import Person, chromium, serious
from tests.drafted import FILE, MAPPING
from tests.served_console import served_console
from tests.unit.console_browser import Browser
from tests.unit.console_site import built, planted

PAGE = f"design/mappings/{MAPPING}"
CITY = ["header", "CITY"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Engine]]:
    with planted(tmp_path, monkeypatch) as planted_site:
        yield planted_site


def test_where_two_changed_the_same_lines_each_side_is_told_and_one_is_chosen() -> None:
    base, draft, live = "a\nb\nc\nd\ne\n", "A\nb\nmine\nd\ne\n", "a\nb\ntheirs\nd\nE\n"
    assert pieces(base, draft, live) == ["A\nb\n", Clash("mine\n", "c\n", "theirs\n"), "d\nE\n"]
    assert merged(base, draft, live) is None
    assert [merged(base, draft, live, [side]) for side in ("draft", "base", "live")] == [  # type: ignore[list-item]
        f"A\nb\n{middle}\nd\nE\n" for middle in ("mine", "c", "theirs")
    ]
    assert merged(base, draft, live, ["draft", "live"]) is None
    marked = base.replace("b", "<<<<<<< no mark")
    assert pieces(marked, marked, marked) == [marked]


def test_what_git_can_not_put_together_leaves_no_empty_text() -> None:
    with pytest.raises(LedgerbridgeError, match="LB-DRF-007"):
        pieces("a\n", "a\0\n", "b\n")


def test_a_draft_is_looked_at_and_talked_of_and_what_was_said_is_kept_with_what_was_published(
    site: tuple[Path, Engine],
) -> None:
    olga, otto, vera, uma = (Browser(name) for name in ("olga", "otto", "vera", "uma"))
    olga.post(f"{PAGE}/changes", {"seen": 0, "location": CITY, "written": "{from: name, default: city}"})
    (other,) = otto.get(PAGE)["others"]
    review = f"design/reviews/{other['id']}"
    (change,) = otto.get(review)["changes"]
    assert (change["part"], change["name"], change["what"], change["after"]) == (
        "header", "CITY", "changed", "{from: name, default: city}",
    )  # fmt: skip
    assert {each["path"]: each["what"] for each in change["lines"]} == {"city": "went", "name": "came"}
    otto.post(f"{review}/comments", {"text": "Zebedeo moved: ask Ada. "}).raise_for_status()
    olga.post(f"{PAGE}/changes", {"seen": 2, "location": CITY, "written": "name"})
    shown = olga.get(PAGE)["draft"]
    assert [(each["by"], each["text"], each["version"]) for each in shown["comments"]] == [
        ("otto", "Zebedeo moved: ask Ada.", 2)
    ]
    assert shown["version"] == 3
    assert (vera.get(review)["may_comment"], vera.get(review)["comments"]) == (False, [])
    assert vera.post(f"{review}/comments", {"text": "x"}).status_code == 403
    # an approver reviews, and edits nothing
    assert uma.post(f"{review}/comments", {"text": "Fine."}).raise_for_status().json()["may_comment"]
    olga.post(f"{PAGE}/publications", {"seen": 3, "note": "Names."}).raise_for_status()
    with transaction(site[1]) as session:
        told = session.scalars(select(AuditEntry.details).where(AuditEntry.action == "draft-published")).one()
    assert [(each["by"], each["text"]) for each in told["comments"]] == [
        ("otto", "Zebedeo moved: ask Ada."),
        ("uma", "Fine."),
    ]
    late = otto.post(f"{review}/comments", {"text": "too late"})
    assert (late.status_code, late.json()["code"]) == (409, "LB-DRF-002")
    assert otto.ask("GET", "design/reviews/99").status_code == 404


@built
def test_two_people_review_and_put_their_drafts_together_in_chromium(site: tuple[Path, Engine]) -> None:
    include = site[0]
    api = {name: Browser(name) for name in ("olga", "otto")}
    api["olga"].post(f"{PAGE}/changes", {"seen": 0, "location": CITY, "written": "label"}).raise_for_status()
    flow = "design/flows/general_ledger"
    edits = [
        {"do": "take_away", "location": ["stages", "entries", "legs", "journal", "rules"]},
        {"do": "put", "location": ["stages", "entries", "legs", "journal", "gate"], "value": "gp_memo"},
        {"do": "take_away", "location": ["stages", "journals"]},
    ]
    drafted = api["olga"].post(f"{flow}/changes", {"seen": 0, "edits": edits}).raise_for_status().json()["draft"]
    with chromium() as browser:
        with served_console({"otto": "op"}) as url:
            looks_and_says(Person(browser, url, "otto"), drafted["id"])
        api["otto"].post(f"{PAGE}/changes", {"seen": 0, "location": CITY, "written": "name"}).raise_for_status()
        api["olga"].post(f"{PAGE}/publications", {"seen": 2, "note": "Labels."}).raise_for_status()
        with served_console({"otto": "op"}) as url:
            chooses_and_publishes(Person(browser, url, "otto"), include)


def looks_and_says(otto: Person, of_flow: int) -> None:
    """Otto looks at two drafts of Olga's, and says what he thinks of one."""
    page = otto.open_console(f"reviews/{of_flow}")
    page.get_by_role("img").first.wait_for()
    told = " ".join(page.get_by_role("img").evaluate_all("all => all.map((each) => each.getAttribute('aria-label'))"))
    for words in ("changed: Leg journal", "changed: Target xero.manual_journal", "went: Leg journal keyed in xero"):
        assert words in told
    assert serious(page) == []
    page.goto(f"/ledgerbridge/console/mappings/{MAPPING}")
    page.get_by_role("link", name="a draft of this mapping").press("Enter")
    expect(
        page.get_by_role("img", name="header CITY changed, the line from city went, the line from label came")
    ).to_be_visible()
    page.get_by_role("textbox", name="Say something").fill("Labels are no cities.")
    page.get_by_role("textbox", name="Say something").press("Enter")
    expect(page.get_by_role("listitem").filter(has_text="otto: Labels are no cities.")).to_be_visible()
    assert serious(page) == []
    assert otto.complaints == []


def chooses_and_publishes(otto: Person, include: Path) -> None:
    """Olga has published, and changed the same line."""
    page = otto.open_console(f"mappings/{MAPPING}")
    form = page.get_by_role("form", name="Take the newer file in")
    expect(form.get_by_text("You changed the same lines at 1 place")).to_be_visible()
    take = form.get_by_role("button", name="Take the newer file in")
    expect(take).to_be_disabled()
    assert serious(page) == []
    form.get_by_role("radio", name="your draft").press("Space")
    take.press("Enter")
    expect(form).to_have_count(0)
    draft = page.get_by_role("region", name="Draft")
    expect(draft.get_by_text("+  CITY: name")).to_be_visible()
    draft.get_by_role("textbox", name="Why").fill("Names.")
    draft.get_by_role("textbox", name="Why").press("Enter")
    expect(page.get_by_role("list").filter(has_text="otto: Names.")).to_be_visible()
    assert "\n  CITY: name\n" in (include / FILE).read_text()
    assert otto.complaints == []
