"""Masters that people edit at the windows of both ledgers, at random, and what has to have become of their edits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, update

from ledgerbridge.state import transaction
from ledgerbridge.state.models import Reading
from sandbox.orders import OPENING
from sandbox.player import Player
from tests.flows.dice import Dice

__all__ = [
    "Place",
    "Thing",
    "Windows",
    "all_items_are_due",
    "left_of_deleted",
    "lost_edits",
    "made_in_both",
    "make_leaving",
    "make_things",
    "make_two_one",
    "name_like_no_other",
    "people_delete",
    "people_edit",
    "people_make",
]

NEVER_EMPTY = ("name", "active", "cost")
_DISCONTINUED = 2
_DUE = {
    "Net 30": "30 DAYSAFTERBILLDATE",
    "Due on receipt": "0 DAYSAFTERBILLDATE",
    "Prepaid": "0 DAYSAFTERBILLDATE",
}
"""Terms of GP as Xero has them, by include/lookups/payment_terms.csv."""
_TERMS = {"sales_terms": "Sales", "bill_terms": "Bills"}
"""The kind of a contact's payment terms by field. They are cleared in Xero alone, which can't be told to by its API."""
_NUMBERS: dict[str, dict[str, list[Any]]] = {
    "": {"gp": ["", "00000000000000"], "xero": [("", "", "")]},
    "+16175550100": {
        "gp": ["61755501000000", "(617) 555-0100"],
        "xero": [("1", "617", "5550100"), ("", "617", "555-0100"), ("", "", "+1 617 555 0100")],
    },
    "+16175550100 x12": {
        "gp": ["61755501000012"],
        "xero": [("1", "617", "5550100 x12"), ("1", "617", "555-0100 ext. 12")],
    },
    "+442079460958": {"gp": ["+442079460958"], "xero": [("44", "20", "79460958"), ("+44", "020", "7946 0958")]},
    "ask Ann": {"gp": ["ask Ann"], "xero": [("", "", "ask Ann")]},
}
"""Telephone numbers by how people type them in each ledger, the first one as the other ledger's is written there."""
_SPELLED = {str(typed): number for number, of in _NUMBERS.items() for each in of.values() for typed in each}
_PHONES = {"phone": "DEFAULT", "fax": "FAX"}
"""PhoneType by field."""
_POSTAL = "POSTAL"
"""The code in GP of a contact's POBOX address, by include/mappings; what is under it is no column of the master."""
_PARTS = ("PhoneCountryCode", "PhoneAreaCode", "PhoneNumber")
GPS_ALONE = ("cost",)
"""Fields that GP says, as include/flows/master_data.yaml has it."""


@dataclass
class Windows:
    """Where people look at masters and edit them, in both ledgers."""

    player: Player
    hours: int = field(default=0, kw_only=True)

    def in_gp(self, number: str, *, window: str = "customers", **changes: Any) -> None:
        """Make a master, or change it."""
        self.player.call("PUT", "gp", f"/_sandbox/{window}/{number}", changes)

    def in_xero(self, named: str, *, window: str = "contacts", **changes: Any) -> None:
        """Make a master, or change it."""
        self.player.call("PUT", "xero", f"/_sandbox/{window}/{named}", changes)

    def deleted_in_gp(self, number: str, *, window: str = "customers") -> None:
        """Delete a master."""
        self.player.call("DELETE", "gp", f"/_sandbox/{window}/{number}")

    def deleted_in_xero(self, named: str, *, window: str) -> None:
        """Delete a master."""
        self.player.call("DELETE", "xero", f"/_sandbox/{window}/{named}")

    def later(self) -> None:
        """What happens from now on happens an hour after what happened before."""
        self.hours += 1
        self.player.set_clock(OPENING + timedelta(days=1, hours=self.hours))

    def all_gp(self, window: str = "customers") -> list[dict[str, Any]]:
        """All masters of a window."""
        found: list[dict[str, Any]] = self.player.call("GET", "gp", f"/_sandbox/{window}")[window]
        return found

    def all_xero(self, window: str = "contacts") -> list[dict[str, Any]]:
        """All masters of a window."""
        found: list[dict[str, Any]] = self.player.call("GET", "xero", f"/_sandbox/{window}")[window]
        return found

    def named(self, name: str) -> tuple[list[str], list[str]]:
        """The numbers of the customers, and the ids of the contacts, of a name."""
        customers = [each["CUSTNMBR"] for each in self.all_gp() if each["CUSTNAME"] == name]
        return customers, [each["ContactID"] for each in self.all_xero() if each["Name"] == name]


