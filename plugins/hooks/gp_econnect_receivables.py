"""Customers and receivables of GP: receipts and their application (facts/gp.md §1.3, §4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hooks.gp_econnect_documents import HEADER, Transaction, build_xml
from hooks.gp_econnect_entities import ChangedRows, MasterRows
from hooks.gp_econnect_reader import Row, all_of, equal, one_of
from hooks.gp_econnect_targets import EConnectTarget, Place, difference
from ledgerbridge.entities import Document, Found

__all__ = ["Application", "CashReceipt", "Customer"]

_RECEIPT = 9


class Customer(EConnectTarget, MasterRows):
    """
    Customers, found by CUSTNMBR, else by the exact e-mail of their first ``internet_addresses`` row.

    Parts: ``addresses`` (taCreateCustomerAddress), ``internet_addresses`` (taCreateInternetAddresses: INET1 is the
    e-mail; Master_Type and Master_ID may be left out). A customer found by e-mail keeps its number in GP: it is the
    ``target_id``. Sending one that exists updates the fields given.
    """

    transaction = Transaction(
        name="RMCustomerMasterType",
        parts={
            HEADER: "taUpdateCreateCustomerRcd",
            "addresses": "taCreateCustomerAddress",
            "internet_addresses": "taCreateInternetAddresses",
        },
        copied=("CUSTNMBR", "ADRSCODE"),
    )
    natural_key = "CUSTNMBR"
    places = (Place("Customer", "CUSTNMBR"),)
    master_doctype = "Customer"
    master_column = "CUSTNMBR"

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        found = super().find(documents)
        by_email: dict[str, list[Document]] = defaultdict(list)
        for document in documents:
            email = _email(document.parts.get("internet_addresses", []))
            if email and document.record_key not in found:
                by_email[email].append(document)
        if not by_email:
            return found
        # the Requester knows no e-mail column of the customer itself: facts/gp.md §1.4
        holders = all_of(equal("Master_Type", "CUS"), one_of("INET1", sorted(by_email)))
        where = f"CUSTNMBR IN (SELECT Master_ID FROM SY01200 WHERE {holders})"  # noqa: S608 - one_of escapes
        for page in self._site.reader.pages("Customer", where, key=("CUSTNMBR",)):
            for row in page:
                number = str(row["CUSTNMBR"])
                for document in by_email.pop(_email(row.get("Internet_Address", [])), []):
                    found[document.record_key] = Found(number, number, row)
        return found

    def _write(self, document: Document) -> None:
        number = document.header.get("CUSTNMBR")
        parts = dict(document.parts)
        if "internet_addresses" in parts:
            owner = {"Master_Type": "CUS", "Master_ID": number}
            parts["internet_addresses"] = [{**owner, **row} for row in parts["internet_addresses"]]
        owned = Document(document.record_key, document.idempotency_key, document.header, parts)
        self._site.client.create_master(build_xml(self.transaction, owned))

    def _differences(self, document: Document, row: Row) -> list[str]:
        """Only another person under our number matters; the rest of a customer is simply brought up to date."""
        in_gp, sent = _email(row.get("Internet_Address", [])), _email(document.parts.get("internet_addresses", []))
        return difference("INET1", in_gp, sent) if in_gp and sent else []


class CashReceipt(EConnectTarget, ChangedRows):
    """
    Receipts: written to work; read when posted, with what is left to apply in CURTRXAM.

    GP gives receipts no number: DOCNUMBR is ours.
    """

    transaction = Transaction(name="RMCashReceiptsType", parts={HEADER: "taRMCashReceiptInsert"})
    natural_key = "DOCNUMBR"
    places = (
        Place("Cash_Receipt", "DOCNUMBR"),
        Place("Receivables_Posted_Transaction", "DOCNUMBR", equal("RMDTYPAL", _RECEIPT)),
        Place("Receivables_History_Transaction", "DOCNUMBR", equal("RMDTYPAL", _RECEIPT)),
    )
    source_name = "cash_receipt"
    source_doctype = "Receivables_Posted_Transaction"
    source_where = equal("RMDTYPAL", _RECEIPT)
    source_key = ("DOCNUMBR",)

    def _differences(self, document: Document, row: Row) -> list[str]:
        return difference("CUSTNMBR", row.get("CUSTNMBR"), document.header.get("CUSTNMBR")) + difference(
            "ORTRXAMT", row.get("ORTRXAMT"), document.header.get("ORTRXAMT")
        )


class Application(EConnectTarget):
    """
    A receipt or credit applied to a document; known by both numbers, there is at most one of each pair.

    taRMApply has no key of its own and applies again when it is called again (facts/gp.md §1.3): it is never sent
    without being looked up first.
    """

    transaction = Transaction(name="RMApplyType", parts={HEADER: "taRMApply"})
    natural_key = "APFRDCNM"
    places = (
        Place("Receivables_Apply", "APFRDCNM", key=("APTODCNM", "APFRDCNM")),
        Place("Receivables_History_Apply", "APFRDCNM", key=("APTODCNM", "APFRDCNM")),
    )

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        found: dict[str, Found] = {}
        waiting = {_pair(document.header): document for document in documents}
        for place in self.places:
            conditions = [
                all_of(equal("APTODCNM", applied_to), equal("APFRDCNM", applied_from))
                for applied_to, applied_from in waiting
            ]
            for row in self._site.reader.matching(place.doctype, conditions, key=place.key):
                document = waiting.pop(_pair(row), None)
                if document is not None:
                    number = f"{row['APFRDCNM']} to {row['APTODCNM']}"
                    found[document.record_key] = Found(number, number, row, tuple(self._differences(document, row)))
        return found

    def _differences(self, document: Document, row: Row) -> list[str]:
        return difference("APPTOAMT", row.get("APPTOAMT"), document.header.get("APPTOAMT"))


def _pair(values: dict[str, Any]) -> tuple[str, str]:
    return str(values["APTODCNM"]).upper(), str(values["APFRDCNM"]).upper()


def _email(addresses: list[dict[str, Any]]) -> str:
    return str(addresses[0].get("INET1") or "").strip().lower() if addresses else ""
