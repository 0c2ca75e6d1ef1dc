"""
Frames per second of the console's drawings in Chromium, and milliseconds of a preview.

Drawn are a mapping with 300 fields a side, and order_to_cash, which has some sixty legs.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import statistics
import time
from collections.abc import Callable
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
FLOW = "order_to_cash"
_COUNT = """
() => {
  window.frames_seen = [];
  const note = (at) => { window.frames_seen.push(at); window.counting = requestAnimationFrame(note); };
  window.counting = requestAnimationFrame(note);
}
"""

_NOTHING = """
([x, y]) => {
  while (!document.elementFromPoint(x, y).matches(".react-flow__pane")) y -= 4;
  return y;
}
"""
_STANDS = "() => !document.querySelector('.react-flow__pane').style.transform"
_EACH_FRAME = """
async ([what, x, y, steps]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const pane = document.querySelector(".react-flow__pane");
  const told = (x, y) => ({ bubbles: true, cancelable: true, view: window, clientX: x, clientY: y, buttons: 1 });
  const mouse = (name, at, x, y) => at.dispatchEvent(new MouseEvent(name, told(x, y)));
  const wheel = (by) => pane.dispatchEvent(new WheelEvent("wheel", { ...told(x, y), deltaY: by }));
  if (what === "pan") mouse("mousedown", pane, x, y);
  for (let step = 0; step < steps; step++) {
    await frame();
    if (what === "pan") mouse("mousemove", window, x - 3 * (step % 80), y - 2 * (step % 80));
    else wheel(step % 60 < 30 ? 40 : -40);
  }
  if (what === "pan") mouse("mouseup", window, x, y);
}
"""


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    Frames per second of what people do with a mouse in both drawings; milliseconds of a preview.

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
            found += [{"what": f"mapping: {what}", **_frames(page, act)} for what, act in _OF_A_MAPPING.items()]
            person.open_console(f"flows/{FLOW}")
            legs = page.get_by_role("group", name=re.compile("^Leg "))
            legs.first.wait_for()
            found += [
                {"what": f"flow of {legs.count()} legs: {what}", **_frames(page, act)}
                for what, act in _OF_A_FLOW.items()
            ]
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


def _frames(page: Page, act: Callable[[Page], None]) -> dict[str, Any]:
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


def _drag_leg(page: Page) -> None:
    """A leg around its stage, where it lies at the end as it lay before."""
    leg = page.get_by_role("group", name=re.compile("^Leg ")).first.bounding_box()
    assert leg
    x, y = leg["x"] + leg["width"] / 2, leg["y"] + leg["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(STEPS):
        turn = 2 * math.pi * step / 80
        page.mouse.move(x + 60 * math.sin(turn), y + 30 - 30 * math.cos(turn))
    page.mouse.up()


def _zoom(page: Page) -> None:
    """From what can be read out to the whole flow, and back."""
    _over_nothing(page)
    for step in range(STEPS // 2):
        page.mouse.wheel(0, 40 if step % 60 < 30 else -40)


def _pan(page: Page) -> None:
    x, y = _over_nothing(page)
    page.mouse.down()
    for step in range(STEPS):
        page.mouse.move(x - 3 * (step % 80), y - 2 * (step % 80))
    page.mouse.up()


def _pan_whole(page: Page) -> None:
    """The same while all legs are in sight."""
    page.get_by_role("button", name="Fit View").click()
    _pan(page)


def _each_frame(what: str) -> Callable[[Page], None]:
    """The same while something moves in each frame: from without, a busy machine sends less."""

    def act(page: Page) -> None:
        page.evaluate(_EACH_FRAME, [what, *_over_nothing(page), STEPS])

    return act


def _over_nothing(page: Page) -> tuple[float, float]:
    """The mouse beside the stages, as near to the middle as there is nothing."""
    pane = page.get_by_test_id("rf__wrapper").bounding_box()
    assert pane
    x, y = pane["x"] + pane["width"] - 12, pane["y"] + pane["height"] / 2
    page.wait_for_function(_STANDS)  # while it moves, the pane is not where it lies (Moved.tsx)
    y = page.evaluate(_NOTHING, [x, y])
    page.mouse.move(x, y)
    return x, y


_OF_A_MAPPING: dict[str, Callable[[Page], None]] = {"drag": _drag, "scroll": _scroll}
_OF_A_FLOW: dict[str, Callable[[Page], None]] = {
    "drag": _drag_leg,
    "zoom": _zoom,
    "zoom at each frame": _each_frame("zoom"),
    "pan": _pan,
    "pan at each frame": _each_frame("pan"),
    "pan, all in sight": _pan_whole,
    "pan at each frame, all in sight": _each_frame("pan"),
}
