"""The fields of the schema that concern webhook subscriptions."""

from __future__ import annotations

import sqlite3
from typing import Any

from ariadne import ObjectType

from sandbox.shopify.call import Info, call_of
from sandbox.shopify.errors import EventRefused
from sandbox.shopify.paging import check_page, connection, make_cursor
from sandbox.shopify.rendering import gid

__all__ = ["webhook_mutations", "webhook_queries"]

Json = dict[str, Any]

webhook_queries = ObjectType("QueryRoot")
webhook_mutations = ObjectType("Mutation")


@webhook_mutations.field("webhookSubscriptionCreate")
def _create(_: object, info: Info, topic: str, webhookSubscription: Json) -> Json:
    call = call_of(info)
    subscriptions = call.shops.subscriptions
    uri, fields = webhookSubscription.get("uri"), webhookSubscription.get("includeFields") or []
    if not uri:
        return _refused("Address can't be blank")
    try:
        number = subscriptions.create(
            call.shop.domain, call.token.client_id, topic, uri, fields, call.version, call.shops.clock.now()
        )
    except EventRefused as refused:
        return _refused(str(refused))
    return {"webhookSubscription": _find(info, number), "userErrors": []}


@webhook_mutations.field("webhookSubscriptionDelete")
def _delete(_: object, info: Info, id: str) -> Json:
    call = call_of(info)
    number = id.removeprefix("gid://shopify/WebhookSubscription/")
    if number.isdigit() and call.shops.subscriptions.delete(call.shop.domain, call.token.client_id, int(number)):
        return {"deletedWebhookSubscriptionId": id, "userErrors": []}
    missing = {"field": ["id"], "message": "Webhook subscription does not exist"}
    return {"deletedWebhookSubscriptionId": None, "userErrors": [missing]}


@webhook_queries.field("webhookSubscription")
def _subscription(_: object, info: Info, id: str) -> Json | None:
    number = id.removeprefix("gid://shopify/WebhookSubscription/")
    return _find(info, int(number)) if number.isdigit() else None


@webhook_queries.field("webhookSubscriptions")
def _subscriptions(
    _: object, info: Info, topics: list[str] | None = None, uri: str | None = None, **arguments: Any
) -> Json:
    found = [row for row in _all(info) if (not topics or row["topic"] in topics) and (uri is None or row["uri"] == uri)]
    size, backwards = check_page(arguments)
    chosen = found[-size:] if backwards else found[:size]
    page = [(make_cursor(row["createdAt"], index), row) for index, row in enumerate(chosen)]
    return connection(page, has_next=not backwards and len(found) > size, has_previous=False)


def _all(info: Info) -> list[Json]:
    call = call_of(info)
    return [_render(row) for row in call.shops.subscriptions.of_app(call.shop.domain, call.token.client_id)]


def _find(info: Info, number: int) -> Json | None:
    return next((row for row in _all(info) if row["legacyResourceId"] == str(number)), None)


def _render(row: sqlite3.Row) -> Json:
    return {
        "__typename": "WebhookSubscription",
        "id": gid("WebhookSubscription", row["id"]),
        "legacyResourceId": str(row["id"]),
        "topic": row["topic"],
        "uri": row["uri"],
        "format": "JSON",
        "includeFields": row["include_fields"].split(",") if row["include_fields"] else [],
        "apiVersion": {"handle": row["api_version"], "displayName": row["api_version"], "supported": True},
        "createdAt": row["created_at"],
        "updatedAt": row["created_at"],
    }


def _refused(message: str) -> Json:
    error = {"field": ["webhookSubscription", "callbackUrl"], "message": message}
    return {"webhookSubscription": None, "userErrors": [error]}
