"""The audit trail: append-only, and whatever is done to it all the same is found and named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from ledgerbridge.audit import Actor, Anchor, Change, append, head, read_anchors, verify
from ledgerbridge.audit.anchors import next_anchor, tell_anchor
from ledgerbridge.audit.chain import begin_signing, digest, signed_content
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.state.signing import Signer, new_key

ACTOR = Actor("order_to_cash", "order", "run-1", "order.load")


@pytest.fixture
def chain(state_db: Engine) -> Engine:
    """Ten entries, and nothing that keeps anybody from changing them."""
    with transaction(state_db) as session:
        append(session, ACTOR, [Change("window-read", "shopify.order", f"window-{number}") for number in range(1, 11)])
    unseal(state_db)
    return state_db


def unseal(engine: Engine) -> None:
    """What an attacker with rights of the owner does first."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP TRIGGER audit_entry_is_append_only ON audit_entry"))
            connection.execute(text("DROP TRIGGER audit_entry_follows ON audit_entry"))
        else:
            connection.execute(text("DROP TRIGGER audit_entry_refuses_update"))
            connection.execute(text("DROP TRIGGER audit_entry_refuses_delete"))
            connection.execute(text("DROP TRIGGER audit_entry_follows"))


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
        id=5, at=before.at, run_id="run-1", task="order.load", action="window-read", entity="shopify.order",
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
        append(session, ACTOR, [Change("window-read", "shopify.order", "window-11")])
        assert verify(session).head.number == 11


