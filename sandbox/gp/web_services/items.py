"""Items as Web Services show and take them: all are sales items here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.gp.models import EMPTY_INSTANT, TABLES, Row
from sandbox.gp.seed import UNIT, UNIT_SCHEDULE
from sandbox.gp.session import Session
from sandbox.gp.web_services.errors import Finding, NotFound, ValidationRefused
from sandbox.gp.web_services.objects import ACTUAL_TYPE, id_of, stored
from sandbox.gp.web_services.parties import LIST_CAP
from sandbox.gp.web_services.restrictions import compile_criteria

_COLUMNS = TABLES["IV00101"].columns
_PLAIN = (0, 1)
_CRITERIA = {
    "ItemId": (_COLUMNS["ITEMNMBR"], _PLAIN),
    "Description": (_COLUMNS["ITEMDESC"], _PLAIN),
    "LastModifiedDate": (_COLUMNS["DEX_ROW_TS"], _PLAIN),
}
_TEXTS = {"Description": "ITEMDESC", "ShortDescription": "ITMSHNAM", "DefaultSellingUofM": "SELNGUOM"}
_COSTS = {"StandardCost": "STNDCOST", "CurrentCost": "CURRCOST"}


def item_by_key(session: Session, key: Any) -> dict[str, Any]:
    """The whole item; an unknown one is a system exception."""
    row = session.get("IV00101", ITEMNMBR=id_of(key))
    if row is None:
        raise NotFound(f"Item {id_of(key)} was not found.")
    item = _summary(row) | {ACTUAL_TYPE: "SalesItem", "DefaultSellingUofM": row["SELNGUOM"]}
    item["UofMScheduleKey"] = {"Id": row["UOMSCHDL"]}
    return item | {name: _money(session, row[column]) for name, column in _COSTS.items()}


def list_items(session: Session, criteria: Any) -> dict[str, Any]:
    """Summaries of at most 1,000 items, by number."""
    where, parameters = compile_criteria(criteria, _CRITERIA)
    return {"ItemSummary": [_summary(row) for row in session.query("IV00101", where, parameters, LIST_CAP)]}


def create_sales_item(session: Session, item: dict[str, Any]) -> None:
    """
    Create it; the service has no operation that updates an item.

    :raises ValidationRefused: with every finding.
    """
    number = id_of(item.get("Key")).upper()
    findings = []
    if not number or len(number) > _COLUMNS["ITEMNMBR"].length:
        findings.append(Finding("Key", "Item key is required, of at most 31 characters."))
    elif session.get("IV00101", ITEMNMBR=number):
        findings.append(Finding("Key", f"Item {number} already exists."))
    if not item.get("Description"):
        findings.append(Finding("Description", "Item description is required."))
    if findings:
        raise ValidationRefused("SalesItem", findings)
    row: Row = {"ITEMNMBR": number, "ITEMTYPE": 1, "UOMSCHDL": UNIT_SCHEDULE, "SELNGUOM": UNIT, "TAXOPTNS": 1}
    row |= {"DECPLQTY": 1, "DECPLCUR": 3}
    row |= {column: stored(item[name]) for name, column in _TEXTS.items() if item.get(name)}
    row |= {column: Decimal(item[name]["Value"]) for name, column in _COSTS.items() if item.get(name)}
    session.insert("IV00101", row)


def _summary(row: Row) -> dict[str, Any]:
    return {
        "Key": {"Id": row["ITEMNMBR"]},
        "Description": row["ITEMDESC"],
        "ShortDescription": row["ITMSHNAM"] or None,
        "Type": "Sales Item",
        "IsDiscontinued": row["ITEMTYPE"] == 2,
        "LastModifiedDate": row["DEX_ROW_TS"] if row["DEX_ROW_TS"] != EMPTY_INSTANT else None,
    }


def _money(session: Session, amount: Decimal) -> dict[str, Any]:
    return {"Currency": session.state("functional_currency"), "Value": amount, "DecimalDigits": 2}
