"""A payload key is changed in three steps, after which the old one is needed for nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select

from commands.database import AIRFLOW_PAYLOAD_KEY, PAYLOAD_KEY
from commands.main import main
from ledgerbridge.audit import verify
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.dead_letters import write_letters
from ledgerbridge.state.models import AuditEntry, DeadLetter, SourceRecord
from ledgerbridge.state.resealing import reseal_columns
from operators.staging import BatchRef, raw_table, read_raw, read_validations, write_raw, write_validations
from tests.unit.test_privacy import ACTOR, EMAIL, KEY, LETTER, keep

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
RECORDS = [RawRecord(KEY, "v1", datetime(2026, 3, 2, tzinfo=UTC), {"email": EMAIL})]


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__STAGING_URL", f"file://{tmp_path}/staging")
    monkeypatch.setenv(AIRFLOW_PAYLOAD_KEY, "")
    return f"file://{tmp_path}/staging/order_to_cash/run-1"


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def stage(staging: str, leg: str) -> tuple[BatchRef, BatchRef]:
    raw = write_raw(f"{staging}/{leg}/extract", raw_table(RECORDS))
    return raw, write_validations(f"{staging}/{leg}/gate", [{"part": leg, "result": {"email": EMAIL}}])


def file_of(raw: BatchRef) -> str:
    return f"{raw.uri}/raw.{raw.sha256}.parquet"


def test_old_key_is_taken_away_and_everything_is_read(
    state_db: Engine, staging: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = url_of(state_db)
    plain = replace(LETTER, source_key="plain", record_key="plain", value="sealed:Ltd", raw={"email": "sealed:Ltd"})
    with transaction(state_db) as session:
        write_letters(session, ACTOR, [plain])  # before there was a key
    staged = [stage(staging, "customer")]
    keep(connect(url, OLD, company="main"))
    monkeypatch.setenv(AIRFLOW_PAYLOAD_KEY, OLD)
    staged.append(stage(staging, "order"))

    monkeypatch.setenv(PAYLOAD_KEY, f"{NEW},{OLD}")
    assert main(["--state", url, "reseal", "--by", "olga"]) == 0
    told = capsys.readouterr().out
    assert "dead_letter: 2 seen, 2 of the last 2 encrypted anew\n" in told
    assert "source_record: 1 seen, 1 of the last 1 encrypted anew\n" in told
    assert told.endswith(
        "staged batches: 4 seen, 4 of the last 4 encrypted anew\n"
        "names in source_record: 1 of the last 1 hashed anew\nnames in link_end: 0 of the last 0 hashed anew\n"
        "7 encrypted anew, 0 that no key opens\n"
    )

    monkeypatch.setenv(AIRFLOW_PAYLOAD_KEY, NEW)
    with transaction(connect(url, NEW, company="main")) as session:
        letters = {letter.source_key: letter for letter in session.scalars(select(DeadLetter))}
        assert {key: (each.value, each.raw) for key, each in letters.items()} == {
            "plain": ("sealed:Ltd", {"email": "sealed:Ltd"}),
            KEY: (EMAIL, {"email": EMAIL}),
        }
        record = session.scalars(select(SourceRecord)).one()
        assert record.canonical is not None
        assert record.canonical["email"] == EMAIL
        assert verify(session).broken is None
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert last is not None
        assert (last.action, last.details) == ("resealed", {"renewed": 7, "unreadable": 0, "by": "olga"})
    for raw, validations in staged:
        assert read_raw(raw) == RECORDS
        assert read_validations(validations)[0]["result"] == {"email": EMAIL}
    for key in (OLD, ""):
        with (
            pytest.raises(ConfigurationError, match="LB-CFG-021"),
            transaction(connect(url, key, company="main")) as session,
        ):
            session.scalars(select(DeadLetter)).all()


def test_what_was_broken_off_goes_on_where_it_was(
    state_db: Engine, staging: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = url_of(state_db)
    letters = [replace(LETTER, source_key=str(number), record_key=str(number)) for number in range(700)]
    with transaction(connect(url, OLD, company="main")) as session:
        write_letters(session, ACTOR, letters)
    monkeypatch.setenv(AIRFLOW_PAYLOAD_KEY, OLD)
    raw, _ = stage(staging, "order")
    half_written = Path(f"{file_of(raw).removeprefix('file://')}.resealed")
    half_written.write_bytes(b"sealed:")
    broken_off = reseal_columns(connect(url, f"{NEW},{OLD}", company="main"))
    assert next(each.renewed for each in broken_off if each.place == "dead_letter") == 500
    broken_off.close()

    monkeypatch.setenv(PAYLOAD_KEY, f"{NEW},{OLD}")
    assert main(["--state", url, "reseal"]) == 0
    assert "dead_letter: 700 seen, 200 of the last 200 encrypted anew\n" in capsys.readouterr().out
    assert not half_written.exists()
    assert main(["--state", url, "reseal"]) == 0
    assert capsys.readouterr().out.endswith("\n0 encrypted anew, 0 that no key opens\n")
    with transaction(connect(url, NEW, company="main")) as session:
        assert {letter.value for letter in session.scalars(select(DeadLetter))} == {EMAIL}


def test_what_no_key_opens_is_named_and_stops_nothing(
    state_db: Engine, staging: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = url_of(state_db)
    with transaction(connect(url, Fernet.generate_key().decode(), company="main")) as session:
        write_letters(session, ACTOR, [LETTER])
    monkeypatch.setenv(AIRFLOW_PAYLOAD_KEY, OLD)
    raw, _ = stage(staging, "order")
    monkeypatch.setenv(PAYLOAD_KEY, NEW)
    assert main(["--state", url, "reseal"]) == 1
    told = capsys.readouterr().out
    with transaction(state_db) as session:
        (letter_id,) = session.scalars(select(DeadLetter.id)).all()
    assert f"no key opens dead_letter {letter_id}\n" in told
    assert f"no key opens {file_of(raw)}\n" in told
    assert "\n0 encrypted anew, 3 that no key opens\n" in told


def test_without_a_key_there_is_nothing_to_encrypt_by(
    state_db: Engine, staging: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PAYLOAD_KEY, "")
    assert main(["--state", url_of(state_db), "reseal"]) == 2
    assert "LB-CFG-023" in capsys.readouterr().err