@dataclass(frozen=True)
class Place:
    """Where a thing is held: what edits and what shows its fields."""

    edit: Callable[[Windows, str, Any], None]
    show: Callable[[Windows], dict[str, Any]]


@dataclass
class Thing:
    """
    One thing of life.

    :param edits: by field and place what people typed last since it came to rest, and ``rest`` what all places held
        then.
    """

    name: str
    places: dict[str, Place]
    fields: tuple[str, ...]
    edits: dict[str, dict[str, str]] = field(default_factory=dict)
    rest: dict[str, str] = field(default_factory=dict)

    def begin_round(self, windows: Windows) -> None:
        """It is at rest: what it holds now is what it held before what people edit next."""
        self.edits.clear()
        self.rest = {name: next(iter(values.values())) for name, values in self.held(windows).items()}

    def held(self, windows: Windows) -> dict[str, dict[str, str]]:
        """By field and place what is held."""
        shown = {name: place.show(windows) for name, place in self.places.items()}
        return {each: {name: str(of[each]) for name, of in shown.items() if each in of} for each in self.fields}


def in_gp(window: str, key: str, number: str, columns: dict[str, str]) -> Place:
    """A master of GP; ``columns`` by field."""

    def edit(windows: Windows, name: str, value: Any) -> None:
        if name == "active":
            value = {"INACTIVE": int(not value), "VENDSTTS": 1 if value else 2}[columns[name]]
        typed = {"addresses": {_POSTAL: {"CITY": value}}} if name == "postal_city" else {columns[name]: value}
        windows.in_gp(number, window=window, **typed)

    def show(windows: Windows) -> dict[str, Any]:
        row = next(each for each in windows.all_gp(window) if each[key] == number)
        held = {name: row[column] for name, column in columns.items() if name != "postal_city"}
        held["postal_city"] = row["addresses"].get(_POSTAL, {}).get("CITY", "") if "addresses" in row else ""
        if "active" in held:
            held["active"] = str(held["active"]) == ("1" if columns["active"] == "VENDSTTS" else "0")
        return {name: _plain(value) for name, value in held.items()}

    return Place(edit, show)


def contact(number_field: str, number: str) -> Place:
    """A contact of Xero."""

    def shown(windows: Windows) -> dict[str, Any]:
        return next(each for each in windows.all_xero() if each.get(number_field) == number)

    def edit(windows: Windows, name: str, value: Any) -> None:
        change: dict[str, Any]
        if name in _PHONES:
            change = {"Phones": [{"PhoneType": _PHONES[name], **dict(zip(_PARTS, value, strict=True))}]}
        elif name in _TERMS:
            change = {"PaymentTerms": {_TERMS[name]: _day_and_type(value)}}
        else:
            change = {
                "name": {"Name": value},
                "email": {"EmailAddress": value},
                "tax": {"TaxNumber": value},
                "city": {"Addresses": [{"AddressType": "STREET", "City": value}]},
                "postal_city": {"Addresses": [{"AddressType": "POBOX", "City": value}]},
                "active": {"ContactStatus": "ACTIVE" if value else "ARCHIVED"},
            }[name]
        windows.in_xero(shown(windows)["ContactID"], **change)

    def show(windows: Windows) -> dict[str, Any]:
        found = shown(windows)
        held = {"name": found["Name"], "email": found["EmailAddress"], "tax": found.get("TaxNumber", "")}
        terms = found.get("PaymentTerms", {})
        held |= {field: " ".join(map(str, terms.get(kind, {}).values())) for field, kind in _TERMS.items()}
        phones = {each["PhoneType"]: str(tuple(each.get(part, "") for part in _PARTS)) for each in found["Phones"]}
        held |= {field: _plain(phones[kind]) for field, kind in _PHONES.items()}
        cities = {each["AddressType"]: each.get("City", "") for each in found["Addresses"]}
        held |= {"city": cities["STREET"], "postal_city": cities["POBOX"]}
        return {**held, "active": found["ContactStatus"] == "ACTIVE"}

    return Place(edit, show)


