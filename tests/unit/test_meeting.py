"""Two sides that are linked with nothing: who is whom, how sure that is, and why."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ledgerbridge.matching.compared import NEARLY, compared
from ledgerbridge.matching.meeting import Proposal, meet
from ledgerbridge.matching.rules import Comparison, FirstMeeting
from ledgerbridge.matching.words import (
    but_for_short_words,
    code,
    digits,
    mailbox,
    name_words,
    street_words,
    text_words,
)
from sandbox.messy import make_messy

COMPARE = {
    "number": Comparison(kind="code", fields=["number"]),
    "name": Comparison(kind="name", fields=["name"]),
    "email": Comparison(kind="email", fields=["email"]),
    "phone": Comparison(kind="phone", fields=["phone"]),
    "address": Comparison(kind="address", fields=["street", "zip", "city"]),
}
PARTIES = FirstMeeting(compare=COMPARE, keys=["number", "email"], needs=["name"])
HARBOR = {"name": "Harbor Light Supply Inc.", "email": "info@harborlight.com", "phone": "(978) 555-0117"}
AT_QUAY = {"street": "12 Quay Road", "zip": "01970", "city": "Salem"}


def proposals(gp: list[dict[str, Any]], xero: list[dict[str, Any]], rules: FirstMeeting = PARTIES) -> list[Proposal]:
    """GP's have the keys g0, g1 …, Xero's x0, x1 …."""
    left, right = ({f"{side}{at}": row for at, row in enumerate(rows)} for side, rows in (("g", gp), ("x", xero)))
    return meet(left, right, rules)


def bands(found: list[Proposal]) -> dict[tuple[str, str], str]:
    return {(each.left, each.right): each.band for each in found}


@pytest.mark.parametrize(
    ("gp", "xero", "band"),
    [
        pytest.param(
            {**HARBOR, **AT_QUAY}, {**HARBOR, **AT_QUAY, "name": "HARBOR LIGHT SUPPLY"}, "automatic", id="legal-form"
        ),
        pytest.param(
            {"name": "Berg, Anna", "phone": "978 555 0118", **AT_QUAY},
            {"name": "Anna Berg", "phone": "+1 978-555-0118", **AT_QUAY},
            "automatic",
            id="swapped-name",
        ),
        pytest.param(
            {"name": "Harbor Light Supply", "email": "info@harborlight.com"},
            {"name": "Harbour Light Supply", "email": "info@harborlight.com"},
            "automatic",
            id="typing-errors",
        ),
        pytest.param(
            {**HARBOR, **AT_QUAY}, {**HARBOR, **AT_QUAY, "name": "North Shore Lamps"}, "review", id="name-changed"
        ),
        pytest.param(
            {**HARBOR, "street": "12 Quay Road", "zip": "01970", "city": "Salem"},
            {**HARBOR, "name": "Harbor Light Supply", "street": "9 Mill Lane", "zip": "02108", "city": "Boston"},
            "automatic",
            id="moved",
        ),
        pytest.param({"name": "Harbor Light Supply"}, {"name": "Harbor Light Supply"}, "review", id="by-name-alone"),
        pytest.param({"name": "Harbor Light Supply"}, {"name": "Granite Roofing"}, None, id="two-companies"),
        pytest.param(
            {"number": "10023", "name": "Harbor Light", **AT_QUAY},
            {"number": "10023", "name": "Bay Foods", "street": "4 Oak Lane", "zip": "94105", "city": "San Francisco"},
            "review",
            id="one-number-by-chance",
        ),
    ],
)
def test_two_records_are_linked_asked_about_or_left_apart(
    gp: dict[str, Any], xero: dict[str, Any], band: str | None
) -> None:
    assert bands(proposals([gp], [xero])) == ({} if band is None else {("g0", "x0"): band})


def test_branches_with_one_switchboard_and_mailbox_meet_each_its_own_and_no_other() -> None:
    places = [
        ("Salem", "01970", "12 Quay Road"),
        ("Boston", "02108", "9 Mill Lane"),
        ("Lowell", "01850", "4 Oak Street"),
    ]
    gp = [{**HARBOR, "street": street, "zip": zip_, "city": city} for city, zip_, street in places]
    found = bands(proposals(gp, [{**each, "name": "Harbor Light Supply"} for each in gp[::-1]]))
    assert {pair for pair, band in found.items() if band == "automatic"} <= {("g0", "x2"), ("g1", "x1"), ("g2", "x0")}
    assert {("g0", "x2"), ("g1", "x1"), ("g2", "x0")} <= found.keys()


def test_of_one_that_is_there_twice_nothing_is_linked_without_a_person_and_both_are_shown() -> None:
    found = proposals([{**HARBOR, **AT_QUAY}], [{**HARBOR, **AT_QUAY}, {**HARBOR, **AT_QUAY}])
    assert bands(found) == {("g0", "x0"): "review", ("g0", "x1"): "review"}
    assert sorted(each.best for each in found) == [False, True]


def test_a_proposal_says_what_agrees_and_how_much_that_weighs() -> None:
    gp = {**HARBOR, **AT_QUAY}
    [found] = proposals([gp], [{**gp, "email": "old@elsewhere.net", "phone": None}])
    told = {each.name: (each.level, each.weight > 0) for each in found.agreements}
    assert told == {"name": ("the same", True), "email": ("another", False), "address": ("the same", True)}


def test_a_name_that_many_have_weighs_less_than_a_rare_one() -> None:
    smiths = [{"name": "John Smith", "zip": f"{10000 + at}"} for at in range(5)]
    rare = {"name": "Zebulon Quackenbush"}
    found = proposals([*smiths, rare], [*smiths, rare])
    assert ("g5", "x5") in bands(found)


OF_ITEMS = FirstMeeting(
    compare={
        "code": Comparison(kind="code", fields=["code"]),
        "description": Comparison(kind="text", fields=["description"]),
    },
    keys=["code"],
    needs=["code"],
)


def test_items_of_other_sizes_are_other_items() -> None:
    gp = [{"code": f"BOLT-{size}", "description": f"Steel bolt M8 {size}mm"} for size in (20, 40)]
    xero = [{"code": f"BOLT{size}", "description": f"Bolt, steel, M8 {size} mm"} for size in (40, 60)]
    linked = [pair for pair, band in bands(proposals(gp, xero, OF_ITEMS)).items() if band == "automatic"]
    assert linked == [("g1", "x0")]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        pytest.param("brass filter blk", "brass filter black", True, id="one-short-word"),
        pytest.param("ss chair wht oak", "chair oak stainless white", True, id="two-in-another-order"),
        pytest.param("brass filter blk", "brass filter blue", False, id="short-for-nothing"),
        pytest.param("brass filter", "brass filter black", False, id="a-word-more"),
        pytest.param("br flt blk brass", "brass filter black bracket", False, id="more-short-than-not"),
        pytest.param("bolt m 10", "bolt m 100", False, id="numbers-are-not-short-for-others"),
    ],
)
def test_descriptions_are_the_same_but_for_words_that_one_writes_short(first: str, second: str, same: bool) -> None:
    assert but_for_short_words(first.split(), second.split()) is same
    assert but_for_short_words(second.split(), first.split()) is same


def test_goods_of_common_words_alone_are_looked_at_by_how_their_words_begin() -> None:
    metals, things = ("Steel", "Brass", "Zinc", "Copper"), ("Lamp", "Hose", "Valve", "Mug")
    colours, places = ("Red", "Green", "White", "Natural"), ("Office", "Yard", "Kitchen", "Indoor")
    goods = [" ".join(each) for each in product(metals, things, colours, places, ("Junior", "Double"))]
    left, right = [{"text": each} for each in goods], [{"text": each.replace("e", "").upper()} for each in goods]
    found = compared(Comparison(kind="text", fields=["text"]), left, right)
    looked_at = {pair for pairs in found.candidates() for pair in zip(*(side.tolist() for side in pairs), strict=True)}
    assert {(at, at) for at in range(len(goods))} <= looked_at
    every = np.arange(len(goods))
    assert {NEARLY["text"]} <= set(found.of((every, every)).levels)


def test_nobody_meets_nobody() -> None:
    assert proposals([], [HARBOR]) == []


def test_two_ledgers_that_grew_apart_meet_as_the_truth_says_and_the_same_each_time() -> None:
    messy = make_messy(300, seed=11)
    rules = FirstMeeting(
        compare={**COMPARE, "address": Comparison(kind="address", fields=["address1", "address2", "zip", "city"])},
        keys=["email"],
        needs=["name"],
    )
    found = meet(messy.gp["customer"], messy.xero["customer"], rules)
    truth = set(messy.truth["customer"])
    linked = {(each.left, each.right) for each in found if each.band == "automatic"}
    shown = {(each.left, each.right) for each in found}
    assert len(linked & truth) / len(linked) > 0.98
    assert len(shown & truth) / len(truth) > 0.9
    assert found == meet(messy.gp["customer"], messy.xero["customer"], rules)


@pytest.mark.parametrize(
    ("normal", "text", "expected"),
    [
        pytest.param(name_words, "O'Brien & Söhne GmbH", ["obrien", "sohne"], id="ornament"),
        pytest.param(name_words, "Ltd", ["ltd"], id="nothing-but-a-legal-form"),
        pytest.param(street_words, "12 N. Main St.", ["12", "north", "main", "street"], id="street"),
        pytest.param(text_words, "Bolt 10mm", ["bolt", "10", "mm"], id="unit"),
        pytest.param(text_words, 'Hose 3/4" red', ["hose", "3", "4", "in", "red"], id="inches"),
        pytest.param(code, "GB 000-123.4", "gb0001234", id="grouped-code"),
        pytest.param(code, "00000", "", id="zeros"),
        pytest.param(digits, "+1 (978) 555-0117 ext. 4", "785550117", id="extension"),
        pytest.param(digits, "none", "", id="no-number"),
        pytest.param(mailbox, "Anna+shop@Example.com; b@example.com", ("anna", "example.com"), id="two-addresses"),
        pytest.param(mailbox, "anna", ("", ""), id="no-address"),
    ],
)
def test_texts_are_compared_without_what_clerks_write_differently(normal: Any, text: str, expected: Any) -> None:
    assert normal(text) == expected


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        pytest.param({"keys": ["tax"]}, "`keys` names tax, `compare` has", id="unknown-key"),
        pytest.param({"automatic": 0.9, "review": 0.95}, "must be less than `automatic`", id="bands-crossed"),
        pytest.param(
            {"compare": {"place": {"kind": "address", "fields": ["city"]}}}, "three fields", id="half-address"
        ),
    ],
)
def test_rules_that_cannot_work_are_refused_with_what_is_wrong(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        FirstMeeting.model_validate({"compare": COMPARE, **settings})
