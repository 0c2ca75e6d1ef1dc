"""Purchase orders of GP, which people release, receive and match with invoices (sources.md GP §1.3)."""

from __future__ import annotations

from datetime import date

from hooks.gp.econnect.documents import HEADER, Transaction
from hooks.gp.econnect.reader import Row
from hooks.gp.econnect.targets import EConnectTarget, Place, difference
from ledgerbridge.entities import Document

__all__ = ["PurchaseOrder"]

_STANDARD = 1


class PurchaseOrder(EConnectTarget):
    """
    Standard purchase orders with the status New; PONUMBER is that of the ledger it was keyed in.

    Parts: ``lines`` (taPoLine), ``taxes`` (taPopIvcTaxInsert, by the ORD of their line). SUBTOTAL is Σ QUANTITY ×
    UNITCOST, each rounded to cents: GP has no other amount of a line.
    """

    transaction = Transaction(
        name="POPTransactionType",
        parts={"taxes": "taPopIvcTaxInsert", "lines": "taPoLine", HEADER: "taPoHdr"},
        constants={"POTYPE": _STANDARD},
        copied=("POTYPE", "PONUMBER", "VENDORID", "DOCDATE", "CURNCYID"),
    )
    natural_key = "PONUMBER"
    places = (Place("Purchase_Order_Transaction", "PONUMBER"), Place("PO_History_Transaction", "PONUMBER"))

    def day_of(self, document: Document) -> date | None:
        """None: an order is posted to nothing, and goes whatever period is closed."""
        return None

    def _differences(self, document: Document, row: Row) -> list[str]:
        header = document.header
        subtotal, tax = ("ORSUBTOT", "ORTAXAMT") if header.get("CURNCYID") else ("SUBTOTAL", "TAXAMNT")
        found = difference("VENDORID", row.get("VENDORID"), header.get("VENDORID"))
        found += difference("SUBTOTAL", row.get(subtotal), header.get("SUBTOTAL"))
        return found + difference("TAXAMNT", row.get(tax), header.get("TAXAMNT"))
