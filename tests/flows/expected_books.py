"""
What a file of orders must leave in the books, computed from the accounting rules alone (accounting-rules.md).

Nothing of the product is imported: where this and the ledgers differ, one of them is wrong. It follows the file as it
is played, step by step: what people do, then the flow until nothing moves. What the rules leave open is
``Unspecified``, so that a file never expects what nobody promised. Numbers of rules and sections are that page's.

Amounts are in the order's currency until they are booked; booked ones in the base currency, debit positive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.places import system_of

__all__ = ["Unspecified", "expect_books", "expect_case", "expect_gateways", "with_expectations"]

CENT = Decimal("0.01")
NOTHING = Decimal(0)
KINDS = {"TIP": "tips", "GIFT_CARD": "gift_cards", "DUTY": "duties", "ADDITIONAL_FEE": "additional_fees"}
"""Role of a line that is no goods, by the shop's line type (rule 16)."""
CUSTOMS = {"duties", "additional_fees"}
"""Of these, what the shop says no pieces of."""
TOLD_BY_THE_SHOP = {"gift_card": "gift_cards", "shopify_store_credit": "store_credit"}
"""Role of what a gateway holds whose payments the shop tells of (rule 17)."""
CARDS = {"stripe": "clearing", "shopify_payments": "shopify_clearing", "paypal": "paypal_clearing"}
"""Role of what a gateway holds that tells of its payments itself; of others than these and the shop's nobody tells."""
STEPS = (1, 2, 3, 4, 5)

Json = dict[str, Any]


class Unspecified(Exception):
    """The accounting rules don't say what becomes of this order."""


def cents(amount: Decimal) -> Decimal:
    """Half-up to two decimals."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def with_expectations(file: Json, *, where_specified: bool = False) -> Json:
    """
    The file with what each case and all books together must be.

    :param where_specified: leave open what the rules leave open: nothing is expected of such a case, nor of the books.
    :raises Unspecified: the rules leave a case open.
    """
    expectations: list[Json] = []
    for case in file["cases"]:
        try:
            expectations.append(expect_case(case, file))
        except Unspecified:
            if not where_specified:
                raise
            expectations.append({})
    cases = [{**case, "expect": expect} for case, expect in zip(file["cases"], expectations, strict=True)]
    return {**file, "cases": cases, "books": expect_books(file, expectations) if all(expectations) else {}}


def expect_books(file: Json, expectations: Iterable[Json]) -> dict[str, str]:
    """The balance of each role over all cases and payouts; roles without one left out."""
    books: dict[str, Decimal] = defaultdict(Decimal)
    for expect in expectations:
        for role, amount in expect["books"].items():
            books[role] += Decimal(amount)
    for payout in file["payouts"]:
        books["bank"] += Decimal(payout["amount"])
        books[_clearing(payout)] -= Decimal(payout["amount"])
        if payout.get("method") == "instant":  # of others the gateway takes nothing for it
            books["fees"] += Decimal(payout["fee"])
            books["clearing"] -= Decimal(payout["fee"])
    for moved in file.get("movements", []):
        role, amount = _by_itself(moved)
        books[role] -= amount
        books[_clearing(moved)] += amount
    return _shown(books)


def expect_gateways(file: Json) -> dict[str, str]:
    """The balances of fees, bank and gateway_reserve: gateways alone move them, whatever becomes of the orders."""
    paid_out = {identity for payout in file["payouts"] for identity in payout["covers"]}
    paid = [event for case in file["cases"] for event in case["events"] if event["do"] in ("pay", "dispute")]
    told = [event for event in paid if "fee" in event and _pays_fee(event, paid_out)]
    fees = sum((Decimal(event["fee"]) for event in told), NOTHING)
    books = expect_books(file, [{"books": {"fees": fees}}])
    return {role: books.get(role, "0.00") for role in ("fees", "bank", "gateway_reserve")}


def _pays_fee(event: Mapping[str, Any], paid_out: set[str]) -> bool:
    """Rule 7: with the payout, PayPal's at once."""
    return event.get("gateway") == "paypal" or event["id"] in paid_out


