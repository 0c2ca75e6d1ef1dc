"""The general ledger behind the documents: journals whose lines sum to nothing, in cents of base currency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sandbox.xero.models import Book
from sandbox.xero.wire import milliseconds, new_id, rounded

__all__ = ["Posting", "balances", "base_cents", "post", "reverse", "system_account"]


@dataclass(frozen=True)
class Posting:
    """One line of a journal: a debit is positive, a credit negative, in cents of base currency."""

    account_id: str
    cents: int
    description: str = ""
    tax_type: str | None = None


def base_cents(amount: Decimal, rate: Decimal) -> int:
    """
    Cents of base currency of a document's amount, half-up.

    :param rate: units of the document's currency for one unit of base currency, as Xero's ``CurrencyRate``.
    """
    return int(rounded(amount / rate, 2) * 100)


def system_account(book: Book, role: str) -> str:
    """The id of the organisation's system account for ``role`` (DEBTORS, GST, REALISEDCURRENCYGAIN, …)."""
    account = book.master("Accounts", "name", role.casefold())
    if account is None:
        raise LookupError(f"The organisation has no system account {role}; seed it anew.")
    return account.id


def post(
    book: Book, *, source_type: str, source_id: str, day: date, reference: str, postings: Iterable[Posting]
) -> None:
    """
    Write one journal; lines of nothing are left out.

    :raises ArithmeticError: debits and credits differ, which no document may cause.
    """
    lines = [posting for posting in postings if posting.cents]
    if sum(posting.cents for posting in lines):
        raise ArithmeticError(f"The journal of {source_type} {source_id} does not balance: {lines}")
    if not lines:
        return
    number = _next_number(book)
    book.connection.execute(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            book.tenant_id,
            number,
            new_id(),
            day.isoformat(),
            source_type,
            source_id,
            reference,
            milliseconds(book.now),
        ),
    )
    book.connection.executemany(
        "INSERT INTO journal_line VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (book.tenant_id, number, position, line.account_id, line.cents, line.tax_type, line.description)
            for position, line in enumerate(lines)
        ],
    )


def reverse(book: Book, source_id: str) -> None:
    """Take back what a document has in the ledger, on the day it was posted."""
    rows = book.connection.execute(
        "SELECT account_id, tax_type, sum(cents) AS cents, max(day) AS day, max(source_type) AS source_type, "
        "max(reference) AS reference FROM journal JOIN journal_line USING (tenant_id, number) "
        "WHERE tenant_id = ? AND source_id = ? GROUP BY account_id, tax_type",
        (book.tenant_id, source_id),
    ).fetchall()
    if rows:
        post(
            book,
            source_type=rows[0]["source_type"],
            source_id=source_id,
            day=date.fromisoformat(rows[0]["day"]),
            reference=rows[0]["reference"],
            postings=[Posting(row["account_id"], -row["cents"], "Reversal", row["tax_type"]) for row in rows],
        )


def balances(book: Book, *, first: date | None = None, last: date | None = None) -> dict[str, int]:
    """Each account's movement in cents between two days, both included, by account id."""
    rows: Sequence[tuple[str, int]] = book.connection.execute(
        "SELECT account_id, sum(cents) FROM journal JOIN journal_line USING (tenant_id, number) "
        "WHERE tenant_id = ? AND day BETWEEN ? AND ? GROUP BY account_id",
        (book.tenant_id, first.isoformat() if first else "0000", last.isoformat() if last else "9999-99"),
    ).fetchall()
    return dict(rows)


def _next_number(book: Book) -> int:
    row = book.connection.execute("SELECT max(number) FROM journal WHERE tenant_id = ?", (book.tenant_id,)).fetchone()
    return (row[0] or 0) + 1
