"""Reading what changed in Xero. Source: sources.md Xero §3, "Reading"."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hooks.wire.untrusted import unexpected_shape
from hooks.xero.api import XeroApi
from hooks.xero.masters import AccountCodes
from hooks.xero.paging import PAGE_SIZE, is_last
from hooks.xero.refusals import not_xeros
from ledgerbridge.entities import RawRecord, Source, Window
from ledgerbridge.yaml_files import plain_yaml

__all__ = [
    "SETUP",
    "SOURCES",
    "WITH_PURCHASES",
    "AccountSource",
    "BankTransactionSource",
    "BankTransferSource",
    "BillPaymentSource",
    "BillSource",
    "ContactSource",
    "CreditNoteSource",
    "InvoiceSource",
    "ItemSource",
    "ManualJournalSource",
    "PaymentSource",
    "PurchaseOrderSource",
    "SupplierCreditSource",
    "SupplierSource",
    "TaxComponentSource",
    "TrackingOptionSource",
    "leave_heap_alone",
]


_BY_API = "System Generated"


@cache
def leave_heap_alone() -> None:
    """
    Keep the collector off what a process holds already, once: Airflow's own heap.

    It is walked over and over while pages are parsed, a quarter of the processor time. Asking whether it is frozen
    (``gc.get_freeze_count``) walks it too.
    """
    gc.freeze()


class _Changed(Source):
    """Elements of one collection by UpdatedDateUTC, whatever their status."""

    entity: str
    collection: str
    id_field: str
    changed_field = "UpdatedDateUTC"
    query: Mapping[str, Any] = MappingProxyType({})
    """What the collection's reads ask for besides time and page."""

    def __init__(self, hook: XeroApi) -> None:
        self.hook = hook

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield pages of records, oldest change first, up to 1,000 each.

        Each page begins where the one before ended, by time: paging by number would skip a record whenever another
        one changes and moves to the end meanwhile.

        :raises TransientError, ConfigurationError: as ``XeroHook.get``.
        """
        leave_heap_alone()
        since, page, seen = window.since, 1, set[tuple[str, str]]()
        while True:
            answer = self._changed_since(since, page)
            elements = answer[self.collection]
            records = [self._record(element) for element in elements]
            fresh = [record for record in records if (record.key, record.version) not in seen]
            inside = [record for record in fresh if window.until is None or record.changed_at <= window.until]
            if wanted := [record for record in inside if self.concerns_sales(record.payload)]:
                yield wanted
            if is_last(page, answer, elements) or len(inside) < len(fresh):
                return
            seen = {(record.key, record.version) for record in records}
            newest = records[-1].changed_at.replace(microsecond=0)
            # More than a page within one second can only be told apart by page number.
            page = page + 1 if newest == since else 1
            since = newest

    def concerns_sales(self, element: dict[str, Any]) -> bool:
        """Whether the element belongs to the flows, where a filter of Xero's can't tell."""
        return True

    def clock(self) -> datetime:
        """Xero's time now, aware UTC."""
        return self.hook.clock()

    def _changed_since(self, since: datetime | None, page: int) -> dict[str, Any]:
        query = {"order": "UpdatedDateUTC ASC", "page": page, "pageSize": PAGE_SIZE, **self.query}
        return self.hook.get(self.collection, query, **modified_since(since))

    def _record(self, element: dict[str, Any]) -> RawRecord:
        try:
            with unexpected_shape():
                version = element[self.changed_field]
                identity, changed_at = element[self.id_field], datetime.fromisoformat(version)
        except ValueError as error:
            found = f"an element without {self.id_field} or {self.changed_field}"
            raise not_xeros(f"GET {self.collection}", found) from error
        key = f"xero:{self.hook.tenant_id}:{self.entity}:{identity}"
        return RawRecord(key=key, version=version, changed_at=changed_at, payload=element)


class PaymentSource(_Changed):
    """
    Payments on sales invoices and sales credit notes, also deleted ones.

    Payload: PaymentID, Invoice or CreditNote (ids, numbers, contact, currency), Account, Date, Amount (document's
    currency), BankAmount (account's currency), CurrencyRate, Reference, Status, PaymentType.
    """

    entity = "payment"
    collection = "Payments"
    id_field = "PaymentID"
    types: tuple[str, ...] = ("ACCRECPAYMENT", "ARCREDITPAYMENT")

    def concerns_sales(self, element: dict[str, Any]) -> bool:
        # Not a `where`: Xero refuses an OR over payment types in organisations with very many payments.
        return element.get("PaymentType") in self.types

    def _record(self, element: dict[str, Any]) -> RawRecord:
        return super()._record({**element, "Account": self._codes.added_to(element.get("Account") or {})})

    @cached_property
    def _codes(self) -> AccountCodes:
        return AccountCodes(self.hook)


