"""
Rules told by values: records of two systems that know some of the same people and orders, made after the gold set's
pairs, with known rules between some of the fields; how many of these are told, and how many where there is none.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

from faker import Faker

from bench.mapping_gold import Task, tasks
from ledgerbridge.suggest import Field, suggest, with_rules
from ledgerbridge.suggest.by_values import Table

__all__ = ["CASES", "Case", "told_rules"]

_THINGS, _OURS, _THEIRS = 500, slice(0, 300), slice(120, 500)
"""Of so many things the source's records are of the first ones, the target's of the last ones."""
_ROWS_EACH = 2
_ACCOUNTS = [
    f"{first}-{natural}-00" for first in ("100", "200") for natural in ("4100", "4110", "4200", "4300", "4400")
]


@dataclass(frozen=True)
class Case:
    """
    A pair of entities, and target fields that a rule makes.

    :param rules: path of a target field to the kind of its rule, and the paths of its sources or its value.
    :param values: values of source fields that are not just any.
    :param hidden: source fields that nobody fills.
    """

    source: str
    target: str
    rules: Mapping[str, tuple[str, tuple[str, ...]]]
    values: Mapping[str, Sequence[str]]
    hidden: frozenset[str] = frozenset()


TABLES: Final = (
    Table("customer_classes", "class", {"customer": "RETAIL", "wholesaler": "WHOLESALE", "staff": "STAFF"}),
    Table("shipping_methods", "gp", {"flat_rate": "GROUND", "local_pickup": "PICKUP", "express": "NEXT DAY"}),
    Table("tax_codes", "xero", {"TAX": "TAX001", "NON": "NONE", "CA": "TAX002"}),
    Table("tax_titles", "detail", {"US-MA-1": "MA-STATE", "US-NY-1": "NY-STATE", "US-CA-1": "CA-STATE"}),
)
CASES: Final = (
    Case(
        "woocommerce.customer",
        "gp.customer",
        {
            "CUSTNAME": ("template", ("first_name", "last_name")),
            "CNTCPRSN": ("template", ("billing.first_name", "billing.last_name")),
            "CUSTCLAS": ("table", ("role",)),
            "CURNCYID": ("constant", ("USD",)),
            "PYMTRMID": ("constant", ("Net 30",)),
        },
        {"role": tuple(TABLES[0].answers)},
    ),
    Case(
        "woocommerce.order",
        "gp.sales_order",
        {
            "DOCID": ("constant", ("STDORD",)),
            "ShipToName": ("template", ("shipping.first_name", "shipping.last_name")),
            "SHIPMTHD": ("table", ("shipping_lines[].method_id",)),
            "taxes.TAXDTLID": ("table", ("tax_lines[].rate_code",)),
            "LOCNCODE": ("constant", ("WAREHOUSE",)),
        },
        {"shipping_lines[].method_id": tuple(TABLES[1].answers), "tax_lines[].rate_code": tuple(TABLES[3].answers)},
    ),
    Case(
        "quickbooks.customer",
        "xero.contact",
        {
            "FirstName": ("before", ("DisplayName",)),
            "LastName": ("after", ("DisplayName",)),
            "ContactStatus": ("constant", ("ACTIVE",)),
            "AccountsReceivableTaxType": ("table", ("DefaultTaxCodeRef.value",)),
        },
        {"DefaultTaxCodeRef.value": tuple(TABLES[2].answers)},
        frozenset({"GivenName", "FamilyName", "MiddleName"}),
    ),
    Case(
        "quickbooks.invoice",
        "xero.invoice",
        {
            "Type": ("constant", ("ACCREC",)),
            "LineAmountTypes": ("constant", ("Exclusive",)),
            "lines.AccountCode": ("segment", ("Line[].SalesItemLineDetail.ItemAccountRef.name",)),
            "lines.TaxType": ("table", ("Line[].SalesItemLineDetail.TaxCodeRef.value",)),
        },
        {
            "Line[].SalesItemLineDetail.TaxCodeRef.value": tuple(TABLES[2].answers),
            "Line[].SalesItemLineDetail.ItemAccountRef.name": _ACCOUNTS,
        },
    ),
)


def told_rules(case: Case, seed: int) -> dict[str, tuple[str, tuple[str, ...], bool]]:
    """
    By target field that has a rule or is told one: its kind, its sources, and whether what was told is right.

    Kind ``none``: there is none, and one was told; ``same``: another field than the suggested one, which is right;
    ``confirmed``: the suggested one, which is sure by its values.
    """
    (task,) = (each for each in tasks() if (each.source.name, each.target.name) == (case.source, case.target))
    things = list(_things(case, task, seed))
    theirs = [_made(case, task, thing) for thing in things[_THEIRS]]
    ours = [_nested(thing) for thing in things[_OURS]]
    found = with_rules(suggest(task.source, task.target), task.source, ours, theirs, TABLES)
    told: dict[str, tuple[str, tuple[str, ...], bool]] = {}
    for each in found:
        kind, sources = case.rules.get(each.target.path, ("none", ()))
        if kind == "none" and each.rule is not None and each.rule.kind == "same":
            (path,) = (one.path for one in each.rule.sources)
            right = path in task.answers.get(each.target.path, ())
            told[each.target.path] = ("same" if right else "none", (path,), right)
        elif each.rule is not None:
            asked = {one.path for one in each.rule.sources}
            right = each.rule.kind == kind and (kind == "constant" or _same(task, things, asked, set(sources)))
            told[each.target.path] = (kind, tuple(sorted(asked)), right)
        elif each.band == "sure" and "of its values" in each.candidates[0].reason:
            first = each.candidates[0].source.path
            told[each.target.path] = ("confirmed", (first,), first in task.answers.get(each.target.path, ()))
        elif kind != "none":
            told[each.target.path] = (kind, (), False)
    return told


def _same(task: Task, things: Sequence[Mapping[str, list[str]]], asked: set[str], sources: set[str]) -> bool:
    """Whether fields hold the same as others: a person's name is in the record and in the address."""
    return sorted(str([thing.get(each) for thing in things]) for each in asked) == sorted(
        str([thing.get(each) for thing in things]) for each in sources
    )


