"""
Orders of a shop as a source: whole documents, however many lines, refunds and sales they have.

Source: sources.md Shopify §2 (cost, paging, search lag), §3 (order).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, cast

from hooks.shopify.api import ShopifyApi
from hooks.shopify.bulk import assembled, exported_lines
from hooks.shopify.errors import QueryTooDear
from hooks.shopify.queries import COUNT, ORDERS, ORDERS_BY_ID, REFUND, REST, bulk_orders
from hooks.shopify.search import SearchWindow, instant
from hooks.wire.web_api import fingerprint
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.errors import ConfigurationError, TransientError

__all__ = ["OrderSource"]

# Filters answer from a search index that lags the data by seconds or more (sources.md Shopify §2). Not longer: every
# order read again takes a second of a standard plan's points.
_OVERLAP = timedelta(minutes=2)
_FIRST_PAGE = 2
_LARGEST_PAGE = 250
_MOST_POINTS = 1000
_AT_ONCE = 10
_NO_MORE = {"hasNextPage": False}
# Pages cost eighty points and more an order, a standard plan gives a hundred a second: beyond some hundred orders an
# export is quicker, which costs none but takes its time to start.
_SHORT_WINDOW = timedelta(days=2)
_PAGED_AT_MOST = 100
_REST_OF_REFUND = ("refundLineItems", "refundShippingLines", "orderAdjustments", "transactions")


class OrderSource:
    """
    Orders by ``updatedAt``.

    Payload: the fields of Admin API 2026-10 under their own names, connections as plain lists of their nodes
    (complete), money as ``{"shopMoney": {"amount": "49.90", "currencyCode": "USD"}}``, rates as strings.
    ``version`` is a hash of all of it but ``updatedAt``, which tags, notes and shipping move too.
    """

    def __init__(self, hook: ShopifyApi) -> None:
        self._hook = hook
        self._page_size = _FIRST_PAGE

    def clock(self) -> datetime:
        """The shop's own time now, aware UTC."""
        return self._hook.clock()

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield the orders changed in the window, oldest change first, begun earlier by the search index's lag.

        Test orders are left out and named in the log. An order that changes while it is read may come twice, with
        another version.

        :raises TransientError, ConfigurationError: as ``ShopifyHook.graphql``; ConfigurationError also when the
            shop ignores the date filter.
        """
        now = self._hook.clock()
        self._hook.warn_of_hidden_orders(window.since, now)
        bounds = _searched(window)
        seen: dict[str, set[str]] = {}
        pages = self._exported(bounds.query) if self._is_backfill(window, now) else self._pages(bounds.query)
        for orders in pages:
            page = [self._record(order) for order in orders if self._is_wanted(order, bounds, seen)]
            if page:
                yield page

    def read_keys(self, keys: Sequence[str]) -> Iterator[list[RawRecord]]:
        """
        Yield these orders as they are now, some a query: by id, which no search index holds back.

        Test orders are left out, and orders that are gone or hidden from the app.

        :raises TransientError, ConfigurationError: as ``ShopifyHook.graphql``.
        """
        left = [f"gid://shopify/Order/{key.rpartition(':')[2]}" for key in keys]
        at_once = _AT_ONCE
        while left:
            try:
                found = self._hook.graphql(ORDERS_BY_ID, {"ids": left[:at_once]}).data["nodes"]
            except QueryTooDear as error:
                if at_once == 1:
                    raise
                at_once = max(1, at_once * error.allowed // (error.cost + 1))
                continue
            left = left[at_once:]
            if page := [self._record(order) for order in found if order and not self._is_test(order)]:
                yield page

    def _pages(self, search: str | None) -> Iterator[list[dict[str, Any]]]:
        after: str | None = None
        while True:
            page = self._page(search, after)
            yield page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    def _is_backfill(self, window: Window, now: datetime) -> bool:
        """Whether so much was asked for that an export is quicker than pages; short windows don't ask."""
        if window.since is not None and (window.until or now) - window.since < _SHORT_WINDOW:
            return False
        count = self._hook.graphql(COUNT, {"filter": _searched(window).query}).data["ordersCount"]["count"]
        return int(count) > _PAGED_AT_MOST

    def _exported(self, search: str | None) -> Iterator[list[dict[str, Any]]]:
        """The orders of a bulk operation in pages, in the shape of a page's orders."""
        orders = map(self._from_export, assembled(exported_lines(self._hook, bulk_orders(search))))
        while page := list(islice(orders, _LARGEST_PAGE)):
            yield page

    def _from_export(self, order: dict[str, Any]) -> dict[str, Any]:
        children = order.pop("children")
        lines = [line for line in children if line["__typename"] == "LineItem"]
        shipping = [line for line in children if line["__typename"] == "ShippingLine"]
        agreements = [part for part in children if part["__typename"].endswith("Agreement")]
        for line in [*lines, *shipping]:
            del line["__typename"]
        agreements.sort(key=lambda part: part["happenedAt"])
        for part in agreements:
            part["sales"] = _whole(part.pop("children"))
        refunds = [self._owner(REFUND, refund["id"]) for refund in order["refunds"]]
        return {
            **order,
            "refunds": refunds,
            "lineItems": _whole(lines),
            "shippingLines": _whole(shipping),
            "agreements": {"edges": [{"cursor": None, "node": part} for part in agreements], "pageInfo": _NO_MORE},
        }

    def _page(self, search: str | None, after: str | None) -> dict[str, Any]:
        """One page, as many orders as a query's points allow; the shop's own figure of the last page decides."""
        while True:
            first = self._page_size
            try:
                answer = self._hook.graphql(ORDERS, {"first": first, "after": after, "filter": search})
            except QueryTooDear as error:
                if first == 1:
                    raise
                self._page_size = max(1, first * error.allowed // (error.cost + 1))
                continue
            if answer.requested_cost:
                self._page_size = max(1, min(_LARGEST_PAGE, first * _MOST_POINTS // (answer.requested_cost + 1)))
            return cast(dict[str, Any], answer.data["orders"])

    def _is_wanted(self, order: Mapping[str, Any], bounds: SearchWindow, seen: dict[str, set[str]]) -> bool:
        """``seen``: the orders of the stamp that is read, for they come in order of these, a million of them too."""
        changed_at = instant(order["updatedAt"])
        if bounds.since is not None and changed_at < bounds.since:
            raise ConfigurationError(
                "LB-SHOPIFY-011",
                f"shop {self._hook.shop} gave order {order['name']} changed at {changed_at}, asked was {bounds.query}",
                remedy="The shop ignores the filter on `updated_at`: check `api_version` of the connection.",
            )
        if bounds.until is not None and changed_at > bounds.until:
            return False  # changed since the index answered: it belongs to a later window
        if self._is_test(order):
            return False
        if order["updatedAt"] not in seen:
            seen.clear()
        of_stamp = seen.setdefault(order["updatedAt"], set())
        if order["id"] in of_stamp:
            return False
        of_stamp.add(order["id"])
        return True

    def _is_test(self, order: Mapping[str, Any]) -> bool:
        if order["test"]:
            self._hook.log.info("shop %s: test order %s left out", self._hook.shop, order["name"])
        return bool(order["test"])

    def _record(self, order: dict[str, Any]) -> RawRecord:
        payload = self._complete(order)
        content = {name: value for name, value in payload.items() if name != "updatedAt"}
        return RawRecord(
            key=f"shopify:{self._hook.shop}:order:{order['legacyResourceId']}",
            version=fingerprint(content),
            changed_at=instant(order["updatedAt"]),
            payload=payload,
        )

    def _complete(self, order: dict[str, Any]) -> dict[str, Any]:
        """The order with its connections as lists, the pages after the first fetched."""
        whole = dict(order)
        for name in ("lineItems", "shippingLines"):
            whole[name] = self._nodes(name, order[name], order["id"])
        whole["refunds"] = [self._complete_refund(refund) for refund in order["refunds"]]
        whole["agreements"] = self._agreements(order)
        _make_rates_text(whole)
        return whole

    def _complete_refund(self, refund: dict[str, Any]) -> dict[str, Any]:
        return {**refund, **{name: self._nodes(name, refund[name], refund["id"]) for name in _REST_OF_REFUND}}

    def _nodes(self, name: str, connection: dict[str, Any], owner: str) -> list[dict[str, Any]]:
        nodes = list(connection["nodes"])
        while connection["pageInfo"]["hasNextPage"]:
            connection = self._next(name, owner, connection)
            nodes += connection["nodes"]
        return nodes

    def _agreements(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        connection = order["agreements"]
        edges = list(connection["edges"])
        while connection["pageInfo"]["hasNextPage"]:
            connection = self._next("agreements", order["id"], connection)
            edges += connection["edges"]
        predecessors = [None, *(edge["cursor"] for edge in edges)]
        return [
            {**edge["node"], "sales": self._sales(order["id"], predecessor, edge["node"]["sales"])}
            for predecessor, edge in zip(predecessors, edges, strict=False)
        ]

    def _sales(self, order: str, predecessor: str | None, connection: dict[str, Any]) -> list[dict[str, Any]]:
        sales = list(connection["nodes"])
        while connection["pageInfo"]["hasNextPage"]:
            connection = self._next("sales", order, connection, agreement=predecessor)
            sales += connection["nodes"]
        return sales

    def _next(self, name: str, owner: str, connection: dict[str, Any], **variables: str | None) -> dict[str, Any]:
        found = self._owner(REST[name], owner, after=connection["pageInfo"]["endCursor"], **variables)
        if "agreements" in found:
            found = found["agreements"]["nodes"][0]
        return cast(dict[str, Any], found["connection"])

    def _owner(self, document: str, identity: str, **variables: str | None) -> dict[str, Any]:
        """The order or refund with that id, as far as the document asks."""
        found = self._hook.graphql(document, {"id": identity, **variables}).data["owner"]
        if found is None:
            raise TransientError(
                "LB-SHOPIFY-012",
                f"shop {self._hook.shop}: {identity} vanished while it was read",
                remedy="Repeat: the window is read anew, without the deleted order.",
            )
        return cast(dict[str, Any], found)


def _searched(window: Window) -> SearchWindow:
    return SearchWindow.on("updated_at", window, begun_earlier=_OVERLAP)


def _whole(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """Nodes of an export as a connection without further pages."""
    for node in nodes:
        node.pop("children", None)
    return {"nodes": nodes, "pageInfo": _NO_MORE}


def _make_rates_text(value: dict[str, Any] | list[Any]) -> None:
    """A rate of 0 or 1 comes as a JSON integer, all others with a decimal point: make them one type."""
    if isinstance(value, list):
        for part in value:
            if isinstance(part, dict | list):
                _make_rates_text(part)
        return
    for name, part in value.items():
        if isinstance(part, dict | list):
            _make_rates_text(part)
        elif name == "rate" and isinstance(part, int):
            value[name] = str(part)
