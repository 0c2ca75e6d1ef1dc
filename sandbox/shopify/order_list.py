"""The orders a query asks for, as the search index has them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sandbox.shopify.call import Call
from sandbox.shopify.paging import page_of
from sandbox.shopify.search import search_orders

__all__ = ["OrderList"]

Json = dict[str, Any]
_SORT_COLUMNS = {
    "CREATED_AT": "created_at",
    "ID": "id",
    "ORDER_NUMBER": "id",
    "PROCESSED_AT": "processed_at",
    "TOTAL_PRICE": "CAST(total AS REAL)",
    "UPDATED_AT": "search_updated_at",
}
# a lagging index still has the order as it was before its last change, a new one not at all
_INDEX = "FROM (SELECT *, updated_at AS search_updated_at FROM shop_order WHERE shop = ?) WHERE 1"
_LAGGING_INDEX = (
    "FROM (SELECT *, iif(changed_real_at <= ?, updated_at, indexed_before) AS search_updated_at"
    " FROM shop_order WHERE shop = ?) WHERE search_updated_at <> ''"
)


class OrderList:
    """The orders a query asks for, as the search index has them."""

    def __init__(self, call: Call, arguments: Mapping[str, Any]) -> None:
        self._call = call
        self._arguments = arguments
        condition = search_orders(arguments.get("query") or "", call.shops.clock.now())
        warnings = [{"field": name, "code": "invalid_field"} for name in condition.ignored]
        if warnings:
            call.warnings.append({"path": ["orders"], "query": arguments.get("query"), "warnings": warnings})
        lag = call.search_lag_seconds
        self._from = f"{_LAGGING_INDEX if lag else _INDEX} AND {condition.sql}"
        known_until = [time.time() - lag] if lag else []
        self._parameters = [*known_until, call.shop.domain, *condition.parameters]
        if oldest := call.oldest_visible:
            self._from += " AND created_at >= ?"
            self._parameters.append(oldest)

    def count(self) -> int:
        """How many there are."""
        row = self._call.shops.store.connection.execute(f"SELECT count(*) AS n {self._from}", self._parameters)
        return int(row.fetchone()["n"])

    def page(self) -> Json:
        """The connection's page; of an export the next one, each time it is asked."""
        return page_of(self._call, self._from, self._parameters, _SORT_COLUMNS, self._arguments, self._call.export)
