"""Faults to order: what goes wrong between a client and GP although both are right (facts/gp.md §6.13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.gp.errors import SqlError
from sandbox.gp.session import Company

FaultKind = Literal["lost_before_commit", "lost_after_commit", "malformed", "slow", "status", "deadlock", "sql_timeout"]
SQL_ERRORS: dict[str, Callable[[], SqlError]] = {"deadlock": SqlError.deadlock, "sql_timeout": SqlError.timeout}
_PROMISED_BYTES = 1_000_000


class Fault(BaseModel):
    """
    What goes wrong with the next ``times`` calls.

    :param operation: which operation it meets; blank for all.
    :param procedure: only calls whose document has this node; blank for all.
    :param status: of kind ``status``.
    :param seconds: of kind ``slow``.
    """

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    operation: str = ""
    procedure: str = ""
    status: int = 503
    seconds: float = 0
    times: int = 1


def order_fault(company: Company, fault: Fault) -> None:
    """Let a fault wait for its calls, in all processes."""
    with company.writing() as session:
        session.keep_state("faults", [*(session.state("faults") or []), fault.model_dump()])


def forget_faults(company: Company) -> None:
    """Drop the faults that have not happened."""
    with company.writing() as session:
        session.keep_state("faults", [])


def next_fault(company: Company, operation: str, document: str) -> Fault | None:
    """The fault this call meets, counted as happened."""
    with company.reading() as session:
        if not session.state("faults"):
            return None
    with company.writing() as session:
        waiting = [Fault(**found) for found in session.state("faults")]
        met = next((fault for fault in waiting if _meets(fault, operation, document)), None)
        if met is not None:
            met.times -= 1
            session.keep_state("faults", [fault.model_dump() for fault in waiting if fault.times > 0])
        return met


def _meets(fault: Fault, operation: str, document: str) -> bool:
    return fault.operation in ("", operation) and (not fault.procedure or f"<{fault.procedure}>" in document)


class CutShort(Response):
    """An answer that breaks off: the server closes a connection whose response was not completed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise more than is sent."""
        headers = [(b"content-type", b"text/xml"), (b"content-length", str(_PROMISED_BYTES).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<", "more_body": True})
