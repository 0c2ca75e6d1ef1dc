"""Procedures of the item master: IV00101 and the sites of an item (sources.md GP §1.3)."""

from __future__ import annotations

from sandbox.gp.call import Call
from sandbox.gp.rules import account_index, master
from sandbox.gp.seed import UNIT, UNIT_SCHEDULE

_ITEM = (
    "ITEMDESC",
    "ITMSHNAM",
    "ITMCLSCD",
    "ITEMTYPE",
    "TAXOPTNS",
    "ITMTSHID",
    "DECPLQTY",
    "DECPLCUR",
    "STNDCOST",
    "CURRCOST",
    "ALWBKORD",
)
_ACCOUNTS = {
    "IVIVINDX": "IVIVACTNUMST",
    "IVCOGSIX": "IVCOGSACTNUMST",
    "IVSLSIDX": "IVSLSACTNUMST",
    "IVSLRNIX": "IVSLRNACTNUMST",
}
_DEFAULTS = {"ITEMTYPE": 1, "TAXOPTNS": 1, "DECPLQTY": 1, "DECPLCUR": 3, "UOMSCHDL": UNIT_SCHEDULE, "SELNGUOM": UNIT}
_POSTING = {
    "IVIVINDX": "inventory",
    "IVCOGSIX": "cost_of_goods_sold",
    "IVSLSIDX": "sales",
    "IVSLRNIX": "returns",
}


def save_item(call: Call) -> None:
    """taUpdateCreateItemRcd: create the item, or change the fields sent (UpdateIfExists, default 1)."""
    master(call, "tax_schedule", "ITMTSHID")
    master(call, "site", "LOCNCODE")
    accounts = {column: account_index(call, field) for column, field in _ACCOUNTS.items() if call[field]}
    if call["UOMSCHDL"] and call["UOMSCHDL"].upper() != UNIT_SCHEDULE:
        call.refuse("schedule", "UOMSCHDL")
    session = call.session
    existing = session.get("IV00101", ITEMNMBR=call["ITEMNMBR"])
    if existing and not call.flag("UpdateIfExists", 1):
        call.refuse("duplicate_item", "ITEMNMBR")
    if not existing and not call["ITEMDESC"]:
        call.refuse("required", "ITEMDESC")
    call.check()
    values = call.sent(**{name: name for name in _ITEM}) | accounts
    if existing:
        session.update("IV00101", {"ITEMNMBR": existing["ITEMNMBR"]}, **values)
        return
    found = {column: session.get("SY01100", PTGACDSC=role) for column, role in _POSTING.items()}
    posting = {column: account["ACTINDX"] for column, account in found.items() if account}
    session.insert("IV00101", {"ITEMNMBR": call["ITEMNMBR"]} | _DEFAULTS | posting | values)


def save_site(call: Call) -> None:
    """taItemSite: let a site stock the item."""
    master(call, "item", "ITEMNMBR")
    master(call, "site", "LOCNCODE")
    call.check()
    key = {"ITEMNMBR": call["ITEMNMBR"], "LOCNCODE": call["LOCNCODE"]}
    if call.session.get("IV00102", **key) is None:
        call.session.insert("IV00102", key | {"PRIMVNDR": call["PRIMVNDR"]})
    elif call.given("PRIMVNDR"):
        call.session.update("IV00102", key, PRIMVNDR=call["PRIMVNDR"])
