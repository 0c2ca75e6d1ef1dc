"""What the report tells, as tables: the page and the workbook show the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from ledgerbridge.closing.report import PeriodReport
from ledgerbridge.reconciliation.areas import AREAS, SORTS, area_of, sort_of

__all__ = ["CONTROL", "Cell", "Table", "areas_table", "control_by_area", "linked", "tables_of"]

CONTROL = "Control accounts"
"""Name of their table."""


@dataclass(frozen=True)
class Cell:
    """A text that leads somewhere."""

    text: str
    address: str = ""

    def __str__(self) -> str:
        return self.text


Value = str | int | Decimal | Cell | Sequence[Cell] | None


@dataclass(frozen=True)
class Table:
    """
    A table of the report.

    :param note: what is told where it has no row.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    note: str = "There is none."


def tables_of(report: PeriodReport) -> list[Table]:
    """The tables, in the order in which people read them."""
    return [
        areas_table(report),
        *(_balances(flow, books) for flow, books in report.books.items()),
        _control(report),
        _carried(report),
        _figures(report),
        _differences(report, explained=False),
        _differences(report, explained=True),
        _under_way(report),
    ]


def areas_table(report: PeriodReport) -> Table:
    """By area: how many differences nobody explains and of how much, those explained, and how many of each sort."""
    by_area: dict[str, list[Mapping[str, Any]]] = {area: [] for area in AREAS}
    for each in _all(report):
        by_area[_area(report, each)].append(each)
    rows: list[Sequence[Value]] = []
    for area, found in by_area.items():
        open_ = [each for each in found if not each["explained"]]
        explained = [each for each in found if each["explained"]]
        sorts = [sum(_sort(each) == sort for each in found) for sort in SORTS]
        rows.append([AREAS[area], len(open_), _worth(open_), len(explained), _worth(explained), *sorts])
    columns = ["Area", "Without a reason", "Of", "With a reason", "Of which", *SORTS]
    return Table("Areas", columns, rows)


def control_by_area(report: PeriodReport) -> list[tuple[str, Decimal, Decimal]]:
    """By area and ledger, what is booked on its control accounts, and what documents and entries come to; unsigned."""
    sums: dict[str, list[Decimal]] = {}
    for each in report.control:
        found = sums.setdefault(f"{AREAS[each.area]}, {each.ledger}", [Decimal(0), Decimal(0)])
        found[0] += abs(each.booked)
        found[1] += abs(each.held + each.entries)
    return [(name, booked, told) for name, (booked, told) in sums.items()]


def linked(report: PeriodReport, record: str) -> str:
    """The console's page about a record; blank where nobody says where the console is."""
    return f"{report.console}/follow?q={quote(record, safe='')}" if report.console and record else ""


def _balances(flow: str, books: Mapping[str, Any]) -> Table:
    ledgers = list(next(iter(books["roles"].values()), {}))
    rows = []
    for role, held in books["roles"].items():
        amounts = [Decimal(held[each]) for each in ledgers]
        rows.append([role.replace("_", " "), *amounts, amounts[0] - amounts[-1]])
    return Table(f"Balances, {flow}"[:31], ["Role", *ledgers, "difference"], rows)


def _control(report: PeriodReport) -> Table:
    rows: list[Sequence[Value]] = [
        [
            AREAS[each.area], each.role.replace("_", " "), each.ledger, each.booked, each.held, each.entries,
            each.difference,
        ]
        for each in report.control
    ]  # fmt: skip
    columns = ["Area", "Control account", "Ledger", "Booked", "Of documents", "Entered by hand", "difference"]
    return Table(CONTROL, columns, rows, "The company file has no role of a control account.")


def _carried(report: PeriodReport) -> Table:
    """What each leg carried, and in the last row how often a ledger has a document never, or twice."""
    rows: list[Sequence[Value]] = [
        [
            each.flow, each.leg, each.source, each.arrived, each.waiting, each.rejected, each.superseded, each.to_take,
            each.passed, None, None,
        ]
        for each in report.carried
    ]  # fmt: skip
    if rows:
        unexplained = [each for each in _all(report) if not each["explained"]]
        once = [
            len({_documents(each) for each in unexplained if _sort(each) == sort}) for sort in ("missing", "double")
        ]
        rows.append(["in the ledgers", *[None] * 8, *once])
    columns = [
        "Flow", "Leg", "Source", "Arrived", "Waiting", "Rejected", "Taken back", "To take", "Passed over",
        "Missing", "Double",
    ]  # fmt: skip
    return Table("Exactly once", columns, rows)


def _documents(each: Mapping[str, Any]) -> tuple[str, ...]:
    """A document differs in several roles and is one."""
    return tuple(one["record"] for one in each["documents"])


def _figures(report: PeriodReport) -> Table:
    rows = [(name, Decimal(amount)) for books in report.books.values() for name, amount in books["figures"].items()]
    return Table("Figures", ["Figure", "Amount"], rows)


def _differences(report: PeriodReport, *, explained: bool) -> Table:
    rows = [
        [
            AREAS[_area(report, each)], _sort(each), each["type"], each["role"].replace("_", " "),
            Decimal(each["value"]),
            [Cell(f"{one['system']} {one['kind']} {one['number']}", linked(report, one["record"]))
             for one in each["documents"]],
            each["reason"] if explained else each["remedy"],
        ]
        for each in _all(report)
        if each["explained"] is explained
    ]  # fmt: skip
    columns = ["Area", "Sort", "Type", "Role", "Value", "Documents", "Reason" if explained else "Repair"]
    return Table("With a reason" if explained else "Without a reason", columns, rows)


def _under_way(report: PeriodReport) -> Table:
    rows = [
        [
            each.flow, each.leg, Cell(each.record, linked(report, each.record)), each.day.isoformat(), each.stands,
            each.reason, None if each.expected is None else f"{each.expected:%Y-%m-%d %H:%M} UTC",
            each.misses,
        ]
        for each in report.under_way
    ]  # fmt: skip
    columns = ["Flow", "Leg", "Record", "Day", "Stands", "Why", "Expected", "Misses the close"]
    return Table("Under way", columns, rows, "Nothing of the period is under way.")


def _all(report: PeriodReport) -> Iterator[Mapping[str, Any]]:
    for books in report.books.values():
        yield from books["differences"]


def _area(report: PeriodReport, each: Mapping[str, Any]) -> str:
    return area_of(each["role"], report.gateways, [one["kind"] for one in each["documents"]])


def _sort(each: Mapping[str, Any]) -> str:
    return sort_of(each["type"], explained=each["explained"])


def _worth(found: Sequence[Mapping[str, Any]]) -> Decimal:
    return sum((abs(Decimal(each["value"])) for each in found), Decimal(0))
