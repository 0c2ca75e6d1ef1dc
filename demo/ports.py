"""The ports of a run, each with the name of who listens there; a busy one is found before anything starts."""

from __future__ import annotations

import random
import socket
from contextlib import closing

import psutil

__all__ = ["PortInUse", "check_free", "free_port"]

_FIRST_PORT, _LAST_PORT = 15000, 32000


class PortInUse(RuntimeError):
    """Somebody else listens on ports we need; names each, its owner, and the remedy."""

    def __init__(self, busy: dict[str, int]) -> None:
        owners = "\n".join(f"  {name}: port {port} is in use{_owner(port)}" for name, port in busy.items())
        super().__init__(
            f"Can't start, ports are taken:\n{owners}\n"
            "Remedy: stop the other run (Ctrl-C where it was started, or `kill` the process named above), "
            "or choose other ports: make demo AIRFLOW_PORT=8090 SANDBOX_PORT=8810"
        )
        self.busy = busy


def check_free(ports: dict[str, int]) -> None:
    """
    Do nothing when all ports can be listened on.

    :param ports: port by the name of who wants it.
    :raises PortInUse: some can't.
    """
    busy = {name: port for name, port in ports.items() if not _is_free(port)}
    if busy:
        raise PortInUse(busy)


def free_port() -> int:
    """
    A port nobody listens on now.

    Below those the kernel gives to outgoing connections: one of them would have it before the server does.
    """
    for _ in range(1000):
        port = random.SystemRandom().randrange(_FIRST_PORT, _LAST_PORT)
        if _is_free(port):
            return port
    raise OSError(f"no port from {_FIRST_PORT} to {_LAST_PORT} is free")


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        # What was closed a moment ago lingers in TIME_WAIT and is free for a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _owner(port: int) -> str:
    try:
        listening = [c for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        process = psutil.Process(next(c.pid for c in listening if c.pid and tuple(c.laddr)[1:2] == (port,)))
        command = " ".join(" ".join(process.cmdline()).split())
        return f" by process {process.pid} ({command[:80] or process.name()})"
    except (psutil.Error, StopIteration):
        return ""
