"""The page on the sandbox names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/sandbox.md").read_text()


def test_every_test_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:tests/\w+/)?test_\w+)`", PAGE))
    assert len(named) > 20
    paths = [ROOT / f"{name if '/' in name else f'tests/contract/{name}'}.py" for name in named]
    assert [path.name for path in paths if not path.exists()] == []


def test_every_line_of_a_list_says_how_far_it_goes() -> None:
    rows = [row.split("|")[1:-1] for row in PAGE.splitlines() if re.match(r"\| (\d+|–) \|", row)]
    assert len(rows) > 40
    assert [row for row in rows if len(row) != 4 or not re.match(r" (yes|part: |no\b)", row[2])] == []
