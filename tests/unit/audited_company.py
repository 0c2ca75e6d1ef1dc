"""A company with a history in its state database: orders delivered, waiting, refused and booked, dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.audit.evidence import Pack, collect
from ledgerbridge.audit.records import record_list
from ledgerbridge.delivery import Deliverer, content_hash, document_text
from ledgerbridge.entities import Document, Found, Outcome, RawRecord
from ledgerbridge.errors import RecordRejected, RecordWaits
from ledgerbridge.reconciliation import Booked
from ledgerbridge.state import connect, snapshot, transaction
from ledgerbridge.state.booked import keep_booked
from ledgerbridge.state.dead_letters import Letter, write_letters

__all__ = ["ACTOR", "Company", "book", "booking", "company_of", "deliver", "key_of"]

ENTITY = "gp.sales_order"
LEG = "order"


class _Ledger:
    """Takes orders, but refuses one and lets another wait."""

    max_batch = 100

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        return {}

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        return [self._outcome(each) for each in documents]

    def _outcome(self, document: Document) -> Outcome:
        number = document.record_key.rpartition(":")[2]
        if number == "3":
            refused = RecordRejected("LB-GP-001", "no such item", record_key=document.record_key, remedy="Add it.")
            return Outcome(document.record_key, error=refused)
        if number == "4":
            waits = RecordWaits(
                "LB-GP-030", "closed", record_key=document.record_key, field="period", value="1", remedy="Open it."
            )
            return Outcome(document.record_key, error=waits)
        return Outcome(document.record_key, f"LBO{number}", f"LBO{number}")


@dataclass
class Company:
    """Its state, and what its staged batches hold."""

    state: Engine
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: list[RawRecord] = field(default_factory=list)

    def pack(self, wanted: str = "2026-01-01..2099-01-01", *, values: bool = True) -> Pack:
        """The evidence of all it did, as the command collects it."""
        with snapshot(self.state) as session:
            return collect(
                session, wanted, lambda uri, rows, digest: self.documents, lambda uri, rows, digest: self.records,
                values=values,
            )  # fmt: skip

    def unpacked(self, folder: Path, wanted: str = "2026-01-01..2099-01-01", *, values: bool = True) -> Path:
        """The same as a folder."""
        for name, content in self.pack(wanted, values=values).files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder


ACTOR = Actor("order_to_cash", LEG, "run-1", f"{LEG}.load")


def key_of(number: int) -> str:
    """The record key of an order."""
    return f"shopify:us:order:{number}"


def company_of(state_db: Engine, signing_key: str = "", orders: int = 6, key: str = "main") -> Company:
    """
    One day of a company, in a database that has its tables.

    Order 3 is refused and a dead letter, 4 waits, 5 is a dead letter too, the others are delivered; all are booked.
    """
    url = state_db.url.render_as_string(hide_password=False)
    company = Company(connect(url, signing_key=signing_key, company=key))
    numbers = range(1, orders + 1)
    for number in numbers:
        payload = {"name": f"#{number}", "total": f"{100 * number}.00"}
        company.records.append(RawRecord(key_of(number), "v1", datetime(2026, 3, 2, tzinfo=UTC), payload))
    listed = sha256(record_list(company.records)).hexdigest()
    batches: list[tuple[str, dict[str, str]]] = [("extract", {"records": listed}), ("gate", {})]
    with transaction(company.state) as session:
        for step, more in batches:
            content = sha256(step.encode()).hexdigest()
            details = {"leg": LEG, "uri": f"memory/{step}", "rows": {"header": orders}, **more}
            change = Change(f"batch-{step}", "shopify.order", f"batch:{content}", None, content, details)
            append(session, Actor(ACTOR.flow, LEG, "run-1", f"{LEG}.{step}"), [change])
    deliver(company, numbers)
    book(company, "gp", [booking(number) for number in numbers], [key_of(number) for number in numbers])
    letters = [
        Letter("load", key_of(number), "v1", key_of(number), "LB-GP-001", "ITEMNMBR", "MUG", "no such item", "Add it.",
               raw={"name": f"#{number}", "weight": 0.5})
        for number in (3, 5)
    ]  # fmt: skip
    with transaction(company.state) as session:
        write_letters(session, ACTOR, letters)
    return company


def deliver(company: Company, numbers: Iterable[int]) -> None:
    """Orders to the ledger, once more where they were sent before."""
    documents = []
    for number in numbers:
        header = {"SOPNUMBE": f"LBO{number}", "DOCAMNT": Decimal(100 * number)}
        document = Document(key_of(number), f"key-{number}", header)
        documents.append(document)
        company.documents[content_hash(document.header, document.parts)] = document_text(document)
    canonical = {
        each.record_key: {"chain_key": each.record_key, "label": "#1", "email": "ann@example.com", "total": "100.00"}
        for each in documents
    }
    Deliverer(company.state, ACTOR, ENTITY, _Ledger()).deliver(documents, canonical)


def booking(number: int, amount: int = -100) -> Booked:
    """What GP booked for an order."""
    effects = {"4100": Decimal(amount)}
    return Booked(f"gp:TWO:journal:{number}", "journal", f"LBO{number}", date(2026, 3, 2), effects)


def book(company: Company, ledger: str, books: Sequence[Booked], keys: Sequence[str], run_id: str = "run-1") -> int:
    """Keep what a ledger booked, as the reconciliation does; how many were new."""
    with transaction(company.state) as session:
        return keep_booked(session, Actor(ACTOR.flow, "", run_id, "reconcile"), ledger, books, keys)
