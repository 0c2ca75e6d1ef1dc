"""What a GP company is set up with and eConnect has no node for: taxes, currencies, segments (sources.md GP §2)."""

from __future__ import annotations

from hooks.gp.econnect.entities import ChangedRows, MasterRows, WholeTable

__all__ = ["Currency", "Segment", "TaxDetail"]


class Currency(ChangedRows):
    """Currencies by CURNCYID, which is no ISO code: ISOCURRC is."""

    source_name = "currency"
    source_doctypes = ("Currency",)
    source_where = ""
    source_key = ("CURNCYID",)


class Segment(ChangedRows):
    """The values that segments of account numbers may have (GL40200), by segment number and value."""

    source_name = "segment"
    source_doctypes = ("GL_Segment",)
    source_where = ""
    source_key = ("SGMTNUMB", "SGMNTID")


class TaxDetail(WholeTable, MasterRows):
    """Tax details by TAXDTLID."""

    master_doctype = source_doctype = "Tax_Detail"
    master_column = source_key = "TAXDTLID"
    source_name = "tax_detail"
