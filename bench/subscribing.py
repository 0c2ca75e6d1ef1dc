"""A shop that tells of its orders."""

from __future__ import annotations

import os
from collections.abc import Mapping

from hooks.shopify.hook import ShopifyHook

__all__ = ["SUBSCRIBED", "subscribe"]

SUBSCRIBED = "shopify_us"
"""The connection whose shop tells."""
SUBSCRIBE = """mutation Subscribe($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri}) { userErrors { message } }
}"""


def subscribe(environment: Mapping[str, str], uri: str) -> None:
    """The shop of an environment's connection tells of its orders there."""
    variable = f"AIRFLOW_CONN_{SUBSCRIBED.upper()}"
    os.environ[variable] = environment[variable]
    answer = ShopifyHook(SUBSCRIBED).graphql(SUBSCRIBE, {"topic": "ORDERS_CREATE", "uri": uri})
    if answer.data["webhookSubscriptionCreate"]["userErrors"]:
        raise RuntimeError(f"The shop refused the subscription: {answer.data}")
