"""
An order's ledger as the JSON that GraphQL answers are cut from, built once per change.

Connections are plain lists here; ``schema.py`` pages them. Abstract types name themselves in ``__typename``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.shopify.ledger import OrderLedger
from sandbox.shopify.sales import SHOPIFY_PAYMENTS, Agreement, Item, Refund, RefundedItem, Sale, Tax, Transaction

__all__ = ["OrderRendering", "gid"]

Json = dict[str, Any]
ZERO = Decimal(0)
_CURRENCY_DECIMALS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}
_SALE_TYPES = {
    "PRODUCT": "ProductSale",
    "SHIPPING": "ShippingLineSale",
    "ADJUSTMENT": "AdjustmentSale",
    "TIP": "TipSale",
    "GIFT_CARD": "GiftCardSale",
    "DUTY": "DutySale",
    "ADDITIONAL_FEE": "AdditionalFeeSale",
}
_AGREEMENT_TYPES = {
    "ORDER": "OrderAgreement",
    "ORDER_EDIT": "OrderEditAgreement",
    "REFUND": "RefundAgreement",
    "RETURN": "ReturnAgreement",
}


def gid(kind: str, number: int) -> str:
    """A global id such as ``gid://shopify/Order/5591``."""
    return f"gid://shopify/{kind}/{number}"


