"""A file of orders is played through all four systems; what a system refuses is told with its answer."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.ports import free_port
from sandbox.cli import main
from sandbox.orders import make_orders
from sandbox.places import SYSTEMS, Addresses
from sandbox.player import STEPS, Player, SandboxRefused, opening_of


@pytest.fixture(scope="module")
def file(sandboxes: Player) -> dict[str, Any]:
    """Twenty orders, all steps played without a flow in between: GP hears of nothing."""
    file = make_orders(20)
    for step in STEPS:
        sandboxes.play(file, step)
    return file


def test_clocks_stand_at_the_last_event(file: dict[str, Any], sandboxes: Player) -> None:
    last = max(datetime.fromisoformat(event["at"]) for case in file["cases"] for event in case["events"])
    ahead = {system: datetime.fromisoformat(now) - last for system, now in sandboxes.clock().items()}
    # A ledger may stamp records of one moment a second apart.
    assert [system for system, lead in ahead.items() if not timedelta(0) <= lead < timedelta(minutes=1)] == []
    assert opening_of(file) < last


def test_gp_has_nothing_to_invoice_before_the_flow_ran(file: dict[str, Any], sandboxes: Player) -> None:
    assert sandboxes.fulfil(file["cases"][0]["order"]["name"], on="2026-03-03") is None
    assert sandboxes.open_batches() == []
    assert sandboxes.ledger("gp")["documents"] == []
    assert sandboxes.ledger("xero")["invoices"] == []


def test_order_played_twice_is_refused_with_the_shops_answer(file: dict[str, Any], sandboxes: Player) -> None:
    with pytest.raises(SandboxRefused, match=r"shopify sandbox refused POST /_sandbox/orders: 409 .*#1001"):
        sandboxes.play(file, 1)


def test_system_that_does_not_answer_is_named_with_the_command_that_starts_it() -> None:
    nobody_there = Addresses(shopify=f"http://127.0.0.1:{free_port()}")
    with Player(nobody_there) as player, pytest.raises(SandboxRefused, match=r"start it with `sandbox serve shopify`"):
        player.clock()


def test_people_play_by_command(
    file: dict[str, Any], sandboxes: Player, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    addresses = [f"--{system}={sandboxes.addresses.of(system)}" for system in SYSTEMS]
    seen = {}
    for command in (["place", "2"], ["fulfil", "#2001", "--line", "MUG-12=1"], ["post"], ["clock"]):
        assert main([*command, *addresses]) == 0
        seen[command[0]] = capsys.readouterr().out
    assert list(json.loads(seen["place"])) == ["#2001", "#2002"]
    assert seen["fulfil"] == "GP has no open order #2001: run the flow order_to_cash, then fulfil it.\n"
    assert seen["post"] == "0 documents posted\n"
    assert main(["place", *addresses]) == 0  # 409 once the first number was taken
    assert list(json.loads(capsys.readouterr().out)) == ["#2003"]
    assert json.loads(seen["clock"])["shopify"] > file["cases"][0]["order"]["placed_at"]
    (tmp_path / "orders.json").write_text(json.dumps(file))
    assert main(["play", str(tmp_path / "orders.json"), "--step", "1", *addresses]) == 1
    assert "Order #1001 exists already" in capsys.readouterr().err


def test_faults_are_ordered_counted_and_forgotten_by_command(
    sandboxes: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = [f"--{system}={sandboxes.addresses.of(system)}" for system in SYSTEMS]
    assert main(["fault", "xero", "lost_after_commit", "--path", "Invoices", "--times", "2", *addresses]) == 0
    assert main(["fault", "gp", "throttled", *addresses]) == 1
    assert "GP has no answer of kind throttled" in capsys.readouterr().err
    assert main(["faults", *addresses]) == 0
    shown = json.loads(capsys.readouterr().out)
    [fault] = shown.pop("xero")
    assert (fault["path"], fault["times"], fault["happened"]) == ("/api.xro/2.0/Invoices", 2, 0)
    assert shown == {"shopify": [], "stripe": [], "gp": []}
    assert main(["faults", "--forget", *addresses]) == 0
    assert json.loads(capsys.readouterr().out)["xero"] == []


def test_clerk_gateway_and_bookkeeper_do_by_command_what_happens_now_and_then(
    sandboxes: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = [f"--{system}={sandboxes.addresses.of(system)}" for system in SYSTEMS]

    def run(*command: str) -> str:
        code = main([*command, *addresses])
        printed = capsys.readouterr()
        return printed.out if code == 0 else f"refused: {printed.err}"

    assert '"#3001"' in run("place", "2", "--first", "3001", "--seed", "1")
    history = sandboxes.call("GET", "shopify", "/_sandbox/orders/%233001")
    line = history["order"]["lines"][0]
    assert "went back as re_3001_" in run("refund", "#3001", "--line", f"{line['sku']}=1")
    assert "no line NONE=1" in run("refund", "#3001", "--line", "NONE=1")
    assert "is cancelled" in run("cancel", "#3002")
    assert re.match(r"Payout po_\S+ of \d+\.\d\d arrives on 2026-", run("payout"))
    assert "nothing to pay out" in run("payout", "--arrives", "2026-12-31")

    assert "There is no document INV-404." in run("void", "INV-404")
    assert "could not be found" in run("enter-payment", "INV-404", "5.00")
    assert run("enter-bill", "Acme", "A-1", "20.00") == "Bill A-1 of Acme is approved in Xero.\n"
    assert run("enter-payment", "A-1", "5.00") == "5.00 is entered for A-1 in account 090.\n"
    assert "There is no account 1." in run("enter-entry", "1", "000-2440-00", "40.00")
    keyed = run("enter-entry", "000-6100-00", "000-2440-00", "40.00", "--reverses-on", "2027-04-01")
    number = keyed.split()[1]
    assert keyed == f"Entry {number} is in the batch GENERAL: post it.\n"
    assert f"Journal entry {number} is not posted." in run("back-out", number)
    run("post", "GENERAL")
    assert f" takes {number} back, in the batch BACKOUT: post it.\n" in run("back-out", number)
    run("post", "BACKOUT")
    assert run("apply-payments") == "0 payments applied\n"

    assert (
        run("edit-customer", "ANNA01", "CUSTNAME=Anna", "INET1=a@example.com")
        == "The customer ANNA01 is saved in GP.\n"
    )
    assert run("edit-contact", "Anna", "ContactNumber=ANNA01", "City=Bonn") == "Anna is saved in Xero, ACTIVE.\n"
    assert run("edit-contact", "ANNA01", "ContactStatus=ARCHIVED") == "Anna is saved in Xero, ARCHIVED.\n"
    assert "shows no CUSTNAM." in run("edit-customer", "ANNA01", "CUSTNAM=Anna")
    assert "no payment terms Net 99." in run("edit-customer", "ANNA01", "PYMTRMID=Net 99")
    assert "write FIELD=VALUE" in run("edit-customer", "ANNA01", "CUSTNAME")

    assert run("period", "close", "2026-01") == "2026-01 is closed in gp and xero.\n"
    assert run("period", "open", "2026-01", "--ledger", "gp") == "2026-01 is open in gp.\n"
    assert run("period", "open", "2026-01") == "2026-01 is open in gp and xero.\n"
    assert run("batches") == "[]\n"
