"""
The GraphQL documents of Shopify Payments.

Source: Admin API 2026-10; sources.md Shopify §2 (cost), §4.
"""

from __future__ import annotations

__all__ = ["BALANCE", "BALANCE_TRANSACTIONS", "PAYOUTS", "TRANSACTIONS_OF_ORDERS"]

PAYOUTS = """query Payouts($filter: String, $after: String) {
  shopifyPaymentsAccount {
    connection: payouts(first: 100, after: $after, sortKey: ISSUED_AT, query: $filter) {
      nodes { id legacyResourceId issuedAt status transactionType externalTraceId net { amount currencyCode } }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""

BALANCE_TRANSACTIONS = """query BalanceTransactions($filter: String, $after: String, $hideTransfers: Boolean!) {
  shopifyPaymentsAccount {
    connection: balanceTransactions(
      first: 80, after: $after, sortKey: PROCESSED_AT, hideTransfers: $hideTransfers, query: $filter
    ) {
      nodes {
        id type sourceType sourceId sourceOrderTransactionId adjustmentReason transactionDate test
        amount { amount currencyCode }
        fee { amount currencyCode }
        net { amount currencyCode }
        associatedOrder { id name }
        associatedPayout { id status }
        adjustmentsOrders {
          name orderTransactionId
          amount { amount currencyCode }
          fees { amount currencyCode }
          net { amount currencyCode }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""

BALANCE = "query Balance { shopifyPaymentsAccount { balance { amount currencyCode } } }"

TRANSACTIONS_OF_ORDERS = """query TransactionsOfOrders($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on Order {
      id
      transactions {
        id kind paymentId
        amountSet { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }
        parentTransaction { id }
      }
    }
  }
}"""