def _day_and_type(terms: str) -> dict[str, Any] | None:
    day, _, kind = str(terms).partition(" ")
    return {"Day": int(day), "Type": kind} if kind else None


def item(code: str) -> Place:
    """An item of Xero, which is never inactive."""

    def edit(windows: Windows, name: str, value: Any) -> None:
        change: dict[str, Any] = {"name": {"Name": value}, "cost": {"PurchaseDetails": {"UnitPrice": value}}}[name]
        windows.in_xero(code, window="items", **change)

    def show(windows: Windows) -> dict[str, Any]:
        found = next(each for each in windows.all_xero("items") if each["Code"] == code)
        return {"name": found["Name"], "cost": _plain(found["PurchaseDetails"]["UnitPrice"])}

    return Place(edit, show)


CUSTOMER = {
    "name": "CUSTNAME",
    "email": "INET1",
    "city": "CITY",
    "active": "INACTIVE",
    "postal_city": "CITY",
    "sales_terms": "PYMTRMID",
    "phone": "PHONE1",
    "fax": "FAX",
}
VENDOR = {
    "name": "VENDNAME",
    "tax": "TXRGNNUM",
    "city": "CITY",
    "active": "VENDSTTS",
    "postal_city": "CITY",
    "bill_terms": "PYMTRMID",
    "phone": "PHNUMBR1",
    "fax": "FAXNUMBR",
}
ITEM = {"name": "ITEMDESC", "cost": "STNDCOST"}


def make_things(windows: Windows) -> list[Thing]:
    """A customer, a vendor, one that is both once ``make_two_one`` has said so, and an item; in GP."""
    windows.in_gp("ROUND1", CUSTNAME="Round", CITY="Boston")
    windows.in_gp("BOTH1", CUSTNAME="Both")
    windows.in_gp("VROUND1", window="vendors", VENDNAME="Quarry Supplies")
    windows.in_gp("IROUND1", window="items", ITEMDESC="Item round", STNDCOST="1")
    both = {
        "customer": in_gp("customers", "CUSTNMBR", "BOTH1", CUSTOMER),
        "vendor": in_gp("vendors", "VENDORID", "VBOTH1", VENDOR),
        "xero": contact("ContactNumber", "BOTH1"),
    }
    return [
        _customer("ROUND1", contact("ContactNumber", "ROUND1")),
        Thing(
            "VROUND1",
            {"gp": in_gp("vendors", "VENDORID", "VROUND1", VENDOR), "xero": contact("AccountNumber", "VROUND1")},
            tuple(VENDOR),
        ),
        Thing("BOTH1", both, ("name", "email", "city", "postal_city", "tax", "active", *_TERMS, *_PHONES)),
        Thing("IROUND1", {"gp": in_gp("items", "ITEMNMBR", "IROUND1", ITEM), "xero": item("IROUND1")}, tuple(ITEM)),
    ]


def make_two_one(windows: Windows) -> None:
    """The customer's contact is a vendor too."""
    windows.in_xero("BOTH1", AccountNumber="VBOTH1", IsSupplier=True)


def people_edit(windows: Windows, dice: Dice, thing: Thing, word: str) -> None:
    """Somebody changes one field in one place, an hour after what happened before."""
    place = dice.pick(sorted(thing.places))
    held = thing.places[place].show(windows)
    name = dice.pick([each for each in thing.fields if each in held])
    value: Any = word
    if name == "active":
        value = not held["active"]
    elif name == "cost":
        value = f"{dice.number(1, 99)}.{dice.number(10, 99)}"
    elif name in _TERMS:
        value = dice.pick(["", *sorted({*_DUE.values()})] if place == "xero" else sorted(_DUE))
    elif name in _PHONES:
        value = dice.pick(_NUMBERS[dice.pick(sorted(_NUMBERS))]["xero" if place == "xero" else "gp"])
    elif name not in NEVER_EMPTY and dice.chance(30):
        value = ""
    elif name == "email":
        value = f"{word}@example.com"
    windows.later()
    thing.places[place].edit(windows, name, value)
    thing.edits.setdefault(name, {})[place] = str(_plain(value))


