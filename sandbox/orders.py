"""
Makes realistic orders of a company, with what they must leave in the books, in the golden form.

Of the kinds a shop sees every day: one line or several, quantities, taxed shipping, customers who come back, one in
ten on account, one in twenty with an item nobody has entered in the ledger. The same seed makes the same orders.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from sandbox.places import system_of

__all__ = ["MAGENTO_SHOPS", "OPENING", "SHOPS", "harbor_light_supply", "make_orders"]

OPENING = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
ORDERS_A_DAY = 500
PLACING_MINUTES = 40
CENT = Decimal("0.01")
CREDITED = 4
"""Of ten orders the one whose first line comes back, if it is Magento's."""
SHOPS = ("shopify", "magento", "both")
"""Where orders can be placed; of both, every second one in each, Shopify's paid by each of ``GATEWAYS`` in turn."""
GATEWAYS = {"stripe": "clearing", "shopify_payments": "shopify_clearing", "paypal": "paypal_clearing"}
"""Where the money of cards lies until it is paid out, by gateway."""
MAGENTO_SHOPS: list[dict[str, Any]] = [
    {"shop": "outlet", "currency": "USD", "taxes_included": False, "system": "magento", "tax_calculation": "row"},
    {"shop": "outlet_uk", "currency": "GBP", "taxes_included": True, "system": "magento", "tax_calculation": "row"},
]
"""Store views a company may have beside its shops; their taxes are rounded as in files of orders, line by line."""

