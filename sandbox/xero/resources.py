"""The endpoints that hold records, each with what it can be filtered by and who saves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sandbox.xero import masters
from sandbox.xero.bank import save_bank_transaction, save_bank_transfer
from sandbox.xero.contacts import save_contact
from sandbox.xero.document_kinds import CREDIT_NOTE, INVOICE
from sandbox.xero.documents import save_document
from sandbox.xero.errors import not_found
from sandbox.xero.manual_journals import save_manual_journal
from sandbox.xero.models import Book, Record
from sandbox.xero.payments import save_payment
from sandbox.xero.purchase_orders import save_purchase_order
from sandbox.xero.wire import Element

__all__ = ["RESOURCES", "Resource"]

Save: TypeAlias = Callable[[Book, Element, bool, int], Record]
"""Saves one element: the book, what was sent, whether it must be new (PUT), decimals of unit amounts."""

_DOCUMENT = (
    "Contact Date DueDate Status LineAmountTypes SubTotal TotalTax Total UpdatedDateUTC CurrencyCode CurrencyRate Type "
    "Reference HasAttachments FullyPaidOnDate SentToContact "
)


@dataclass(frozen=True)
class Resource:
    """
    One endpoint.

    :param path: the last part of its address.
    :param fields: what ``where`` and ``order`` may name.
    :param number_field: what may stand for the id in the address, beside the id.
    :param paged: whether ``page`` and ``pageSize`` mean anything.
    :param summary_without: what an answer leaves out when it isn't asked for page by page.
    :param searched: fields that ``searchTerm`` looks through.
    :param answer_name: the array's name, where it isn't the address's last part.
    """

    path: str
    id_field: str
    fields: frozenset[str]
    save: Save
    methods: tuple[str, ...] = ("PUT", "POST")
    number_field: str | None = None
    paged: bool = False
    summary_without: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    answer_name: str | None = None

    @property
    def array(self) -> str:
        """The name of the array in requests and answers."""
        return self.answer_name or self.path


def _fields(names: str) -> frozenset[str]:
    return frozenset(names.split())


def _read_only(_book: Book, _element: Element, _create: bool, _places: int) -> Record:
    raise not_found()


_ALL = (
    Resource(
        "Accounts",
        "AccountID",
        _fields(
            "AccountID Code Name Type Class Status TaxType SystemAccount EnablePaymentsToAccount CurrencyCode "
            "UpdatedDateUTC ShowInExpenseClaims Description BankAccountNumber BankAccountType HasAttachments"
        ),
        lambda book, element, create, _: masters.save_account(book, element, create=create),
        methods=("PUT",),
    ),
    Resource(
        "BankTransactions",
        "BankTransactionID",
        _fields(_DOCUMENT + "BankTransactionID BankAccount IsReconciled"),
        lambda book, element, create, places: save_bank_transaction(book, element, create=create, unit_places=places),
        paged=True,
    ),
    Resource(
        "BankTransfers",
        "BankTransferID",
        _fields(
            "BankTransferID Date Amount Reference FromBankAccount ToBankAccount CreatedDateUTC HasAttachments Status "
            "FromIsReconciled ToIsReconciled"
        ),
        lambda book, element, _create, _: save_bank_transfer(book, element),
        methods=("PUT",),
    ),
    Resource(
        "Contacts",
        "ContactID",
        _fields(
            "ContactID ContactNumber AccountNumber ContactStatus Name FirstName LastName CompanyNumber EmailAddress "
            "TaxNumber IsSupplier IsCustomer DefaultCurrency UpdatedDateUTC HasAttachments"
        ),
        lambda book, element, create, _: save_contact(book, element, create=create),
        number_field="ContactNumber",
        paged=True,
        searched=("Name", "FirstName", "LastName", "ContactNumber", "CompanyNumber", "EmailAddress"),
    ),
    Resource(
        "ContactGroups",
        "ContactGroupID",
        _fields("ContactGroupID Name Status"),
        lambda book, element, create, _: masters.save_contact_group(book, element, create=create),
        methods=("PUT",),
    ),
    Resource(
        "CreditNotes",
        "CreditNoteID",
        _fields(_DOCUMENT + "CreditNoteID CreditNoteNumber RemainingCredit"),
        lambda book, element, create, places: save_document(
            book, CREDIT_NOTE, element, create=create, unit_places=places
        ),
        number_field="CreditNoteNumber",
        paged=True,
        summary_without=("LineItems",),
    ),
    Resource(
        "Currencies",
        "Code",
        _fields("Code Description"),
        lambda book, element, _create, _: masters.save_currency(book, element),
        methods=("PUT",),
    ),
    Resource(
        "Invoices",
        "InvoiceID",
        _fields(_DOCUMENT + "InvoiceID InvoiceNumber AmountDue AmountPaid AmountCredited"),
        lambda book, element, create, places: save_document(book, INVOICE, element, create=create, unit_places=places),
        number_field="InvoiceNumber",
        paged=True,
        summary_without=("LineItems",),
        searched=("InvoiceNumber", "Reference"),
    ),
    Resource(
        "Items",
        "ItemID",
        _fields(
            "ItemID Code Name Description IsSold IsPurchased IsTrackedAsInventory UpdatedDateUTC SalesDetails "
            "PurchaseDetails"
        ),
        lambda book, element, create, _: masters.save_item(book, element, create=create),
        number_field="Code",
    ),
    Resource(
        "ManualJournals",
        "ManualJournalID",
        _fields("ManualJournalID Narration Date Status LineAmountTypes UpdatedDateUTC HasAttachments"),
        lambda book, element, create, _: save_manual_journal(book, element, create=create),
        paged=True,
        summary_without=("JournalLines",),
    ),
    Resource(
        "Organisation",
        "OrganisationID",
        _fields("OrganisationID Name"),
        _read_only,
        methods=(),
        answer_name="Organisations",
    ),
    Resource(
        "Payments",
        "PaymentID",
        _fields(
            "PaymentID Date Amount BankAmount CurrencyRate Reference Status PaymentType IsReconciled UpdatedDateUTC "
            "Invoice CreditNote Account"
        ),
        lambda book, element, create, _: save_payment(book, element, create=create),
        paged=True,
    ),
    Resource(
        "PurchaseOrders",
        "PurchaseOrderID",
        _fields(
            "PurchaseOrderID PurchaseOrderNumber Contact Date DeliveryDate Status LineAmountTypes SubTotal TotalTax "
            "Total UpdatedDateUTC CurrencyCode CurrencyRate Reference HasAttachments SentToContact"
        ),
        lambda book, element, create, places: save_purchase_order(book, element, create=create, unit_places=places),
        number_field="PurchaseOrderNumber",
        paged=True,
    ),
    Resource(
        "TaxRates",
        "TaxType",
        _fields("TaxType Name Status EffectiveRate DisplayTaxRate"),
        lambda book, element, create, _: masters.save_tax_rate(book, element, create=create),
        number_field="TaxType",
    ),
    Resource(
        "TrackingCategories",
        "TrackingCategoryID",
        _fields("TrackingCategoryID Name Status"),
        lambda book, element, create, _: masters.save_tracking_category(book, element, create=create),
        methods=("PUT",),
    ),
)

RESOURCES = {resource.path: resource for resource in _ALL}
