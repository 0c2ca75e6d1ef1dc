"""
Whatever people edit in both ledgers, archive and clear, and whichever pass fails meanwhile: both come to hold the same.

``--rounds 100`` plays so many rounds, others each time.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from ledgerbridge.errors import TransientError
from tests.flows.dice import SeededDice
from tests.flows.masters import Masters, open_masters, street

FEW_ROUNDS = 2
NEVER_EMPTY = ("name", "active", "cost")
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


@dataclass(frozen=True)
class Place:
    """Where a thing is held: what edits and what shows its fields."""

    edit: Callable[[Masters, str, Any], None]
    show: Callable[[Masters], dict[str, Any]]


@dataclass
class Thing:
    """One thing of life; ``edits``: by field and place what people typed last since it came to rest."""

    places: dict[str, Place]
    fields: tuple[str, ...]
    edits: dict[str, dict[str, Any]] = field(default_factory=dict)

    def held(self, masters: Masters) -> dict[str, dict[str, Any]]:
        """By field and place what is held."""
        shown = {name: place.show(masters) for name, place in self.places.items()}
        return {each: {name: of[each] for name, of in shown.items() if each in of} for each in self.fields}


def in_gp(window: str, key: str, number: str, columns: dict[str, str]) -> Place:
    """A master of GP; ``columns`` by field."""

    def edit(masters: Masters, name: str, value: Any) -> None:
        if name == "active":
            value = {"INACTIVE": int(not value), "VENDSTTS": 1 if value else 2}[columns[name]]
        masters.in_gp(number, window=window, **{columns[name]: value})

    def show(masters: Masters) -> dict[str, Any]:
        row = next(each for each in masters.all_gp(window) if each[key] == number)
        held = {name: row[column] for name, column in columns.items()}
        if "active" in held:
            held["active"] = str(held["active"]) == ("1" if columns["active"] == "VENDSTTS" else "0")
        return {name: _plain(value) for name, value in held.items()}

    return Place(edit, show)


def contact(number_field: str, number: str) -> Place:
    """A contact of Xero."""

    def shown(masters: Masters) -> dict[str, Any]:
        return next(each for each in masters.all_xero() if each.get(number_field) == number)

    def edit(masters: Masters, name: str, value: Any) -> None:
        change: dict[str, Any] = {
            "name": {"Name": value},
            "email": {"EmailAddress": value},
            "tax": {"TaxNumber": value},
            "city": {"Addresses": [{"AddressType": "STREET", "City": value}]},
            "active": {"ContactStatus": "ACTIVE" if value else "ARCHIVED"},
        }[name]
        masters.in_xero(shown(masters)["ContactID"], **change)

    def show(masters: Masters) -> dict[str, Any]:
        found = shown(masters)
        held = {"name": found["Name"], "email": found["EmailAddress"], "tax": found.get("TaxNumber", "")}
        return {**held, "city": street(found).get("City", ""), "active": found["ContactStatus"] == "ACTIVE"}

    return Place(edit, show)


def item(code: str) -> Place:
    """An item of Xero, which is never inactive."""

    def edit(masters: Masters, name: str, value: Any) -> None:
        change: dict[str, Any] = {"name": {"Name": value}, "cost": {"PurchaseDetails": {"UnitPrice": value}}}[name]
        masters.in_xero(code, window="items", **change)

    def show(masters: Masters) -> dict[str, Any]:
        found = next(each for each in masters.all_xero("items") if each["Code"] == code)
        return {"name": found["Name"], "cost": _plain(found["PurchaseDetails"]["UnitPrice"])}

    return Place(edit, show)


CUSTOMER = {"name": "CUSTNAME", "email": "INET1", "city": "CITY", "active": "INACTIVE"}
VENDOR = {"name": "VENDNAME", "tax": "TXRGNNUM", "city": "CITY", "active": "VENDSTTS"}
ITEM = {"name": "ITEMDESC", "cost": "STNDCOST"}


def things() -> list[Thing]:
    """A customer, a vendor, one that is both, and an item."""
    of_contact = ("name", "email", "city", "tax", "active")
    return [
        Thing(
            {"gp": in_gp("customers", "CUSTNMBR", "ROUND1", CUSTOMER), "xero": contact("ContactNumber", "ROUND1")},
            ("name", "email", "city", "active"),
        ),
        Thing(
            {"gp": in_gp("vendors", "VENDORID", "VROUND1", VENDOR), "xero": contact("AccountNumber", "VROUND1")},
            ("name", "tax", "city", "active"),
        ),
        Thing(
            {
                "customer": in_gp("customers", "CUSTNMBR", "BOTH1", CUSTOMER),
                "vendor": in_gp("vendors", "VENDORID", "VBOTH1", VENDOR),
                "xero": contact("ContactNumber", "BOTH1"),
            },
            of_contact,
        ),
        Thing({"gp": in_gp("items", "ITEMNMBR", "IROUND1", ITEM), "xero": item("IROUND1")}, ("name", "cost")),
    ]


@pytest.fixture
def masters(tmp_path: Path, state_url: str) -> Iterator[Masters]:
    with open_masters(tmp_path, "customers", "vendors", "items", state_url=state_url) as opened:
        opened.in_gp("ROUND1", CUSTNAME="Round", CITY="Boston")
        opened.in_gp("BOTH1", CUSTNAME="Both")
        opened.in_gp("VROUND1", window="vendors", VENDNAME="Quarry Supplies")
        opened.in_gp("IROUND1", window="items", ITEMDESC="Item round", STNDCOST="1")
        opened.come_to_rest()
        opened.in_xero("BOTH1", AccountNumber="VBOTH1", IsSupplier=True)
        opened.come_to_rest()
        yield opened


def test_both_ledgers_come_to_hold_the_same_and_no_edit_is_lost(
    masters: Masters, request: pytest.FixtureRequest
) -> None:
    asked = request.config.getoption("--rounds")
    seed = secrets.randbits(32) if asked else 1
    dice, kept = SeededDice(seed), things()
    for number in range(asked or FEW_ROUNDS):
        for _ in range(dice.number(1, 3)):
            for turn in range(dice.number(1, 4)):
                people_edit(masters, dice, dice.pick(kept), f"{number}.{turn}.{dice.number(0, 10**6)}")
            masters.calls_end()
            a_pass_that_may_fail(masters, dice)
        masters.settle()
        came_to_rest(masters, f"seed {seed}, round {number}")
        for thing in kept:
            no_edit_is_lost(thing, thing.held(masters), f"seed {seed}, round {number}")
            thing.edits.clear()
    assert masters.letters() == []


def people_edit(masters: Masters, dice: SeededDice, thing: Thing, word: str) -> None:
    """Somebody changes one field in one place, an hour after what happened before."""
    place = dice.pick(sorted(thing.places))
    held = thing.places[place].show(masters)
    name = dice.pick([each for each in thing.fields if each in held])
    value: Any = word
    if name == "active":
        value = not held["active"]
    elif name == "cost":
        value = f"{dice.number(1, 99)}.{dice.number(10, 99)}"
    elif name not in NEVER_EMPTY and dice.chance(30):
        value = ""
    elif name == "email":
        value = f"{word}@example.com"
    masters.later()
    thing.places[place].edit(masters, name, value)
    thing.edits.setdefault(name, {})[place] = _plain(value)


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


def no_edit_is_lost(thing: Thing, held: dict[str, dict[str, Any]], when: str) -> None:
    for name, values in held.items():
        assert len(set(map(str, values.values()))) == 1, f"{when}: {name} is {values}"
        [value] = {str(each) for each in values.values()}
        edits = {place: str(each) for place, each in thing.edits.get(name, {}).items()}
        if name == "cost":  # GP's to say
            edits = {place: each for place, each in edits.items() if place == "gp"}
        if edits:
            assert value in edits.values(), f"{when}: {name} is {value}, edited were {edits}"


def _plain(value: Any) -> Any:
    """A cost as both ledgers show it."""
    text = str(value)
    return f"{float(text):.2f}" if text.replace(".", "", 1).isdigit() and "." in text else value
