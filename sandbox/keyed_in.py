"""Two ledgers that grew apart, keyed into the running GP and Xero as people key them: record by record."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sandbox.messy import Messy, Row
from sandbox.player import Player

__all__ = ["key_in"]

_OF_GP = {
    "name": ("CUSTNAME", 64), "address1": ("ADDRESS1", 60), "address2": ("ADDRESS2", 60), "city": ("CITY", 35),
    "state": ("STATE", 29), "zip": ("ZIP", 10), "phone": ("PHONE1", 21), "email": ("INET1", 200),
}  # fmt: skip
_STREET = {
    "address1": "AddressLine1", "address2": "AddressLine2", "city": "City", "state": "Region", "zip": "PostalCode",
}  # fmt: skip


def key_in(messy: Messy, player: Player) -> list[list[str]]:
    """
    Key the customers into both; who of them are one: GP's CUSTNMBR and Xero's ContactID.

    Two active contacts can't have one name in Xero: the second one is keyed with a number behind it, as people do.
    """
    for number, row in messy.gp["customer"].items():
        typed = {column: str(row[name])[:length] for name, (column, length) in _OF_GP.items() if row[name]}
        player.call("PUT", "gp", f"/_sandbox/customers/{quote(number, safe='')}", typed)
    ids: dict[str, str] = {}
    names: set[str] = set()
    for key, row in messy.xero["customer"].items():
        name, again = str(row["name"]), 1
        while name.lower() in names:
            again += 1
            name = f"{row['name']} ({again})"
        names.add(name.lower())
        saved = player.call("PUT", "xero", f"/_sandbox/contacts/{quote(name, safe='')}", _contact(row))
        ids[key] = saved["ContactID"]
    return [[gp, ids[xero]] for gp, xero in messy.truth["customer"]]


def _contact(row: Row) -> dict[str, Any]:
    contact: dict[str, Any] = {}
    if row["email"]:
        contact["EmailAddress"] = row["email"]
    if street := {field: row[name] for name, field in _STREET.items() if row[name]}:
        contact["Addresses"] = [{"AddressType": "STREET", **street}]
    if row["customer_number"]:
        contact["ContactNumber"] = row["customer_number"]
    return contact
