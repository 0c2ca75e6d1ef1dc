"""The trial balance and the journals, read off the general ledger."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from decimal import Decimal

from sandbox.xero.ledger import balances
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import Element, day_on_wire, moment_on_wire

__all__ = ["account_balances", "journals", "trial_balance"]

_SECTIONS = {
    "REVENUE": "Revenue",
    "EXPENSE": "Expenses",
    "ASSET": "Assets",
    "LIABILITY": "Liabilities",
    "EQUITY": "Equity",
}
_OF_A_YEAR = {"REVENUE", "EXPENSE"}
_JOURNALS_A_CALL = 100


def account_balances(book: Book) -> dict[str, Decimal]:
    """Each account's balance by code, debits positive, in base currency; accounts without movement too."""
    moved = balances(book)
    return {account.body["Code"]: Decimal(moved.get(account.id, 0)).scaleb(-2) for account in book.select("Accounts")}


def trial_balance(book: Book, day: date) -> Element:
    """
    The Trial Balance report as at ``day``: the month's movement, and the balance to date.

    Income and expenses count from the start of the financial year; what earlier years left is in retained earnings.
    """
    month_start = day.replace(day=1)
    year_start = _year_start(book, day)
    of_month = balances(book, first=month_start, last=day)
    of_year = balances(book, first=year_start, last=day)
    to_date = balances(book, last=day)
    sections = []
    for account_class, title in _SECTIONS.items():
        rows = []
        for account in book.select("Accounts"):
            if account.body["Class"] != account_class:
                continue
            balance = (of_year if account_class in _OF_A_YEAR else to_date).get(account.id, 0)
            if account.body.get("SystemAccount") == "RETAINEDEARNINGS":
                balance += _earlier_result(book, year_start)
            if balance or of_month.get(account.id):
                rows.append(_row(account, of_month.get(account.id, 0), balance))
        if rows:
            sections.append({"RowType": "Section", "Title": title, "Rows": rows})
    return {
        "ReportID": "TrialBalance",
        "ReportName": "Trial Balance",
        "ReportType": "TrialBalance",
        "ReportTitles": ["Trial Balance", book.organisation()["Name"], f"As at {_long(day)}"],
        "ReportDate": _long(day),
        "UpdatedDateUTC": moment_on_wire(book.now),
        "Fields": [],
        "Rows": [_header(), *sections, _totals(sections)],
    }


def journals(book: Book, offset: int) -> list[Element]:
    """The next hundred journals after number ``offset``, in the order they were written."""
    accounts = {account.id: account.body for account in book.select("Accounts")}
    rows = book.connection.execute(
        "SELECT * FROM journal WHERE tenant_id = ? AND number > ? ORDER BY number LIMIT ?",
        (book.tenant_id, offset, _JOURNALS_A_CALL),
    ).fetchall()
    return [
        {
            "JournalID": row["id"],
            "JournalDate": day_on_wire(date.fromisoformat(row["day"])),
            "JournalNumber": row["number"],
            "CreatedDateUTC": f"/Date({row['created']}+0000)/",
            "Reference": row["reference"],
            "SourceID": row["source_id"],
            "SourceType": row["source_type"],
            "JournalLines": _journal_lines(book, row["number"], accounts),
        }
        for row in rows
    ]


def _journal_lines(book: Book, number: int, accounts: dict[str, Element]) -> list[Element]:
    rows = book.connection.execute(
        "SELECT * FROM journal_line WHERE tenant_id = ? AND number = ? ORDER BY position", (book.tenant_id, number)
    )
    lines = []
    for row in rows:
        account, amount = accounts[row["account_id"]], Decimal(row["cents"]).scaleb(-2)
        line = {
            "AccountID": row["account_id"],
            "AccountCode": account["Code"],
            "AccountType": account["Type"],
            "AccountName": account["Name"],
            "Description": row["description"],
            "NetAmount": amount,
            "GrossAmount": amount,
            "TaxAmount": Decimal("0.00"),
            "TrackingCategories": [],
        }
        lines.append(line | ({"TaxType": row["tax_type"]} if row["tax_type"] else {}))
    return lines


def _year_start(book: Book, day: date) -> date:
    organisation = book.organisation()
    month = organisation["FinancialYearEndMonth"]
    last = min(organisation["FinancialYearEndDay"], calendar.monthrange(day.year, month)[1])
    if date(day.year, month, last) < day:
        return date(day.year, month, last) + timedelta(days=1)
    last = min(organisation["FinancialYearEndDay"], calendar.monthrange(day.year - 1, month)[1])
    return date(day.year - 1, month, last) + timedelta(days=1)


def _earlier_result(book: Book, year_start: date) -> int:
    before = balances(book, last=year_start - timedelta(days=1))
    return sum(before.get(account.id, 0) for account in book.select("Accounts") if account.body["Class"] in _OF_A_YEAR)


def _row(account: Record, month: int, balance: int) -> Element:
    values = [f"{account.body['Name']} ({account.body['Code']})", *_columns(month), *_columns(balance)]
    attributes = [{"Value": account.id, "Id": "account"}]
    return {"RowType": "Row", "Cells": [{"Value": value, "Attributes": attributes} for value in values]}


def _columns(cents: int) -> tuple[str, str]:
    amount = str(abs(Decimal(cents).scaleb(-2)))
    return (amount, "") if cents >= 0 else ("", amount)


def _header() -> Element:
    titles = ["Account", "Debit", "Credit", "YTD Debit", "YTD Credit"]
    return {"RowType": "Header", "Cells": [{"Value": title} for title in titles]}


def _totals(sections: list[Element]) -> Element:
    sums = [Decimal("0.00")] * 4
    for section in sections:
        for row in section["Rows"]:
            sums = [total + Decimal(cell["Value"] or 0) for total, cell in zip(sums, row["Cells"][1:], strict=True)]
    summary = {"RowType": "SummaryRow", "Cells": [{"Value": value} for value in ["Total", *map(str, sums)]]}
    return {"RowType": "Section", "Title": "", "Rows": [summary]}


def _long(day: date) -> str:
    return f"{day.day} {day.strftime('%B %Y')}"
