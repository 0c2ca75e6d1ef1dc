"""
Stripe's amounts: integers in minor units on the wire, decimal strings in payloads.

Source: sources.md Stripe §2 (zero- and three-decimal currencies; ISK is passed with two decimals all the same).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

__all__ = ["major", "with_decimals"]

_ZERO_DECIMALS = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF")
)
_THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])

# beside `amount` and `amount_…`, which objects of every kind have, also of those that nobody here reads for themselves
_MORE_AMOUNTS: dict[str, tuple[str, ...]] = {"balance_transaction": ("fee", "net")}


def major(amount: int, currency: str) -> str:
    """
    An amount of minor units as a decimal string of major units.

    >>> major(5377, "usd"), major(500, "jpy"), major(-1230, "kwd")
    ('53.77', '500', '-1.230')
    """
    return str(Decimal(amount).scaleb(-_exponent(currency)))


def with_decimals(item: dict[str, Any]) -> dict[str, Any]:
    """The object with all its known amounts as decimal strings, those of expanded objects within it too."""
    # a shop may put anything into metadata, even a field named like an amount
    converted = {
        name: _within(value) if isinstance(value, dict | list) and name != "metadata" else value
        for name, value in item.items()
    }
    if "object" in item and isinstance(item.get("currency"), str):
        more = _MORE_AMOUNTS.get(item["object"], ())
        for name, value in item.items():
            if type(value) is int and (name == "amount" or name.startswith("amount_") or name in more):
                converted[name] = major(value, item["currency"])
    if "fee_details" in item:
        converted["fee_details"] = [
            {**detail, "amount": major(detail["amount"], detail["currency"])} for detail in item["fee_details"]
        ]
    return converted


def _within(value: dict[str, Any] | list[Any]) -> Any:
    if isinstance(value, dict):
        return with_decimals(value)
    return [_within(part) if isinstance(part, dict | list) else part for part in value]


def _exponent(currency: str) -> int:
    code = currency.upper()
    if code in _ZERO_DECIMALS:
        return 0
    return 3 if code in _THREE_DECIMALS else 2
