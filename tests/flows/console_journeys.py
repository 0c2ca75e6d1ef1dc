"""What people do in the console of a running company, whatever it runs on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Collection
from pathlib import Path

import httpx
from playwright.sync_api import expect

from demo.airflow_home import AirflowHome
from ledgerbridge.audit.evidence import VERIFIER
from tests.browsing import Person, serious

__all__ = ["auditor_takes_the_evidence", "operator_mends_the_letter", "token_of"]


def token_of(home: AirflowHome, user: str) -> str:
    """The session of a user, as Airflow's login gives it."""
    passwords = json.loads((home.path / "passwords.json").read_text())
    login = {"username": user, "password": passwords[user]}
    answer = httpx.post(f"{home.url}/auth/token", json=login, timeout=60).raise_for_status()
    return str(answer.json()["access_token"])


def auditor_takes_the_evidence(
    auditor: Person, invoice: str, order: str, values: Collection[str], folder: Path, signing_key: str | None = None
) -> None:
    """
    Who may only read finds an order's way from its invoice number in Xero and takes what proves it, without values.

    :param values: of the order, none of which they may see.
    :param signing_key: the public key of the installation; None: nothing is signed.
    """
    page = auditor.open_console()
    page.get_by_role("link", name="Follow a document").click()
    page.get_by_role("searchbox").fill(invoice)
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("heading", name=invoice)).to_be_visible()
    for stage in ("orders", "invoices", "money"):
        expect(page.get_by_role("heading", name=stage)).to_be_visible()
    expect(page.get_by_role("link", name=invoice)).to_be_visible()
    assert serious(page) == []
    assert [each for each in values if each in page.content()] == []
    with page.expect_download() as taken:
        page.get_by_role("button", name="Take the evidence, without values").click()
    pack = folder / taken.value.suggested_filename
    taken.value.save_as(pack)
    assert pack.name == f"evidence-{invoice}-without-values.zip"
    with zipfile.ZipFile(pack) as files:
        told = {name: files.read(name).decode() for name in files.namelist() if name != "verify.py"}
    assert [(name, each) for name, text in told.items() for each in values if each in text] == []
    assert order in told["deliveries.json"] or invoice in told["deliveries.json"]
    keys = ["--key", signing_key] if signing_key else []
    code = [sys.executable, "-I", str(VERIFIER), *keys, str(pack)]
    checked = subprocess.run(code, capture_output=True, text=True, check=False)
    assert checked.stdout.startswith("holds: without values" if signing_key else "UNPROVEN: consistent"), checked
    _sees_and_does_nothing_more(auditor)


def _sees_and_does_nothing_more(auditor: Person) -> None:
    page = auditor.open_console()
    letter = page.get_by_role("row").nth(1).get_by_role("link").first
    letter.wait_for()
    forbidden = re.compile("Replay|Discard|Correct|Take it on|Take on|Say it")
    expect(page.get_by_role("button", name=forbidden)).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(0)
    letter.click()
    expect(page.get_by_text("Values are shown to those who may edit the DAG")).to_be_visible()
    expect(page.get_by_role("button", name=forbidden)).to_have_count(0)
    assert auditor.complaints == []


def operator_mends_the_letter(operator: Person, title: str, value: str) -> None:
    """
    Who may mend corrects the value at fault of a letter, replays it and watches the document arrive in GP.

    :param title: of the letter, an order's name. :param value: the right one.
    """
    page = operator.open_console()
    page.get_by_role("link", name=title).click()
    page.get_by_role("button", name="Correct the value at fault").click()
    page.get_by_role("textbox", name=re.compile(r"^raw\.")).fill(value)
    page.get_by_role("textbox", name="Reason").fill("the item of this year")
    page.get_by_role("button", name="Keep the correction").click()
    page.get_by_role("button", name="Replay").click()
    page.get_by_role("dialog").get_by_role("textbox", name="Reason").fill("mended")
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    page.get_by_role("button", name="Run its stage now").click()
    expect(page.get_by_text("A run has begun")).to_be_visible()
    expect(page.get_by_text("closed", exact=True)).to_be_visible(timeout=240_000)
    page.get_by_role("term").filter(has_text="Record").locator("xpath=following-sibling::dd[1]").get_by_role(
        "link"
    ).click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.get_by_role("heading", name="GP sales order")).to_be_visible()
    expect(page.get_by_text("delivered", exact=True).first).to_be_visible()
    assert serious(page) == []
    assert operator.complaints == []
