"""
What becomes of an order: customers place it, the shop invoices, ships, credits, cancels and holds it.

Source: sources.md Magento (states, invoices, cancelled rest).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.magento.carts import Cart, StoreView
from sandbox.magento.credit_memos import Refund, credit_amounts
from sandbox.magento.errors import EventRefused
from sandbox.magento.events import CreditEvent, Event, PlacedOrder, StatusEvent
from sandbox.magento.invoices import invoice_amounts
from sandbox.magento.models import Shop, Work
from sandbox.magento.quantities import is_top, left, left_of, picked
from sandbox.magento.settings import STATES
from sandbox.magento.taxes import ZERO
from sandbox.magento.wire import SIDES, amount

__all__ = ["Office"]

Json = dict[str, Any]
_FINISHED = ("canceled", "closed", "complete")
_OPEN, _PAID = 1, 2
# the columns of rates keep four places, whatever the rate was
_RATE_PLACES = Decimal("0.0001")


class Office:
    """The people at the shop's desk; each method answers with the document that came of it, as it is kept."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def place(self, placed: PlacedOrder) -> Json:
        """
        A customer places an order.

        :raises EventRefused: store or currency are unknown, or the cart can't be.
        """
        view = next((view for view in self._shop.store_views() if placed.store in ("", view.code)), None)
        if view is None:
            raise EventRefused(f"There is no store view {placed.store!r}. Seed the company first.")
        currency = placed.currency or view.currency
        rate = self._shop.rate(view.base_currency, currency)
        with self._shop.work(placed.at) as work:
            order = Cart(view, placed, rate, work.settings, work.next_id).order(work.next_id("order"))
            number = placed.reserved_order_id or work.next_increment_id("order", view.id)
            order |= {"increment_id": number, "created_at": work.now}
            order |= _header(order, view, placed, currency, rate)
            _enter(work, order, placed.state)
            if placed.payment == "authorize":
                _transaction(work, order, "authorization", closed=0)
                _enter(work, order, "processing")
            if placed.payment == "capture" and placed.state == "new":
                self._invoice(work, order, left(order, "invoice"), "online")
            return work.save("order", order)

    def invoice(self, number: str, event: Event) -> Json:
        """
        Invoice all that is left, or these pieces.

        :raises EventRefused: the order's state forbids it, or there is not so much left.
        """
        with self._shop.work(event.at) as work:
            order = work.of_number("order", number)
            _refuse_in(order, "The order does not allow an invoice to be created.", *_FINISHED, "holded")
            invoice = self._invoice(work, order, picked(order, event.lines, "invoice"), event.capture)
            work.save("order", order)
            return invoice

    def pay(self, number: str, event: Event) -> Json:
        """
        An invoice that was left open is paid.

        :raises EventRefused: it is paid already.
        """
        with self._shop.work(event.at) as work:
            invoice = work.of_number("invoice", number)
            if invoice["state"] != _OPEN:
                raise EventRefused(f"Invoice {number} is not open. Pay another one.")
            order = _order_of(work, invoice)
            _pay(work, order, invoice, "offline")
            work.save("order", order)
            return work.save("invoice", invoice)

    def ship(self, number: str, event: Event) -> Json:
        """
        Ship all that is left, or these pieces.

        :raises EventRefused: the order's state forbids it, or there is not so much left.
        """
        with self._shop.work(event.at) as work:
            order = work.of_number("order", number)
            _refuse_in(order, "Cannot do shipment for the order.", "canceled", "closed", "holded", "payment_review")
            quantities = picked(order, event.lines, "ship")
            shipment = _document(work, "shipment", order) | {
                "items": [
                    {"order_item_id": i["item_id"], "sku": i["sku"], "name": i["name"], "qty": quantities[i["item_id"]]}
                    for i in order["items"]
                    if quantities[i["item_id"]]
                ],
                "total_qty": sum((quantities[i["item_id"]] for i in order["items"] if is_top(i)), ZERO),
                "tracks": [],
            }
            for item in order["items"]:
                item["qty_shipped"] += quantities[item["item_id"]]
            _settle(work, order)
            work.save("order", order)
            return work.save("shipment", shipment)

    def credit(self, number: str, event: CreditEvent) -> Json:
        """
        Give money back: for pieces, for shipping, or as adjustments alone.

        :raises EventRefused: more than is left, or nothing.
        """
        with self._shop.work(event.at) as work:
            order = work.of_number("order", number)
            _refuse_in(order, "We can't create credit memo for the order.", "canceled", "closed", "holded")
            quantities = picked(order, event.lines, "refund", may_be_nothing=True)
            memo = _document(work, "creditmemo", order) | {"state": _PAID}
            if event.invoice:
                memo["invoice_id"] = work.of_number("invoice", event.invoice)["entity_id"]
            refund = Refund(quantities, event.shipping, event.adjustment_positive, event.adjustment_negative)
            credit_amounts(order, memo, refund)
            how = "online" if event.online else "offline"
            for side in SIDES:
                field = f"{side}total_{how}_refunded"
                order[field] = amount(order, field) + memo[f"{side}grand_total"]
            if event.online:
                memo["transaction_id"] = _transaction(work, order, "refund", event.transaction_id, closed=1)["txn_id"]
            _settle(work, order)
            work.save("order", order)
            return work.save("creditmemo", memo)

    def cancel(self, number: str, event: Event) -> Json:
        """
        Cancel what is not invoiced yet; no credit memo comes of it.

        :raises EventRefused: the order is finished, held, under review or wholly invoiced.
        """
        with self._shop.work(event.at) as work:
            order = work.of_number("order", number)
            _refuse_in(order, "You have not canceled the item.", *_FINISHED, "holded")
            quantities = left(order, "cancel")
            if not any(quantities.values()):
                raise EventRefused("You have not canceled the item. All of it is invoiced: credit it.")
            for item in order["items"]:
                item["qty_canceled"] += quantities[item["item_id"]]
            _count_canceled(order)
            to_refund = any(left_of(item, "refund") for item in order["items"])
            to_ship = any(left_of(item, "ship") for item in order["items"])
            _enter(work, order, ("processing" if to_ship else "complete") if to_refund else "canceled")
            return work.save("order", order)

    def hold(self, number: str, event: Event) -> Json:
        """
        Put the order aside.

        :raises EventRefused: it is finished or put aside.
        """
        with self._shop.work(event.at) as work:
            order = work.of_number("order", number)
            _refuse_in(order, "A hold action is not available.", *_FINISHED, "holded", "payment_review")
            order |= {"hold_before_state": order["state"], "hold_before_status": order["status"]}
            _enter(work, order, "holded")
            return work.save("order", order)

    def unhold(self, number: str, event: Event) -> Json:
        """
        Go on with an order that was put aside.

        :raises EventRefused: it was not.
        """
        with self._shop.work(event.at) as work:
            order = work.of_number("order", number)
            if order["state"] != "holded":
                raise EventRefused("You cannot remove the hold. The order is not on hold.")
            order["state"], order["status"] = order.pop("hold_before_state"), order.pop("hold_before_status")
            return work.save("order", order)

    def accept(self, number: str, event: Event) -> Json:
        """
        The payment under review, or waited for, is good.

        :raises EventRefused: nobody waits for it.
        """
        with self._shop.work(event.at) as work:
            order = work.of_number("order", number)
            if order["state"] not in ("payment_review", "pending_payment"):
                raise EventRefused(f"Order {number} is {order['state']}: no payment is waited for.")
            _enter(work, order, "processing")
            return work.save("order", order)

    def rename(self, number: str, event: StatusEvent) -> Json:
        """
        Give the order another status of its state.

        :raises EventRefused: the status is unknown, or of another state.
        """
        with self._shop.work(event.at) as work:
            order = work.of_number("order", number)
            states = {status: state for state, status in STATES.items()} | work.settings.statuses
            if states.get(event.status) != order["state"]:
                raise EventRefused(
                    f"Status {event.status!r} is none of state {order['state']!r}. Assign it in the setting `statuses`."
                )
            order["status"] = event.status
            return work.save("order", order)

    def touch(self, numbers: list[str], event: Event) -> list[Json]:
        """
        Save orders without a change to them, as mass actions and plug-ins do: only ``updated_at`` moves.

        :raises EventRefused: there is no such order.
        """
        with self._shop.work(event.at) as work:
            return [work.save("order", work.of_number("order", number)) for number in numbers]

    def breaks(self, number: str, *, broken: bool) -> Json:
        """
        Let each list with this order fail with the 'same ID' exception, or heal it.

        :raises EventRefused: there is no such order.
        """
        with self._shop.work(self._shop.clock.now()) as work:
            order = work.of_number("order", number)
            work.mark_broken(order["entity_id"], broken=broken)
            return order

    @staticmethod
    def _invoice(work: Work, order: Json, quantities: dict[int, Decimal], capture: str) -> Json:
        invoice = _document(work, "invoice", order) | {
            "state": _OPEN,
            "total_qty": sum((quantities[item["item_id"]] for item in order["items"] if is_top(item)), ZERO),
            "can_void_flag": 0,
        }
        invoice_amounts(order, invoice, quantities)
        if capture != "later":
            _pay(work, order, invoice, capture)
        _settle(work, order)
        return work.save("invoice", invoice)


