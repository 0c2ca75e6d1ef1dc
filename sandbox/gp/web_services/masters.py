"""Customers and items as Web Services show and take them."""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal
from typing import Any

from sandbox.gp.models import TABLES, Row
from sandbox.gp.session import Session
from sandbox.gp.web_services.errors import Finding, NotFound, ValidationRefused
from sandbox.gp.web_services.objects import ACTUAL_TYPE, as_list
from sandbox.gp.web_services.restrictions import compile_criteria

LIST_CAP = 1000
"""A list stops here without a word (sources.md GP §3)."""

_CUSTOMER_TEXTS = {
    "Name": "CUSTNAME",
    "Shortname": "SHRTNAME",
    "StatementName": "STMTNAME",
    "Comment1": "COMMENT1",
    "Comment2": "COMMENT2",
    "TaxRegistrationNumber": "TXRGNNUM",
}
_CUSTOMER_KEYS = {
    "ClassKey": "CUSTCLAS",
    "DefaultAddressKey": "ADRSCODE",
    "ShipToAddressKey": "PRSTADCD",
    "BillToAddressKey": "PRBTADCD",
    "PaymentTermsKey": "PYMTRMID",
    "PriceLevelKey": "PRCLEVEL",
}
_ADDRESS_TEXTS = {
    "Line1": "ADDRESS1",
    "Line2": "ADDRESS2",
    "Line3": "ADDRESS3",
    "City": "CITY",
    "State": "STATE",
    "PostalCode": "ZIP",
    "CountryRegion": "COUNTRY",
    "ContactPerson": "CNTCPRSN",
}
_PHONES = {"Phone1": "PHONE1", "Phone2": "PHONE2", "Phone3": "PHONE3", "Fax": "FAX"}
_INTERNET = {"EmailToAddress": "EmailToAddress", "EmailCcAddress": "EmailCcAddress", "InternetField1": "INET1"}
_CUSTOMER = TABLES["RM00101"].columns
_CUSTOMER_CRITERIA = {
    "Id": (_CUSTOMER["CUSTNMBR"], False),
    "Name": (_CUSTOMER["CUSTNAME"], False),
    "IsActive": (_CUSTOMER["INACTIVE"], True),
    "IsOnHold": (_CUSTOMER["HOLD"], False),
    "ClassId": (_CUSTOMER["CUSTCLAS"], False),
    "State": (_CUSTOMER["STATE"], False),
    "CreatedDate": (_CUSTOMER["CREATDDT"], False),
    "ModifiedDate": (_CUSTOMER["MODIFDT"], False),
    "LastModifiedDate": (_CUSTOMER["DEX_ROW_TS"], False),
}
_ITEM = TABLES["IV00101"].columns
_ITEM_CRITERIA = {
    "ItemId": (_ITEM["ITEMNMBR"], False),
    "Description": (_ITEM["ITEMDESC"], False),
    "LastModifiedDate": (_ITEM["DEX_ROW_TS"], False),
}


def customer_by_key(session: Session, key: Any) -> dict[str, Any]:
    """The whole customer; an unknown one is a system exception, as the service answers it."""
    row = session.get("RM00101", CUSTNMBR=_id(key))
    if row is None:
        raise NotFound(f"Customer {_id(key)} was not found.")
    addresses = session.select("RM00102", CUSTNMBR=row["CUSTNMBR"])
    customer = _customer_summary(row) | {name: row[column] or None for name, column in _CUSTOMER_TEXTS.items()}
    customer |= {name: {"Id": row[column]} if row[column] else None for name, column in _CUSTOMER_KEYS.items()}
    currency = session.get("MC40200", CURNCYID=row["CURNCYID"]) if row["CURNCYID"] else None
    customer["CurrencyKey"] = {"ISOCode": currency["ISOCURRC"]} if currency else None
    customer["PostResultsTo"] = "Receivables/Discount Account"
    customer["Addresses"] = {"CustomerAddress": [_address(session, row, address) for address in addresses]}
    return customer


