"""
One order as its sales ledger: what was sold, taken back and paid, in the order it happened.

Every figure of an order is a sum over its sales and transactions, so the totals balance by construction. Amounts
are in the shop's currency and in the shop's price basis: they contain the tax where ``taxes_included``.

Source: sources.md Shopify §3 (agreements, refunds, transactions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sandbox.shopify.errors import EventRefused
from sandbox.shopify.sales import (
    Action,
    Agreement,
    Item,
    LineType,
    Reason,
    Refund,
    RefundedItem,
    RestockType,
    Sale,
    Tax,
    Totals,
    Transaction,
    TransactionKind,
)

__all__ = ["OrderLedger", "read_order"]

ZERO = Decimal(0)
_BESIDE = ("DUTY", "ADDITIONAL_FEE")
"""What is sold, and no line item."""
Event = Mapping[str, Any]


@dataclass
class OrderLedger:
    """
    The order, rebuilt from what people did to it, in the same order with the same ids each time.

    :param id: numeric id; the ids of its parts follow from it.
    :raises EventRefused: from the verbs, when the event contradicts the order.
    """

    id: int
    source: Mapping[str, Any]
    agreements: list[Agreement] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    cancelled_at: str | None = None
    edited: bool = False
    _last_part: int = 0

    def __post_init__(self) -> None:
        order = self.source
        sales = [self._sale("ORDER", self._item(line), line["quantity"], *_amounts(line)) for line in order["lines"]]
        for each in _listed(order["shipping"]):
            sales.append(self._sale("ORDER", self._shipping_item(each), 1, *_amounts(each)))
        self._agree("ORDER", order["placed_at"], sales)
        if self.totals(self.ordered).total != Decimal(order["total"]):
            raise EventRefused(
                f"Order {order['name']}: its lines, shipping and tax add up to {self.totals(self.ordered).total}, "
                f"`total` says {order['total']}. Correct one of them."
            )

    @property
    def name(self) -> str:
        """The order's name as people see it, ``#1001``."""
        return str(self.source["name"])

    @property
    def taxes_included(self) -> bool:
        """Whether prices contain the tax."""
        return bool(self.source["taxes_included"])

    @property
    def sales(self) -> list[Sale]:
        """All sales so far."""
        return [sale for agreement in self.agreements for sale in agreement.sales]

    @property
    def ordered(self) -> list[Sale]:
        """The sales before returns and removals."""
        return [sale for sale in self.sales if sale.action != "RETURN" and sale.item]

    @property
    def lines(self) -> list[Item]:
        """The line items, the removed ones included, as they came: all that was sold but shipping, duties and fees."""
        return [item for item in self._sold if item.line_type not in _BESIDE]

    @property
    def shipping(self) -> list[Item]:
        """The shipping lines, the removed ones included."""
        return [item for item in self._items() if item.line_type == "SHIPPING"]

    @property
    def _sold(self) -> list[Item]:
        """All but shipping, the removed ones included."""
        return [item for item in self._items() if item.line_type != "SHIPPING"]

    def _items(self) -> list[Item]:
        return list(dict.fromkeys(sale.item for sale in self.sales if sale.item))

    def totals(self, sales: Iterable[Sale]) -> Totals:
        """The sums over ``sales``, by the order's price basis."""
        sales = list(sales)
        shipping = _sum(s.price - s.discount for s in sales if s.line_type == "SHIPPING")
        adjustments = _sum(s.price for s in sales if not s.item)
        subtotal = _sum(s.price - s.discount for s in sales if s.line_type in ("PRODUCT", "GIFT_CARD"))
        tips = _sum(s.price - s.discount for s in sales if s.line_type == "TIP")
        duties = _sum(s.price - s.discount for s in sales if s.line_type in _BESIDE)
        tax = _sum(s.tax for s in sales)
        total = subtotal + shipping + tips + duties + adjustments + (ZERO if self.taxes_included else tax)
        return Totals(subtotal, shipping, tips, _sum(s.discount for s in sales), tax, total)

    @property
    def received(self) -> Decimal:
        """Money that came in."""
        return _sum(t.amount for t in self.transactions if t.is_received)

    @property
    def refunded(self) -> Decimal:
        """Money that went back."""
        return _sum(t.amount for t in self.transactions if t.kind == "REFUND" and t.status == "SUCCESS")

    @property
    def outstanding(self) -> Decimal:
        """What the customer still owes the shop; negative is owed to the customer."""
        return self._owed(self.sales) + self.rounded - self.received + self.refunded

    @property
    def rounded(self) -> Decimal:
        """What cash that came in was rounded by."""
        return _sum(t.rounding for t in self.transactions if t.is_received)

    def _owed(self, sales: Iterable[Sale]) -> Decimal:
        """Of the total what is the shop's: tax that the marketplace remits it has taken itself."""
        sales = list(sales)
        return self.totals(sales).total - _sum(tax.amount for s in sales for tax in s.taxes if tax.channel_liable)

    @property
    def capturable(self) -> Decimal:
        """What is authorised and neither captured nor voided."""
        return _sum(
            max(ZERO, t.amount - _sum(c.amount for c in self._following(t, "CAPTURE")))
            for t in self.transactions
            if t.kind == "AUTHORIZATION" and t.status == "SUCCESS" and not self._following(t, "VOID")
        )

    def pay(self, event: Event) -> None:
        """
        Record the gateway's charge ``event["id"]``.

        Beyond the golden form: ``gateway``, ``status``, ``rounding`` of cash (with its sign, in ``amount`` already),
        and ``kind: "AUTHORIZATION"`` for money only held.
        """
        self._transact(event.get("kind", "SALE"), event, Decimal(event["amount"]))

    def capture(self, event: Event) -> None:
        """Take held money, or a part of it: ``parent`` is the authorisation's payment id."""
        parent = self._authorisation(event)
        self._transact("CAPTURE", event, Decimal(event.get("amount", parent.amount)), parent)

    def void(self, event: Event) -> None:
        """Let held money go: ``parent`` is the authorisation's payment id."""
        parent = self._authorisation(event)
        self._transact("VOID", event, parent.amount, parent)

    def _transact(
        self, kind: TransactionKind, event: Event, amount: Decimal, parent: Transaction | None = None
    ) -> Transaction:
        gateway = event.get("gateway") or (parent.gateway if parent else "stripe")
        status = event.get("status", "SUCCESS")
        rounding = Decimal(event.get("rounding", 0))
        done = Transaction(self._part(), kind, status, amount, event["at"], event["id"], gateway, parent, rounding)
        self.transactions.append(done)
        return done

    def _authorisation(self, event: Event) -> Transaction:
        held = (t for t in self.transactions if t.kind == "AUTHORIZATION" and t.payment_id == event["parent"])
        found = next(held, None)
        if found is None or found.status != "SUCCESS" or self._following(found, "VOID"):
            raise EventRefused(f"Order {self.name} has no money held as {event['parent']}. Correct `parent`.")
        return found

    def _following(self, authorisation: Transaction, kind: TransactionKind) -> list[Transaction]:
        return [t for t in self.transactions if t.kind == kind and t.parent == authorisation and t.status == "SUCCESS"]

    def edit(self, event: Event) -> None:
        """Bring lines (and ``shipping``, where given) to the event's content; the difference is the agreement."""
        wanted = list(event["lines"])
        sales: list[Sale] = []
        for item in self._sold:
            content = next((w for w in wanted if _is_same_item(item, w)), None)
            if content:
                wanted.remove(content)
            sales += self._difference(item, content)
        sales += [self._sale("ORDER", self._item(line), line["quantity"], *_amounts(line)) for line in wanted]
        if "shipping" in event:
            sales += self._shipping_difference(event["shipping"])
        self.edited = True
        self._agree("ORDER_EDIT", event["at"], sales)

    def cancel(self, event: Event) -> None:
        """Take back everything that still stands, without money: that is a refund's doing."""
        if self.cancelled_at:
            raise EventRefused(f"Order {self.name} was cancelled at {self.cancelled_at} already.")
        self.cancelled_at = event["at"]
        sales = [sale for item in [*self._sold, *self.shipping] for sale in self._removal(item)]
        if sales:
            self._give_back(event["at"], sales, "CANCEL", None, ())

    def refund(self, event: Event) -> None:
        """
        Take back lines and shipping as given and pay ``amount``; what exceeds the value taken back and the
        customer's surplus is an adjustment (goodwill), what a return with lines withholds is one too.

        Beyond the golden form: ``restock``, CANCEL for pieces that had not been shipped, RETURN by default; ``gateway``
        where the money goes elsewhere than it came from (store credit).
        """
        sales = [self._return_of(line) for line in event.get("lines") or []]
        if event.get("shipping"):
            sales.append(self._return_of_shipping(event))
        amount = Decimal(event["amount"])
        surplus = max(ZERO, -self.outstanding - self._owed(sales))
        withheld = surplus - amount
        adjustment = None
        if withheld < 0 or (withheld > 0 and sales):
            adjustment = self._sale("RETURN", None, 0, withheld, ZERO, ())
        transactions = (self._money_back(event, amount),) if amount else ()
        self._give_back(event["at"], sales, event.get("restock", "RETURN"), adjustment, transactions)

    def exchange(self, event: Event) -> None:
        """Goods come back (``lines``, as a refund names them) for others (``new``, as an order has them); no money."""
        back = [self._return_of(line) for line in event["lines"]]
        new = [self._sale("ORDER", self._item(line), line["quantity"], *_amounts(line)) for line in event["new"]]
        self._agree("RETURN", event["at"], [*back, *new])

    def _money_back(self, event: Event, amount: Decimal) -> Transaction:
        if amount > self.received - self.refunded:
            raise EventRefused(
                f"Order {self.name}: {amount} can't be refunded, the customer has paid {self.received} and got "
                f"{self.refunded} back. Correct `amount`."
            )
        received = [each for each in self.transactions if each.is_received]
        parent = min(received, key=lambda each: (each.gateway != event.get("gateway"), self._left_of(each) < amount))
        return self._transact("REFUND", event, amount, parent)

    def _left_of(self, payment: Transaction) -> Decimal:
        """What no refund has taken of it yet."""
        back = (
            t.amount for t in self.transactions if t.kind == "REFUND" and t.status == "SUCCESS" and t.parent == payment
        )
        return payment.amount - sum(back, ZERO)

    def _give_back(
        self,
        at: str,
        sales: list[Sale],
        restock_type: RestockType,
        adjustment: Sale | None,
        transactions: tuple[Transaction, ...],
    ) -> None:
        refunded = [
            RefundedItem(self._part(), s.item, -s.quantity, s.discount - s.price, -s.tax, restock_type)
            for s in sales
            if s.item
        ]
        refund = Refund(
            self._part(),
            at,
            tuple(item for item in refunded if item.item.line_type not in ("SHIPPING", *_BESIDE)),
            tuple(item for item in refunded if item.item.line_type == "SHIPPING"),
            tuple(item for item in refunded if item.item.line_type == "DUTY"),
            adjustment,
            transactions,
        )
        self.refunds.append(refund)
        if sales or adjustment:
            self._agree("REFUND", at, [*sales, *([adjustment] if adjustment else [])], refund)

    def _return_of(self, line: Event) -> Sale:
        named = (i for i in self._sold if i.sku == (line["sku"] or None))
        item = next(
            (i for i in named if line.get("line_type", i.line_type) == i.line_type and self._count(i) > 0), None
        )
        standing = self._count(item) if item else 0
        if item is None or standing < line["quantity"]:
            raise EventRefused(
                f"Order {self.name}: {line['quantity']} of {line['sku']} can't come back, {standing} are left. "
                "Correct the refund's lines."
            )
        return self._return(item, line["quantity"], Decimal(line["net"]), line["tax"])

    def _return_of_shipping(self, event: Event) -> Sale:
        items = self.shipping
        if not items:
            raise EventRefused(f"Order {self.name} has no shipping to refund. Correct the refund's `shipping`.")
        return self._return(items[0], 1, Decimal(event["shipping"]), event.get("shipping_tax") or [])

    def _return(self, item: Item, quantity: int, net: Decimal, taxes: list[Event]) -> Sale:
        sold = {tax.title: tax for sale in self.sales if sale.item == item for tax in sale.taxes}
        unknown = [tax["detail"] for tax in taxes if tax["detail"] not in sold]
        if unknown:
            raise EventRefused(
                f"Order {self.name}: {item.title} was sold without tax {unknown[0]}, it has "
                f"{', '.join(sold) or 'none'}. Correct the refund's tax."
            )
        back = tuple(replace(sold[tax["detail"]], amount=-Decimal(tax["amount"])) for tax in taxes)
        amount = -net + (_sum(tax.amount for tax in back) if self.taxes_included else ZERO)
        price = -item.unit_price * quantity
        return self._sale("RETURN", item, -quantity, price, price - amount, back)

    def _removal(self, item: Item) -> list[Sale]:
        return self._difference(item, None)

    def _difference(self, item: Item, content: Event | None) -> list[Sale]:
        """The sale that brings ``item`` from what stands to ``content`` (None removes it); none if nothing changes."""
        standing = [sale for sale in self.sales if sale.item == item]
        price, discount, taxes = _amounts(content) if content else (ZERO, ZERO, ())
        quantity = (content.get("quantity", 1) if content else 0) - self._count(item)
        price -= _sum(s.price for s in standing)
        discount -= _sum(s.discount for s in standing)
        changes = _tax_difference([tax for sale in standing for tax in sale.taxes], taxes)
        if not (quantity or price or discount or any(tax.amount for tax in changes)):
            return []
        action: Action = "RETURN" if quantity < 0 else "ORDER" if quantity > 0 else "UPDATE"
        return [self._sale(action, item, quantity, price, discount, changes)]

    def _shipping_difference(self, content: Event | None) -> list[Sale]:
        items = self.shipping
        if not items:
            return [self._sale("ORDER", self._shipping_item(content), 1, *_amounts(content))] if content else []
        return self._difference(items[0], content)

    def _count(self, item: Item) -> int:
        return sum(sale.quantity for sale in self.sales if sale.item == item)

    def _item(self, line: Event) -> Item:
        line_type: LineType = line.get("line_type", "PRODUCT")
        sku = line["sku"] or None
        return Item(self._part(), line_type, line.get("title", line["sku"]), Decimal(line["unit_price"]), sku)

    def _shipping_item(self, shipping: Event) -> Item:
        return Item(self._part(), "SHIPPING", shipping["title"], Decimal(shipping["price"]))

    def _sale(
        self,
        action: Action,
        item: Item | None,
        quantity: int,
        price: Decimal,
        discount: Decimal,
        taxes: tuple[Tax, ...],
    ) -> Sale:
        return Sale(self._part(), action, item, quantity, price, discount, taxes)

    def _agree(self, reason: Reason, at: str, sales: list[Sale], refund: Refund | None = None) -> None:
        self.agreements.append(Agreement(self._part(), reason, at, tuple(sales), refund))

    def _part(self) -> int:
        # ids of parts have 13 digits and more in life; a thousand parts an order is plenty
        self._last_part += 1
        return self.id * 1000 + self._last_part


