"""Sales documents of GP: orders written, posted invoices read (facts/gp.md §1.3, §4)."""

from __future__ import annotations

from decimal import Decimal

from hooks.gp_econnect_documents import HEADER, Transaction
from hooks.gp_econnect_entities import ChangedRows, MasterRows
from hooks.gp_econnect_reader import Row, all_of, equal
from hooks.gp_econnect_targets import EConnectTarget, Place, difference
from ledgerbridge.entities import Document

__all__ = ["Item", "SalesInvoice", "SalesOrder", "TaxDetail"]

_ORDER, _INVOICE = 2, 3
_LINE_STEP = 16384  # GP numbers lines it is given no number for by this step


def _sales_transaction(document_type: int) -> Transaction:
    return Transaction(
        name="SOPTransactionType",
        parts={"lines": "taSopLineIvcInsert", "taxes": "taSopLineIvcTaxInsert", HEADER: "taSopHdrIvcInsert"},
        constants={"SOPTYPE": document_type},
        copied=("SOPTYPE", "SOPNUMBE", "CUSTNMBR", "DOCDATE", "CURNCYID"),
    )


def _sales_places(document_type: int) -> tuple[Place, ...]:
    where = equal("SOPTYPE", document_type)
    return (
        Place("Sales_Transaction", "SOPNUMBE", where),
        Place("Sales_History_Transaction", "SOPNUMBE", where),
    )


class _SalesDocument(EConnectTarget):
    natural_key = "SOPNUMBE"

    def _differences(self, document: Document, row: Row) -> list[str]:
        header = document.header
        found = difference("CUSTNMBR", row.get("CUSTNMBR"), header.get("CUSTNMBR"))
        found += difference("DOCAMNT", row.get("DOCAMNT"), header.get("DOCAMNT"))
        if row.get("VOIDSTTS") == "1":
            found.append(f"VOIDSTTS is 1 in GP: {row['SOPNUMBE']} is voided")
        in_gp = {int(line["LNITMSEQ"]): line for line in row.get("Line", [])}
        sent = {
            int(line.get("LNITMSEQ") or position * _LINE_STEP): line
            for position, line in enumerate(document.parts.get("lines", []), start=1)
        }
        for number in sorted(in_gp.keys() | sent.keys()):
            if number not in in_gp:
                found.append(f"LNITMSEQ {number} is missing in GP, {sent[number].get('ITEMNMBR')} was sent")
            elif number not in sent:
                found.append(f"LNITMSEQ {number} is {in_gp[number].get('ITEMNMBR')} in GP, no such line was sent")
            else:
                for name in ("ITEMNMBR", "QUANTITY", "XTNDPRCE"):
                    value = sent[number].get(name)
                    exact = Decimal(value) if isinstance(value, int) else value
                    found += difference(f"{name} of line {number}", in_gp[number].get(name), exact)
        return found


class SalesOrder(_SalesDocument):
    """
    Sales orders, unposted in work until they are transferred to invoices.

    Parts: ``lines`` (taSopLineIvcInsert), ``taxes`` (taSopLineIvcTaxInsert, by LNITMSEQ).
    """

    transaction = _sales_transaction(_ORDER)
    places = _sales_places(_ORDER)


class SalesInvoice(ChangedRows):
    """Posted invoices: SOP30200 columns with ``Line`` and ``Tax`` rows; ORIGNUMB names the order."""

    source_name = "sales_invoice"
    source_doctype = "Sales_History_Transaction"
    source_where = all_of(equal("SOPTYPE", _INVOICE), equal("VOIDSTTS", 0))
    source_key = ("SOPNUMBE",)


class Item(MasterRows):
    """Items by ITEMNMBR."""

    master_doctype = "Item"
    master_column = "ITEMNMBR"


class TaxDetail(MasterRows):
    """Tax details by TAXDTLID."""

    master_doctype = "Tax_Detail"
    master_column = "TAXDTLID"