def list_customers(session: Session, criteria: Any) -> dict[str, Any]:
    """Summaries of at most 1,000 customers, by number."""
    where, parameters = compile_criteria(criteria, _CUSTOMER_CRITERIA)
    rows = session.query("RM00101", where, parameters, LIST_CAP)
    return {"CustomerSummary": [_customer_summary(row) for row in rows]}


def save_customer(session: Session, customer: dict[str, Any], *, create: bool) -> None:
    """
    Create or update; what is absent or nil stays as it is.

    :raises ValidationRefused: with every finding.
    """
    number = _id(customer.get("Key")).upper()
    existing = session.get("RM00101", CUSTNMBR=number) if number else None
    values = _customer_values(session, customer)
    findings = _customer_findings(session, number, values, existing, create=create)
    if findings:
        raise ValidationRefused("Customer", findings)
    today = session.stamp.date()
    if existing is None:
        named = {"STMTNAME": values["CUSTNAME"], "SHRTNAME": values["CUSTNAME"][:15].rstrip()}
        session.insert("RM00101", {"CUSTNMBR": number, "CREATDDT": today, "MODIFDT": today} | named | values)
    else:
        session.update("RM00101", {"CUSTNMBR": number}, MODIFDT=today, **values)
    for address in as_list(customer.get("Addresses"), "CustomerAddress"):
        _save_address(session, number, address)


def item_by_key(session: Session, key: Any) -> dict[str, Any]:
    """The whole item; all are sales items here."""
    row = session.get("IV00101", ITEMNMBR=_id(key))
    if row is None:
        raise NotFound(f"Item {_id(key)} was not found.")
    item = _item_summary(row) | {ACTUAL_TYPE: "SalesItem", "DefaultSellingUofM": row["SELNGUOM"]}
    item["UofMScheduleKey"] = {"Id": row["UOMSCHDL"]}
    item |= {"StandardCost": _money(session, row["STNDCOST"]), "CurrentCost": _money(session, row["CURRCOST"])}
    return item


def list_items(session: Session, criteria: Any) -> dict[str, Any]:
    """Summaries of at most 1,000 items, by number."""
    where, parameters = compile_criteria(criteria, _ITEM_CRITERIA)
    return {"ItemSummary": [_item_summary(row) for row in session.query("IV00101", where, parameters, LIST_CAP)]}


def _customer_summary(row: Row) -> dict[str, Any]:
    return {
        "Key": {"Id": row["CUSTNMBR"]},
        "Name": row["CUSTNAME"],
        "IsActive": not row["INACTIVE"],
        "IsOnHold": bool(row["HOLD"]),
        "CustomerClassKey": {"Id": row["CUSTCLAS"]} if row["CUSTCLAS"] else None,
        "State": row["STATE"] or None,
        "CreatedDate": datetime.combine(row["CREATDDT"], time()),
        "ModifiedDate": datetime.combine(row["MODIFDT"], time()),
        "LastModifiedDate": row["DEX_ROW_TS"],
    }


def _item_summary(row: Row) -> dict[str, Any]:
    return {
        "Key": {"Id": row["ITEMNMBR"]},
        "Description": row["ITEMDESC"],
        "ShortDescription": row["ITMSHNAM"] or None,
        "Type": "Sales Item",
        "IsDiscontinued": row["ITEMTYPE"] == 2,
        "LastModifiedDate": row["DEX_ROW_TS"],
    }


def _address(session: Session, customer: Row, row: Row) -> dict[str, Any]:
    key = {"Master_Type": "CUS", "Master_ID": customer["CUSTNMBR"], "ADRSCODE": row["ADRSCODE"]}
    internet = session.get("SY01200", **key) or {}
    address: dict[str, Any] = {name: row[column] or None for name, column in _ADDRESS_TEXTS.items()}
    address |= {name: {"Value": row[column]} if row[column] else None for name, column in _PHONES.items()}
    address["InternetAddresses"] = {name: internet.get(column) or None for name, column in _INTERNET.items()}
    address["Key"] = {"CustomerKey": {"Id": customer["CUSTNMBR"]}, "Id": row["ADRSCODE"]}
    dates = ("CreatedDate", "ModifiedDate", "LastModifiedDate")
    return address | dict.fromkeys(dates, row["DEX_ROW_TS"])


