"""A system whose records lie in this process, for what is asked of a source: it is registered like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ledgerbridge.entities import RawRecord, Source, Window

__all__ = ["NOON", "MemoryHook", "MemorySource"]

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
        changed = [each for each in self.records.values() if window.since is None or each.changed_at >= window.since]
        return sorted((each for each in changed if each.key > last), key=lambda each: each.key)[: self.page_size]


class MemoryHook:
    """The hook of all connections to the system; ``sources`` is what each of them reads."""

    sources: dict[str, MemorySource] = {}  # noqa: RUF012 - a hook is made anew by each task

    def __init__(self, connection: str) -> None:
        self._connection = connection

    def entity(self, name: str) -> MemorySource:
        """The one source of the connection."""
        return self.sources[self._connection]
