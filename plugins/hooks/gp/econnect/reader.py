"""
Rows of GP tables through the eConnect Requester (GetEntity), paged by key range (sources.md GP §1.4).

The Requester has no paging of its own and its WhereClause is SQL: every value goes through ``literal``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from lxml import etree

from hooks.gp.econnect.client import EConnectClient
from hooks.gp.econnect.setup_tables import SETUP_TABLES
from hooks.wire.untrusted import parse_xml
from ledgerbridge.errors import ConfigurationError, TransientError

__all__ = [
    "CHANGES",
    "DOCTYPES",
    "Row",
    "TableReader",
    "all_of",
    "any_of",
    "changed_between",
    "equal",
    "literal",
    "one_of",
]

DOCTYPES: Mapping[str, str] = {
    "Customer": "Customer",
    "Item": "Item",
    "GL_Accounts": "GL_Accounts",
    "GL_Segment": "GL_Segment",
    "Currency": "Currency",
    "Sales_Transaction": "Sales_Transaction",
    "Sales_History_Transaction": "Sales_History_Transaction",
    "Cash_Receipt": "Cash_Receipt",
    "Receivables_Transaction": "Receivables_Transaction",
    "Receivables_Posted_Transaction": "Receivables_Posted_Transaction",
    "Receivables_History_Transaction": "Receivables_History_Transaction",
    "Receivables_Currency": "Receivables_Currency",
    "Receivables_Apply": "Receivables_Apply",
    "Receivables_History_Apply": "Receivables_History_Apply",
    "Vendor": "Vendor",
    "Payables_Transaction": "Payables_Transaction",
    "Payables_Posted_Transaction": "Payables_Posted_Transaction",
    "Payables_History_Transaction": "Payables_History_Transaction",
    "Payables_Payment": "Payables_Payment",
    "Payables_Currency": "Payables_Currency",
    "Payables_Distributions": "Payables_Distributions",
    "Payables_History_Distributions": "Payables_History_Distributions",
    "Payables_Taxes": "Payables_Taxes",
    "Payables_History_Taxes": "Payables_History_Taxes",
    "Payables_Apply": "Payables_Apply",
    "Payables_History_Apply": "Payables_History_Apply",
    "Purchase_Order_Transaction": "Purchase_Order_Transaction",
    "PO_History_Transaction": "PO_History_Transaction",
    "GL_Work_Trans": "GL_Work_Trans",
    "GL_Work_Lines": "GL_Work_Lines",
    "GL_Open_Trans": "GL_Open_Trans",
    "GL_Hist_Trans": "GL_Hist_Trans",
    "Fiscal_Periods": "Fiscal_Periods",
    **{table.doctype: table.doctype for table in SETUP_TABLES.values()},
}
"""Our name of a table's DOCTYPE to the site's; a connection's extra ``doctypes`` overrides single ones."""
CHANGES = "Changes"
"""That of ``eConnect_Out``, which a site has only where the extra ``doctypes`` names it: no public example has one."""

Row = dict[str, Any]

_EMPTY_DATE = "1900-01-01"
_PAGE_ROWS = 1000
_KEYS_PER_CALL = 50
_WHOLE_NUMBERS = frozenset(
    {
        "JRNENTRY",
        "RCTRXSEQ",
        "OPENYEAR",
        "HSTYEAR",
        "SEQNUMBR",
        "SQNCLINE",
        "DSTSQNUM",
        "ACTINDX",
        "RMDTYPAL",
        "DOCTYPE",
        "APTODCTY",
        "SGMTNUMB",
        "YEAR1",
        "PERIODID",
        "SERIES",
    }
)
_PUNCTUATION = re.compile(r"[^0-9A-Z]")


