"""Which class reads, writes or looks up which entity of GP."""

from __future__ import annotations

from hooks.gp_econnect_customers import Customer
from hooks.gp_econnect_documents import HEADER
from hooks.gp_econnect_entities import GPEntity
from hooks.gp_econnect_fields import NODES
from hooks.gp_econnect_items import Item
from hooks.gp_econnect_ledger import Account, AccountIndex, GLTransaction, Journal
from hooks.gp_econnect_payables import PayablesCreditMemo, PayablesDocument, PayablesInvoice, Vendor
from hooks.gp_econnect_receivables import (
    Application,
    AppliedCredit,
    CashReceipt,
    CreditMemo,
    DebitMemo,
    ReceivablesDocument,
    ReceivablesVoid,
)
from hooks.gp_econnect_sales import SalesInvoice, SalesOrder, SalesReturn, TaxDetail
from hooks.gp_econnect_targets import EConnectTarget

__all__ = ["ENTITIES", "target_fields"]

ENTITIES: dict[str, type[GPEntity]] = {
    "account": Account,
    "account_index": AccountIndex,
    "application": Application,
    "applied_credit": AppliedCredit,
    "cash_receipt": CashReceipt,
    "credit_memo": CreditMemo,
    "customer": Customer,
    "debit_memo": DebitMemo,
    "gl_transaction": GLTransaction,
    "item": Item,
    "journal": Journal,
    "payables_credit_memo": PayablesCreditMemo,
    "payables_document": PayablesDocument,
    "payables_invoice": PayablesInvoice,
    "receivables_document": ReceivablesDocument,
    "receivables_void": ReceivablesVoid,
    "sales_invoice": SalesInvoice,
    "sales_order": SalesOrder,
    "sales_return": SalesReturn,
    "tax_detail": TaxDetail,
    "vendor": Vendor,
}


def target_fields(name: str) -> dict[str, dict[str, int]]:
    """The fields a document for a target may have, by part; a text's length, 0 for other kinds."""
    entity = ENTITIES[name]
    if not issubclass(entity, EConnectTarget):
        return {}
    fields = {
        part: {field.name: field.length for field in NODES[node].fields.values()}
        for part, node in entity.transaction.parts.items()
    }
    fields[HEADER].update(dict.fromkeys(entity.instructions, 0))
    return fields
