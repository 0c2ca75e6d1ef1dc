"""
A cart becomes an order: its rows, its taxes and its totals, in both currencies.

Both sides are calculated, not converted into each other, as Magento does: ``base_`` from the catalogue's prices, the
order's from those prices at the day's rate. So the two may differ by a cent from each other's conversion.

Source: sources.md Magento (order, item, tax calculation).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.magento.errors import EventRefused
from sandbox.magento.events import Child, Line, PlacedOrder, TaxRate
from sandbox.magento.settings import Settings
from sandbox.magento.taxes import ZERO, Charge, Method, TaxCalculation, Taxed, cents
from sandbox.magento.wire import SIDES, amount, side_name, zoneless

__all__ = ["Cart", "StoreView"]

Json = dict[str, Any]
_ROW_COUNTERS = (
    "row_invoiced",
    "tax_invoiced",
    "discount_invoiced",
    "discount_tax_compensation_invoiced",
    "amount_refunded",
    "tax_refunded",
    "discount_refunded",
    "discount_tax_compensation_refunded",
)
_ROW_AMOUNTS = (
    "price",
    "original_price",
    "row_total",
    "tax_amount",
    "discount_amount",
    "discount_tax_compensation_amount",
)
_ROW_AMOUNTS_WITH_TAX = ("price_incl_tax", "row_total_incl_tax")


_NOTHING = Taxed(ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)


@dataclass(frozen=True)
class StoreView:
    """One store view with its website's currency and its tax configuration."""

    id: int
    code: str
    name: str
    website_id: int
    base_currency: str
    currency: str
    time_zone: str
    method: Method
    prices_include_tax: bool
    shipping_includes_tax: bool
    tax_after_discount: bool


@dataclass(frozen=True)
class _Row:
    """A row in the making: what it costs on each side, and whether its money is in the order's totals."""

    item: Json
    counts: bool
    taxes: Sequence[TaxRate] = ()
    taxed: Mapping[str, Taxed] = field(default_factory=dict)