def _header(order: Json, view: StoreView, placed: PlacedOrder, currency: str, rate: Decimal) -> Json:
    person = placed.customer
    address = {
        "address_type": "billing",
        "email": person.get("email"),
        "firstname": person.get("firstname"),
        "lastname": person.get("lastname"),
        **placed.address,
    }
    shown_rate = rate.quantize(_RATE_PLACES)
    return {
        "store_id": view.id,
        "store_name": f"Main Website\nMain Website Store\n{view.name}",
        "base_currency_code": view.base_currency,
        "global_currency_code": view.base_currency,
        "store_currency_code": view.base_currency,
        "order_currency_code": currency,
        "base_to_global_rate": Decimal(1),
        "base_to_order_rate": shown_rate,
        "store_to_base_rate": ZERO,
        "store_to_order_rate": ZERO,
        "customer_email": person.get("email"),
        "customer_firstname": person.get("firstname"),
        "customer_lastname": person.get("lastname"),
        "customer_id": person.get("id"),
        "customer_is_guest": int("id" not in person),
        "customer_group_id": int("id" in person),
        "coupon_code": placed.coupon_code or None,
        "is_virtual": int(placed.shipping is None),
        "quote_id": order["entity_id"],
        "shipping_description": placed.shipping and placed.shipping.title,
        "total_item_count": sum(is_top(item) for item in order["items"]),
        "total_qty_ordered": sum((item["qty_ordered"] for item in order["items"] if is_top(item)), ZERO),
        "weight": ZERO,
        "billing_address": address,
        "payment": {
            "entity_id": order["entity_id"],
            "parent_id": order["entity_id"],
            "method": placed.method,
            "additional_information": [placed.method],
            **{f"{side}amount_ordered": order[f"{side}grand_total"] for side in SIDES},
            **{f"{side}shipping_amount": order[f"{side}shipping_amount"] for side in SIDES},
        },
        "status_histories": [],
        "_shipping_method": placed.shipping and placed.shipping.method,
    }


