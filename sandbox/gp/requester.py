"""
GetEntity: the eConnect Requester over the company's tables (sources.md GP §1.4).

One ``<eConnect>`` per record with its index columns as attributes; elements are the tables' columns. Names of DOCTYPEs
and of child elements beyond Customer, Cash_Receipt, GL_* and Item are [unverified]; Tax_Detail, Tax_Schedule, Currency,
GL_Segment, Customer_Class, Vendor_Class, Receivables_Apply, Receivables_History_Apply, Receivables_Currency,
Payables_Payment, Payables_Distributions, Payables_History_Distributions, Payables_Taxes, Payables_History_Taxes,
Payables_Currency, Payables_Apply, Payables_History_Apply, GL_Work_Lines,
Fiscal_Periods, Batch, Internet_Addresses, Checkbook and Changes are what a site would define in eConnect_Out_Setup.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lxml import etree

from sandbox.gp.errors import EConnectRefused, NodeRefused, Refusal, SqlError
from sandbox.gp.models import TABLES, Row
from sandbox.gp.session import Session
from sandbox.gp.where import compile_where

_COMPLETE = 2
_INDEXES = 15


@dataclass(frozen=True)
class Child:
    """Rows of another table that belong to a record: element name, table, and own column to the record's column."""

    element: str
    table: str
    on: Mapping[str, str]
    only: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Doctype:
    """A document type of the Requester: element and table of its records, INDEX columns, children."""

    element: str
    table: str
    indexes: tuple[str, ...]
    children: tuple[Child, ...] = ()


_SALES_KEY = {"SOPTYPE": "SOPTYPE", "SOPNUMBE": "SOPNUMBE"}


def _sales_children(lines: str) -> tuple[Child, ...]:
    tables = (("Line", lines), ("Tax", "SOP10105"), ("User_Defined", "SOP10106"))
    return tuple(Child(element, table, _SALES_KEY) for element, table in tables)


_CUSTOMER_CHILDREN = (
    Child("Address", "RM00102", {"CUSTNMBR": "CUSTNMBR"}),
    Child("Internet_Address", "SY01200", {"Master_ID": "CUSTNMBR"}, {"Master_Type": "CUS"}),
)
_PM_APPLY_KEY = ("APTVCHNM", "APTODCTY", "VCHRNMBR", "DOCTYPE")
_RM_KEY = ("DOCNUMBR", "RMDTYPAL")

