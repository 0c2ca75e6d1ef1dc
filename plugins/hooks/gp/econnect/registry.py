"""Which class reads, writes or looks up which entity of GP."""

from __future__ import annotations

from hooks.gp.econnect.customers import Customer
from hooks.gp.econnect.documents import HEADER
from hooks.gp.econnect.entities import GPEntity
from hooks.gp.econnect.fields import NODES
from hooks.gp.econnect.items import Item
from hooks.gp.econnect.ledger import Account, AccountIndex, GLTransaction, Journal, JournalEntry
from hooks.gp.econnect.payables import (
    PayablesCreditMemo,
    PayablesDocument,
    PayablesInvoice,
    PayablesPayment,
    Vendor,
)
from hooks.gp.econnect.purchasing import PurchaseOrder
from hooks.gp.econnect.receivables import (
    Application,
    AppliedCredit,
    CashReceipt,
    CreditMemo,
    DebitMemo,
    ReceivablesDocument,
    ReceivablesVoid,
)
from hooks.gp.econnect.sales import SalesInvoice, SalesOrder, SalesReturn
from hooks.gp.econnect.setup import SETUP, Currency, Segment
from hooks.gp.econnect.targets import EConnectTarget

__all__ = ["ENTITIES", "target_fields"]

_ALL: dict[str, type[GPEntity]] = {
    "account": Account,
    "account_index": AccountIndex,
    "application": Application,
    "applied_credit": AppliedCredit,
    "cash_receipt": CashReceipt,
    "credit_memo": CreditMemo,
    "currency": Currency,
    "customer": Customer,
    "debit_memo": DebitMemo,
    "gl_transaction": GLTransaction,
    "item": Item,
    "journal": Journal,
    "journal_entry": JournalEntry,
    "payables_credit_memo": PayablesCreditMemo,
    "payables_document": PayablesDocument,
    "payables_invoice": PayablesInvoice,
    "payables_payment": PayablesPayment,
    "purchase_order": PurchaseOrder,
    "receivables_document": ReceivablesDocument,
    "receivables_void": ReceivablesVoid,
    "sales_invoice": SalesInvoice,
    "sales_order": SalesOrder,
    "sales_return": SalesReturn,
    "segment": Segment,
    "vendor": Vendor,
    **SETUP,
}
ENTITIES = dict(sorted(_ALL.items()))


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