class TableReader:
    """
    Reads rows as dicts of column name to text: trimmed, decimals as GP writes them, its empty date as None.

    Child rows are lists under their element's name (``Line``, ``Tax``).
    """

    def __init__(self, client: EConnectClient, doctypes: Mapping[str, str]) -> None:
        unknown = sorted(set(doctypes) - {*DOCTYPES, CHANGES})
        if unknown:
            raise ConfigurationError(
                "LB-GP-017",
                f"extra `doctypes` names {', '.join(unknown)}; known are {', '.join([*DOCTYPES, CHANGES])}",
                remedy="Correct the names in the connection's extra `doctypes`.",
            )
        self._client = client
        self._doctypes = {**DOCTYPES, **doctypes}

    def offers(self, doctype: str) -> bool:
        """Whether the site is said to have it."""
        return doctype in self._doctypes

    def pages(self, doctype: str, where: str, *, key: Sequence[str]) -> Iterator[list[Row]]:
        """
        Every row the condition holds for, in pages of at most 1,000.

        :param key: the columns GP sorts by, unique together.
        :raises ConfigurationError: the rows of a full page are not in key order, so that paging would lose some.
        """
        condition = where
        while True:
            rows = self._get(doctype, condition)
            if rows:
                yield rows
            if len(rows) < _PAGE_ROWS:
                return
            order = [tuple(_sortable(column, row[column]) for column in key) for row in rows]
            if order != sorted(order):
                raise ConfigurationError(
                    "LB-GP-020",
                    f"GetEntity of {self._doctypes[doctype]} answers out of the order of {', '.join(key)}",
                    remedy="Give the DOCTYPE in eConnect_Out_Setup an index on these columns.",
                )
            condition = all_of(where, _after(key, [_value(column, rows[-1][column]) for column in key]))

    def by_keys(
        self, doctype: str, column: str, keys: Sequence[str], *, where: str = "", key: Sequence[str] = ()
    ) -> list[Row]:
        """The rows whose column has one of the values, a few calls for many; equal as GP compares, case aside."""
        values = sorted({_value(column, wanted.strip()) for wanted in keys}, key=str)
        rows: list[Row] = []
        for start in range(0, len(values), _KEYS_PER_CALL):
            some = values[start : start + _KEYS_PER_CALL]
            for page in self.pages(doctype, all_of(where, one_of(column, some)), key=key or (column,)):
                rows += page
        return rows

    def matching(self, doctype: str, conditions: Sequence[str], *, key: Sequence[str]) -> list[Row]:
        """The rows that any of the conditions holds for."""
        rows: list[Row] = []
        for start in range(0, len(conditions), _KEYS_PER_CALL):
            for page in self.pages(doctype, any_of(*conditions[start : start + _KEYS_PER_CALL]), key=key):
                rows += page
        return rows

    def _get(self, doctype: str, where: str) -> list[Row]:
        root = etree.Element("eConnect")
        request = etree.SubElement(etree.SubElement(root, "RQeConnectOutType"), "eConnectOut")
        # the schema's order: DOCTYPE, OUTPUTTYPE, FORLIST, ROWCOUNT, WhereClause
        for name, value in (
            ("DOCTYPE", self._doctypes[doctype]),
            ("OUTPUTTYPE", "2"),
            ("FORLIST", "1"),
            ("ROWCOUNT", str(_PAGE_ROWS)),
            ("WhereClause", f"({where})" if where else ""),
        ):
            if value:
                etree.SubElement(request, name).text = value
        answer = self._client.get_entity(etree.tostring(root, encoding="unicode"))
        try:
            records = parse_xml(answer)
        except ValueError as error:
            raise TransientError(
                "LB-GP-016",
                f"GetEntity of {self._doctypes[doctype]} answered XML that can't be read: {error}",
                remedy="Look for control characters in the texts of these records in GP.",
            ) from error
        return [_row(record[0]) for record in records.iter("eConnect") if len(record)]


def literal(value: str | int | datetime) -> str:
    """A value as SQL text: quotes doubled, instants in UTC to the millisecond that GP's columns keep."""
    if isinstance(value, datetime):
        return f"'{value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}'"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def equal(column: str, value: str | int) -> str:
    """``column = value``."""
    return f"{column} = {literal(value)}"


def one_of(column: str, values: Sequence[str | int]) -> str:
    """``column IN (…)``."""
    return f"{column} IN ({', '.join(literal(value) for value in values)})"


def all_of(*conditions: str) -> str:
    """All the conditions that are not empty."""
    return " AND ".join(condition for condition in conditions if condition)


def any_of(*conditions: str) -> str:
    """Any of the conditions."""
    return "(" + " OR ".join(f"({condition})" for condition in conditions) + ")"


def changed_between(since: datetime | None, until: datetime | None) -> str:
    """Rows whose DEX_ROW_TS lies in the window, both ends included."""
    first = f"DEX_ROW_TS >= {literal(since)}" if since else ""
    # the end is cut to milliseconds, which must not lose a row of that very millisecond
    last = f"DEX_ROW_TS <= {literal(until + timedelta(microseconds=999))}" if until else ""
    return all_of(first, last)


def _after(key: Sequence[str], values: Sequence[str | int]) -> str:
    """Rows behind these key values in the order of all key columns."""
    column, value = key[0], values[0]
    behind = f"{column} > {literal(value)}"
    if len(key) == 1:
        return behind
    return f"({behind} OR ({equal(column, value)} AND {_after(key[1:], values[1:])}))"


def _value(column: str, text: str) -> str | int:
    # a sequence may be a numeric(19,5)
    return int(Decimal(text)) if column in _WHOLE_NUMBERS else text


def _sortable(column: str, text: str) -> str | int:
    """How GP's collation orders it, as far as it is certain: case aside, anything else before digits and letters."""
    value = _value(column, text)
    return value if isinstance(value, int) else _PUNCTUATION.sub(" ", value.upper())


def _row(element: etree._Element) -> Row:
    row: Row = {}
    for child in element:
        name = str(child.tag)
        if len(child):
            row.setdefault(name, []).append(_row(child))
            continue
        text = (child.text or "").strip()
        row[name] = None if text.startswith(_EMPTY_DATE) else text
    return row
