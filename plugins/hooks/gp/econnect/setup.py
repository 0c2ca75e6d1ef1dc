"""What a GP company is set up with and eConnect has no node for: taxes, currencies, segments … (sources.md GP §2)."""

from __future__ import annotations

from datetime import timedelta

from hooks.gp.econnect.entities import ChangedRows, GPEntity, MasterRows, WholeTable
from hooks.gp.econnect.setup_tables import SETUP_TABLES

__all__ = ["SETUP", "Currency", "Segment"]


class Currency(ChangedRows):
    """Currencies by CURNCYID, which is no ISO code: ISOCURRC is; all of them each time, for GP tells of no deletion."""

    listed_every = timedelta()
    source_name = "currency"
    source_doctypes = ("Currency",)
    source_where = ""
    source_key = ("CURNCYID",)


class Segment(ChangedRows):
    """The values that segments of account numbers may have (GL40200), by segment number and value; all each time."""

    listed_every = timedelta()
    source_name = "segment"
    source_doctypes = ("GL_Segment",)
    source_where = ""
    source_key = ("SGMTNUMB", "SGMNTID")


class _SetupTable(WholeTable, MasterRows):
    """One of setup.yaml."""


SETUP: dict[str, type[GPEntity]] = {
    name: type(
        name,
        (_SetupTable,),
        {
            "__doc__": table.about,
            "source_name": name,
            "source_doctype": table.doctype,
            "source_key": table.key,
            "master_doctype": table.doctype,
            "master_column": table.key,
        },
    )
    for name, table in SETUP_TABLES.items()
}
"""The entities of setup.yaml by name."""
