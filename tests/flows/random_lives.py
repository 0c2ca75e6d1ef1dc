"""What can happen to an order: each fate writes its events in the golden form and keeps to what people can do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from tests.flows.random_orders import RandomOrders

__all__ = ["FATES", "UNSETTLED_FATES", "Life", "cents", "instant", "total_of"]

CENT = Decimal("0.01")
NOTHING = Decimal(0)
OPENING = {
    1: datetime(2026, 3, 2, 18, 0, tzinfo=UTC),
    2: datetime(2026, 3, 3, 12, 0, tzinfo=UTC),
    3: datetime(2026, 3, 5, 14, 0, tzinfo=UTC),
    4: datetime(2026, 3, 9, 12, 0, tzinfo=UTC),
}
LATER_DAYS = (0, 3, 12, 22, 30)

Json = dict[str, Any]


def cents(amount: Decimal) -> Decimal:
    """Half-up, as shops and ledgers round."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def instant(moment: datetime) -> str:
    """As the files write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def total_of(lines: Sequence[Json], shipping: Json | None, included: bool) -> Decimal:
    """What the customer is asked for."""
    return sum((_gross(each, included) for each in [*lines, *([shipping] if shipping else [])]), NOTHING)


def _gross(line: Json, included: bool) -> Decimal:
    price = Decimal(line["unit_price"]) * line["quantity"] if "unit_price" in line else Decimal(line["price"])
    tax = NOTHING if included else sum((Decimal(tax["amount"]) for tax in line["tax"]), NOTHING)
    return price - Decimal(line["discount"]) + tax


class Life:
    """The events of one order, in the order of their time; money in the order's currency."""

    def __init__(self, order: Json, writer: RandomOrders) -> None:
        self.order = order
        self.events: list[Json] = []
        self._writer = writer
        self._dice = writer.dice
        self._included = bool(order["taxes_included"])
        self._lines: list[Json] = order["lines"]
        self._shipping: Json | None = order["shipping"]
        self._charges: dict[str, Decimal] = {}
        self._back: dict[str, tuple[int, Decimal, dict[str, Decimal]]] = {}
        self._hours = dict.fromkeys(OPENING, 0)
        self._later = LATER_DAYS.index(self._dice.pick(LATER_DAYS))
        self._parts = 0
        self._worth = NOTHING
        self._is_magento = writer.is_magento(order["shop"])
        cards = writer.cards(order)
        self._card = {"gateway": self._dice.pick(cards)} if cards and self._dice.chance(40) else {}

    def live(self) -> str:
        """Write a life; its fate."""
        fates = FATES | UNSETTLED_FATES if self._writer.anything else FATES
        if self._is_magento:
            fates = {name: fate for name, fate in fates.items() if name in OF_MAGENTO}
        fate = self._dice.pick([name for name, (weight, _) in fates.items() for _ in range(weight)])
        fates[fate][1](self)
        return fate

    @property
    def total(self) -> Decimal:
        """The order as edited, before anything came back."""
        return total_of(self._lines, self._shipping, self._included)

    def kept(self) -> None:
        """Paid at once, shipped whole."""
        self._pay(self.total)
        self._fulfil(3)

    def unpaid(self) -> None:
        """On account."""
        self._fulfil(3)

    def paid_late(self) -> None:
        """On account, paid after it was shipped."""
        self._fulfil(3)
        self._pay(self.total, 4)

    def paid_in_parts(self) -> None:
        """Two or three charges, the last perhaps after the invoice, or never."""
        total = self.total
        first = cents(total * Decimal(self._dice.pick(["0.4", "0.3333", "0.99"])))
        self._pay(first)
        if self._dice.chance(30):
            self._pay(cents((total - first) / 2))
        self._fulfil(3)
        if self._dice.chance(70):
            self._pay(total - sum(self._charges.values(), NOTHING), 4)

    def overpaid(self) -> None:
        """More captured than asked for; some of it may go back later."""
        if not self.total:
            return self._fulfil(3)
        self._pay(self.total + Decimal(self._dice.pick(["0.01", "5.00"])))
        self._fulfil(3)
        if self._dice.chance(50):
            self._refund(4, sum(self._charges.values(), NOTHING) - self.total)
        return None

    def cancelled(self) -> None:
        """Before it is shipped; the money goes back at once, later, or was never there."""
        when = self._dice.pick([2, 2, 1])
        if self._dice.chance(80) and not self._is_magento:  # it cancels what is not invoiced
            self._pay(self.total)
        self._event(when, do="cancel")
        if self._dice.chance(80):
            for left in list(self._charges.values()):
                self._refund(self._dice.pick([2, 4]), left)
        if self._dice.chance(20):
            self._fulfil(3)

    def recalled(self) -> None:
        """Cancelled after it was shipped whole."""
        self._pay(self.total)
        self._fulfil(3)
        self._event(4, do="cancel")
        if self._dice.chance(80):
            for left in list(self._charges.values()):
                self._refund(4, left)

    def edited_down(self) -> None:
        """Fewer pieces, what was paid too much given back or not."""
        self._pay(self.total)
        self._edit(2, [self._fewer(line) for line in self._kept_lines()])
        surplus = sum(self._charges.values(), NOTHING) - self.total
        if surplus > 0 and self._dice.chance(70):
            self._refund(self._dice.pick([2, 4]), surplus)
        self._ship()

    def edited_up(self) -> None:
        """More pieces, another item, the difference paid at once, later, or not."""
        self._pay(self.total)
        lines = [*self._lines]
        if self._dice.chance(50):
            lines = [self._priced_anew(lines[0], lines[0]["quantity"] + 2), *lines[1:]]
        else:
            free = [sku for sku in ("CARD-05", "MUG-12", "LAMP-01", "BOOK-01") if sku not in {x["sku"] for x in lines}]
            lines.append(self._writer.line(self.order["shop"], self._dice.pick(free)))
        self._edit(2, lines)
        missing = self.total - sum(self._charges.values(), NOTHING)
        if missing > 0 and self._dice.chance(70):
            self._pay(missing, self._dice.pick([2, 4]))
        self._ship()

    def edited_shipping(self) -> None:
        """Another shipping price, more or less or none."""
        self._pay(self.total)
        shipping = self._dice.pick([None, self._writer.shipping(self.order["shop"])])
        self._edit(2, self._lines, shipping=shipping)
        surplus = sum(self._charges.values(), NOTHING) - self.total
        if surplus > 0:
            self._refund(2, surplus)
        self._ship()

    def mended(self) -> None:
        """An item nobody has entered, exchanged for one that is there."""
        unknown = self._writer.priced(self.order["shop"], "NO-SUCH-SKU", 1, Decimal("5.00"), ())
        self._lines.append(unknown)
        self.order["total"] = f"{self.total:.2f}"
        self._pay(self.total)
        self._edit(2, [line for line in self._lines if line is not unknown])
        self._ship()

    def split(self) -> None:
        """Shipped in parts, the last perhaps never; all paid, or half."""
        self._pay(self.total if self._dice.chance(70) else cents(self.total / 2))
        self._ship(parts=True)

    def never_shipped(self) -> None:
        """Paid or not, and not more."""
        if self._dice.chance(70):
            self._pay(self.total)

    def returned(self) -> None:
        """Some pieces come back, once or twice, with shipping or without."""
        self._pay(self.total)
        self._ship(parts=self._dice.chance(20), whole=True)
        for _ in range(self._dice.pick([1, 1, 2])):
            self._send_back([self._dice.pick(self._lines)], shipping=False)
        if self._shipping and self._dice.chance(30):
            self._send_back([], shipping=True)

    def returned_whole(self) -> None:
        """Everything comes back, shipping too."""
        self._pay(self.total)
        self._fulfil(3)
        self._send_back(self._lines, shipping=True, all_of_it=True)

    def returned_unpaid(self) -> None:
        """On account: goods come back, no money does."""
        self._fulfil(3)
        self._send_back([self._dice.pick(self._lines)], shipping=False, money=False)
        if self._dice.chance(30) and self.total > self._value_back():
            self._pay(self.total - self._value_back(), 4)

    def taken_off(self) -> None:
        """The shop refunds pieces it has not shipped, perhaps when the warehouse just has."""
        self._pay(self.total)
        whole = self._dice.chance(40)
        # duties and fees alone are no order that anybody ships
        if any(line.get("line_type") not in ("DUTY", "ADDITIONAL_FEE") for line in self._lines[1:]):
            self._send_back(self._lines[:1], shipping=False, all_of_it=whole, step=2, restock="NO_RESTOCK")
        elif whole:
            self._send_back(self._lines, shipping=True, all_of_it=True, step=2, restock="CANCEL")
        if self._dice.chance(20):
            self._fulfil(2, self._one_each())
            return self._fulfil(3)
        return self._ship()

    def goodwill(self) -> None:
        """Money given back without goods, before or after shipping."""
        self._pay(self.total)
        step = self._dice.pick([4, 4, 2])
        if self.total >= 10:
            what = {"goodwill": "5.00"} if self._dice.chance(50) else {}
            self._refund(step, Decimal("5.00"), **what)
        self._fulfil(3)
        if self._dice.chance(30):
            self._send_back([self._dice.pick(self._lines)], shipping=False)

    def disputed(self) -> None:
        """The card holder's bank takes the money, and perhaps gives it back."""
        self._pay(self.total)
        self._fulfil(3)
        if not self._charges:
            return
        self._dispute(4, won=self._dice.chance(40))

    def disputed_early(self) -> None:
        """Before it is shipped; then it is cancelled, shipped all the same, or left."""
        self._pay(self.total)
        if not self._charges:
            return
        self._dispute(2, won=self._dice.chance(30))
        then = self._dice.pick(["cancel", "cancel", "fulfil", "leave"])
        if then == "cancel" and not self._is_magento:
            self._event(self._dice.pick([2, 4]), do="cancel")
        elif then != "leave":
            self._fulfil(3)

    def _dispute(self, step: int, *, won: bool) -> None:
        """Of the first charge, in ``step``; the bank decides in step 4."""
        worth, charge = self._worth, next(iter(self._charges))
        fee = Decimal("15.00")
        identity = self._identity("du")
        moved = f"{-worth:.2f}"
        self._event(step, do="dispute", id=identity, charge=charge, fee=f"{fee:.2f}", moved=moved, **self._card)
        if won and self._card:  # which tells of it by a movement of its own
            self._move(identity, -worth - fee)
            identity = self._identity("dw")
        if won:
            self._event(4, do="dispute_won", id=identity, charge=charge, moved=f"{worth:.2f}", **self._card)
        self._move(identity, (worth if won else NOTHING) - (NOTHING if won and self._card else fee + worth))

    def paid_otherwise(self) -> None:
        """By a gift card or store credit, whole or in part, or by what nobody tells of."""
        untold = "klarna" if "paypal" in self._writer.company else "paypal"
        gateway = self._dice.pick(["gift_card", "shopify_store_credit", untold])
        amount = self.total if self._dice.chance(60) else cents(self.total / 3)
        if amount:
            self._event(1, do="pay", id=self._identity("other"), amount=f"{amount:.2f}", gateway=gateway)
        self._pay(self.total - amount)
        self._fulfil(3)

    def credited(self) -> None:
        """Everything comes back, for credit in the shop."""
        self._pay(self.total)
        self._fulfil(3)
        self._send_back(self._lines, shipping=True, all_of_it=True, gateway="shopify_store_credit")

    def exchanged(self) -> None:
        """A line comes back for another item; what is over is paid, or given back."""
        self._pay(self.total)
        self._fulfil(2)
        back = self._part_of(self._lines[0], all_of_it=True)
        free = [
            sku for sku in ("CARD-05", "MUG-12", "LAMP-01", "BOOK-01") if sku not in {x["sku"] for x in self._lines}
        ]
        if back is None or self._lines[0]["sku"] == "NO-SUCH-SKU":
            return
        new = self._writer.line(self.order["shop"], self._dice.pick(free))
        self._event(3, do="exchange", lines=[back], new=[new])
        over = total_of([new], None, self._included) - _value(back["net"], back["tax"])
        if over > 0:
            self._pay(over, 3)
        elif over < 0:
            self._refund(3, -over)
        self._fulfil(4)

    def edited_after(self) -> None:
        """Edited when goods are on their way."""
        self._pay(self.total)
        self._ship(parts=self._dice.chance(50))
        lines = [self._fewer(line) for line in self._lines]
        if self._dice.chance(50):
            lines.append(self._writer.line(self.order["shop"], "BOOK-01"))
        self._edit(4, lines)
        surplus = sum(self._charges.values(), NOTHING) - self.total
        if surplus > 0 and self._dice.chance(70):
            self._refund(4, surplus)
        if self._dice.chance(50):
            self._fulfil(4)

    def recalled_in_part(self) -> None:
        """Cancelled between two shipments."""
        self._pay(self.total)
        self._fulfil(3, self._one_each())
        self._event(4, do="cancel")
        if self._dice.chance(80):
            for left in list(self._charges.values()):
                self._refund(4, left)

    def taken_off_in_part(self) -> None:
        """Pieces given up between two shipments."""
        self._pay(self.total)
        self._fulfil(3, self._one_each())
        self._send_back([self._dice.pick(self._lines)], shipping=False, restock="CANCEL")
        if self._dice.chance(50):
            self._fulfil(4)

    def fee_withheld(self) -> None:
        """Goods come back, the shop keeps a part of the money."""
        self._pay(self.total)
        self._fulfil(3)
        self._send_back([self._dice.pick(self._lines)], shipping=False, withheld=CENT * self._dice.pick([1, 100]))

    def _event(self, step: int, **what: Any) -> None:
        later = timedelta(days=LATER_DAYS[self._later] if step == 4 else 0)
        at = OPENING[step] + later + timedelta(hours=2 * self._hours[step])
        self._hours[step] += 1
        self.events.append({"step": step, "do": what.pop("do"), "at": instant(at), **what})

    def _pay(self, amount: Decimal, step: int = 1) -> None:
        if amount <= 0:
            return
        rate = self._writer.settled(self.order)
        base = cents(amount * Decimal(rate or self.order["rate"]))
        fee = cents(base * Decimal("0.029") + Decimal("0.30"))
        identity = self._identity("ch")
        self._charges[identity] = amount
        more = {"rate": rate} if rate else {}
        self._event(step, do="pay", id=identity, amount=f"{amount:.2f}", fee=f"{fee:.2f}", **more, **self._card)
        self._worth = base
        self._move(identity, base - fee)

    def _refund(self, step: int, amount: Decimal, **what: Any) -> None:
        """What one charge has left, at most: the gateway refunds charges."""
        charge = next((each for each, left in self._charges.items() if left >= amount), None)
        if charge is None or (amount <= 0 and not what):
            return
        rate = self._writer.settled(self.order)
        identity = self._identity("re")
        self._charges[charge] -= amount
        is_card = "gateway" not in what
        more = ({"rate": rate} if rate else {}) | self._card if is_card else {}
        self._event(step, do="refund", id=identity, **what, amount=f"{amount:.2f}", **more)
        if amount and is_card:
            self._move(identity, -cents(amount * Decimal(rate or self.order["rate"])))

    def _move(self, identity: str, amount: Decimal) -> None:
        at = datetime.fromisoformat(self.events[-1]["at"])
        zone = ZoneInfo(self._writer.company["time_zone"])
        self._writer.moved(identity, amount, at.astimezone(zone).date(), self._card, self.order["shop"])

    def _identity(self, prefix: str) -> str:
        """As long as the gateway's own."""
        self._parts += 1
        digest = hashlib.sha256(f"{self._writer.company['name']}/{self.order['name']}/{self._parts}".encode())
        return f"{prefix}_3{digest.hexdigest()[:24]}"

    def _edit(self, step: int, lines: list[Json], **more: Any) -> None:
        self._lines = lines
        if "shipping" in more:
            self._shipping = more["shipping"]
        self._event(step, do="edit", lines=lines, **more)

    def _kept_lines(self) -> list[Json]:
        if len(self._lines) > 1 and self._dice.chance(40):
            return self._lines[1:]
        return self._lines

    def _fewer(self, line: Json) -> Json:
        return self._priced_anew(line, max(1, line["quantity"] - self._dice.number(0, 4)))

    def _priced_anew(self, line: Json, quantity: int) -> Json:
        if quantity == line["quantity"]:
            return line
        taxes = [(tax["detail"], tax["rate"]) for tax in line["tax"]]
        price = Decimal(line["unit_price"])
        return self._writer.priced(self.order["shop"], line["sku"], quantity, price, taxes)

    def _fulfil(self, step: int, lines: list[Json] | None = None) -> None:
        self._event(step, do="fulfil", **({"lines": lines} if lines else {}))

    def _one_each(self) -> list[Json]:
        return [{"sku": line["sku"], "quantity": (left + 1) // 2} for line in self._lines if (left := self._left(line))]

    def _left(self, line: Json) -> int:
        return int(line["quantity"]) - self._back.get(line["sku"], (0,))[0]

    def _ship(self, *, parts: bool | None = None, whole: bool = False) -> None:
        parts = self._dice.chance(25) if parts is None else parts
        if not parts:
            return self._fulfil(3)
        self._fulfil(3, self._one_each())
        if self._dice.chance(25):
            self._fulfil(4, [{"sku": line["sku"], "quantity": 1} for line in self._lines if self._left(line) > 3])
        if whole or self._dice.chance(80):
            self._fulfil(4)
        return None

    def _send_back(
        self,
        lines: list[Json],
        *,
        shipping: bool,
        all_of_it: bool = False,
        money: bool = True,
        step: int = 4,
        withheld: Decimal = NOTHING,
        restock: str | None = None,
        gateway: str | None = None,
    ) -> None:
        """One refund of pieces of these lines, and of the shipping; its money, up to what one charge has left."""
        parts = [part for line in lines if (part := self._part_of(line, all_of_it))]
        what: Json = ({"restock": restock} if restock else {}) | {"lines": parts} if parts else {}
        what |= {"gateway": gateway} if gateway and parts else {}
        value = sum((_value(part["net"], part["tax"]) for part in parts), NOTHING)
        if shipping and self._shipping:
            tax = [{"detail": tax["detail"], "amount": tax["amount"]} for tax in self._shipping["tax"]]
            gross = total_of([], self._shipping, self._included)
            net = gross - sum((Decimal(each["amount"]) for each in tax), NOTHING)
            if net:
                what |= {"shipping": f"{net:.2f}", "shipping_tax": tax}
                value += gross
        if not what or (money and not any(left >= value - withheld for left in self._charges.values()) and value):
            return
        if self._is_magento and value <= withheld:
            return  # it makes no credit memo of nothing
        for part in parts:
            count, net, taxes = self._back.get(part["sku"], (0, NOTHING, {}))
            taxes = {
                each["detail"]: taxes.get(each["detail"], NOTHING) + Decimal(each["amount"]) for each in part["tax"]
            }
            self._back[part["sku"]] = (count + part["quantity"], net + Decimal(part["net"]), taxes)
        if money and self._charges:
            self._refund(step, max(NOTHING, value - withheld), **what)
        else:
            self._event(step, do="refund", id=self._identity("re"), **what, amount="0.00")

    def _part_of(self, line: Json, all_of_it: bool) -> Json | None:
        """Pieces of a line with their share of its net and taxes; the last pieces are what is left."""
        if sum(each["sku"] == line["sku"] for each in self._lines) > 1:
            return None
        gone, net_gone, taxes_gone = self._back.get(line["sku"], (0, NOTHING, {}))
        left = line["quantity"] - gone
        if not left:
            return None
        quantity = left if all_of_it else self._dice.number(1, left)
        tax = sum((Decimal(each["amount"]) for each in line["tax"]), NOTHING)
        net = _gross(line, self._included) - tax
        discount = Decimal(line["discount"])
        uneven = any(amount * 100 * quantity % line["quantity"] for amount in (net, tax, discount))
        if self._is_magento and (uneven or (self._included and discount)):
            quantity = left  # it carries what rounding leaves from one amount to the next

        def share(amount: Decimal, before: Decimal) -> str:
            part = amount - before if quantity == left else cents(amount * quantity / line["quantity"])
            return f"{min(part, amount - before):.2f}"

        back = [
            {
                "detail": each["detail"],
                "amount": share(Decimal(each["amount"]), taxes_gone.get(each["detail"], NOTHING)),
            }
            for each in line["tax"]
        ]
        return {"sku": line["sku"], "quantity": quantity, "net": share(net, net_gone), "tax": back}

    def _value_back(self) -> Decimal:
        return sum((net + sum(taxes.values(), NOTHING) for _, net, taxes in self._back.values()), NOTHING)


def _value(net: str, taxes: Sequence[Json]) -> Decimal:
    return Decimal(net) + sum((Decimal(tax["amount"]) for tax in taxes), NOTHING)


FATES: dict[str, tuple[int, Callable[[Life], None]]] = {
    "kept": (4, Life.kept),
    "unpaid": (1, Life.unpaid),
    "paid late": (1, Life.paid_late),
    "paid in parts": (2, Life.paid_in_parts),
    "overpaid": (1, Life.overpaid),
    "cancelled": (2, Life.cancelled),
    "recalled": (1, Life.recalled),
    "edited down": (2, Life.edited_down),
    "edited up": (2, Life.edited_up),
    "edited shipping": (1, Life.edited_shipping),
    "mended": (1, Life.mended),
    "split": (3, Life.split),
    "never shipped": (1, Life.never_shipped),
    "returned": (3, Life.returned),
    "returned whole": (1, Life.returned_whole),
    "returned unpaid": (1, Life.returned_unpaid),
    "disputed": (1, Life.disputed),
    "disputed early": (2, Life.disputed_early),
    "goodwill": (2, Life.goodwill),
    "taken off": (2, Life.taken_off),
    "paid otherwise": (2, Life.paid_otherwise),
    "credited": (1, Life.credited),
    "exchanged": (2, Life.exchanged),
}
"""What the accounting rules settle, with how often it happens."""

UNSETTLED_FATES: dict[str, tuple[int, Callable[[Life], None]]] = {
    "edited after": (1, Life.edited_after),
    "recalled in part": (1, Life.recalled_in_part),
    "taken off in part": (1, Life.taken_off_in_part),
    "fee withheld": (1, Life.fee_withheld),
}
"""What they leave open: the ledgers must agree on it all the same."""

OF_MAGENTO = {
    "kept",
    "unpaid",
    "paid late",
    "paid in parts",
    "cancelled",
    "split",
    "never shipped",
    "disputed",
    "disputed early",
    "returned",
    "returned whole",
    "goodwill",
    "taken off",
    "taken off in part",
    "fee withheld",
}
"""Magento edits no order and exchanges nothing: it cancels one and places another."""
