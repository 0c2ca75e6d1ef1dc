"""
An end from outside, by Ctrl-C, TERM or HUP: at the first one, and with nothing left behind.

Python raises ``KeyboardInterrupt`` wherever the main thread is just then: between the start of a process and the line
that notes it, or in the middle of stopping others. What ``held`` encloses is not broken off.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["INTERRUPTED", "check", "end_by_signals", "held"]

INTERRUPTED = 130
"""The exit code of what was ended from outside."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _State:
    told = False
    holding = 0


def end_by_signals() -> None:
    """From now on each of the signals raises ``KeyboardInterrupt`` in the main thread, but not in what is ``held``."""
    for number in _SIGNALS:
        signal.signal(number, _tell)


def check() -> None:
    """
    Do nothing unless an end was told; for loops that outlive a lost ``KeyboardInterrupt``, as one raised in a
    destructor is.
    """
    if _State.told and not _State.holding:
        raise KeyboardInterrupt


@contextmanager
def held() -> Iterator[None]:
    """Let the block come to its end; an end told meanwhile is raised behind it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal is handled here
        return
    _State.holding += 1
    try:
        yield
    finally:
        _State.holding -= 1
    check()


def _tell(*_: object) -> None:
    _State.told = True
    check()