def _document(work: Work, kind: str, order: Json) -> Json:
    """A document of an order, with its number and what it has from the order."""
    return {
        "entity_id": work.next_id(kind),
        "increment_id": work.next_increment_id(kind, order["store_id"]),
        "order_id": order["entity_id"],
        "store_id": order["store_id"],
        "created_at": work.now,
        **{
            name: order[name]
            for name in (
                "base_currency_code",
                "global_currency_code",
                "store_currency_code",
                "order_currency_code",
                "base_to_global_rate",
                "base_to_order_rate",
                "store_to_base_rate",
                "store_to_order_rate",
            )
            if kind != "shipment"
        },
    }


def _transaction(work: Work, order: Json, kind: str, txn_id: str = "", *, closed: int) -> Json:
    """A movement at the gateway, under its id there; it has no amount and no change time."""
    earlier = work.of_order("transaction", order["entity_id"])
    number = work.next_id("transaction")
    return work.save(
        "transaction",
        {
            "transaction_id": number,
            "order_id": order["entity_id"],
            "payment_id": order["payment"]["entity_id"],
            "parent_id": earlier[-1]["transaction_id"] if earlier else None,
            "parent_txn_id": earlier[-1]["txn_id"] if earlier else None,
            "txn_id": txn_id or f"txn-{number:08}",
            "txn_type": kind,
            "is_closed": closed,
            "additional_information": [],
            "created_at": work.now,
            "child_transactions": [],
        },
    )


def _order_of(work: Work, document: Json) -> Json:
    row = work.connection.execute(
        "SELECT increment_id FROM document WHERE kind = 'order' AND entity_id = ?", (document["order_id"],)
    ).fetchone()
    return work.of_number("order", row["increment_id"])


def _pay(work: Work, order: Json, invoice: Json, capture: str) -> None:
    invoice["state"] = _PAID
    if capture == "online":
        invoice["transaction_id"] = _transaction(work, order, "capture", closed=0)["txn_id"]
    for side in SIDES:
        paid = amount(order, f"{side}total_paid") + invoice[f"{side}grand_total"]
        order[f"{side}total_paid"] = paid
        order[f"{side}total_due"] = max(order[f"{side}grand_total"] - paid, ZERO)
        order["payment"][f"{side}amount_paid"] = paid


def _count_canceled(order: Json) -> None:
    for side in SIDES:
        for name, invoiced, canceled in (
            ("subtotal", "subtotal_invoiced", "subtotal_canceled"),
            ("tax_amount", "tax_invoiced", "tax_canceled"),
            ("shipping_amount", "shipping_invoiced", "shipping_canceled"),
        ):
            order[side + canceled] = amount(order, side + name) - amount(order, side + invoiced)
        order[f"{side}discount_canceled"] = amount(order, f"{side}discount_invoiced") - order[f"{side}discount_amount"]
        order[f"{side}total_canceled"] = order[f"{side}grand_total"] - amount(order, f"{side}total_paid")


def _refuse_in(order: Json, sentence: str, *states: str) -> None:
    if order["state"] in states:
        raise EventRefused(f"{sentence} Order {order['increment_id']} is {order['state']}.")


def _enter(work: Work, order: Json, state: str) -> None:
    order["state"], order["status"] = state, work.settings.status_of_state.get(state, STATES[state])


def _settle(work: Work, order: Json) -> None:
    """The state that follows from what is invoiced, shipped and given back; a free status in it stays."""
    complete = order["state"] == "complete"
    # a complete order is not invoiced any further, even if its rest was cancelled after it was shipped
    to_invoice = not complete and any(left(order, "invoice").values())
    paid, refunded = amount(order, "base_total_paid"), amount(order, "base_total_refunded")
    if paid and paid == refunded and not to_invoice:
        state = "closed"
    elif to_invoice or (not complete and any(left(order, "ship").values())):
        state = "processing"
    else:
        state = "complete"
    if state != order["state"]:
        _enter(work, order, state)
