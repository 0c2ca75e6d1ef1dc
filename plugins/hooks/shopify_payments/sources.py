"""
The payouts of Shopify Payments, and the balance transactions they are made of, as sources.

Source: sources.md Shopify §4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, cast

from hooks.shopify.api import ShopifyApi
from hooks.shopify.search import SearchWindow, instant
from hooks.shopify_payments.queries import BALANCE, BALANCE_TRANSACTIONS, PAYOUTS, TRANSACTIONS_OF_ORDERS
from hooks.wire.web_api import fingerprint
from ledgerbridge.entities import RawRecord, Source, Window
from ledgerbridge.errors import ConfigurationError

__all__ = ["SOURCES", "BalanceTransactionSource", "PayoutSource", "balance"]

_OVERLAP = timedelta(hours=1)
# A payout changes after its issue (paid, failed) and can't be listed by change.
_PAYOUT_MEMORY = timedelta(days=30)


# An order's transactions cost some points each, and few orders have more than three.
_ORDERS_AT_ONCE = 20


class _PaymentsSource:
    """A list of the account."""

    name: ClassVar[str]

    def __init__(self, hook: ShopifyApi) -> None:
        self._hook = hook

    def clock(self) -> datetime:
        """The shop's own time now, aware UTC."""
        return self._hook.clock()

    def _key(self, number: str) -> str:
        return f"shopify_payments:{self._hook.shop}:{self.name}:{number}"


class PayoutSource(_PaymentsSource):
    """
    Payouts, those of the last 30 days again and again, since their status changes and no list shows it.

    Payload: the payout's own fields; ``items``, all its balance transactions but its own TRANSFER; ``unexplained``,
    its net less the items' net, ``"0.00"`` when the list is whole. Both are None while it is SCHEDULED. A
    WITHDRAWAL takes from the bank: its items' net is negative, its own net is compared as negative.
    """

    name = "payout"

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield the payouts issued in the window, begun 30 days earlier.

        :raises TransientError, ConfigurationError: as ``ShopifyHook.graphql``; ConfigurationError also when the
            shop has no Shopify Payments.
        """
        issued = SearchWindow.on("issued_at", window, begun_earlier=_PAYOUT_MEMORY)
        for page in _pages(self._hook, PAYOUTS, issued.query):
            yield [self.record(payout) for payout in page]

    def record(self, payout: dict[str, Any]) -> RawRecord:
        """One payout, itemised once it is sent."""
        items = self._items(payout)
        return RawRecord(
            key=self._key(payout["legacyResourceId"]),
            version=fingerprint([payout["status"], payout["net"], payout["externalTraceId"]]),
            changed_at=instant(payout["issuedAt"]),
            payload={**payout, "items": items, "unexplained": None if items is None else _unexplained(payout, items)},
        )

    def _items(self, payout: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        if payout["status"] == "SCHEDULED":
            return None
        search = f"payments_transfer_id:{payout['legacyResourceId']}"
        pages = _pages(self._hook, BALANCE_TRANSACTIONS, search, hideTransfers=True)
        return [item for page in pages for item in page]


class BalanceTransactionSource(_PaymentsSource):
    """
    Balance transactions, the payouts' own among them; test ones left out.

    Payload: the transaction's own fields; ``shop``, its myshopify.com name; ``transaction``, the order's transaction
    that it is of (with ``parentTransaction``, the one it gives back), None where it is of none or the order is hidden.
    """

    name = "balance_transaction"

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield the transactions processed in the window, begun an hour earlier, oldest first.

        :raises TransientError, ConfigurationError: as ``PayoutSource.read``.
        """
        processed = SearchWindow.on("processed_at", window, begun_earlier=_OVERLAP)
        for page in _pages(self._hook, BALANCE_TRANSACTIONS, processed.query, hideTransfers=False):
            items = [item for item in page if not item["test"]]
            transactions = self._transactions(items)
            yield [self._record(item, transactions) for item in items]

    def _transactions(self, items: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """The transactions of the orders that these are about, by number."""
        left = list({item["associatedOrder"]["id"]: None for item in items if item["associatedOrder"]})
        found: dict[str, dict[str, Any]] = {}
        while left:
            orders = self._hook.graphql(TRANSACTIONS_OF_ORDERS, {"ids": left[:_ORDERS_AT_ONCE]}).data["nodes"]
            left = left[_ORDERS_AT_ONCE:]
            for order in filter(None, orders):
                found |= {each["id"].rpartition("/")[2]: each for each in order["transactions"]}
        return found

    def _record(self, item: dict[str, Any], transactions: Mapping[str, dict[str, Any]]) -> RawRecord:
        transaction = transactions.get(str(item["sourceOrderTransactionId"]))
        return RawRecord(
            key=self._key(item["id"].rpartition("/")[2]),
            version=fingerprint([item["type"], item["amount"], item["fee"], item["net"], transaction]),
            changed_at=instant(item["transactionDate"]),
            payload={**item, "shop": self._hook.shop, "transaction": transaction},
        )


def balance(hook: ShopifyApi) -> dict[str, Decimal]:
    """
    What Shopify Payments holds for the shop, by currency code.

    :raises TransientError, ConfigurationError: as ``PayoutSource.read``.
    """
    held = _account(hook, BALANCE, {})["balance"]
    return {money["currencyCode"]: Decimal(money["amount"]) for money in held}


def _pages(hook: ShopifyApi, document: str, search: str | None, **more: bool) -> Iterator[list[dict[str, Any]]]:
    after: str | None = None
    while True:
        page = _account(hook, document, {"filter": search, "after": after, **more})["connection"]
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
            remedy="Take its connection away from `shopify_payments` under `connections` of the company file; where no"
            " shop has it, name it under `without` instead.",
        )
    return cast(dict[str, Any], account)


def _unexplained(payout: Mapping[str, Any], items: list[dict[str, Any]]) -> str:
    net = Decimal(payout["net"]["amount"])
    paid = -abs(net) if payout["transactionType"] == "WITHDRAWAL" else net
    return str(paid - sum((Decimal(item["net"]["amount"]) for item in items), Decimal(0)))


SOURCES: dict[str, Callable[[ShopifyApi], Source]] = {
    source.name: source for source in (BalanceTransactionSource, PayoutSource)
}
"""By entity name."""
