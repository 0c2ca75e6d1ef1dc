"""What the sources ask of the hook, and the one refusal they can do something about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from ledgerbridge.errors import ConfigurationError

__all__ = ["PayPalApi", "TooManyAtOnce"]


class TooManyAtOnce(ConfigurationError):
    """More than 10,000 transactions lie in the days asked for; nothing was given."""


class PayPalApi(Protocol):
    """PayPal's reports of one account."""

    @property
    def account(self) -> str:
        """The merchant id."""

    def clock(self) -> datetime:
        """PayPal's own time now, aware UTC."""

    def fetch(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """One page of a report."""
