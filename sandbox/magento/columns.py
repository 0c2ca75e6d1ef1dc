"""Which fields a list can be filtered and sorted by: the columns of Magento's tables, as far as they are kept here."""

from __future__ import annotations

from sandbox.magento.wire import SIDES, side_name

__all__ = ["COLUMNS", "TEXTS"]

_CURRENCY_TEXTS = {
    "base_currency_code",
    "global_currency_code",
    "store_currency_code",
    "order_currency_code",
}
_RATES = {"base_to_global_rate", "base_to_order_rate", "store_to_base_rate", "store_to_order_rate"}
TEXTS = _CURRENCY_TEXTS | {
    "coupon_code",
    "created_at",
    "customer_email",
    "customer_firstname",
    "customer_lastname",
    "hold_before_state",
    "hold_before_status",
    "increment_id",
    "parent_txn_id",
    "shipping_description",
    "status",
    "store_name",
    "transaction_id",
    "txn_id",
    "txn_type",
    "updated_at",
}
"""Columns that compare as text; of an order ``state`` too. The rest are numbers."""


def _pairs(*names: str) -> set[str]:
    return {side_name(side, name) for name in names for side in SIDES}


_DOCUMENT = {"entity_id", "increment_id", "order_id", "store_id", "created_at", "updated_at"}
_TOTALS = _pairs(
    "subtotal",
    "subtotal_incl_tax",
    "discount_amount",
    "discount_tax_compensation_amount",
    "tax_amount",
    "shipping_amount",
    "shipping_incl_tax",
    "shipping_tax_amount",
    "shipping_discount_tax_compensation_amount",
    "grand_total",
)
_ADJUSTMENTS = _pairs("adjustment_positive", "adjustment_negative")
_COUNTED = _pairs(
    *(f"{what}_{done}" for what in ("subtotal", "tax", "shipping", "discount") for done in ("invoiced", "refunded")),
    *(f"{what}_canceled" for what in ("subtotal", "tax", "shipping", "discount")),
    *(f"total_{what}" for what in ("invoiced", "paid", "refunded", "due", "canceled")),
    "total_online_refunded",
    "total_offline_refunded",
    "shipping_tax_refunded",
    "discount_tax_compensation_invoiced",
    "discount_tax_compensation_refunded",
)
COLUMNS: dict[str, set[str]] = {
    "order": _DOCUMENT - {"order_id"}
    | _TOTALS
    | _ADJUSTMENTS
    | _COUNTED
    | _CURRENCY_TEXTS
    | _RATES
    | _pairs("shipping_discount_amount")
    | {
        "coupon_code",
        "customer_email",
        "customer_firstname",
        "customer_group_id",
        "customer_id",
        "customer_is_guest",
        "customer_lastname",
        "hold_before_state",
        "hold_before_status",
        "is_virtual",
        "quote_id",
        "shipping_description",
        "state",
        "status",
        "store_name",
        "total_item_count",
        "total_qty_ordered",
        "weight",
    },
    "invoice": _DOCUMENT | _TOTALS | _CURRENCY_TEXTS | _RATES | {"state", "total_qty", "transaction_id"},
    "creditmemo": _DOCUMENT
    | _TOTALS
    | _ADJUSTMENTS
    | _pairs("adjustment")
    | _CURRENCY_TEXTS
    | _RATES
    | {"state", "invoice_id", "transaction_id"},
    "shipment": _DOCUMENT | {"total_qty"},
    "transaction": {
        "created_at",
        "is_closed",
        "order_id",
        "parent_id",
        "parent_txn_id",
        "payment_id",
        "transaction_id",
        "txn_id",
        "txn_type",
    },
}
"""By kind of document."""
