"""
Magento's searchable documents as sources.

Source: sources.md Magento (searchCriteria; drift of numbered pages; times without zone).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from hooks.magento.api import MagentoApi
from hooks.magento.credited import with_credit_memos
from hooks.wire.web_api import fingerprint
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.errors import TransientError

__all__ = ["INTERNAL_ERROR", "SOURCES", "MagentoSource"]

Filters = list[tuple[str, str, str]]

INTERNAL_ERROR = "LB-MAGENTO-006"
"""Code of a 500: the shop is down, or one document in a list can't be shown."""
_PAGE_SIZE = 100
# ids are MySQL's unsigned integers
_HIGHEST_ID = 2**32 - 1
# each takes some sixty calls to find; a shop with more is down
_MOST_BROKEN = 10
# `updated_at` has whole seconds and is written before the row is committed.
_OVERLAP = timedelta(minutes=10)
_TIME = "%Y-%m-%d %H:%M:%S"


class MagentoSource:
    """
    One kind of document, by ``updated_at``, which every change moves.

    Payload: the document as REST gives it, every number as text: one field would be a text here and an integer there,
    by whether it has decimals. ``base_…`` fields are in the shop's base currency; times are UTC without zone.
    """

    name: ClassVar[str]
    path: ClassVar[str]
    single_path: ClassVar[str]

    def __init__(self, hook: MagentoApi) -> None:
        self._hook = hook

    def clock(self) -> datetime:
        """The shop's own time now, aware UTC."""
        return self._hook.clock()

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield the documents changed in the window, oldest change first, begun ten minutes earlier.

        A document that makes Magento refuse every list it is in ('same ID') is found and read alone.

        :raises TransientError, ConfigurationError: as ``MagentoHook.fetch``.
        """
        seen: set[tuple[int, str]] = set()
        for page in self._pages(window):
            fresh = [item for item in page if (item["entity_id"], item["updated_at"]) not in seen]
            seen.update((item["entity_id"], item["updated_at"]) for item in fresh)
            if fresh:
                yield [self._record(item) for item in self._whole(fresh)]

    def _whole(self, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The documents of a page with what belongs to them and is listed elsewhere."""
        return page

    def _pages(self, window: Window) -> Iterator[list[dict[str, Any]]]:
        """Pages by the last change seen, not by number: a document changed meanwhile would shift numbered pages."""
        until = [] if window.until is None else [("updated_at", "lteq", _text(window.until))]
        since = [] if window.since is None else [("updated_at", "gteq", _text(window.since - _OVERLAP))]
        try:
            yield from self._by_change(since, until)
        except TransientError as error:
            if error.code != INTERNAL_ERROR or not self._lists_nothing():
                raise
            yield from self._around_broken([*since, *until], 0, _HIGHEST_ID, [])

    def _by_change(self, since: Filters, until: Filters) -> Iterator[list[dict[str, Any]]]:
        while True:
            items, total = self._page([*since, *until])
            yield items
            if total <= _PAGE_SIZE:
                return
            newest = items[-1]["updated_at"]
            if newest != items[0]["updated_at"]:
                since = [("updated_at", "gteq", newest)]
                continue
            yield from self._rest_of_moment(newest, items[-1]["entity_id"], until)
            since = [("updated_at", "gt", newest)]

    def _lists_nothing(self) -> bool:
        """Whether the shop answers a list without documents: then it is one of them that fails a list."""
        try:
            return self._page([("entity_id", "lteq", "0")]) == ([], 0)
        except TransientError:
            return False

    def _around_broken(
        self, window: Filters, after: int, last: int, broken: list[int]
    ) -> Iterator[list[dict[str, Any]]]:
        """Documents with ids of a range, halved where a list fails, until the one that fails it is read alone."""
        ids = [("entity_id", "gt", str(after)), ("entity_id", "lteq", str(last))]
        try:
            yield from self._by_change([], [*ids, *window])
        except TransientError as error:
            if error.code != INTERNAL_ERROR or len(broken) == _MOST_BROKEN:
                raise
            if last - after == 1:
                broken.append(last)
                yield [self._hook.fetch(f"{self.single_path}/{last}", {})]
                return
            middle = (after + last) // 2
            yield from self._around_broken(window, after, middle, broken)
            yield from self._around_broken(window, middle, last, broken)

    def _rest_of_moment(self, moment: str, last: int, until: Filters) -> Iterator[list[dict[str, Any]]]:
        """What a mass update changed in one second, after the document with that id."""
        while True:
            items, total = self._page([("updated_at", "eq", moment), ("entity_id", "gt", str(last)), *until])
            yield items
            if total <= _PAGE_SIZE:
                return
            last = items[-1]["entity_id"]

    def _page(self, filters: Filters) -> tuple[list[dict[str, Any]], int]:
        """The first documents that meet all filters, and how many do."""
        store = self._hook.store_id
        own = [] if store is None else [("store_id", "eq", str(store))]
        return self._list(self.path, [*own, *filters])

    def _list(self, path: str, filters: Filters, first: str = "updated_at") -> tuple[list[dict[str, Any]], int]:
        answer = self._hook.fetch(path, _criteria(filters, first))
        return answer["items"] or [], answer["total_count"]

    def _record(self, item: dict[str, Any]) -> RawRecord:
        content = {name: value for name, value in item.items() if name != "updated_at"}
        return RawRecord(
            key=f"magento:{self._hook.scope}:{self.name}:{item['entity_id']}",
            version=fingerprint(content),
            changed_at=datetime.strptime(item["updated_at"], _TIME).replace(tzinfo=UTC),
            payload=_with_numbers_as_text(item),
        )


