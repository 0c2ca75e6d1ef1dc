"""
What a simulated Xero keeps: one SQLite file for organisations, records, journals, tokens and idempotency keys.

A record is the JSON that Xero would answer, under its id; amounts that nobody sees on the wire (the base-currency
amount still open) stand beside it. The general ledger is its own table, see ledger.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.faults import FAULT_TABLE
from sandbox.store import BusinessClock, Store
from sandbox.xero.wire import Element, as_id, milliseconds, moment_on_wire, new_id, parse, render

__all__ = ["DEFAULT_SETTINGS", "Book", "LedgerClock", "Record", "Settings", "State"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS last_stamp (id INTEGER PRIMARY KEY CHECK (id = 1), milliseconds INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record (
    position INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, resource TEXT NOT NULL, id TEXT NOT NULL,
    number TEXT, name TEXT, updated INTEGER NOT NULL, app TEXT NOT NULL, open_base INTEGER, body TEXT NOT NULL,
    UNIQUE (tenant_id, resource, id));
CREATE INDEX IF NOT EXISTS record_number ON record (tenant_id, resource, number);
CREATE INDEX IF NOT EXISTS record_name ON record (tenant_id, resource, name);
CREATE INDEX IF NOT EXISTS record_updated ON record (tenant_id, resource, updated);
CREATE INDEX IF NOT EXISTS record_email ON record (tenant_id, resource, json_extract(body, '$.EmailAddress'));
CREATE INDEX IF NOT EXISTS record_invoice ON record (tenant_id, resource, json_extract(body, '$.Invoice.InvoiceID'));
CREATE INDEX IF NOT EXISTS record_credit_note
    ON record (tenant_id, resource, json_extract(body, '$.CreditNote.CreditNoteID'));
CREATE INDEX IF NOT EXISTS record_reference ON record (tenant_id, resource, json_extract(body, '$.Reference'));
CREATE TABLE IF NOT EXISTS exchange_rate (
    tenant_id TEXT, currency TEXT, foreign_per_base TEXT NOT NULL, PRIMARY KEY (tenant_id, currency));
CREATE TABLE IF NOT EXISTS journal (
    tenant_id TEXT, number INTEGER, id TEXT NOT NULL, day TEXT NOT NULL, source_type TEXT NOT NULL,
    source_id TEXT NOT NULL, reference TEXT NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (tenant_id, number));
CREATE INDEX IF NOT EXISTS journal_source ON journal (tenant_id, source_id);
CREATE TABLE IF NOT EXISTS journal_line (
    tenant_id TEXT, number INTEGER, position INTEGER, account_id TEXT NOT NULL, cents INTEGER NOT NULL,
    tax_type TEXT, description TEXT NOT NULL, PRIMARY KEY (tenant_id, number, position));
CREATE TABLE IF NOT EXISTS settlement (
    tenant_id TEXT, source_id TEXT, document_id TEXT, cents INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, source_id, document_id));
CREATE TABLE IF NOT EXISTS attachment (
    tenant_id TEXT, resource TEXT, id TEXT, attachment_id TEXT, file_name TEXT, mime_type TEXT, content BLOB,
    PRIMARY KEY (tenant_id, resource, id, file_name));
CREATE TABLE IF NOT EXISTS idempotency (
    tenant_id TEXT, app TEXT, key TEXT, request TEXT NOT NULL, answer BLOB NOT NULL, expires REAL NOT NULL,
    PRIMARY KEY (tenant_id, app, key));
CREATE TABLE IF NOT EXISTS app (
    client_id TEXT PRIMARY KEY, client_secret TEXT, kind TEXT NOT NULL, scopes TEXT NOT NULL,
    redirect_uris TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS connection (
    id TEXT PRIMARY KEY, client_id TEXT NOT NULL, tenant_id TEXT NOT NULL, tenant_name TEXT NOT NULL,
    connected_at TEXT NOT NULL, UNIQUE (client_id, tenant_id));
CREATE TABLE IF NOT EXISTS access_token (
    token TEXT PRIMARY KEY, client_id TEXT NOT NULL, scopes TEXT NOT NULL, expires REAL NOT NULL);
CREATE TABLE IF NOT EXISTS refresh_token (
    token TEXT PRIMARY KEY, client_id TEXT NOT NULL, scopes TEXT NOT NULL, expires REAL NOT NULL, replaced_at REAL);
CREATE TABLE IF NOT EXISTS authorization_code (
    code TEXT PRIMARY KEY, client_id TEXT NOT NULL, scopes TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    challenge TEXT, expires REAL NOT NULL);
CREATE TABLE IF NOT EXISTS subscription (url TEXT PRIMARY KEY, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id TEXT, category TEXT, kind TEXT, resource TEXT, id TEXT,
    at TEXT, data TEXT);
"""