DOCTYPES: Mapping[str, Doctype] = {
    "Customer": Doctype("Customer", "RM00101", ("CUSTNMBR",), _CUSTOMER_CHILDREN),
    "Item": Doctype("Item", "IV00101", ("ITEMNMBR",)),
    "GL_Accounts": Doctype(
        "GL_Accounts", "GL00105", ("ACTINDX",), (Child("Account", "GL00100", {"ACTINDX": "ACTINDX"}),)
    ),
    "GL_Segment": Doctype("Segment", "GL40200", ("SGMTNUMB", "SGMNTID")),
    "Currency": Doctype("Currency", "MC40200", ("CURNCYID",)),
    "Tax_Detail": Doctype("Tax_Detail", "TX00201", ("TAXDTLID",)),
    "Tax_Schedule": Doctype(
        "Tax_Schedule", "TX00101", ("TAXSCHID",), (Child("Detail", "TX00102", {"TAXSCHID": "TAXSCHID"}),)
    ),
    "Customer_Class": Doctype("Customer_Class", "RM00201", ("CLASSID",)),
    "Vendor_Class": Doctype("Vendor_Class", "PM00100", ("VNDCLSID",)),
    "Checkbook": Doctype("Checkbook", "CM00100", ("CHEKBKID",)),
    "Changes": Doctype("Change", "eConnect_Out", ("INDEX1", "DOCTYPE")),
    "Batch": Doctype("Batch", "SY00500", ("BACHNUMB", "BCHSOURC")),
    "Internet_Addresses": Doctype("Internet_Address", "SY01200", ("Master_ID", "Master_Type", "ADRSCODE")),
    "Sales_Transaction": Doctype(
        "SO_Trans",
        "SOP10100",
        ("SOPNUMBE", "SOPTYPE"),
        _sales_children("SOP10200"),
    ),
    "Sales_History_Transaction": Doctype(
        "SO_Trans",
        "SOP30200",
        ("SOPNUMBE", "SOPTYPE"),
        _sales_children("SOP30300"),
    ),
    "Vendor": Doctype("Vendor", "PM00200", ("VENDORID",), (Child("Vendor_Addr", "PM00300", {"VENDORID": "VENDORID"}),)),
    "Payables_Transaction": Doctype("PM_Trans", "PM10000", ("VCHNUMWK",)),
    "Payables_Posted_Transaction": Doctype("PM_Trans", "PM20000", ("VCHRNMBR", "DOCTYPE")),
    "Payables_History_Transaction": Doctype("PM_Trans", "PM30200", ("VCHRNMBR", "DOCTYPE")),
    "Payables_Payment": Doctype("PM_Payment", "PM10400", ("PMNTNMBR",)),
    "Payables_Distributions": Doctype("PM_Distribution", "PM10100", ("VCHRNMBR", "DSTSQNUM")),
    "Payables_History_Distributions": Doctype("PM_Distribution", "PM30600", ("VCHRNMBR", "DSTSQNUM")),
    "Payables_Taxes": Doctype("PM_Tax", "PM10500", ("VCHRNMBR", "TAXDTLID")),
    "Payables_History_Taxes": Doctype("PM_Tax", "PM30700", ("VCHRNMBR", "TAXDTLID")),
    "Payables_Currency": Doctype("PM_Currency", "MC020103", ("VCHRNMBR", "DOCTYPE")),
    "Payables_Apply": Doctype("PM_Apply", "PM10200", _PM_APPLY_KEY),
    "Payables_History_Apply": Doctype("PM_Apply", "PM30300", _PM_APPLY_KEY),
    "Purchase_Order_Transaction": Doctype(
        "Header", "POP10100", ("PONUMBER",), (Child("Line", "POP10110", {"PONUMBER": "PONUMBER"}),)
    ),
    "PO_History_Transaction": Doctype("Header", "POP30100", ("PONUMBER",)),
    "Cash_Receipt": Doctype("Cash_Receipt", "RM10201", ("DOCNUMBR",)),
    "Receivables_Transaction": Doctype("RM_Trans", "RM10301", _RM_KEY),
    "Receivables_Posted_Transaction": Doctype("RM_Trans", "RM20101", _RM_KEY),
    "Receivables_History_Transaction": Doctype("RM_Trans", "RM30101", _RM_KEY),
    "Receivables_Currency": Doctype("RM_Currency", "MC020102", _RM_KEY),
    "Receivables_Apply": Doctype("RM_Apply", "RM20201", ("APTODCNM", "APFRDCNM", "APTODCTY", "APFRDCTY")),
    "Receivables_History_Apply": Doctype("RM_Apply", "RM30201", ("APTODCNM", "APFRDCNM", "APTODCTY", "APFRDCTY")),
    "GL_Work_Trans": Doctype("GL_Work", "GL10000", ("JRNENTRY",)),
    "GL_Work_Lines": Doctype("GL_Work_Line", "GL10001", ("JRNENTRY", "SQNCLINE")),
    "GL_Open_Trans": Doctype("GL_Open", "GL20000", ("JRNENTRY", "SEQNUMBR", "RCTRXSEQ", "OPENYEAR")),
    "Fiscal_Periods": Doctype("Fiscal_Period", "SY40100", ("YEAR1", "PERIODID", "SERIES")),
    "GL_Hist_Trans": Doctype("GL_Hist", "GL30000", ("JRNENTRY", "SEQNUMBR", "RCTRXSEQ", "HSTYEAR")),
}