def _by_itself(moved: Mapping[str, Any]) -> tuple[str, Decimal]:
    """The role that a gateway's movement is on, and what its balance moved by (rule 7)."""
    amount = Decimal(moved["amount"])
    match moved["do"]:
        case "topup":
            return "bank", amount
        case "topup_reversed":
            return "bank", -amount
        case "reserve":
            return "gateway_reserve", amount
        case "bill":
            return "fees", -amount
    return ("gateway_reserve" if moved.get("type", "").startswith("RESERVED") else "fees"), amount


def expect_case(case: Json, file: Json) -> Json:
    """
    Outcome, invoices, credits and effect on the books of one order, payouts apart.

    :raises Unspecified: the rules leave it open.
    """
    paid_out = {identity for payout in file["payouts"] for identity in payout["covers"]}
    life = _Life(case["order"], file["company"], paid_out)
    try:
        life.play(case["events"])
    except Unspecified as reason:
        raise Unspecified(f"{case['order']['name']} ({case['id']}): {reason}") from reason
    return life.expectation()


@dataclass
class _Line:
    """A line of an order, or the shipping (``sku`` empty), for all of its units: net, and tax by detail."""

    sku: str
    quantity: int
    net: Decimal
    taxes: dict[str, Decimal]
    shipped: int = 0
    shipped_net: Decimal = NOTHING
    shipped_taxes: dict[str, Decimal] = field(default_factory=dict)
    returned: int = 0
    role: str = "sales"

    @property
    def tax(self) -> Decimal:
        return sum(self.taxes.values(), NOTHING)

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax

    def ship(self, quantity: int) -> _Line:
        """The part that goes out: shared by quantity, half-up; the last part is what is left (rule 10)."""
        if self.shipped + quantity == self.quantity:
            net = self.net - self.shipped_net
            taxes = {detail: amount - self.shipped_taxes.get(detail, NOTHING) for detail, amount in self.taxes.items()}
        else:
            net = cents(self.net * quantity / self.quantity)
            taxes = {detail: cents(amount * quantity / self.quantity) for detail, amount in self.taxes.items()}
        self.shipped += quantity
        self.shipped_net += net
        for detail, amount in taxes.items():
            self.shipped_taxes[detail] = self.shipped_taxes.get(detail, NOTHING) + amount
        return _Line(self.sku, quantity, net, taxes, role=self.role)


@dataclass
class _Money:
    """An amount with its worth in base currency; whoever takes the last part takes what is left of both."""

    left: Decimal
    rate: Decimal
    worth: Decimal

    def put_back(self, amount: Decimal) -> Decimal:
        worth = cents(amount * self.rate)
        self.left += amount
        self.worth += worth
        return worth

    def take(self, amount: Decimal) -> Decimal:
        worth = self.worth if amount == self.left else cents(amount * self.rate)
        self.left -= amount
        self.worth -= worth
        return worth


@dataclass
class _Charge(_Money):
    """
    ``used``: what of it is on invoices; ``lost`` and ``cancelled``: of that, and of the rest, what its payer's bank
    took back.
    """

    identity: str = ""
    role: str = "clearing"
    amount: Decimal = NOTHING
    used: Decimal = NOTHING
    lost: Decimal = NOTHING
    cancelled: Decimal = NOTHING


@dataclass
class _Invoice(_Money):
    """``left`` is due, ``worth`` the receivable."""

    lines: list[_Line] = field(default_factory=list)
    shipping: _Line | None = None