def read_order(order_id: int, history: list[dict[str, Any]]) -> OrderLedger:
    """
    Play an order's history: the order as placed, then its events, each with its verb in ``do``.

    :raises EventRefused: an event contradicts what the order is by then.
    """
    placed, *events = history
    ledger = OrderLedger(order_id, placed)
    verbs = {
        "pay": ledger.pay,
        "capture": ledger.capture,
        "void": ledger.void,
        "edit": ledger.edit,
        "exchange": ledger.exchange,
        "cancel": ledger.cancel,
        "refund": ledger.refund,
    }
    for event in events:
        verbs[event["do"]](event)
    return ledger


def _amounts(line: Event) -> tuple[Decimal, Decimal, tuple[Tax, ...]]:
    """Price before discount, discount, taxes."""
    price = Decimal(line["unit_price"]) * line["quantity"] if "unit_price" in line else Decimal(line["price"])
    taxes = tuple(
        Tax(tax["detail"], Decimal(tax["rate"]), Decimal(tax["amount"]), bool(tax.get("channel_liable")))
        for tax in line["tax"]
    )
    return price, Decimal(line["discount"]), taxes


def _tax_difference(standing: list[Tax], wanted: Iterable[Tax]) -> tuple[Tax, ...]:
    amounts: dict[tuple[str, Decimal, bool], Decimal] = {}
    for tax in standing:
        amounts[tax.kind] = amounts.get(tax.kind, ZERO) - tax.amount
    for tax in wanted:
        amounts[tax.kind] = amounts.get(tax.kind, ZERO) + tax.amount
    return tuple(Tax(title, rate, amount, liable) for (title, rate, liable), amount in amounts.items())


def _listed(shipping: Event | list[Event] | None) -> list[Event]:
    """The shipping lines of an order: none, one, or several."""
    return shipping if isinstance(shipping, list) else [shipping] if shipping else []


def _is_same_item(item: Item, line: Event) -> bool:
    is_of_its_kind = item.line_type == line.get("line_type", "PRODUCT")
    return is_of_its_kind and item.sku == (line["sku"] or None) and item.unit_price == Decimal(line["unit_price"])


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
