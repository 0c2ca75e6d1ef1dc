"""Procedures of the customer master: RM00101, RM00102 and the internet addresses SY01200 (sources.md GP §1.3)."""

from __future__ import annotations

from sandbox.gp.call import Call
from sandbox.gp.models import TABLES
from sandbox.gp.rules import master

_ADDRESS = {
    "CNTCPRSN": "CNTCPRSN",
    "ADDRESS1": "ADDRESS1",
    "ADDRESS2": "ADDRESS2",
    "ADDRESS3": "ADDRESS3",
    "CITY": "CITY",
    "STATE": "STATE",
    "ZIP": "ZIPCODE",
    "COUNTRY": "COUNTRY",
    "CCode": "CCode",
    "PHONE1": "PHNUMBR1",
    "PHONE2": "PHNUMBR2",
    "PHONE3": "PHNUMBR3",
    "FAX": "FAX",
    "TAXSCHID": "TAXSCHID",
}
_CUSTOMER = {
    name: name
    for name in (
        "CUSTNAME",
        "SHRTNAME",
        "STMTNAME",
        "CUSTCLAS",
        "ADRSCODE",
        "PRSTADCD",
        "PRBTADCD",
        "PYMTRMID",
        "PRCLEVEL",
        "COMMENT1",
        "COMMENT2",
        "CURNCYID",
        "CRLMTTYP",
        "CRLMTAMT",
        "TXRGNNUM",
        "TAXEXMT1",
        "TAXEXMT2",
        "HOLD",
        "INACTIVE",
        "INTEGRATIONSOURCE",
        "INTEGRATIONID",
    )
}


def save_customer(call: Call) -> None:
    """taUpdateCreateCustomerRcd: create the customer, or change the fields sent (UpdateIfExists, default 1)."""
    master(call, "tax_schedule", "TAXSCHID")
    master(call, "payment_terms", "PYMTRMID")
    master(call, "currency", "CURNCYID")
    session = call.session
    existing = session.get("RM00101", CUSTNMBR=call["CUSTNMBR"])
    if existing and not call.flag("UpdateIfExists", 1):
        call.refuse("duplicate_customer", "CUSTNMBR")
    if not existing and not call["CUSTNAME"]:
        call.refuse("required", "CUSTNAME")
    call.check()
    values = call.sent(**_CUSTOMER, **_ADDRESS)
    today = session.stamp.date()
    if existing:
        session.update("RM00101", {"CUSTNMBR": existing["CUSTNMBR"]}, MODIFDT=today, **values)
    else:
        named = {
            "STMTNAME": call["CUSTNAME"],
            "SHRTNAME": call["CUSTNAME"][:15].rstrip(),
            "PRBTADCD": call["ADRSCODE"],
            "PRSTADCD": call["ADRSCODE"],
        }
        row = {"CUSTNMBR": call["CUSTNMBR"], "CREATDDT": today, "MODIFDT": today, **named, **values}
        session.insert("RM00101", row)
    if call["ADRSCODE"] and call.flag("CreateAddress", 1):
        _put_address(call)


def save_address(call: Call) -> None:
    """taCreateCustomerAddress: create or change one address of a customer (UpdateIfExists, default 1)."""
    master(call, "customer", "CUSTNMBR")
    master(call, "tax_schedule", "TAXSCHID")
    call.check()
    _put_address(call)


def save_internet_address(call: Call) -> None:
    """taCreateInternetAddresses: e-mail and web addresses of a customer's address; what is not sent becomes blank."""
    if call["Master_Type"] == "CUS" and call.session.get("RM00101", CUSTNMBR=call["Master_ID"]) is None:
        call.refuse("customer", "Master_ID")
    elif call["Master_Type"] == "CUS" and call["ADRSCODE"]:
        address = call.session.get("RM00102", CUSTNMBR=call["Master_ID"], ADRSCODE=call["ADRSCODE"])
        if address is None:
            call.refuse("address", "Master_ID", "ADRSCODE")
    call.check()
    key = {name: call[name] for name in ("Master_Type", "Master_ID", "ADRSCODE")}
    names = call.node.fields.keys() & TABLES["SY01200"].columns.keys() - key.keys()
    values = {name: call[name] for name in names}  # no field level node: what is not sent is cleared
    if call.session.get("SY01200", **key) is None:
        call.session.insert("SY01200", {**key, **values})
    else:
        call.session.update("SY01200", key, **values)


def _put_address(call: Call) -> None:
    key = {"CUSTNMBR": call["CUSTNMBR"], "ADRSCODE": call["ADRSCODE"]}
    values = call.sent(**_ADDRESS)
    if call.session.get("RM00102", **key) is None:
        call.session.insert("RM00102", {**key, **values})
    else:
        call.session.update("RM00102", key, **values)
