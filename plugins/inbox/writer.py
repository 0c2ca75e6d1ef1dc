"""Writing announcements into the change log, those that come together in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Engine

from ledgerbridge.changes import Announced, SourceId, announce
from ledgerbridge.state import transaction

__all__ = ["Told", "Writer"]

Told = Mapping[SourceId, Sequence[Announced]]
"""What one delivery says has changed, by source."""


class Writer:
    """
    One transaction at a time: what comes while one is under way waits for the next, which takes all of it.

    :param engine: gives the state database.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        self._waiting: list[tuple[Told, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, told: Told) -> None:
        """
        Return when it is in the log.

        :raises LedgerbridgeError, SQLAlchemyError: it can't be written now.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((told, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._write, [told for told, _ in batch])
            except Exception as error:  # whatever it is, each of them is to hear of it
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)

    def _write(self, batch: Sequence[Told]) -> None:
        by_source: dict[SourceId, list[Announced]] = {}
        for told in batch:
            for source, announced in told.items():
                by_source.setdefault(source, []).extend(announced)
        with transaction(self._engine()) as session:
            for source in sorted(by_source):  # one order of locks, whoever else writes
                announce(session, source, by_source[source])
