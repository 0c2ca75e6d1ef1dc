"""``ledgerbridge suggest-lines``: which lines the look-up tables lack, by dead letters and by people's corrections."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

import typer

from commands.database import state_engine
from commands.files import INCLUDE, Include
from commands.options import OfCompany, new_app
from ledgerbridge.state import transaction
from ledgerbridge.state.mending import Wanted, find_letters
from ledgerbridge.state.models import DeadLetter
from ledgerbridge.suggest.lines import Complaint, Line, diff_of_lines, lines_wanted, table_asked_for

__all__ = ["app"]

app = new_app()
_STATES = ("open", "replaying", "closed", "discarded")


@app.command()
def suggest_lines(
    context: typer.Context,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Letters written since this day (UTC); default: all.")
    ] = None,
    company: OfCompany = None,
    include: Include = INCLUDE,
) -> int:
    """Print the lines as a diff to look at and to accept, by `git apply` or `patch -p1`."""
    begin = since and since.replace(tzinfo=UTC)
    with transaction(state_engine(context)) as session:
        letters = find_letters(session, Wanted(_STATES, company=company, since=begin))
        asking = [(each.code, each.field, asked) for each in letters if (asked := _complaint(each)) is not None]
        codes = Counter(each.code for each in letters)
    folder = include / "lookups"
    lines = lines_wanted([each for *_, each in asking], folder)
    for (code, field, table), count in Counter((code, field, each.table) for code, field, each in asking).most_common():
        print(f"{count} of {codes[code]} letters of {code} are of {field}, and ask for lines of {table}.")
    for line in lines:
        _print(line)
    print(diff_of_lines(lines, folder), end="")
    if not lines:
        print("No table lacks a line.")
    return 0


def _complaint(letter: DeadLetter) -> Complaint | None:
    table = table_asked_for(letter.remedy)
    if table is None or letter.value is None:
        return None
    notes = letter.corrections or []
    corrected = tuple(str(note["after"]) for note in notes if str(note["before"]) == letter.value)
    return Complaint(table, letter.value, corrected)


def _print(line: Line) -> None:
    many = f"{line.letters} letter{'s' if line.letters != 1 else ''}"
    print(f'  {line.table}: "{line.value}" ({many}): {line.answer or "open"}, {line.why}')
