"""What the Admin API shows of Shopify Payments."""

from __future__ import annotations

from typing import Any

from ariadne import ObjectType

from sandbox.shopify.call import Info, call_of
from sandbox.shopify.errors import AccessDenied
from sandbox.shopify.paging import page_of
from sandbox.shopify.rendering import gid
from sandbox.shopify.search import Searchable, search

__all__ = ["payments_fields", "payments_queries"]

Json = dict[str, Any]
_SCOPES = ("read_shopify_payments", "read_shopify_payments_accounts")
_MOVED = Searchable(
    times={"processed_at": "processed_at", "payout_date": "payout_date"},
    texts={"transaction_type": "transaction_type", "payout_status": "payout_status", "currency": "currency"},
    numbers={"id": "id", "payments_transfer_id": "payout_id"},
)
_MOVED_BY = {"ID": "id", "PROCESSED_AT": "processed_at", "TRANSACTION_TYPE": "transaction_type"}
_PAYOUTS = Searchable(
    times={"issued_at": "issued_at"},
    texts={"status": "status", "currency": "currency"},
    numbers={"id": "id"},
)
_PAYOUTS_BY = {"AMOUNT": "cents", "ID": "id", "ISSUED_AT": "issued_at", "STATUS": "status"}

payments_queries = ObjectType("QueryRoot")
payments_fields = ObjectType("ShopifyPaymentsAccount")


@payments_queries.field("shopifyPaymentsAccount")
def _resolve_account(_: object, info: Info) -> Json | None:
    call = call_of(info)
    if not call.token.scopes.intersection(_SCOPES):
        raise AccessDenied("shopifyPaymentsAccount", _SCOPES[0])
    currency = call.shops.payments.currency(call.shop.domain)
    if currency is None:
        return None
    return {
        "id": gid("ShopifyPaymentsAccount", call.shop.id),
        "activated": True,
        "country": "US",
        "defaultCurrency": currency,
        "balance": call.shops.payments.balance(call.shop.domain),
    }


@payments_fields.field("balanceTransactions")
def _resolve_moved(_: Json, info: Info, *, hideTransfers: bool = False, **arguments: Any) -> Json:
    hidden = " AND transaction_type <> 'TRANSFER'" if hideTransfers else ""
    return _page(info, f"balance_transaction WHERE shop = ?{hidden}", _MOVED, _MOVED_BY, arguments)


@payments_fields.field("payouts")
def _resolve_payouts(_: Json, info: Info, **arguments: Any) -> Json:
    return _page(info, "payout WHERE shop = ?", _PAYOUTS, _PAYOUTS_BY, arguments)


def _page(info: Info, rows: str, among: Searchable, sorted_by: dict[str, str], arguments: Json) -> Json:
    call = call_of(info)
    condition = search(arguments.get("query") or "", call.shops.clock.now(), among)
    if condition.ignored:
        warnings = [{"field": name, "code": "invalid_field"} for name in condition.ignored]
        call.warnings.append({"path": [info.field_name], "query": arguments.get("query"), "warnings": warnings})
    parameters = [call.shop.domain, *condition.parameters]
    return page_of(call, f"FROM {rows} AND {condition.sql}", parameters, sorted_by, arguments)
