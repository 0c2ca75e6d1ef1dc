"""What a failed task does next, by the class of its error (design.md §5, "Errors")."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Context, RetryDecision, RetryPolicy

from ledgerbridge.errors import ConfigurationError, TransientError

__all__ = ["ByErrorClass"]


class ByErrorClass(RetryPolicy):
    """A passing failure is tried again when the system said so, a wrong setting fails at once."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide about one failure."""
        if isinstance(exception, ConfigurationError):
            return RetryDecision.fail(reason=exception.code)
        if isinstance(exception, TransientError):
            seconds = exception.retry_after_seconds
            delay = timedelta(seconds=seconds if seconds is not None else min(5 * 2**try_number, 300))
            return RetryDecision.retry(delay=delay, reason=exception.code)
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """It has no settings."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ByErrorClass:
        """Back from the serialised DAG."""
        return cls()
