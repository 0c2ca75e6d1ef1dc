"""
The same orders undisturbed: ``python -m tests.chaos.undisturbed SEED ORDERS FOLDER`` leaves their books in a file.

A process of its own, because that play sets its connections in the environment; it stays until it is stopped.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from demo.airflow_home import CHECKOUT
from demo.books import read_result
from demo.ending import end_by_signals
from demo.ports import free_port
from demo.services import Service, Services
from demo.stack import Stack, start_sandboxes
from sandbox.places import SYSTEMS
from sandbox.player import Player, opening_of
from tests.chaos.ledgers import Books, read_books
from tests.chaos.run import orders_of
from tests.flows.in_process import open_office

__all__ = ["undisturbed_beside"]

BOOKS = "books"
MOST_SECONDS = 3_600.0


@contextmanager
def undisturbed_beside(seed: int, orders: int, folder: Path) -> Iterator[Callable[[], Books]]:
    """
    Let it play beside the block.

    :returns: what waits for the books it leaves; raises ``ServiceDied`` with the end of its log when there are none.
    """
    command = [sys.executable, "-m", "tests.chaos.undisturbed", str(seed), str(orders), str(folder)]
    with Services(folder / "logs", CHECKOUT) as services:
        services.start(Service("undisturbed", command, os.environ))

        def wait() -> Books:
            there = (folder / BOOKS).exists
            services.wait_until(there, what="the books of the undisturbed orders", timeout_seconds=MOST_SECONDS)
            books: Books = pickle.loads((folder / BOOKS).read_bytes())
            return books

        yield wait


def _books(seed: int, count: int, folder: Path) -> Books:
    """The books the orders leave when nothing goes wrong."""
    file = orders_of(seed, count)
    ports = {system: free_port() for system in SYSTEMS}
    stack = Stack.describe(
        home=folder / "airflow",
        folder=folder / "demo",
        company=file["company"],
        airflow_port=free_port(),
        sandbox_ports=ports,
    )
    with stack.services:
        start_sandboxes(stack.services, ports, stack.folder / "sandbox")
        with Player(stack.addresses) as player:
            player.seed(file["company"], opening_of(file))
            with open_office(file, stack, player, folder) as office:
                office.play()
                return read_books(player, read_result(file, player, office.state))


def main() -> None:
    """Play, tell, and wait for the end."""
    seed, orders, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    end_by_signals()
    with suppress(KeyboardInterrupt):
        written = folder / f"{BOOKS}.new"
        written.write_bytes(pickle.dumps(_books(seed, orders, folder)))
        written.rename(folder / BOOKS)
        signal.pause()


if __name__ == "__main__":
    main()
