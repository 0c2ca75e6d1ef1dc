"""Two ledgers and a gateway in memory, and the state database's view of them: what a reconciliation reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from ledgerbridge.audit import Actor
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.reconciliation import (
    Booked,
    Derived,
    KeptRecord,
    KeptSource,
    Movement,
    OpenAmount,
    Period,
    Reconciliation,
    Totals,
)
from ledgerbridge.reconciliation.kept import KeptBooks
from ledgerbridge.reconciliation.passes import BooksPass, CompanyTerms
from ledgerbridge.state import transaction
from ledgerbridge.state.companies import for_company
from ledgerbridge.state.models import Delivery
from ledgerbridge.state.upsert import upsert

__all__ = ["DAY", "Company", "Gateway", "Ledger"]

BEGINNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = date(2026, 3, 2)
RATE = Decimal("1.3333")
ROLES = {"1200": "receivables", "4100": "sales", "1150": "clearing", "7000": "fx_gain_loss"}
Row = Mapping[str, Any]


@dataclass
class Clock:
    """The time of all systems."""

    now: datetime = BEGINNING

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@dataclass
class Table:
    """What a system holds, by id; remembers since when it was asked, and how many records it gave."""

    scope: str
    company: str
    clock_of_all: Clock
    rows: dict[str, RawRecord] = field(default_factory=dict)
    asked: list[datetime | None] = field(default_factory=list)
    given: int = 0

    def write(self, identity: str, **values: Any) -> None:
        """A record that is new, or changed."""
        at = self.clock_of_all.tick()
        before = self.rows[identity].payload if identity in self.rows else {}
        self.rows[identity] = RawRecord(
            f"{self.scope}:{identity}", str(at), at, {"id": f"{identity}@{self.company}"} | before | values
        )

    def late(self, identity: str, **values: Any) -> None:
        """A record that shows up minutes after its stamp."""
        self.write(identity, **values)
        record = self.rows[identity]
        self.rows[identity] = replace(record, changed_at=record.changed_at - timedelta(minutes=5))

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        self.asked.append(window.since)
        page = [each for each in self.rows.values() if window.since is None or each.changed_at >= window.since]
        self.given += len(page)
        yield page

    def clock(self) -> datetime:
        return self.clock_of_all.now


@dataclass
class Ledger:
    """
    Invoices in a foreign currency and payments on them; the last part of an invoice takes what is left of it.

    A payment is converted at the invoice's rate by one ledger, and by the other too: their cents differ by the order in
    which they take the parts.
    """

    name: str
    table: Table
    accounts: dict[str, str] = field(default_factory=lambda: {"receivables": "1200"})

    def invoice(self, number: str, amount: str = "100.00", *, late: bool = False, **values: Any) -> None:
        write = self.table.late if late else self.table.write
        write(f"invoice-{number}", kind="invoice", number=number, amount=amount, status="posted", **values)

    def pay(self, number: str, part: str, amount: str) -> None:
        self.table.write(f"payment-{part}", kind="payment", number=part, settles=number, amount=amount, status="posted")

    def enter(self, reference: str, amount: str) -> None:
        """An entry that people made on clearing."""
        self.table.write(f"entry-{reference}", kind="entry", number=reference, amount=amount, status="posted")

    def void(self, identity: str) -> None:
        if identity in self.table.rows:
            self.table.write(identity, status="voided")

    def sources(self) -> list[KeptSource]:
        return [KeptSource(self.table.scope, self.table, dict, _names)]

    def terms(self) -> dict[str, Any]:
        return dict(self.accounts)

    def derive(self, records: Sequence[KeptRecord]) -> Derived:
        ordered = sorted(records, key=lambda each: (each.changed_at, each.key))
        posted = [each.payload for each in ordered if each.payload["status"] == "posted"]
        invoices = {row["number"]: row for row in posted if row["kind"] == "invoice"}
        left = {number: _base(row["amount"]) for number, row in invoices.items()}
        whole = {number: Decimal(row["amount"]) for number, row in invoices.items()}
        booked = [(number, self._invoiced(row)) for number, row in invoices.items()]
        for row in posted:
            if row["kind"] == "payment" and row["settles"] in invoices:
                number, amount = row["settles"], Decimal(row["amount"])
                carried = left[number] if amount == whole[number] else _base(row["amount"])
                whole[number] -= amount
                left[number] -= carried
                booked.append((number, self._paid(row, carried)))
        for row in posted:
            if row["kind"] == "entry":
                moved = _base(row["amount"])
                booked.append((row["number"], self._booked(row, "entry", {"1150": moved, "7000": -moved})))
        opened = [(number, OpenAmount(number, amount, DAY)) for number, amount in left.items() if amount]
        withdrawn = {row["id"]: "voided" for each in records if (row := each.payload)["status"] == "voided"}
        return Derived(booked, opened, withdrawn)

    def applied_to(self, numbers: Sequence[str]) -> dict[str, str]:
        return {}

    @property
    def on_the_way(self) -> dict[str, str]:
        return {}

    def beyond_documents(self, totals: Totals, on: date, since: date | None) -> dict[str, Decimal]:
        return {}

    def _invoiced(self, row: Row) -> Booked:
        base = _base(row["amount"])
        effects = {self.accounts["receivables"]: base, "4100": -base}
        return self._booked(row, "invoice", effects)

    def _paid(self, row: Row, carried: Decimal) -> Booked:
        received = _base(row["amount"])
        effects = {"1150": received, self.accounts["receivables"]: -carried, "7000": carried - received}
        return self._booked(row, "payment", {account: amount for account, amount in effects.items() if amount})

    def _booked(self, row: Row, kind: str, effects: dict[str, Decimal]) -> Booked:
        return Booked(
            key=f"{self.name}:t:{kind}:{row['id']}",
            kind=kind,
            number=row["number"],
            booked_on=DAY + timedelta(days=int(row.get("day", 0))),
            effects=effects,
            ids=(row["id"],),
            settles=row.get("settles", ""),
            rate=RATE,
            changed_at=BEGINNING,
            source=f"{self.name}.{kind}",
        )


@dataclass
class Gateway:
    """Charges, and what was given back of them."""

    table: Table

    def charge(self, identity: str, amount: str, *, of: str | None = None) -> None:
        self.table.write(identity, amount=str(_base(amount)), charge=of and f"{of}@{self.table.company}")

    def sources(self) -> list[KeptSource]:
        return [KeptSource(self.table.scope, self.table, dict, _charge_names)]

    def movements(self, records: Sequence[KeptRecord]) -> list[Movement]:
        return [
            Movement(
                kind="money",
                id=row["id"],
                belongs_to=row["charge"] or row["id"],
                amount=Decimal(row["amount"]),
                fee=Decimal("0.30"),
                moved_at=BEGINNING,
                record=f"stripe:t:charge:{row['id']}",
            )
            for row in (each.payload for each in records)
        ]

    def balance(self) -> Decimal:
        return sum((Decimal(each.payload["amount"]) - Decimal("0.30") for each in self.table.rows.values()), Decimal(0))


class Company:
    """
    A company in a state database.

    :param name: its key; of another one nothing is seen.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = for_company(engine, name)
        self.name = name
        self.clock = Clock()
        self.gp = Ledger("gp", Table(f"gp-{name}", name, self.clock))
        self.xero = Ledger("xero", Table(f"xero-{name}", name, self.clock))
        self.stripe = Gateway(Table(f"stripe-{name}", name, self.clock))
        self.compared_from: date | None = None

    @property
    def ledgers(self) -> tuple[Ledger, Ledger]:
        return self.gp, self.xero

    def deliver(self, record_key: str, *identities: tuple[str, str], **canonical: Any) -> None:
        """Deliveries of one record, by ledger and the ledger's id."""
        now = datetime.now(UTC)
        made_of = {name: f"{value}@{self.name}" for name, value in canonical.items()}
        rows = [
            {
                "flow": self.name,
                "leg": "leg",
                "entity": f"{ledger}.thing",
                "record_key": f"{record_key}@{self.name}",
                "state": "delivered",
                "content_hash": "h",
                "idempotency_key": "i",
                "target_id": f"{identity}@{self.name}",
                "canonical": made_of,
                "attempts": 1,
                "run_id": "run",
                "updated_at": now,
            }
            for ledger, identity in identities
        ]
        with transaction(self.engine) as session:
            upsert(session, Delivery, rows, key=["entity", "record_key"])

    def books_pass(self, *, anew: bool = False) -> BooksPass:
        terms = CompanyTerms(
            roles={"gp": ROLES, "xero": ROLES},
            gateways={"stripe": "clearing"},
            compared_from=self.compared_from,
            zone=ZoneInfo("UTC"),
            legs=["leg"],
            sources=["stripe.charge"],
            patience={},
        )
        kept = KeptBooks(self.engine, self.name, self.name, anew=anew)
        books = {each.name: each for each in self.ledgers}
        return BooksPass(kept, terms, books, {"stripe": self.stripe}, Actor(self.name, "", "audit", "reconcile"))

    def reconcile(self, period: Period | None = None, *, anew: bool = False) -> Reconciliation:
        """One pass."""
        return self.books_pass(anew=anew).run(period or Period())


def _names(row: Row) -> Iterator[str]:
    yield row["id"]
    yield row["settles"] if row["kind"] == "payment" else row["number"]


def _charge_names(row: Row) -> Iterator[str]:
    yield row["id"]
    if row["charge"]:
        yield row["charge"]


def _base(amount: str) -> Decimal:
    return (Decimal(amount) * RATE).quantize(Decimal("0.01"), ROUND_HALF_UP)
