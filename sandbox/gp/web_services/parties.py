"""Customers and vendors as Web Services show and take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from sandbox.gp.models import TABLES, Column, Row
from sandbox.gp.session import Session
from sandbox.gp.web_services.errors import Finding, NotFound, ValidationRefused
from sandbox.gp.web_services.objects import as_list, id_of, stored
from sandbox.gp.web_services.restrictions import Criterion, compile_criteria

LIST_CAP = 1000
"""A list stops here without a word (sources.md GP §3)."""

_INTERNET = {"EmailToAddress": "EmailToAddress", "EmailCcAddress": "EmailCcAddress", "InternetField1": "INET1"}
_LINES = {"Line1": "ADDRESS1", "Line2": "ADDRESS2", "Line3": "ADDRESS3", "City": "CITY", "State": "STATE"}
_AS_IT_IS, _OPPOSITE = (0, 1), (1, 0)


@dataclass(frozen=True)
class Party:
    """
    A kind of people we trade with.

    :param name: of the object; what belongs to it is named after it.
    :param key: column of its number in all its tables.
    :param texts: property to column, as are ``keys`` (of references) and ``phones`` (of an address).
    :param flags: property to column and what this holds where the property is false and where it is true.
    :param owner: Master_Type of its internet addresses.
    :param named: columns a new one gets from its name unless they are given.
    :param answers: what is the same for all of them.
    """

    name: str
    table: str
    address_table: str
    key: str
    owner: str
    texts: Mapping[str, str]
    keys: Mapping[str, str]
    flags: Mapping[str, tuple[str, tuple[int, int]]]
    address_texts: Mapping[str, str]
    phones: Mapping[str, str]
    named: Callable[[str], Row]
    answers: Mapping[str, Any]
    summary_class: str
    criteria: Mapping[str, Criterion] = field(init=False)

    def __post_init__(self) -> None:
        columns = self.columns
        restricted = {
            "Id": self.key,
            "Name": self.texts["Name"],
            "ClassId": self.keys["ClassKey"],
            "State": "STATE",
            "CreatedDate": "CREATDDT",
            "ModifiedDate": "MODIFDT",
            "LastModifiedDate": "DEX_ROW_TS",
        }
        criteria: dict[str, Criterion] = {name: (columns[each], _AS_IT_IS) for name, each in restricted.items()}
        criteria |= {name: (columns[column], flag) for name, (column, flag) in self.flags.items()}
        object.__setattr__(self, "criteria", criteria)

    @property
    def columns(self) -> Mapping[str, Column]:
        """The columns of its table."""
        return TABLES[self.table].columns


CUSTOMER = Party(
    name="Customer",
    table="RM00101",
    address_table="RM00102",
    key="CUSTNMBR",
    owner="CUS",
    texts={
        "Name": "CUSTNAME",
        "Shortname": "SHRTNAME",
        "StatementName": "STMTNAME",
        "Comment1": "COMMENT1",
        "Comment2": "COMMENT2",
        "TaxRegistrationNumber": "TXRGNNUM",
    },
    keys={
        "ClassKey": "CUSTCLAS",
        "DefaultAddressKey": "ADRSCODE",
        "ShipToAddressKey": "PRSTADCD",
        "BillToAddressKey": "PRBTADCD",
        "PaymentTermsKey": "PYMTRMID",
        "PriceLevelKey": "PRCLEVEL",
    },
    flags={"IsOnHold": ("HOLD", _AS_IT_IS), "IsActive": ("INACTIVE", _OPPOSITE)},
    address_texts=_LINES | {"PostalCode": "ZIP", "CountryRegion": "COUNTRY", "ContactPerson": "CNTCPRSN"},
    phones={"Phone1": "PHONE1", "Phone2": "PHONE2", "Phone3": "PHONE3", "Fax": "FAX"},
    named=lambda name: {"STMTNAME": name, "SHRTNAME": name[:15].rstrip()},
    answers={"PostResultsTo": "Receivables/Discount Account"},
    summary_class="CustomerClassKey",
)
VENDOR = Party(
    name="Vendor",
    table="PM00200",
    address_table="PM00300",
    key="VENDORID",
    owner="VEN",
    texts={
        "Name": "VENDNAME",
        "ShortName": "VENDSHNM",
        "CheckName": "VNDCHKNM",
        "VendorAccountNumber": "ACNMVNDR",
        "Comment1": "COMMENT1",
        "Comment2": "COMMENT2",
        "TaxIdentificationNumber": "TXIDNMBR",
        "TaxRegistrationNumber": "TXRGNNUM",
    },
    keys={
        "ClassKey": "VNDCLSID",
        "DefaultAddressKey": "VADDCDPR",
        "PurchaseAddressKey": "VADCDPAD",
        "RemitToAddressKey": "VADCDTRO",
        "ShipFromAddressKey": "VADCDSFR",
        "PaymentTermsKey": "PYMTRMID",
    },
    # VENDSTTS: 1 active, 2 inactive
    flags={"IsOnHold": ("HOLD", _AS_IT_IS), "IsActive": ("VENDSTTS", (2, 1))},
    address_texts=_LINES | {"PostalCode": "ZIPCODE", "CountryRegion": "COUNTRY", "ContactPerson": "VNDCNTCT"},
    phones={"Phone1": "PHNUMBR1", "Phone2": "PHNUMBR2", "Phone3": "PHONE3", "Fax": "FAXNUMBR"},
    named=lambda name: {"VNDCHKNM": name, "VENDSHNM": name[:15].rstrip(), "VENDSTTS": 1},
    answers={"PostResultsTo": "Payables/Discount Account", "IsOneTime": False},
    summary_class="ClassKey",
)


def party_by_key(session: Session, party: Party, key: Any) -> dict[str, Any]:
    """The whole of it; an unknown one is a system exception, as the service answers it."""
    row = session.get(party.table, **{party.key: id_of(key)})
    if row is None:
        raise NotFound(f"{party.name} {id_of(key)} was not found.")
    addresses = session.select(party.address_table, **{party.key: row[party.key]})
    found = _summary(party, row) | {name: row[column] or None for name, column in party.texts.items()}
    found |= {name: {"Id": row[column]} if row[column] else None for name, column in party.keys.items()}
    currency = session.get("MC40200", CURNCYID=row["CURNCYID"]) if row["CURNCYID"] else None
    found["CurrencyKey"] = {"ISOCode": currency["ISOCURRC"]} if currency else None
    found["Addresses"] = {f"{party.name}Address": [_address(session, party, row, each) for each in addresses]}
    return found | dict(party.answers)


def list_parties(session: Session, party: Party, criteria: Any) -> dict[str, Any]:
    """Summaries of at most 1,000, by number."""
    where, parameters = compile_criteria(criteria, party.criteria)
    rows = session.query(party.table, where, parameters, LIST_CAP)
    return {f"{party.name}Summary": [_summary(party, row) for row in rows]}


def save_party(session: Session, party: Party, given: dict[str, Any], *, create: bool) -> None:
    """
    Create or update; what is absent or nil stays as it is.

    :raises ValidationRefused: with every finding.
    """
    number = id_of(given.get("Key")).upper()
    existing = session.get(party.table, **{party.key: number}) if number else None
    values = _values(session, party, given)
    findings = _findings(session, party, number, values, existing, create=create)
    if findings:
        raise ValidationRefused(party.name, findings)
    today = session.stamp.date()
    if existing is None:
        named = party.named(values[party.texts["Name"]])
        session.insert(party.table, {party.key: number, "CREATDDT": today, "MODIFDT": today} | named | values)
    else:
        session.update(party.table, {party.key: number}, MODIFDT=today, **values)
    for address in as_list(given.get("Addresses"), f"{party.name}Address"):
        _save_address(session, party, number, address)


def _summary(party: Party, row: Row) -> dict[str, Any]:
    flags = {name: row[column] == true for name, (column, (_, true)) in party.flags.items()}
    class_id = row[party.keys["ClassKey"]]
    return flags | {
        "Key": {"Id": row[party.key]},
        "Name": row[party.texts["Name"]],
        party.summary_class: {"Id": class_id} if class_id else None,
        "State": row["STATE"] or None,
        "CreatedDate": datetime.combine(row["CREATDDT"], time()),
        "ModifiedDate": datetime.combine(row["MODIFDT"], time()),
        "LastModifiedDate": row["DEX_ROW_TS"],
    }


def _address(session: Session, party: Party, owner: Row, row: Row) -> dict[str, Any]:
    key = {"Master_Type": party.owner, "Master_ID": owner[party.key], "ADRSCODE": row["ADRSCODE"]}
    internet = session.get("SY01200", **key) or {}
    address: dict[str, Any] = {name: row[column] or None for name, column in party.address_texts.items()}
    address |= {name: {"Value": row[column]} if row[column] else None for name, column in party.phones.items()}
    address["InternetAddresses"] = {name: internet.get(column) or None for name, column in _INTERNET.items()}
    address["Key"] = {f"{party.name}Key": {"Id": owner[party.key]}, "Id": row["ADRSCODE"]}
    dates = ("CreatedDate", "ModifiedDate", "LastModifiedDate")
    return address | dict.fromkeys(dates, row["DEX_ROW_TS"])


def _values(session: Session, party: Party, given: dict[str, Any]) -> dict[str, Any]:
    texts = {column: given.get(name) for name, column in party.texts.items()}
    texts |= {column: id_of(given[name]) for name, column in party.keys.items() if given.get(name)}
    values: dict[str, Any] = {column: stored(text) for column, text in texts.items() if text is not None}
    for name, (column, flag) in party.flags.items():
        if given.get(name):
            values[column] = flag[given[name] == "true"]
    iso_code = (given.get("CurrencyKey") or {}).get("ISOCode")
    if iso_code:
        found = session.select("MC40200", ISOCURRC=iso_code)
        values["CURNCYID"] = found[0]["CURNCYID"] if found else iso_code
    return values


def _findings(
    session: Session, party: Party, number: str, values: dict[str, Any], existing: Row | None, *, create: bool
) -> list[Finding]:
    findings, what = [], party.name
    if not number:
        findings.append(Finding("Key", f"{what} key is required."))
    elif create and existing is not None:
        findings.append(Finding("Key", f"{what} {number} already exists."))
    elif not create and existing is None:
        findings.append(Finding("Key", f"{what} {number} does not exist."))
    if create and not values.get(party.texts["Name"]):
        findings.append(Finding("Name", f"{what} name is required."))
    if len(number) > party.columns[party.key].length:
        findings.append(Finding("Key", f"{what} key is longer than 15 characters."))
    names = {column: name for name, column in (*party.texts.items(), *party.keys.items())}
    for column, value in values.items():
        if column in names and len(value) > party.columns[column].length:
            findings.append(Finding(names[column], f"{names[column]} is longer than GP's field."))
    terms = values.get("PYMTRMID")
    if terms and session.get("SY03300", PYMTRMID=terms) is None:
        findings.append(Finding("PaymentTermsKey", f"Payment terms {terms} do not exist."))
    currency = values.get("CURNCYID")
    if currency and session.get("MC40200", CURNCYID=currency) is None:
        findings.append(Finding("CurrencyKey", f"Currency {currency} does not exist."))
    return findings


def _save_address(session: Session, party: Party, number: str, address: dict[str, Any]) -> None:
    code = id_of(address.get("Key")).upper()
    key = {party.key: number, "ADRSCODE": code}
    values = {c: stored(address[n]) for n, c in party.address_texts.items() if address.get(n) is not None}
    values |= {
        c: stored(address[n].get("Value") or "") for n, c in party.phones.items() if isinstance(address.get(n), dict)
    }
    if session.get(party.address_table, **key) is None:
        session.insert(party.address_table, key | values)
    elif values:
        session.update(party.address_table, key, **values)
    given = address.get("InternetAddresses") or {}
    internet = {column: stored(given[name]) for name, column in _INTERNET.items() if given.get(name) is not None}
    if not internet:
        return
    owner = {"Master_Type": party.owner, "Master_ID": number, "ADRSCODE": code}
    if session.get("SY01200", **owner) is None:
        session.insert("SY01200", owner | internet)
    else:
        session.update("SY01200", owner, **internet)