_LIMITS_SCHEMA = """
CREATE TABLE IF NOT EXISTS spent (
    budget TEXT, problem TEXT, window INTEGER, calls INTEGER NOT NULL, PRIMARY KEY (budget, problem));
CREATE TABLE IF NOT EXISTS in_progress (id TEXT PRIMARY KEY, budget TEXT NOT NULL, since REAL NOT NULL);
CREATE INDEX IF NOT EXISTS in_progress_budget ON in_progress (budget);
"""

DEFAULT_SETTINGS: dict[str, int | bool] = {
    "calls_per_minute": 60,
    "calls_per_day": 5000,
    "calls_at_once": 5,
    "app_calls_per_minute": 10_000,
    "access_token_seconds": 30 * 60,
    "refresh_token_seconds": 60 * 86_400,
    "refresh_grace_seconds": 30 * 60,
    # How long Xero remembers a key is unverified ("minutes to hours"): six hours unless told otherwise.
    "idempotency_seconds": 6 * 3600,
    # The Journals endpoint is for the Advanced tier only (sources.md Xero §5).
    "advanced_tier": False,
    # From how many contacts on only efficient ways to list them are answered (sources.md Xero §3).
    "high_volume_contacts": 100_000,
    # A page holds no more than so many, whatever pageSize asks for; Xero gives 1,000.
    "largest_page": 1000,
    # How far the wall clock of limits, tokens and keys runs ahead of the real one.
    "wall_clock_ahead_seconds": 0,
}

# Which fields of a record the columns `number` and `name` repeat, so that they can be looked up.
_NUMBER_FIELDS = {
    "Accounts": "Code",
    "Contacts": "ContactNumber",
    "CreditNotes": "CreditNoteNumber",
    "HistoryRecords": "ContactID",
    "Currencies": "Code",
    "Invoices": "InvoiceNumber",
    "Items": "Code",
    "PurchaseOrders": "PurchaseOrderNumber",
    "TaxRates": "TaxType",
}
_NAME_FIELDS = {
    "Accounts": "SystemAccount",
    "Contacts": "Name",
    "TaxRates": "Name",
    "TrackingCategories": "Name",
    "ContactGroups": "Name",
}
_ANNOUNCED = {"Contacts": "CONTACT", "CreditNotes": "CREDITNOTE", "Invoices": "INVOICE"}
_MASTERS = {"Accounts", "Items", "Organisation", "TaxRates", "TrackingCategories"}
_CREATED_ONLY = {"BankTransfers": "CreatedDateUTC"}
_UNDATED = {"ContactGroups", "TaxRates", "TrackingCategories", "Organisation", "Currencies"}


@dataclass
class Record:
    """
    One record of an organisation.

    :param body: what Xero answers for it; change it and ``save`` the record.
    :param open_base: cents of base currency still open in receivables or payables, for documents that are posted.
    """

    resource: str
    id: str
    body: Element
    open_base: int | None = None
    position: int | None = None


