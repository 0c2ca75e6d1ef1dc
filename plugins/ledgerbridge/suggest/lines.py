"""Lines that tables of include/lookups lack, told by dead letters and by what people corrected in them."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz import fuzz, process, utils

__all__ = ["Complaint", "Line", "diff_of_lines", "lines_wanted", "table_asked_for"]

_TABLE = re.compile(r"include/lookups/(\w+)\.csv")
_ALIKE = 90
_KEY_AND_VALUE = 2


@dataclass(frozen=True)
class Complaint:
    """
    A letter that asks for a line.

    :param table: the name of the table.
    :param value: what is not known.
    :param corrected: what people put in the place of that value, in this letter.
    """

    table: str
    value: str
    corrected: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """
    A line that a table lacks.

    :param answer: what the value stands for; None: nobody has said it.
    :param why: who has, in words.
    """

    table: str
    value: str
    letters: int
    answer: str | None
    why: str


def table_asked_for(remedy: str) -> str | None:
    """The table that a letter's remedy asks a line of."""
    found = _TABLE.search(remedy)
    return found[1] if found else None


def lines_wanted(complaints: Sequence[Complaint], folder: Path) -> list[Line]:
    """
    The lines that tables lack, those that most letters ask for first.

    A value stands for what people corrected it to, most of them; where nobody has, for what one that is spelled nearly
    the same stands for.

    :param folder: the tables; one that isn't there is empty.
    """
    counts = Counter((each.table, each.value) for each in complaints)
    said: dict[tuple[str, str], Counter[str]] = {}
    for each in complaints:
        said.setdefault((each.table, each.value), Counter()).update(each.corrected)
    tables = {table: _answers(folder / f"{table}.csv") for table, _ in counts}
    lines = []
    for (table, value), letters in counts.most_common():
        if value not in tables[table]:
            answer, why = _answer(said[table, value], value, tables[table])
            lines.append(Line(table, value, letters, answer, why))
    return lines


def diff_of_lines(lines: Sequence[Line], folder: Path, shown: str = "include/lookups") -> str:
    """The lines that have an answer as a diff that `git apply` and `patch -p1` take; empty: there is none."""
    told: list[str] = []
    for table in dict.fromkeys(each.table for each in lines):
        path = folder / f"{table}.csv"
        before = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        added = [_written(each.value, each.answer) for each in lines if each.table == table and each.answer is not None]
        if added and before:
            ended = [*before[:-1], before[-1].rstrip("\n") + "\n"]
            name = f"{shown}/{path.name}"
            told += difflib.unified_diff(ended, [*ended, *added], f"a/{name}", f"b/{name}")
    return "".join(told)


def _answer(said: Counter[str], value: str, known: Mapping[str, str]) -> tuple[str | None, str]:
    if said:
        (best, times), *others = said.most_common()
        more = f", otherwise {sum(count for _, count in others)} times" if others else ""
        return best, f"as people corrected it {times} time{'s' if times != 1 else ''}{more}"
    near = process.extractOne(
        value, list(known), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=_ALIKE
    )
    if near is not None:
        return known[near[0]], f'as "{near[0]}", which is spelled nearly so'
    return None, "nobody has said what it stands for"


def _answers(path: Path) -> dict[str, str]:
    """What each key of a table of two columns stands for; of a wider one nothing, a line of it has more to say."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        _, *rows = [*csv.reader(file)] or [[]]
    return {row[0]: row[1] for row in rows if len(row) == _KEY_AND_VALUE}


def _written(*cells: str | None) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
