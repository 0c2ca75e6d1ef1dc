"""Faults to order: what goes wrong between a client and a system although both are right."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from typing import Any, Literal, get_args

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from sandbox.store import Store

__all__ = [
    "FAULT_TABLE",
    "KINDS",
    "Fault",
    "Faults",
    "NoSuchFault",
    "OrderedFault",
    "Refuse",
    "answer_in",
    "fault_routes",
]

FAULT_TABLE = """
CREATE TABLE IF NOT EXISTS ordered_fault (
    position INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL, contains TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, times INTEGER, met INTEGER NOT NULL DEFAULT 0, happened INTEGER NOT NULL DEFAULT 0
);
"""

Kind = Literal[
    "lost_before_commit",
    "lost_after_commit",
    "reset",
    "malformed",
    "slow",
    "slow_answer",
    "repeated",
    "status",
    "throttled",
    "expired_token",
    "concurrent",
    "sql_timeout",
]
KINDS: tuple[str, ...] = get_args(Kind)
REFUSALS = frozenset({"status", "throttled", "expired_token", "concurrent", "sql_timeout"})
"""Kinds that are an answer of the system's own; the others happen on the line."""


class Fault(BaseModel):
    """What goes wrong with calls of ``method`` whose path begins with ``path`` and whose body has ``contains``."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    method: str = Field("", description="Blank for any.")
    path: str = Field("", description="How the path begins; blank for any.")
    contains: str = Field("", description="What the body contains; blank for any.")
    times: int | None = Field(1, ge=1, description="How often it happens; null until it is deleted.")
    skip: int = Field(0, ge=0, description="So many matching calls pass first.")
    probability: float = Field(1.0, gt=0, le=1, description="Of each matching call after those.")
    seed: int = Field(0, description="The same seed lets the same of the matching calls fail.")
    seconds: float = Field(
        0, ge=0, description="How long the line is held first; of `throttled`, what the answer tells to wait."
    )
    status: int = Field(500, description="Of kind `status`.")
    headers: dict[str, str] = Field({}, description="Of kind `status`, such as `Retry-After`.")
    body: Any = Field(None, description="Of kind `status`: JSON, or text; null for the system's own.")


class OrderedFault(Fault):
    """A fault, and what became of it."""

    met: int = Field(0, description="Matching calls so far.")
    happened: int = Field(0, description="How many of them it befell.")


class NoSuchFault(ValueError):
    """This system has no answer of that kind."""


Refuse = Callable[[Fault], Response]
"""
A system's own answer for a fault of ``REFUSALS``.

:raises NoSuchFault: it has none of that kind.
"""


def answer_in(fault: Fault, otherwise: Any) -> Response:
    """The answer of kind ``status`` in the fault's own words, or in ``otherwise``: JSON, or text as it is."""
    body = otherwise if fault.body is None else fault.body
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/plain" if isinstance(body, str) else "application/json"
    return Response(text, fault.status, fault.headers, kind)


class Faults:
    """
    The faults ordered of one system, for all processes that share its store.

    :param store: holds ``FAULT_TABLE``.
    :param refuse: how this system words a refusal.
    """

    def __init__(self, store: Store, refuse: Refuse) -> None:
        self._store = store
        self.refuse = refuse

    def order(self, fault: Fault) -> None:
        """
        Let a fault wait for its calls.

        :raises NoSuchFault: this system has none of that kind.
        """
        if fault.kind in REFUSALS:
            self.refuse(fault)
        with self._store.write() as connection:
            connection.execute(
                "INSERT INTO ordered_fault (content, contains, method, path, times) VALUES (?, ?, ?, ?, ?)",
                (fault.model_dump_json(), fault.contains, fault.method.upper(), fault.path, fault.times),
            )

    def ordered(self) -> list[OrderedFault]:
        """All faults since they were last forgotten, first ordered first."""
        rows = self._store.connection.execute("SELECT * FROM ordered_fault ORDER BY position")
        counted = [(json.loads(row["content"]), {"met": row["met"], "happened": row["happened"]}) for row in rows]
        return [OrderedFault(**content, **counts) for content, counts in counted]

    def forget(self) -> None:
        """Drop them all."""
        with self._store.write() as connection:
            connection.execute("DELETE FROM ordered_fault")

    def waiting(self) -> bool:
        """Whether any fault still waits for a call."""
        return self._store.connection.execute(f"SELECT 1 {_WAITING} LIMIT 1").fetchone() is not None

    def meet(self, method: str, path: str, body: str) -> Fault | None:
        """The fault that befalls this call, counted as happened: the first ordered of those that match."""
        with self._store.write() as connection:
            rows = connection.execute(
                f"SELECT * {_WAITING} AND method IN ('', ?) AND substr(?, 1, length(path)) = path"
                " AND (contains = '' OR instr(?, contains)) ORDER BY position",
                (method, path, body),
            ).fetchall()
            return next((fault for row in rows if (fault := _befalls(connection, row))), None)


_WAITING = "FROM ordered_fault WHERE (times IS NULL OR happened < times)"


def _befalls(connection: sqlite3.Connection, row: sqlite3.Row) -> Fault | None:
    fault = Fault.model_validate_json(row["content"])
    draw = random.Random(f"{fault.seed} {row['met']}").random()
    happens = row["met"] >= fault.skip and draw < fault.probability
    connection.execute(
        "UPDATE ordered_fault SET met = met + 1, happened = happened + ? WHERE position = ?", (happens, row["position"])
    )
    return fault if happens else None


def fault_routes(faults: Faults, below: str = "") -> APIRouter:
    """
    ``/_sandbox/faults``: order one, see what became of them, or forget them.

    :param below: what a fault's ``path`` continues unless it is blank or begins with a slash.
    """
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/faults", status_code=201)
    def order_fault(fault: Fault) -> Fault:
        path = f"{below}{fault.path}" if fault.path and not fault.path.startswith("/") else fault.path
        placed = fault.model_copy(update={"path": path})
        try:
            faults.order(placed)
        except NoSuchFault as error:
            raise HTTPException(422, str(error)) from error
        return placed

    @routes.get("/faults")
    def ordered_faults() -> dict[str, list[OrderedFault]]:
        return {"faults": faults.ordered()}

    @routes.delete("/faults", status_code=204)
    def forget_faults() -> None:
        faults.forget()

    return routes