class LedgerClock(BusinessClock):
    """The business clock, never behind the newest record, so that a window up to now has every record in it."""

    def now(self) -> datetime:
        """The present, aware UTC; the next whole second where records were stamped after a clock that stands."""
        now = super().now()
        row = self._store.connection.execute("SELECT milliseconds FROM last_stamp").fetchone()
        if row is None or row["milliseconds"] <= milliseconds(now):
            return now
        return datetime.fromtimestamp(-(-row["milliseconds"] // 1000), UTC)

    def set(self, moment: datetime) -> None:
        """
        Move the clock to ``moment``; the first time even to before the records that were seeded in real time.

        :raises ClockMovedBackwards: it was set to a later time before.
        """
        with self._store.write() as connection:
            connection.execute("DELETE FROM last_stamp WHERE NOT EXISTS (SELECT 1 FROM business_clock)")
        super().set(moment)

    def stamp(self, connection: sqlite3.Connection) -> datetime:
        """An instant for this transaction's records, later than that of every transaction before."""
        row = connection.execute("SELECT milliseconds FROM last_stamp").fetchone()
        now = milliseconds(super().now())
        stamp = now if row is None else max(now, row["milliseconds"] + 1)
        connection.execute("INSERT OR REPLACE INTO last_stamp VALUES (1, ?)", (stamp,))
        return datetime.fromtimestamp(stamp // 1000, UTC) + timedelta(milliseconds=stamp % 1000)


class Settings:
    """Limits and lifetimes, as set through ``/_sandbox/settings``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[str, int | bool]:
        """Every setting with its value."""
        rows = self._store.connection.execute("SELECT name, value FROM setting")
        return DEFAULT_SETTINGS | {row["name"]: parse(row["value"]) for row in rows}

    def number(self, name: str) -> int:
        """One setting's value."""
        return int(self.all()[name])

    def put(self, connection: sqlite3.Connection, values: dict[str, int | bool]) -> None:
        """
        Change settings within the caller's transaction.

        :raises KeyError: a name that isn't one.
        """
        for name, value in values.items():
            if name not in DEFAULT_SETTINGS:
                raise KeyError(name)
            connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, render(value).decode()))

    def wall_clock(self) -> float:
        """Seconds since 1970 as limits, tokens and idempotency keys count them."""
        return datetime.now(UTC).timestamp() + self.number("wall_clock_ahead_seconds")


class State:
    """Everything one data folder holds; several processes may share the folder."""

    def __init__(self, data_dir: Path) -> None:
        self.store = Store(data_dir / "xero.sqlite", _SCHEMA)
        # Apart, so that counting a call never waits for somebody's batch of invoices.
        self.limits = Store(data_dir / "xero_limits.sqlite", _LIMITS_SCHEMA + FAULT_TABLE)
        self.clock = LedgerClock(self.store)
        self.settings = Settings(self.store)

    def read(self, tenant_id: str) -> Book:
        """The organisation's records, for reading."""
        return Book(self.store.connection, tenant_id, self.clock.now(), app="")

    @contextmanager
    def write(self, tenant_id: str, app: str) -> Iterator[Book]:
        """The organisation's records in one transaction that commits when the block ends without an error."""
        with self.store.write() as connection:
            yield Book(connection, tenant_id, self.clock.stamp(connection), app=app)


@dataclass
class Book:
    """
    One organisation's records within one transaction.

    :param now: what records changed here are stamped with.
    :param app: client id of the app that writes.
    :param user: who changes records by hand.
    """

    connection: sqlite3.Connection
    tenant_id: str
    now: datetime
    app: str
    user: str = "System Generated"
    _cache: dict[tuple[str, str, str], Record | None] = field(default_factory=dict)

    def find(self, resource: str, record_id: str) -> Record | None:
        """The record with this id."""
        return self._one(resource, "id", as_id(record_id))

    def numbered(self, resource: str, number: str) -> Record | None:
        """The newest record with this number or code."""
        return self._one(resource, "number", number)

    def master(self, resource: str, column: str, value: str) -> Record | None:
        """A master record by ``id``, ``number`` or ``name``, remembered: a batch asks for the same ones again."""
        key = (resource, column, value)
        if key not in self._cache:
            self._cache[key] = self._one(resource, column, value)
        return self._cache[key]

    def named(self, resource: str, name: str) -> list[Record]:
        """The records with this name, in whatever case."""
        return self.select(resource, "name = ?", [name.casefold()])

    def organisation(self) -> Element:
        """The organisation itself."""
        key = ("Organisation", "", "")
        if key not in self._cache:
            self._cache[key] = self.select("Organisation")[0]
        organisation = self._cache[key]
        return organisation.body if organisation else {}

    def base_currency(self) -> str:
        """The currency the ledger is kept in."""
        return str(self.organisation()["BaseCurrency"])

    def day_rate(self, currency: str) -> Decimal | None:
        """The day's rate, foreign for one unit of base currency; None for a currency the organisation lacks."""
        row = self.connection.execute(
            "SELECT foreign_per_base FROM exchange_rate WHERE tenant_id = ? AND currency = ?",
            (self.tenant_id, currency),
        ).fetchone()
        return Decimal(row["foreign_per_base"]) if row else None

    def select(
        self, resource: str, where: str = "1", parameters: list[Any] | None = None, tail: str = "ORDER BY position"
    ) -> list[Record]:
        """Records for an SQL condition built by us: values are bound, never pasted."""
        rows = self.connection.execute(
            "SELECT position, id, open_base, body FROM record "  # noqa: S608 - the condition is ours
            f"WHERE tenant_id = ? AND resource = ? AND ({where}) {tail}",
            [self.tenant_id, resource, *(parameters or [])],
        )
        return [Record(resource, row["id"], parse(row["body"]), row["open_base"], row["position"]) for row in rows]

    def count(self, resource: str, where: str, parameters: list[Any]) -> int:
        """How many records meet an SQL condition built by us."""
        row = self.connection.execute(
            f"SELECT count(*) FROM record WHERE tenant_id = ? AND resource = ? AND ({where})",  # noqa: S608 - ours
            [self.tenant_id, resource, *parameters],
        ).fetchone()
        return int(row[0])

    def add(self, resource: str, id_field: str, body: Element) -> Record:
        """A new record under a new id, which its body carries first."""
        record_id = new_id()
        record = Record(resource, record_id, {id_field: record_id, **body})
        self.save(record)
        return record

    def save(self, record: Record) -> None:
        """Keep the record as it is now, stamped with the transaction's instant."""
        self._stamp(record)
        name = record.body.get(_NAME_FIELDS.get(record.resource, ""))
        values = [
            record.body.get(_NUMBER_FIELDS.get(record.resource, "")),
            name.casefold() if name else None,
            milliseconds(self.now),
            record.open_base,
            render(record.body).decode(),
        ]
        if record.resource in _ANNOUNCED:
            self._announce(record)
        if record.position is None:
            record.position = self.connection.execute(
                "INSERT INTO record (number, name, updated, open_base, body, tenant_id, resource, id, app) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [*values, self.tenant_id, record.resource, record.id, self.app],
            ).lastrowid
        else:
            self.connection.execute(
                "UPDATE record SET number = ?, name = ?, updated = ?, open_base = ?, body = ? WHERE position = ?",
                [*values, record.position],
            )
        if record.resource in _MASTERS:
            self._cache.clear()

    def delete(self, record: Record) -> None:
        """Forget the record: nothing tells of it any more."""
        self.connection.execute("DELETE FROM record WHERE position = ?", [record.position])
        self._cache.clear()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What the block writes is undone, alone, when it raises."""
        self.connection.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO attempt")
            self._cache.clear()
            raise
        finally:
            self.connection.execute("RELEASE attempt")

    def _announce(self, record: Record) -> None:
        """Note the change for the webhooks, if there are any."""
        data = {name: record.body[name] for name in ("Type", "Status")} if record.resource == "CreditNotes" else None
        self.connection.execute(
            "INSERT INTO event (tenant_id, category, kind, resource, id, at, data) "
            "SELECT ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM subscription)",
            (
                self.tenant_id,
                _ANNOUNCED[record.resource],
                "CREATE" if record.position is None else "UPDATE",
                record.resource,
                record.id,
                self.now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.now.microsecond // 1000:03}",
                render(data).decode() if data else None,
            ),
        )

    def _stamp(self, record: Record) -> None:
        if record.resource in _UNDATED:
            return
        changed = _CREATED_ONLY.get(record.resource, "UpdatedDateUTC")
        if changed == "UpdatedDateUTC" or changed not in record.body:
            record.body[changed] = moment_on_wire(self.now)

    def _one(self, resource: str, column: str, value: str) -> Record | None:
        found = self.select(resource, f"{column} = ?", [value], "ORDER BY position DESC LIMIT 1")
        return found[0] if found else None