_COLUMNS = "id, at, run_id, task, action, entity, record_key, details, previous_hash, hash"
_FORGED = "at, run_id, task, action, entity, 'forged', details, previous_hash"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET task = 'x'",
        "DELETE FROM audit_entry",
        pytest.param(
            f"INSERT INTO audit_entry ({_COLUMNS}) SELECT id, {_FORGED}, hash FROM audit_entry WHERE true"
            " ON CONFLICT (id) DO UPDATE SET record_key = 'forged'",
            id="upsert",
        ),
        pytest.param(
            f"INSERT INTO audit_entry ({_COLUMNS}) SELECT id + 7, {_FORGED}, 'another' FROM audit_entry", id="gap"
        ),
    ],
)
def test_the_database_refuses_to_change_what_was_written(state_db: Engine, statement: str) -> None:
    with transaction(state_db) as session:
        append(session, ACTOR, [Change("window-read", "shopify.order", "window-1")])
    with pytest.raises(DatabaseError, match="append-only"), transaction(state_db) as session:
        session.execute(text(statement))
    with transaction(state_db) as session:
        assert len(session.scalars(select(AuditEntry)).all()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(f"INSERT OR REPLACE INTO audit_entry ({_COLUMNS}) SELECT id, {_FORGED}, hash FROM audit_entry",
                     id="same-number"),
        pytest.param(f"REPLACE INTO audit_entry ({_COLUMNS}) SELECT id + 1, {_FORGED}, hash FROM audit_entry",
                     id="same-hash"),
        pytest.param("UPDATE OR REPLACE audit_entry SET record_key = 'forged'", id="update-or-replace"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_sqlite_refuses_to_replace_an_entry_whatever_the_connection_sets(
    tmp_path: Path, statement: str, recursive: str
) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}", company="main")
    migrate(engine)
    with transaction(engine) as session:
        append(session, ACTOR, [Change("window-read", "shopify.order", "window-1")])
    with closing(sqlite3.connect(tmp_path / "state.db")) as attacker:
        attacker.execute(f"PRAGMA recursive_triggers = {recursive}")
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            attacker.execute(statement)
        attacker.commit()
    with transaction(engine) as session:
        assert session.scalars(select(AuditEntry.record_key)).all() == ["window-1"]


def test_postgresql_refuses_also_a_session_that_calls_itself_a_replica_and_to_truncate(
    state_db: Engine,
) -> None:
    if state_db.dialect.name != "postgresql":
        pytest.skip("SQLite has neither")
    with transaction(state_db) as session:
        append(session, ACTOR, [Change("window-read", "shopify.order", "window-1")])
    for statement in ("DELETE FROM audit_entry", "TRUNCATE audit_entry"):
        with state_db.connect() as connection:
            connection.execute(text("SET session_replication_role = replica"))
            with pytest.raises(DatabaseError, match="append-only"):
                connection.execute(text(statement))
    with transaction(state_db) as session:
        assert head(session).number == 1


def hash_anew(session: Session, first: int) -> None:
    """What whoever can write all rows does after a forgery: every hash from there on fits again."""
    for entry in session.scalars(select(AuditEntry).where(AuditEntry.id >= first).order_by(AuditEntry.id)):
        if entry.id > 1:
            entry.previous_hash = session.get_one(AuditEntry, entry.id - 1).hash
        entry.hash = digest(entry)
        session.flush()


KEY, OTHER_KEY = new_key(), new_key()


@pytest.fixture
def signed_chain(state_db: Engine) -> Engine:
    """Ten signed entries, and nothing that keeps anybody from changing them."""
    engine = with_key(state_db, KEY)
    for number in range(1, 6):
        with transaction(engine) as session:
            keys = [f"window-{2 * number - 1}", f"window-{2 * number}"]
            append(session, ACTOR, [Change("window-read", "shopify.order", key) for key in keys])
    unseal(engine)
    return engine


def with_key(engine: Engine, key: str) -> Engine:
    return connect(engine.url.render_as_string(hide_password=False), signing_key=key, company="main")


def rewrite_whole(session: Session) -> None:
    session.get_one(AuditEntry, 1).record_key = "another"
    hash_anew(session, 1)


def rewrite_without_signatures(session: Session) -> None:
    rewrite_whole(session)
    session.execute(update(AuditEntry).values(signature=None))


def sign_by_another_key(session: Session) -> None:
    rewrite_whole(session)
    for entry in session.scalars(select(AuditEntry)):
        entry.signature = Signer(OTHER_KEY).sign("head", signed_content(entry.id, entry.hash))


def swap_signatures(session: Session) -> None:
    first, second = session.get_one(AuditEntry, 2), session.get_one(AuditEntry, 10)
    first.signature, second.signature = second.signature, first.signature


def cut_within_an_append(session: Session) -> None:
    session.execute(text("DELETE FROM audit_entry WHERE id = 10"))


def take_a_signature_away(session: Session) -> None:
    session.get_one(AuditEntry, 4).signature = None


def go_on_without_the_key(session: Session) -> None:
    last = session.get_one(AuditEntry, 10)
    forged = AuditEntry(
        id=11, at=last.at, run_id="run-1", task="order.load", action="window-read", entity="shopify.order",
        record_key="invented", details={}, previous_hash=last.hash,
    )  # fmt: skip
    forged.hash = digest(forged)
    session.add(forged)


@pytest.mark.parametrize(
    ("attack", "number", "how"),
    [
        pytest.param(rewrite_whole, 1, "rewritten", id="rewritten-whole"),
        pytest.param(rewrite_without_signatures, 10, "unsigned", id="rewritten-and-signatures-away"),
        pytest.param(sign_by_another_key, 1, "rewritten", id="signed-by-another-key"),
        pytest.param(swap_signatures, 2, "rewritten", id="signatures-swapped"),
        pytest.param(cut_within_an_append, 10, "truncated", id="cut"),
        pytest.param(take_a_signature_away, 4, "unsigned", id="signature-away"),
        pytest.param(go_on_without_the_key, 11, "unsigned", id="appended-by-hand"),
    ],
)
def test_what_is_done_to_a_signed_chain_without_the_key_is_found(
    signed_chain: Engine, attack: Callable[[Session], None], number: int, how: str
) -> None:
    with transaction(signed_chain) as session:
        attack(session)
    with transaction(signed_chain) as session:
        broken = verify(session).broken
    assert broken is not None
    assert (broken.number, broken.how) == (number, how)


@pytest.mark.parametrize("attack", [rewrite_without_signatures, sign_by_another_key, go_on_without_the_key])
def test_no_worker_signs_what_was_forged_before_it(signed_chain: Engine, attack: Callable[[Session], None]) -> None:
    with transaction(signed_chain) as session:
        attack(session)
    with pytest.raises(ConfigurationError, match=r"LB-AUD-008 audit entry 1[01]"), transaction(signed_chain) as session:
        append(session, ACTOR, [Change("window-read", "shopify.order", "window-12")])


def test_a_process_without_the_key_writes_nothing_to_a_signed_chain(signed_chain: Engine) -> None:
    with pytest.raises(ConfigurationError, match="LB-AUD-007"), transaction(with_key(signed_chain, "")) as session:
        append(session, ACTOR, [Change("window-read", "shopify.order", "window-12")])


def test_a_new_key_before_the_old_one_goes_on_with_the_chain(signed_chain: Engine) -> None:
    engine = with_key(signed_chain, f"{OTHER_KEY}, {KEY}")
    with transaction(engine) as session:
        append(session, ACTOR, [Change("window-read", "shopify.order", "window-11")])
        verdict = verify(session)
    assert (verdict.broken, verdict.signed, verdict.head.number) == (None, True, 11)


def test_a_chain_from_before_the_key_is_signed_by_a_person_once(chain: Engine) -> None:
    engine = with_key(chain, KEY)
    with pytest.raises(ConfigurationError, match="LB-AUD-008"), transaction(engine) as session:
        append(session, ACTOR, [Change("window-read", "shopify.order", "window-11")])
    with transaction(engine) as session:
        assert verify(session).broken is not None
        begin_signing(session, ACTOR, "ann")
        append(session, ACTOR, [Change("window-read", "shopify.order", "window-12")])
        assert (verify(session).broken, head(session).number) == (None, 12)
    with pytest.raises(ConfigurationError, match="LB-AUD-008"), transaction(engine) as session:
        begin_signing(session, ACTOR, "ann")


@pytest.mark.parametrize("key", ["0" * 63, "x" * 64, "0" * 62 + " 0"])
def test_what_is_no_key_is_refused_without_being_told(key: str) -> None:
    with pytest.raises(ConfigurationError, match="LB-AUD-006") as refused:
        Signer(key)
    assert key not in str(refused.value)


def test_anchors_come_back_from_their_lines() -> None:
    anchors = [Anchor(1, "a"), Anchor(20, "b")]
    assert read_anchors([anchors[0].line(), b"\n", anchors[1].line()]) == anchors
    with pytest.raises(ConfigurationError, match="LB-AUD-002 line 2"):
        read_anchors([anchors[0].line(), b"[]"])


@pytest.mark.parametrize(
    "more",
    [
        {"position": "1"}, {"position": True}, {"position": 0}, {"position": -1}, {"at": 5}, {"at": "yesterday"},
        {"at": "2026-03-02T00:00:00"}, {"before": 1}, {"signature": 1}, {"timestamp": []}, {"more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_line_that_is_no_anchor_is_told_by_its_place(more: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="LB-AUD-002 line 1"):
        read_anchors([orjson.dumps({"number": 1, "hash": "a", **more})])


def test_anchors_that_were_put_beside_true_ones_do_not_hide_them(chain: Engine) -> None:
    """Retention keeps what is there; without a key a chain hashed anew can tell of the forged one in its place."""
    with transaction(chain) as session:
        true = next_anchor(session, [])
        tell_anchor(session, ACTOR, true)
    with transaction(chain) as session:
        previous, forged = "0" * 64, true
        for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id)):
            if entry.id == 1:
                entry.run_id = "forged"
            if entry.action == "anchored":
                forged = replace(true, hash=previous)
                entry.details = {**entry.details, "sha256": forged.digest()}
            entry.previous_hash = previous
            entry.hash = previous = digest(entry)
    with transaction(chain) as session:
        assert verify(session, [forged], complete=True).broken is None
        for kept in ([true, forged], [forged, true]):
            assert verify(session, kept, complete=True).broken is not None


def test_an_anchor_that_is_there_twice_is_a_fault_if_they_differ(chain: Engine) -> None:
    with transaction(chain) as session:
        one = next_anchor(session, [])
        tell_anchor(session, ACTOR, one)
        assert verify(session, [one, one], complete=True).broken is None
        broken = verify(session, [replace(one, at="2026-01-01T00:00:00+00:00"), one], complete=True).broken
    assert broken is not None
    assert (broken.code, broken.finding) == (
        "LB-AUD-004", "anchor 1 is there twice, and they differ: one of them is forged",
    )  # fmt: skip
