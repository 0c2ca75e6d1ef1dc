"""
The lists of Stripe's API as sources.

Source: sources.md Stripe §1 (lists), §2 (objects).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from hooks.stripe.amounts import with_decimals
from hooks.stripe.api import StripeApi
from hooks.wire.web_api import fingerprint
from ledgerbridge.entities import RawRecord, Share, Window

__all__ = ["SOURCES", "StripeSource"]

# An object may be listed, and get its balance transaction, some time after `created`: windows begin this much earlier.
_OVERLAP = timedelta(hours=1)
# A payout changes after its creation (paid, reconciled, even failed) and can't be listed by change.
_PAYOUT_MEMORY = timedelta(days=30)
_WITH_CHARGES = ["data.source", "data.source.charge"]


class StripeSource:
    """A list of the API as a source, read by ``created``; subclasses say what else can change."""

    name: ClassVar[str]
    path: ClassVar[str]
    expand: ClassVar[tuple[str, ...]] = ()
    version_fields: ClassVar[tuple[str, ...]]
    look_back: ClassVar[timedelta] = _OVERLAP

    def __init__(self, hook: StripeApi) -> None:
        self._hook = hook

    @classmethod
    def expansion(cls) -> dict[str, list[str]]:
        """The parameter that makes a list give whole objects where it would give ids."""
        return {"expand[]": [f"data.{field}" for field in cls.expand]}

    def clock(self) -> datetime:
        """Stripe's own time now."""
        return self._hook.date(self._hook.answer(self.path, {"limit": 1}))

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield the objects created in the window, begun earlier by the overlap; pages newest first.

        :raises TransientError, ConfigurationError: as ``StripeHook.fetch``.

        Source: sources.md Stripe §1 (lists), §2 (objects).
        """
        parameters = {**_created(window, self.look_back), **self._expanded()}
        for page in self._hook.pages(self.path, parameters):
            yield [self.record(item) for item in page]

    def record(self, item: dict[str, Any]) -> RawRecord:
        """One object as a record; ``ours`` says whose it is, where companies share the account."""
        if self._hook.share is not None:
            item["ours"] = _is_of(self._hook.share, item)
        return RawRecord(
            key=f"stripe:{self._hook.account}:{self.name}:{item['id']}",
            version=fingerprint([_value(item, field) for field in self.version_fields]),
            changed_at=self.changed_at(item),
            payload=item,
        )

    def changed_at(self, item: Mapping[str, Any]) -> datetime:
        """When the object was created, as far as Stripe tells."""
        return datetime.fromtimestamp(item["created"], UTC)

    def _expanded(self) -> dict[str, list[str]]:
        return self.expansion()


class _NamedSource(StripeSource):
    """Objects that can be fetched by their id."""

    def read_keys(self, keys: Sequence[str]) -> Iterator[list[RawRecord]]:
        """
        Yield these objects as they are now, one a call.

        :raises TransientError, ConfigurationError: as ``StripeHook.fetch``.
        """
        for key in keys:
            yield [self._again(key.rpartition(":")[2])]

    def _again(self, identity: str) -> RawRecord:
        item = self._hook.fetch(f"{self.path}/{identity}", {"expand[]": list(self.expand)})
        self._hook.check_livemode(item)
        return self.record(with_decimals(item))


class _SettledSource(_NamedSource):
    """
    Charges, refunds, disputes: objects that get balance transactions, perhaps later than they are created.

    A charge without one is yielded as it is (``balance_transaction`` None). When the transaction comes (late
    capture, a pending method, a refund that failed), its ``created`` lies in a later window: that window finds the
    object through the list of balance transactions, and the object's version has changed.
    """

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield the objects created in the window, then the older ones that a balance transaction of it concerns.

        :raises TransientError, ConfigurationError: as ``StripeHook.fetch``.

        Source: sources.md Stripe §2 (a charge may lack its balance transaction; refund failures).
        """
        seen: set[str] = set()
        for page in super().read(window):
            seen.update(record.payload["id"] for record in page)
            yield page
        if window.since is None:
            return
        parameters = {**_created(window, self.look_back), "expand[]": ["data.source"]}
        for transactions in self._hook.pages("/v1/balance_transactions", parameters):
            late = [self._again(identity) for identity in self._concerned(transactions) if identity not in seen]
            seen.update(record.payload["id"] for record in late)
            if late:
                yield late

    def changed_at(self, item: Mapping[str, Any]) -> datetime:
        """When its balance transaction was made, or the object itself while there is none."""
        return super().changed_at(item["balance_transaction"] or item)

    def _concerned(self, transactions: list[dict[str, Any]]) -> list[str]:
        """The ids of this source's objects behind some transactions, each once."""
        sources = [transaction["source"] for transaction in transactions]
        return list({source["id"]: None for source in sources if source and source["object"] == self.name})


class ChargeSource(_SettledSource):
    """Charges with their balance transaction; the payment intent's metadata may name the order."""

    name = "charge"
    path = "/v1/charges"
    expand = ("balance_transaction", "payment_intent")
    version_fields = (
        "status",
        "captured",
        "amount_captured",
        "metadata",
        "payment_intent.metadata",
        "balance_transaction.id",
    )


