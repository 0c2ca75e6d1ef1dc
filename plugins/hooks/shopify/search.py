"""
Times in Shopify's search syntax and answers.

Source: sources.md Shopify §2 (``query:`` syntax: terms, blank = AND, quoted times).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledgerbridge.entities import Window

__all__ = ["SearchWindow", "instant"]


@dataclass(frozen=True)
class SearchWindow:
    """A window on one time field, begun earlier than asked, in whole seconds as Shopify's times are."""

    field: str
    since: datetime | None
    until: datetime | None

    @classmethod
    def on(cls, field: str, window: Window, *, begun_earlier: timedelta) -> SearchWindow:
        """The window to search for ``window`` with what must be looked at again."""
        since = None if window.since is None else (window.since - begun_earlier).replace(microsecond=0)
        return cls(field, since, window.until)

    @property
    def query(self) -> str | None:
        """The value for a ``query`` argument, None for everything."""
        bounds = [(">=", self.since), ("<=", self.until)]
        return " ".join(f"{self.field}:{sign}'{_text(bound)}'" for sign, bound in bounds if bound) or None


def instant(text: str) -> datetime:
    """A time of an answer, aware UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _text(bound: datetime) -> str:
    return bound.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
