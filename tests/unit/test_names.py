"""People are found by what they are called, though it is kept encrypted, and no longer than it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, delete, select, text, update

from commands.database import PAYLOAD_KEY
from commands.main import main
from ledgerbridge.audit.search import search
from ledgerbridge.links.sides import Read, keep_read
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.companies import for_company
from ledgerbridge.state.models import NameWord, SourceRecord
from ledgerbridge.state.names import TAKEN, called, index_names, words_of
from ledgerbridge.state.purge import purge_payloads
from ledgerbridge.state.source_records import Fate, Seen, register, set_outcomes

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KIRA = {"name": "Kira Dunn", "ship_to_name": "Élodie O'Brien-Núñez", "email": "kira.dunn@example.com"}
ORDER = "shopify:us:order:1"
VENDOR = "gp:main:vendor:ACETRAVE0001"


def take(engine: Engine, key: str, header: Mapping[str, Any], leg: str = "customer", entity: str = "x.order") -> None:
    """A leg understands a record."""
    with transaction(engine) as session:
        register(session, "order_to_cash", leg, "run-1", entity, [Seen(key, "v1")], "file:///batch")
        set_outcomes(session, "order_to_cash", leg, {key: Fate("delivered", label="LB17", canonical=dict(header))})


def hold(engine: Engine, number: int, *, deleted: bool = False, **fields: Any) -> None:
    """A side is read that is kept in step."""
    read = Read("ACETRAVE0001", VENDOR, "ACETRAVE0001", fields, number, NOON, deleted=deleted)
    with transaction(engine) as session:
        register(session, "master_data", "vendor", "run-1", "gp.vendor", [Seen(VENDOR, "v1")], "file:///batch")
        waits = Fate("waiting", "the other side lacks it", label="ACETRAVE0001")
        set_outcomes(session, "master_data", "vendor", {VENDOR: waits})
        keep_read(session, "main", "vendor", {"gp.vendor": [read]})


def found(engine: Engine, asked: str) -> list[str]:
    with transaction(engine) as session:
        return [hit.wanted for hit in search(session, asked, 50) if hit.by_value]


@pytest.mark.parametrize(
    "asked", ["kira dunn", "DUNN, Kira", "elodie", "obrien", "O’Brien", "nunez kira", "Kira.Dunn@example.com"]
)
def test_a_person_is_found_by_whole_words_of_any_name_whatever_case_accents_or_order(
    state_db: Engine, asked: str
) -> None:
    take(state_db, ORDER, KIRA)
    take(state_db, "shopify:us:order:2", {"name": "Kira Marsh"})
    assert found(state_db, asked) == [ORDER]


@pytest.mark.parametrize("asked", ["kir", "kira marsh", "example.com", "", "' & ,", "kira dunn of example"])
def test_nobody_is_found_by_a_part_of_a_word_or_by_words_of_two_people(state_db: Engine, asked: str) -> None:
    take(state_db, ORDER, KIRA)
    take(state_db, "shopify:us:order:2", {"name": "Lou Marsh"})
    with transaction(state_db) as session:
        assert called(session, TAKEN, asked, 50) == []


def test_a_vendor_kept_in_step_is_found_by_its_name_until_it_is_called_otherwise_or_gone(state_db: Engine) -> None:
    hold(state_db, 1, name="A Travel Company")
    assert found(state_db, "travel company") == [VENDOR]
    hold(state_db, 2, name="Journeys Ltd")
    assert (found(state_db, "travel"), found(state_db, "journeys")) == ([], [VENDOR])
    hold(state_db, 3, deleted=True)
    assert found(state_db, "journeys") == []
    with transaction(state_db) as session:
        assert session.scalars(select(NameWord)).all() == []


def test_who_is_called_otherwise_in_a_later_version_is_no_longer_found_by_the_old_name(state_db: Engine) -> None:
    take(state_db, ORDER, KIRA)
    take(state_db, ORDER, {**KIRA, "name": "Kira Marsh", "email": None})
    assert (found(state_db, "kira marsh"), found(state_db, "dunn")) == ([ORDER], [])


def test_a_purge_takes_the_words_with_the_names(state_db: Engine) -> None:
    take(state_db, ORDER, KIRA)
    take(state_db, "shopify:us:order:2", {"ship_to_name": "Lou Marsh", "total": "1.00"})
    with transaction(state_db) as session:
        purge_payloads(session, datetime.now(UTC) + timedelta(days=1))
    assert found(state_db, "kira") == found(state_db, "marsh") == []
    with transaction(state_db) as session:
        assert session.scalars(select(NameWord)).all() == []
        assert [each.canonical for each in session.scalars(select(SourceRecord).order_by(SourceRecord.id))] == [
            {}, {"total": "1.00"},
        ]  # fmt: skip
    assert [each.changed for each in index_names(state_db)] == [0, 0]


def test_words_are_no_hash_that_can_be_made_without_the_key_nor_the_same_in_two_companies(state_db: Engine) -> None:
    url = state_db.url.render_as_string(hide_password=False)
    sealed = connect(url, Fernet.generate_key().decode(), company="main")
    for engine in (state_db, sealed, for_company(sealed, "quay")):
        take(engine, "a:b:c:1" if engine is state_db else ORDER, {"name": "Kira"})
    with transaction(connect(url)) as session:
        hashes = set(session.scalars(select(NameWord.word)))
    assert len(hashes) == 3
    assert {len(each) for each in hashes} == {16}
    everybody = connect(url, Fernet.generate_key().decode())
    assert found(everybody, "kira") == ["a:b:c:1"]
    assert found(for_company(sealed, "quay"), "kira") == [ORDER]


def test_another_key_finds_what_the_old_one_hashed_until_reseal_and_after(
    state_db: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    url = state_db.url.render_as_string(hide_password=False)
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__STAGING_URL", tmp_path.as_uri())
    take(state_db, "a:b:c:1", {"name": "Kira"})  # before there was a key
    take(connect(url, old, company="main"), ORDER, KIRA)
    both = connect(url, f"{new},{old}", company="main")
    assert found(both, "kira") == [ORDER, "a:b:c:1"]
    monkeypatch.setenv(PAYLOAD_KEY, f"{new},{old}")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY", "")
    assert main(["--state", url, "reseal", "--by", "olga"]) == 0
    assert found(connect(url, new, company="main"), "kira") == [ORDER, "a:b:c:1"]
    with transaction(state_db) as session:
        assert len(session.scalars(select(NameWord)).all()) == 1 + len(words_of(" ".join(KIRA.values())))


def test_what_was_kept_before_names_were_searched_is_found_once_the_command_has_run(
    state_db: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, key = state_db.url.render_as_string(hide_password=False), Fernet.generate_key().decode()
    sealed = connect(url, key, company="main")
    take(sealed, ORDER, KIRA)
    hold(sealed, 1, name="A Travel Company")
    with transaction(state_db) as session:
        session.execute(delete(NameWord))
    assert main(["--state", url, "index-names"]) == 1
    assert capsys.readouterr().out.endswith("4 seen, 2 that no key opens\n")
    monkeypatch.setenv(PAYLOAD_KEY, key)
    assert main(["--state", url, "index-names"]) == 0
    assert "source_record: 2 seen, 1 of the last 2 anew\nlink_end: 2 seen, 1" in capsys.readouterr().out
    assert (found(sealed, "dunn"), found(sealed, "travel")) == ([ORDER], [VENDOR])
    assert main(["--state", url, "index-names"]) == 0
    assert "source_record: 2 seen, 0 of" in capsys.readouterr().out


def test_an_order_is_listed_by_its_own_name_rather_than_by_its_customers_number(state_db: Engine) -> None:
    take(state_db, ORDER, {**KIRA, "chain_key": ORDER}, leg="order")
    take(state_db, ORDER, KIRA)
    with transaction(state_db) as session:
        session.execute(update(SourceRecord).where(SourceRecord.leg == "order").values(label="#1"))
    with transaction(state_db) as session:
        assert [hit.label for hit in search(session, "kira", 50)] == ["#1"]


def test_trace_lists_what_may_be_meant_by_a_name(state_db: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    url = state_db.url.render_as_string(hide_password=False)
    take(state_db, ORDER, {**KIRA, "total": "12.5", "currency": "USD"})
    assert main(["--state", url, "trace", "Kira Dunn"]) == 1
    first, *rows = capsys.readouterr().out.splitlines()
    assert first == 'nothing is known under "Kira Dunn". It may be one of these:'
    assert [row.split(" ", 3)[3] for row in rows] == [f"{ORDER}  LB17 12.50 USD delivered"]
    assert main(["--state", url, "trace", "Kira Dunn", "--json"]) == 1
    assert f'"wanted": "{ORDER}"' in capsys.readouterr().out
    assert main(["--state", url, "trace", "Lou Marsh"]) == 2


def test_a_search_by_name_looks_at_no_more_rows_than_bear_the_word(state_db: Engine) -> None:
    if state_db.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by what is in the table, which is next to nothing here")
    take(state_db, ORDER, KIRA)
    with state_db.connect() as connection:
        plan = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT row_id FROM name_word WHERE company = 'main' AND kept_in = 'source_record'"
                " AND word IN (x'00', x'01') GROUP BY row_id HAVING count(*) = 2 ORDER BY row_id DESC LIMIT 50"
            )
        ).all()
    assert "company=? AND word=?" in str(plan)
