"""
The endpoints by which Stripe tells of what happens in an account.

Source: sources.md Stripe §4. Stripe disables one whose deliveries fail for days: subscribe again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hooks.stripe.api import StripeApi
from ledgerbridge.errors import ConfigurationError

__all__ = ["EVENTS", "Endpoint", "endpoints", "subscribe"]

EVENTS = (
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
    "payout.canceled",
    "payout.created",
    "payout.failed",
    "payout.paid",
    "payout.reconciliation_completed",
    "payout.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
)
"""All that changes what is read of an account; Stripe takes no `charge.*`."""
_PATH = "/v1/webhook_endpoints"


@dataclass(frozen=True)
class Endpoint:
    """
    Where Stripe tells of the account.

    :param tells_all: whether it is told of each of ``EVENTS``.
    :param enabled: whether it is told at all.
    :param secret: what its events are signed with; Stripe shows it when the endpoint is made, and never again.
    """

    identity: str
    url: str
    tells_all: bool
    enabled: bool
    secret: str | None = None


def endpoints(hook: StripeApi) -> list[Endpoint]:
    """
    All endpoints of the account.

    :raises TransientError, ConfigurationError: as ``StripeHook.fetch``.
    """
    return [_endpoint(each) for page in hook.pages(_PATH, {}) for each in page]


def subscribe(hook: StripeApi, url: str) -> tuple[Endpoint, bool]:
    """
    Let Stripe tell an address of everything that flows read; its endpoint, and whether anything was to be done.

    One that is there already, and disabled or told of less, is mended and keeps its secret.

    :raises ConfigurationError: Stripe refuses the address, or the key may not write endpoints.
    :raises TransientError: as ``StripeHook.send``.
    """
    events = {"enabled_events[]": list(EVENTS)}
    found = [each for each in endpoints(hook) if each.url == url]
    if not found:
        try:
            return _endpoint(hook.send(_PATH, {"url": url, **events})), True
        except ConfigurationError as error:
            if error.code != "LB-STRIPE-007":  # nor a key that may not
                raise
            raise ConfigurationError(
                "LB-STRIPE-010",
                f"Stripe does not tell {url or 'a blank address'} of account {hook.account}: {error.message}",
                remedy="Give the https address at which Stripe can reach the receiver.",
            ) from error
    there = found[0]
    if there.enabled and there.tells_all:
        return there, False
    kept = {} if there.tells_all else events
    return _endpoint(hook.send(f"{_PATH}/{there.identity}", {"disabled": "false", **kept})), True


def _endpoint(found: dict[str, Any]) -> Endpoint:
    told = set(found["enabled_events"])
    return Endpoint(
        found["id"], found["url"], "*" in told or told >= set(EVENTS), found["status"] == "enabled", found.get("secret")
    )
