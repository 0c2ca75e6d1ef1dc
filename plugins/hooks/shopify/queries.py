"""
The GraphQL documents of the Shopify hook, with every field the books need and no other: each object costs points.

Source: Admin API 2026-10; sources.md Shopify §2 (cost), §3 (order).
"""

from __future__ import annotations

import json
import re

__all__ = [
    "BULK_RUN",
    "BULK_STATE",
    "CLOCK",
    "COUNT",
    "INSTALLATION",
    "ORDERS",
    "ORDERS_BY_ID",
    "REFUND",
    "REST",
    "bulk_orders",
]

_FRAGMENTS = {
    "Page": "on PageInfo { hasNextPage endCursor }",
    "Money": "on MoneyBag { shopMoney { amount currencyCode } }",
    "Tax": "on TaxLine { title rate channelLiable priceSet { ...Money } }",
    "Discount": "on DiscountAllocation { allocatedAmountSet { ...Money } }",
    "Address": """on MailingAddress {
        firstName lastName company address1 address2 city province provinceCode zip countryCodeV2 phone
    }""",
    "LineItem": """on LineItem {
        id sku title variantTitle quantity currentQuantity isGiftCard taxable
        product { id }
        originalUnitPriceSet { ...Money }
        originalTotalSet { ...Money }
        discountAllocations { ...Discount }
        taxLines { ...Tax }
    }""",
    "ShippingLine": """on ShippingLine {
        id title code
        originalPriceSet { ...Money }
        discountedPriceSet { ...Money }
        discountAllocations { ...Discount }
        taxLines { ...Tax }
    }""",
    "Transaction": """on OrderTransaction {
        id kind status gateway paymentId test createdAt processedAt
        amountSet { ...Money }
        amountRoundingSet { ...Money }
        parentTransaction { id }
    }""",
    "RefundLineItem": """on RefundLineItem {
        id quantity restockType
        lineItem { id }
        subtotalSet { ...Money }
        totalTaxSet { ...Money }
    }""",
    "RefundShippingLine": """on RefundShippingLine {
        id
        shippingLine { id }
        subtotalAmountSet { ...Money }
        taxAmountSet { ...Money }
    }""",
    "Adjustment": """on OrderAdjustment {
        id reason
        amountSet { ...Money }
        taxAmountSet { ...Money }
    }""",
    "Refund": """on Refund {
        id legacyResourceId createdAt processedAt
        return { id }
        totalRefundedSet { ...Money }
        duties { amountSet { ...Money } originalDuty { id } }
        refundLineItems(first: 3) { nodes { ...RefundLineItem } pageInfo { ...Page } }
        refundShippingLines(first: 1) { nodes { ...RefundShippingLine } pageInfo { ...Page } }
        orderAdjustments(first: 2) { nodes { ...Adjustment } pageInfo { ...Page } }
        transactions(first: 2) { nodes { ...Transaction } pageInfo { ...Page } }
    }""",
    "Sale": """on Sale {
        __typename id actionType lineType quantity
        totalAmount { ...Money }
        totalTaxAmount { ...Money }
        totalDiscountAmountBeforeTaxes { ...Money }
        taxes { amount { ...Money } taxLine { title rate channelLiable } }
        ... on ProductSale { lineItem { id } }
        ... on GiftCardSale { lineItem { id } }
        ... on TipSale { lineItem { id } }
        ... on ShippingLineSale { shippingLine { id } }
        ... on DutySale { duty { id } }
    }""",
    "AgreementHead": """on SalesAgreement {
        __typename id happenedAt reason
        ... on RefundAgreement { refund { id } }
        ... on ReturnAgreement { return { id } }
    }""",
    "Agreement": """on SalesAgreement {
        ...AgreementHead
        sales(first: 5) { nodes { ...Sale } pageInfo { ...Page } }
    }""",
    "OrderHead": """on Order {
        id legacyResourceId name poNumber sourceName sourceIdentifier email
        createdAt processedAt updatedAt cancelledAt cancelReason
        test edited taxesIncluded dutiesIncluded taxExempt estimatedTaxes
        currencyCode presentmentCurrencyCode displayFinancialStatus paymentGatewayNames
        customer { id legacyResourceId firstName lastName defaultEmailAddress { emailAddress } }
        billingAddress { ...Address }
        shippingAddress { ...Address }
        customAttributes { key value }
        subtotalPriceSet { ...Money }
        totalDiscountsSet { ...Money }
        totalShippingPriceSet { ...Money }
        totalTaxSet { ...Money }
        totalPriceSet { ...Money }
        originalTotalDutiesSet { ...Money }
        originalTotalAdditionalFeesSet { ...Money }
        currentTotalPriceSet { ...Money }
        totalReceivedSet { ...Money }
        totalRefundedSet { ...Money }
        transactions { ...Transaction }
    }""",
    "Order": """on Order {
        ...OrderHead
        refunds { ...Refund }
        lineItems(first: 5) { nodes { ...LineItem } pageInfo { ...Page } }
        shippingLines(first: 1) { nodes { ...ShippingLine } pageInfo { ...Page } }
        agreements(first: 2) { edges { cursor node { ...Agreement } } pageInfo { ...Page } }
    }""",
}


