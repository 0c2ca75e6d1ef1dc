"""
Shopify Payments as a gateway: its payouts and the balance transactions they are made of.

Source: sources.md Shopify §4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from hooks.shopify.api import ShopifyApi
from hooks.shopify.queries import BALANCE, BALANCE_TRANSACTIONS, PAYOUTS
from hooks.shopify.search import SearchWindow, instant
from hooks.wire.web_api import fingerprint
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.errors import ConfigurationError

__all__ = ["BalanceTransactionSource", "PayoutSource", "balance"]

_OVERLAP = timedelta(hours=1)
# A payout changes after its issue (paid, failed) and can't be listed by change.
_PAYOUT_MEMORY = timedelta(days=30)


class PayoutSource:
    """
    Payouts, those of the last 30 days again and again, since their status changes and no list shows it.

    Payload: the payout's own fields; ``items``, all its balance transactions but its own TRANSFER; ``unexplained``,
    its net less the items' net, ``"0.00"`` when the list is whole. Both are None while it is SCHEDULED. A
    WITHDRAWAL takes from the bank: its items' net is negative, its own net is compared as negative.
    """

    def __init__(self, hook: ShopifyApi) -> None:
        self._hook = hook

    def clock(self) -> datetime:
        """The shop's own time now, aware UTC."""
        return self._hook.clock()

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield the payouts issued in the window, begun 30 days earlier.

        :raises TransientError, ConfigurationError: as ``ShopifyHook.graphql``; ConfigurationError also when the
            shop has no Shopify Payments.
        """
        for page in _pages(
            self._hook, PAYOUTS, SearchWindow.on("issued_at", window, begun_earlier=_PAYOUT_MEMORY).query
        ):
            yield [self._record(payout) for payout in page]

    def _record(self, payout: dict[str, Any]) -> RawRecord:
        items = self._items(payout)
        return RawRecord(
            key=f"shopify:{self._hook.shop}:payout:{payout['legacyResourceId']}",
            version=fingerprint([payout["status"], payout["net"], payout["externalTraceId"]]),
            changed_at=instant(payout["issuedAt"]),
            payload={**payout, "items": items, "unexplained": None if items is None else _unexplained(payout, items)},
        )

    def _items(self, payout: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        if payout["status"] == "SCHEDULED":
            return None
        search = f"payments_transfer_id:{payout['legacyResourceId']}"
        return [item for page in _pages(self._hook, BALANCE_TRANSACTIONS, search) for item in page]


class BalanceTransactionSource:
    """Balance transactions without the payouts' own; each names the order and the payment it comes from."""

    def __init__(self, hook: ShopifyApi) -> None:
        self._hook = hook

    def clock(self) -> datetime:
        """The shop's own time now, aware UTC."""
        return self._hook.clock()

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield the transactions processed in the window, begun an hour earlier, oldest first; test ones left out.

        :raises TransientError, ConfigurationError: as ``PayoutSource.read``.
        """
        for page in _pages(
            self._hook, BALANCE_TRANSACTIONS, SearchWindow.on("processed_at", window, begun_earlier=_OVERLAP).query
        ):
            yield [self._record(item) for item in page if not item["test"]]

    def _record(self, item: dict[str, Any]) -> RawRecord:
        return RawRecord(
            key=f"shopify:{self._hook.shop}:balance_transaction:{item['id'].rpartition('/')[2]}",
            version=fingerprint([item["type"], item["amount"], item["fee"], item["net"]]),
            changed_at=instant(item["transactionDate"]),
            payload=item,
        )


def balance(hook: ShopifyApi) -> dict[str, Decimal]:
    """
    What Shopify Payments holds for the shop, by currency code.

    :raises TransientError, ConfigurationError: as ``PayoutSource.read``.
    """
    held = _account(hook, BALANCE, {})["balance"]
    return {money["currencyCode"]: Decimal(money["amount"]) for money in held}


def _pages(hook: ShopifyApi, document: str, search: str | None) -> Iterator[list[dict[str, Any]]]:
    after: str | None = None
    while True:
        page = _account(hook, document, {"filter": search, "after": after})["connection"]
        yield page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def _account(hook: ShopifyApi, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    account = hook.graphql(document, variables).data["shopifyPaymentsAccount"]
    if account is None:
        raise ConfigurationError(
            "LB-SHOPIFY-015",
            f"shop {hook.shop} has no Shopify Payments account",
            remedy="Take the shop's own gateway (`stripe.payout`) in the flow instead.",
        )
    return cast(dict[str, Any], account)


def _unexplained(payout: Mapping[str, Any], items: list[dict[str, Any]]) -> str:
    net = Decimal(payout["net"]["amount"])
    paid = -abs(net) if payout["transactionType"] == "WITHDRAWAL" else net
    return str(paid - sum((Decimal(item["net"]["amount"]) for item in items), Decimal(0)))
