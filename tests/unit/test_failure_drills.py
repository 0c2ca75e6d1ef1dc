"""A state database or disk that is damaged, full, locked or away: a code, a remedy, the right class, nothing lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import RetryAction
from sqlalchemy import Connection, Engine, event, func, select, text

from demo.postgres_cluster import PostgresCluster, postgres_binaries
from ledgerbridge.audit import Actor, Change, append, verify
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, StoreUnavailable
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.models import AuditEntry
from operators.retries import ByErrorClass
from operators.staging import raw_table, read_raw, write_raw
from tests.small_disk import fill, small_disk
from tests.unit.test_staging import RECORDS

ACTOR = Actor("order_to_cash", "order", "run-1", "order.load")
LEDGERBRIDGE = Path(sys.executable).parent / "ledgerbridge"


def look(engine: Engine) -> int:
    with transaction(engine) as session:
        return session.scalar(select(func.count()).select_from(AuditEntry)) or 0


def tell(engine: Engine, number: int = 0, *, details: str = "") -> None:
    with transaction(engine) as session:
        append(session, ACTOR, [Change("window-read", "shopify.order", f"order:{number}", details={"text": details})])


def next_step(error: LedgerbridgeError) -> RetryAction:
    """What becomes of a task that ends with it."""
    return ByErrorClass().evaluate(error, 1, 3).action


def command(url: str) -> subprocess.CompletedProcess[str]:
    arguments = [str(LEDGERBRIDGE), "--state", url, "dead-letters", "list"]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def spoil(file: Path) -> None:
    """Overwrite the beginning of every page but the first."""
    content = bytearray(file.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 200] = b"\xa5" * 200
    file.write_bytes(content)


def _tell_until_full(engine: Engine) -> None:
    for number in range(2, 200):
        tell(engine, number, details="x" * 10_000)


def _halt_amid_a_transaction(engine: Engine, server: PostgresCluster) -> None:
    with transaction(engine) as session:
        append(session, ACTOR, [Change("delivered", "gp.sales_order", "order:1")])
        server.halt()


@pytest.mark.parametrize("damage", ["no database", "spoilt pages", "cut"])
def test_a_damaged_sqlite_file_is_said_to_be_damaged_and_left_as_it_is(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "state.db"
    url = f"sqlite:///{file}"
    engine = connect(url)
    migrate(engine)
    tell(engine)
    engine.dispose()
    if damage == "no database":
        file.write_bytes(b"minutes of the meeting\n" * 400)
    elif damage == "cut":
        os.truncate(file, file.stat().st_size // 3)
    else:
        spoil(file)
    kept = file.read_bytes()
    with pytest.raises(ConfigurationError, match=r"LB-STA-001 .*state\.db is damaged .*backup") as caught:
        tell(connect(url))
    assert next_step(caught.value) == RetryAction.FAIL
    ran = command(url)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("LB-STA-001 the state database ")
    assert ran.stderr.count("\n") == 1
    assert file.read_bytes() == kept


def test_a_database_kept_locked_is_waited_for_and_then_tried_again(state_db: Engine) -> None:
    impatient = connect(state_db.url.render_as_string(hide_password=False))
    patience: list[Any] = []

    @event.listens_for(impatient, "connect")
    def _shorten_for_sqlite(connection: Any, _: object) -> None:
        if impatient.dialect.name == "sqlite":
            patience.extend(connection.execute("PRAGMA busy_timeout").fetchone())
            connection.execute("PRAGMA busy_timeout=50")

    @event.listens_for(impatient, "begin")
    def _shorten_for_postgresql(connection: Connection) -> None:
        if impatient.dialect.name == "postgresql":
            patience.append(connection.exec_driver_sql("SHOW lock_timeout").scalar())
            connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")

    with state_db.begin() as holder:
        holder.execute(text("DELETE FROM circuit"))
        if state_db.dialect.name == "postgresql":
            holder.execute(text("LOCK TABLE audit_entry"))
        with pytest.raises(StoreUnavailable, match="LB-STA-003") as caught:
            tell(impatient)
    assert patience in ([60_000], ["1min"])  # a longer lock ends here, a shorter one is waited for
    assert next_step(caught.value) == RetryAction.RETRY
    tell(impatient)
    assert look(state_db) == 1


def test_a_command_that_meets_a_lock_says_so_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    migrate(connect(f"sqlite:///{file}"))
    with sqlite3.connect(file, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        ran = command(f"sqlite:///{file}?timeout=0.05")
    assert ran.returncode == 2
    assert ran.stderr.startswith("LB-STA-003 ")
    assert ran.stderr.count("\n") == 1


def test_on_a_full_disk_a_transaction_is_taken_back_and_goes_through_once_there_is_room(disk: Path) -> None:
    engine = connect(f"sqlite:///{disk / 'state.db'}")
    migrate(engine)
    tell(engine, 1)
    filler = fill(disk)
    with pytest.raises(StoreUnavailable, match=r"LB-STA-00[27] .*Nothing was lost") as caught:
        _tell_until_full(engine)
    assert next_step(caught.value) == RetryAction.RETRY
    filler.unlink()
    written = look(engine)
    tell(engine, 200)
    with transaction(engine) as session:
        assert verify(session).broken is None
    assert look(engine) == written + 1


def test_on_a_full_disk_nothing_is_staged_and_all_is_once_there_is_room(disk: Path) -> None:
    uri = f"file://{disk}/extract"
    before = write_raw(uri, raw_table(RECORDS[:1]))
    filler = fill(disk)
    with pytest.raises(StoreUnavailable, match=r"LB-STG-005 .*no space is left") as caught:
        write_raw(uri, raw_table(RECORDS))
    assert next_step(caught.value) == RetryAction.RETRY
    assert "ledgerbridge purge" in caught.value.remedy
    assert read_raw(before) == RECORDS[:1]
    filler.unlink()
    assert read_raw(write_raw(uri, raw_table(RECORDS))) == RECORDS


def test_a_file_that_may_not_grow_is_no_space(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from operators.staging import raw_table, write_raw\n"
        "from tests.unit.test_staging import RECORDS\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "write_raw(sys.argv[1], raw_table(RECORDS))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, f"file://{tmp_path}/extract"], capture_output=True, text=True, check=False
    )
    assert ran.stderr.strip().splitlines()[-1].startswith("ledgerbridge.errors.StoreUnavailable: LB-STG-005 ")


def test_a_state_database_that_was_never_migrated_names_the_command(state_url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"LB-STA-006 .*ledgerbridge migrate"):
        look(connect(state_url))


def test_a_folder_that_can_t_be_made_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = command(f"sqlite:///{tmp_path}/file/state.db")
    assert (ran.returncode, ran.stderr.split()[0], ran.stderr.count("\n")) == (2, "LB-STA-004", 1)


def test_a_second_row_with_one_key_stays_an_error_of_the_code_that_made_it(state_db: Engine) -> None:
    insert = text("INSERT INTO circuit (connection, failures, updated_at) VALUES ('x', 0, '2026-03-02 12:00:00')")
    with transaction(state_db) as session:
        session.execute(insert)
    with pytest.raises(Exception, match=r"(?i)unique") as caught, transaction(state_db) as session:
        session.execute(insert)
    assert type(caught.value).__name__ == "IntegrityError"


@pytest.fixture
def server(state_db_kind: str) -> Iterator[PostgresCluster]:
    """A PostgreSQL that a test may halt."""
    binaries = postgres_binaries()
    if state_db_kind != "postgres" or binaries is None:
        pytest.skip("about PostgreSQL")
    cluster = PostgresCluster(binaries)
    yield cluster
    cluster.start()
    cluster.stop()


def test_a_server_that_goes_away_and_comes_back_loses_nothing(server: PostgresCluster) -> None:
    engine = connect(server.new_database())
    migrate(engine)
    with pytest.raises(StoreUnavailable, match="LB-STA-005") as caught:
        _halt_amid_a_transaction(engine, server)
    assert next_step(caught.value) == RetryAction.RETRY
    with pytest.raises(StoreUnavailable, match="LB-STA-005"):
        tell(engine)
    server.start()
    tell(engine)
    assert look(engine) == 1
    server.halt()


@pytest.mark.parametrize(
    ("condition", "code", "action"),
    [
        ("disk_full", "LB-STA-002", RetryAction.RETRY),
        ("data_corrupted", "LB-STA-001", RetryAction.FAIL),
        ("index_corrupted", "LB-STA-001", RetryAction.FAIL),
        ("io_error", "LB-STA-007", RetryAction.RETRY),
        ("deadlock_detected", "LB-STA-003", RetryAction.RETRY),
        ("too_many_connections", "LB-STA-005", RetryAction.RETRY),
        ("read_only_sql_transaction", "LB-STA-005", RetryAction.RETRY),
        ("insufficient_privilege", "LB-STA-004", RetryAction.FAIL),
    ],
)
def test_what_postgresql_says_by_its_condition_is_told_by_what_to_do(
    state_db: Engine, condition: str, code: str, action: RetryAction
) -> None:
    if state_db.dialect.name != "postgresql":
        pytest.skip("about PostgreSQL")
    raised = text(f"DO $$ BEGIN RAISE {condition}; END $$")
    with pytest.raises(LedgerbridgeError, match=code) as caught, transaction(state_db) as session:
        session.execute(raised)
    assert next_step(caught.value) == action
