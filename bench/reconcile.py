"""
Processor time and memory of a reconciliation with one new invoice, by how many documents there were before.

Both ledgers have every invoice, each delivered by us; the sources give what changed, as ours do. The pass runs in a
process of its own, which knows nothing but the address of the state database.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
from sqlalchemy import insert

from ledgerbridge.audit import Actor
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.reconciliation import Booked, Derived, KeptRecord, KeptSource, Period, Totals
from ledgerbridge.reconciliation.kept import KeptBooks
from ledgerbridge.reconciliation.passes import BooksPass, CompanyTerms
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.companies import MAIN, for_company
from ledgerbridge.state.models import Delivery

__all__ = ["measure"]

SIZES = (1_000, 60_000)
LARGEST = 300_000
FOLDER = Path(__file__).parent.parent / ".bench" / "reconcile"
LEDGERS = ("gp", "xero")
ROLES = {"1200": "receivables", "4100": "sales", "2300": "tax_payable"}
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_PAGE = 1_000


@dataclass(frozen=True)
class Invoices:
    """A ledger's invoices of these numbers, one a minute; a stamp is a number of the source's clock."""

    ledger: str
    numbers: range

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """Pages of those changed in the window."""
        page: list[RawRecord] = []
        for number in self.numbers:
            at = _stamp(number)
            if window.since is None or at >= window.since:
                page.append(RawRecord(f"{self.ledger}:t:invoice:{number}", str(at), at, {"number": f"INV{number}"}))
            if len(page) == _PAGE:
                yield page
                page = []
        if page:
            yield page

    def clock(self) -> datetime:
        """Shortly after the last one."""
        return _stamp(self.numbers.stop) + timedelta(hours=1)


@dataclass(frozen=True)
class Books:
    """A ledger of invoices that nothing is open of."""

    invoices: Invoices

    def sources(self) -> Sequence[KeptSource]:
        """The invoices."""
        return [KeptSource(f"{self.invoices.ledger}-invoice", self.invoices, dict, _names)]

    def terms(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def derive(self, records: Sequence[KeptRecord]) -> Derived:
        """An invoice of each record."""
        return Derived([(each.payload["number"], self._booked(each.payload["number"])) for each in records])

    def applied_to(self, numbers: Sequence[str]) -> Mapping[str, str]:
        """Nothing."""
        return {}

    @property
    def on_the_way(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def beyond_documents(self, totals: Totals, on: date, since: date | None) -> Mapping[str, Decimal]:
        """Nothing, once all is added up."""
        totals(since, on)
        return {}

    def _booked(self, number: str) -> Booked:
        effects = {"1200": Decimal("107.75"), "4100": Decimal("-100.00"), "2300": Decimal("-7.75")}
        day = date(2026, 1, 1) + timedelta(days=int(number[3:]) % 3650)
        key = f"{self.invoices.ledger}:t:invoice:{number}"
        return Booked(key, "invoice", number, day, effects, ids=(number,), source=f"{self.invoices.ledger}.invoice")


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    Processor seconds and MiB of a pass with one new invoice.

    :param everything: also after 300,000.
    """
    found = []
    for size in (*SIZES, LARGEST) if everything else SIZES:
        url = _filled(size)
        command = [sys.executable, "-m", "bench.reconcile", url, str(size)]
        answers = [json.loads(subprocess.run([*command, str(n)], check=True, stdout=subprocess.PIPE).stdout)
                   for n in range(1, 4)]  # fmt: skip
        best = min(answers, key=lambda answer: float(answer["seconds"]))
        print(f"  {size:>7,} invoices before: {best['seconds']:.3f} s of processor, {best['mib']:.0f} MiB", flush=True)
        found.append({"invoices": size, **best})
    return found


def _filled(size: int) -> str:
    """The state database after a pass over so many invoices."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{size}.db"
    for each in FOLDER.glob(f"{size}.db*"):
        each.unlink()
    url = f"sqlite:///{path}"
    migrate(connect(url))
    _deliver(url, range(size))
    began, memory = time.process_time(), psutil.Process().memory_info().rss
    result = _run(url, range(size))
    assert result
    grown = (psutil.Process().memory_info().rss - memory) / (1 << 20)
    print(f"  the first pass over {size:,}: {time.process_time() - began:.0f} s, {grown:.0f} MiB more", flush=True)
    return url


def _deliver(url: str, numbers: range) -> None:
    rows = [
        {"flow": "f", "leg": "l", "entity": f"{ledger}.invoice", "record_key": f"shop:s:order:{number}",
         "state": "delivered", "content_hash": "h", "idempotency_key": "i", "target_id": f"INV{number}",
         "number": f"INV{number}", "canonical": {}, "attempts": 1, "run_id": f"run-{number}",
         "updated_at": _stamp(number) if len(numbers) > 1 else datetime.now(UTC)}
        for number in numbers
        for ledger in LEDGERS
    ]  # fmt: skip
    with transaction(for_company(connect(url), MAIN)) as session:
        session.connection().execute(insert(Delivery), rows)


def _run(url: str, numbers: range) -> bool:
    terms = CompanyTerms(
        roles=dict.fromkeys(LEDGERS, ROLES),
        gateways={},
        compared_from=None,
        zone=ZoneInfo("UTC"),
        legs=["l"],
        sources=["shop.order"],
        patience={},
    )
    kept = KeptBooks(for_company(connect(url), MAIN), MAIN, "f")
    books = {ledger: Books(Invoices(ledger, numbers)) for ledger in LEDGERS}
    return BooksPass(kept, terms, books, {}, Actor("f", "", "run", "reconcile")).run(Period()).agree


def _stamp(number: int) -> datetime:
    return BEGINNING + timedelta(minutes=number)


def _names(row: Mapping[str, Any]) -> Iterator[str]:
    yield row["number"]


def _pass(url: str, size: int, attempt: int) -> dict[str, float]:
    """One new invoice, long after the last one."""
    new = range(size + 1_000 * attempt, size + 1_000 * attempt + 1)
    _deliver(url, new)
    process = psutil.Process()
    began, memory = time.process_time(), process.memory_info().rss
    assert _run(url, new)
    seconds = time.process_time() - began
    return {"seconds": round(seconds, 3), "mib": round((process.memory_info().rss - memory) / (1 << 20), 1)}


if __name__ == "__main__":
    print(json.dumps(_pass(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
