"""
The subscriptions by which a shop tells of its orders.

Source: sources.md Shopify §6. The shop deletes one whose deliveries fail eight times in a row: subscribe again.
"""

from __future__ import annotations

from dataclasses import dataclass

from hooks.shopify.api import ShopifyApi
from ledgerbridge.errors import ConfigurationError

__all__ = ["Subscription", "missing_topics", "subscribe", "subscriptions"]

TOPICS = (
    "ORDERS_CREATE",
    "ORDERS_UPDATED",
    "ORDERS_EDITED",
    "ORDERS_CANCELLED",
    "REFUNDS_CREATE",
    "ORDER_TRANSACTIONS_CREATE",
)
"""All that changes what is read of an order."""
_FIELDS = ["id", "order_id", "updated_at", "created_at"]
"""What is sent of a record: whose change it is, and what makes it another body than the last one's."""
_LIST = """query Subscriptions($after: String) {
  webhookSubscriptions(first: 100, after: $after) { nodes { id topic uri } pageInfo { hasNextPage endCursor } }
}"""
_CREATE = """mutation Subscribe($topic: WebhookSubscriptionTopic!, $subscription: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $subscription) { userErrors { field message } }
}"""


@dataclass(frozen=True)
class Subscription:
    """What the shop tells the app of, and where."""

    topic: str
    uri: str


def subscriptions(hook: ShopifyApi) -> list[Subscription]:
    """
    All subscriptions of the app in the shop.

    :raises TransientError, ConfigurationError: as ``ShopifyHook.graphql``.
    """
    found: list[Subscription] = []
    after: str | None = None
    while True:
        page = hook.graphql(_LIST, {"after": after}).data["webhookSubscriptions"]
        found += [Subscription(node["topic"], node["uri"]) for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def missing_topics(hook: ShopifyApi, uri: str) -> list[str]:
    """What changes an order and the shop does not tell an address; raises as ``subscriptions``."""
    known = {each.topic for each in subscriptions(hook) if each.uri == uri}
    return [topic for topic in TOPICS if topic not in known]


def subscribe(hook: ShopifyApi, uri: str) -> list[str]:
    """
    Let the shop tell an address of everything that changes an order; the topics that it did not tell of before.

    :raises ConfigurationError: the shop refuses the address.
    :raises TransientError: as ``ShopifyHook.graphql``.
    """
    missing = missing_topics(hook, uri)
    for topic in missing:
        subscription = {"uri": uri, "includeFields": _FIELDS}
        answer = hook.graphql(_CREATE, {"topic": topic, "subscription": subscription}).data
        if errors := answer["webhookSubscriptionCreate"]["userErrors"]:
            raise ConfigurationError(
                "LB-SHOPIFY-018",
                f"shop {hook.shop} does not send {topic} to {uri}: {'; '.join(each['message'] for each in errors)}",
                remedy="Give the https address at which the shop can reach the receiver.",
            )
    return missing
