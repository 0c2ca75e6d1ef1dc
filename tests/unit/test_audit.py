"""The audit trail: append-only, and whatever is done to it all the same is found and named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from ledgerbridge.audit import Actor, Anchor, Change, append, head, read_anchors, verify
from ledgerbridge.audit.chain import digest
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry

ACTOR = Actor("order_to_cash", "order", "run-1", "order.load")


@pytest.fixture
def chain(state_db: Engine) -> Engine:
    """Ten entries, and nothing that keeps anybody from changing them."""
    with transaction(state_db) as session:
        append(session, ACTOR, [Change("delivered", "gp.sales_order", f"order-{number}") for number in range(1, 11)])
    unseal(state_db)
    return state_db


def unseal(engine: Engine) -> None:
    """What an attacker with rights of the owner does first."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP TRIGGER audit_entry_is_append_only ON audit_entry"))
        else:
            connection.execute(text("DROP TRIGGER audit_entry_refuses_update"))
            connection.execute(text("DROP TRIGGER audit_entry_refuses_delete"))


def move(session: Session, number: int, to: int) -> None:
    session.execute(update(AuditEntry).where(AuditEntry.id == number).values(id=to))


def forge(session: Session, number: int, **values: str) -> None:
    """Change an entry and give it the hash it must have."""
    entry = session.get_one(AuditEntry, number)
    for name, value in values.items():
        setattr(entry, name, value)
    entry.hash = digest(entry)
    session.flush()


def change(session: Session) -> None:
    session.execute(text("UPDATE audit_entry SET record_key = 'another' WHERE id = 5"))


def change_and_hash(session: Session) -> None:
    forge(session, 5, record_key="another")


def remove(session: Session) -> None:
    session.execute(text("DELETE FROM audit_entry WHERE id = 5"))


def remove_two(session: Session) -> None:
    session.execute(text("DELETE FROM audit_entry WHERE id IN (5, 6)"))


def remove_the_first(session: Session) -> None:
    session.execute(text("DELETE FROM audit_entry WHERE id = 1"))


def remove_and_move_up(session: Session) -> None:
    remove(session)
    for number in range(6, 11):
        move(session, number, number - 1)


def insert(session: Session) -> None:
    for number in range(10, 4, -1):
        move(session, number, number + 1)
    before = session.get_one(AuditEntry, 4)
    forged = AuditEntry(
        id=5, at=before.at, run_id="run-1", task="order.load", action="delivered", entity="gp.sales_order",
        record_key="invented", details={}, previous_hash=before.hash,
    )  # fmt: skip
    forged.hash = digest(forged)
    session.add(forged)


def swap(session: Session) -> None:
    move(session, 5, 99)
    move(session, 6, 5)
    move(session, 99, 6)


@pytest.mark.parametrize(
    ("attack", "number", "how"),
    [
        pytest.param(change, 5, "changed", id="content"),
        pytest.param(change_and_hash, 5, "changed", id="content-and-its-hash"),
        pytest.param(remove, 5, "removed", id="one-removed"),
        pytest.param(remove_two, 5, "removed", id="two-removed"),
        pytest.param(remove_the_first, 1, "removed", id="first-removed"),
        pytest.param(remove_and_move_up, 5, "removed", id="removed-and-moved-up"),
        pytest.param(insert, 5, "inserted", id="inserted"),
        pytest.param(swap, 5, "reordered", id="swapped"),
    ],
)
def test_what_was_done_to_the_chain_is_found(
    chain: Engine, attack: Callable[[Session], None], number: int, how: str
) -> None:
    with transaction(chain) as session:
        attack(session)
    with transaction(chain) as session:
        verdict = verify(session)
    assert verdict.broken is not None
    assert (verdict.broken.number, verdict.broken.how) == (number, how)


def test_a_whole_chain_holds(chain: Engine) -> None:
    with transaction(chain) as session:
        verdict = verify(session, [head(session)])
    assert (verdict.broken, verdict.head.number) == (None, 10)


def test_a_missing_end_is_found_by_an_anchor_alone(chain: Engine) -> None:
    with transaction(chain) as session:
        anchor = head(session)
        session.execute(text("DELETE FROM audit_entry WHERE id > 8"))
        assert verify(session).broken is None
        broken = verify(session, [anchor]).broken
    assert broken is not None
    assert (broken.number, broken.how, broken.finding) == (
        9, "truncated", "entries 9 to 10 are missing at the end: an anchor knows them",
    )  # fmt: skip


def test_a_chain_hashed_anew_is_found_by_an_anchor_alone(chain: Engine) -> None:
    with transaction(chain) as session:
        anchor = head(session)
        forge(session, 5, record_key="another")
        for number in range(6, 11):
            forge(session, number, previous_hash=session.get_one(AuditEntry, number - 1).hash)
        assert verify(session).broken is None
        broken = verify(session, [Anchor(2, session.get_one(AuditEntry, 2).hash), anchor]).broken
    assert broken is not None
    assert (broken.number, broken.how) == (10, "rewritten")


def test_entries_follow_the_last_one_whoever_writes_them(chain: Engine) -> None:
    with transaction(chain) as session:
        append(session, ACTOR, [])
        append(session, ACTOR, [Change("delivered", "gp.sales_order", "order-11")])
        assert verify(session).head.number == 11


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET task = 'x'", "DELETE FROM audit_entry"])
def test_the_database_refuses_to_change_what_was_written(state_db: Engine, statement: str) -> None:
    with transaction(state_db) as session:
        append(session, ACTOR, [Change("delivered", "gp.sales_order", "order-1")])
    with pytest.raises(DatabaseError, match="append-only"), transaction(state_db) as session:
        session.execute(text(statement))
    with transaction(state_db) as session:
        assert len(session.scalars(select(AuditEntry)).all()) == 1


def test_anchors_come_back_from_their_lines() -> None:
    anchors = [Anchor(1, "a"), Anchor(20, "b")]
    assert read_anchors([anchors[0].line(), b"\n", anchors[1].line()]) == anchors
    with pytest.raises(ConfigurationError, match="LB-AUD-002 line 2"):
        read_anchors([anchors[0].line(), b"[]"])
