"""
A backlog of orders that no leg has taken: what `order_to_cash.orders` needs for a batch of it, on a live Airflow.

They are orders of the shop under other names, staged and logged as a reading does it. The memory is what any process of
Airflow held at most, with what it shares with the one that forked it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psutil
from sqlalchemy import Engine, select

from bench.live import live_company
from demo.airflow_home import CHECKOUT
from demo.passes import FlowRunner
from demo.services import Services
from ledgerbridge.audit.records import record_digest
from ledgerbridge.changes import Found, SourceId, append
from ledgerbridge.entities import MAIN, RawRecord
from ledgerbridge.state import transaction
from ledgerbridge.state.models import LoggedChange
from sandbox.orders import make_orders

__all__ = ["measure"]

SIZES = (20_000,)
LARGEST = 1_000_000
LIVED = 20
ENTITY = "shopify.order"
STAGE = "order_to_cash.orders"
FOLDER = CHECKOUT / ".bench" / "backlog"
_IN_A_FILE = 1_000
_LOOK_EVERY = 0.05


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    The first batch of a backlog of 20,000 orders.

    :param everything: also of 1,000,000.
    """
    return [_of(backlog) for backlog in ((*SIZES, LARGEST) if everything else SIZES)]


def _of(backlog: int) -> dict[str, Any]:
    lived = make_orders(LIVED)
    with live_company(FOLDER, lived, [STAGE]) as company:
        company.player.play(lived, 1)
        company.runner.run_once()
        lay_up(company.state, company.stack.airflow.state_folder / "staging", backlog)
        return _batch(company.stack.services, company.runner, backlog)


def lay_up(state: Engine, staging: Path, records: int) -> None:
    """Log so many orders as they would be read: those that are there, under other names. Nothing may run meanwhile."""
    from operators.staging import raw_table, read_raw, remember, standing, write_raw  # brings Airflow's logging along

    with transaction(state) as session:
        known = session.scalars(select(LoggedChange).where(LoggedChange.entity == ENTITY)).all()
        files = {str(each.payload_uri): standing(session, str(each.payload_uri)) for each in known}
    read = [record for file in files.values() for record in read_raw(file)]
    source = SourceId(MAIN, ENTITY, known[0].connection)
    for begun in range(0, records, _IN_A_FILE):
        copies = [_copy(read[number % len(read)], number) for number in range(begun, min(begun + _IN_A_FILE, records))]
        uri = (staging / "changes" / "backlog" / str(begun)).as_uri()
        file = write_raw(uri, raw_table(copies))
        found = [Found(each.key, each.version, each.changed_at, record_digest(each)) for each in copies]
        with transaction(state) as session:
            append(session, source, found, how="backfill", payload_uri=uri)
            remember(session, file)


def _copy(record: RawRecord, number: int) -> RawRecord:
    """An order as another one; its customer is the same."""
    names = {
        record.payload["id"]: f"gid://shopify/Order/{9_000_000_000 + number}",
        record.payload["name"]: f"#B{number}",
    }
    payload = orjson.dumps(record.payload).decode()
    for name, other in names.items():
        payload = payload.replace(f'"{name}"', f'"{other}"')
    key = f"{record.key}~{number}"
    return RawRecord(key, record.version, record.changed_at, orjson.loads(payload))


def _batch(services: Services, runner: FlowRunner, backlog: int) -> dict[str, Any]:
    started = time.monotonic()
    with _watched(services) as most:
        run_id = runner.run_once()
    seconds = time.monotonic() - started
    taken = {task.task_id: task.try_number for task in runner.api.tasks(STAGE, run_id) if task.state == "success"}
    print(
        f"  {backlog:>9,} waiting: a batch in {seconds:6.1f} s, {len(taken)} tasks, of which none held more than"
        f" {most.mib} MiB",
        flush=True,
    )
    return {"backlog": backlog, "seconds": round(seconds, 1), "tasks": len(taken), "most_mib": most.mib}


@dataclass
class _Most:
    """The most that one process held."""

    mib: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def look(self, services: Services) -> None:
        """Look at all processes until told to end."""
        while not self.ended.wait(_LOOK_EVERY):
            for process in services.processes():
                with suppress(psutil.NoSuchProcess):
                    if any("airflow" in part for part in process.cmdline()):
                        self.mib = max(self.mib, process.memory_info().rss >> 20)


@contextmanager
def _watched(services: Services) -> Iterator[_Most]:
    most = _Most()
    watcher = threading.Thread(target=most.look, args=[services])
    watcher.start()
    try:
        yield most
    finally:
        most.ended.set()
        watcher.join()