def _customer_values(session: Session, customer: dict[str, Any]) -> dict[str, Any]:
    given = {column: customer.get(name) for name, column in _CUSTOMER_TEXTS.items()}
    given |= {column: _id(customer[name]) for name, column in _CUSTOMER_KEYS.items() if customer.get(name)}
    values: dict[str, Any] = {column: _stored(text) for column, text in given.items() if text is not None}
    for name, column, negated in (("IsOnHold", "HOLD", False), ("IsActive", "INACTIVE", True)):
        if customer.get(name):
            values[column] = int((customer[name] == "true") != negated)
    iso_code = (customer.get("CurrencyKey") or {}).get("ISOCode")
    if iso_code:
        found = session.select("MC40200", ISOCURRC=iso_code)
        values["CURNCYID"] = found[0]["CURNCYID"] if found else iso_code
    return values


def _customer_findings(
    session: Session, number: str, values: dict[str, Any], existing: Row | None, *, create: bool
) -> list[Finding]:
    findings = []
    if not number:
        findings.append(Finding("Key", "Customer key is required."))
    elif create and existing is not None:
        findings.append(Finding("Key", f"Customer {number} already exists."))
    elif not create and existing is None:
        findings.append(Finding("Key", f"Customer {number} does not exist."))
    if create and not values.get("CUSTNAME"):
        findings.append(Finding("Name", "Customer name is required."))
    if len(number) > _CUSTOMER["CUSTNMBR"].length:
        findings.append(Finding("Key", "Customer key is longer than 15 characters."))
    names = {column: name for name, column in (_CUSTOMER_TEXTS | _CUSTOMER_KEYS).items()}
    for column, value in values.items():
        if column in names and len(value) > _CUSTOMER[column].length:
            findings.append(Finding(names[column], f"{names[column]} is longer than GP's field."))
    terms = values.get("PYMTRMID")
    if terms and session.get("SY03300", PYMTRMID=terms) is None:
        findings.append(Finding("PaymentTermsKey", f"Payment terms {terms} do not exist."))
    currency = values.get("CURNCYID")
    if currency and session.get("MC40200", CURNCYID=currency) is None:
        findings.append(Finding("CurrencyKey", f"Currency {currency} does not exist."))
    return findings


def _save_address(session: Session, number: str, address: dict[str, Any]) -> None:
    code = _id(address.get("Key")).upper()
    key = {"CUSTNMBR": number, "ADRSCODE": code}
    values = {c: _stored(address[n]) for n, c in _ADDRESS_TEXTS.items() if address.get(n) is not None}
    values |= {
        c: _stored(address[n].get("Value") or "") for n, c in _PHONES.items() if isinstance(address.get(n), dict)
    }
    if session.get("RM00102", **key) is None:
        session.insert("RM00102", key | values)
    elif values:
        session.update("RM00102", key, **values)
    given = address.get("InternetAddresses") or {}
    internet = {column: _stored(given[name]) for name, column in _INTERNET.items() if given.get(name) is not None}
    if not internet:
        return
    owner = {"Master_Type": "CUS", "Master_ID": number, "ADRSCODE": code}
    if session.get("SY01200", **owner) is None:
        session.insert("SY01200", owner | internet)
    else:
        session.update("SY01200", owner, **internet)


def _money(session: Session, amount: Decimal) -> dict[str, Any]:
    return {"Currency": session.state("functional_currency"), "Value": amount, "DecimalDigits": 2}


def _id(key: Any) -> str:
    return str(key.get("Id") or "").strip() if isinstance(key, dict) else ""


def _stored(text: str) -> str:
    """What a char column of code page 1252 keeps of a text."""
    return text.encode("cp1252", "replace").decode("cp1252")