class OrderSource(MagentoSource):
    """
    Orders; of configurable products the parent row has the money, its children repeat or lack it.

    One of which anything was given back has its credit memos too, as ``credit_memos``, with the tax of each by detail.
    """

    name = "order"
    path = single_path = "orders"

    def _whole(self, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        credited = [str(order["entity_id"]) for order in page if _is_credited(order)]
        memos = self._credit_memos(credited) if credited else {}
        return [
            with_credit_memos(order, memos[order["entity_id"]]) if order["entity_id"] in memos else order
            for order in page
        ]

    def _credit_memos(self, orders: list[str]) -> dict[int, list[dict[str, Any]]]:
        """Those of some orders by order, oldest first."""
        found: dict[int, list[dict[str, Any]]] = {}
        of_orders: Filters = [("order_id", "in", ",".join(orders))]
        last = 0
        while True:
            items, total = self._list(CreditMemoSource.path, [*of_orders, ("entity_id", "gt", str(last))], "entity_id")
            for memo in items:
                found.setdefault(memo["order_id"], []).append(memo)
            if total <= _PAGE_SIZE:
                return found
            last = items[-1]["entity_id"]


class InvoiceSource(MagentoSource):
    """Invoices: what was charged; what an order cancels is never invoiced."""

    name = "invoice"
    path = single_path = "invoices"


class CreditMemoSource(MagentoSource):
    """Credit memos: lines given back, and adjustments that have neither lines nor tax."""

    name = "credit_memo"
    path = "creditmemos"
    single_path = "creditmemo"


SOURCES: dict[str, type[MagentoSource]] = {
    source.name: source for source in (OrderSource, InvoiceSource, CreditMemoSource)
}
"""By entity name."""


def _is_credited(order: dict[str, Any]) -> bool:
    refunded = [order.get("total_refunded"), *(item.get("qty_refunded") for item in order["items"])]
    return any(Decimal(str(each or 0)) for each in refunded)


def _criteria(filters: Filters, first: str = "updated_at") -> dict[str, Any]:
    criteria: dict[str, Any] = {
        "searchCriteria[sortOrders][0][field]": first,
        "searchCriteria[sortOrders][0][direction]": "ASC",
        # a unique second order: without one, rows of one time come twice or never
        "searchCriteria[sortOrders][1][field]": "entity_id",
        "searchCriteria[sortOrders][1][direction]": "ASC",
        "searchCriteria[pageSize]": _PAGE_SIZE,
        "searchCriteria[currentPage]": 1,
    }
    for group, (field, condition, value) in enumerate(filters):
        prefix = f"searchCriteria[filter_groups][{group}][filters][0]"
        criteria |= {f"{prefix}[field]": field, f"{prefix}[condition_type]": condition, f"{prefix}[value]": value}
    return criteria


def _with_numbers_as_text(value: Any) -> Any:
    """A document whose fields have one type in all records; flags that are true or false stay."""
    if isinstance(value, dict):
        return {name: _with_numbers_as_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_numbers_as_text(inner) for inner in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime(_TIME)
