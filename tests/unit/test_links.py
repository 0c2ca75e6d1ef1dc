"""One thing, its ids in each system: each id belongs to one thing, whoever links it and when."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

from memory_ledger import MemoryLedger, document
from sqlalchemy import Engine, Text, cast, event, func, select

from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Deliverer
from ledgerbridge.delivery.content import content_hash
from ledgerbridge.errors import TargetConflict
from ledgerbridge.links import End, State, keep_ends
from ledgerbridge.links.ends import READ
from ledgerbridge.state import transaction
from ledgerbridge.state.companies import for_company
from ledgerbridge.state.models import Link, LinkEnd
from ledgerbridge.state.reader import DatabaseReader

ANNA, BEN = "customer:anna", "customer:ben"


def end(record_key: str, key: str, entity: str = "gp.customer") -> End:
    return End(record_key, entity, key, key, "written")


def linked(engine: Engine, *ends: End, joins: bool = False, company: str = "main") -> dict[str, TargetConflict]:
    with transaction(engine) as session:
        return keep_ends(session, company, "customer", ends, joins=joins)


def links(engine: Engine) -> int:
    with transaction(engine) as session:
        return session.scalars(select(func.count()).select_from(Link)).one()


def ids_of(engine: Engine, entity: str, *record_keys: str) -> dict[str, str]:
    found = DatabaseReader(engine).cross_references(entity, "record_key", record_keys)
    return {key: row["target_id"] for key, row in found.items()}


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_one_thing_has_an_id_in_each_system_and_is_found_by_any_of_them(state_db: Engine) -> None:
    linked(state_db, end(ANNA, "ANNA01"), end(BEN, "BEN1"))
    linked(state_db, end(ANNA, "guid-a", "xero.contact"))
    assert links(state_db) == 2
    assert ids_of(state_db, "xero.contact", ANNA, BEN) == {ANNA: "guid-a"}
    found = DatabaseReader(state_db).cross_references("gp.customer", "number", ["ANNA01"])
    assert found["ANNA01"]["record_key"] == ANNA


def test_an_id_of_another_thing_is_a_conflict_and_moves_nothing(state_db: Engine) -> None:
    linked(state_db, end(ANNA, "ANNA01"), end(BEN, "BEN1"))
    conflicts = linked(state_db, end(BEN, "ANNA01"))
    error = conflicts[BEN]
    assert (error.code, error.field, error.value, error.record_key) == ("LB-LNK-001", "link", "ANNA01", BEN)
    assert f"linked to {ANNA} already" in error.message
    assert ids_of(state_db, "gp.customer", ANNA, BEN) == {ANNA: "ANNA01", BEN: "BEN1"}


def test_a_new_record_joins_a_thing_only_where_records_may_be_one(state_db: Engine) -> None:
    linked(state_db, end(ANNA, "ANNA01"))
    assert set(linked(state_db, end("customer:anna-too", "ANNA01"))) == {"customer:anna-too"}
    assert linked(state_db, end("customer:anna-too", "ANNA01"), joins=True) == {}
    assert links(state_db) == 1
    linked(state_db, end("customer:anna-too", "guid-a", "xero.contact"))
    assert ids_of(state_db, "xero.contact", ANNA) == {ANNA: "guid-a"}


def test_a_record_with_several_ids_leads_to_the_newest(state_db: Engine) -> None:
    for key in ("OLD", "NEW", "OLD"):
        linked(state_db, end(ANNA, key))
    assert ids_of(state_db, "gp.customer", ANNA) == {ANNA: "NEW"}


def test_records_that_one_batch_brings_together_meet_before_they_are_written(state_db: Engine) -> None:
    """One was read alone under an id that turns out to be another's, which is linked with the other side already."""
    linked(state_db, end(ANNA, "guid-a", "xero.contact"))
    alone = End("customer:read", "gp.customer", "ANNA01", "ANNA01", READ)
    assert linked(state_db, alone, end(ANNA, "ANNA01"), end(BEN, "BEN1"), joins=True) == {}
    assert links(state_db) == 2
    assert ids_of(state_db, "gp.customer", ANNA, "customer:read", BEN) == {
        ANNA: "ANNA01",
        "customer:read": "ANNA01",
        BEN: "BEN1",
    }


