"""
The leave that a call asks for right before it goes out (docs/explanation/why-it-cannot-double.md).

Delivery grants it for the documents a call carries and writes down that they may now be in the target. Hooks ask where
their requests leave, after every wait for a budget, a token or a description: what was frozen or waited too long in
between is refused, and nothing has left. Where nobody delivers, calls leave unasked. What is frozen after it had leave
and before its bytes have left is refused by the line, which asks when that was (``left_at``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from ledgerbridge.entities import Document
from ledgerbridge.state.clock import seconds_since_start

__all__ = ["Grant", "carrying", "going_out", "granting", "left_at"]

Grant = Callable[[Sequence[Document]], None]
"""Lets a call with these documents go out, or raises."""

_grant: ContextVar[Grant | None] = ContextVar("grant", default=None)
_left_at: ContextVar[float | None] = ContextVar("left_at", default=None)
_carried: ContextVar[Sequence[Document]] = ContextVar("carried", default=())


@contextmanager
def granting(grant: Grant, documents: Sequence[Document]) -> Iterator[None]:
    """Calls of this block ask ``grant``; they carry ``documents`` unless told more exactly (``carrying``)."""
    granted = _grant.set(grant)
    try:
        with carrying(documents):
            yield
    finally:
        _grant.reset(granted)


@contextmanager
def carrying(documents: Sequence[Document]) -> Iterator[None]:
    """
    Calls of this block carry these documents.

    A thread of its own needs ``contextvars.copy_context`` to know who grants.
    """
    carried = _carried.set(documents)
    try:
        yield
    finally:
        _carried.reset(carried)


@contextmanager
def going_out() -> Iterator[None]:
    """
    Ask for leave; the block is the call, and right before it a request that writes leaves this process.

    :raises TransientError: another try may send these documents now; nothing may leave.
    """
    grant = _grant.get()
    if grant is None:
        yield
        return
    grant(_carried.get())
    began = _left_at.set(seconds_since_start())
    try:
        yield
    finally:
        _left_at.reset(began)


def left_at() -> float | None:
    """When the call under way was given leave, in seconds since the machine started; None: it needed none."""
    return _left_at.get()