def _document(text: str) -> str:
    """The text with exactly the fragments it needs: an unused one is refused."""
    needed: dict[str, str] = {}
    queue = re.findall(r"\.\.\.(\w+)", text)
    while queue:
        name = queue.pop()
        if name not in needed:
            needed[name] = f"fragment {name} {_FRAGMENTS[name]}"
            queue += re.findall(r"\.\.\.(\w+)", _FRAGMENTS[name])
    return "\n".join([text, *needed.values()])


def _inlined(text: str) -> str:
    """The text with the fragments it names written out in their places."""
    while spread := re.search(r"\.\.\.(\w+)", text):
        text = text.replace(spread[0], f"... {_FRAGMENTS[spread[1]]}")
    return text


def _rest(owner: str, connection: str, fragment: str) -> str:
    """The next page of one order's or refund's connection."""
    return _document(
        f"""query Rest($id: ID!, $after: String) {{
  owner: {owner}(id: $id) {{
    connection: {connection}(first: 50, after: $after) {{ nodes {{ ...{fragment} }} pageInfo {{ ...Page }} }}
  }}
}}"""
    )


ORDERS = _document("""query Orders($first: Int!, $after: String, $filter: String) {
  orders(first: $first, after: $after, sortKey: UPDATED_AT, query: $filter) {
    nodes { ...Order }
    pageInfo { ...Page }
  }
}""")

ORDERS_BY_ID = _document("query OrdersById($ids: [ID!]!) { nodes(ids: $ids) { ... on Order { ...Order } } }")

REST = {
    "lineItems": _rest("order", "lineItems", "LineItem"),
    "shippingLines": _rest("order", "shippingLines", "ShippingLine"),
    "refundLineItems": _rest("refund", "refundLineItems", "RefundLineItem"),
    "refundShippingLines": _rest("refund", "refundShippingLines", "RefundShippingLine"),
    "orderAdjustments": _rest("refund", "orderAdjustments", "Adjustment"),
    "transactions": _rest("refund", "transactions", "Transaction"),
    "agreements": _document("""query Agreements($id: ID!, $after: String) {
  owner: order(id: $id) {
    connection: agreements(first: 5, after: $after) { edges { cursor node { ...Agreement } } pageInfo { ...Page } }
  }
}"""),
    # an agreement is no node: it is reached as the one after its predecessor's cursor
    "sales": _document("""query Sales($id: ID!, $agreement: String, $after: String) {
  owner: order(id: $id) {
    agreements(first: 1, after: $agreement) {
      nodes { connection: sales(first: 50, after: $after) { nodes { ...Sale } pageInfo { ...Page } } }
    }
  }
}"""),
}
"""By connection, the query for its pages after the first; variables ``id``, ``after`` (and ``agreement``)."""

REFUND = _document("query Refund($id: ID!) { owner: refund(id: $id) { ...Refund } }")

COUNT = "query Count($filter: String) { ordersCount(limit: 10000, query: $filter) { count } }"

BULK_RUN = """mutation Export($query: String!) {
  bulkOperationRunQuery(query: $query) { bulkOperation { id } userErrors { code message } }
}"""

BULK_STATE = """query Export($id: ID!) {
  bulkOperation(id: $id) { id status errorCode objectCount url }
}"""

CLOCK = "query Clock { shop { id } }"

INSTALLATION = """query Installation {
  currentAppInstallation { accessScopes { handle } }
  publicApiVersions { handle supported }
  shop { myshopifyDomain currencyCode ianaTimezone }
}"""


def bulk_orders(search: str | None) -> str:
    """
    The query that exports whole orders but their refunds' contents: a connection within a list isn't allowed there.

    Five connections, two levels deep: no more may be added (sources.md Shopify §2).
    """
    found = f"(query: {json.dumps(search)})" if search else ""
    return _inlined(f"""{{
  orders{found} {{ edges {{ node {{
    ...OrderHead
    refunds {{ id }}
    lineItems {{ edges {{ node {{ __typename ...LineItem }} }} }}
    shippingLines {{ edges {{ node {{ __typename ...ShippingLine }} }} }}
    agreements {{ edges {{ node {{ ...AgreementHead sales {{ edges {{ node {{ ...Sale }} }} }} }} }} }}
  }} }} }}
}}""")
