"""The GraphQL schema with its resolvers: everything of an order is cut from its prebuilt document."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson
from ariadne import InterfaceType, ObjectType, load_schema_from_path, make_executable_schema
from graphql import GraphQLError, GraphQLObjectType, GraphQLSchema, get_named_type

from sandbox.shopify.bulk_fields import bulk_mutations, bulk_queries
from sandbox.shopify.call import Info, call_of
from sandbox.shopify.order_list import OrderList
from sandbox.shopify.paging import nested_connection
from sandbox.shopify.payments_fields import payments_fields, payments_queries
from sandbox.shopify.rendering import gid
from sandbox.shopify.rules import API_VERSIONS
from sandbox.shopify.webhook_fields import webhook_mutations, webhook_queries

__all__ = ["build_schema"]

Json = dict[str, Any]


@cache
def build_schema() -> GraphQLSchema:
    """Our reduced schema, executable; the context value of a request is its ``Call``."""
    kinds = [InterfaceType(name, lambda value, *_: value["__typename"]) for name in _ABSTRACT]
    definitions = load_schema_from_path(str(Path(__file__).parent / "schema.graphql"))
    webhooks = (webhook_queries, webhook_mutations)
    fields = (_query, _order, bulk_queries, bulk_mutations, *webhooks, payments_queries, payments_fields)
    schema = make_executable_schema(definitions, *fields, *kinds)
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and kind is not schema.query_type:
            for definition in kind.fields.values():
                if get_named_type(definition.type).name.endswith("Connection") and definition.resolve is None:
                    definition.resolve = nested_connection
    return schema


_ABSTRACT = ("Node", "LegacyInteroperability", "DiscountApplication", "SalesAgreement", "Sale", "DisplayableError")
_NODE_SCOPES = {"Order": "read_orders", "Refund": "read_orders", "Customer": "read_customers"}
_query = ObjectType("QueryRoot")
_order = ObjectType("Order")


@_query.field("shop")
def _resolve_shop(_: object, info: Info) -> Json:
    shop = call_of(info).shop
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
    scopes = sorted(call_of(info).token.scopes)
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
    call_of(info).require("read_orders", "orders")
    return OrderList(call_of(info), arguments).page()


@_query.field("ordersCount")
def _resolve_orders_count(_: object, info: Info, limit: int, query: str | None = None) -> Json:
    call_of(info).require("read_orders", "ordersCount")
    count = OrderList(call_of(info), {"query": query}).count()
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
    call_of(info).require("read_customers", "customer")
    customer: Json | None = order["customer"]
    return customer


@_order.field("refunds")
def _resolve_order_refunds(order: Json, _: Info, first: int | None = None) -> list[Json]:
    return list(order["refunds"][:first])


@_order.field("transactions")
def _resolve_order_transactions(order: Json, _: Info, first: int | None = None, **__: Any) -> list[Json]:
    return list(order["transactions"][:first])


def _find(info: Info, kind: str, id: str) -> Json | None:
    number = id.rpartition("/")[2]
    if id != f"gid://shopify/{kind}/{number}" or not number.isdigit():
        raise GraphQLError(f"Invalid global id '{id}'", extensions={"code": "RESOURCE_NOT_FOUND"})
    call = call_of(info)
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
