"""The report as a page of its own: HTML with its charts drawn in it, which asks nothing of anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape

from ledgerbridge.closing.report import PeriodReport
from ledgerbridge.closing.told import Cell, Table, Value, areas_table, tables_of
from ledgerbridge.reconciliation.signed import period_name

__all__ = ["page_of"]

_STYLE = """
:root{color-scheme:light dark;--line:#8886;--open:#c33;--explained:#e0a030}
body{font:14px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
svg text{fill:currentColor;font:12px system-ui,sans-serif}
.open{fill:var(--open)}.explained{fill:var(--explained)}.bad{color:var(--open)}
"""
_BAR, _LEFT, _WIDE = 26, 240, 420


def page_of(report: PeriodReport) -> bytes:
    """The page."""
    name = period_name(report.first, report.last)
    title = escape(f"{report.name}: {name}")
    verdict = (
        f'<p class="bad">{report.open} differences have no reason.</p>'
        if report.open
        else "<p>The books agree, to the cent.</p>"
    )
    missing = len(report.missing_the_close)
    lines = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head><body>',
        f"<h1>{title}</h1>",
        verdict,
        f"<p>{report.first} to {report.last}, amounts in {escape(report.currency)}, debit positive. {report.explained}"
        f" differences have a reason; {len(report.under_way)} records are under way, of which {missing} will miss the"
        f" close on {report.closes:%Y-%m-%d}.</p>",
        _chart(areas_table(report)),
        *(_table(each) for each in tables_of(report)),
        "</body></html>",
    ]
    return "\n".join(lines).encode()


def _table(table: Table) -> str:
    heading = f"<h2>{escape(table.name)}</h2>"
    if not table.rows:
        return f"{heading}<p>{escape(table.note)}</p>"
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in table.columns)
    rows = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    return f"{heading}<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>"


def _cell(value: Value) -> str:
    if isinstance(value, Decimal):
        return f'<td class="number">{value:,.2f}</td>'
    if isinstance(value, int):
        return f'<td class="number">{value}</td>'
    if isinstance(value, Cell):
        return f"<td>{_linked(value)}</td>"
    if value is None or isinstance(value, str):
        return f"<td>{escape(value or '')}</td>"
    return f"<td>{'<br>'.join(map(_linked, value))}</td>"


def _linked(cell: Cell) -> str:
    text = escape(cell.text)
    return f'<a href="{escape(cell.address)}">{text}</a>' if cell.address else text


def _chart(areas: Table) -> str:
    """By area, what nobody explains and what is explained, one bar behind the other."""
    rows: list[tuple[str, Decimal, Decimal]] = [(str(row[0]), _amount(row, 2), _amount(row, 4)) for row in areas.rows]
    most = max((one + other for _, one, other in rows), default=Decimal(0))
    drawn = []
    for place, (area, one, other) in enumerate(rows):
        top = place * _BAR
        first, second = (int(each * _WIDE / most) if most else 0 for each in (one, other))
        drawn += [
            f'<text x="{_LEFT - 8}" y="{top + 16}" text-anchor="end">{escape(area)}</text>',
            f'<rect class="open" x="{_LEFT}" y="{top + 4}" width="{first}" height="{_BAR - 8}"/>',
            f'<rect class="explained" x="{_LEFT + first}" y="{top + 4}" width="{second}" height="{_BAR - 8}"/>',
            f'<text x="{_LEFT + first + second + 6}" y="{top + 16}">{one:,.2f} / {other:,.2f}</text>',
        ]
    size = f'viewBox="0 0 {_LEFT + _WIDE + 180} {len(rows) * _BAR}"'
    about = "What the ledgers differ by in each area: without a reason / with one"
    return (
        f'<h2>Differences by area</h2><p>{about}.</p><svg role="img" aria-label="{about}" {size}>{"".join(drawn)}</svg>'
    )


def _amount(row: Sequence[Value], place: int) -> Decimal:
    value = row[place]
    return value if isinstance(value, Decimal) else Decimal(0)
