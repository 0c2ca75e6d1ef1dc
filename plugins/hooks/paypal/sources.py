"""
What moved a PayPal account's balance, as a source.

Source: sources.md PayPal §1 (search), §2 (transactions).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from hooks.paypal.api import PayPalApi, TooManyAtOnce
from hooks.wire.web_api import fingerprint
from ledgerbridge.entities import RawRecord, Window

__all__ = ["SOURCES", "TransactionSource", "instant"]

_PATH = "/v1/reporting/transactions"
_PAGE_SIZE = 500
_DAYS_AT_ONCE = timedelta(days=31)
_SHORTEST = timedelta(seconds=2)
# PayPal tells of a transaction some hours late, lists it by when it began, and one that is pending (an eCheck) succeeds
# days after: windows begin this much earlier.
_LOOK_BACK = timedelta(days=10)
# It lists three years; a day less, for its clock is not ours.
_MEMORY = timedelta(days=3 * 365 - 1)


class TransactionSource:
    """
    Transactions that moved the balance, those of the last ten days again and again, since their status changes.

    Payload: PayPal's ``transaction_info``. ``transaction_amount`` is what came (negative: went) before fees,
    ``fee_amount`` negative where PayPal took one, so that the balance moved by their sum.
    """

    name: ClassVar[str] = "transaction"

    def __init__(self, hook: PayPalApi) -> None:
        self._hook = hook

    def clock(self) -> datetime:
        """PayPal's own time now, aware UTC."""
        return self._hook.clock()

    def check(self) -> None:
        """
        Ask for a moment.

        :raises TransientError, ConfigurationError: as ``PayPalHook.fetch``.
        """
        now = self.clock()
        self._page(now - _LOOK_BACK, now - _LOOK_BACK + _SHORTEST, 1)

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield the transactions begun in the window, itself begun ten days earlier; 31 days a request, fewer where they
        are many.

        :raises TransientError, ConfigurationError: as ``PayPalHook.fetch``.
        """
        now = self.clock()
        until = min(window.until or now, now)
        oldest = now - _MEMORY
        start = oldest if window.since is None else max(window.since - _LOOK_BACK, oldest)
        # cut from the end: what begins in hours PayPal does not tell of yet is refused
        ends = [until]
        while ends[-1] - start > _DAYS_AT_ONCE:
            ends.append(ends[-1] - _DAYS_AT_ONCE)
        for end in reversed(ends):
            yield from self._between(max(start, end - _DAYS_AT_ONCE), end)

    def _between(self, start: datetime, end: datetime) -> Iterator[list[RawRecord]]:
        try:
            first = self._page(start, end, 1)
        except TooManyAtOnce:
            if end - start < _SHORTEST:
                raise
            middle = start + (end - start) / 2
            yield from self._between(start, middle)
            yield from self._between(middle, end)
            return
        yield self._records(first)
        for page in range(2, int(first["total_pages"]) + 1):
            yield self._records(self._page(start, end, page))

    def _page(self, start: datetime, end: datetime, page: int) -> dict[str, Any]:
        span = {"start_date": _wire(start), "end_date": _wire(end)}
        return self._hook.fetch(_PATH, {**span, "fields": "transaction_info", "page_size": _PAGE_SIZE, "page": page})

    def _records(self, page: dict[str, Any]) -> list[RawRecord]:
        return [self._record(each["transaction_info"]) for each in page["transaction_details"]]

    def _record(self, transaction: dict[str, Any]) -> RawRecord:
        told = ("transaction_status", "transaction_amount", "fee_amount", "invoice_id", "custom_field")
        return RawRecord(
            key=f"paypal:{self._hook.account}:{self.name}:{transaction['transaction_id']}",
            version=fingerprint([transaction.get(name) for name in told]),
            changed_at=instant(transaction["transaction_updated_date"]),
            payload=transaction,
        )


def instant(text: str) -> datetime:
    """An aware UTC time from PayPal's form (``2026-03-02T15:41:00+0000``)."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _wire(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SOURCES: dict[str, type[TransactionSource]] = {TransactionSource.name: TransactionSource}
"""By entity name."""