FIRST_NAMES = ("Ann", "Ben", "Chloe", "Dev", "Elin", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam")
LAST_NAMES = ("Archer", "Okafor", "Baker", "Castro", "Dunn", "Engel", "Foster", "Grant", "Hale", "Ito", "Jensen")
TOWNS = (("Salem", "01970"), ("Boston", "02108"), ("Gloucester", "01930"), ("Plymouth", "02360"), ("Lowell", "01850"))
STREETS = ("Harbor Street", "Quay Road", "Mill Lane", "Chapel Hill", "Beacon Avenue", "Wharf Road")
PRICES = {"LAMP-01": "49.90", "MUG-12": "7.35", "CARD-05": "3.33", "BOOK-01": "14.95", "HEAT-01": "129.00"}
QUANTITIES = {"LAMP-01": 3, "MUG-12": 24, "CARD-05": 10, "BOOK-01": 2, "HEAT-01": 1}
UNKNOWN_ITEM = "NO-SUCH-SKU"
STATE_ONLY_ITEM = "BOOK-01"


def harbor_light_supply() -> dict[str, Any]:
    """The company the sandbox starts with: its shops, accounts, taxes and items."""
    company: dict[str, Any] = json.loads((Path(__file__).parent / "harbor_light_supply.json").read_text())
    return company


def make_orders(
    count: int,
    *,
    seed: int = 1,
    first_number: int = 1001,
    opening: datetime = OPENING,
    shops: str = "shopify",
) -> dict[str, Any]:
    """
    A file of ``count`` orders of a US shop, with events, payouts, expected documents and books.

    :param opening: when the first order is placed; days of at most 500 orders follow each other, everything ships on
        the day after the last, and each day's charges are paid out together three days later.
    :param shops: one of ``SHOPS``.
    """
    company = harbor_light_supply()
    outlet = MAGENTO_SHOPS[0]
    theirs = {"shopify": company["shops"], "magento": [outlet], "both": [*company["shops"], outlet]}[shops]
    known = {**company, "shops": theirs}
    if shops == "both":
        known = {**known, "paypal": "USD", "shops": [{**theirs[0], "shopify_payments": "USD"}, *theirs[1:]]}
    desk = _Desk(random.Random(seed), known, opening)
    return desk.write(count, first_number)


@dataclass
class _Desk:
    """Writes the orders of one file; money in the shop's currency, which is the company's."""

    dice: random.Random
    company: dict[str, Any]
    opening: datetime
    customers: list[dict[str, Any]] = field(default_factory=list)
    paid_on: dict[tuple[int, str], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def write(self, count: int, first_number: int) -> dict[str, Any]:
        ships_at = self.opening.replace(hour=15) + timedelta(days=1 + (count - 1) // ORDERS_A_DAY)
        cases = [self._case(position, count, first_number + position, ships_at) for position in range(count)]
        payouts = list(self._payouts(first_number))
        books: dict[str, Decimal] = defaultdict(Decimal)
        for case in cases:
            effect: dict[str, str] = case["expect"]["books"]
            for role, amount in effect.items():
                books[role] += Decimal(amount)
        for payout in payouts:
            books["bank"] += Decimal(payout["amount"])
            books[GATEWAYS[payout.get("gateway", "stripe")]] -= Decimal(payout["amount"])
        return {
            "version": 1,
            "company": self.company,
            "cases": cases,
            "payouts": payouts,
            "books": {role: str(amount) for role, amount in sorted(books.items()) if amount},
        }

    def _case(self, position: int, count: int, number: int, ships_at: datetime) -> dict[str, Any]:
        day, slot = divmod(position, ORDERS_A_DAY)
        minute = slot * PLACING_MINUTES // min(count, ORDERS_A_DAY)
        placed_at = self.opening + timedelta(days=day, minutes=minute)
        unknown_item = position % 20 == 15
        on_account = position % 10 == 7
        order = self._order(number, placed_at, unknown_item=unknown_item)
        gateway = self._gateway(order, number)
        events: list[dict[str, Any]] = []
        fee = Decimal()
        if not on_account:
            total = Decimal(order["total"])
            fee = _cents(total * Decimal("0.029") + Decimal("0.30"))
            pay = {"step": 1, "do": "pay", "id": f"ch_{number}", "at": _text(placed_at + timedelta(minutes=50))}
            paid_by = {} if gateway == "stripe" else {"gateway": gateway}
            events.append({**pay, "amount": str(total), "fee": str(fee), **paid_by})
            self.paid_on[day, gateway].append(events[-1])
        events.append({"step": 3, "do": "fulfil", "at": _text(ships_at)})
        role = GATEWAYS[gateway]
        expect = _rejected(fee, role) if unknown_item else _delivered(order, fee, role, paid=not on_account)
        if position % 10 == CREDITED and order["shop"] == MAGENTO_SHOPS[0]["shop"]:
            events.append(_refund(order, number, ships_at + timedelta(days=1)))
            expect = _credited(expect, events[-1])
        return {"id": f"order-{number}", "order": order, "events": events, "expect": expect}

    def _gateway(self, order: dict[str, Any], number: int) -> str:
        """Who takes the card, as the shop calls it."""
        first = self.company["shops"][0]
        if "paypal" not in self.company or order["shop"] != first["shop"]:
            return "stripe"
        return list(GATEWAYS)[number // 2 % len(GATEWAYS)]

    def _order(self, number: int, placed_at: datetime, *, unknown_item: bool) -> dict[str, Any]:
        shop = self.company["shops"][-(number % 2)]  # the last one may be Magento's
        is_magento = system_of(shop) == "magento"
        skus = self.dice.sample(list(PRICES), k=self.dice.choice((1, 1, 2, 3)))
        lines = [self._line(sku, self.dice.randint(1, QUANTITIES[sku]), PRICES[sku]) for sku in skus]
        if unknown_item:
            lines.append(self._line(UNKNOWN_ITEM, 1, "5.00"))
        shipping: dict[str, Any] | None = None
        if self.dice.random() < 0.4:
            price = self.dice.choice(("6.00", "9.50", "18.00"))
            shipping = {"title": "Courier", "price": price, "discount": "0.00", "tax": self._tax(Decimal(price), None)}
        total = sum((_net(line) + _taxes(line) for line in lines), Decimal())
        if shipping:
            total += Decimal(shipping["price"]) + _taxes(shipping)
        return {
            "name": f"{number:09}" if is_magento else f"#{number}",
            "shop": shop["shop"] if is_magento else self.company["shops"][0]["shop"],
            "placed_at": _text(placed_at),
            "currency": "USD",
            "rate": "1",
            "taxes_included": False,
            "customer": self._customer(),
            "lines": lines,
            "shipping": shipping,
            "total": str(total),
        }

    def _line(self, sku: str, quantity: int, unit_price: str) -> dict[str, Any]:
        tax = self._tax(quantity * Decimal(unit_price), sku)
        return {"sku": sku, "quantity": quantity, "unit_price": unit_price, "discount": "0.00", "tax": tax}

    def _tax(self, net: Decimal, sku: str | None) -> list[dict[str, str]]:
        details = [d for d in self.company["tax_details"] if d["detail"].startswith("MA-")]
        if sku == STATE_ONLY_ITEM:
            details = details[:1]
        return [{**detail, "amount": str(_cents(net * Decimal(detail["rate"])))} for detail in details]

    def _customer(self) -> dict[str, Any]:
        if self.customers and self.dice.random() < 0.3:
            return self.dice.choice(self.customers)
        number = len(self.customers) + 1
        first, last = self.dice.choice(FIRST_NAMES), self.dice.choice(LAST_NAMES)
        city, zip_code = self.dice.choice(TOWNS)
        customer = {
            "id": f"c{number}",
            "email": f"{first}.{last}.{number}@example.com".lower(),
            "first_name": first,
            "last_name": last,
            "company": f"{last} & Sons {number} Ltd" if self.dice.random() < 0.2 else None,
            "address": {
                "line1": f"{self.dice.randint(1, 180)} {self.dice.choice(STREETS)}",
                "line2": "",
                "city": city,
                "state": "MA",
                "zip": zip_code,
                "country": "US",
            },
        }
        self.customers.append(customer)
        return customer

    def _payouts(self, first_number: int) -> Iterator[dict[str, Any]]:
        for (day, gateway), charges in sorted(self.paid_on.items()):
            payout = {
                "id": f"po_{first_number + day}{'' if gateway == 'stripe' else f'_{gateway}'}",
                "step": 5,
                "arrives": (self.opening + timedelta(days=day + 3)).date().isoformat(),
                "covers": [charge["id"] for charge in charges],
                "amount": str(sum((Decimal(c["amount"]) - Decimal(c["fee"]) for c in charges), Decimal())),
            }
            account = {"shop": self.company["shops"][0]["shop"]} if gateway == "shopify_payments" else {}
            yield payout if gateway == "stripe" else {**payout, "gateway": gateway, **account}


def _delivered(order: dict[str, Any], fee: Decimal, role: str, *, paid: bool) -> dict[str, Any]:
    nets = [_net(line) for line in order["lines"]]
    shipping = order["shipping"] or {"price": "0.00", "tax": []}
    goods, freight, total = sum(nets, Decimal()), Decimal(shipping["price"]), Decimal(order["total"])
    line_tax = sum((_taxes(line) for line in order["lines"]), Decimal())
    freight_tax = _taxes(shipping)
    books = {
        "receivables": Decimal() if paid else total,
        role: total - fee if paid else Decimal(),
        "fees": fee,
        "sales": -goods,
        "shipping_income": -freight,
        "tax_payable": -(line_tax + freight_tax),
    }
    gp_invoice = {
        "SUBTOTAL": str(goods),
        "FREIGHT": str(freight),
        "TAXAMNT": str(line_tax.quantize(CENT)),
        "FRTTXAMT": str(freight_tax.quantize(CENT)),
        "DOCAMNT": str(total),
        "XTNDPRCE": [str(net) for net in nets],
    }
    xero_invoice = {
        "SubTotal": str(goods + freight),
        "TotalTax": str(line_tax + freight_tax),
        "Total": str(total),
        "AmountDue": "0.00" if paid else str(total),
    }
    return {
        "outcome": "delivered",
        "gp_invoices": [gp_invoice],
        "xero_invoices": [xero_invoice],
        "credited": "0.00",
        "books": {role: str(amount) for role, amount in books.items() if amount},
    }


def _refund(order: dict[str, Any], number: int, at: datetime) -> dict[str, Any]:
    """All of the first line comes back, and its money goes back."""
    line = order["lines"][0]
    tax = [{"detail": tax["detail"], "amount": tax["amount"]} for tax in line["tax"]]
    back = {"sku": line["sku"], "quantity": line["quantity"], "net": str(_net(line)), "tax": tax}
    amount = str(_net(line) + _taxes(line))
    return {"step": 4, "do": "refund", "id": f"re_{number}", "at": _text(at), "lines": [back], "amount": amount}


def _credited(expect: dict[str, Any], refund: dict[str, Any]) -> dict[str, Any]:
    [line] = refund["lines"]
    amount, tax = Decimal(refund["amount"]), sum((Decimal(tax["amount"]) for tax in line["tax"]), Decimal())
    books: dict[str, Decimal] = defaultdict(Decimal, {role: Decimal(worth) for role, worth in expect["books"].items()})
    for role, worth in (("clearing", -amount), ("returns", amount - tax), ("tax_payable", tax)):
        books[role] += worth
    return {**expect, "credited": str(amount), "books": {role: str(worth) for role, worth in books.items() if worth}}


def _rejected(fee: Decimal, role: str) -> dict[str, Any]:
    books = {role: str(-fee), "fees": str(fee)} if fee else {}
    return {"outcome": "rejected", "dead_letter": {"field": "sku", "value": UNKNOWN_ITEM}, "books": books}


def _net(line: dict[str, Any]) -> Decimal:
    return int(line["quantity"]) * Decimal(line["unit_price"])


def _taxes(taxed: dict[str, Any]) -> Decimal:
    return sum((Decimal(tax["amount"]) for tax in taxed["tax"]), Decimal())


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
