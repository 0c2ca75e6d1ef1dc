"""Items of GP (sources.md GP §1.3)."""

from __future__ import annotations

from hooks.gp.econnect.documents import HEADER, Transaction
from hooks.gp.econnect.masters import KeptMaster
from hooks.gp.econnect.reader import Row
from hooks.gp.econnect.targets import Place

__all__ = ["Item"]

_DISCONTINUED = "2"  # the Item DOCTYPE has no INACTIVE


class Item(KeptMaster):
    """Items by ITEMNMBR. Part: ``sites`` (taItemSite)."""

    transaction = Transaction(
        name="IVItemMasterType",
        parts={HEADER: "taUpdateCreateItemRcd", "sites": "taItemSite"},
        copied=("ITEMNMBR",),
        nil_after={HEADER: "taIVCreateItemPriceListHeader"},
    )
    natural_key = number_field = "ITEMNMBR"
    places = (Place("Item", "ITEMNMBR"),)
    master_table = "IV00101"
    master_doctype = "Item"
    master_column = "ITEMNMBR"
    source_name = "item"
    source_doctypes = ("Item",)
    source_where = ""
    source_key = ("ITEMNMBR",)
    at_first = frozenset({"UOMSCHDL"})

    def is_active(self, row: Row) -> bool:
        return str(row.get("ITEMTYPE")) != _DISCONTINUED
