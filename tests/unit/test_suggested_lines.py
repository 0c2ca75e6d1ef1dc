"""Lines that look-up tables lack: what letters ask for, with what people corrected, as a diff that can be applied."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import Engine

from commands.main import main
from ledgerbridge.audit import Actor
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.mending import Person, Wanted, correct, find_letters
from ledgerbridge.suggest.lines import Complaint, diff_of_lines, lines_wanted

ACTOR = Actor("order_to_cash", "order", "run-1", "order.transform")
REMEDY = "Give the shop's title a line in include/lookups/tax_titles.csv; then replay the order."


@pytest.fixture
def include(tmp_path: Path) -> Path:
    """An include folder with one table, whose last line has no end."""
    folder = tmp_path / "include" / "lookups"
    folder.mkdir(parents=True)
    (folder / "tax_titles.csv").write_text("title,detail\nMassachusetts State Tax,MA-STATE")
    return folder.parent


def letter(number: int, value: str, remedy: str = REMEDY) -> Letter:
    key = f"shop:order:{number}"
    return Letter(
        "map", key, "v1", key, "LB-MAP-002", "TAXDTLID", value, "not known", remedy, raw={"tax": {"title": value}}
    )


def test_what_people_corrected_becomes_lines_of_a_diff_that_applies(
    state_db: Engine, include: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = ["NY, State", "NY, State", "massachusetts state tax", "Moon Tax"]
    letters = [letter(number, value) for number, value in enumerate(values)]
    with transaction(state_db) as session:
        write_letters(session, ACTOR, [*letters, letter(9, "MUG", "Create item MUG in the ledger.")])
        (first,) = find_letters(session, Wanted(source_key="shop:order:0"))
        correct(session, first, "raw.tax.title", "NY-STATE", Person("ann", "as the ledger has it", "test"))
    url = state_db.url.render_as_string(hide_password=False)
    assert main(["--state", url, "suggest-lines", "--include", str(include)]) == 0
    told = capsys.readouterr().out
    assert "4 of 5 letters of LB-MAP-002 are of TAXDTLID, and ask for lines of tax_titles." in told
    assert 'tax_titles: "NY, State" (2 letters): NY-STATE, as people corrected it 1 time' in told
    assert 'MA-STATE, as "Massachusetts State Tax", which is spelled nearly so' in told
    assert 'tax_titles: "Moon Tax" (1 letter): open, nobody has said what it stands for' in told
    subprocess.run(["patch", "-p1"], input=told, cwd=include.parent, check=True, capture_output=True, text=True)
    assert (include / "lookups" / "tax_titles.csv").read_text().splitlines() == [
        "title,detail",
        "Massachusetts State Tax,MA-STATE",
        '"NY, State",NY-STATE',
        "massachusetts state tax,MA-STATE",
    ]


def test_a_line_that_is_there_by_now_is_not_asked_for_again(include: Path) -> None:
    known = Complaint("tax_titles", "Massachusetts State Tax", ("MA",))
    assert lines_wanted([known], include / "lookups") == []
    assert diff_of_lines([], include / "lookups") == ""


def test_what_most_people_say_counts(include: Path) -> None:
    said = [Complaint("tax_titles", "Levy", ("A", "B")), Complaint("tax_titles", "Levy", ("B",))]
    (line,) = lines_wanted(said, include / "lookups")
    assert (line.answer, line.letters, line.why) == ("B", 2, "as people corrected it 2 times, otherwise 1 times")
