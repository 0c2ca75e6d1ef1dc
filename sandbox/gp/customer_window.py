"""The window Customer Maintenance: people make and edit customers there, field by field (sources.md GP §2)."""

from __future__ import annotations

from typing import Any

from sandbox.gp.errors import BookkeeperError
from sandbox.gp.models import TABLES, Row
from sandbox.gp.session import Session

__all__ = ["list_customers", "save_customer_by_hand"]

_INTERNET = sorted(TABLES["SY01200"].columns.keys() - {"Master_Type", "Master_ID", "ADRSCODE", "DEX_ROW_TS"})


def save_customer_by_hand(session: Session, number: str, changes: dict[str, Any]) -> Row:
    """
    Save what a person typed; a number nobody has becomes a customer, with the address PRIMARY.

    :param changes: columns of the customer, its address and its internet address.
    :raises BookkeeperError: a column that the window does not show.
    """
    shown = {*TABLES["RM00101"].columns, *_INTERNET} - {"CUSTNMBR", "DEX_ROW_TS", "CREATDDT", "MODIFDT"}
    if unknown := sorted(changes.keys() - shown):
        raise BookkeeperError(f"Customer Maintenance shows no {', '.join(unknown)}.")
    of_customer = {name: value for name, value in changes.items() if name not in _INTERNET}
    of_internet = {name: value for name, value in changes.items() if name in _INTERNET}
    existing = session.get("RM00101", CUSTNMBR=number)
    today = session.stamp.date()
    if existing is None:
        row = {"CUSTNMBR": number, "ADRSCODE": "PRIMARY", "CREATDDT": today, "MODIFDT": today, **of_customer}
        session.insert("RM00101", row)
        session.insert("RM00102", row)
        existing = row
    elif of_customer:
        session.update("RM00101", {"CUSTNMBR": number}, MODIFDT=today, **of_customer)
    address = {"CUSTNMBR": number, "ADRSCODE": existing["ADRSCODE"]}
    of_address = {name: value for name, value in of_customer.items() if name in TABLES["RM00102"].columns}
    if of_address and session.get("RM00102", **address):
        session.update("RM00102", address, **of_address)
    if of_internet:
        key = {"Master_Type": "CUS", "Master_ID": number, "ADRSCODE": existing["ADRSCODE"]}
        if session.get("SY01200", **key) is None:
            session.insert("SY01200", {**key, **of_internet})
        else:
            session.update("SY01200", key, **of_internet)
    return list_customers(session, CUSTNMBR=number)[0]


def list_customers(session: Session, **equals: Any) -> list[Row]:
    """Customers as the window shows them: with the internet address of their own address."""
    found = []
    for customer in session.select("RM00101", **equals):
        key = {"Master_Type": "CUS", "Master_ID": customer["CUSTNMBR"], "ADRSCODE": customer["ADRSCODE"]}
        internet = session.get("SY01200", **key) or {}
        found.append({**customer, **{name: internet.get(name, "") for name in _INTERNET}})
    return found
