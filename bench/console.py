"""
How long the console's API takes to answer over 100,000 dead letters, each with a record of 1.5 kB, on SQLite and,
where it is installed, on PostgreSQL.

Asked in this process by FastAPI's own client: what Airflow's server and the network add is not in it.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, insert

from demo.postgres_cluster import PostgresCluster, postgres_binaries
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.models import DeadLetter

__all__ = ["measure"]

LETTERS = 100_000
ROUNDS = 7
_FIELDS = {
    "order": ("sku", "customer_key", "tax"),
    "invoice": ("account", "item"),
    "payment": ("gateway",),
    "customer": ("name", "email"),
}
_BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
_AT_ONCE = 5_000
QUESTIONS = {
    "who looks": "me",
    "first page": "letters",
    "page in the middle": "letters?offset=50000",
    "last page": "letters?offset=99900",
    "newest": "letters?order=newest",
    "most money": "letters?order=amount",
    "most money, in the middle": "letters?order=amount&offset=50000",
    "one cause": "letters?leg=order&code=LB-MAP-003&field=sku",
    "by cause": "causes",
    "one letter": f"letters/{4711:024x}",
}


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    Median and longest milliseconds of an answer.

    :param everything: there is nothing larger.
    """
    found = []
    with TemporaryDirectory() as folder:
        found += _measured(f"sqlite:///{Path(folder) / 'state.db'}")
    binaries = postgres_binaries()
    if binaries is not None:
        cluster = PostgresCluster(binaries)
        try:
            found += _measured(cluster.new_database())
        finally:
            cluster.stop()
    return found


def _measured(url: str) -> list[dict[str, Any]]:
    engine = connect(url)
    migrate(engine)
    with transaction(engine) as session:
        for rows in _letters():
            session.execute(insert(DeadLetter), rows)
    _settle(engine)
    found = []
    for asked, milliseconds in _answers(url):
        took = {"median_ms": round(statistics.median(milliseconds)), "longest_ms": round(max(milliseconds))}
        found.append({"database": engine.dialect.name, "asked": asked, **took})
        print(
            f"  {engine.dialect.name:10} {asked:26} {took['median_ms']:5} ms, longest {took['longest_ms']}", flush=True
        )
    engine.dispose()
    return found


def _letters() -> Iterator[list[dict[str, Any]]]:
    dice = random.Random(1)
    record = {"name": "Harbor Light", "note": "n" * 1_450}
    for first in range(0, LETTERS, _AT_ONCE):
        yield [_letter(dice, number, record) for number in range(first, first + _AT_ONCE)]


def _letter(dice: random.Random, number: int, record: dict[str, Any]) -> dict[str, Any]:
    leg = dice.choice(list(_FIELDS))
    key = f"shopify:us:order:{number}"
    return {
        "id": f"{number:024x}", "company": "main", "flow": "order_to_cash", "leg": leg, "step": "map",
        "source_key": key, "record_key": key, "label": f"#{number}", "code": f"LB-MAP-00{dice.randint(1, 9)}",
        "field": dice.choice(_FIELDS[leg]), "value": "MUGG", "message": '"MUGG" is not known', "remedy": "Create it.",
        "raw": record, "run_id": "run-1", "state": "open", "created_at": _BEGAN + timedelta(seconds=number),
        "version": "v1", "currency": "USD", "money": dice.randint(100_000, 900_000_000),
    }  # fmt: skip


def _settle(engine: Engine) -> None:
    """As a database is that its own housekeeping has visited since."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE dead_letter")
    else:
        migrate(engine)


def _answers(url: str) -> Iterator[tuple[str, list[float]]]:
    os.environ["AIRFLOW_CONN_LEDGERBRIDGE_DB"] = json.dumps({"conn_type": "generic", "extra": {"url": url}})
    os.environ["AIRFLOW__API__SECRET_KEY"] = "of this bench"
    # Airflow's server takes seconds to import, and reads its settings then
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi.testclient import TestClient

    from pages.console.app import app

    create_auth_manager()
    user = SimpleAuthManagerUser(username="olga", role="op")
    app.dependency_overrides[get_user] = lambda: user
    client = TestClient(app, base_url="http://bench")
    for asked, path in QUESTIONS.items():
        milliseconds = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            client.get(f"/api/{path}").raise_for_status()
            milliseconds.append((time.perf_counter() - began) * 1000)
        yield asked, milliseconds
    app.dependency_overrides.clear()
