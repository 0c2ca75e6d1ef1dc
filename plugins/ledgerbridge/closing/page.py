"""The report as a page of its own: HTML with its charts drawn in it, which asks nothing of anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape

from ledgerbridge.closing.report import PeriodReport
from ledgerbridge.closing.told import Cell, Table, Value, areas_table, control_by_area, tables_of
from ledgerbridge.reconciliation.signed import period_name

__all__ = ["page_of"]

_STYLE = """
:root{color-scheme:light dark;--line:#8886;--open:#c33;--explained:#e0a030;--booked:#3a78c2;--held:#5a9a5a}
body{font:14px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
svg text{fill:currentColor;font:12px system-ui,sans-serif}
.open{fill:var(--open)}.explained{fill:var(--explained)}.booked{fill:var(--booked)}.held{fill:var(--held)}
.bad{color:var(--open)}
"""
_BAR, _LEFT, _WIDE = 26, 280, 420


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
        _areas(areas_table(report)),
        _control(control_by_area(report)),
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


def _areas(areas: Table) -> str:
    """By area, what nobody explains and what is explained, one bar behind the other."""
    rows = [(str(row[0]), _amount(row, 2), _amount(row, 4)) for row in areas.rows]
    most = max((one + other for _, one, other in rows), default=Decimal(0))
    drawn = []
    for place, (area, one, other) in enumerate(rows):
        first, second = _wide(one, most), _wide(other, most)
        bars = _bar("open", place, 0, first) + _bar("explained", place, first, second)
        drawn.append(_row(area, place, bars, first + second, one, other))
    about = "What the ledgers differ by in each area: without a reason / with one"
    return _drawing("Differences by area", about, drawn)


def _control(rows: Sequence[tuple[str, Decimal, Decimal]]) -> str:
    """By area and ledger, what is booked and what its documents and entries come to, one bar above the other."""
    most = max((max(booked, told) for _, booked, told in rows), default=Decimal(0))
    drawn = []
    for place, (name, booked, told) in enumerate(rows):
        first, second = _wide(booked, most), _wide(told, most)
        bars = _bar("booked", place, 0, first, half=0) + _bar("held", place, 0, second, half=1)
        drawn.append(_row(name, place, bars, max(first, second), booked, told))
    about = "What each ledger has on its control accounts: booked / of documents, and entered by hand"
    return _drawing("Control accounts by area", about, drawn) if drawn else ""


def _wide(amount: Decimal, most: Decimal) -> int:
    return int(amount * _WIDE / most) if most else 0


def _bar(kind: str, place: int, after: int, wide: int, half: int | None = None) -> str:
    """:param half: 0 for the upper one of a row, 1 for the lower one; None: as high as the row."""
    high = (_BAR - 8) // (1 if half is None else 2)
    top = place * _BAR + 4 + high * (half or 0)
    return f'<rect class="{kind}" x="{_LEFT + after}" y="{top}" width="{wide}" height="{high}"/>'


def _row(name: str, place: int, bars: str, wide: int, one: Decimal, other: Decimal) -> str:
    line = place * _BAR + 16
    return (
        f'<text x="{_LEFT - 8}" y="{line}" text-anchor="end">{escape(name)}</text>{bars}'
        f'<text x="{_LEFT + wide + 6}" y="{line}">{one:,.2f} / {other:,.2f}</text>'
    )


def _drawing(heading: str, about: str, rows: Sequence[str]) -> str:
    size = f'viewBox="0 0 {_LEFT + _WIDE + 180} {len(rows) * _BAR}"'
    return f'<h2>{heading}</h2><p>{about}.</p><svg role="img" aria-label="{about}" {size}>{"".join(rows)}</svg>'


def _amount(row: Sequence[Value], place: int) -> Decimal:
    value = row[place]
    return value if isinstance(value, Decimal) else Decimal(0)
