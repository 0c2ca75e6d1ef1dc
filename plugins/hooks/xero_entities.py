"""Which class reads, writes or looks up which entity of Xero."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hooks.xero_contacts import Contacts
from hooks.xero_documents import Allocations, BankTransactions, BankTransfers, CreditNotes, Invoices, Payments
from hooks.xero_masters import Accounts, Items, SystemAccounts, TaxRates
from hooks.xero_sources import (
    BankTransactionSource,
    BankTransferSource,
    CreditNoteSource,
    InvoiceSource,
    PaymentSource,
)
from ledgerbridge.entities import Master, Source, Target

if TYPE_CHECKING:
    from hooks.xero import XeroHook

__all__ = ["ENTITIES"]


class _Invoice(Invoices, InvoiceSource):
    """Sales invoices, to write and to read."""


class _CreditNote(CreditNotes, CreditNoteSource):
    """Sales credit notes, to write and to read."""


class _Payment(Payments, PaymentSource):
    """Payments on sales invoices and credit notes, to write and to read."""


class _BankTransaction(BankTransactions, BankTransactionSource):
    """Money received and spent, to write and to read."""


class _BankTransfer(BankTransfers, BankTransferSource):
    """Transfers between bank accounts, to write and to read."""


ENTITIES: dict[str, Callable[[XeroHook], Source | Target | Master]] = {
    "account": Accounts,
    "allocation": Allocations,
    "bank_transaction": _BankTransaction,
    "bank_transfer": _BankTransfer,
    "contact": Contacts,
    "credit_note": _CreditNote,
    "invoice": _Invoice,
    "item": Items,
    "payment": _Payment,
    "system_account": SystemAccounts,
    "tax_rate": TaxRates,
}
