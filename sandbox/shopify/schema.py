"""The GraphQL schema with its resolvers: everything of an order is cut from its prebuilt document."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import orjson
from ariadne import InterfaceType, ObjectType, load_schema_from_path, make_executable_schema
from graphql import GraphQLError, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, get_named_type

from sandbox.shopify.errors import AccessDenied
from sandbox.shopify.models import Shop, Shops, Token
from sandbox.shopify.rendering import gid
from sandbox.shopify.rules import API_VERSIONS, check_page
from sandbox.shopify.search import search_orders
from sandbox.store import wire_instant

__all__ = ["Call", "build_schema"]

Json = dict[str, Any]
Info: TypeAlias = "GraphQLResolveInfo[Call]"
_SORT_COLUMNS = {
    "CREATED_AT": "created_at",
    "ID": "id",
    "ORDER_NUMBER": "id",
    "PROCESSED_AT": "processed_at",
    "TOTAL_PRICE": "CAST(total AS REAL)",
    "UPDATED_AT": "search_updated_at",
}


@dataclass
class Call:
    """One request: whose it is, where it looks, and what the answer should warn of."""

    shops: Shops
    shop: Shop
    token: Token
    search_lag_seconds: float = 0.0
    warnings: list[Json] = field(default_factory=list)

    @property
    def oldest_visible(self) -> str | None:
        """When the oldest order was placed that the app may see; None sees all."""
        if "read_all_orders" in self.token.scopes:
            return None
        return wire_instant(self.shops.clock.now() - timedelta(days=_RECENT_DAYS))

    def require(self, scope: str, field_name: str) -> None:
        """
        Let the call see a field that needs ``scope``.

        :raises AccessDenied: the token lacks it.
        """
        if scope not in self.token.scopes:
            raise AccessDenied(field_name, scope)


@cache
def build_schema() -> GraphQLSchema:
    """Our reduced schema, executable; the context value of a request is its ``Call``."""
    kinds = [InterfaceType(name, lambda value, *_: value["__typename"]) for name in _ABSTRACT]
    schema = make_executable_schema(load_schema_from_path(str(Path(__file__).parent)), _query, _order, *kinds)
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and kind is not schema.query_type:
            for definition in kind.fields.values():
                if get_named_type(definition.type).name.endswith("Connection"):
                    definition.resolve = _nested_connection
    return schema


_ABSTRACT = ("Node", "LegacyInteroperability", "DiscountApplication", "SalesAgreement", "Sale", "DisplayableError")
# a lagging index still has the order as it was before its last change, a new one not at all
_RECENT_DAYS = 60
_INDEX = "FROM (SELECT *, updated_at AS search_updated_at FROM shop_order WHERE shop = ?) WHERE 1"
_LAGGING_INDEX = (
    "FROM (SELECT *, iif(changed_real_at <= ?, updated_at, indexed_before) AS search_updated_at"
    " FROM shop_order WHERE shop = ?) WHERE search_updated_at <> ''"
)
_NODE_SCOPES = {"Order": "read_orders", "Refund": "read_orders", "Customer": "read_customers"}
_query = ObjectType("QueryRoot")
_order = ObjectType("Order")


@_query.field("shop")
def _resolve_shop(_: object, info: Info) -> Json:
    shop = _call(info).shop
    return {
        "__typename": "Shop",
        "id": gid("Shop", shop.id),
        "name": shop.name,
        "email": f"owner@{shop.domain}",
        "myshopifyDomain": shop.domain,
        "url": f"https://{shop.domain}",
        "currencyCode": shop.currency,
        "ianaTimezone": shop.time_zone,
        "taxesIncluded": shop.taxes_included,
        "orderNumberFormatPrefix": "#",
        "orderNumberFormatSuffix": "",
    }


@_query.field("currentAppInstallation")
def _resolve_installation(_: object, info: Info) -> Json:
    scopes = sorted(_call(info).token.scopes)
    return {
        "__typename": "AppInstallation",
        "id": gid("AppInstallation", 1),
        "accessScopes": [{"handle": scope, "description": scope.replace("_", " ")} for scope in scopes],
    }


@_query.field("publicApiVersions")
def _resolve_versions(*_: object) -> list[Json]:
    return [
        {"handle": handle, "displayName": handle, "supported": supported} for handle, supported in API_VERSIONS.items()
    ]


@_query.field("orders")
def _resolve_orders(_: object, info: Info, **arguments: Any) -> Json:
    _call(info).require("read_orders", "orders")
    return _OrderList(_call(info), arguments).page()


@_query.field("ordersCount")
def _resolve_orders_count(_: object, info: Info, limit: int, query: str | None = None) -> Json:
    _call(info).require("read_orders", "ordersCount")
    count = _OrderList(_call(info), {"query": query}).count()
    return {"count": min(count, limit), "precision": "EXACT" if count <= limit else "AT_LEAST"}


@_query.field("order")
def _resolve_order(_: object, info: Info, id: str) -> Json | None:
    return _find(info, "Order", id)


@_query.field("refund")
def _resolve_refund(_: object, info: Info, id: str) -> Json | None:
    return _find(info, "Refund", id)


@_query.field("customer")
def _resolve_customer(_: object, info: Info, id: str) -> Json | None:
    return _find(info, "Customer", id)


@_query.field("node")
def _resolve_node(_: object, info: Info, id: str) -> Json | None:
    kind = id.removeprefix("gid://shopify/").partition("/")[0]
    return _find(info, kind, id) if kind in _NODE_SCOPES else None


@_query.field("nodes")
def _resolve_nodes(_: object, info: Info, ids: list[str]) -> list[Json | None]:
    return [_resolve_node(None, info, id) for id in ids]


@_order.field("customer")
def _resolve_order_customer(order: Json, info: Info) -> Json | None:
    _call(info).require("read_customers", "customer")
    customer: Json | None = order["customer"]
    return customer


@_order.field("refunds")
def _resolve_order_refunds(order: Json, _: Info, first: int | None = None) -> list[Json]:
    return list(order["refunds"][:first])


@_order.field("transactions")
def _resolve_order_transactions(order: Json, _: Info, first: int | None = None, **__: Any) -> list[Json]:
    return list(order["transactions"][:first])


def _call(info: Info) -> Call:
    call: Call = info.context
    return call


def _find(info: Info, kind: str, id: str) -> Json | None:
    number = id.rpartition("/")[2]
    if id != f"gid://shopify/{kind}/{number}" or not number.isdigit():
        raise GraphQLError(f"Invalid global id '{id}'", extensions={"code": "RESOURCE_NOT_FOUND"})
    call = _call(info)
    call.require(_NODE_SCOPES[kind], info.field_name)
    connection = call.shops.store.connection
    if kind == "Customer":
        row = connection.execute(
            "SELECT document FROM customer WHERE id = ? AND shop = ?", (int(number), call.shop.domain)
        ).fetchone()
        return orjson.loads(row["document"]) if row else None
    order_id = int(number) // (1000 if kind == "Refund" else 1)
    row = connection.execute(
        "SELECT document FROM shop_order WHERE id = ? AND shop = ?", (order_id, call.shop.domain)
    ).fetchone()
    order: Json | None = orjson.loads(row["document"]) if row else None
    if order is None or order["createdAt"] < (call.oldest_visible or ""):
        return None
    if kind == "Order":
        return order
    return next((refund for refund in order["refunds"] if refund["id"] == id), None)


class _OrderList:
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
        row = self._call.shops.store.connection.execute(f"SELECT count(*) AS n {self._from}", self._parameters)
        return int(row.fetchone()["n"])

    def page(self) -> Json:
        size, backwards = check_page(self._arguments)
        column = _SORT_COLUMNS[self._arguments["sortKey"]]
        descending = self._arguments["reverse"] != backwards
        cursor = self._arguments.get("before" if backwards else "after")
        where, parameters = "", list(self._parameters)
        if cursor:
            value, last_id = _read_cursor(cursor)
            where = f" AND ({column}, id) {'<' if descending else '>'} (?, ?)"
            parameters += [value, last_id]
        direction = "DESC" if descending else "ASC"
        rows = self._call.shops.store.connection.execute(
            f"SELECT id, document, {column} AS sort_value {self._from}{where}"
            f" ORDER BY {column} {direction}, id {direction} LIMIT ?",
            [*parameters, size + 1],
        ).fetchall()
        page = [(_cursor(row["sort_value"], row["id"]), orjson.loads(row["document"])) for row in rows[:size]]
        more = len(rows) > size
        if backwards:
            return _connection(page[::-1], has_next=bool(cursor), has_previous=more)
        return _connection(page, has_next=more, has_previous=bool(cursor))


def _nested_connection(
    owner: Json,
    info: Info,
    *,
    includeRemovals: bool = True,
    reverse: bool = False,
    **arguments: Any,
) -> Json:
    """A page of a list that lies whole in its owner; the cursor is the position."""
    items = owner[info.field_name]
    if not includeRemovals:
        items = [item for item in items if not item["isRemoved"]]
    positions = list(enumerate(items))
    if reverse:
        positions.reverse()
    if after := arguments.get("after"):
        last, _ = _read_cursor(after)
        positions = [found for found in positions if (found[0] < last if reverse else found[0] > last)]
    size, backwards = check_page(arguments)
    chosen = positions[-size:] if backwards else positions[:size]
    page = [(_cursor(position, 0), item) for position, item in chosen]
    return _connection(page, has_next=not backwards and len(positions) > size, has_previous=bool(after))


def _connection(page: list[tuple[str, Json]], *, has_next: bool, has_previous: bool) -> Json:
    return {
        "edges": [{"cursor": cursor, "node": node} for cursor, node in page],
        "nodes": [node for _, node in page],
        "pageInfo": {
            "hasNextPage": has_next,
            "hasPreviousPage": has_previous,
            "startCursor": page[0][0] if page else None,
            "endCursor": page[-1][0] if page else None,
        },
    }


def _cursor(value: str | int | float, last_id: int) -> str:
    return base64.b64encode(json.dumps([value, last_id]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[Any, int]:
    try:
        value, last_id = json.loads(base64.b64decode(cursor))
    except ValueError as error:
        raise GraphQLError(f"`{cursor}` is not a valid cursor.", extensions={"code": "INVALID_CURSOR"}) from error
    return value, last_id
