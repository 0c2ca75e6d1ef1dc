"""
The parts of an order's sales ledger: what was sold or taken back, and the money for it.

Source: sources.md Shopify §3 (agreements, refunds, transactions).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

__all__ = [
    "SHOPIFY_PAYMENTS",
    "Action",
    "Agreement",
    "Item",
    "LineType",
    "Reason",
    "Refund",
    "RefundedItem",
    "RestockType",
    "Sale",
    "Tax",
    "Totals",
    "Transaction",
    "TransactionKind",
]

ZERO = Decimal(0)
SHOPIFY_PAYMENTS = "shopify_payments"
"""What transactions name the shop's own gateway."""
LineType = Literal["PRODUCT", "SHIPPING", "ADJUSTMENT", "TIP", "GIFT_CARD", "DUTY", "ADDITIONAL_FEE"]
Reason = Literal["ORDER", "ORDER_EDIT", "REFUND", "RETURN"]
Action = Literal["ORDER", "UPDATE", "RETURN"]
RestockType = Literal["CANCEL", "RETURN", "NO_RESTOCK"]
TransactionKind = Literal["AUTHORIZATION", "CAPTURE", "SALE", "REFUND", "VOID"]


@dataclass(frozen=True)
class Tax:
    """One tax detail of a sale; ``rate`` 0.0625 is 6.25 %. ``channel_liable``: the marketplace remits it."""

    title: str
    rate: Decimal
    amount: Decimal
    channel_liable: bool = False

    @property
    def kind(self) -> tuple[str, Decimal, bool]:
        """What taxes are added up by."""
        return self.title, self.rate, self.channel_liable


@dataclass(frozen=True)
class Item:
    """What a sale is about: goods (``sku``), a gift card, a tip, shipping, duties or a fee (no line items)."""

    id: int
    line_type: LineType
    title: str
    unit_price: Decimal
    sku: str | None = None


@dataclass(frozen=True)
class Sale:
    """A change of what the customer owes; returns have negative quantity and amounts."""

    id: int
    action: Action
    item: Item | None
    quantity: int
    price: Decimal
    discount: Decimal
    taxes: tuple[Tax, ...]

    @property
    def line_type(self) -> LineType:
        """ADJUSTMENT is money without an item."""
        return self.item.line_type if self.item else "ADJUSTMENT"

    @property
    def tax(self) -> Decimal:
        """The sum of its tax details."""
        return sum((tax.amount for tax in self.taxes), ZERO)


@dataclass(frozen=True)
class RefundedItem:
    """One item of a refund, amounts positive."""

    id: int
    item: Item
    quantity: int
    subtotal: Decimal
    tax: Decimal
    restock_type: RestockType


@dataclass(frozen=True)
class Transaction:
    """Money that moved, or was to move, through a gateway."""

    id: int
    kind: TransactionKind
    status: Literal["SUCCESS", "PENDING", "FAILURE"]
    amount: Decimal
    at: str
    payment_id: str
    gateway: str = "stripe"
    parent: Transaction | None = None
    rounding: Decimal = ZERO  # what cash at the till was rounded by

    @property
    def is_received(self) -> bool:
        """Whether it is money that came in."""
        return self.kind in ("SALE", "CAPTURE") and self.status == "SUCCESS"


@dataclass(frozen=True)
class Refund:
    """What was taken back at once, and the money given for it."""

    id: int
    at: str
    items: tuple[RefundedItem, ...]
    shipping: tuple[RefundedItem, ...]
    duties: tuple[RefundedItem, ...]
    adjustment: Sale | None
    transactions: tuple[Transaction, ...]


@dataclass(frozen=True)
class Agreement:
    """The sales of one moment; append-only."""

    id: int
    reason: Reason
    at: str
    sales: tuple[Sale, ...]
    refund: Refund | None = None


@dataclass(frozen=True)
class Totals:
    """Sums over some sales; ``total`` is what the customer owes for them."""

    subtotal: Decimal
    shipping: Decimal
    tips: Decimal
    discounts: Decimal
    tax: Decimal
    total: Decimal
