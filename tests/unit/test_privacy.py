"""Payloads at rest: unreadable without the key, gone after their retention; the audit holds in both cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select, text, update

from commands.database import PAYLOAD_KEY
from commands.main import main
from ledgerbridge.audit import Actor, Change, append, verify
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.dead_letters import Letter, close_letters, write_letters
from ledgerbridge.state.models import AuditEntry, DeadLetter, SourceRecord
from ledgerbridge.state.purge import old_batches, purge_payloads, tell_purged
from ledgerbridge.state.sealing import Sealer
from ledgerbridge.state.source_records import Fate, Seen, register, set_outcomes
from operators.staging import raw_table, read_raw, remove_batches, write_raw

ACTOR = Actor("order_to_cash", "order", "run-1", "order.load")
EMAIL = "kira.dunn@example.com"
KEY = "shopify:us:order:1"
LETTER = Letter(
    "map", KEY, "v1", KEY, "LB-MAP-003", "email", EMAIL, f'"{EMAIL}" is too long', "shorten it",
    raw={"email": EMAIL}, canonical={"email": EMAIL},
)  # fmt: skip


def keep(engine: Engine) -> None:
    canonical = {"record_key": KEY, "email": EMAIL, "total": "1.00", "chain_key": KEY}
    with transaction(engine) as session:
        register(
            session, "order_to_cash", "order", "run-1", "shopify.order", [Seen(KEY, "v1")], "file:///old/order/extract"
        )
        write_letters(session, ACTOR, [LETTER])
        set_outcomes(session, "order_to_cash", "order", {KEY: Fate("rejected", label="#1", canonical=canonical)})


def everything(engine: Engine) -> str:
    """All that lies in the database, as whoever steals its file sees it."""
    with engine.connect() as connection:
        tables = ("source_record", "dead_letter", "delivery", "audit_entry")
        return "".join(str(connection.execute(text(f"SELECT * FROM {table}")).all()) for table in tables)


def test_payloads_in_the_database_are_unreadable_without_the_key(state_db: Engine) -> None:
    key = Fernet.generate_key().decode()
    sealed = connect(state_db.url.render_as_string(hide_password=False), key, company="main")
    keep(sealed)
    assert EMAIL not in everything(state_db)
    with transaction(sealed) as session:
        letter = session.scalars(select(DeadLetter)).one()
        assert (letter.raw, letter.value) == ({"email": EMAIL}, EMAIL)
        record = session.scalars(select(SourceRecord)).one()
        assert record.canonical is not None
        assert record.canonical["email"] == EMAIL
    with pytest.raises(ConfigurationError, match="LB-CFG-021"), transaction(state_db) as session:
        session.scalars(select(DeadLetter)).one()


def test_what_was_kept_before_there_was_a_key_stays_readable(state_db: Engine) -> None:
    keep(state_db)
    sealed = connect(state_db.url.render_as_string(hide_password=False), Fernet.generate_key().decode(), company="main")
    with transaction(sealed) as session:
        assert session.scalars(select(DeadLetter)).one().raw == {"email": EMAIL}


def test_a_new_key_goes_before_the_old_one() -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    kept = Sealer(old).seal(b"payload")
    assert Sealer(f"{new},{old}").open(kept) == b"payload"
    with pytest.raises(ConfigurationError, match="LB-CFG-021"):
        Sealer(new).open(kept)
    with pytest.raises(ConfigurationError, match="LB-CFG-020"):
        Sealer("no key")


def test_staged_batches_are_unreadable_without_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY", Fernet.generate_key().decode())
    records = [RawRecord(KEY, "v1", datetime(2026, 3, 2, tzinfo=UTC), {"email": EMAIL})]
    uri = f"file://{tmp_path}/batch"
    batch = write_raw(uri, raw_table(records))
    assert write_raw(uri, raw_table(records)) == batch
    (file,) = (tmp_path / "batch").iterdir()
    assert b"PAR1" not in file.read_bytes()
    assert read_raw(batch) == records
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY", "")
    with pytest.raises(ConfigurationError, match="LB-STG-003"):
        read_raw(batch)


def test_old_payloads_go_and_the_chain_stays_whole(state_db: Engine) -> None:
    keep(state_db)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with transaction(state_db) as session:
        assert purge_payloads(session, tomorrow).letters == 0  # open: somebody still has to mend it
        close_letters(session, ACTOR, [KEY])
    with transaction(state_db) as session:
        purged = purge_payloads(session, tomorrow)
        tell_purged(session, tomorrow, purged, [], "olga")
    assert (purged.letters, purged.headers) == (1, 0)  # the header went with the first one
    assert EMAIL not in everything(state_db)
    with transaction(state_db) as session:
        assert verify(session).broken is None
        record = session.scalars(select(SourceRecord)).one()
        assert record.canonical == {"record_key": KEY, "total": "1.00", "chain_key": KEY}
        told = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert told is not None
        assert (told.action, told.details["by"]) == ("purged", "olga")


def test_batches_that_something_waits_in_are_kept(state_db: Engine, tmp_path: Path) -> None:
    keep(state_db)
    for leg in ("order", "invoice"):
        write_raw(f"file://{tmp_path}/{leg}/extract", raw_table([]))
    with transaction(state_db) as session:
        uris = [f"file://{tmp_path}/{leg}/extract" for leg in ("order", "invoice")]
        append(session, ACTOR, [Change("batch-extract", "e", "batch:1", details={"uri": uri}) for uri in uris])
        session.execute(update(SourceRecord).values(batch_uri=uris[0], outcome="waiting"))
    with transaction(state_db) as session:
        folders = old_batches(session, datetime.now(UTC) + timedelta(days=1))
    assert remove_batches(folders) == [f"file://{tmp_path}/invoice"]
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == ["order"]


def test_purge_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    key = Fernet.generate_key().decode()
    monkeypatch.setenv(PAYLOAD_KEY, key)
    url = f"sqlite:///{tmp_path / 'state.db'}"
    engine = connect(url, key, company="main")
    migrate(engine)
    keep(engine)
    with transaction(engine) as session:
        close_letters(session, ACTOR, [KEY])
    assert main(["--state", url, "purge", "--older-than", "0d"]) == 0
    assert capsys.readouterr().out.endswith(": 0 batches, 1 dead letters, 1 headers\n")
    assert main(["--state", url, "purge", "--older-than", "soon"]) == 2
