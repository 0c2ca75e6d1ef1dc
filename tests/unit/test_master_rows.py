"""What systems answered of master data is kept by many tasks at a time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from ledgerbridge.state import transaction
from ledgerbridge.state.master_rows import keep_master_rows, master_rows_since

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def keep(engine: Engine, *keys: str) -> None:
    with transaction(engine) as session:
        keep_master_rows(session, "gp", "item", {key: {"by": keys[0]} for key in keys}, NOON)


def waits(engine: Engine) -> bool:
    with transaction(engine) as session:  # one transaction is told the same again and again
        return bool(session.scalar(WAITING))


def test_two_tasks_that_keep_the_same_answers_wait_for_each_other_and_not_both(state_db: Engine) -> None:
    if state_db.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with ThreadPoolExecutor(1) as another, transaction(state_db) as session:
        keep_master_rows(session, "gp", "item", {"LAMP": {"by": "first"}}, NOON)
        kept = another.submit(keep, state_db, "MUG", "LAMP")
        until = time.monotonic() + 60
        while not waits(state_db) and time.monotonic() < until:
            time.sleep(0.01)
        keep_master_rows(session, "gp", "item", {"MUG": {"by": "first"}}, NOON)
        session.commit()
        kept.result(timeout=60)
    with transaction(state_db) as session:
        found = master_rows_since(session, "gp", "item", ["LAMP", "MUG"], NOON)
    assert {key: row["by"] for key, row in found.items()} == {"LAMP": "MUG", "MUG": "MUG"}