class BillPaymentSource(PaymentSource):
    """Payments on bills, also deleted ones; payload as of payments on sales."""

    entity = "bill_payment"
    types = ("ACCPAYPAYMENT",)


class InvoiceSource(_Changed):
    """Sales invoices with their lines, allocations and payments."""

    entity = "invoice"
    collection = "Invoices"
    id_field = "InvoiceID"
    query = MappingProxyType({"where": 'Type=="ACCREC"', "unitdp": 4})


class CreditNoteSource(_Changed):
    """Sales credit notes with their lines, allocations and payments."""

    entity = "credit_note"
    collection = "CreditNotes"
    id_field = "CreditNoteID"
    query = MappingProxyType({"where": 'Type=="ACCRECCREDIT"', "unitdp": 4})


class BillSource(_Changed):
    """Bills with their lines, allocations and payments, also drafts and what was voided."""

    entity = "bill"
    collection = "Invoices"
    id_field = "InvoiceID"
    query = MappingProxyType({"where": 'Type=="ACCPAY"', "unitdp": 4})


class SupplierCreditSource(_Changed):
    """Credit notes of suppliers with their lines and allocations, also drafts and what was voided."""

    entity = "supplier_credit"
    collection = "CreditNotes"
    id_field = "CreditNoteID"
    query = MappingProxyType({"where": 'Type=="ACCPAYCREDIT"', "unitdp": 4})


class PurchaseOrderSource(_Changed):
    """Purchase orders with their lines, also drafts and what was deleted."""

    entity = "purchase_order"
    collection = "PurchaseOrders"
    id_field = "PurchaseOrderID"


class BankTransactionSource(_Changed):
    """Money received and spent on bank accounts, with its lines; payments and transfers are not among it."""

    entity = "bank_transaction"
    collection = "BankTransactions"
    id_field = "BankTransactionID"
    query = MappingProxyType({"unitdp": 4})


class ManualJournalSource(_Changed):
    """Manual journals with their lines, also voided ones."""

    entity = "manual_journal"
    collection = "ManualJournals"
    id_field = "ManualJournalID"


class ContactSource(_Changed):
    """Contacts with their addresses, customers and suppliers alike, also archived ones."""

    entity = "contact"
    collection = "Contacts"
    id_field = "ContactID"
    query = MappingProxyType({"includeArchived": "true"})

    def editors(self, key: str, within: timedelta) -> list[str]:
        """
        The names of the users who changed a contact, also those who noted something; what came by an API has none.

        Source: developer.xero.com/documentation/api/history-and-notes, ``User``.

        :raises TransientError, ConfigurationError: as ``XeroHook.get``.
        """
        history = self.hook.get(f"Contacts/{key}/History")["HistoryRecords"]
        since = self.clock() - within
        with unexpected_shape():
            names = [each.get("User") for each in history if datetime.fromisoformat(each["DateUTC"]) >= since]
        return [name for name in dict.fromkeys(names) if name and name != _BY_API]


class SupplierSource(ContactSource):
    """Contacts as those we buy from: the same ones, for who is a supplier may be a customer as well."""

    entity = "supplier"


class _Unpaged(_Changed):
    """A collection Xero gives all at once."""

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """Yield one page: what changed in the window, oldest first."""
        query = {"order": f"{self.changed_field} ASC"}
        elements = self.hook.get(self.collection, query, **modified_since(window.since))[self.collection]
        records = [self._record(element) for element in elements]
        if wanted := [record for record in records if window.until is None or record.changed_at <= window.until]:
            yield wanted


class BankTransferSource(_Unpaged):
    """Transfers between bank accounts; Xero tells only when they were created."""

    entity = "bank_transfer"
    collection = "BankTransfers"
    id_field = "BankTransferID"
    changed_field = "CreatedDateUTC"


class ItemSource(_Unpaged):
    """Items with their prices and accounts; that one was deleted only a list of all of them tells."""

    listed_every = timedelta(days=1)
    entity = "item"
    collection = "Items"
    id_field = "ItemID"


