"""Frames per second of the console's drawing of a mapping with 300 fields a side, in Chromium, and of a preview."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.drafted import MAPPING
from tests.unit.console_browser import Browser
from tests.unit.console_site import console_of, planted

__all__ = ["measure"]

FIELDS = 300
STEPS = 240
ROUNDS = 9
LARGEST = "sales_order_to_gp_sales_order"
_COUNT = """
() => {
  window.frames_seen = [];
  const note = (at) => { window.frames_seen.push(at); window.counting = requestAnimationFrame(note); };
  window.counting = requestAnimationFrame(note);
}
"""


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    Frames per second while a line is dragged and while both trees are scrolled; milliseconds of a preview.

    :param everything: there is nothing larger.
    """
    found = []
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch, planted(Path(folder), patch):
        for name in (MAPPING, LARGEST):
            found.append({"what": f"preview of {name}", **_preview(name)})
        with console_of("olga") as person:
            page = person.page
            page.route("**/api/design/mappings/*", _large)
            page.route("**/api/design/mappings/*/sides", _large_sides)
            person.open_console(f"mappings/{MAPPING}")
            page.get_by_role("button", name="Drawing").click()
            page.get_by_role("treeitem", name="field 0 ").first.wait_for()
            found += [{"what": what, **_frames(page, act)} for what, act in (("drag", _drag), ("scroll", _scroll))]
    for each in found:
        print("  " + ", ".join(f"{key} {value}" for key, value in each.items()), flush=True)
    return found


def _preview(name: str) -> dict[str, Any]:
    olga = Browser("olga")
    page = f"design/mappings/{name}"
    location = olga.get(page)["fields"][3]["location"]
    times = []
    for number in range(ROUNDS):
        begun, worked = time.perf_counter(), time.process_time()
        asked = {"location": location, "written": f"{{value: {number}}}"}
        olga.post(f"{page}/previews", asked).raise_for_status()
        times.append((1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - worked)))
    wall, worked_ms = zip(*times[1:], strict=True)
    return {"milliseconds": round(statistics.median(wall)), "of a processor": round(statistics.median(worked_ms))}


def _large(route: Route) -> None:
    """The mapping as the server gives it, with as many fields of its header as are measured."""
    answer = route.fetch()
    mapping = answer.json()
    one = next(each for each in mapping["fields"] if each["field"] == "CITY")
    mapping["fields"] = [
        {
            **one,
            "field": f"field {number}",
            "location": ["header", f"field {number}"],
            "origins": [{"path": f"field {(number * 7) % FIELDS}", "direct": number % 3 > 0}],
        }
        for number in range(FIELDS)
    ]
    route.fulfill(response=answer, body=json.dumps(mapping))


def _large_sides(route: Route) -> None:
    fields = [
        {"part": "header", "name": f"field {number}", "path": f"field {number}", "kind": "text", "length": 30,
         "required": number % 9 == 0, "about": "what it is"}
        for number in range(FIELDS)
    ]  # fmt: skip
    route.fulfill(json={"source": fields, "target": fields, "suggestions": []})


def _frames(page: Page, act: Any) -> dict[str, Any]:
    page.evaluate(_COUNT)
    act(page)
    seen = page.evaluate("() => { cancelAnimationFrame(window.counting); return window.frames_seen; }")
    gaps = [after - before for before, after in itertools.pairwise(seen)]
    return {
        "frames a second": round(1000 * len(gaps) / sum(gaps)),
        "slowest frame in milliseconds": round(max(gaps)),
        "frames": len(gaps),
    }


def _drag(page: Page) -> None:
    """A line from a source over the targets, up and down, and beyond their edge, where they scroll."""
    source = page.get_by_role("tree").first.get_by_role("treeitem", name="field 3 text 30", exact=True).bounding_box()
    target = page.get_by_role("tree").last.bounding_box()
    assert source
    assert target
    page.mouse.move(source["x"] + 50, source["y"] + 10)
    page.mouse.down()
    for step in range(STEPS):
        down = target["height"] * (step % 80) / 80
        page.mouse.move(target["x"] + 20 + step % 60, target["y"] + down)
    page.keyboard.press("Escape")
    page.mouse.up()


def _scroll(page: Page) -> None:
    for tree in (page.get_by_role("tree").first, page.get_by_role("tree").last):
        tree.hover()
        for step in range(STEPS // 2):
            page.mouse.wheel(0, 90 if step < STEPS // 4 else -90)
