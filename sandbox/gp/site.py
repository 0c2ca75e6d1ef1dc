"""A GP site: one SQL Server with a database for each company, one clock, and who may open what."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from sandbox.faults import FAULT_TABLE
from sandbox.gp.session import Company, SiteClock
from sandbox.store import Store

__all__ = ["NoCompany", "Site"]

_SCHEMA = (
    FAULT_TABLE
    + """
CREATE TABLE IF NOT EXISTS company (
    position INTEGER PRIMARY KEY AUTOINCREMENT, company_id TEXT NOT NULL COLLATE NOCASE UNIQUE,
    number INTEGER NOT NULL, name TEXT NOT NULL, login TEXT NOT NULL COLLATE NOCASE, password TEXT NOT NULL);
"""
)


class NoCompany(Exception):
    """Nobody has set up such a company."""


class Site:
    """The companies below one folder, which several processes may share."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._opened: dict[str, Company] = {}
        self.store = Store(data_dir / "site.sqlite", _SCHEMA)
        self.clock = SiteClock(self.store, lambda: [self._open(company_id).store for company_id in self._ids()])

    def set_up(self, company_id: str, *, number: int, name: str, login: str, password: str) -> Company:
        """The company of this database name, new or as it is; from now on this login may open it."""
        with self.store.write() as connection:
            connection.execute(
                "INSERT INTO company (company_id, number, name, login, password) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (company_id) DO UPDATE SET number = excluded.number, name = excluded.name,"
                " login = excluded.login, password = excluded.password",
                (company_id, number, name, login, password),
            )
        return self._open(company_id)

    def company(self, company_id: str | None) -> Company:
        """
        The company of this database name; None for the first one set up.

        :raises NoCompany: there is none.
        """
        for known in self._ids():
            if company_id is None or known.upper() == company_id.upper():
                return self._open(known)
        raise NoCompany(f"There is no company {company_id or 'yet'}; POST /_sandbox/seed sets one up.")

    def opened_by(self, user: str) -> dict[str, int]:
        """The companies this user may open: database name to number in Web Services."""
        rows = self.store.connection.execute(
            "SELECT company_id, number FROM company WHERE login = ? ORDER BY position", (user,)
        )
        return {row["company_id"]: row["number"] for row in rows}

    def names(self) -> dict[int, str]:
        """The companies' names by their number in Web Services."""
        rows = self.store.connection.execute("SELECT number, name FROM company ORDER BY position")
        return {row["number"]: row["name"] for row in rows}

    def logins(self) -> Mapping[str, str]:
        """Password by login."""
        rows = self.store.connection.execute("SELECT login, password FROM company ORDER BY position")
        return {row["login"]: row["password"] for row in rows}

    def user(self, login: str, password: str) -> str:
        """The user of these credentials, blank for nobody."""
        for known, expected in self.logins().items():
            if known.lower() == login.lower() and secrets.compare_digest(password.encode(), expected.encode()):
                return known
        return ""

    def _ids(self) -> list[str]:
        return [row[0] for row in self.store.connection.execute("SELECT company_id FROM company ORDER BY position")]

    def _open(self, company_id: str) -> Company:
        key = company_id.upper()
        if key not in self._opened:
            self._opened[key] = Company(self._data_dir / f"{key}.sqlite", self.clock)
        return self._opened[key]
