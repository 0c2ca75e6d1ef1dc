"""Payables of GP: vendors, their invoices and credit memos (sources.md GP §1.3, §4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hooks.gp.econnect.documents import HEADER, Transaction
from hooks.gp.econnect.entities import ChangedRows
from hooks.gp.econnect.ledger import AccountIndex
from hooks.gp.econnect.masters import Beside, KeptMaster
from hooks.gp.econnect.reader import Row, equal
from hooks.gp.econnect.targets import DistributedTarget, Place, difference
from ledgerbridge.entities import Document

__all__ = ["AppliedPayment", "PayablesCreditMemo", "PayablesDocument", "PayablesInvoice", "PayablesPayment", "Vendor"]

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
    """
    Posted payables of every type; a document paid in full moves to history by itself.

    ``Distributions`` and ``Taxes``, each account with its ACTNUMST, and ``Applications``: what it is applied to, of a
    payment or credit. ORDOCAMT and XCHGRATE of MC020103 are the amount in the document's own currency and its rate;
    DOCAMNT and 1 where that is the company's. The tables beside have no DEX_ROW_TS: distributions are of the posted
    document for good, an application changes its CURTRXAM (sources.md GP §4).
    """

    source_name = "payables_document"
    source_doctypes = (_OPEN, _HISTORY)
    source_where = ""
    source_key = ("DOCTYPE", "VCHRNMBR")

    def _prepared(self, rows: list[Row]) -> list[Row]:
        reader, numbers = self._site.reader, [str(row["VCHRNMBR"]) for row in rows]
        originals = {
            _document(row): row for row in reader.by_keys("Payables_Currency", "VCHRNMBR", numbers, key=self.source_key)
        }
        beside = {part: self._beside(of, numbers) for part, of in _BESIDE.items()}
        accounts = AccountIndex(self._site).lookup(
            sorted({str(each["DSTINDX"]) for lines in beside["Distributions"].values() for each in lines})
        )
        found = []
        for row in rows:
            own = originals.get(_document(row))
            parts = {
                part: [_of_document(each, row, own) for each in of[str(row["VCHRNMBR"]).upper()] if _is_of(each, row)]
                for part, of in beside.items()
            }
            for line in parts["Distributions"]:
                line["ACTNUMST"] = accounts.get(str(line["DSTINDX"]), {}).get("ACTNUMST")
            for each in parts["Applications"]:
                each["BillKey"] = f"gp:{self._site.company}:{self.source_name}:{each['APTODCTY']}-{each['APTVCHNM']}"
            amounts = (
                {name: own[name] for name in _IN_THEIR_CURRENCY}
                if own
                else {"ORDOCAMT": row["DOCAMNT"], "XCHGRATE": "1"}
            )
            found.append({**row, **amounts, **parts})
        return found

    def _beside(self, of: _Beside, numbers: Sequence[str]) -> dict[str, list[Row]]:
        """The rows by the document's number; one that moves to history between two calls is there once."""
        found: dict[str, dict[tuple[Any, ...], Row]] = defaultdict(dict)
        for doctype in of.doctypes:
            for row in self._site.reader.by_keys(doctype, "VCHRNMBR", numbers, key=of.key):
                found[str(row["VCHRNMBR"]).upper()][tuple(row[column] for column in of.key)] = row
        return defaultdict(list, {number: list(rows.values()) for number, rows in found.items()})


class AppliedPayment(PayablesDocument):
    """Posted payments of vendors with ``Applications`` alone."""

    source_where = equal("DOCTYPE", _PAYMENT)

    def _prepared(self, rows: list[Row]) -> list[Row]:
        applied = self._beside(_BESIDE["Applications"], [str(row["VCHRNMBR"]) for row in rows])
        return [
            {**row, "Applications": [each for each in applied[str(row["VCHRNMBR"]).upper()] if _is_of(each, row)]}
            for row in rows
        ]


_IN_THEIR_CURRENCY = ("ORDOCAMT", "XCHGRATE", "RTCLCMTD")


@dataclass(frozen=True)
class _Beside:
    """
    Tables beside the documents, of open ones and of those in history.

    :param amounts: columns in the company's currency, by those in the document's, which are empty with one currency.
    """

    doctypes: tuple[str, str]
    key: tuple[str, ...]
    amounts: Mapping[str, str]


_BESIDE: Mapping[str, _Beside] = {
    "Distributions": _Beside(
        ("Payables_Distributions", "Payables_History_Distributions"),
        ("VCHRNMBR", "DSTSQNUM"),
        {"ORDBTAMT": "DEBITAMT", "ORCRDAMT": "CRDTAMNT"},
    ),
    "Taxes": _Beside(
        ("Payables_Taxes", "Payables_History_Taxes"),
        ("VCHRNMBR", "TAXDTLID"),
        {"ORTAXAMT": "TAXAMNT", "ORTXBPUR": "TDTTXPUR"},
    ),
    "Applications": _Beside(
        ("Payables_Apply", "Payables_History_Apply"),
        ("APTVCHNM", "APTODCTY", "VCHRNMBR", "DOCTYPE"),
        {"ORAPPAMT": "APPLDAMT"},
    ),
}
_IN_COMPANYS = {own: company for each in _BESIDE.values() for own, company in each.amounts.items()}


def _document(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["DOCTYPE"]), str(row["VCHRNMBR"]).upper()


def _is_of(part: Row, document: Row) -> bool:
    """PM10100 has no type: a voucher and a payment of one number are not told apart there."""
    return str(part.get("DOCTYPE") or document["DOCTYPE"]) == str(document["DOCTYPE"])


def _of_document(part: Row, document: Row, foreign: Row | None) -> Row:
    """A row beside a document, with amounts in the document's currency whatever that is."""
    own = {} if foreign else {name: part[kept] for name, kept in _IN_COMPANYS.items() if kept in part}
    return {**part, **own}
