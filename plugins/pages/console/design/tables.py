"""A lookup table as its lines, what is wrong with it, and which mappings read it."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

from ledgerbridge.drafts.folders import with_file
from ledgerbridge.flows import company_keys
from ledgerbridge.yaml_files import Problem
from operators import settings
from operators.file_checks import table_problems, tables_in
from pages.console.access import Access
from pages.console.design.drafted import drafted
from pages.console.design.files import is_live, legs_of, may_edit
from pages.console.design.models import ProblemView, TableView

__all__ = ["rows_in", "table_view", "wrong_with"]

_SHOWN = 500


def table_view(access: Access, file: str, *, text: str | None = None) -> TableView:
    """
    A lookup table as the user's draft has it, or as it is live.

    :param text: as if this were their draft's.
    """
    known = drafted(access, file)
    written = known.text if text is None else text
    columns, *rows = rows_in(written) or [[]]
    return TableView(
        file=file, name=Path(file).stem, description="", text=written, may_edit=may_edit(access, file),
        publishes=settings.publishes(), draft=known.draft, others=known.others, history=known.history,
        used_by=sorted(legs_of(file)), mappings=_mappings(file), is_new=not is_live(file), columns=columns,
        rows=rows[:_SHOWN], count=len(rows),
        problems=[
            ProblemView(line=each.line, column=each.column, message=each.message, remedy=each.remedy)
            for each in wrong_with(file, written)
        ],
    )  # fmt: skip


def wrong_with(file: str, text: str) -> list[Problem]:
    """Everything that is wrong with a lookup table, were this its text, and with the mappings that read it then."""
    include = settings.include_folder()
    company = settings.company(company_keys(settings.companies_folder())[0])
    with with_file(include, file, text) as folder:
        return table_problems(folder / file, folder, _mappings(file), lambda: company)


def rows_in(text: str) -> list[list[str]]:
    """The lines of a table, the columns' names first; blank ones left out."""
    return [each for each in csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")) if each]


def _mappings(file: str) -> list[str]:
    """The mappings that read it, whether or not a leg uses them."""
    folder = settings.include_folder() / "mappings"
    return [path.stem for path in sorted(folder.glob("*.yaml")) if Path(file).stem in tables_in(path)]