def make_leaving(windows: Windows, name: str) -> None:
    """A customer and an item of GP, of this number and name; ``people_delete`` ends them once both have them."""
    windows.in_gp(name, CUSTNAME=name)
    windows.in_gp(name, window="items", ITEMDESC=name)


def people_delete(windows: Windows, number: str) -> None:
    """Somebody deletes a customer in GP and an item in Xero, an hour after what happened before."""
    windows.later()
    windows.deleted_in_gp(number)
    windows.deleted_in_xero(number, window="items")


def all_items_are_due(state: Engine) -> None:
    """Xero's list of all items, which tells of those deleted, is read by the next pass, as once a day."""
    with transaction(state) as session:
        session.execute(update(Reading).values(listed_at=None))


def left_of_deleted(windows: Windows, number: str) -> list[str]:
    """What both ledgers hold of a customer and an item that were deleted, but for what stays of them: out of use."""
    in_gp = [f"gp {each['CUSTNMBR']}" for each in windows.all_gp() if each["CUSTNMBR"] == number]
    contacts = [each["ContactStatus"] for each in windows.all_xero() if each.get("ContactNumber") == number]
    in_xero = [f"xero item {number}" for each in windows.all_xero("items") if each["Code"] == number]
    items = [each["ITEMTYPE"] for each in windows.all_gp("items") if each["ITEMNMBR"] == number]
    return [
        *in_gp,
        *in_xero,
        *([] if contacts == ["ARCHIVED"] else [f"xero {contacts}"]),
        *([] if items == [_DISCONTINUED] else [f"gp item {items}"]),
    ]


def name_like_no_other(dice: Dice) -> str:
    """Of a customer; who is likely to be another one is asked about."""
    return "".join(dice.pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(10))


def people_make(windows: Windows, dice: Dice) -> str:
    """Somebody makes a customer in one of the ledgers; its name."""
    name = name_like_no_other(dice)
    windows.later()
    if dice.chance(50):
        windows.in_gp(name, CUSTNAME=name, CITY="Boston")
    else:
        windows.in_xero(name, EmailAddress=f"{name}@example.com")
    return name


def made_in_both(number: str, contact_id: str) -> Thing:
    """A customer that was made in one ledger, and its contact."""
    return _customer(number, contact("ContactID", contact_id))


def _customer(number: str, in_xero: Place) -> Thing:
    return Thing(number, {"gp": in_gp("customers", "CUSTNMBR", number, CUSTOMER), "xero": in_xero}, tuple(CUSTOMER))


def lost_edits(thing: Thing, held: dict[str, dict[str, str]]) -> list[str]:
    """
    Of a thing at rest the fields that two places hold otherwise, or that hold what nobody typed there last.

    A field that nobody edited holds what it held before.
    """
    lost = []
    for name, values in held.items():
        edits = thing.edits.get(name, {})
        if name in GPS_ALONE:
            edits = {place: each for place, each in edits.items() if place == "gp"}
        stand = {*edits.values()} or {thing.rest[name]}
        if len({*values.values()}) > 1 or not stand.issuperset(values.values()):
            lost.append(f"{thing.name}: {name} is {values}, edited {edits}, before {thing.rest.get(name)!r}")
    return lost


def _plain(value: Any) -> Any:
    """A cost as both ledgers show it, payment terms as Xero does, a telephone number as it is dialled."""
    if value in _DUE:
        return _DUE[value]
    if str(value) in _SPELLED:
        return _SPELLED[str(value)]
    text = str(value)
    return f"{float(text):.2f}" if text.replace(".", "", 1).isdigit() and "." in text else value
