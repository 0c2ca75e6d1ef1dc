"""An order of the golden form, and what is given back of it, as the admin API of the simulated Magento takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

__all__ = ["cart_of", "credit_of"]

Json = dict[str, Any]
_HUNDRED = Decimal(100)
# the golden form is in the order's currency, the catalogue in the base currency with four decimals
_PLACES = Decimal("0.0001")


def cart_of(order: Mapping[str, Any]) -> Json:
    """The cart that becomes this order, under its name: Magento calculates the taxes anew, each line for itself."""
    person, address = order["customer"], order["customer"]["address"] or {}
    return {
        "store": order["shop"],
        "at": order["placed_at"],
        "reserved_order_id": order["name"],
        "currency": order["currency"],
        "customer": {"email": person["email"], "firstname": person["first_name"], "lastname": person["last_name"]},
        "address": {
            "street": [line for line in (address.get("line1"), address.get("line2")) if line],
            "city": address.get("city"),
            "region_code": address.get("state"),
            "postcode": address.get("zip"),
            "country_id": address.get("country"),
            "company": person["company"],
        },
        "lines": [
            {
                **_line(line, order),
                **{name: line[name] for name in ("type", "child_sku", "dynamic") if name in line},
                "children": [_line(each, order) for each in line.get("children", [])],
            }
            for line in order["lines"]
        ],
        "shipping": _shipping(order),
        "method": order.get("method", "stripe_payments"),
    }


def credit_of(refund: Mapping[str, Any], order: Mapping[str, Any]) -> Json:
    """
    The credit memo of a refund: its lines and its shipping; money for nothing is an adjustment, as is what is withheld.

    A refund whose money goes back by the gateway is made online, under the gateway's id.
    """
    amount = Decimal(refund["amount"])
    value = sum((Decimal(line["net"]) + _tax(line["tax"]) for line in refund.get("lines") or []), Decimal(0))
    if refund.get("shipping"):
        value += Decimal(refund["shipping"]) + _tax(refund.get("shipping_tax") or [])
    return {
        "lines": [{"sku": line["sku"], "quantity": line["quantity"]} for line in refund.get("lines") or []],
        # Magento counts it before its discount; None is all of it
        "shipping": None if _is_whole(refund, order) else _base(refund.get("shipping") or "0", order),
        "adjustment_positive": _base(max(amount - value, Decimal(0)), order),
        "adjustment_negative": _base(max(value - amount, Decimal(0)), order),
        "online": True,
        "transaction_id": refund["id"],
    }


def _is_whole(refund: Mapping[str, Any], order: Mapping[str, Any]) -> bool:
    """Whether all of the shipping is given back."""
    shipping = order["shipping"]
    if not shipping or not refund.get("shipping"):
        return False
    tax = _tax(shipping["tax"]) if order["taxes_included"] else Decimal(0)
    return Decimal(shipping["price"]) - Decimal(shipping["discount"]) - tax == Decimal(refund["shipping"])


def _shipping(order: Mapping[str, Any]) -> Json | None:
    shipping = order["shipping"]
    return shipping and {
        "title": shipping["title"],
        "price": _base(shipping["price"], order),
        "discount": _base(shipping["discount"], order),
        "taxes": _rates(shipping["tax"]),
    }


def _line(line: Mapping[str, Any], order: Mapping[str, Any]) -> Json:
    return {
        "sku": line["sku"],
        "quantity": line["quantity"],
        "price": _base(line["unit_price"], order),
        "discount": _base(line["discount"], order),
        "taxes": _rates(line["tax"]),
    }


def _rates(taxes: Iterable[Mapping[str, Any]]) -> list[Json]:
    return [{"code": tax["detail"], "rate": str(Decimal(tax["rate"]) * _HUNDRED)} for tax in taxes]


def _tax(taxes: Iterable[Mapping[str, Any]]) -> Decimal:
    return sum((Decimal(tax["amount"]) for tax in taxes), Decimal(0))


def _base(amount: Decimal | str, order: Mapping[str, Any]) -> str:
    return str((Decimal(amount) * Decimal(order["rate"])).quantize(_PLACES))
