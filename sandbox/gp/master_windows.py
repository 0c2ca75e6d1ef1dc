"""The maintenance windows: people make and edit masters there, field by field (sources.md GP §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.gp.errors import BookkeeperError
from sandbox.gp.models import TABLES, Row
from sandbox.gp.seed import UNIT_SCHEDULE
from sandbox.gp.session import Session

__all__ = ["WINDOWS", "Window"]

_INTERNET = sorted(TABLES["SY01200"].columns.keys() - {"Master_Type", "Master_ID", "ADRSCODE", "DEX_ROW_TS"})
_DATED = {"CREATDDT", "MODIFDT", "DEX_ROW_TS"}


@dataclass(frozen=True)
class Window:
    """
    A window on one kind of master.

    :param title: as GP calls it.
    :param key: column of its number, in all its tables.
    :param address_table, address_code: where its addresses are, and its column that says which is its own.
    :param owner: Master_Type of its internet addresses.
    :param new: columns of one that is new, unless they are typed.
    """

    title: str
    table: str
    key: str
    address_table: str | None = None
    address_code: str = ""
    owner: str = ""
    new: Mapping[str, Any] = field(default_factory=dict)

    def save(self, session: Session, number: str, changes: dict[str, Any]) -> Row:
        """
        Save what a person typed; a number nobody has becomes a new one, with the address PRIMARY if it has any.

        :param changes: columns of the master, its address and its internet address; ``addresses`` are others by code.
        :raises BookkeeperError: a column that the window does not show.
        """
        columns = TABLES[self.table].columns
        changes = dict(changes)
        others: dict[str, Row] = changes.pop("addresses", {}) if self.address_table else {}
        internet = set(_INTERNET) if self.owner else set()
        if unknown := sorted(changes.keys() - ({*columns, *internet} - {self.key, *_DATED})):
            raise BookkeeperError(f"{self.title} shows no {', '.join(unknown)}.")
        own = {name: value for name, value in changes.items() if name not in internet}
        terms = own.get("PYMTRMID") if self.table != "SY03300" else None
        if terms and session.get("SY03300", PYMTRMID=terms) is None:
            raise BookkeeperError(f"There are no payment terms {terms}.")
        existing = session.get(self.table, **{self.key: number})
        dates: Row = {name: session.stamp.date() for name in ("CREATDDT", "MODIFDT") if name in columns}
        if existing is None:
            code = {self.address_code: "PRIMARY", "ADRSCODE": "PRIMARY"} if self.address_table else {}
            existing = {self.key: number, **code, **dates, **self.new, **own}
            session.insert(self.table, existing)
            if self.address_table:
                session.insert(self.address_table, existing)
        elif own:
            dates.pop("CREATDDT", None)
            session.update(self.table, {self.key: number}, **dates, **own)
        if self.address_table:
            self._save_address(session, number, existing[self.address_code], own)
            for named, typed in others.items():
                self._save_other(session, number, named, typed)
        if of_internet := {name: value for name, value in changes.items() if name in internet}:
            key = {"Master_Type": self.owner, "Master_ID": number, "ADRSCODE": existing[self.address_code]}
            if session.get("SY01200", **key) is None:
                session.insert("SY01200", {**key, **of_internet})
            else:
                session.update("SY01200", key, **of_internet)
        return self.rows(session, **{self.key: number})[0]

    def delete(self, session: Session, number: str) -> None:
        """Delete a master with its addresses; that it has no documents is for whoever plays the person to see to."""
        for table in filter(None, (self.address_table, self.table)):
            session.delete(table, **{self.key: number})
        if self.owner:
            session.delete("SY01200", Master_Type=self.owner, Master_ID=number)

    def rows(self, session: Session, **equals: Any) -> list[Row]:
        """The masters as the window shows them: with the internet address of their own address, and all addresses."""
        found = session.select(self.table, **equals)
        if not self.owner:
            return found
        return [{**row, **self._internet(session, row), "addresses": self._addresses(session, row)} for row in found]

    def _save_address(self, session: Session, number: str, code: str, own: Row) -> None:
        assert self.address_table is not None
        address = {self.key: number, "ADRSCODE": code}
        changed = {name: value for name, value in own.items() if name in TABLES[self.address_table].columns}
        if changed and session.get(self.address_table, **address):
            session.update(self.address_table, address, **changed)

    def _save_other(self, session: Session, number: str, code: str, typed: Row) -> None:
        """In the window of addresses, which shows the master's own columns as they were: sources.md GP §2."""
        assert self.address_table is not None
        if unknown := sorted(typed.keys() - TABLES[self.address_table].columns.keys()):
            raise BookkeeperError(f"{self.title}'s addresses show no {', '.join(unknown)}.")
        address = {self.key: number, "ADRSCODE": code}
        if session.get(self.address_table, **address) is None:
            session.insert(self.address_table, {**address, **typed})
        else:
            session.update(self.address_table, address, **typed)

    def _addresses(self, session: Session, row: Row) -> dict[str, Row]:
        assert self.address_table is not None
        return {each["ADRSCODE"]: each for each in session.select(self.address_table, **{self.key: row[self.key]})}

    def _internet(self, session: Session, row: Row) -> Row:
        key = {"Master_Type": self.owner, "Master_ID": row[self.key], "ADRSCODE": row[self.address_code]}
        internet = session.get("SY01200", **key) or {}
        return {name: internet.get(name, "") for name in _INTERNET}


@dataclass(frozen=True)
class ScheduleWindow(Window):
    """The window on tax schedules, with the ids of their details as ``details``."""

    def save(self, session: Session, number: str, changes: dict[str, Any]) -> Row:
        """As ``Window.save``; the details typed are all that the schedule has then."""
        typed = dict(changes)
        details = typed.pop("details", None)
        row = super().save(session, number, typed)
        if details is not None:
            session.delete("TX00102", TAXSCHID=number)
            for each in details:
                session.insert("TX00102", {"TAXSCHID": number, "TAXDTLID": each})
        return row


WINDOWS: Mapping[str, Window] = {
    "customers": Window("Customer Maintenance", "RM00101", "CUSTNMBR", "RM00102", "ADRSCODE", "CUS"),
    "vendors": Window(
        "Vendor Maintenance", "PM00200", "VENDORID", "PM00300", "VADDCDPR", "VEN", {"VENDSTTS": 1, "TEN99TYPE": 1}
    ),
    "items": Window("Item Maintenance", "IV00101", "ITEMNMBR", new={"ITEMTYPE": 1, "UOMSCHDL": UNIT_SCHEDULE}),
    "customer_classes": Window("Customer Class Setup", "RM00201", "CLASSID"),
    "vendor_classes": Window("Vendor Class Setup", "PM00100", "VNDCLSID"),
    "tax_details": Window("Tax Detail Maintenance", "TX00201", "TAXDTLID", new={"TXDTLTYP": 1}),
    "tax_schedules": ScheduleWindow("Tax Schedule Maintenance", "TX00101", "TAXSCHID"),
    "currencies": Window("Currency Setup", "MC40200", "CURNCYID"),
    "payment_terms": Window("Payment Terms Setup", "SY03300", "PYMTRMID"),
    "accounts": Window("Account Maintenance", "GL00100", "ACTINDX"),
}
"""The windows by the name of what they show, as the admin routes have them."""
