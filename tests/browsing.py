"""A real browser as people use it: Chromium, driven by Playwright."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Frame, Page, expect, sync_playwright

from demo.airflow_home import CHECKOUT

__all__ = ["BUILT", "Person", "chromium", "serious"]

BUILT = CHECKOUT / "plugins" / "pages" / "console" / "built" / "index.html"
_AXE = CHECKOUT / "console" / "node_modules" / "axe-core" / "axe.min.js"
_PATIENCE_MS = 60_000
"""How long something may take that a person waits for; other processes make everything slow."""
_CONSOLE = re.compile(r"^http://[^/]+/ledgerbridge/console/")
expect.set_options(timeout=_PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; the test is skipped where the machine has none."""
    binary = shutil.which("chromium")
    if binary is None:
        pytest.skip("no chromium: apt-get install chromium")
    quiet = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=list(quiet))
        try:
            yield browser
        finally:
            browser.close()


class Person:
    """
    Somebody who is logged in to Airflow, with a browser of their own; what their pages complained of is noted.

    :param token: of their session.
    """

    def __init__(self, browser: Browser, url: str, token: str) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=url, viewport={"width": 1400, "height": 900})
        self.context.set_default_timeout(_PATIENCE_MS)
        self.context.add_cookies([{"name": "_token", "value": token, "url": url}])
        self.page: Page = self.context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(said.text)

    def open_console(self, view: str = "") -> Page:
        """The console without Airflow's menu, at a view's address."""
        self.page.goto(f"/ledgerbridge/console/{view}")
        return self.page

    def console_in_airflow(self) -> Frame:
        """The console's frame in Airflow's page that is open."""
        self.page.get_by_title("Console").wait_for()
        self.page.frame_locator("iframe[title=Console]").get_by_role("navigation", name="Console").wait_for()
        frame = self.page.frame(url=_CONSOLE)
        assert frame is not None
        return frame


def serious(page: Page | Frame) -> list[str]:
    """What of the page keeps somebody out who does not see or use a mouse, as axe finds it."""
    page.evaluate(_AXE.read_text())
    found = json.loads(page.evaluate("async () => JSON.stringify(await axe.run())"))
    return [
        f"{each['id']}: {node['html']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