def read_entity(session: Session, root: etree._Element, company: str) -> str:
    """
    Answer an RQeConnectOutType document.

    :raises EConnectRefused: an unknown DOCTYPE.
    :raises SqlError: a WhereClause that can't be run, a request of another kind.
    """
    request = root.find("RQeConnectOutType/eConnectOut")
    if request is None:
        raise SqlError.no_procedure(str(root[0].tag) if len(root) else "eConnectOut")
    fields = {str(child.tag): (child.text or "").strip() for child in request}
    doctype = DOCTYPES.get(fields.get("DOCTYPE", ""))
    if doctype is None:
        unknown = Refusal(50000, f"DOCTYPE '{fields.get('DOCTYPE', '')}' is not in eConnect_Out_Setup")
        node = etree.tostring(request, encoding="unicode")
        raise EConnectRefused("eConnectOut", fields, NodeRefused([unknown]), node)
    answer = etree.Element("root")
    # without FORLIST the Requester reads its shadow table, which eConnect's own writes don't fill (RequesterTrx 0)
    if fields.get("FORLIST") != "1":
        return etree.tostring(answer, encoding="unicode")
    where, parameters = _condition(doctype, fields)
    limit = int(fields.get("ROWCOUNT") or 0) or -1
    rows = session.query(doctype.table, where, parameters, limit)
    children = _children(session, doctype, rows) if fields.get("OUTPUTTYPE") == str(_COMPLETE) else {}
    for position, row in enumerate(rows):
        attributes = {
            "ACTION": "0",
            "Requester_DOCTYPE": fields["DOCTYPE"],
            "DBNAME": company,
            "TABLENAME": doctype.table,
            "DATE1": "1900-01-01T00:00:00",
        }
        attributes |= {name: wire_text(row[name]) for name in doctype.indexes}
        record = _element(etree.SubElement(answer, "eConnect", attributes), doctype.element, row)
        for name, child in children.get(position, []):
            _element(record, name, child)
    return etree.tostring(answer, encoding="unicode")


def wire_text(value: Any) -> str:
    """A column's value as GP's XML has it: five decimals (rates seven), ISO dates with a time."""
    match value:
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat(timespec="milliseconds")
        case date():
            return f"{value.isoformat()}T00:00:00"
        case _:
            return str(value)


def _condition(doctype: Doctype, fields: Mapping[str, str]) -> tuple[str, list[Any]]:
    conditions, parameters = [], []
    columns = TABLES[doctype.table].columns
    for position in range(1, _INDEXES + 1):
        for end, operator in (("FROM", ">="), ("TO", "<=")):
            value = fields.get(f"INDEX{position}{end}")
            if not value:
                continue
            if position > len(doctype.indexes):
                raise SqlError(207, f"Invalid column name 'INDEX{position}' ({doctype.table}).")
            column = columns[doctype.indexes[position - 1]]
            conditions.append(f'"{column.name}" {operator} ?')
            parameters.append(column.stored(Decimal(value) if column.kind == "m" else value))
    if fields.get("WhereClause"):
        where, bound = compile_where(fields["WhereClause"], doctype.table)
        conditions.append(f"({where})")
        parameters += bound
    return " AND ".join(conditions) or "1", parameters


def _children(session: Session, doctype: Doctype, rows: list[Row]) -> dict[int, list[tuple[str, Row]]]:
    """Child rows by the position of their record, in the order of the doctype's children."""
    found: dict[int, list[tuple[str, Row]]] = defaultdict(list)
    for child in doctype.children:
        for position, row in enumerate(rows):
            key = {own: row[other] for own, other in child.on.items()} | dict(child.only or {})
            found[position] += [(child.element, line) for line in session.select(child.table, **key)]
    return found


def _element(parent: etree._Element, name: str, row: Row) -> etree._Element:
    element = etree.SubElement(parent, name)
    for column, value in row.items():
        etree.SubElement(element, column).text = wire_text(value)
    return element
