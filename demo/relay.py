"""A way from one machine to another that can be cut: what is sent meanwhile stays on the way, as TCP keeps it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from demo.ports import free_port

__all__ = ["Relay", "cut"]

_AT_A_TIME = 65536


class Relay:
    """
    Listens on a port of this machine and passes on to another one, until the block ends.

    While it is cut nothing gets through and nobody is told: connections stay open, new ones get no answer. What was
    sent arrives when it is whole again.

    :param port: where it leads.
    """

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self._leads_to = port
        self._loop = asyncio.new_event_loop()
        self._whole = asyncio.Event()
        self._whole.set()
        self._thread = threading.Thread(target=self._run, name=f"relay to {port}", daemon=True)

    def __enter__(self) -> Relay:
        self._server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self.port))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def cut(self) -> None:
        """Let nothing through from now on."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self) -> None:
        """Let it through again, first what waited."""
        self._loop.call_soon_threadsafe(self._whole.set)

    def _run(self) -> None:
        self._loop.run_forever()
        self._server.close()
        under_way = asyncio.all_tasks(self._loop)
        for task in under_way:
            task.cancel()
        if under_way:
            self._loop.run_until_complete(asyncio.wait(under_way))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            there = await asyncio.open_connection("127.0.0.1", self._leads_to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while some := await reader.read(_AT_A_TIME):
                await self._whole.wait()
                writer.write(some)
                await writer.drain()
        writer.close()


@contextmanager
def cut(*relays: Relay) -> Iterator[None]:
    """Cut these ways for the block."""
    for relay in relays:
        relay.cut()
    try:
        yield
    finally:
        for relay in relays:
            relay.mend()
