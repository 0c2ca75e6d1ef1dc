"""Files of orders with anything that can happen to them, by seed: what the golden cases hold, mixed at random."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

CENT = Decimal("0.01")
PRICES = {"LAMP-01": "49.90", "MUG-12": "7.35", "CARD-05": "3.33", "BOOK-01": "14.95", "HEAT-01": "120.00"}
SHOPS = {
    "us": ("USD", "1", False, (("MA-STATE", "0.0625"), ("MA-COUNTY", "0.0150"))),
    "world": ("USD", "1", True, (("UK-VAT20", "0.20"),)),
    "uk": ("GBP", "1.25", True, (("UK-VAT20", "0.20"),)),
}
OPENING = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

Json = dict[str, Any]


def cents(amount: Decimal) -> Decimal:
    """Half-up, as shops and ledgers round."""
    return amount.quantize(CENT, ROUND_HALF_UP)


@dataclass
class RandomOrders:
    """Writes one file in the golden form, without expectations: both ledgers must agree, whatever they hold."""

    company: Json
    seed: int
    charges: list[tuple[str, Decimal]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._serial = 0

    def write(self, count: int) -> Json:
        """``count`` orders and the payouts over all of their money."""
        cases = [self._case(f"#{self.seed * 1000 + number}") for number in range(1, count + 1)]
        total = sum((amount for _, amount in self.charges), Decimal(0))
        covers = [identity for identity, _ in self.charges]
        payouts = [
            {"id": f"po_{self.seed}", "step": 5, "arrives": "2026-03-20", "covers": covers, "amount": f"{total:.2f}"}
        ]
        return {
            "version": 1,
            "company": self.company,
            "cases": cases,
            "payouts": payouts if total > 0 else [],
            "books": {},
        }

    def _case(self, name: str) -> Json:
        shop = self._random.choices(list(SHOPS), [6, 2, 2])[0]
        currency, rate, included, taxes = SHOPS[shop]
        lines = [
            self._line(sku, included, taxes) for sku in self._random.sample(list(PRICES), self._random.randint(1, 3))
        ]
        shipping = self._shipping(included, taxes) if self._random.random() < 0.5 else None
        order = {
            "name": name,
            "shop": shop,
            "placed_at": _text(OPENING + timedelta(minutes=self._tick())),
            "currency": currency,
            "rate": rate,
            "taxes_included": included,
            "customer": self._customer(),
            "lines": lines,
            "shipping": shipping,
            "total": f"{_total(lines, shipping, included):.2f}",
        }
        return {"id": name, "why": "at random", "order": order, "events": self._events(order), "expect": {}}

    def _line(self, sku: str, included: bool, taxes: Any) -> Json:
        quantity, price = self._random.randint(1, 6), Decimal(PRICES[sku])
        discount = cents(price * quantity * Decimal(self._random.choice(["0", "0", "0.1", "0.333", "1"])))
        paid = price * quantity - discount
        return {
            "sku": sku,
            "quantity": quantity,
            "unit_price": f"{price:.2f}",
            "discount": f"{discount:.2f}",
            "tax": _taxes(paid, included, taxes),
        }

    def _shipping(self, included: bool, taxes: Any) -> Json:
        price = Decimal(self._random.choice(["4.99", "6.00", "18.00"]))
        return {"title": "Courier", "price": f"{price:.2f}", "discount": "0.00", "tax": _taxes(price, included, taxes)}

    def _customer(self) -> Json:
        number = self._random.randint(1, 5)
        address = {
            "line1": f"{number} Quay Road",
            "line2": "",
            "city": "Salem",
            "state": "MA",
            "zip": "01970",
            "country": "US",
        }
        return {
            "id": f"r{number}",
            "email": f"person{number}@example.com",
            "first_name": "Pat",
            "last_name": f"Number {number}",
            "company": None,
            "address": address,
        }

    def _events(self, order: Json) -> list[Json]:
        total = Decimal(order["total"])
        fate = self._random.choices(
            ["kept", "edited", "cancelled", "returned", "goodwill", "open"], [5, 2, 1, 3, 1, 1]
        )[0]
        events: list[Json] = []
        if total and fate != "open":
            events += self._payments(order, total, whole=fate != "kept")
        if fate == "cancelled":
            events.append({"step": 2, "do": "cancel", "at": "2026-03-02T20:00:00Z"})
            events += self._refund(order, 2, {}, total)
        elif fate == "edited":
            events += self._edited(order, total)
        if fate != "cancelled":
            events += self._shipments(order if fate != "edited" else {"lines": []})
        if fate == "returned" and total:
            events += self._returned(order)
        if fate == "goodwill" and total >= 10:
            events += self._refund(order, 4, {"goodwill": "5.00"}, Decimal(5))
        return events

    def _payments(self, order: Json, total: Decimal, *, whole: bool) -> list[Json]:
        if whole or total < 20 or self._random.random() < 0.6:
            return [self._pay(order, total, 1)]
        first = cents(total * Decimal("0.4"))
        events = [self._pay(order, first, 1)]
        return events if self._random.random() < 0.3 else [*events, self._pay(order, total - first, 4)]

    def _pay(self, order: Json, amount: Decimal, step: int) -> Json:
        rate = "1.28" if order["currency"] == "GBP" else "1"
        base = cents(amount * Decimal(rate))
        fee = cents(base * Decimal("0.029") + Decimal("0.30"))
        identity = f"ch_{self.seed}_{self._tick()}"
        self.charges.append((identity, base - fee))
        at = "2026-03-02T18:00:00Z" if step == 1 else "2026-03-09T18:00:00Z"
        event = {"step": step, "do": "pay", "id": identity, "at": at, "amount": f"{amount:.2f}", "fee": f"{fee:.2f}"}
        return event | ({"rate": rate} if rate != "1" else {})

    def _refund(self, order: Json, step: int, what: Json, amount: Decimal) -> list[Json]:
        if not amount:
            return []
        rate = "1.28" if order["currency"] == "GBP" else "1"
        identity = f"re_{self.seed}_{self._tick()}"
        self.charges.append((identity, -cents(amount * Decimal(rate))))
        at = "2026-03-02T20:30:00Z" if step == 2 else "2026-03-12T19:00:00Z"
        event = {"step": step, "do": "refund", "id": identity, "at": at, **what, "amount": f"{amount:.2f}"}
        return [event | ({"rate": rate} if rate != "1" else {})]

    def _edited(self, order: Json, total: Decimal) -> list[Json]:
        included, taxes = SHOPS[order["shop"]][2:]
        kept = [line for line in order["lines"] if line["quantity"] > 1] or order["lines"]
        lines = []
        for line in kept:
            quantity = max(1, line["quantity"] - 1)
            paid = Decimal(line["unit_price"]) * quantity
            lines.append({**line, "quantity": quantity, "discount": "0.00", "tax": _taxes(paid, included, taxes)})
        now = _total(lines, order["shipping"], included)
        if now > total:
            return []
        edit = {"step": 2, "do": "edit", "at": "2026-03-02T19:00:00Z", "lines": lines}
        return [edit, *self._refund(order, 2, {}, total - now)]

    def _shipments(self, order: Json) -> list[Json]:
        whole = {"step": 3, "do": "fulfil", "at": "2026-03-03T15:00:00Z"}
        splittable = [line for line in order["lines"] if line["quantity"] > 1]
        if not splittable or self._random.random() < 0.7:
            return [whole] if self._random.random() < 0.95 else []
        part = [{"sku": line["sku"], "quantity": 1} for line in splittable]
        return [{**whole, "lines": part}, {"step": 4, "do": "fulfil", "at": "2026-03-06T15:00:00Z"}]

    def _returned(self, order: Json) -> list[Json]:
        line = self._random.choice(order["lines"])
        included = SHOPS[order["shop"]][2]
        quantity = self._random.randint(1, line["quantity"])
        paid = Decimal(line["unit_price"]) * line["quantity"] - Decimal(line["discount"])
        tax = sum((Decimal(each["amount"]) for each in line["tax"]), Decimal(0))
        share = Decimal(quantity) / line["quantity"]
        net = cents((paid - (tax if included else 0)) * share)
        back = [
            {"detail": each["detail"], "amount": f"{cents(Decimal(each['amount']) * share):.2f}"}
            for each in line["tax"]
        ]
        amount = net + sum((Decimal(each["amount"]) for each in back), Decimal(0))
        what: Json = {"lines": [{"sku": line["sku"], "quantity": quantity, "net": f"{net:.2f}", "tax": back}]}
        return self._refund(order, 4, what, amount)

    def _tick(self) -> int:
        self._serial += 1
        return self._serial


def _taxes(paid: Decimal, included: bool, taxes: Any) -> list[Json]:
    return [
        {
            "detail": detail,
            "rate": rate,
            "amount": f"{cents(paid * Decimal(rate) / (1 + Decimal(rate) if included else 1)):.2f}",
        }
        for detail, rate in taxes
    ]


def _total(lines: list[Json], shipping: Json | None, included: bool) -> Decimal:
    total = Decimal(0)
    for each in [*lines, *([shipping] if shipping else [])]:
        paid = Decimal(each["unit_price"]) * each["quantity"] if "unit_price" in each else Decimal(each["price"])
        total += paid - Decimal(each["discount"])
        if not included:
            total += sum((Decimal(tax["amount"]) for tax in each["tax"]), Decimal(0))
    return total


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
