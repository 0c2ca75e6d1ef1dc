"""The state database: its tables, and what is kept in them, on every database we run on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Select, event, inspect, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

import ledgerbridge.state
from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.audit.chain import GENESIS, digest
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping import Lookups
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.batches import batch_of
from ledgerbridge.state.companies import MAIN
from ledgerbridge.state.dead_letters import Letter, close_letters, open_letters, write_letters
from ledgerbridge.state.models import AuditEntry, Base, DeadLetter, Delivery, LinkEnd, Position, SourceRecord
from ledgerbridge.state.reader import DatabaseReader
from ledgerbridge.state.source_records import (
    Fate,
    Seen,
    counts,
    register,
    set_outcomes,
    still_own,
)

ACTOR = Actor("order_to_cash", "orders", "run-1", "load")
LEG = ("order_to_cash", "orders")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(ledgerbridge.state.__file__).parent / "migrations"))
    return config


REVISIONS = [script.revision for script in reversed([*ScriptDirectory.from_config(scripts()).walk_revisions()])]


def downgrade(engine: Engine, revision: str) -> None:
    config = scripts()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def test_migrations_lead_to_the_models(state_db: Engine) -> None:
    with state_db.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "ledgerbridge_version", "compare_type": True}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_go_up_and_down_one_by_one_and_keep_what_is_there(empty_state_db: Engine) -> None:
    migrate(empty_state_db, REVISIONS[0])
    with empty_state_db.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO source_record (flow, leg, entity, source_key, version, outcome, batch_uri, run_id,"
                " updated_at) VALUES ('f', 'l', 'e', 'k', '1', 'read', 'u', 'r', '2026-03-02 12:00:00')"
            )
        )
    for revision in REVISIONS[1:]:
        migrate(empty_state_db, revision)
    for revision in reversed(REVISIONS[:-1]):
        downgrade(empty_state_db, revision)
    with empty_state_db.begin() as connection:
        assert connection.execute(text("SELECT source_key FROM source_record")).scalars().all() == ["k"]
    downgrade(empty_state_db, "base")
    assert inspect(empty_state_db).get_table_names() == ["ledgerbridge_version"]


def test_the_hash_of_a_batch_staged_before_hashes_were_kept_is_taken_from_the_audit(empty_state_db: Engine) -> None:
    migrate(empty_state_db, "0013")
    with empty_state_db.begin() as connection:
        for number, (rows, digest) in enumerate(((2, "a" * 64), (3, "b" * 64)), 1):  # a task that was tried twice
            details = json.dumps({"leg": "orders", "uri": "file:///run-1/extract", "rows": {"raw": rows}})
            entry = {"id": number, "digest": digest, "details": details, "hash": str(number) * 64}
            connection.execute(
                text(
                    "INSERT INTO audit_entry (id, at, run_id, task, action, entity, record_key, content_hash, details,"
                    " previous_hash, hash) VALUES (:id, '2026-03-02 12:00:00', 'run-1', 'extract', 'batch-extract',"
                    " 'e', 'batch', :digest, :details, '', :hash)"
                ),
                entry,
            )
    migrate(empty_state_db)
    with transaction(empty_state_db) as session:
        kept = batch_of(session, "file:///run-1/extract")
        assert kept is not None
        assert (kept.rows, kept.sha256) == ({"raw": 3}, "b" * 64)


def test_two_processes_that_start_together_migrate_once(empty_state_db: Engine) -> None:
    code = "import sys; from ledgerbridge.state import connect, migrate; migrate(connect(sys.argv[1]))"
    url = empty_state_db.url.render_as_string(hide_password=False)
    started = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    assert "delivery" in inspect(empty_state_db).get_table_names()


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        pytest.param(
            select(SourceRecord.outcome).where(
                SourceRecord.flow == "f", SourceRecord.leg == "l", SourceRecord.run_id == "r"
            ),
            "ix_source_record_run",
            id="what-a-run-took",
        ),
        pytest.param(
            select(SourceRecord.id).where(
                SourceRecord.flow == "f",
                SourceRecord.leg == "l",
                SourceRecord.entity == "e",
                (SourceRecord.run_id == "r") | SourceRecord.outcome.in_(["read", "held"]),
            ),
            "ix_source_record_run",
            id="what-a-run-took-and-what-is-left",
        ),
        pytest.param(
            select(Delivery.state).where(Delivery.record_key.in_([f"k{n}" for n in range(100)])),
            "ix_delivery_record",
            id="deliveries-of-records",
        ),
        pytest.param(
            select(LinkEnd.key).where(LinkEnd.link_id.in_(range(50)), LinkEnd.entity == "e").order_by(LinkEnd.id),
            "ix_link_end_link",
            id="ends-of-links",
        ),
    ],
)
def test_sqlite_finds_by_key_and_never_looks_at_all_of_a_company(
    tmp_path: Path, statement: Select[Any], index: str
) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}", company="main")
    migrate(engine)
    bound = statement.where(statement.columns_clause_froms[0].c.company == "main")
    with engine.connect() as connection:
        compiled = bound.compile(connection, compile_kwargs={"literal_binds": True})
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")]
    searched = [step for step in plan if "SEARCH" in step or "SCAN" in step]
    assert any(f"USING INDEX {index} " in step for step in searched)
    assert not [step for step in searched if step.endswith("(company=?)") or "SCAN" in step]


@pytest.fixture
def keeping(state_db: Engine, state_url: str) -> Iterator[Engine]:
    """A state database by an engine that keeps its connection."""
    engine = connect(state_url, company=MAIN, keeps=True)
    yield engine
    engine.dispose()


def connections(engine: Engine) -> list[object]:
    """The connections that it makes from now on."""
    made: list[object] = []
    event.listen(engine.engine, "connect", lambda connection, _: made.append(connection))
    return made


def write_position(engine: Engine, taken_at: datetime) -> None:
    with transaction(engine) as session:
        if (position := session.scalars(select(Position)).one_or_none()) is None:
            keep_position(session, taken_at)
        else:
            position.taken_at = taken_at


def position_of(engine: Engine) -> datetime:
    with transaction(engine) as session:
        return session.scalars(select(Position.taken_at)).one()


def test_a_process_keeps_its_connection_and_what_it_forks_makes_its_own(keeping: Engine) -> None:
    made = connections(keeping)
    write_position(keeping, NOON)
    write_position(keeping, NOON + timedelta(hours=1))
    if not (child := os.fork()):
        write_position(keeping, NOON + timedelta(hours=2))
        os._exit(len(made))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert position_of(keeping) == NOON + timedelta(hours=2)
    assert len(made) == 1


def test_threads_write_by_a_kept_connection_each(keeping: Engine) -> None:
    write_position(keeping, NOON)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda hours: write_position(keeping, NOON + timedelta(hours=hours)), range(20)))
    assert position_of(keeping) > NOON - timedelta(hours=1)


def test_a_server_that_was_away_between_two_transactions_is_not_noticed(
    keeping: Engine, state_db_kind: str, request: pytest.FixtureRequest
) -> None:
    if state_db_kind != "postgres":
        pytest.skip("SQLite has no server")
    made = connections(keeping)
    write_position(keeping, NOON)
    with transaction(keeping) as session:
        served_by = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    request.getfixturevalue("postgres_cluster").execute(f"SELECT pg_terminate_backend({served_by})")
    assert position_of(keeping) == NOON
    assert len(made) == 2


def test_an_instant_comes_back_aware_whatever_its_zone_was(state_db: Engine) -> None:
    auckland = timezone(timedelta(hours=13))
    with transaction(state_db) as session:
        keep_position(session, NOON.astimezone(auckland))
    with transaction(state_db) as session:
        position = session.scalars(select(Position)).one()
    assert position.taken_at == NOON
    assert position.taken_at.tzinfo is UTC


def test_an_instant_without_a_zone_is_refused(state_db: Engine) -> None:
    with pytest.raises(StatementError, match="has no zone"), transaction(state_db) as session:
        keep_position(session, NOON.replace(tzinfo=None))


def test_each_audit_entry_carries_the_hash_of_the_one_before(state_db: Engine) -> None:
    for number in range(3):
        with transaction(state_db) as session:
            append(session, ACTOR, [Change("delivered", "gp.sales_order", f"key-{number}{each}") for each in "ab"])
    entries = audit(state_db)
    assert len(entries) == 6
    assert_chained(entries)


def test_audit_entries_of_several_tasks_make_one_chain(state_db: Engine) -> None:
    def write(task: int) -> None:
        for number in range(5):
            with transaction(state_db) as session:
                append(session, ACTOR, [Change("delivered", "gp.sales_order", f"{task}-{number}")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    entries = audit(state_db)
    assert len(entries) == 20
    assert_chained(entries)


def test_an_audit_entry_falls_with_the_transaction_it_tells_of(state_db: Engine) -> None:
    with Session(state_db) as session:
        append(session, ACTOR, [Change("delivered", "gp.sales_order", "key")])
        session.rollback()
    assert audit(state_db) == []


def letter(code: str = "LB-MAP-002", value: str | None = "SKU-9", **fields: str) -> Letter:
    return Letter(
        step="transform",
        source_key=fields.get("source_key", "shopify:us:order:1"),
        version="1",
        record_key="shopify:us:order:1",
        code=code,
        field="ITEMNMBR",
        value=value,
        message="not known",
        remedy="add it",
        raw={"id": "1", "note": "Ωmega 🧵"},
    )


def test_a_rerun_writes_a_dead_letter_once(state_db: Engine) -> None:
    with transaction(state_db) as session:
        first = write_letters(session, ACTOR, [letter()])
    with transaction(state_db) as session:
        again = write_letters(session, ACTOR, [letter(), letter()])
        [kept] = session.scalars(select(DeadLetter)).all()
    assert first == again == {"shopify:us:order:1": f"dead letter {kept.id}"}
    assert kept.raw == {"id": "1", "note": "Ωmega 🧵"}
    assert [entry.action for entry in audit(state_db)] == ["dead-lettered"]


def test_another_reason_is_another_dead_letter(state_db: Engine) -> None:
    with transaction(state_db) as session:
        write_letters(session, ACTOR, [letter(), letter(value="SKU-8"), letter(code="LB-MAP-001", value=None)])
        assert len(session.scalars(select(DeadLetter)).all()) == 3


def test_a_record_that_goes_on_closes_its_letters_of_this_leg_alone(state_db: Engine) -> None:
    other_leg = Actor("order_to_cash", "invoices", "run-1", "load")
    with transaction(state_db) as session:
        mine = write_letters(session, ACTOR, [letter()])
        theirs = write_letters(session, other_leg, [letter()])
        write_letters(session, ACTOR, [letter(source_key="shopify:us:order:2")])
    assert set(mine.values()).isdisjoint(theirs.values())
    with transaction(state_db) as session:
        close_letters(session, ACTOR, ["shopify:us:order:1"])
    with transaction(state_db) as session:
        still_open = open_letters(session, ["shopify:us:order:1", "shopify:us:order:2"])
        closed = session.get_one(DeadLetter, mine["shopify:us:order:1"].removeprefix("dead letter "))
    assert theirs["shopify:us:order:1"] == f"dead letter {still_open['shopify:us:order:1']}"
    assert len(still_open) == 2
    assert (closed.state, closed.closed_at is not None) == ("closed", True)


def test_a_closed_letter_opens_again_when_its_reason_comes_back(state_db: Engine) -> None:
    for _ in range(2):
        with transaction(state_db) as session:
            write_letters(session, ACTOR, [letter()])
        with transaction(state_db) as session:
            close_letters(session, ACTOR, ["shopify:us:order:1"])
    actions = [entry.action for entry in audit(state_db)]
    assert actions == ["dead-lettered", "dead-letter-closed"] * 2


def test_the_balance_of_a_batch_counts_what_its_run_has_by_outcome(state_db: Engine) -> None:
    with transaction(state_db) as session:
        register(session, *LEG, "run-1", "shopify.order", [Seen(key, "v1") for key in "abc"], "batch-1")
        register(session, *LEG, "run-2", "shopify.order", [Seen("d", "v1")], "batch-2")
        set_outcomes(session, *LEG, {"a": Fate("delivered"), "b": Fate("waiting", "no invoice yet")})
    with transaction(state_db) as session:
        assert counts(session, *LEG, "run-1") == {"delivered": 1, "waiting": 1, "read": 1}


def test_outcomes_of_one_batch_may_each_say_something_else(state_db: Engine) -> None:
    canonical = {"chain_key": "order-2", "total": "10.50"}
    with transaction(state_db) as session:
        register(session, *LEG, "run-1", "shopify.order", [Seen(key, "v1") for key in "abc"], "batch-1")
        set_outcomes(
            session, *LEG, {"a": Fate("delivered", label="#1"), "b": Fate("waiting", "later", "#2", canonical)}
        )
    with transaction(state_db) as session:
        set_outcomes(session, *LEG, {"a": Fate("unchanged"), "c": Fate("rejected", "dead letter 1")})
        kept = {row.source_key: row for row in session.scalars(select(SourceRecord).order_by(SourceRecord.source_key))}
    assert [(row.outcome, row.reason, row.label) for row in kept.values()] == [
        ("unchanged", None, "#1"),
        ("waiting", "later", "#2"),
        ("rejected", "dead letter 1", None),
    ]
    assert (kept["b"].canonical, kept["b"].chain_key, kept["a"].canonical) == (canonical, "order-2", None)


def test_a_waiting_record_that_a_later_run_takes_moves_to_its_batch(state_db: Engine) -> None:
    with transaction(state_db) as session:
        register(session, *LEG, "run-1", "shopify.order", [Seen("a", "v1")], "batch-1")
        set_outcomes(session, *LEG, {"a": Fate("waiting", "no invoice yet", label="#1001")})
    with transaction(state_db) as session:
        register(session, *LEG, "run-2", "shopify.order", [Seen("a", "v1")], "batch-2")
    with transaction(state_db) as session:
        row = session.scalars(select(SourceRecord)).one()
        assert (row.batch_uri, row.run_id) == ("batch-2", "run-2")
        assert counts(session, *LEG, "run-1") == {}
    assert DatabaseReader(state_db).labels("shopify.order", ["#1001"]) == {"#1001": {"record_key": "a"}}


def test_the_longest_name_of_a_person_fits(state_db: Engine) -> None:
    name = f"{'F' * 255} {'L' * 255}"
    with transaction(state_db) as session:
        register(session, *LEG, "run-1", "shopify.order", [Seen("a", "v1")], "batch-1")
        set_outcomes(session, *LEG, {"a": Fate("rejected", label=name)})
        write_letters(session, ACTOR, [replace(letter(), label=name)])
    assert DatabaseReader(state_db).labels("shopify.order", [name]) == {name: {"record_key": "a"}}


def test_words_that_do_not_fit_are_kept_as_far_as_they_do(state_db: Engine) -> None:
    found = replace(
        letter(), label="L" * 600, field="f" * 200, value="a\0b", message="a\0b" * 2000, raw={"name": "a\0b"}
    )
    with transaction(state_db) as session:
        write_letters(session, ACTOR, [found])
    with transaction(state_db) as session:
        kept = session.scalars(select(DeadLetter)).one()
    assert (kept.label, kept.field, kept.value) == ("L" * 512, "f" * 128, "a\N{REPLACEMENT CHARACTER}b")
    assert kept.message == "a\N{REPLACEMENT CHARACTER}b" * 2000
    assert kept.raw == {"name": "a\0b"}


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_a_url_as_hosts_write_it_is_understood(scheme: str) -> None:
    assert connect(f"{scheme}://user@host/state").driver == "psycopg2"


@pytest.mark.parametrize(
    ("url", "found"), [("mysql://host/state", "'mysql'"), ("/var/lib/state.db", "no database URL"), ("", "no database")]
)
def test_another_database_or_no_url_is_refused_with_what_to_give(url: str, found: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{found}.* Remedy: Give sqlite:////path/state.db or postgresql://"):
        connect(url)


def test_of_two_records_with_one_name_their_fields_tell_which(state_db: Engine, tmp_path: Path) -> None:
    orders = {"a": ("USD", "53.77"), "b": ("GBP", "12.00"), "c": ("GBP", "9.50"), "d": ("GBP", "9.50")}
    with transaction(state_db) as session:
        register(session, *LEG, "run-1", "shopify.order", [Seen(key, "v1") for key in orders], "batch-1")
        fates = {
            key: Fate("delivered", label="#1001", canonical={"currency": currency, "total": total})
            for key, (currency, total) in orders.items()
        }
        set_outcomes(session, *LEG, fates)
    lookups = Lookups(tmp_path, {}, DatabaseReader(state_db), lambda *_: {}, "UTC")
    wanted = [("#1001", "USD", "1.00"), ("#1001", "GBP", "12"), ("#1001", "GBP", "9.50"), ("#1002", "USD", "1.00")]
    found = lookups.find_among("shopify.order", wanted, ["currency", "total"])
    assert {key: row["record_key"] for key, row in found.items()} == {wanted[0]: "a", wanted[1]: "b"}


def test_a_name_that_two_records_have_names_neither(state_db: Engine) -> None:
    with transaction(state_db) as session:
        register(session, *LEG, "run-1", "shopify.order", [Seen(key, "v1") for key in "ab"], "batch-1")
        set_outcomes(session, *LEG, {key: Fate("delivered", label="#1001") for key in "ab"})
    assert DatabaseReader(state_db).labels("shopify.order", ["#1001"]) == {}


def test_records_of_a_chain_come_with_their_canonical_fields_and_outcome(state_db: Engine) -> None:
    canonical = {"chain_key": "order-1", "total": "10.50"}
    with transaction(state_db) as session:
        register(session, *LEG, "run-1", "stripe.refund", [Seen("re_1", "v1")], "batch-1")
        set_outcomes(session, *LEG, {"re_1": Fate("superseded", "cancels", canonical=canonical)})
    assert DatabaseReader(state_db).records("stripe.refund", ["order-1"]) == {
        "order-1": [{**canonical, "leg": "orders", "outcome": "superseded", "reason": "cancels", "change": 0}]
    }


def test_legs_have_done_with_what_all_of_them_took_and_none_has_under_way(state_db: Engine) -> None:
    flow, leg = LEG
    with transaction(state_db) as session:
        of_entity = {"company": MAIN, "flow": flow, "entity": "shopify.order", "taken_at": datetime.now(UTC)}
        for name, change in ((leg, 9), ("goodwill", 7)):
            session.add(Position(**of_entity, leg=name, change=change))
        register(session, flow, leg, "run-1", "shopify.order", [Seen("a", "v1", 4), Seen("b", "v1", 6)], "batch-1")
        set_outcomes(session, flow, leg, {"a": Fate("delivered")})
    reader = DatabaseReader(state_db, flow)
    assert reader.done_with("shopify.order", ["goodwill"]) == 7
    assert reader.done_with("shopify.order", [leg, "goodwill"]) == 5  # b is under way
    assert reader.done_with("shopify.order", ["goodwill", "added_yesterday"]) == 0


def test_more_keys_than_one_statement_takes_are_all_found(state_db: Engine) -> None:
    keys = [f"order-{number}" for number in range(1201)]
    with transaction(state_db) as session:
        register(session, *LEG, "run-1", "shopify.order", [Seen(key, "v1") for key in keys], "batch-1")
        set_outcomes(session, *LEG, {keys[0]: Fate("delivered"), keys[-1]: Fate("rejected", "dead letter 1")})
        assert still_own(session, *LEG, "run-1", dict.fromkeys([*keys, "unknown"])) == set(keys)


def keep_position(session: Session, taken_at: datetime) -> None:
    key = {"company": "main", "flow": "order_to_cash", "leg": "orders", "entity": "shopify.order"}
    session.add(Position(**key, change=1, taken_at=taken_at))


def audit(engine: Engine) -> list[AuditEntry]:
    with transaction(engine) as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def assert_chained(entries: list[AuditEntry]) -> None:
    assert entries[0].previous_hash == GENESIS
    assert all(after.previous_hash == before.hash for before, after in pairwise(entries))
    assert all(digest(entry) == entry.hash for entry in entries)
