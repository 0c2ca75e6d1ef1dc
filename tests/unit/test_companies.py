"""Several companies in one state database: each has its own rows, trail and keys, whatever the others have."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from audited_company import ACTOR, ENTITY, Company, book, booking, company_of, deliver, key_of
from mapping_runs import NOW, lookups
from memory_ledger import MemoryLedger, document
from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import aliased
from test_state import scripts

from ledgerbridge.audit import verify
from ledgerbridge.audit.evidence import VERIFIER
from ledgerbridge.delivery import Deliverer, documents_of
from ledgerbridge.mapping import load_mapping, nested_records
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.companies import for_company
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.installation import company_key, key_salt
from ledgerbridge.state.mending import Person, find_letters, replay
from ledgerbridge.state.mending import Wanted as Letters
from ledgerbridge.state.models import AuditEntry, Base, BookedDocument, DeadLetter, Delivery, SourceRecord
from ledgerbridge.state.signing import Signer, new_key
from ledgerbridge.state.source_records import Seen, register

BEFORE = str(ScriptDirectory.from_config(scripts()).get_revision("0019").down_revision)
KEY = new_key()
PUBLIC = Signer(KEY).public.known[0]
LETTER = Letter("map", key_of(1), "v1", key_of(1), "LB-MAP-002", "sku", "MUG", "no such item", "Add it.")


def whole(state_db: Engine, signing_key: str = "") -> Engine:
    """The same database, of no company."""
    return connect(state_db.url.render_as_string(hide_password=False), signing_key=signing_key)


@pytest.fixture
def companies(state_db: Engine) -> tuple[Company, Company]:
    """Two of them, with orders of the same numbers and one signed trail."""
    return company_of(state_db, KEY), company_of(state_db, KEY, orders=4, key="quay")


def test_one_record_of_two_companies_is_delivered_to_each_once(state_db: Engine) -> None:
    harbor, quay = MemoryLedger(), MemoryLedger()
    for _ in range(2):
        for engine, ledger in ((state_db, harbor), (for_company(state_db, "quay"), quay)):
            Deliverer(engine, ACTOR, ENTITY, ledger).deliver([document("1")], {})
    assert (harbor.sent, quay.sent) == (["1"], ["1"])
    with transaction(whole(state_db)) as session:
        rows = session.execute(select(Delivery.company, Delivery.state, Delivery.target_id).order_by(Delivery.id))
        assert [(row.company, row.state) for row in rows] == [("main", "delivered"), ("quay", "delivered")]


def test_whatever_a_company_asks_changes_or_deletes_is_its_own(companies: tuple[Company, Company]) -> None:
    harbor, quay = companies
    other = aliased(Delivery)
    with transaction(quay.state) as session:
        mine = session.scalars(select(Delivery)).all()
        assert {row.company for row in mine} == {"quay"}
        assert len(mine) == 4
        assert session.scalar(select(func.count()).select_from(other).where(other.entity == ENTITY)) == 4
        joined = select(DeadLetter.id).join(Delivery, Delivery.record_key == DeadLetter.record_key)
        assert len(session.scalars(joined).all()) == 1  # letter 5 is of an order that only the other company has
        assert {entry.company for entry in session.scalars(select(AuditEntry))} == {"quay"}
        session.execute(update(Delivery).where(Delivery.record_key == key_of(1)).values(number="QUAY"))
        session.execute(delete(BookedDocument).where(BookedDocument.ledger == "gp"))
    with transaction(harbor.state) as session:
        assert session.scalar(select(Delivery.number).where(Delivery.record_key == key_of(1))) == "LBO1"
        assert session.scalar(select(func.count()).select_from(BookedDocument)) == 6


def test_a_row_that_names_no_company_is_refused_where_the_engine_is_of_none(state_db: Engine) -> None:
    with pytest.raises(StatementError, match="names no company"), transaction(whole(state_db)) as session:
        register(session, "f", "l", "r", "e", [Seen("k", "v1")], "file:///x")
    with transaction(whole(state_db)) as session:
        assert session.scalars(select(SourceRecord)).all() == []


def test_one_trail_holds_for_all_and_tells_whose_each_change_was(companies: tuple[Company, Company]) -> None:
    harbor, _ = companies
    deliver(harbor, [6])
    with transaction(whole(harbor.state, KEY)) as session:
        verdict = verify(session)
        told = dict(session.execute(select(AuditEntry.company, func.count()).group_by(AuditEntry.company)).all())
    assert (verdict.broken, verdict.signed) == (None, True)
    assert set(told) == {None, "quay"}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        pytest.param(Delivery, f"delivery {ENTITY} {key_of(5)} was invented", id="delivery"),
        pytest.param(BookedDocument, "booked_document gp gp:TWO:journal:5 was invented", id="booking"),
        pytest.param(DeadLetter, "was changed", id="dead-letter"),
    ],
)
def test_a_row_moved_to_another_company_is_found(companies: tuple[Company, Company], table: Any, told: str) -> None:
    harbor, quay = companies
    deliver(quay, [5])
    book(quay, "gp", [booking(5)], [key_of(5)])
    with transaction(harbor.state) as session:
        for each in (Delivery, BookedDocument):
            session.execute(delete(each).where(each.record_key == key_of(5)))
    with transaction(whole(harbor.state, KEY)) as session:
        moved = update(table).where(table.company == "quay", table.record_key == key_of(5))
        session.execute(moved.values(company="main"))
    with transaction(whole(harbor.state, KEY)) as session:
        broken = verify(session).broken
    assert broken is not None
    assert told in str(broken) or table is not DeadLetter


def test_evidence_of_a_company_holds_and_shows_nothing_of_another(
    companies: tuple[Company, Company], tmp_path: Path
) -> None:
    harbor, quay = companies
    pack = Company(whole(harbor.state, KEY), quay.documents, quay.records).unpacked(tmp_path / "pack")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(VERIFIER), str(pack), "--key", PUBLIC], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.partition(":")[0]) == (0, "holds"), done.stdout
    companies_told = {row.get("company") for row in json.loads((pack / "deliveries.json").read_text())}
    assert companies_told == {None, "quay"}


def test_the_same_failure_in_two_companies_is_two_letters_and_mending_one_leaves_the_other(state_db: Engine) -> None:
    for engine in (state_db, for_company(state_db, "quay")):
        with transaction(engine) as session:
            register(session, ACTOR.flow, ACTOR.leg, "run-1", "shopify.order", [Seen(key_of(1), "v1")], "file:///x")
            write_letters(session, ACTOR, [_with_body(LETTER)])
            session.execute(update(SourceRecord).values(outcome="rejected"))
    with transaction(whole(state_db)) as session:
        [letter] = find_letters(session, Letters(company="quay"))
        assert letter.id != LETTER.id(ACTOR.flow, ACTOR.leg)
        replay(session, [letter], Person("ann", "mended", "test"))
    with transaction(whole(state_db)) as session:
        states = dict(session.execute(select(DeadLetter.company, DeadLetter.state)).all())
        outcomes = dict(session.execute(select(SourceRecord.company, SourceRecord.outcome)).all())
        assert verify(session).broken is None
    assert states == {"main": "open", "quay": "replaying"}
    assert outcomes == {"main": "rejected", "quay": "read"}


def _with_body(letter: Letter) -> Letter:
    return Letter(**{**letter.__dict__, "raw": {"name": "#1"}})


def test_a_person_who_buys_of_two_companies_has_another_key_in_each_and_the_old_one_in_main(state_db: Engine) -> None:
    salts = []
    for engine in (whole(state_db), state_db, for_company(state_db, "quay"), for_company(state_db, "dune")):
        with transaction(engine) as session:
            salts.append(key_salt(session))
    assert salts[0] == salts[1]
    assert len(set(salts)) == 3


NUMBERED = "from: shop.order\nto: erp.order\nheader:\n  TARGET: {hash: {of: [name], prefix: LBC, length: 17}}\n"


def test_two_companies_give_no_number_twice_and_main_gives_those_it_gave_before(
    state_db: Engine, tmp_path: Path
) -> None:
    (tmp_path / "mapping.yaml").write_text(NUMBERED)
    mapping, records = load_mapping(tmp_path / "mapping.yaml"), nested_records([{"name": "#1001"}], ["k"], [NOW])
    numbers, keys = [], []
    for company in ("main", "quay", "dune"):
        with transaction(for_company(state_db, company)) as session:
            mapped = mapping.run(records, replace(lookups(tmp_path), company_key=company_key(session)))
        numbers += list(mapped.frames["header"]["TARGET"])
        keys += [each.idempotency_key for each in documents_of(mapped.frames, "xero.invoice", company)]
    # as release 0.1 made them: no document of `main` may get another, or it would be sent again
    assert (numbers[0], keys[0]) == ("LBC2IBYO7Z4DRNWZ4", "74d259fe9a2f2f3f449e5f9fcba22ab7d93fd0e1aedcf8a5")
    assert len(set(numbers)) == len(set(keys)) == 3


def test_what_an_installation_has_is_mains_after_the_upgrade_and_is_not_sent_again(state_db: Engine) -> None:
    """Rows as the release before kept them: those of the models, led back and up again."""
    company = company_of(state_db, KEY)
    before = _told(state_db)
    config = scripts()
    with state_db.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, BEFORE)
    migrate(state_db)
    assert _told(state_db) == before
    with transaction(whole(state_db, KEY)) as session:
        assert verify(session).broken is None
        for table in (Delivery, DeadLetter, BookedDocument):
            assert set(session.scalars(select(table.company))) == {"main"}
    deliver(company, [1, 2, 6])
    with transaction(company.state) as session:
        attempts = session.scalars(select(Delivery.attempts).where(Delivery.state == "delivered")).all()
    assert set(attempts) == {1}


def _told(engine: Engine) -> list[tuple[int, str]]:
    with transaction(engine) as session:
        return [tuple(row) for row in session.execute(select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id))]


def test_a_database_of_several_companies_is_not_led_back_to_a_release_that_knows_one(
    companies: tuple[Company, Company],
) -> None:
    config = scripts()
    with companies[0].state.begin() as connection:
        config.attributes["connection"] = connection
        with pytest.raises(ValueError, match="of company quay"):
            command.downgrade(config, BEFORE)


def test_every_table_with_records_of_a_company_says_whose_they_are() -> None:
    of_none = {table.name for table in Base.metadata.sorted_tables if "company" not in table.columns}
    assert of_none == {
        "call_pause", "circuit", "counted_call", "database_clock", "delivery_try", "draft", "draft_comment",
        "installation",        "master_row", "oauth_token", "promotion", "staged_batch",
        "work_tag",  # of a work_item, which says it
    }  # fmt: skip
