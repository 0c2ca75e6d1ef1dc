"""
Files of orders with anything that can happen to them, in the golden form.

``python -m tests.flows.random_orders 300 --seed 7 FILE`` writes one with what it must leave in the books, for
``make demo CASES=FILE``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.orders import harbor_light_supply
from sandbox.places import system_of
from tests.flows.dice import Dice, SeededDice
from tests.flows.expected_books import with_expectations
from tests.flows.random_lives import CENT, Life, cents, instant, total_of

__all__ = ["RandomOrders"]

PRICES = {"MUG-12": "7.35", "LAMP-01": "49.90", "CARD-05": "3.33", "BOOK-01": "14.95", "HEAT-01": "1290.00"}
US_TAXES = (
    (("MA-STATE", "0.0625"), ("MA-COUNTY", "0.0150")),
    (("MA-STATE", "0.0625"),),
    (),
)
UK_TAXES = ((("UK-VAT20", "0.20"),), (("UK-VAT05", "0.05"),), (("UK-ZERO", "0.00"),), ())
SHOPS = {
    "us": ("USD", "1", False, US_TAXES),
    "world": ("USD", "1", True, UK_TAXES),
    "uk": ("GBP", "1.25", True, UK_TAXES),
    "outlet": ("USD", "1", False, US_TAXES),
    "outlet_uk": ("GBP", "1.25", True, UK_TAXES),
}
DRAWN = ("us", "us", "us", "world", "uk", "uk", "outlet", "outlet", "outlet_uk")
"""How often an order is one of a shop, if the company has it."""
RATES = ("1.25", "1.28", "1.2137", "1.31", "0.9876")
OPENING = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MOVED_AT = {2: "2026-03-04T10:00:00Z", 3: "2026-03-06T10:00:00Z", 5: "2026-04-30T10:00:00Z"}
"""By step, when gateways take and give by themselves."""
DISCOUNTS = ("0", "0", "0", "0.1", "0.3333", "1")
NAMES = (
    ("Pat", "Archer", None),
    ("Pat", "Archer", None),
    ("Ben", "Okafor", "Okafor & Sons Ltd"),
    ("Łukasz", "Żółć-Nowak 株式会社 of the Very Long Family Name That No Ledger Field Holds At All", None),
    ("Zoë", 'O’Brien <Smith> & "Co"', "Æther—Naïve “Quotes” S.à r.l."),
    ("Иван", "Петров", None),
    ("😀", "Émoji", "株式会社"),
    ("A", "B", "The Company With A Name So Long That Neither Ledger Would Hold It Without Cutting At A Word Somewhere"),
)
HOLDS = ("reserve_hold", "reserved_funds", "payment_network_reserve_hold", "reserve_transaction")
"""How Stripe keeps money back; each is let go of by the kind in ``RELEASES``, or by its own."""
RELEASES = {"reserve_hold": "reserve_release", "payment_network_reserve_hold": "payment_network_reserve_release"}
OF_SHOPIFY = (
    ("RESERVED_FUNDS", "-20.00"),
    ("RESERVED_FUNDS_WITHDRAWAL", "7.50"),
    ("SHIPPING_LABEL", "-8.10"),
    ("BILLING_DEBIT", "-4.00"),
    ("BILLING_DEBIT_REVERSAL", "1.25"),
    ("CHARGEBACK_FEE", "-15.00"),
)
OF_PAYPAL = (("T0106", "-20.00"), ("T0107", "-0.50"), ("T0100", "-3.00"), ("T0101", "2.00"))
"""What the other gateways take and give by themselves: their word for it and the amount, as the balance moves."""
LONG_STREET = "Building 7, The Old Wool Store, Corner of Long Wharf and Upper Dock Street, Entrance C"

Json = dict[str, Any]


@dataclass(frozen=True)
class Moved:
    """What a gateway's balance moved by, on a day; ``account``: what its payout says of it, nothing for Stripe's."""

    identity: str
    amount: Decimal
    day: date
    account: tuple[tuple[str, str], ...]


@dataclass
class RandomOrders:
    """
    Writes a file in the golden form.

    :param anything: also what the accounting rules leave open; such a file has no expectations.
    """

    company: Json
    dice: Dice
    first_number: int = 1001
    anything: bool = False
    movements: list[Moved] = field(default_factory=list)
    """Charges, refunds and disputes."""

    def write(self, count: int) -> Json:
        """``count`` orders, and the payouts over most of their money."""
        file = self.file([self.case(self.first_number + position) for position in range(count)])
        return file if self.anything else with_expectations(file)

    def file(self, cases: list[Json]) -> Json:
        """These cases with payouts over their money, nothing expected yet."""
        ends = max((event["at"] for case in cases for event in case["events"]), default=instant(OPENING))
        movements = [*self._of_stripe(), *self._of_others()]
        payouts = self._payouts(datetime.fromisoformat(ends).date())
        return {
            "version": 1,
            "company": self.company,
            "cases": cases,
            "movements": movements,
            "payouts": payouts,
            "books": {},
        }

    def case(self, number: int) -> Json:
        """One order and what happens to it."""
        order = self.order(number)
        life = Life(order, self)
        fate = life.live()
        return {"id": f"{fate} {order['name']}", "why": fate, "order": order, "events": life.events, "expect": {}}

    def order(self, number: int) -> Json:
        """An order as placed."""
        shop = self.dice.pick([shop for shop in DRAWN if shop in self._systems])
        currency, rate, included, _ = SHOPS[shop]
        is_magento = self.is_magento(shop)
        lines = [self.line(shop, sku) for sku in self._skus()]
        self._spoil(lines, shop)
        if self.dice.chance(12) and not is_magento:
            lines.append(self._beside(shop))
        shipping = self.shipping(shop) if self.dice.chance(50) else None
        placed_at = OPENING + timedelta(minutes=15 * self.dice.number(0, 7))
        return {
            "name": f"{number:09}" if is_magento else f"{self.dice.pick(['#', '#', '#', 'W-', 'uk-'])}{number}",
            "shop": shop,
            "placed_at": instant(placed_at),
            "currency": currency,
            "rate": rate,
            "taxes_included": included,
            "customer": self._customer(),
            "lines": lines,
            "shipping": shipping,
            "total": f"{total_of(lines, shipping, included):.2f}",
        }

    def moved(self, identity: str, amount: Decimal, day: date, card: Mapping[str, str], shop: str) -> None:
        """Note what a gateway's balance moved by; ``card``: as events name the gateway."""
        account = {**card, "shop": shop} if card.get("gateway") == "shopify_payments" else card
        self.movements.append(Moved(identity, amount, day, tuple(account.items())))

    def is_magento(self, shop: str) -> bool:
        """Whether Magento holds a shop of the company."""
        return self._systems[shop] == "magento"

    def cards(self, order: Json) -> list[str]:
        """The gateways beside Stripe that tell of an order's payments themselves; PayPal in the books' currency."""
        own = any(each["shop"] == order["shop"] and "shopify_payments" in each for each in self.company["shops"])
        by_paypal = "paypal" in self.company and order["currency"] == self.company["base_currency"]
        found = [("shopify_payments", own), ("paypal", by_paypal and not self.is_magento(order["shop"]))]
        return [gateway for gateway, taken in found if taken]

    @property
    def _systems(self) -> dict[str, str]:
        return {shop["shop"]: system_of(shop) for shop in self.company["shops"]}

    def line(self, shop: str, sku: str) -> Json:
        """A line of an item."""
        price = Decimal(self.dice.pick([PRICES[sku], PRICES[sku], "9.99", "0.01", "1.15", "333.33"]))
        quantity = self.dice.pick([1, 2, 3, 5, 7, 12, 24])
        taxes = self.dice.pick(SHOPS[shop][3])
        return self.priced(shop, sku, quantity, price, taxes)

    def priced(self, shop: str, sku: str, quantity: int, price: Decimal, taxes: Sequence[tuple[str, str]]) -> Json:
        """A line at a price, with a discount, its tax as some shop rounds it."""
        discount = cents(price * quantity * Decimal(self.dice.pick(DISCOUNTS)))
        if shop == "outlet_uk" and discount == price * quantity:  # more than all of it, in the catalogue's currency
            discount = Decimal(0)
        tax = self._taxes(shop, price * quantity - discount, taxes, quantity)
        line = {
            "sku": sku,
            "quantity": quantity,
            "unit_price": f"{price:.2f}",
            "discount": f"{discount:.2f}",
            "tax": tax,
        }
        if self.is_magento(shop) and self.dice.chance(20):
            line |= {"type": "configurable", "child_sku": sku}
        return line

    def _beside(self, shop: str) -> Json:
        """A line that is no goods; customs and the shop's fees may be taxed."""
        sku, kind, price = self.dice.pick(
            [
                ("TIP", "TIP", "5.00"),
                ("GIFT CARD", "GIFT_CARD", "25.00"),
                ("DUTIES", "DUTY", "8.00"),
                ("FEES", "ADDITIONAL_FEE", "4.00"),
            ]
        )
        taxes = self.dice.pick(SHOPS[shop][3]) if kind in ("DUTY", "ADDITIONAL_FEE") else ()
        tax = self._taxes(shop, Decimal(price), taxes, 1)
        line = {"sku": sku, "quantity": 1, "unit_price": price, "discount": "0.00", "tax": tax}
        return {**line, "line_type": kind, "title": sku.title()}

    def shipping(self, shop: str) -> Json:
        """A shipping line, perhaps for free."""
        price = Decimal(self.dice.pick(["6.00", "4.99", "18.00", "0.01"]))
        discount = price if self.dice.chance(15) else Decimal(0)
        tax = self._taxes(shop, price - discount, self.dice.pick(SHOPS[shop][3]), 1)
        return {"title": "Courier", "price": f"{price:.2f}", "discount": f"{discount:.2f}", "tax": tax}

    def settled(self, order: Json) -> str | None:
        """The gateway's rate where it is another than the order's."""
        return None if order["currency"] == self.company["base_currency"] else self.dice.pick(RATES)

    def _skus(self) -> list[str]:
        skus = list(PRICES)
        count = self.dice.pick([1, 1, 2, 3])
        first = self.dice.number(0, len(skus) - 1)
        return [skus[(first + position) % len(skus)] for position in range(count)]

    def _taxes(self, shop: str, paid: Decimal, taxes: Sequence[tuple[str, str]], quantity: int) -> list[Json]:
        included = SHOPS[shop][2]
        way = "line" if self.is_magento(shop) else self.dice.pick(["line", "line", "line", "unit", "cent more"])
        found = []
        for detail, text in taxes:
            rate = Decimal(text)
            factor = rate / (1 + rate) if included else rate
            amount = cents(paid * factor) if way != "unit" else cents(paid / quantity * factor) * quantity
            if way == "cent more" and rate and amount + CENT < paid:
                amount += CENT
            found.append({"detail": detail, "rate": text, "amount": f"{min(amount, max(paid, Decimal(0))):.2f}"})
        return found

    def _spoil(self, lines: list[Json], shop: str) -> None:
        """Now and then what the ledgers don't know."""
        if not self.dice.chance(6):
            return
        kind = self.dice.pick(["item", "detail", "set"])
        if kind == "item":
            lines.append(self.priced(shop, "NO-SUCH-SKU", 1, Decimal("5.00"), ()))
        elif kind == "detail":
            lines[0]["tax"].append({"detail": "MOON-TAX", "rate": "0.00", "amount": "0.00"})
        elif not self.is_magento(shop):  # which calculates anew
            lines[0]["tax"] = [{"detail": "MA-COUNTY", "rate": "0.0150", "amount": "0.00"}]

    def _customer(self) -> Json:
        number = self.dice.number(1, 30)
        first, last, company = NAMES[number % len(NAMES)]
        email = f"person{number}@example.com"
        if self.dice.chance(10):
            email = email.upper() if self.dice.chance(50) else email.title()
        street = LONG_STREET if number % 5 == 0 else f"{number} Quay Road"
        address = {"line1": street, "line2": "", "city": "Salem", "state": "MA", "zip": "01970", "country": "US"}
        return {
            "id": f"r{number}",
            "email": None if self.dice.chance(4) else email,
            "first_name": first,
            "last_name": last if number % 3 else f"{last} {number}",
            "company": company,
            "address": address,
        }

    def _of_stripe(self) -> list[Json]:
        """Top-ups, what it keeps back and lets go of, its bills and what it credits of them, the networks' costs."""
        events: list[Json] = []
        for position in range(self.dice.number(0, 3)):
            identity, amount = f"tu_{self.first_number}_{position}", self.dice.pick(["30.00", "200.00", "0.01"])
            events.append(self._moves("topup", identity, amount))
            if self.dice.chance(30):
                events.append(self._moves("topup_reversed", identity, amount, step=5))
        for position in range(self.dice.number(0, 3)):
            kind, amount = self.dice.pick(HOLDS), Decimal(self.dice.pick(["25.00", "0.50", "300.00"]))
            identity = f"rs_{self.first_number}_{position}"
            events.append({**self._moves("reserve", identity, f"{-amount:.2f}"), "type": kind})
            if self.dice.chance(60):
                back = cents(amount / self.dice.pick([1, 3]))
                free = self._moves("reserve", f"{identity}_free", f"{back:.2f}", step=5)
                events.append({**free, "type": RELEASES.get(kind, kind)})
        for position in range(self.dice.number(0, 3)):
            category, amount = self.dice.pick(["fee", "network_cost"]), self.dice.pick(["2.00", "-0.75", "12.34"])
            bill = self._moves("bill", f"fe_{self.first_number}_{position}", amount)
            events.append({**bill, "category": category, "description": "Radar"})
        return events

    def _of_others(self) -> list[Json]:
        """What Shopify Payments and PayPal take and give by themselves; payouts of Shopify's take some of it along."""
        events: list[Json] = []
        shops = [shop["shop"] for shop in self.company["shops"] if "shopify_payments" in shop]
        for position in range(self.dice.number(1, 4) if shops else 0):
            (kind, amount), shop = self.dice.pick(OF_SHOPIFY), self.dice.pick(shops)
            event = self._moves("move", f"mv_{self.first_number}_{position}", amount)
            events.append({**event, "gateway": "shopify_payments", "shop": shop, "type": kind})
            day = datetime.fromisoformat(event["at"]).date()
            self.moved(event["id"], Decimal(amount), day, {"gateway": "shopify_payments"}, shop)
        for position in range(self.dice.number(0, 3) if "paypal" in self.company else 0):
            code, amount = self.dice.pick(OF_PAYPAL)
            event = self._moves("move", f"pm_{self.first_number}_{position}", amount)
            events.append({**event, "gateway": "paypal", "code": code})
        return events

    def _moves(self, what: str, identity: str, amount: str, step: int | None = None) -> Json:
        step = step or self.dice.pick(list(MOVED_AT))
        return {"step": step, "do": what, "id": identity, "at": MOVED_AT[step], "amount": amount}

    def _payouts(self, last_day: date) -> list[Json]:
        """
        By day of arrival, charges and refunds together or apart, some money still with the gateway.

        :param last_day: of the file; Shopify issues no payout on a day that is over.
        """
        groups: dict[tuple[date, str, tuple[tuple[str, str], ...]], list[Moved]] = {}
        for moved in self.movements:
            if self.dice.chance(3):
                continue
            arrives = moved.day + timedelta(days=self.dice.pick([2, 2, 3, 20]))
            kind = moved.identity[:2] if moved.day.month % 2 else "all"
            groups.setdefault((arrives, kind, moved.account), []).append(moved)
        payouts = []
        for position, ((arrives, _, account), parts) in enumerate(sorted(groups.items())):
            amount = sum((moved.amount for moved in parts), Decimal(0))
            if amount:
                payout = {
                    "id": f"po_{self.first_number}_{position}",
                    "step": 5,
                    "arrives": str(max(arrives, last_day) if account else arrives),
                    "covers": [moved.identity for moved in parts],
                    "amount": f"{amount:.2f}",
                }
                payouts.append(payout | dict(account) | ({} if account else self._held_of(amount)))
        if self.dice.chance(50):
            identity, amount = f"po_{self.first_number}_now", self.dice.pick(["10.00", "250.00"])
            now = {"id": identity, "step": 5, "arrives": str(last_day), "covers": [], "amount": amount}
            payouts.append({**now, "method": "instant", "fee": self.dice.pick(["0.50", "2.50"])})
        if "paypal" in self.company and self.dice.chance(50):
            identity, amount = f"pw_{self.first_number}", self.dice.pick(["20.00", "-35.00"])
            withdrawn = {"id": identity, "step": 5, "arrives": str(last_day), "covers": [], "amount": amount}
            payouts.append({**withdrawn, "gateway": "paypal"})
        return payouts

    def _held_of(self, amount: Decimal) -> Json:
        """Of now and then one of Stripe's payouts a minimum stays in the balance."""
        minimum = Decimal("0.30")
        if amount <= minimum or not self.dice.chance(15):
            return {}
        return {"amount": f"{amount - minimum:.2f}", "minimum_balance": f"{minimum:.2f}"}


def main() -> None:
    """Write a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    orders = RandomOrders(harbor_light_supply(), SeededDice(options.seed))
    options.file.write_text(json.dumps(orders.write(options.count), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
