"""Which class reads, writes or looks up which entity of Xero."""

from __future__ import annotations

from collections.abc import Callable

from hooks.xero.api import XeroApi
from hooks.xero.contacts import Contacts, Suppliers
from hooks.xero.documents import (
    Allocations,
    BankTransactions,
    BankTransfers,
    Bills,
    CreditNotes,
    Invoices,
    ManualJournals,
    Payments,
    SupplierCredits,
)
from hooks.xero.items import ItemTarget
from hooks.xero.masters import Accounts, Items, SystemAccounts, TaxRates, TrackingOptions
from hooks.xero.sources import (
    SETUP,
    AccountSource,
    BankTransactionSource,
    BankTransferSource,
    BillPaymentSource,
    BillSource,
    ContactSource,
    CreditNoteSource,
    InvoiceSource,
    ItemSource,
    ManualJournalSource,
    PaymentSource,
    PurchaseOrderSource,
    SupplierCreditSource,
    SupplierSource,
    TaxComponentSource,
    TrackingOptionSource,
)
from ledgerbridge.entities import Master, Source, Target

__all__ = ["ENTITIES"]


class _Invoice(Invoices, InvoiceSource):
    """Sales invoices, to write and to read."""


class _CreditNote(CreditNotes, CreditNoteSource):
    """Sales credit notes, to write and to read."""


class _Payment(Payments, PaymentSource):
    """Payments on sales invoices and credit notes, to write and to read."""


class _Bill(Bills, BillSource):
    """Bills, to write and to read."""


class _SupplierCredit(SupplierCredits, SupplierCreditSource):
    """Suppliers' credit notes, to write and to read."""


class _BillPayment(Payments, BillPaymentSource):
    """Payments on bills, to write and to read."""


class _BankTransaction(BankTransactions, BankTransactionSource):
    """Money received and spent, to write and to read."""


class _BankTransfer(BankTransfers, BankTransferSource):
    """Transfers between bank accounts, to write and to read."""


class _ManualJournal(ManualJournals, ManualJournalSource):
    """Manual journals, to write and to read."""


class _Contact(Contacts, ContactSource):
    """Contacts, to write and to read."""


class _Supplier(Suppliers, SupplierSource):
    """Contacts as suppliers, to write and to read."""


class _Account(Accounts, AccountSource):
    """Accounts, to look up by Code and to read."""


class _Item(ItemTarget, Items, ItemSource):
    """Items, to write, to look up by Code and to read."""


class _TrackingOption(TrackingOptions, TrackingOptionSource):
    """Options of tracking categories, to look up by Category/Option and to read."""


_ALL: dict[str, Callable[[XeroApi], Source | Target | Master]] = {
    "account": _Account,
    "allocation": Allocations,
    "bank_transaction": _BankTransaction,
    "bank_transfer": _BankTransfer,
    "bill": _Bill,
    "bill_payment": _BillPayment,
    "contact": _Contact,
    "credit_note": _CreditNote,
    "invoice": _Invoice,
    "item": _Item,
    "manual_journal": _ManualJournal,
    "payment": _Payment,
    "purchase_order": PurchaseOrderSource,
    "supplier": _Supplier,
    "supplier_credit": _SupplierCredit,
    "system_account": SystemAccounts,
    "tax_component": TaxComponentSource,
    "tracking_option": _TrackingOption,
    **SETUP,
    "tax_rate": type("_TaxRate", (TaxRates, SETUP["tax_rate"]), {"__doc__": TaxRates.__doc__}),
}
ENTITIES = dict(sorted(_ALL.items()))
