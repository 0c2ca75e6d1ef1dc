"""
Minor units: how many decimals an amount on the wire has.

Source: sources.md Stripe §2 (zero- and three-decimal currencies, special cases).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

__all__ = ["convert", "decimals", "to_minor"]

_ZERO_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])


def decimals(currency: str) -> int:
    """How many decimals ``currency`` (either case) has; ISK is passed with two."""
    code = currency.upper()
    return 0 if code in _ZERO_DECIMALS else 3 if code in _THREE_DECIMALS else 2


def to_minor(amount: Decimal, currency: str) -> int:
    """
    The wire's integer for ``amount``.

    :raises ValueError: the currency has fewer decimals than the amount, or three with a last one that isn't 0.
    """
    minor = amount.scaleb(decimals(currency))
    if minor != minor.to_integral_value() or (decimals(currency) == 3 and minor % 10):
        raise ValueError(f"{amount} {currency} can't be charged: {currency} has {min(decimals(currency), 2)} decimals.")
    return int(minor)


def convert(minor: int, currency: str, rate: Decimal, to: str) -> int:
    """``minor`` units of ``currency`` in ``to``, half-up; ``rate`` is units of ``to`` for one of ``currency``."""
    amount = Decimal(minor).scaleb(decimals(to) - decimals(currency)) * rate
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