def test_companies_share_no_links(state_db: Engine) -> None:
    linked(state_db, end(ANNA, "ANNA01"))
    other = for_company(state_db, "other")
    assert linked(other, end(BEN, "ANNA01"), company="other") == {}
    assert (links(state_db), links(other)) == (1, 1)
    assert ids_of(state_db, "gp.customer", ANNA, BEN) == {ANNA: "ANNA01"}


def test_two_workers_that_link_the_same_thing_at_once_end_with_one_link(state_db: Engine) -> None:
    start = Barrier(2)

    def link(entity: str) -> dict[str, TargetConflict]:
        start.wait()
        return linked(state_db, end(ANNA, "ANNA01"), joins=True) | linked(state_db, end(ANNA, "A", entity))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(link, ["xero.contact", "xero.contact"])) == [{}, {}]
    assert links(state_db) == 1


def test_a_batch_is_linked_and_found_in_few_statements(state_db: Engine) -> None:
    ends = [end(f"customer:{number}", f"C{number}") for number in range(100)]
    with statements(state_db) as first:
        linked(state_db, *ends)
    with statements(state_db) as again:
        linked(state_db, *ends)
    with statements(state_db) as found:
        assert len(ids_of(state_db, "gp.customer", *(each.record_key for each in ends))) == 100
    assert max(len(first), len(again), len(found)) <= 8


def test_an_end_tells_what_was_written_and_what_was_seen_then(state_db: Engine) -> None:
    seen, written = State("a" * 64, {"CITY": "Salem"}), State("b" * 64)
    linked(state_db, End(ANNA, "gp.customer", "ANNA01", "ANNA01", "e-mail", seen, written))
    linked(state_db, End(ANNA, "gp.customer", "ANNA01", "ANNA01", "written", State("c" * 64)))
    with transaction(state_db) as session:
        row = session.scalars(select(LinkEnd).where(LinkEnd.entity == "gp.customer")).one()
    assert (row.matched_by, row.seen_hash, row.seen, row.written_hash) == ("e-mail", "c" * 64, None, "b" * 64)
    assert row.seen_at is not None
    assert row.written_at is not None
    assert row.seen_at >= row.written_at


def test_what_was_told_by_its_hash_alone_is_null_and_what_nobody_told_is_jsons(state_db: Engine) -> None:
    """A purge and whoever compares two states tell them apart."""
    linked(state_db, End(ANNA, "gp.customer", "ANNA01", "ANNA01", "written", State("a" * 64)))
    kept = [cast(column, Text) for column in (LinkEnd.seen, LinkEnd.written, LinkEnd.held, LinkEnd.agreed)]
    with transaction(state_db) as session:
        rows = [tuple(row) for row in session.execute(select(*kept).order_by(LinkEnd.id))]
    assert rows == [("null", "null", "null", "null"), (None, "null", "null", "null")]


def test_a_delivery_that_finds_its_number_linked_to_another_record_is_refused(state_db: Engine) -> None:
    """An order entered anew in the shop takes the number of one that was delivered; GP's answer got lost."""
    actor = Actor("order_to_cash", "order", "run-1", "order.load")
    ledger = MemoryLedger(adopts=True)
    Deliverer(state_db, actor, "gp.sales_order", ledger).deliver([document("A")], {})
    twin = document("A")
    other = type(twin)("shop:us:order:again", content_hash(twin.header, {}), twin.header)
    [result] = Deliverer(state_db, actor, "gp.sales_order", ledger).deliver([other], {})
    assert (result.outcome, getattr(result.error, "code", None)) == ("rejected", "LB-LNK-001")
    assert ledger.numbers == ["A"]