class RefundSource(_SettledSource):
    """Refunds with their balance transaction and the charge they give back, whose metadata may name the order."""

    name = "refund"
    path = "/v1/refunds"
    expand = ("balance_transaction", "failure_balance_transaction", "charge")
    version_fields = ("status", "amount", "metadata", "balance_transaction.id", "failure_balance_transaction.id")


class DisputeSource(_SettledSource):
    """Disputes with their balance transactions: none (an inquiry), withdrawn, or withdrawn and reinstated."""

    name = "dispute"
    path = "/v1/disputes"
    expand = ("charge",)
    version_fields = ("status", "amount", "balance_transactions.id")

    def changed_at(self, item: Mapping[str, Any]) -> datetime:
        """When money moved last, or the dispute was opened while none did."""
        moved = [transaction["created"] for transaction in item["balance_transactions"]]
        return datetime.fromtimestamp(max([item["created"], *moved]), UTC)


class BalanceTransactionSource(StripeSource):
    """
    Balance transactions with what caused them (``source``, None for some monthly fees).

    The payload has ``itemised`` False where no payout will tell of it: its fee is then to be told by itself.
    """

    name = "balance_transaction"
    path = "/v1/balance_transactions"
    expand = ("source",)
    version_fields = ("amount", "fee", "net", "reporting_category")

    def _expanded(self) -> dict[str, list[str]]:
        # of a refund or dispute the charge says whose it is
        return self.expansion() if self._hook.share is None else {"expand[]": _WITH_CHARGES}

    def record(self, item: dict[str, Any]) -> RawRecord:
        """One balance transaction; another version of it where only now nothing itemises it."""
        since = self._hook.manual_since
        if since is None or datetime.fromtimestamp(item["created"], UTC) < since:
            return super().record(item)
        record = super().record(item | {"itemised": False})
        return replace(record, version=fingerprint([record.version, "not itemised"]))


class PayoutSource(_NamedSource):
    """
    Payouts, those of the last 30 days again and again, since their status changes and no list shows it.

    The payload of an automatic, reconciled payout has ``items``: all its balance transactions (with ``source``)
    but the payout's own, and ``unexplained``: its amount less the items' net, ``"0.00"`` when Stripe's list is
    whole. Other payouts have ``items`` None: Stripe itemises them not yet (in progress) or never (manual ones).
    """

    name = "payout"
    path = "/v1/payouts"
    expand = ("failure_balance_transaction",)
    version_fields = ("status", "reconciliation_status", "failure_balance_transaction.id", "reversed_by")
    look_back = _PAYOUT_MEMORY

    def record(self, item: dict[str, Any]) -> RawRecord:
        """One payout, itemised where Stripe can."""
        items = self._items(item)
        item["items"] = items
        item["unexplained"] = _unexplained(item, items) if items is not None else None
        return super().record(item)

    def _items(self, payout: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        if not payout["automatic"] or payout["reconciliation_status"] != "completed":
            return None
        share = self._hook.share
        expanded = ["data.source"] if share is None else _WITH_CHARGES
        pages = self._hook.pages("/v1/balance_transactions", {"payout": payout["id"], "expand[]": expanded})
        # the list holds the payout's own negative transaction too: sources.md Stripe §2
        items = [item for page in pages for item in page if item["type"] != "payout"]
        return items if share is None else [item | {"ours": _is_of(share, item)} for item in items]


def _is_of(share: Share, item: Mapping[str, Any] | None) -> bool:
    """Whose an object is: a charge's shop says it, a refund's or dispute's charge; all else is of who is paid."""
    if item is None:
        return share.is_paid
    match item["object"]:
        case "charge":
            return share.holds(item["metadata"].get(share.named_in))
        case "refund" | "dispute":
            return _is_of(share, item["charge"])
        case "balance_transaction":
            return _is_of(share, item["source"])
    return share.is_paid


def _unexplained(payout: Mapping[str, Any], items: list[dict[str, Any]]) -> str:
    return str(Decimal(payout["amount"]) - sum((Decimal(item["net"]) for item in items), Decimal(0)))


def _created(window: Window, look_back: timedelta) -> dict[str, int]:
    bounds: dict[str, int] = {}
    if window.since is not None:
        bounds["created[gte]"] = int((window.since - look_back).timestamp())
    if window.until is not None:
        bounds["created[lte]"] = int(window.until.timestamp())
    return bounds


def _value(item: Any, path: str) -> Any:
    """What lies at a path, of each part where a list lies on it; None where nothing does."""
    if isinstance(item, list):
        return [_value(part, path) for part in item]
    if not path:
        return item
    name, _, rest = path.partition(".")
    return _value(item.get(name), rest) if isinstance(item, Mapping) else None


SOURCES: dict[str, type[StripeSource]] = {
    source.name: source
    for source in (ChargeSource, RefundSource, DisputeSource, PayoutSource, BalanceTransactionSource)
}
"""By entity name."""
