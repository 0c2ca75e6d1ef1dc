"""What the sources of Stripe know of the hook they are read through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from requests import Response

from ledgerbridge.entities import Share

__all__ = ["StripeApi"]


class StripeApi(Protocol):
    """One account; ``StripeHook`` is it, and says what each method raises."""

    share: Share | None
    """Which part of the account is whose, where companies share it."""

    @property
    def account(self) -> str:
        """The account's id, the scope of its record keys."""

    @property
    def manual_since(self) -> datetime | None:
        """Since when no payout says what it is made of, aware UTC; None: Stripe makes the payouts, and says it."""

    def fetch(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET one object, amounts as Stripe sends them."""

    def answer(self, path: str, parameters: Mapping[str, Any] | None = None) -> Response:
        """The same, but the whole response."""

    def send(self, path: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """POST a form; what it made or changed."""

    def date(self, response: Response) -> datetime:
        """When Stripe answered, by its own clock."""

    def pages(self, path: str, parameters: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """All pages of a list, amounts as decimal strings."""

    def check_livemode(self, item: Mapping[str, Any]) -> None:
        """Refuse an object of the other mode."""