def _things(case: Case, task: Task, seed: int) -> Iterator[dict[str, list[str]]]:
    """Values by path of the source, one of a header's field and two of a list's."""
    faker, dice = Faker("en_US"), random.Random(seed)
    faker.seed_instance(seed)
    for number in range(_THINGS):
        person = {"first": faker.first_name(), "last": faker.last_name()}
        yield {
            each.path: [
                dice.choice(case.values[each.path])
                if each.path in case.values
                else _value(each, person, faker, dice, number)
                for _ in range(_ROWS_EACH if "[]" in each.path else 1)
            ]
            for each in task.source.fields
            if each.path not in case.hidden
        }


def _value(of: Field, person: Mapping[str, str], faker: Faker, dice: random.Random, number: int) -> str:
    name = of.name.rpartition(".")[2].lower()
    if name in ("first_name", "last_name"):
        return person[name.partition("_")[0]]
    if of.path in ("DisplayName", "CustomerRef.name"):
        return f"{person['first']} {person['last']}"
    made = {
        "address_1": faker.street_address, "line1": faker.street_address, "city": faker.city, "state": faker.state_abbr,
        "postcode": faker.postcode, "postalcode": faker.postcode, "country": lambda: "US", "company": faker.company,
        "email": faker.email, "address": faker.email, "phone": faker.phone_number, "freeformnumber": faker.phone_number,
    }  # fmt: skip
    if name in made:
        return str(made[name]())
    if of.values:
        return dice.choice(of.values)
    by_kind = {
        "money": f"{dice.randint(100, 99999) / 100:.2f}",
        "quantity": str(dice.randint(1, 9)),
        "id": str(1000 * (crc32(of.path.encode()) % 9000) + number),
        "date": f"2026-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}",
        "flag": dice.choice(("true", "false")),
    }
    return by_kind.get(of.kind) or f"{faker.word()} {dice.randint(1, 999)}"


def _made(case: Case, task: Task, thing: Mapping[str, list[str]]) -> dict[str, Any]:
    """The target's record of a thing: by rule, or as the gold set says."""
    answers = {table: each.answers for each in TABLES for table in each.answers}
    made: dict[str, list[str]] = {}
    for each in task.target.fields:
        kind, sources = case.rules.get(each.path, ("", ()))
        given = [thing[path] for path in sources if path in thing]
        if kind == "constant":
            made[each.path] = [sources[0]]
        elif kind == "template":
            made[each.path] = [" ".join(values) for values in zip(*given, strict=True)]
        elif kind == "table":
            made[each.path] = [answers[value][value] for value in given[0]]
        elif kind == "before":
            made[each.path] = [value.partition(" ")[0] for value in given[0]]
        elif kind == "after":
            made[each.path] = [value.rpartition(" ")[2] for value in given[0]]
        elif kind == "segment":
            made[each.path] = [value.split("-")[1] for value in given[0]]
        elif path := next((path for path in sorted(task.answers.get(each.path, ())) if path in thing), None):
            made[each.path] = thing[path]
    document: dict[str, Any] = {"header": {}}
    for each in task.target.fields:
        if each.path in made and each.part == "header":
            document["header"][each.name] = made[each.path][0]
        elif each.path in made:
            rows = document.setdefault(each.part, [{} for _ in range(_ROWS_EACH)])
            for row, value in zip(rows, made[each.path], strict=False):
                row[each.name] = value
    return document


def _nested(thing: Mapping[str, list[str]]) -> dict[str, Any]:
    """A record as its system gives it."""
    record: dict[str, Any] = {}
    for path, values in thing.items():
        *lists, name = path.split("[].")
        rows = [record]
        for each in lists:
            rows = [row for place in rows for row in _list_at(place, each.split("."))]
        for at, row in enumerate(rows):
            _set(row, name.split("."), values[at % len(values)])
    return record


def _list_at(place: dict[str, Any], path: Sequence[str]) -> list[dict[str, Any]]:
    for each in path[:-1]:
        place = place.setdefault(each, {})
    rows: list[dict[str, Any]] = place.setdefault(path[-1], [{} for _ in range(_ROWS_EACH)])
    return rows


def _set(row: dict[str, Any], path: Sequence[str], value: str) -> None:
    for each in path[:-1]:
        row = row.setdefault(each, {})
    row[path[-1]] = value
