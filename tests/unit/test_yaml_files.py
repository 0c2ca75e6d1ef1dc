"""A file of a few lines can't keep its reader busy for long, nor end it without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.yaml_files import ConfigModel, check_file, load_file

LAUGHS = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 7)
)
LADDER = "a0: &a0 [1]\n" + "".join(f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 400))


class Anything(ConfigModel):
    """A file with one key."""

    a: Any = None


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        pytest.param(LAUGHS, "5:25", "more than 50,000 values", id="six-levels-of-aliases"),
        pytest.param("a: &a [1, *a]", "1:11", r'"\*a" stands within what it stands for', id="list-in-itself"),
        pytest.param("a: &a {b: {c: *a}}", "1:15", r'"\*a" stands within', id="mapping-in-itself"),
        pytest.param(LADDER, "50:12", "more than 50 levels", id="aliases-one-in-the-other"),
        pytest.param("a: " + "[" * 100_000, "1:53", "more than 50 levels", id="brackets"),
        pytest.param("- " * 100_000, "1:101", "more than 50 levels", id="dashes"),
        pytest.param("a: [" + "1," * 60_000 + "1]", "1:99999", "more than 50,000 values", id="many-values"),
        pytest.param("a: " + "ü" * 500_001, "1:1", "more than 1,000,000 bytes", id="long"),
    ],
)
def test_more_than_a_file_may_ask_is_told_with_its_place(tmp_path: Path, text: str, place: str, found: str) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=rf"LB-CFG-003 .*flow\.yaml:{place}: {found}.* Remedy: "):
        load_file(path, Anything, code="LB-CFG-003")


def test_a_few_aliases_are_read_as_what_they_stand_for(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text("a: {first: &kept [1, {b: c}], second: *kept, third: [*kept, *kept]}")
    kept = [1, {"b": "c"}]
    content, _ = load_file(path, Anything, code="LB-CFG-003")
    assert content.a == {"first": kept, "second": kept, "third": [kept, kept]}


@given(st.text("ab:&*[]{}-,?|> \n", max_size=200))
def test_any_text_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text)
    checked = check_file(path, Anything, code="LB-CFG-003")
    assert (checked.content is None) <= bool(checked.problems)
