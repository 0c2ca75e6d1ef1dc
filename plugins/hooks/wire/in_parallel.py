"""Calls that several threads make at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from typing import TypeVar

__all__ = ["results_of"]

_T = TypeVar("_T")


def results_of(pool: Executor, begun: Sequence[Future[_T]]) -> list[_T]:
    """
    What these calls came to, in their order; raises what the first of them raised.

    Where this thread is stopped meanwhile, by a timeout of Airflow's or a signal, none begins any more: left to itself
    the pool would make every call that is queued before it lets go.
    """
    try:
        return [each.result() for each in begun]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
