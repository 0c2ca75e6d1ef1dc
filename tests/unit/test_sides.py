"""What is kept of both sides of a thing: the newest that was read, what was agreed on, and which two are one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from test_state import REVISIONS, downgrade

from ledgerbridge.links import End, Read, Thing, agree, alone, join, keep_ends, keep_read, sides_of
from ledgerbridge.state import migrate, transaction
from ledgerbridge.state.companies import for_company
from ledgerbridge.state.models import Link, LinkEnd

GP, XERO = "gp.customer", "xero.contact"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def read(key: str, change: int, **fields: Any) -> Read:
    return Read(key, f"gp:TWO:customer:{key}", key, fields, change, NOON)


def contact(key: str, change: int, **fields: Any) -> Read:
    return Read(key, f"xero:org:contact:{key}", key, fields, change, NOON)


def kept(engine: Engine, *, gp: list[Read] | None = None, xero: list[Read] | None = None) -> dict[str, Thing]:
    with transaction(engine) as session:
        return keep_read(session, "main", "customer", {GP: gp or [], XERO: xero or []})


def links(engine: Engine) -> int:
    with transaction(engine) as session:
        return session.scalars(select(func.count()).select_from(Link)).one()


def test_records_read_of_each_side_are_things_of_their_own_until_something_links_them(state_db: Engine) -> None:
    things = kept(state_db, gp=[read("ANNA", 1, name="Anna")], xero=[contact("guid", 2, name="Anna A")])
    assert [sorted(each.sides) for each in things.values()] == [[GP], [XERO]]
    assert links(state_db) == 2
    ours = things["gp:TWO:customer:ANNA"].record_key
    with transaction(state_db) as session:
        assert keep_ends(session, "main", "customer", [End(ours, XERO, "guid", "A", "EmailAddress")], joins=True) == {}
    things = kept(state_db, gp=[read("ANNA", 3, name="Anne")])
    sides = things["gp:TWO:customer:ANNA"].sides
    assert (sides[GP].held, sides[XERO].held) == ({"name": "Anne"}, {"name": "Anna A"})
    assert things["gp:TWO:customer:ANNA"].record_key == ours
    assert links(state_db) == 1


def test_contact_of_another_customer_does_not_join_a_second_one(state_db: Engine) -> None:
    things = kept(state_db, gp=[read("ANNA", 1), read("BEN", 2)], xero=[contact("guid", 3)])
    first, second = (things[f"gp:TWO:customer:{each}"].record_key for each in ("ANNA", "BEN"))
    with transaction(state_db) as session:
        assert keep_ends(session, "main", "customer", [End(first, XERO, "guid", "A", "number")], joins=True) == {}
    with transaction(state_db) as session:
        conflicts = keep_ends(session, "main", "customer", [End(second, XERO, "guid", "A", "number")], joins=True)
    assert conflicts[second].code == "LB-LNK-001"


def test_older_version_that_comes_later_does_not_replace_what_was_read(state_db: Engine) -> None:
    kept(state_db, gp=[read("ANNA", 5, name="new")])
    [thing] = kept(state_db, gp=[read("ANNA", 4, name="old")]).values()
    assert (thing.sides[GP].held, thing.sides[GP].change) == ({"name": "new"}, 5)


def test_what_was_agreed_on_is_kept_field_by_field_and_held_where_it_was_just_written(state_db: Engine) -> None:
    [thing] = kept(state_db, gp=[read("ANNA", 1, name="Anna", city="Kiel")]).values()
    with transaction(state_db) as session:
        agree(session, "main", GP, {"ANNA": {"name": "Anna"}})
        agree(session, "main", GP, {"ANNA": {"city": None}}, holds=True)
    with transaction(state_db) as session:
        side = sides_of(session, "main", "customer", [GP, XERO], [thing.record_key])[thing.record_key].sides[GP]
    assert side.agreed == {"name": "Anna", "city": None}
    assert side.held == {"name": "Anna", "city": None}


def test_record_of_a_flow_and_what_is_read_of_it_are_one_thing_under_two_keys(state_db: Engine) -> None:
    with transaction(state_db) as session:
        for entity, key in (GP, "LB1"), (XERO, "guid"):
            keep_ends(session, "main", "customer", [End("customer:anna", entity, key, "LB1", "written")])
    [thing] = kept(state_db, xero=[contact("guid", 1, name="Anna")]).values()
    assert sorted(thing.sides) == [GP, XERO]
    assert thing.record_key == "customer:xero:org:contact:guid"
    assert links(state_db) == 1


def test_ends_from_before_two_sides_were_kept_in_step_hold_nothing_yet(empty_state_db: Engine) -> None:
    migrate(empty_state_db, REVISIONS[REVISIONS.index("0022") - 1])
    with empty_state_db.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO link (id, company, kind, created_at) VALUES (1, 'main', 'customer', '2026-03-02 12:00:00')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO link_end (link_id, company, entity, key, linked_at)"
                " VALUES (1, 'main', 'gp.customer', 'ANNA', '2026-03-02 12:00:00')"
            )
        )
    migrate(empty_state_db)
    with transaction(empty_state_db) as session:
        [end] = session.scalars(select(LinkEnd))
        assert (end.key, end.held, end.agreed) == ("ANNA", None, None)
    [thing] = kept(empty_state_db, gp=[read("ANNA", 1, name="Anna")]).values()
    assert thing.sides[GP].held == {"name": "Anna"}


def test_what_was_alone_before_there_were_meetings_is_compared_at_the_next(empty_state_db: Engine) -> None:
    before = REVISIONS[REVISIONS.index("0024") - 1]
    migrate(empty_state_db, before)
    with empty_state_db.begin() as connection:
        link = "INSERT INTO link (id, company, kind, created_at) VALUES (1, 'main', 'customer', '2026-03-02 12:00:00')"
        connection.execute(text(link))
        columns = "link_id, company, entity, key, matched_by, linked_at, held_change"
        row = f"INSERT INTO link_end ({columns}) VALUES (1, 'main', 'gp.customer', 'ANNA', 'read', :at, 7)"
        connection.execute(text(row), {"at": "2026-03-02 12:00:00"})
    migrate(empty_state_db)
    with transaction(empty_state_db) as session:
        assert [each.key for each in alone(session, "main", "customer", [GP, XERO], fresh=True)] == ["ANNA"]
    downgrade(empty_state_db, before)
    migrate(empty_state_db)
    with transaction(empty_state_db) as session:
        assert session.scalars(select(LinkEnd.key)).all() == ["ANNA"]


def test_two_that_each_side_has_alone_become_one_thing_and_a_double_joins_it_without_a_say(state_db: Engine) -> None:
    things = kept(state_db, gp=[read("ANNA", 2)], xero=[contact("twin", 1), contact("guid", 3)])
    with transaction(state_db) as session:
        assert join(session, "main", (GP, "ANNA"), (XERO, "guid"))
        assert join(session, "main", (GP, "ANNA"), (XERO, "twin"))
        assert join(session, "main", (GP, "ANNA"), (XERO, "twin"))  # a second time it is so already
    assert links(state_db) == 1
    again = kept(state_db, gp=[read("ANNA", 4)], xero=[contact("twin", 5), contact("guid", 6)])
    assert {key: thing.sides[XERO].key for key, thing in again.items()} == {
        "gp:TWO:customer:ANNA": "guid",
        "xero:org:contact:guid": "guid",
    }
    assert len({each.record_key for each in again.values()}) == 1
    assert {each.record_key for each in again.values()} < {each.record_key for each in things.values()}


def deleted(key: str, change: int) -> Read:
    return Read(key, f"gp:TWO:customer:{key}", None, {}, change, NOON, deleted=True)


def test_one_that_was_deleted_is_as_if_archived_with_all_else_as_it_was_and_back_when_it_is_made_again(
    state_db: Engine,
) -> None:
    kept(state_db, gp=[read("ANNA", 1, name="Anna", active=True)], xero=[contact("guid", 2, name="Anna")])
    with transaction(state_db) as session:
        assert join(session, "main", (GP, "ANNA"), (XERO, "guid"))
    [thing] = kept(state_db, gp=[deleted("ANNA", 3)]).values()
    side = thing.sides[GP]
    assert (side.held, side.number, side.change) == ({"name": "Anna", "active": False}, "ANNA", 3)
    [thing] = kept(state_db, gp=[deleted("ANNA", 3)]).values()
    assert thing.sides[GP].held == {"name": "Anna", "active": False}
    [thing] = kept(state_db, gp=[read("ANNA", 4, name="Anne", active=True)]).values()
    assert thing.sides[GP].held == {"name": "Anne", "active": True}


def test_one_that_was_deleted_and_was_linked_with_nothing_is_forgotten(state_db: Engine) -> None:
    kept(state_db, gp=[read("ANNA", 1), read("BEN", 2)])
    assert kept(state_db, gp=[deleted("ANNA", 3), deleted("NOBODY", 4)]) == {}
    assert links(state_db) == 1
    with transaction(state_db) as session:
        assert [each.key for each in alone(session, "main", "customer", [GP, XERO])] == ["BEN"]


def item(key: str, change: int, number: str, **fields: Any) -> Read:
    return Read(key, f"xero:org:contact:{key}", number, fields, change, NOON)


@pytest.mark.parametrize("learned", ["together", "deletion-first", "new-one-first"])
def test_one_that_people_delete_and_make_again_under_its_number_takes_its_place_whatever_id_it_has(
    state_db: Engine, learned: str
) -> None:
    kept(state_db, gp=[read("ANNA", 1, name="Anna")], xero=[item("old", 2, "ANNA", name="Anna")])
    with transaction(state_db) as session:
        assert join(session, "main", (GP, "ANNA"), (XERO, "old"))
        agree(session, "main", XERO, {"old": {"name": "Anna"}})
    again = item("new", 3, "ANNA", name="Anne")
    gone = Read("old", "xero:org:contact:old", None, {}, 4, NOON, deleted=True)
    for batch in {"together": [[again, gone]], "deletion-first": [[gone], [again]], "new-one-first": [[again], [gone]]}[
        learned
    ]:
        things = kept(state_db, xero=batch)
    assert links(state_db) == 1
    side = next(iter(things.values())).sides[XERO]
    assert (side.key, side.held, side.agreed, side.gone) == ("new", {"name": "Anne"}, {"name": "Anna"}, False)
    things = kept(state_db, gp=[read("ANNA", 5, name="Anna")], xero=[gone])  # what waits is looked at again
    assert {each.sides[XERO].key for each in things.values()} == {"new"}
    assert not any(each.sides[XERO].gone for each in things.values())


def test_one_that_is_linked_with_another_does_not_take_the_place_of_one_of_its_number_that_is_gone(
    state_db: Engine,
) -> None:
    """Tax schedules of the same details are of one number."""
    kept(state_db, gp=[read("ANNA", 1), read("BEN", 2)], xero=[item("old", 3, "N"), item("other", 4, "N")])
    with transaction(state_db) as session:
        assert join(session, "main", (GP, "ANNA"), (XERO, "old"))
        assert join(session, "main", (GP, "BEN"), (XERO, "other"))
    gone = Read("old", "xero:org:contact:old", None, {}, 5, NOON, deleted=True)
    thing = kept(state_db, xero=[gone, item("other", 6, "N")])[gone.source_key]
    assert (thing.sides[GP].key, thing.sides[XERO].key, thing.sides[XERO].gone) == ("ANNA", "old", True)


def merged(key: str, change: int, into: str) -> Read:
    return Read(key, f"xero:org:contact:{key}", None, {"active": False}, change, NOON, into)


def side_of_anna(engine: Engine, change: int) -> tuple[str, Any]:
    thing = kept(engine, gp=[read("ANNA", change, active=True)])["gp:TWO:customer:ANNA"]
    return thing.sides[XERO].key, thing.sides[XERO].held


def test_one_that_people_merge_into_its_double_leaves_it_its_place(state_db: Engine) -> None:
    doubles = [contact("one", 2, active=True), contact("two", 3, active=True)]
    kept(state_db, gp=[read("ANNA", 1, active=True)], xero=doubles)
    with transaction(state_db) as session:
        assert join(session, "main", (GP, "ANNA"), (XERO, "one"))
        assert join(session, "main", (GP, "ANNA"), (XERO, "two"))
    kept(state_db, xero=[merged("two", 4, "one"), contact("two", 5, active=True)])
    assert side_of_anna(state_db, 6) == ("one", {"active": True})
    kept(state_db, xero=[merged("one", 7, "two")])
    assert side_of_anna(state_db, 8) == ("two", {"active": True})
    assert links(state_db) == 1


@pytest.mark.parametrize("turn", [1, -1], ids=["in-order", "last-first"])
def test_merges_one_after_the_other_leave_the_place_to_the_last(state_db: Engine, turn: int) -> None:
    three = [contact(key, change, active=True) for change, key in enumerate(("one", "two", "three"), 2)]
    kept(state_db, gp=[read("ANNA", 1, active=True)], xero=three)
    with transaction(state_db) as session:
        assert join(session, "main", (GP, "ANNA"), (XERO, "one"))
    kept(state_db, xero=[merged("one", 5, "two"), merged("two", 6, "three")][::turn])
    assert side_of_anna(state_db, 7) == ("three", {"active": True})


def test_records_of_the_same_ids_in_two_companies_are_two_things(state_db: Engine) -> None:
    """GP's first company is TWO on every server."""
    kept(state_db, gp=[read("ANNA", 1, name="Anna")])
    other = for_company(state_db, "other")
    with transaction(other) as session:
        gone = {GP: [deleted("ANNA", 2)]}
        assert keep_read(session, "other", "customer", gone) == {}
        keep_read(session, "other", "customer", {GP: [read("ANNA", 3, name="Annabel")]})
    [thing] = kept(state_db, gp=[read("ANNA", 1, name="Anna")]).values()
    assert (thing.sides[GP].held, thing.sides[GP].gone) == ({"name": "Anna"}, False)
    assert (links(state_db), links(other)) == (1, 1)


def test_two_that_are_each_linked_with_another_do_not_become_one(state_db: Engine) -> None:
    kept(state_db, gp=[read("ANNA", 1), read("BEN", 2)], xero=[contact("one", 3), contact("two", 4)])
    with transaction(state_db) as session:
        assert join(session, "main", (GP, "ANNA"), (XERO, "one"))
        assert join(session, "main", (GP, "BEN"), (XERO, "two"))
        assert not join(session, "main", (GP, "ANNA"), (XERO, "two"))
        assert not join(session, "main", (GP, "ANNA"), (XERO, "nobody"))
        assert alone(session, "main", "customer", [GP, XERO]) == []