class Cart:
    """
    :param rate: units of the order's currency for one of the base currency.
    :param next_id: gives the next id of ``order_item``, ``product`` …
    """

    def __init__(
        self,
        store: StoreView,
        placed: PlacedOrder,
        rate: Decimal,
        settings: Settings,
        next_id: Callable[[str], int],
    ) -> None:
        self._store = store
        self._placed = placed
        self._rates = {"": rate, "base_": Decimal(1)}
        self._settings = settings
        self._next_id = next_id
        self._taxes = {side: self._calculation(store.prices_include_tax) for side in SIDES}
        self._now = zoneless(placed.at)

    def order(self, order_id: int) -> Json:
        """
        The order without its numbers, state and payment.

        :raises EventRefused: a discount is higher than what it is taken off, or a line lacks what its type needs.
        """
        rows = [row for line in self._placed.lines for row in self._rows(order_id, line)]
        order: Json = {"entity_id": order_id, "items": [row.item for row in rows]}
        shipping = self._shipping()
        for side in SIDES:
            self._total(order, side, [row for row in rows if row.counts], shipping[side])
        order["_applied_taxes"] = self._applied(rows, shipping)
        return order

    def _calculation(self, includes_tax: bool) -> TaxCalculation:
        return TaxCalculation(
            self._store.method, includes_tax=includes_tax, after_discount=self._store.tax_after_discount
        )

    def _rows(self, order_id: int, line: Line) -> Iterator[_Row]:
        quantity = Decimal(line.quantity)
        match line.type:
            case "bundle" if line.dynamic:
                yield from self._dynamic_bundle(order_id, line)
            case "bundle":
                parent = self._priced(order_id, line, quantity, line.type)
                yield parent
                for child in line.children:
                    yield self._unpriced(order_id, child.sku, child.name, quantity * child.quantity, parent.item)
            case "configurable":
                if not line.child_sku:
                    raise EventRefused(f"Line {line.sku} is configurable: give `child_sku`, the product chosen.")
                parent = self._priced(order_id, line.model_copy(update={"sku": line.child_sku}), quantity, line.type)
                yield parent
                yield self._unpriced(order_id, line.child_sku, line.name, quantity, parent.item)
            case _:
                yield self._priced(order_id, line, quantity, line.type)

    def _priced(
        self, order_id: int, line: Line | Child, quantity: Decimal, product_type: str, parent: Json | None = None
    ) -> _Row:
        item = self._item(order_id, line.sku, line.name, quantity, product_type)
        if parent is not None:
            item["parent_item_id"] = parent["item_id"]
        taxed = {}
        for side in SIDES:
            price = cents(line.price * self._rates[side])
            discount = self._discount(side, line.discount, price * quantity, f"Line {line.sku}")
            charge = Charge(str(item["item_id"]), price, quantity, discount, [tax.as_rate() for tax in line.taxes])
            taxed[side] = self._taxes[side].tax(charge)
            _put(item, side, taxed[side], discount)
        item["tax_percent"] = taxed[""].tax_percent
        return _Row(item, True, line.taxes, taxed)

    def _discount(self, side: str, discount: Decimal, cost: Decimal, where: str) -> Decimal:
        """The discount in that side's currency, where rounding may have lifted it over what it is taken off."""
        rounded = cents(discount * self._rates[side])
        if side and rounded > cost:
            raise EventRefused(f"{where}: a discount of {rounded} on {cost}. Take no more off than it costs.")
        return min(rounded, cost)

    def _unpriced(self, order_id: int, sku: str, name: str, quantity: Decimal, parent: Json) -> _Row:
        """A row whose money stands on its parent."""
        item = self._item(order_id, sku, name, quantity, "simple")
        item |= {"parent_item_id": parent["item_id"], "_dummy": True}
        repeats = parent["product_type"] == "configurable" and self._settings.child_rows == "repeat"
        for name_ in _ROW_AMOUNTS + (_ROW_AMOUNTS_WITH_TAX if repeats else ()):
            for side in SIDES:
                item[side + name_] = parent[side + name_] if repeats else ZERO
        item["tax_percent"] = parent["tax_percent"] if repeats else ZERO
        return _Row(item, counts=False)

    def _dynamic_bundle(self, order_id: int, line: Line) -> Iterator[_Row]:
        """The children have the money; the parent shows their sum again, or nothing, and counts for nothing."""
        if not line.children:
            raise EventRefused(f"Line {line.sku} is a bundle with a dynamic price: give its `children`.")
        quantity = Decimal(line.quantity)
        parent = self._item(order_id, line.sku, line.name, quantity, "bundle") | {"_dummy": True}
        children = [
            self._priced(order_id, child, quantity * child.quantity, "simple", parent) for child in line.children
        ]
        for name in _ROW_AMOUNTS + _ROW_AMOUNTS_WITH_TAX:
            for side in SIDES:
                shown = sum((child.item[side + name] for child in children), ZERO)
                if "price" in name:
                    with_tax = "_incl_tax" if name.endswith("_incl_tax") else ""
                    rows = sum((child.item[f"{side}row_total{with_tax}"] for child in children), ZERO)
                    shown = cents(rows / quantity)
                parent[side + name] = shown if self._settings.bundle_parents == "sum" else ZERO
        parent["tax_percent"] = ZERO
        yield _Row(parent, counts=False)
        yield from children

    def _item(self, order_id: int, sku: str, name: str, quantity: Decimal, product_type: str) -> Json:
        item_id = self._next_id("order_item")
        item: Json = {
            "item_id": item_id,
            "order_id": order_id,
            "quote_item_id": item_id,
            "product_id": 1000 + item_id,
            "product_type": product_type,
            "sku": sku,
            "name": name or sku,
            "store_id": self._store.id,
            "is_virtual": int(product_type == "virtual"),
            "is_qty_decimal": 0,
            "free_shipping": 0,
            "no_discount": 0,
            "discount_percent": 0,
            "qty_ordered": quantity,
            "created_at": self._now,
            "updated_at": self._now,
        }
        item |= {f"qty_{what}": ZERO for what in ("invoiced", "refunded", "canceled", "shipped")}
        return item | {side + name: ZERO for name in _ROW_COUNTERS for side in SIDES}

    def _shipping(self) -> dict[str, tuple[Taxed, Decimal]]:
        """By side: shipping with its tax, and its discount."""
        shipping = self._placed.shipping
        if shipping is None:
            return dict.fromkeys(SIDES, (_NOTHING, ZERO))
        found = {}
        for side in SIDES:
            price = cents(shipping.price * self._rates[side])
            discount = self._discount(side, shipping.discount, price, "Shipping")
            charge = Charge("shipping", price, Decimal(1), discount, [tax.as_rate() for tax in shipping.taxes])
            # shipping is calculated by itself: no fraction of a cent goes to or comes from the rows
            found[side] = (self._calculation(self._store.shipping_includes_tax).tax(charge), discount)
        return found

    def _total(self, order: Json, side: str, rows: list[_Row], shipping: tuple[Taxed, Decimal]) -> None:
        ship, ship_discount = shipping
        items = [row.item for row in rows]

        def total(name: str) -> Decimal:
            return sum((amount(item, side + name) for item in items), ZERO)

        figures = {
            "subtotal": total("row_total"),
            "subtotal_incl_tax": total("row_total_incl_tax"),
            "discount_amount": -(total("discount_amount") + ship_discount),
            "discount_tax_compensation_amount": total("discount_tax_compensation_amount"),
            "tax_amount": total("tax_amount") + ship.tax,
            "shipping_amount": ship.row_total,
            "shipping_incl_tax": ship.row_total_incl_tax,
            "shipping_tax_amount": ship.tax,
            "shipping_discount_amount": ship_discount,
            "shipping_discount_tax_compensation_amount": ship.compensation,
        }
        figures["grand_total"] = (
            figures["subtotal"]
            + figures["shipping_amount"]
            + figures["tax_amount"]
            + figures["discount_tax_compensation_amount"]
            + figures["shipping_discount_tax_compensation_amount"]
            + figures["discount_amount"]
        )
        figures["total_due"] = figures["grand_total"]
        order |= {side_name(side, name): value for name, value in figures.items()}

    def _applied(self, rows: list[_Row], shipping: dict[str, tuple[Taxed, Decimal]]) -> list[Json]:
        """By row, and for shipping, what each tax came to."""
        found: list[Json] = [
            {
                "type": "product",
                "item_id": row.item["item_id"],
                "applied_taxes": _applied_taxes(row.taxes, row.taxed),
            }
            for row in rows
            if row.taxes
        ]
        if self._placed.shipping and self._placed.shipping.taxes:
            taxed = {side: shipping[side][0] for side in SIDES}
            found.append({"type": "shipping", "applied_taxes": _applied_taxes(self._placed.shipping.taxes, taxed)})
        return found


def _applied_taxes(rates: Sequence[TaxRate], taxed: Mapping[str, Taxed]) -> list[Json]:
    percents = {rate.code: rate.rate for rate in rates}
    return [
        {
            "code": code,
            "title": code,
            "percent": percents[code],
            "amount": tax,
            "base_amount": taxed["base_"].applied[code],
        }
        for code, tax in taxed[""].applied.items()
    ]


def _put(item: Json, side: str, taxed: Taxed, discount: Decimal) -> None:
    figures = {
        "price": taxed.price,
        "original_price": taxed.price,
        "price_incl_tax": taxed.price_incl_tax,
        "row_total": taxed.row_total,
        "row_total_incl_tax": taxed.row_total_incl_tax,
        "tax_amount": taxed.tax,
        "discount_amount": discount,
        "discount_tax_compensation_amount": taxed.compensation,
    }
    item |= {side + name: value for name, value in figures.items()}
