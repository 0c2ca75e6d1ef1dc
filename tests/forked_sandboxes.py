"""
The simulated systems as processes of their own that begin as copies of one which has read their modules.

Nearly each module of the flows' tests has systems with nothing in them; reading Python's modules for four of them takes
longer than most of what they are asked.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from sandbox.cli import main
from sandbox.places import SERVED, Addresses

__all__ = ["forked_sandboxes"]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, *(f"sandbox.{system}.app" for system in SERVED)])
_START_SECONDS = 120
_END_SECONDS = 6


@contextmanager
def forked_sandboxes(ports: Mapping[str, int], folder: Path) -> Iterator[Addresses]:
    """
    The systems that have a port, as ``sandbox serve`` runs them, while the context is open.

    :param folder: takes the data of each, and what it tells.
    """
    running = {
        system: _FORKS.Process(target=_serve, args=(system, port, folder), daemon=True)
        for system, port in ports.items()
    }
    for each in running.values():
        each.start()
    addresses = Addresses.on_ports(dict(ports))
    try:
        for system, each in running.items():
            _wait_for(addresses.of(system), each, folder / f"{system}.log")
        yield addresses
    finally:
        for each in running.values():
            each.terminate()
        for each in running.values():
            each.join(_END_SECONDS)
            each.kill()


def _serve(system: str, port: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{system}.log").open("ab") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
    main(["serve", system, "--port", str(port), "--data", str(folder / system)])


def _wait_for(address: str, process: multiprocessing.process.BaseProcess, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        assert process.is_alive(), log.read_text()[-2000:]
        try:
            httpx.get(f"{address}/_sandbox/health").raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.02)
    raise AssertionError(f"no answer from {address} within {_START_SECONDS} s: {log.read_text()[-2000:]}")
