"""A system whose records lie in this process, for what is asked of a source: it is registered like any other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from added_system import add_system
from sqlalchemy import Engine

from ledgerbridge.entities import RawRecord, Source, Window

__all__ = ["NOON", "MemoryHook", "MemorySource", "register"]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class MemorySource(Source):
    """Records by key, given in order of their keys as GP gives them, some a page; people write while it is read."""

    records: dict[str, RawRecord] = field(default_factory=dict)
    now: datetime = NOON
    page_size: int = 2
    after_page: Callable[[int], None] = lambda number: None
    read_since: list[datetime | None] = field(default_factory=list)

    def write(self, key: str, version: str, *, at: datetime | None = None) -> None:
        """A record as it is from now on, stamped with the time of now unless told otherwise."""
        self.records[key] = RawRecord(key, version, at or self.now, {"name": key, "version": version})

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """Pages by key: what is written behind the last key given is not in them."""
        self.read_since.append(window.since)
        last, number = "", 0
        while page := self._behind(last, window):
            yield page
            last, number = page[-1].key, number + 1
            self.after_page(number)

    def clock(self) -> datetime:
        """The time, which a test moves."""
        return self.now

    def wait(self, **spans: float) -> None:
        """Let time go by."""
        self.now += timedelta(**spans)

    def _behind(self, last: str, window: Window) -> list[RawRecord]:
        since, until = (
            window.since or datetime.min.replace(tzinfo=UTC),
            window.until or datetime.max.replace(tzinfo=UTC),
        )
        changed = [each for each in self.records.values() if since <= each.changed_at <= until]
        return sorted((each for each in changed if each.key > last), key=lambda each: each.key)[: self.page_size]


class MemoryHook:
    """The hook of all connections to the system; ``sources`` is what each of them reads."""

    sources: dict[str, MemorySource] = {}  # noqa: RUF012 - a hook is made anew by each task

    def __init__(self, connection: str) -> None:
        self._connection = connection

    def entity(self, name: str) -> MemorySource:
        """The one source of the connection."""
        return self.sources[self._connection]


def register(
    sources: dict[str, MemorySource], state: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, company: str = ""
) -> None:
    """
    A company with a system for each source, of one connection, both of its name; state folder and files in ``folder``.

    :param company: more lines of its file.
    """
    connections = ", ".join(f"{name}: [{name}]" for name in sources)
    (folder / "companies").mkdir(exist_ok=True)
    (folder / "companies" / "main.yaml").write_text(
        "name: Somebody\nbase_currency: USD\ntime_zone: UTC\naccounts: []\ngateways: []\n"
        f"connections: {{{connections}}}\n{company}"
    )
    url = state.url.render_as_string(hide_password=False)
    monkeypatch.setenv("AIRFLOW_CONN_LEDGERBRIDGE_DB", json.dumps({"conn_type": "generic", "extra": {"url": url}}))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__COMPANIES_FOLDER", str(folder / "companies"))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__STATE_FOLDER", str(folder))
    for name in sources:
        system = f'SYSTEM = System("{name}", "memory_system:MemoryHook", "memory_system:ENTITIES", forms=())'
        add_system(folder, monkeypatch, name, f"{system}\n")
    monkeypatch.setattr(MemoryHook, "sources", sources)
