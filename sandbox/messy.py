"""
Two ledgers of one company that grew apart for years: customers, vendors and items that are partly the same, and which.

Each thing has a life: it moves, is renamed, changes its telephone; families and branches share what they have with
others. Each ledger has its clerks: capitals or not, legal forms or not, gaps, slips, doubles. Shares are what such data
have as far as anything is published of it, and else a guess; they are not made to suit any way of matching.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from faker import Faker

from sandbox.slips import slip

__all__ = ["Messy", "make_messy"]

Row = dict[str, Any]

_LEGAL = ("LLC", "Inc.", "Inc", "Ltd", "Corp.", "Co.", "L.L.C.", "Limited", "LP", "Incorporated")
_TRADES = (
    "Plumbing", "Electric", "Hardware", "Builders", "Cafe", "Bakery", "Printing", "Auto Repair", "Dental",
    "Veterinary", "Landscaping", "Roofing", "Supply", "Furniture", "Consulting", "Logistics", "Marine", "Foods",
    "Textiles", "Pharmacy", "Cleaning Services", "Engineering", "Software", "Interiors", "Pet Clinic",
    "Brewing Company", "Law Office", "Optical", "Trading", "Distributors", "Realty", "Photography", "Catering",
    "Heating and Air", "Machine Works", "Farm Equipment", "Garden Center", "Property Management", "Industries",
    "Manufacturing", "International", "Technologies", "Gallery",
)  # fmt: skip
_FANCY = (
    "Summit", "Blue Heron", "Evergreen", "Liberty", "Pioneer", "Atlas", "Golden Gate", "Northern", "Red Rock",
    "Sunrise", "Pinnacle", "Heritage", "Coastal", "Iron Bridge", "Silver Lake", "Keystone", "Cascade", "Patriot",
    "Harvest", "Vista", "Beacon", "Granite", "Maple Leaf", "Seaside", "Crossroads", "Cornerstone", "Frontier",
    "Lakeside", "Metro", "Premier",
)  # fmt: skip
_SHORT = {
    "Company": "Co", "Services": "Svcs", "Manufacturing": "Mfg", "International": "Intl", "Engineering": "Eng",
    "Industries": "Ind", "Technologies": "Tech", "Electric": "Elec", "Equipment": "Equip", "Distributors": "Distr",
    "Management": "Mgt", "Consulting": "Cons", "Property": "Prop", "Brothers": "Bros", "and": "&", "Supply": "Sply",
    "Center": "Ctr", "Photography": "Photo", "Furniture": "Furn", "Veterinary": "Vet", "Landscaping": "Landsc",
}  # fmt: skip
_STREET_SHORT = {
    "Street": "St", "Avenue": "Ave", "Road": "Rd", "Drive": "Dr", "Lane": "Ln", "Court": "Ct", "Boulevard": "Blvd",
    "Place": "Pl", "Square": "Sq", "Suite": "Ste", "Apartment": "Apt", "North": "N", "South": "S", "West": "W",
    "East": "E", "Highway": "Hwy", "Parkway": "Pkwy", "Terrace": "Ter", "Trail": "Trl",
}  # fmt: skip
_KINDS_OF_STREET = ("Street", "Avenue", "Road", "Drive", "Lane", "Court", "Boulevard", "Place", "Highway", "Parkway")
_PUBLIC = ("gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "aol.com", "comcast.net", "icloud.com")
_GOODS = (
    "Bolt", "Screw", "Lamp", "Bracket", "Valve", "Hose", "Switch", "Cable", "Filter", "Gasket", "Mug", "Chair",
    "Desk", "Shelf", "Drill Bit", "Saw Blade", "Glove", "Rope", "Paint", "Brush", "Lantern", "Cleat", "Pump",
)  # fmt: skip
_MATERIALS = (
    "Steel",
    "Brass",
    "Stainless",
    "Nylon",
    "Oak",
    "Rubber",
    "Copper",
    "Plastic",
    "Aluminum",
    "Zinc",
    "Cotton",
)
_SHORT_GOODS = {
    "Stainless": "SS", "Aluminum": "Alu", "Plastic": "PVC", "Copper": "Cu", "Black": "Blk", "White": "Wht",
    "Natural": "Nat", "Yellow": "Yel", "Bracket": "Brkt", "Switch": "Sw", "Screw": "Scr", "Lantern": "Lant.",
    "Drill Bit": "Drill", "1/4in": '1/4"', "1/2in": '1/2"', "3/4in": '3/4"', "10mm": "10 mm", "20mm": "20 mm",
}  # fmt: skip
_COLOURS = ("Black", "White", "Red", "Blue", "Green", "Grey", "Natural", "Yellow")
_SIZES = ("M4", "M6", "M8", "M10", "1/4in", "1/2in", "3/4in", "10mm", "20mm", "40cm", "60cm", "S", "M", "L", "XL")


@dataclass(frozen=True)
class Messy:
    """
    Two ledgers, and the truth beside them.

    :param gp, xero: by entity (``customer``, ``vendor``, ``item``) the rows by key.
    :param truth: by entity the pairs of keys, GP's and Xero's, that are one thing; a thing that is there twice has
        several.
    """

    gp: dict[str, dict[str, Row]]
    xero: dict[str, dict[str, Row]]
    truth: dict[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class _Clerk:
    """How one ledger is kept: the share of records of which something holds."""

    capitals: float
    legal_form: float
    short: float
    slips: float
    missing: dict[str, float]
    twice: float
    stale: float


_OF_GP = _Clerk(0.45, 0.45, 0.35, 0.045, {"email": 0.35, "phone": 0.15, "tax_number": 0.5, "address1": 0.03}, 0.02, 0.5)
_OF_XERO = _Clerk(0.02, 0.65, 0.1, 0.04, {"email": 0.12, "phone": 0.4, "tax_number": 0.6, "address1": 0.15}, 0.04, 0.1)
_BOTH, _GP_ALONE = 0.6, 0.25
"""Shares of things that both ledgers have, and GP alone; the rest Xero has alone."""


def make_messy(customers: int, seed: int, *, vendors: int | None = None, items: int | None = None) -> Messy:
    """
    Two ledgers with about so many customers each; the same seed makes the same.

    :param vendors, items: how many; by default a tenth and two fifths of the customers.
    """
    made = Messy({}, {}, {})
    wanted = {
        "customer": customers,
        "vendor": customers // 10 if vendors is None else vendors,
        "item": customers * 2 // 5 if items is None else items,
    }
    for at, (entity, count) in enumerate(wanted.items()):
        world = _World(random.Random(f"{seed} {entity}"), seed * 10 + at)
        things = world.items() if entity == "item" else world.parties(people=0.3 if not at else 0.04)
        _put_down(entity, things, count, world.dice, made)
    return made


def _put_down(entity: str, things: Iterator[Row], count: int, dice: random.Random, made: Messy) -> None:
    """Things into the ledgers until the fuller one has so many."""
    gp: dict[str, Row] = {}
    xero: dict[str, Row] = {}
    truth: list[tuple[str, str]] = []
    of_item = entity == "item"
    while max(len(gp), len(xero)) < count:
        thing = next(things)
        share = dice.random()
        keys: tuple[list[str], list[str]] = ([], [])
        for side, (clerk, ledger) in enumerate(((_OF_GP, gp), (_OF_XERO, xero))):
            if share >= _BOTH and (share < _BOTH + _GP_ALONE) != (side == 0):
                continue
            for _ in range(2 if dice.random() < clerk.twice else 1):
                row = _item_row(thing, side, dice, clerk) if of_item else _party_row(thing, dice, clerk)
                key = _number(entity, row, ledger, dice) if side == 0 else f"{entity}-{len(xero) + 1:06}"
                ledger[key] = row
                keys[side].append(key)
                if not of_item:
                    row["customer_number" if entity == "customer" else "vendor_number"] = key if side == 0 else None
        if keys[0] and keys[1]:
            truth += [(one, other) for one in keys[0] for other in keys[1]]
            if not of_item and dice.random() < 0.1:  # somebody keyed GP's number, now and then a wrong one
                number = keys[0][0] if dice.random() < 0.98 else dice.choice(list(gp))
                xero[keys[1][0]]["customer_number" if entity == "customer" else "vendor_number"] = number
    made.gp[entity], made.xero[entity], made.truth[entity] = gp, xero, truth


@dataclass
class _World:
    """What there is to be known, before any clerk keys it."""

    dice: random.Random
    seed: int
    fake: Faker = field(init=False)

    def __post_init__(self) -> None:
        self.fake = Faker("en_US")
        self.fake.seed_instance(self.seed)
        towns = [(self.fake.city(), self.fake.state_abbr(), self.fake.postcode()[:3]) for _ in range(400)]
        self.towns = [
            (town, state, [f"{zip_}{n:02}" for n in self.dice.sample(range(100), 4)]) for town, state, zip_ in towns
        ]
        self.weights = [1 / (rank + 3) for rank in range(len(towns))]  # most live in few towns
        self.streets = [f"{self.fake.last_name()} {self.dice.choice(_KINDS_OF_STREET)}" for _ in range(600)]
        self.streets += [f"{name} {self.dice.choice(_KINDS_OF_STREET)}" for name in ("Main", "Park", "Oak", "2nd")] * 40

    def parties(self, *, people: float) -> Iterator[Row]:
        """Customers or vendors, without end, each with what it was earlier in its life."""
        for thing in self._parties(people):
            yield {**thing, "earlier": self._earlier(thing)}

    def _earlier(self, thing: Row) -> list[Row]:
        """What was otherwise once: it moved, has another telephone or mailbox, another name."""
        found: list[Row] = []
        other = self._person() if thing["is_person"] else self._company()
        if self.dice.random() < 0.12:
            found.append({each: other[each] for each in ("address1", "address2", "city", "state", "zip")})
        if self.dice.random() < 0.1:
            found.append({"phone": other["phone"]})
        if self.dice.random() < 0.1:
            found.append({"email": other["email"]})
        if self.dice.random() < 0.025:
            name = f"{thing['name'].split()[0]} {other['name'].split()[-1]}" if thing["is_person"] else other["name"]
            found.append({"name": name})
        return found

    def _parties(self, people: float) -> Iterator[Row]:
        """Of families, branches and shared offices several in a row."""
        while True:
            share = self.dice.random()
            if share < people:
                yield from self._family(self.dice.choice((2, 2, 3)) if self.dice.random() < 0.03 else 1)
            elif share < people + 0.015:
                yield from self._branches(self.dice.choice((2, 2, 3, 3, 4, 6, 10)))
            elif share < people + 0.02:
                first = self._company()
                for _ in range(self.dice.choice((2, 3, 5))):  # of one bookkeeper's clients, or one office building
                    other = self._company()
                    yield {**other, **{name: first[name] for name in ("email", "phone") if self.dice.random() < 0.7}}
            else:
                yield self._company()

    def _place(self) -> Row:
        ((town, state, zips),) = self.dice.choices(self.towns, self.weights)
        street = f"{self.dice.randint(1, 1999)} {self.dice.choice(self.streets)}"
        if self.dice.random() < 0.1:
            street = re.sub(" ", f" {self.dice.choice(('North', 'South', 'East', 'West'))} ", street, count=1)
        second = f"{self.dice.choice(('Suite', 'Unit', 'Floor'))} {self.dice.randint(1, 400)}"
        return {
            "address1": street,
            "address2": second if self.dice.random() < 0.2 else None,
            "city": town,
            "state": state,
            "zip": self.dice.choice(zips),
        }

    def _phone(self) -> str:
        return f"{self.dice.randint(201, 989)}{self.dice.randint(200, 999)}{self.dice.randint(0, 9999):04}"

    def _person(self, surname: str | None = None) -> Row:
        first, last = self.fake.first_name(), surname or self.fake.last_name()
        mailbox = self.dice.choice((f"{first}.{last}", f"{first[0]}{last}", f"{first}{self.dice.randint(1, 99)}"))
        return {
            "name": f"{first} {last}",
            "is_person": True,
            "email": f"{mailbox}@{self.dice.choice(_PUBLIC)}".lower(),
            "phone": self._phone(),
            "tax_number": None,
            **self._place(),
        }

    def _family(self, size: int) -> Iterator[Row]:
        first = self._person()
        yield first
        for _ in range(size - 1):
            other = self._person(first["name"].split()[-1])
            shared = {name: first[name] for name in ("address1", "address2", "city", "state", "zip", "phone")}
            yield {**other, **shared}

    def _company(self) -> Row:
        surname, trade = self.fake.last_name(), self.dice.choice(_TRADES)
        ((town, _, _),) = self.dice.choices(self.towns, self.weights)
        name = self.dice.choice(
            (
                f"{surname} {trade}",
                f"{surname} {trade}",
                f"{surname} and {self.fake.last_name()}",
                f"{surname} and Sons {trade}",
                f"{self.dice.choice(_FANCY)} {trade}",
                f"{self.dice.choice(_FANCY)} {self.dice.choice(_FANCY)} {trade}",
                f"{town} {trade}",
                f"{surname} Brothers {trade}",
                f"The {self.fake.word().title()} {self.fake.word().title()}",
            )
        )
        word = re.sub(r"[^a-z]", "", name.lower())[:18]
        if self.dice.random() < 0.35:
            domain, mailbox = self.dice.choice(_PUBLIC), word
        else:
            domain = f"{word}.{self.dice.choice(('com', 'com', 'net', 'biz', 'us'))}"
            mailbox = self.dice.choice(("info", "info", "accounts", "ap", "office", self.fake.first_name().lower()))
        return {
            "name": f"{name} {self.dice.choice(_LEGAL)}",
            "is_person": False,
            "email": f"{mailbox}@{domain}",
            "phone": self._phone(),
            "tax_number": f"{self.dice.randint(10, 99)}-{self.dice.randint(1000000, 9999999)}",
            **self._place(),
        }

    def _branches(self, number: int) -> Iterator[Row]:
        """Of one firm: one switchboard, one address for mail, often one tax number, each in a place of its own."""
        firm = self._company()
        one_tax = self.dice.random() < 0.6
        for _ in range(number):
            place = self._place()
            name = firm["name"] if self.dice.random() < 0.4 else f"{firm['name'].rsplit(' ', 1)[0]} {place['city']}"
            tax = firm["tax_number"] if one_tax else self._company()["tax_number"]
            phone = firm["phone"] if self.dice.random() < 0.7 else self._phone()
            yield {**firm, **place, "name": name, "tax_number": tax, "phone": phone}

    def items(self) -> Iterator[Row]:
        """Goods, most in several sizes or colours."""
        serial = 0
        while True:
            maker, number = self.fake.last_name(), self.dice.randint(100, 9999)
            base = f"{self.dice.choice(_MATERIALS)} {self.dice.choice(_GOODS)}"
            if self.dice.random() < 0.5:
                base = f"{maker} {base}"
            variants = [(size, colour) for size in _SIZES for colour in _COLOURS]
            for size, colour in self.dice.sample(variants, self.dice.choice((1, 1, 2, 3, 5, 8))):
                serial += 1
                yield {
                    "code": f"{maker[:3].upper()}-{number}-{serial % 1000:03}",
                    "description": f"{base} {size} {colour}",
                    "barcode": f"{self.dice.randint(10**11, 10**12 - 1)}",
                }


def _party_row(thing: Row, dice: random.Random, clerk: _Clerk) -> Row:
    """A customer or vendor as one clerk keyed it at some time of its life."""
    for part in thing["earlier"]:
        if dice.random() < clerk.stale:
            thing = {**thing, **part}
    name = str(thing["name"])
    if not thing["is_person"]:
        if dice.random() > clerk.legal_form:
            name = re.sub(r" (?:" + "|".join(re.escape(each) for each in _LEGAL) + ")$", "", name)
        if dice.random() < clerk.short:
            name = " ".join(_SHORT.get(word, word) for word in name.split())
        if dice.random() < 0.05:
            name = name.removeprefix("The ") if name.startswith("The ") else f"The {name}"
    elif dice.random() < 0.12:
        first, _, last = name.partition(" ")
        name = dice.choice((f"{last}, {first}", f"{last} {first}", f"{first[0]}. {last}", f"{last}, {first[0]}."))
    street = str(thing["address1"])
    if dice.random() < 0.5:
        street = " ".join(_STREET_SHORT.get(word, word) for word in street.split())
    row = {each: value for each, value in thing.items() if each not in ("is_person", "earlier")}
    row |= {"name": name, "address1": street}
    if row["address2"] and dice.random() < 0.4:
        row["address1"], row["address2"] = f"{row['address1']}, {row['address2']}", None
    if dice.random() < 0.02:
        row["zip"] = None
    for field_, share in clerk.missing.items():
        if dice.random() < share:
            row[field_] = None
            if field_ == "address1":
                row |= dict.fromkeys(("address2", "city", "state", "zip"))
    for field_ in ("name", "email", "phone", "tax_number", "address1", "city", "zip"):
        if row[field_] and dice.random() < clerk.slips:
            row[field_] = slip(str(row[field_]), dice)
    if row["phone"]:
        digits = row["phone"]
        row["phone"] = dice.choice(
            (
                digits,
                f"({digits[:3]}) {digits[3:6]}-{digits[6:]}",
                f"+1 {digits}",
                f"{digits[:3]}.{digits[3:6]}.{digits[6:]}",
            )
        )
    if dice.random() < clerk.capitals:
        row |= {each: row[each].upper() for each in ("name", "address1", "city") if row[each]}
    row["name"] = row["name"][:64].strip()
    return row


def _item_row(thing: Row, side: int, dice: random.Random, clerk: _Clerk) -> Row:
    """An item as one clerk keyed it; Xero's, now and then, under a code of its own."""
    code = str(thing["code"])
    if side == 1:
        draw = dice.random()
        if draw < 0.15:
            code = code.replace("-", "")
        elif draw < 0.22:
            code = code.replace("-", "/", 1).lower()
        elif draw < 0.37:
            code = f"X{dice.randint(10_000, 99_999)}"
    description = str(thing["description"])
    if dice.random() < clerk.short:
        description = " ".join(_SHORT_GOODS.get(word, word) for word in description.split())
    if dice.random() < 0.1:
        parts = description.split()
        description = " ".join([*parts[1:], parts[0]])
    row: Row = {"code": code, "description": description, "barcode": thing["barcode"]}
    if dice.random() < 0.45:
        row["barcode"] = None
    for field_ in row:
        if row[field_] and dice.random() < clerk.slips / (1 if field_ == "description" else 3):
            row[field_] = slip(str(row[field_]), dice)
    if dice.random() < clerk.capitals:
        row["description"] = row["description"].upper()
    return row


def _number(entity: str, row: Row, ledger: dict[str, Row], dice: random.Random) -> str:
    """GP's number: of an item its code, else five letters of the name and a number."""
    if entity == "item":
        number = str(row["code"])
        return number if number not in ledger else f"{number}-{len(ledger)}"
    letters = re.sub(r"[^A-Z]", "", str(row["name"]).upper())[:5].ljust(3, "X")
    serial = 1
    while (number := f"{letters}{serial:04}") in ledger:
        serial += dice.randint(1, 3)
    return number
