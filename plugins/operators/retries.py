"""What a failed task does next, by the class of its error (ledgerbridge.errors)."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from airflow.sdk import Context, RetryDecision, RetryPolicy

from ledgerbridge.errors import ConfigurationError, TransientError

__all__ = ["ByErrorClass", "has_tries_left"]

_LONGEST_SECONDS = 300.0


class ByErrorClass(RetryPolicy):
    """
    A passing failure is tried again when the system said so, else after a growing time; a wrong setting fails at once.

    The time is spread by half of it either way: workers that failed together must not come back together. A system
    that stays down is left alone by its circuit breaker (``ledgerbridge.state.circuits``).

    :param first_seconds: how long the first retry waits when the system said nothing; doubles with each.
    """

    def __init__(self, first_seconds: float = 10.0) -> None:
        self.first_seconds = first_seconds

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide about one failure."""
        if isinstance(exception, ConfigurationError):
            return RetryDecision.fail(reason=exception.code)
        if isinstance(exception, TransientError):
            asked = exception.retry_after_seconds
            doublings = _tries_since_cleared(try_number, max_tries, context) - 1
            grown = min(self.first_seconds * 2**doublings, _LONGEST_SECONDS)
            # never before the time asked for; a little after it, each at another moment
            seconds = grown * random.uniform(0.5, 1.5) if asked is None else asked + random.uniform(0, 2)
            return RetryDecision.retry(delay=timedelta(seconds=seconds), reason=exception.code)
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Its setting, for the serialised DAG."""
        return {"first_seconds": self.first_seconds}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ByErrorClass:
        """Back from the serialised DAG."""
        return cls(**data)


def has_tries_left(context: Context) -> bool:
    """Whether Airflow tries the task again when it fails now."""
    task = context["ti"]
    return bool(task.try_number <= task.max_tries)


def _tries_since_cleared(try_number: int, max_tries: int, context: Context | None) -> int:
    """
    How often a task was tried since somebody cleared it last, this time included.

    Airflow counts on when a task is cleared, and allows as many more tries as it has ``retries``.
    """
    cleared_at = max_tries - (context["task"].retries or 0) if context is not None else 0
    return max(1, try_number - max(0, cleared_at))
