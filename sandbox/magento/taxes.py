"""
Magento's three ways to round a tax: by unit, by row, or over the whole document.

What differs is when a fraction of a cent is carried on. By unit and by row each line starts anew; by total, the
fraction that one line's tax lost is added to the next line's of the same rate, so that the sum is that of the whole.

Source: sources.md Magento (tax calculation, discount_tax_compensation_amount).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

__all__ = ["CENT", "Carry", "Charge", "Method", "Rate", "TaxCalculation", "Taxed", "cents"]

Method = Literal["unit", "row", "total"]
CENT = Decimal("0.01")
ZERO = Decimal(0)
_HUNDRED = Decimal(100)
# what Magento starts to carry with, against floats a hair below half a cent
_START = Decimal("0.000001")


def cents(amount: Decimal) -> Decimal:
    """Half away from zero at two places."""
    return amount.quantize(CENT, ROUND_HALF_UP)


class Carry:
    """Rounds one amount after the other; what rounding took from one is given to the next."""

    def __init__(self, start: Decimal = ZERO) -> None:
        self._left = start

    def round(self, amount: Decimal) -> Decimal:
        """The amount at two places; nothing is carried over zero."""
        if not amount:
            return ZERO
        exact = amount + self._left
        rounded = cents(exact)
        self._left = exact - rounded
        return rounded


@dataclass(frozen=True)
class Rate:
    """One tax, in percent."""

    code: str
    percent: Decimal


@dataclass(frozen=True)
class Charge:
    """What is taxed: ``discount`` is the whole line's; prices as the shop enters them, with or without tax."""

    code: str
    unit_price: Decimal
    quantity: Decimal
    discount: Decimal
    rates: Sequence[Rate]


@dataclass(frozen=True)
class Taxed:
    """
    One line's amounts.

    :param compensation: of a price with tax: the tax in the discount, by which row total minus discount is too low.
    """

    price: Decimal
    price_incl_tax: Decimal
    row_total: Decimal
    row_total_incl_tax: Decimal
    tax_percent: Decimal
    tax: Decimal
    compensation: Decimal
    applied: dict[str, Decimal] = field(default_factory=dict)


class TaxCalculation:
    """
    The tax of one document in one currency.

    :param includes_tax: prices are with tax.
    :param after_discount: tax is on what is left after the discount.
    """

    def __init__(self, method: Method, *, includes_tax: bool, after_discount: bool) -> None:
        self._method = method
        self._includes_tax = includes_tax
        self._after_discount = after_discount
        self._carried: dict[tuple[str, ...], Carry] = defaultdict(lambda: Carry(_START))

    def tax(self, charge: Charge) -> Taxed:
        """The line's amounts; lines in the order of the document."""
        if self._includes_tax:
            return self._by_unit_inside(charge) if self._method == "unit" else self._by_row_inside(charge)
        return self._by_unit_on_top(charge) if self._method == "unit" else self._by_row_on_top(charge)

    def _by_unit_inside(self, charge: Charge) -> Taxed:
        percent = _percent(charge)
        gross, quantity = cents(charge.unit_price), charge.quantity
        before = cents(_inside(gross, percent))
        after = before
        if self._after_discount and charge.discount:
            after = cents(_inside(max(gross - charge.discount / quantity, ZERO), percent))
        tax = after * quantity
        return Taxed(
            price=gross - before,
            price_incl_tax=gross,
            row_total=(gross - before) * quantity,
            row_total_incl_tax=gross * quantity,
            tax_percent=percent,
            tax=tax,
            compensation=(before - after) * quantity,
            applied=_shares(tax, charge),
        )

    def _by_row_inside(self, charge: Charge) -> Taxed:
        percent = _percent(charge)
        gross = cents(charge.unit_price)
        row_gross = gross * charge.quantity
        before = self._round(_inside(row_gross, percent), charge, str(percent), "before")
        after = before
        if self._after_discount:
            exact = _inside(max(row_gross - charge.discount, ZERO), percent)
            after = self._round(exact, charge, str(percent), "after")
        return Taxed(
            price=cents((row_gross - before) / charge.quantity),
            price_incl_tax=gross,
            row_total=row_gross - before,
            row_total_incl_tax=row_gross,
            tax_percent=percent,
            tax=after,
            compensation=before - after,
            applied=_shares(after, charge),
        )

    def _by_unit_on_top(self, charge: Charge) -> Taxed:
        price, quantity = cents(charge.unit_price), charge.quantity
        taxable = max(price - charge.discount / quantity, ZERO)
        before, applied = self._on_top(charge, price, taxable)
        applied = {code: tax * quantity for code, tax in applied.items()}
        return Taxed(
            price=price,
            price_incl_tax=price + before,
            row_total=price * quantity,
            row_total_incl_tax=(price + before) * quantity,
            tax_percent=_percent(charge),
            tax=sum(applied.values(), ZERO),
            compensation=ZERO,
            applied=applied,
        )

    def _by_row_on_top(self, charge: Charge) -> Taxed:
        price = cents(charge.unit_price)
        row = price * charge.quantity
        before, applied = self._on_top(charge, row, max(row - charge.discount, ZERO))
        return Taxed(
            price=price,
            price_incl_tax=cents((row + before) / charge.quantity),
            row_total=row,
            row_total_incl_tax=row + before,
            tax_percent=_percent(charge),
            tax=sum(applied.values(), ZERO),
            compensation=ZERO,
            applied=applied,
        )

    def _on_top(self, charge: Charge, whole: Decimal, discounted: Decimal) -> tuple[Decimal, dict[str, Decimal]]:
        """The tax before the discount, and each rate's on what counts."""
        before = ZERO
        applied = {}
        for rate in charge.rates:
            full = self._round(whole * rate.percent / _HUNDRED, charge, rate.code, "before")
            before += full
            if self._after_discount:
                full = self._round(discounted * rate.percent / _HUNDRED, charge, rate.code, "after")
            applied[rate.code] = full
        return before, applied

    def _round(self, amount: Decimal, charge: Charge, rate: str, when: str) -> Decimal:
        key = (rate, when) if self._method == "total" else (rate, when, charge.code)
        return self._carried[key].round(amount)


def _percent(charge: Charge) -> Decimal:
    return sum((rate.percent for rate in charge.rates), ZERO)


def _inside(gross: Decimal, percent: Decimal) -> Decimal:
    return gross * percent / (_HUNDRED + percent)


def _shares(tax: Decimal, charge: Charge) -> dict[str, Decimal]:
    """A tax that was calculated as a whole, over its rates."""
    percent = _percent(charge)
    if not percent:
        return {rate.code: ZERO for rate in charge.rates}
    carry = Carry(_START)
    shares = {rate.code: carry.round(tax * rate.percent / percent) for rate in charge.rates[:-1]}
    last = charge.rates[-1].code
    return shares | {last: tax - sum(shares.values(), ZERO)}
