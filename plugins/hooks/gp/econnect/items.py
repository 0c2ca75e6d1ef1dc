"""Items of GP (sources.md GP §1.3)."""

from __future__ import annotations

from hooks.gp.econnect.documents import HEADER, Transaction
from hooks.gp.econnect.entities import ChangedRows, MasterRows
from hooks.gp.econnect.targets import MasterTarget, Place

__all__ = ["Item"]


class Item(MasterTarget, ChangedRows, MasterRows):
    """Items by ITEMNMBR. Part: ``sites`` (taItemSite)."""

    transaction = Transaction(
        name="IVItemMasterType",
        parts={HEADER: "taUpdateCreateItemRcd", "sites": "taItemSite"},
        copied=("ITEMNMBR",),
        nil_after={HEADER: "taIVCreateItemPriceListHeader"},
    )
    natural_key = "ITEMNMBR"
    places = (Place("Item", "ITEMNMBR"),)
    master_doctype = "Item"
    master_column = "ITEMNMBR"
    source_name = "item"
    source_doctypes = ("Item",)
    source_where = ""
    source_key = ("ITEMNMBR",)