class OrderRendering:
    """
    Renders one order.

    :param customer: the shop's customer as GraphQL shows it, None for an order without one.
    :param updated_at: when the order last changed, wire form.
    """

    def __init__(self, ledger: OrderLedger, customer: Json | None, updated_at: str) -> None:
        self._ledger = ledger
        self._customer = customer
        self._updated_at = updated_at
        self._currency = str(ledger.source["currency"])
        presentment = ledger.source.get("presentment") or {"currency": self._currency, "rate": "1"}
        self._presentment_currency = str(presentment["currency"])
        self._presentment_rate = Decimal(presentment["rate"])
        self._lines = {item: self._line(item) for item in ledger.lines}
        self._shipping = {item: self._shipping_line(item) for item in ledger.shipping}
        self._transactions = {t.id: self._transaction(t) for t in ledger.transactions}
        self._refunds = {refund.id: self._refund(refund) for refund in ledger.refunds}

    def render(self) -> Json:
        """The whole order, as type ``Order`` has it."""
        ledger = self._ledger
        standing = [line for line in self._shipping.values() if not line["isRemoved"]]
        return {
            "__typename": "Order",
            "id": gid("Order", ledger.id),
            "legacyResourceId": str(ledger.id),
            "name": ledger.name,
            "number": int("".join(c for c in ledger.name if c.isdigit()) or 0),
            "confirmationNumber": f"{ledger.id:X}",
            "sourceName": "web",
            "poNumber": ledger.source.get("po_number"),
            "tags": [],
            "customAttributes": [],
            "test": bool(ledger.source.get("test", False)),
            "edited": ledger.edited,
            "confirmed": True,
            "createdAt": ledger.source["placed_at"],
            "processedAt": ledger.source["placed_at"],
            "updatedAt": self._updated_at,
            "cancelledAt": ledger.cancelled_at,
            "cancelReason": "CUSTOMER" if ledger.cancelled_at else None,
            "closed": False,
            "currencyCode": self._currency,
            "presentmentCurrencyCode": self._presentment_currency,
            "taxesIncluded": ledger.taxes_included,
            "taxExempt": False,
            "estimatedTaxes": False,
            "dutiesIncluded": False,
            **self._people(),
            "lineItems": list(self._lines.values()),
            "shippingLine": standing[0] if standing else None,
            "shippingLines": list(self._shipping.values()),
            "agreements": [self._agreement(agreement) for agreement in ledger.agreements],
            "transactions": list(self._transactions.values()),
            "refunds": list(self._refunds.values()),
            "paymentGatewayNames": list(dict.fromkeys(t.gateway for t in ledger.transactions)),
            **self._status(),
            **self._figures(),
        }

    def _people(self) -> Json:
        customer = self._ledger.source.get("customer")
        address = customer and self._address(customer)
        elsewhere = self._ledger.source.get("ship_to")
        return {
            "email": customer and customer["email"],
            "customer": self._customer,
            "billingAddress": address,
            "shippingAddress": self._address(elsewhere) if elsewhere else address,
        }

    def _address(self, customer: Mapping[str, Any]) -> Json:
        address = customer["address"]
        return {
            "id": f"{gid('MailingAddress', self._ledger.id)}?model_name=Address",
            "name": f"{customer['first_name']} {customer['last_name']}",
            "firstName": customer["first_name"],
            "lastName": customer["last_name"],
            "company": customer.get("company"),
            "address1": address["line1"],
            "address2": address["line2"] or None,
            "city": address["city"],
            "provinceCode": address["state"] or None,
            "zip": address["zip"],
            "countryCodeV2": address["country"],
        }

    def _status(self) -> Json:
        ledger = self._ledger
        cancelled = ledger.cancelled_at is not None
        return {
            "displayFinancialStatus": _financial_status(ledger),
            "displayFulfillmentStatus": "RESTOCKED" if cancelled else "UNFULFILLED",
            "fullyPaid": ledger.outstanding <= 0,
            "unpaid": not ledger.received,
        }

    def _figures(self) -> Json:
        ledger = self._ledger
        placed, ordered, now = (
            ledger.totals(sales) for sales in (ledger.agreements[0].sales, ledger.ordered, ledger.sales)
        )
        shipping_back = ordered.shipping - now.shipping
        nothing = self._money(ZERO)
        return {
            "taxLines": self._tax_sums(ledger.ordered),
            "currentTaxLines": self._tax_sums(ledger.sales),
            "subtotalLineItemsQuantity": _quantity(
                s for s in ledger.ordered if s.line_type in ("PRODUCT", "GIFT_CARD")
            ),
            "currentSubtotalLineItemsQuantity": _quantity(
                s for s in ledger.sales if s.line_type in ("PRODUCT", "GIFT_CARD")
            ),
            "subtotalPriceSet": self._money(ordered.subtotal),
            "totalDiscountsSet": self._money(ordered.discounts),
            "totalShippingPriceSet": self._money(ordered.shipping),
            "totalTaxSet": self._money(ordered.tax),
            "totalPriceSet": self._money(ordered.total),
            "totalTipReceivedSet": self._money(ordered.tips),
            "originalTotalPriceSet": self._money(placed.total),
            "currentSubtotalPriceSet": self._money(now.subtotal),
            "currentTotalDiscountsSet": self._money(now.discounts),
            "currentShippingPriceSet": self._money(now.shipping),
            "currentTotalTaxSet": self._money(now.tax),
            "currentTotalPriceSet": self._money(now.total),
            "totalReceivedSet": self._money(ledger.received),
            "totalRefundedSet": self._money(ledger.refunded),
            "totalRefundedShippingSet": self._money(shipping_back),
            "netPaymentSet": self._money(ledger.received - ledger.refunded),
            "totalOutstandingSet": self._money(ledger.outstanding),
            "totalCapturableSet": self._money(ledger.capturable),
            "refundDiscrepancySet": self._money(sum((s.price for s in ledger.sales if not s.item), ZERO)),
            "totalCashRoundingAdjustment": {"paymentSet": self._money(ledger.rounded), "refundSet": nothing},
        }

    def _line(self, item: Item) -> Json:
        ordered = [sale for sale in self._ledger.ordered if sale.item == item]
        now = [sale for sale in self._ledger.sales if sale.item == item]
        quantity, current_quantity = _quantity(ordered), _quantity(now)
        price, net_now = _price(ordered), _price(now) - _discount(now)
        if self._ledger.taxes_included:
            net_now -= sum((sale.tax for sale in now), ZERO)
        return {
            "__typename": "LineItem",
            "id": gid("LineItem", item.id),
            "sku": item.sku,
            "name": item.title,
            "title": item.title,
            "quantity": quantity,
            "currentQuantity": current_quantity,
            "refundableQuantity": current_quantity,
            "unfulfilledQuantity": current_quantity,
            "isGiftCard": item.line_type == "GIFT_CARD",
            "taxable": any(sale.taxes for sale in ordered),
            "requiresShipping": item.line_type == "PRODUCT",
            "customAttributes": [],
            "product": {"id": gid("Product", item.id), "title": item.title},
            "variant": None,
            "originalUnitPriceSet": self._money(item.unit_price),
            "originalTotalSet": self._money(price),
            # all discounts of the simulator are the order's: sources.md Shopify §3, LineItem
            "discountedTotalSet": self._money(price),
            "discountedUnitPriceSet": self._money(item.unit_price),
            "totalDiscountSet": self._money(ZERO),
            "priceAfterAllDiscountsBeforeTaxesSet": self._money(net_now),
            "discountAllocations": self._allocations(_discount(ordered), "LINE_ITEM"),
            "taxLines": self._tax_sums(ordered),
            "duties": [],
        }

    def _shipping_line(self, item: Item) -> Json:
        ordered = [sale for sale in self._ledger.ordered if sale.item == item]
        now = [sale for sale in self._ledger.sales if sale.item == item]
        price, discount = _price(ordered), _discount(ordered)
        return {
            "id": gid("ShippingLine", item.id),
            "title": item.title,
            "code": item.title,
            "source": "shopify",
            "custom": False,
            "isRemoved": _quantity(now) == 0,
            "originalPriceSet": self._money(price),
            "discountedPriceSet": self._money(price - discount),
            "currentDiscountedPriceSet": self._money(_price(now) - _discount(now)),
            "discountAllocations": self._allocations(discount, "SHIPPING_LINE"),
            "taxLines": self._tax_sums(ordered),
        }

    def _allocations(self, discount: Decimal, target: str) -> list[Json]:
        if not discount:
            return []
        application = {
            "__typename": "ManualDiscountApplication",
            "index": 0,
            "title": "Discount",
            "allocationMethod": "ACROSS",
            "targetSelection": "ALL",
            "targetType": target,
        }
        return [{"allocatedAmountSet": self._money(discount), "discountApplication": application}]

    def _transaction(self, transaction: Transaction) -> Json:
        parent = transaction.parent
        # what follows a payment of Shopify Payments bears its id
        payment = parent if parent and transaction.gateway == SHOPIFY_PAYMENTS else transaction
        return {
            "__typename": "OrderTransaction",
            "id": gid("OrderTransaction", transaction.id),
            "kind": transaction.kind,
            "status": transaction.status,
            "gateway": transaction.gateway,
            "formattedGateway": transaction.gateway.replace("_", " ").title(),
            "paymentId": payment.payment_id,
            "test": False,
            "createdAt": transaction.at,
            "processedAt": transaction.at,
            "amountSet": self._money(transaction.amount),
            "amountRoundingSet": self._money(transaction.rounding) if transaction.rounding else None,
            "fees": [],
            "parentTransaction": self._transaction(parent) if parent else None,
            "receiptJson": {"id": transaction.payment_id},
        }

    def _refund(self, refund: Refund) -> Json:
        adjustments = [refund.adjustment] if refund.adjustment else []
        paid = [t for t in refund.transactions if t.status == "SUCCESS"]
        return {
            "__typename": "Refund",
            "id": gid("Refund", refund.id),
            "legacyResourceId": str(refund.id),
            "createdAt": refund.at,
            "processedAt": refund.at,
            "updatedAt": refund.at,
            "totalRefundedSet": self._money(sum((t.amount for t in paid), ZERO)),
            "duties": [self._refunded_duty(item) for item in refund.duties],
            "refundLineItems": [self._refunded_line(item) for item in refund.items],
            "refundShippingLines": [self._refunded_shipping(item) for item in refund.shipping],
            "orderAdjustments": [self._adjustment(sale) for sale in adjustments],
            "transactions": [self._transactions[t.id] for t in refund.transactions],
        }

    def _refunded_line(self, refunded: RefundedItem) -> Json:
        return {
            "id": gid("RefundLineItem", refunded.id),
            "lineItem": self._lines[refunded.item],
            "quantity": refunded.quantity,
            "priceSet": self._money(refunded.item.unit_price),
            "subtotalSet": self._money(refunded.subtotal),
            "totalTaxSet": self._money(refunded.tax),
            "restockType": refunded.restock_type,
            "restocked": refunded.restock_type != "NO_RESTOCK",
        }

    def _refunded_duty(self, refunded: RefundedItem) -> Json:
        return {"amountSet": self._money(refunded.subtotal), "originalDuty": self._duty(refunded.item)}

    def _refunded_shipping(self, refunded: RefundedItem) -> Json:
        return {
            "id": gid("RefundShippingLine", refunded.id),
            "shippingLine": self._shipping[refunded.item],
            "subtotalAmountSet": self._money(refunded.subtotal),
            "taxAmountSet": self._money(refunded.tax),
        }

    def _adjustment(self, sale: Sale) -> Json:
        return {
            "id": gid("OrderAdjustment", sale.id),
            "amountSet": self._money(sale.price),
            "taxAmountSet": self._money(ZERO),
            "reason": "REFUND_DISCREPANCY",
        }

    def _agreement(self, agreement: Agreement) -> Json:
        refund = agreement.refund
        return {
            "__typename": _AGREEMENT_TYPES[agreement.reason],
            "id": gid("SalesAgreement", agreement.id),
            "happenedAt": agreement.at,
            "reason": agreement.reason,
            "refund": self._refunds[refund.id] if refund else None,
            "return": self._return(agreement) if agreement.reason == "RETURN" else None,
            "sales": [self._sale(sale) for sale in agreement.sales],
        }

    def _return(self, agreement: Agreement) -> Json:
        return {"id": gid("Return", agreement.id), "name": f"{self._ledger.name}-R{agreement.id % 1000}"}

    def _sale(self, sale: Sale) -> Json:
        amount = sale.price - sale.discount + (ZERO if self._ledger.taxes_included else sale.tax)
        return {
            "__typename": _SALE_TYPES[sale.line_type],
            "id": gid("Sale", sale.id),
            "actionType": sale.action,
            "lineType": sale.line_type,
            "quantity": sale.quantity if sale.item else None,
            "totalAmount": self._money(amount),
            "totalTaxAmount": self._money(sale.tax),
            "totalDiscountAmountBeforeTaxes": self._money(sale.discount),
            "totalDiscountAmountAfterTaxes": self._money(sale.discount),
            "taxes": [self._sale_tax(sale, index, tax) for index, tax in enumerate(sale.taxes)],
            "lineItem": self._lines.get(sale.item) if sale.item else None,
            "shippingLine": self._shipping.get(sale.item) if sale.item else None,
            "duty": self._duty(sale.item) if sale.item and sale.line_type == "DUTY" else None,
        }

    def _duty(self, item: Item) -> Json:
        return {"id": gid("Duty", item.id), "price": self._money(item.unit_price), "taxLines": []}

    def _sale_tax(self, sale: Sale, index: int, tax: Tax) -> Json:
        return {
            "id": gid("SaleTax", sale.id * 10 + index),
            "amount": self._money(tax.amount),
            "taxLine": self._tax_line(tax),
        }

    def _tax_sums(self, sales: Iterable[Sale]) -> list[Json]:
        sums: dict[tuple[str, Decimal, bool], Decimal] = {}
        for tax in (tax for sale in sales for tax in sale.taxes):
            sums[tax.kind] = sums.get(tax.kind, ZERO) + tax.amount
        return [self._tax_line(Tax(title, rate, amount, liable)) for (title, rate, liable), amount in sums.items()]

    def _tax_line(self, tax: Tax) -> Json:
        # the schema's Float: the only numbers of an order that are no strings
        rate = float(tax.rate)
        return {
            "title": tax.title,
            "rate": rate,
            "ratePercentage": float(tax.rate * 100),
            "priceSet": self._money(tax.amount),
            "source": "Shopify",
            "channelLiable": tax.channel_liable,
        }

    def _money(self, amount: Decimal) -> Json:
        shown = amount * self._presentment_rate
        return {
            "shopMoney": _money(amount, self._currency),
            "presentmentMoney": _money(shown, self._presentment_currency),
        }


