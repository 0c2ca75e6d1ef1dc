"""Faults to order: a lost answer before or after the commit, an error status, a slow or a malformed answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.store import Store

__all__ = ["Fault", "FaultKind", "Faults"]

FaultKind = Literal["lost_after_commit", "lost_before_commit", "malformed", "slow", "status"]


@dataclass(frozen=True)
class Fault:
    """
    What goes wrong with a call.

    :param method: which calls; empty for all.
    :param path: what the address below ``/api.xro/2.0/`` starts with; empty for all.
    :param status: of kind ``status``.
    :param seconds: of kind ``slow``.
    :param times: how many calls it meets.
    """

    kind: FaultKind
    method: str = ""
    path: str = ""
    status: int = 500
    seconds: float = 0
    times: int = 1


class Faults:
    """The faults that wait for their call, shared by all processes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, fault: Fault) -> None:
        """Order a fault."""
        with self._store.write() as connection:
            connection.execute(
                "INSERT INTO fault (kind, method, path, status, seconds, remaining) VALUES (?, ?, ?, ?, ?, ?)",
                (fault.kind, fault.method, fault.path, fault.status, fault.seconds, fault.times),
            )

    def clear(self) -> None:
        """Forget the faults that have not happened."""
        with self._store.write() as connection:
            connection.execute("DELETE FROM fault")

    def take(self, method: str, path: str) -> Fault | None:
        """The fault this call meets, counted as happened."""
        if self._store.connection.execute("SELECT 1 FROM fault LIMIT 1").fetchone() is None:
            return None
        with self._store.write() as connection:
            row = connection.execute(
                "SELECT * FROM fault WHERE method IN ('', ?) AND substr(?, 1, length(path)) = path "
                "ORDER BY position LIMIT 1",
                (method, path),
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE fault SET remaining = remaining - 1 WHERE position = ?", (row["position"],))
            connection.execute("DELETE FROM fault WHERE remaining <= 0")
        return Fault(row["kind"], row["method"], row["path"], row["status"], row["seconds"])
