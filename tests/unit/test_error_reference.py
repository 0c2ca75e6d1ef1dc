"""docs/reference/errors.md says of every error what it is and what to do, and of none that we don't have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ledgerbridge.errors

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs/reference/errors.md").read_text()
SECTIONS = dict(re.findall(r"^### (LB-\S+)\n(.+?)(?=\n#|\Z)", REFERENCE, re.MULTILINE | re.DOTALL))
CODE = re.compile(r"LB-[A-Z]+-\d{3}")


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("plugins", "dags"):
        for path in (ROOT / folder).rglob("*.py"):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def codes_used() -> set[str]:
    """Codes that stand as a text of their own in the source; docstrings and comments don't count."""
    return {
        node.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    }


def test_every_code_has_its_heading_and_every_heading_its_code() -> None:
    assert sorted(SECTIONS) == sorted(codes_used())


def test_no_code_has_two_headings() -> None:
    headings = re.findall(r"^### (LB-\S+)$", REFERENCE, re.MULTILINE)
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("code", sorted(SECTIONS))
def test_a_section_tells_what_happens_next_and_what_to_do(code: str) -> None:
    what = re.match(r"A dead letter|`(\w+)`(?: or `(\w+)`)?", SECTIONS[code])
    assert what is not None, SECTIONS[code]
    assert all(name in ledgerbridge.errors.__all__ for name in what.groups() if name)
    assert "Remedy: " in SECTIONS[code]


def test_every_error_we_raise_names_a_remedy() -> None:
    """Subclasses and helpers that make errors hand theirs on; what is checked are the classes themselves."""
    without = [
        f"{path}:{node.lineno}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ledgerbridge.errors.__all__
        and node.args
        and not any(keyword.arg in ("remedy", None) for keyword in node.keywords)
    ]
    assert without == []