def _money(amount: Decimal, currency: str) -> Json:
    places = Decimal(1).scaleb(-_CURRENCY_DECIMALS.get(currency, 2))
    return {"amount": str(amount.quantize(places, ROUND_HALF_UP)), "currencyCode": currency}


def _financial_status(ledger: OrderLedger) -> str:
    received, refunded = ledger.received, ledger.refunded
    if refunded:
        return "REFUNDED" if refunded >= received else "PARTIALLY_REFUNDED"
    if received:
        return "PAID" if ledger.outstanding <= 0 else "PARTIALLY_PAID"
    if ledger.cancelled_at or any(t.kind == "VOID" for t in ledger.transactions):
        return "VOIDED"
    if ledger.capturable:
        return "AUTHORIZED"
    return "PENDING" if ledger.outstanding > 0 else "PAID"


def _of_goods(sales: Iterable[Sale]) -> list[Sale]:
    return [sale for sale in sales if sale.line_type in ("PRODUCT", "GIFT_CARD")]


def _quantity(sales: Iterable[Sale]) -> int:
    return sum(sale.quantity for sale in sales)


def _price(sales: Iterable[Sale]) -> Decimal:
    return sum((sale.price for sale in sales), ZERO)


def _discount(sales: Iterable[Sale]) -> Decimal:
    return sum((sale.discount for sale in sales), ZERO)