class AccountSource(_Unpaged):
    """The chart of accounts, whole each time: it is small, and nothing else tells that one was deleted."""

    listed_every = timedelta()
    entity = "account"
    collection = "Accounts"
    id_field = "AccountID"


class _Undated(Source):
    """
    Settings of which Xero keeps no time: read whole each time, a version is its content.

    When one changed nobody can tell; it is when it was read.
    """

    listed_every = timedelta()
    entity: str
    collection: str

    def __init__(self, hook: XeroApi) -> None:
        self.hook = hook

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """Yield one page: all there are."""
        now = self.clock()
        with unexpected_shape():
            found = self.keyed(self.hook.get(self.collection)[self.collection])
        records = [self._record(key, payload, now) for key, payload in found.items()]
        if records:
            yield records

    def keyed(self, elements: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """The payloads by id, of the collection's elements."""
        raise NotImplementedError

    def clock(self) -> datetime:
        """Xero's time now, aware UTC."""
        return self.hook.clock()

    def _record(self, key: str, payload: dict[str, Any], now: datetime) -> RawRecord:
        content = hashlib.sha256(json.dumps(payload, sort_keys=True, default=str).encode()).hexdigest()[:32]
        return RawRecord(f"xero:{self.hook.tenant_id}:{self.entity}:{key}", content, now, payload)


class _Keyed(_Undated):
    """One of setup.yaml."""

    key_field: str

    def keyed(self, elements: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {each[self.key_field]: each for each in elements}


SETUP: Mapping[str, type[_Undated]] = {
    name: type(
        name,
        (_Keyed,),
        {"__doc__": each["about"], "entity": name, "collection": each["collection"], "key_field": each["key"]},
    )
    for name, each in plain_yaml(Path(__file__).with_name("setup.yaml")).items()
}
"""The sources of setup.yaml by the name of their entity."""


class TaxComponentSource(_Undated):
    """
    The components of active tax rates but that of no tax, by Name: a ledger that taxes by detail knows them by it.

    Payload: Name, Rate in percent, TaxRates (names of the rates it is part of). Where two rates have it with other
    percentages Rate is None: which one is meant nobody can tell.
    """

    entity = "tax_component"
    collection = "TaxRates"

    def keyed(self, elements: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for rate in elements:
            charged = rate.get("Status") == "ACTIVE" and rate.get("TaxType") != "NONE"
            for each in rate.get("TaxComponents") or [] if charged else []:
                known = found.setdefault(each["Name"], {"Name": each["Name"], "Rate": each["Rate"], "TaxRates": []})
                known["TaxRates"].append(rate["Name"])
                known["Rate"] = known["Rate"] if known["Rate"] == each["Rate"] else None
        return found


class TrackingOptionSource(_Undated):
    """Options of tracking categories by TrackingOptionID, each with its Category and that one's CategoryStatus."""

    entity = "tracking_option"
    collection = "TrackingCategories"

    def keyed(self, elements: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {
            option["TrackingOptionID"]: {**option, "Category": each["Name"], "CategoryStatus": each["Status"]}
            for each in elements
            for option in each.get("Options") or []
        }


class _Invoices(InvoiceSource):
    """Sales invoices and bills."""

    query = MappingProxyType({"unitdp": 4})


class _CreditNotes(CreditNoteSource):
    """Sales credit notes and suppliers'."""

    query = MappingProxyType({"unitdp": 4})


class _Payments(PaymentSource):
    """Payments of all of them."""

    def concerns_sales(self, element: dict[str, Any]) -> bool:
        return True


SOURCES: Mapping[str, type[_Changed]] = {
    source.entity: source
    for source in (InvoiceSource, CreditNoteSource, PaymentSource, BankTransactionSource, ManualJournalSource)
}
"""What of the books can be read by change, by entity name."""
WITH_PURCHASES: Mapping[str, type[_Changed]] = {
    **SOURCES,
    **{source.entity: source for source in (_Invoices, _CreditNotes, _Payments)},
}
"""The same where bills are among the books: no more calls than without."""


def modified_since(instant: datetime | None) -> dict[str, str]:
    """The header that leaves out what is older; Xero takes whole seconds of UTC."""
    return {} if instant is None else {"If-Modified-Since": instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")}
