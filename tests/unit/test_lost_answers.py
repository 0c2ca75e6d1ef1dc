"""What was sent to a side and no answer told of: found there it is our own, not a change that people made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from ledgerbridge.links import KeptSide, Read, Thing, agree, keep_read, offer, sides_of
from ledgerbridge.state import transaction
from ledgerbridge.sync import Rules, plan

GP, XERO = SIDES = ("gp.customer", "xero.contact")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AGREED = {"name": "A", "city": "Boston"}


def customer(
    *, gp: Mapping[str, Any], xero: Mapping[str, Any], offered: Mapping[str, Sequence[Sequence[Any]]]
) -> Thing:
    """Xero's record is the newer one."""
    ours = KeptSide(GP, "C1", "C1", dict(gp), 1, NOON, AGREED, offered=offered)
    theirs = KeptSide(XERO, "id-1", "C1", dict(xero), 2, NOON + timedelta(hours=1), AGREED)
    return Thing("customer:1", {GP: ours, XERO: theirs})


def written(thing: Thing) -> dict[str, dict[str, Any]]:
    """What each side has to be given."""
    plans = {side: plan([thing], SIDES, side, Rules()) for side in SIDES}
    return {side: each.changes["customer:1"].fields for side, each in plans.items() if each.changes}


def test_an_edit_made_after_one_whose_answer_was_lost_stands_though_the_other_record_is_newer() -> None:
    held = {"gp": {"name": "C", "city": "Boston"}, "xero": {"name": "B", "city": "Salem"}}
    assert written(customer(**held, offered={})) == {GP: {"name": "B", "city": "Salem"}}  # as a person's it would win
    assert written(customer(**held, offered={"name": [["B", "B"]]})) == {
        GP: {"city": "Salem"},
        XERO: {"name": "C"},
    }


def test_what_was_offered_twice_is_known_whichever_of_the_two_arrived() -> None:
    held = {"gp": {"name": "D", "city": "Boston"}, "xero": {"name": "B", "city": "Boston"}}
    assert written(customer(**held, offered={"name": [["B", "B"], ["C", "C"]]})) == {XERO: {"name": "D"}}


def test_an_edit_taken_back_after_its_answer_was_lost_is_taken_back_on_the_other_side_too() -> None:
    held = {"gp": AGREED, "xero": {"name": "B", "city": "Boston"}}
    assert written(customer(**held, offered={"name": [["B", "B"]]})) == {XERO: {"name": "A"}}


def test_a_person_who_types_something_else_than_was_offered_has_changed_it() -> None:
    held = {"gp": {"name": "B", "city": "Boston"}, "xero": {"name": "X", "city": "Boston"}}
    assert written(customer(**held, offered={"name": [["B", "B"]]})) == {GP: {"name": "X"}}


def test_what_the_two_agree_on_is_offered_no_more(state_db: Engine) -> None:
    with transaction(state_db) as session:
        read = {GP: [Read("C1", "gp:TWO:customer:C1", "C1", {"name": "B", "city": "Kiel"}, 1, NOON)]}
        [thing] = keep_read(session, "main", "customer", read).values()
        offer(session, "main", GP, {"C1": {"name": ("B", "B"), "city": ("Kiel", "Kiel")}})
        offer(session, "main", GP, {"C1": {"name": ("B", "B")}})
        agree(session, "main", GP, {"C1": {"name": "B"}})
    with transaction(state_db) as session:
        side = sides_of(session, "main", "customer", SIDES, [thing.record_key])[thing.record_key].sides[GP]
    assert side.offered == {"city": [["Kiel", "Kiel"]]}


def test_what_both_hold_alike_is_agreed_on_again_where_something_else_was_offered() -> None:
    """Else a person who types it there long afterwards would be taken for us."""
    thing = customer(gp=AGREED, xero=AGREED, offered={"name": [["B", "B"]]})
    assert plan([thing], SIDES, XERO, Rules()).settled[GP] == {"C1": {"name": "A"}}