class _Life:
    """One order from its placing to the end of the file."""

    def __init__(self, order: Json, company: Json, paid_out: set[str]) -> None:
        self._company = company
        self._paid_out = paid_out
        self._rate = Decimal(order["rate"])
        self._foreign = order["currency"] != company["base_currency"]
        self._included = bool(order["taxes_included"])
        self._lines = [self._line(line) for line in order["lines"]]
        self._shipping = self._line(order["shipping"]) if order["shipping"] else None
        self._books: dict[str, Decimal] = defaultdict(Decimal)
        self._charges: list[_Charge] = []
        self._invoices: list[_Invoice] = []
        self._credits: list[_Money] = []
        self._credited = NOTHING
        self._standing = self._total()
        self._received = self._refunded = NOTHING
        self._cancelled = False
        self._in_gp = False
        # what it credits comes off what has not shipped, whatever else stops the order
        self._takes_off = any(
            shop["shop"] == order["shop"] and system_of(shop) == "magento" for shop in company["shops"]
        )
        self._changed = False  # since the flow read it
        self._given_up: list[list[_Line]] = []
        self._money_back: list[tuple[Json, Decimal]] = []
        self._goodwill: list[tuple[Json, Decimal]] = []
        self._disputes: list[Json] = []

    def play(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Step by step, events in order of their time, each step to its end."""
        for step in STEPS:
            for event in sorted((e for e in events if e["step"] == step), key=lambda event: str(event["at"])):
                self.happens(event)
            self.settle()

    def happens(self, event: Mapping[str, Any]) -> None:
        """One thing a person does."""
        match event["do"]:
            case "pay":
                self._pay(event)
            case "fulfil":
                self._fulfil(event)
            case "edit":
                self._edit(event)
            case "cancel":
                self._cancel()
            case "refund":
                self._refund(event)
            case "exchange":
                self._exchange(event)
            case "dispute" | "dispute_won":
                self._dispute(event)

    def settle(self) -> None:
        """The flow and the bookkeeper, until nothing moves."""
        self._changed = False
        for parts in self._given_up:
            self._take_off(parts)
        self._given_up = []
        self._in_gp = self._in_gp or (self._rejection() is None and not self._is_void())
        if self._rejection():
            self._settle_disputes()
            return
        for charge in self._charges:
            for invoice in self._invoices:
                self._apply(charge, invoice)
        self._settle_disputes()
        for credit in self._credits:
            for invoice in self._invoices:
                part = min(credit.left, invoice.left)
                self._settle_receivables(invoice.take(part), -credit.take(part))
        if self._invoices or not self._foreign:  # a credit carries its invoice's rate
            for event, amount in self._goodwill:
                self._grant(event, amount)
            self._goodwill = []
        for event, amount in self._money_back:
            self._give_back(event, amount)
        self._money_back = []

    def expectation(self) -> Json:
        """In the golden form."""
        rejection = self._rejection()
        books = {"books": _shown(self._books)}
        if rejection and not self._cancelled:
            field_name, value = rejection
            letter = {"dead_letter": {"field": field_name, "value": value}} if field_name else {}
            return {"outcome": "rejected", **letter, **books}
        if not self._invoices:
            return {"outcome": "cancelled" if self._is_void() else "ordered", **books}
        return {
            "outcome": "delivered",
            "gp_invoices": [_gp_figures(invoice) for invoice in self._invoices],
            "xero_invoices": [_xero_figures(invoice) for invoice in self._invoices],
            "credited": _text(self._credited),
            **books,
        }

    def _line(self, line: Mapping[str, Any]) -> _Line:
        """Rule 2."""
        quantity = int(line.get("quantity", 1))
        price = Decimal(line["unit_price"] if "unit_price" in line else line["price"])
        taxes: dict[str, Decimal] = defaultdict(Decimal)
        for tax in line["tax"]:
            taxes[tax["detail"]] += Decimal(tax["amount"])
        net = quantity * price - Decimal(line["discount"]) - (sum(taxes.values()) if self._included else NOTHING)
        role = KINDS.get(line.get("line_type", ""), "sales")
        return _Line(line.get("sku", ""), quantity, net, dict(taxes), role=role)

    def _everything(self) -> list[_Line]:
        return [*self._lines, *([self._shipping] if self._shipping else [])]

    def _total(self) -> Decimal:
        return sum((line.gross for line in self._everything()), NOTHING)

    def _is_void(self) -> bool:
        return not self._invoices and (self._cancelled or not any(line.quantity for line in self._lines))

    def _rejection(self) -> tuple[str | None, str] | None:
        """Rules 4 and 15: field and value of what the ledgers don't know; the field is None where several could be."""
        items = {item["sku"] for item in self._company["items"]}
        details = {each["detail"] for each in self._company["tax_details"]}
        sets = {frozenset(rate["details"]) for rate in self._company["xero_tax_rates"]}
        for line in self._everything():
            if line.sku and line.role == "sales" and line.sku not in items:
                return "sku", line.sku
            if unknown := sorted(set(line.taxes) - details):
                return "detail", unknown[0]
            if line.taxes and frozenset(line.taxes) not in sets:
                return None, "+".join(sorted(line.taxes))
        return None

    def _pay(self, event: Mapping[str, Any]) -> None:
        amount = Decimal(event["amount"])
        rate = Decimal(event.get("rate") or self._rate)
        self._received += amount
        gateway = event.get("gateway", "stripe")
        role = (CARDS | TOLD_BY_THE_SHOP).get(gateway)
        if role and (gateway != "paypal" or self._company.get("paypal")):
            self._charges.append(_Charge(amount, rate, cents(amount * rate), event["id"], role, amount))
        self._pay_fee(event)

    def _pay_fee(self, event: Mapping[str, Any]) -> None:
        if "fee" in event and _pays_fee(event, self._paid_out):
            self._books["fees"] += Decimal(event["fee"])
            self._books[_clearing(event)] -= Decimal(event["fee"])

    def _dispute(self, event: Mapping[str, Any]) -> None:
        """Rule 7: its fee whatever becomes of the order, its money as its charge's."""
        self._disputes.append(dict(event))
        self._pay_fee(event)

    def _settle_disputes(self) -> None:
        """Lost as far as the charge is on invoices; the rest cancels against it, once no invoice can take it."""
        waiting: set[str] = set()
        for event in list(self._disputes):
            charge = next(each for each in self._charges if each.identity == event["charge"])
            gives = event["do"] == "dispute_won"
            taken = charge.amount
            lost = charge.lost if gives else min(taken, charge.used - charge.lost)
            unused = charge.cancelled if gives else min(taken - lost, charge.left)
            if charge.identity in waiting or (unused and not gives and not self._cancelled):
                waiting.add(charge.identity)
                continue
            self._disputes.remove(event)
            sign = -1 if gives else 1
            worth = charge.put_back(unused) if gives else charge.take(unused)
            charge.lost += sign * lost
            charge.cancelled += sign * unused
            booked = -Decimal(event["moved"]) - sign * worth
            self._books["goodwill" if lost else "gateway_exchange"] += booked
            self._books[charge.role] -= booked

    def _fulfil(self, event: Mapping[str, Any]) -> None:
        if not self._in_gp or self._is_void():
            return
        if self._changed:
            raise Unspecified("shipped before the flow had read its last change")
        wanted = event.get("lines")
        parts = []
        if wanted is None:
            parts = [line.ship(line.quantity - line.shipped) for line in self._lines if line.shipped < line.quantity]
        for each in wanted or []:
            missing = each["quantity"]
            for line in (line for line in self._lines if line.sku == each["sku"]):
                taken = min(missing, line.quantity - line.shipped)
                missing -= taken
                if taken:
                    parts.append(line.ship(taken))
            if missing:
                raise Unspecified("more shipped than ordered")
        if parts:
            self._invoice(parts)

    def _invoice(self, parts: list[_Line]) -> None:
        shipping = None if self._invoices else self._shipping
        if shipping:
            shipping.ship(1)
        everything = [*parts, *([shipping] if shipping else [])]
        total = sum((line.gross for line in everything), NOTHING)
        tax = sum((line.tax for line in everything), NOTHING)
        receivable = self._book(
            receivables=total,
            shipping_income=-(shipping.net if shipping else NOTHING),
            tax_payable=-tax,
            **{role: -net for role, net in _net_by_role(parts).items()},
        )
        self._invoices.append(_Invoice(total, self._rate, receivable, parts, shipping and replace(shipping)))

    def _book(self, receivables: Decimal, **roles: Decimal) -> Decimal:
        """A document at the order's rate, converted by role; the cent that may be left is rounding (§7)."""
        base = {role: cents(amount * self._rate) for role, amount in {"receivables": receivables, **roles}.items()}
        for role, amount in base.items():
            self._books[role] += amount
        self._books["rounding"] -= sum(base.values())
        return abs(base["receivables"])

    def _edit(self, event: Mapping[str, Any]) -> None:
        if self._invoices:
            raise Unspecified("edited after it was invoiced")
        if self._cancelled:
            raise Unspecified("edited after it was cancelled")
        was_rejected = self._rejection() is not None
        self._standing -= self._total()
        self._lines = [self._line(line) for line in event["lines"]]
        if "shipping" in event:
            self._shipping = self._line(event["shipping"]) if event["shipping"] else None
        self._standing += self._total()
        self._changed = True
        if self._in_gp and not was_rejected and self._rejection():
            raise Unspecified("edited to what the ledgers don't know")

    def _cancel(self) -> None:
        self._cancelled = True
        self._changed = True
        self._standing = NOTHING
        shipped = [line for line in self._everything() if line.shipped]
        if not shipped or self._rejection():
            return
        if any(line.shipped < line.quantity or line.returned for line in self._lines):
            raise Unspecified("cancelled between shipments or after returns")
        self._return([_Line(line.sku, line.quantity, line.net, line.taxes, role=line.role) for line in shipped])

    def _refund(self, event: Mapping[str, Any]) -> None:
        amount = Decimal(event["amount"])
        self._take_back(event)
        surplus = max(NOTHING, self._received - self._refunded - self._standing)
        self._refunded += amount
        goodwill = max(NOTHING, amount - surplus)  # rule 6
        self._standing -= goodwill
        if amount < surplus and (event.get("lines") or event.get("shipping")):
            raise Unspecified("less money given back than goods")
        if goodwill and event.get("restock"):
            raise Unspecified("goodwill with goods given up")
        if amount > goodwill:
            self._money_back.append((dict(event), amount - goodwill))
        if self._rejection():
            return  # rule 12
        if goodwill:
            if self._is_void() or not self._in_gp:
                raise Unspecified("goodwill on what has no document")
            self._goodwill.append((dict(event), goodwill))

    def _grant(self, event: Mapping[str, Any], amount: Decimal) -> None:
        self._credited += amount
        credit = _Money(amount, self._rate, self._book(receivables=-amount, goodwill=amount))
        self._pay_credit(credit, event, amount)

    def _take_back(self, event: Mapping[str, Any]) -> None:
        """Goods and shipping that come back, of an invoice or of an order that is not invoiced yet (rules 8, 9)."""
        returned, given_up = [], []
        for each in event.get("lines") or []:
            part = _Line(each["sku"], each["quantity"], Decimal(each["net"]), _by_detail(each["tax"]))
            lines = [line for line in self._lines if line.sku == part.sku and line.quantity > line.returned]
            if len(lines) != 1:
                raise Unspecified("goods back of one of several lines")
            self._standing -= part.gross
            line = lines[0]
            part.role = line.role
            if event.get("restock") and not self._invoices:
                given_up.append(part)
            elif line.shipped - line.returned >= part.quantity:
                line.returned += part.quantity
                returned.append(part)
            elif self._takes_off or not self._rejection():  # rule 12
                raise Unspecified("goods given up before they were shipped")
        if event.get("shipping"):
            part = _Line("", 1, Decimal(event["shipping"]), _by_detail(event.get("shipping_tax") or []))
            self._standing -= part.gross
            if not self._shipping:
                raise Unspecified("shipping back that was never charged")
            if given_up:
                given_up.append(part)
            elif self._shipping.shipped:
                returned.append(part)
            elif not self._rejection():
                raise Unspecified("shipping given back before it was invoiced")
        if given_up and all(part.role in CUSTOMS for part in given_up):
            raise Unspecified("duties or fees given up without goods")
        if given_up:
            self._given_up.append(given_up)
        if returned and not self._rejection():
            self._return(returned)

    def _exchange(self, event: Mapping[str, Any]) -> None:
        """Goods back for others, which go out like those of an order (rule 9)."""
        if not self._rejection() and any(line.shipped < line.quantity for line in self._lines):
            raise Unspecified("exchanged before all of it was shipped")
        self._take_back(event)
        new = [self._line(line) for line in event["new"]]
        self._lines += new
        self._standing += sum((line.gross for line in new), NOTHING)
        self._changed = True

    def _take_off(self, parts: list[_Line]) -> None:
        """Off the order (rule 9), unless a piece of it went on an invoice before the flow had read of it."""
        lines = [next(line for line in self._everything() if line.sku == part.sku) for part in parts]
        if self._invoices:
            for line, part in zip(lines, parts, strict=True):
                line.returned += part.quantity
            if not self._rejection():
                self._return(parts)
            return
        for line, part in zip(lines, parts, strict=True):
            line.quantity -= part.quantity if part.sku else 0
            line.net -= part.net
            line.taxes = {detail: amount - part.taxes.get(detail, NOTHING) for detail, amount in line.taxes.items()}
        self._lines = [line for line in self._lines if line.quantity]
        if not self._lines and self._shipping and self._shipping.gross:
            raise Unspecified("all goods given up, but not their shipping")
        if self._lines and all(line.role in CUSTOMS for line in self._lines):
            raise Unspecified("all goods given up, but not their duties or fees")

    def _return(self, parts: list[_Line]) -> None:
        total = sum((part.gross for part in parts), NOTHING)
        worth = self._book(
            receivables=-total,
            shipping_income=sum((part.net for part in parts if not part.sku), NOTHING),
            tax_payable=sum((part.tax for part in parts), NOTHING),
            **{
                "returns" if role == "sales" else role: net
                for role, net in _net_by_role(part for part in parts if part.sku).items()
            },
        )
        self._credited += total
        self._credits.append(_Money(total, self._rate, worth))

    def _apply(self, charge: _Charge, invoice: _Invoice) -> None:
        """Rule 5: up to what is due."""
        part = min(charge.left, invoice.left)
        if part > 0:
            worth = charge.take(part)
            charge.used += part
            self._books[charge.role] += worth
            self._settle_receivables(invoice.take(part), worth)

    def _settle_receivables(self, receivable: Decimal, settled: Decimal) -> None:
        """What was owed goes, what came for it stays; the difference is realised."""
        if settled < 0:  # a credit, itself a receivable
            self._books["receivables"] += -settled - receivable
            self._books["fx_gain_loss"] -= -settled - receivable
            return
        self._books["receivables"] -= receivable
        self._books["fx_gain_loss"] += receivable - settled

    def _give_back(self, event: Mapping[str, Any], amount: Decimal) -> None:
        """Money back pays the credits that are left; the rest was never applied and cancels against its charge."""
        for credit in self._credits:
            part = min(amount, credit.left)
            if part > 0:
                self._pay_credit(credit, event, part)
                amount -= part
        for charge in self._charges:
            part = min(amount, charge.left)
            if part > 0:
                self._cancel_out(charge, event, part)
                amount -= part
        if amount:
            raise Unspecified("more money given back than was credited or not applied")

    def _cancel_out(self, charge: _Charge, event: Mapping[str, Any], amount: Decimal) -> None:
        """Neither is booked; what the gateway lost by another rate is."""
        charge.take(amount)
        rate = Decimal(event.get("rate") or self._rate)
        lost = cents(amount * rate) - cents(amount * charge.rate)
        self._books["gateway_exchange"] += lost
        self._books[charge.role] -= lost

    def _pay_credit(self, credit: _Money, event: Mapping[str, Any], amount: Decimal) -> None:
        worth = credit.take(amount)
        money = cents(amount * Decimal(event.get("rate") or self._rate))
        self._books[TOLD_BY_THE_SHOP.get(event.get("gateway", "")) or _clearing(event)] -= money
        self._books["receivables"] += worth
        self._books["fx_gain_loss"] += money - worth


def _clearing(event: Mapping[str, Any]) -> str:
    return CARDS[event.get("gateway", "stripe")]


def _net_by_role(lines: Iterable[_Line]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[line.role] += line.net
    return found


def _by_detail(taxes: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    return {tax["detail"]: Decimal(tax["amount"]) for tax in taxes}


def _gp_figures(invoice: _Invoice) -> Json:
    """Rule 3."""
    net, tax = _net_and_tax(invoice.lines)
    freight, freight_tax = _net_and_tax([invoice.shipping] if invoice.shipping else [])
    figures = {"SUBTOTAL": net, "FREIGHT": freight, "TAXAMNT": tax, "FRTTXAMT": freight_tax}
    figures["DOCAMNT"] = sum(figures.values(), NOTHING)
    return {name: _text(amount) for name, amount in figures.items()} | {
        "XTNDPRCE": [_text(line.net) for line in invoice.lines]
    }


def _xero_figures(invoice: _Invoice) -> Json:
    net, tax = _net_and_tax([*invoice.lines, *([invoice.shipping] if invoice.shipping else [])])
    return {
        "SubTotal": _text(net),
        "TotalTax": _text(tax),
        "Total": _text(net + tax),
        "AmountDue": _text(invoice.left),
    }


def _net_and_tax(lines: Iterable[_Line]) -> tuple[Decimal, Decimal]:
    lines = list(lines)
    return sum((line.net for line in lines), NOTHING), sum((line.tax for line in lines), NOTHING)


def _shown(books: Mapping[str, Decimal]) -> dict[str, str]:
    return {role: _text(amount) for role, amount in sorted(books.items()) if amount}


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"
