"""Payables of GP: vendors, their invoices and credit memos (sources.md GP §1.3, §4)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hooks.gp.econnect.documents import HEADER, Transaction
from hooks.gp.econnect.entities import ChangedRows
from hooks.gp.econnect.masters import Beside, KeptMaster
from hooks.gp.econnect.reader import Row, equal
from hooks.gp.econnect.targets import DistributedTarget, Place, difference
from ledgerbridge.entities import Document

__all__ = ["PayablesCreditMemo", "PayablesDocument", "PayablesInvoice", "PayablesPayment", "Vendor"]

_INVOICE, _CREDIT_MEMO, _PAYMENT = 1, 5, 6
_NO_1099 = 1  # TEN99TYPE; above it are the kinds of 1099
_INACTIVE = "2"  # a temporary vendor, 3, may be used: sources.md GP §4
_OPEN, _HISTORY = "Payables_Posted_Transaction", "Payables_History_Transaction"


class Vendor(KeptMaster):
    """Vendors by VENDORID. Part: ``addresses`` (taCreateVendorAddress)."""

    transaction = Transaction(
        name="PMVendorMasterType",
        parts={HEADER: "taUpdateCreateVendorRcd", "addresses": "taCreateVendorAddress"},
        copied=("VENDORID",),
    )
    natural_key = number_field = "VENDORID"
    places = (Place("Vendor", "VENDORID"),)
    master_table = "PM00200"
    master_doctype = "Vendor"
    master_column = "VENDORID"
    source_name = "vendor"
    source_doctypes = ("Vendor",)
    source_where = ""
    source_key = ("VENDORID",)
    address_code = "VADDCDPR"
    beside = Beside("PM00300", "Vendor_Addr", "VENDORID")

    def is_active(self, row: Row) -> bool:
        return str(row.get("VENDSTTS")) != _INACTIVE


class _PayablesTarget(DistributedTarget):
    """What vendors are owed, and what pays them."""

    series = 4

    def _differences(self, document: Document, row: Row) -> list[str]:
        header = document.header
        found = difference("VENDORID", row.get("VENDORID"), header.get("VENDORID"))
        found += difference("DOCNUMBR", row.get("DOCNUMBR"), header.get("DOCNUMBR"))
        # payables keep the base currency's amount: a foreign document's is told by number and vendor
        return found if header.get("CURNCYID") else found + difference("DOCAMNT", row.get("DOCAMNT"), header["DOCAMNT"])


class _Voucher(_PayablesTarget):
    """Parts: ``taxes`` (taPMTransactionTaxInsert), ``distributions`` (taPMDistribution)."""

    natural_key = "VCHNUMWK"

    def _write(self, document: Document) -> None:
        super()._write(_one_an_account(document) if document.header.get("CURNCYID") else document)

    def _assigned(self, document: Document) -> dict[str, Any]:
        """With the amount for the 1099 of a vendor that has one, which eConnect leaves at nothing (unverified)."""
        assigned = super()._assigned(document)
        number = str(document.header["VENDORID"])
        vendor = Vendor(self._site).lookup([number]).get(number, {})
        if int(vendor.get("TEN99TYPE") or 0) > _NO_1099 and document.header.get("TEN99AMNT") is None:
            assigned["TEN99AMNT"] = document.header.get("PRCHAMNT")
        return assigned


def _one_an_account(document: Document) -> Document:
    """
    A foreign document with one distribution for each account and kind, the first one's text on it.

    GP converts each distribution by itself, and cents are to be those of an account (accounting-rules.md §7).
    """
    rows: dict[tuple[object, object], dict[str, Any]] = {}
    for row in document.parts.get("distributions", []):
        kept = rows.setdefault((row["DISTTYPE"], row.get("ACTNUMST")), {**row, "DEBITAMT": Decimal(0)})
        kept["DEBITAMT"] += (row.get("DEBITAMT") or Decimal(0)) - (row.get("CRDTAMNT") or Decimal(0))
    merged = [
        {**row, "DEBITAMT": max(net, Decimal(0)), "CRDTAMNT": max(-net, Decimal(0))}
        for row in rows.values()
        if (net := row["DEBITAMT"])
    ]
    return replace(document, parts={**document.parts, "distributions": merged})


def _payables_transaction(document_type: int) -> Transaction:
    return Transaction(
        name="PMTransactionType",
        parts={
            "taxes": "taPMTransactionTaxInsert",
            "distributions": "taPMDistribution",
            HEADER: "taPMTransactionInsert",
        },
        constants={"DOCTYPE": document_type},
        copied=("VENDORID", "DOCTYPE", "BACHNUMB"),
        renamed={"VCHRNMBR": "VCHNUMWK"},
    )


def _payables_places(document_type: int) -> tuple[Place, ...]:
    where = equal("DOCTYPE", document_type)
    # the voucher's number is VCHNUMWK in work and VCHRNMBR once posted
    return (
        Place("Payables_Transaction", "VCHNUMWK", where),
        Place(_OPEN, "VCHRNMBR", where),
        Place(_HISTORY, "VCHRNMBR", where),
    )


class PayablesInvoice(_Voucher):
    """Vendor invoices; VCHNUMWK is ours, DOCNUMBR the vendor's own number."""

    transaction = _payables_transaction(_INVOICE)
    places = _payables_places(_INVOICE)


class PayablesCreditMemo(_Voucher):
    """Vendor credit memos."""

    transaction = _payables_transaction(_CREDIT_MEMO)
    places = _payables_places(_CREDIT_MEMO)


class PayablesPayment(_PayablesTarget):
    """
    Manual payments of vendors, applied to nothing: that one pays a voucher only people say; PMNTNMBR is ours.

    Part: ``distributions`` (taPMDistribution, DOCTYPE 6).
    """

    transaction = Transaction(
        name="PMManualCheckType",
        parts={"distributions": "taPMDistribution", HEADER: "taPMManualCheck"},
        copied=("VENDORID",),
        renamed={"VCHRNMBR": "PMNTNMBR"},
    )
    natural_key = "PMNTNMBR"
    places = (
        Place("Payables_Payment", "PMNTNMBR"),
        Place(_OPEN, "VCHRNMBR", equal("DOCTYPE", _PAYMENT)),
        Place(_HISTORY, "VCHRNMBR", equal("DOCTYPE", _PAYMENT)),
    )


class PayablesDocument(ChangedRows):
    """Posted payables of every type; a document paid in full moves to history by itself."""

    source_name = "payables_document"
    source_doctypes = (_OPEN, _HISTORY)
    source_where = ""
    source_key = ("DOCTYPE", "VCHRNMBR")
