"""Procedures of the vendor master: PM00200 and PM00300 (sources.md GP §1.3)."""

from __future__ import annotations

from sandbox.gp.call import Call
from sandbox.gp.rules import master

_ADDRESS = {
    name: name
    for name in (
        "VNDCNTCT",
        "ADDRESS1",
        "ADDRESS2",
        "ADDRESS3",
        "CITY",
        "STATE",
        "ZIPCODE",
        "CCode",
        "COUNTRY",
        "PHNUMBR1",
        "PHNUMBR2",
        "FAXNUMBR",
        "TAXSCHID",
    )
} | {"PHONE3": "PHNUMBR3"}
_VENDOR = {
    name: name
    for name in (
        "VENDNAME",
        "VENDSHNM",
        "VNDCHKNM",
        "HOLD",
        "VENDSTTS",
        "VNDCLSID",
        "VADDCDPR",
        "VADCDPAD",
        "VADCDTRO",
        "VADCDSFR",
        "ACNMVNDR",
        "COMMENT1",
        "COMMENT2",
        "CURNCYID",
        "PYMTRMID",
        "TXIDNMBR",
        "TXRGNNUM",
    )
}
_ACTIVE = 1
_NO_1099 = 1


def save_vendor(call: Call) -> None:
    """taUpdateCreateVendorRcd: create the vendor, or change the fields sent (UpdateIfExists, default 1)."""
    master(call, "tax_schedule", "TAXSCHID")
    master(call, "payment_terms", "PYMTRMID")
    master(call, "currency", "CURNCYID")
    session = call.session
    existing = session.get("PM00200", VENDORID=call["VENDORID"])
    if existing and not call.flag("UpdateIfExists", 1):
        call.refuse("duplicate_vendor", "VENDORID")
    if not existing and not call["VENDNAME"]:
        call.refuse("required", "VENDNAME")
    call.check()
    values = call.sent(**_VENDOR, **_ADDRESS)
    today = session.stamp.date()
    if existing:
        session.update("PM00200", {"VENDORID": existing["VENDORID"]}, MODIFDT=today, **values)
    else:
        named = {
            "VNDCHKNM": call["VENDNAME"],
            "VENDSHNM": call["VENDNAME"][:15].rstrip(),
            "VENDSTTS": _ACTIVE,
            "TEN99TYPE": _NO_1099,
        }
        row = {"VENDORID": call["VENDORID"], "CREATDDT": today, "MODIFDT": today} | named | values
        session.insert("PM00200", row)
    if call["VADDCDPR"] and call.flag("CreateAddress", 1):
        _put_address(call, call["VADDCDPR"])


def save_address(call: Call) -> None:
    """taCreateVendorAddress: create or change one address of a vendor (UpdateIfExists, default 1)."""
    master(call, "vendor", "VENDORID")
    master(call, "tax_schedule", "TAXSCHID")
    call.check()
    _put_address(call, call["ADRSCODE"])


def _put_address(call: Call, code: str) -> None:
    key = {"VENDORID": call["VENDORID"], "ADRSCODE": code}
    values = call.sent(**_ADDRESS)
    if call.session.get("PM00300", **key) is None:
        call.session.insert("PM00300", {**key, **values})
    elif values:
        call.session.update("PM00300", key, **values)
