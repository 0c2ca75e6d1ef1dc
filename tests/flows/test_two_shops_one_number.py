"""Two shops that number their orders alike: the currency, then the amount, tell whose a charge is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import SourceRecord
from sandbox.player import Player
from tests.flows.golden_orders import lamp, line, order_file, pay, sale
from tests.flows.in_process import open_office

POUNDS: dict[str, Any] = {"shop": "uk", "currency": "GBP", "rate": "1.25", "taxes_included": True}
NAME = "#4981"
FILE = order_file(
    [
        sale(4981, [lamp()], [pay("ch_us", "53.77", shop="us")]),
        sale(4982, [line("MUG-12", 1, "12.00", ())], [pay("ch_uk", "12.00", rate="1.25", shop="uk")], **POUNDS),
    ]
)


def test_each_charge_is_for_the_order_of_its_shop(stack: Stack, sandboxes: Player, tmp_path: Path) -> None:
    second = FILE["cases"][1]
    second["order"] = {**second["order"], "name": NAME}
    with open_office(FILE, stack, sandboxes, tmp_path) as office:
        office.play_steps()
        with transaction(office.state) as session:
            rows = session.execute(
                select(SourceRecord.label, SourceRecord.reason, SourceRecord.chain_key).where(
                    SourceRecord.leg == "payment"
                )
            )
            charges = {label: (reason, str(chain).split(":")[1]) for label, reason, chain in rows}
    assert charges == {
        "ch_us": ("53.77 USD waits: order #4981 has no invoice yet", "us-harbor-light-supply.myshopify.com"),
        "ch_uk": ("12.00 GBP waits: order #4981 has no invoice yet", "uk-harbor-light-supply.myshopify.com"),
    }
