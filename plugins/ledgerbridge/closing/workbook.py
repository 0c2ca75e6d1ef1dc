"""The report as a workbook: a sheet a table, charts that the spreadsheet draws itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from ledgerbridge.closing.report import PeriodReport
from ledgerbridge.closing.told import CONTROL, Cell, Table, Value, tables_of
from ledgerbridge.reconciliation.signed import period_name

__all__ = ["workbook_of"]

_AMOUNT = "#,##0.00;[Red]-#,##0.00"
_MADE = datetime(2000, 1, 1)
"""A workbook says when it was made: always the same, so that the same report has the same bytes."""
_WIDE, _NARROW = 40, 16


def workbook_of(report: PeriodReport) -> bytes:
    """The file; what a document says is text in it, never a formula."""
    from xlsxwriter import Workbook  # what DAG parsing imports must stay light

    file = BytesIO()
    as_text = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(file, {"in_memory": True, **as_text}) as book:
        book.set_properties({"created": _MADE, "title": f"{report.name}: {period_name(report.first, report.last)}"})
        head, amount = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": _AMOUNT})
        for table in [_about(report), *tables_of(report)]:
            sheet = book.add_worksheet(table.name)
            _fill(sheet, table, head, amount)
            if table.name == "Areas" and table.rows:
                sheet.insert_chart(len(table.rows) + 2, 0, _areas(book, report, len(table.rows)))
            if table.name.startswith("Balances") and table.rows:
                sheet.insert_chart(1, len(table.columns) + 1, _balances(book, report, table))
            if table.name == CONTROL and table.rows:
                sheet.insert_chart(1, len(table.columns) + 1, _control(book, report, len(table.rows)))
    return file.getvalue()


def _about(report: PeriodReport) -> Table:
    rows: list[Sequence[Value]] = [
        ("Company", report.name),
        ("Key", report.company),
        ("Currency", report.currency),
        ("From", report.first.isoformat()),
        ("To", report.last.isoformat()),
        ("To be signed by", f"{report.closes:%Y-%m-%d}"),
        ("Differences without a reason", report.open),
        ("Differences with a reason", report.explained),
        ("Under way", len(report.under_way)),
        ("Will miss the close", len(report.missing_the_close)),
    ]
    return Table("Period", ["What", "Is"], rows)


def _fill(sheet: Any, table: Table, head: Any, amount: Any) -> None:
    sheet.write_row(0, 0, table.columns, head)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 0, _WIDE)
    sheet.set_column(1, max(1, len(table.columns) - 1), _NARROW)
    for at, row in enumerate(table.rows, start=1):
        for column, value in enumerate(row):
            _write(sheet, at, column, value, amount)


def _write(sheet: Any, at: int, column: int, value: Value, amount: Any) -> None:
    if isinstance(value, Decimal):
        sheet.write_number(at, column, value, amount)
    elif isinstance(value, int):
        sheet.write_number(at, column, value)
    elif isinstance(value, str):
        sheet.write_string(at, column, value)
    elif value is not None:
        cells: Sequence[Cell] = [value] if isinstance(value, Cell) else value
        text = "\n".join(map(str, cells))
        # a cell leads to one place: that of the first document that has one
        address = next((each.address for each in cells if each.address), "")
        if address:
            sheet.write_url(at, column, address, string=text)
        else:
            sheet.write_string(at, column, text)


def _areas(book: Any, report: PeriodReport, last: int) -> Any:
    """What the ledgers differ by in each area, with and without a reason."""
    chart = book.add_chart({"type": "bar", "subtype": "stacked"})
    for column, colour in ((2, "#CC3333"), (4, "#E0A030")):
        chart.add_series(
            {
                "name": "Without a reason" if column == 2 else "With a reason",
                "categories": ["Areas", 1, 0, last, 0],
                "values": ["Areas", 1, column, last, column],
                "fill": {"color": colour},
            }
        )
    chart.set_title({"name": f"Differences by area, {report.currency}"})
    chart.set_y_axis({"reverse": True})
    chart.set_size({"width": 720, "height": 320})
    return chart


def _control(book: Any, report: PeriodReport, last: int) -> Any:
    """What is booked on each control account, and what its documents come to, a pair of bars a ledger."""
    chart = book.add_chart({"type": "bar"})
    for column, name in ((3, "Booked"), (4, "Of documents")):
        # categories are of two columns: account and ledger
        categories, values = [CONTROL, 1, 1, last, 2], [CONTROL, 1, column, last, column]
        chart.add_series({"name": name, "categories": categories, "values": values})
    chart.set_title({"name": f"{CONTROL}, {report.currency}"})
    chart.set_y_axis({"reverse": True})
    chart.set_size({"width": 640, "height": 120 + 30 * last})
    return chart


def _balances(book: Any, report: PeriodReport, table: Table) -> Any:
    """Both ledgers' balances, a pair of bars a role."""
    chart = book.add_chart({"type": "bar"})
    last = len(table.rows)
    for column, ledger in enumerate(table.columns[1:-1], start=1):
        categories, values = [table.name, 1, 0, last, 0], [table.name, 1, column, last, column]
        chart.add_series({"name": ledger, "categories": categories, "values": values})
    chart.set_title({"name": f"Balances by role, {report.currency}"})
    chart.set_y_axis({"reverse": True})
    chart.set_size({"width": 640, "height": 120 + 40 * last})
    return chart
