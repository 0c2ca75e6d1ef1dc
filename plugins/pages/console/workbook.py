"""A comparison of the books as a workbook: balances by role with a chart, the figures, each difference."""

from __future__ import annotations

import re
from decimal import Decimal
from io import BytesIO
from typing import Any

from xlsxwriter import Workbook

from pages.console.models import CloseView

__all__ = ["workbook_name", "workbook_of"]

_AMOUNT = "#,##0.00;[Red]-#,##0.00"
_WIDE, _NARROW = 48, 16


def workbook_name(close: CloseView) -> str:
    """What the file is called: ``books-main-2026-03-01-2026-03-31.xlsx``, of an open period by its run."""
    of = f"{close.period_from}-{close.period_to}" if close.period_from and close.period_to else close.run_id
    return f"books-{close.company}-{re.sub(r'[^A-Za-z0-9.-]+', '_', of)}.xlsx"


def workbook_of(close: CloseView) -> bytes:
    """
    The file, as Excel and others open it; what a document says is text in it, never a formula.

    :param close: with values; amounts are written to the cent.
    """
    file = BytesIO()
    as_text = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(file, {"in_memory": True, **as_text}) as book:
        head, amount = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": _AMOUNT})
        told = [("Company", close.company), ("Flow", close.flow), ("Run", close.run_id), ("Currency", close.currency)]
        told += [("From", str(close.period_from or "the beginning")), ("To", str(close.period_to or "now"))]
        told += [("Compared", close.ended_at.isoformat()), ("Verdict", "agree" if close.agree else "differ")]
        _sheet(book, "Comparison", ["What", "Is"], told, head, amount)
        rows = [(each.role, *(each.balances[ledger] for ledger in close.ledgers)) for each in close.roles]
        balances = _sheet(book, "Balances", ["Role", *close.ledgers], rows, head, amount)
        if rows:
            balances.insert_chart(1, len(close.ledgers) + 2, _chart(book, close))
        _sheet(book, "Figures", ["Figure", "Amount"], list(close.figures.items()), head, amount)
        differences = [
            (
                each.type, each.role, each.value, "explained" if each.explained else "open", each.told,
                "\n".join(f"{one.system} {one.kind} {one.number}" for one in each.documents),
            )
            for each in close.differences
        ]  # fmt: skip
        columns = ["What", "Role", "Amount", "State", "What to do, or why", "Documents"]
        _sheet(book, "Differences", columns, differences, head, amount)
    return file.getvalue()


def _sheet(book: Workbook, name: str, columns: list[str], rows: list[tuple[Any, ...]], head: Any, amount: Any) -> Any:
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, columns, head)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 0, _WIDE)
    sheet.set_column(1, len(columns) - 1, _NARROW)
    for at, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, Decimal):
                sheet.write_number(at, column, value, amount)
            elif value is not None:
                sheet.write_string(at, column, str(value))
    return sheet


def _chart(book: Workbook, close: CloseView) -> Any:
    """Both ledgers' balances, a pair of bars a role."""
    chart = book.add_chart({"type": "bar"})
    last = len(close.roles)
    for column, ledger in enumerate(close.ledgers, start=1):
        chart.add_series(
            {"name": ledger, "categories": ["Balances", 1, 0, last, 0], "values": ["Balances", 1, column, last, column]}
        )
    chart.set_title({"name": f"Balances by role, {close.currency}"})
    chart.set_y_axis({"reverse": True})
    chart.set_size({"width": 640, "height": 120 + 40 * last})
    return chart
