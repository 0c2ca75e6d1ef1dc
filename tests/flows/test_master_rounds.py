"""
Whatever people edit in both ledgers, archive, clear and delete, whichever pass fails: both come to hold the same.

``--rounds 100`` plays so many rounds, others each time.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from ledgerbridge.errors import TransientError
from tests.flows.dice import SeededDice
from tests.flows.edited_masters import (
    all_items_are_due,
    left_of_deleted,
    lost_edits,
    make_leaving,
    make_things,
    make_two_one,
    name_like_no_other,
    people_delete,
    people_edit,
)
from tests.flows.masters import Masters, open_masters

FEW_ROUNDS = 2
_CONTACTS, _ITEMS = "/api.xro/2.0/Contacts", "/api.xro/2.0/Items"
FAULTS: list[tuple[str, dict[str, Any]]] = [
    *(
        ("xero", {"kind": kind, "method": "POST", "path": path})
        for kind in ("lost_after_commit", "lost_before_commit")
        for path in (_CONTACTS, _ITEMS)
    ),
    ("xero", {"kind": "status", "status": 503, "method": "GET", "path": _CONTACTS}),
    *(
        ("gp", {"kind": kind, "contains": node})
        for kind in ("lost_after_commit", "lost_before_commit")
        for node in ("taUpdateCreateCustomerRcd", "taUpdateCreateVendorRcd", "taUpdateCreateItemRcd")
    ),
]


@pytest.fixture
def masters(tmp_path: Path, state_url: str) -> Iterator[Masters]:
    with open_masters(tmp_path, "customers", "vendors", "items", state_url=state_url) as opened:
        yield opened


def test_both_ledgers_come_to_hold_the_same_and_no_edit_is_lost(
    masters: Masters, request: pytest.FixtureRequest
) -> None:
    asked = request.config.getoption("--rounds")
    seed = secrets.randbits(32) if asked else 1
    dice, kept = SeededDice(seed), make_things(masters)
    leaving = name_like_no_other(dice)
    make_leaving(masters, leaving)
    masters.come_to_rest()
    make_two_one(masters)
    masters.come_to_rest()
    for number in range(asked or FEW_ROUNDS):
        when = f"seed {seed}, round {number}"
        for thing in kept:
            thing.begin_round(masters)
        coming = name_like_no_other(dice)
        make_leaving(masters, coming)
        parts = dice.number(1, 3)
        deleted_in = dice.number(1, parts)
        for part in range(1, parts + 1):
            if part == deleted_in:
                people_delete(masters, leaving)
            for turn in range(dice.number(1, 4)):
                people_edit(masters, dice, dice.pick(kept), f"{number}.{turn}.{dice.number(0, 10**6)}")
            masters.calls_end()
            a_pass_that_may_fail(masters, dice)
        all_items_are_due(masters.office.state)
        masters.settle()
        came_to_rest(masters, when)
        assert [lost for thing in kept for lost in lost_edits(thing, thing.held(masters))] == [], when
        assert left_of_deleted(masters, leaving) == [], when
        leaving = coming
    assert masters.letters() == []


def a_pass_that_may_fail(masters: Masters, dice: SeededDice) -> None:
    if dice.chance(60):
        masters.office.player.order_fault(*dice.pick(FAULTS))
    with suppress(TransientError, TaskDeferred):
        masters.run()
    masters.office.player.forget_faults()


def came_to_rest(masters: Masters, when: str) -> None:
    """One that is both takes a pass from master to master; then nothing is written any more."""
    written = [masters.run() for _ in range(4)]
    assert written[2:] == [{}, {}], f"{when}: {written}"
