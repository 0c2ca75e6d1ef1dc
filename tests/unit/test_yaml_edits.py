"""One thing of a hand-written file is changed, and every other byte of it stays."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.yaml_edits import YamlText, in_braces
from ledgerbridge.yaml_files import Location

ROOT = Path(__file__).parents[2]
SHIPPED = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "include").rglob("*.yaml"))}
NEW = {"from": "a_path", "convert": {"text": {"max": 7}}}


def plain(text: str) -> Any:
    """What a file holds, every value a text."""
    return yaml.load(text, Loader=yaml.CBaseLoader)


def texts(value: Any) -> Any:
    """The same of a value."""
    if isinstance(value, dict):
        return {key: texts(each) for key, each in value.items()}
    return [texts(each) for each in value] if isinstance(value, list) else str(value)


def written_places(node: yaml.Node, location: Location, seen: set[int]) -> Iterator[Location]:
    """Every place that is written in a file: what an alias stands for is written elsewhere."""
    if location:
        yield location
    if id(node) in seen:
        return
    seen.add(id(node))
    pairs: Any = enumerate(node.value) if isinstance(node, yaml.SequenceNode) else ()
    if isinstance(node, yaml.MappingNode):
        pairs = ((key.value, value) for key, value in node.value)
    for key, inner in pairs:
        yield from written_places(inner, (*location, key), seen)


ROOTS = {path: yaml.compose(text, Loader=yaml.CSafeLoader) for path, text in SHIPPED.items()}
PLACES = {path: list(written_places(root, (), set())) for path, root in ROOTS.items()}
ANY_PLACE = st.sampled_from(list(SHIPPED)).flatmap(lambda path: st.tuples(st.just(path), st.sampled_from(PLACES[path])))


def is_kept(before: str, own: set[int], after: str) -> bool:
    """Whether all lines of ``before`` but its ``own``, numbered from 1, stand in ``after``, in their order."""
    lines = iter(after.split("\n"))
    return all(line in lines for number, line in enumerate(before.split("\n"), 1) if number not in own)


def own_lines(text: YamlText, place: Location) -> set[int]:
    """The lines of a place: its key's, and those of what is written there."""
    first = text.line(place)
    return {*range(first, first + text.written(place).count("\n") + 2)}


def unless_refused(change: Callable[[], YamlText], told: str) -> YamlText | None:
    """The changed text; None where the change is refused, and told with one of these words."""
    try:
        return change()
    except ConfigurationError as error:
        if re.search(told, str(error)) is None:
            raise
        return None


def changed(content: Any, place: Location, value: Any) -> Any:
    """``content`` with another value at a place; a place that an alias shares is one object no more."""
    content = copy.deepcopy(content)
    inner = content
    for step in place[:-1]:
        inner[step] = copy.deepcopy(inner[step])
        inner = inner[step]
    if value is None:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return content


def test_a_file_that_is_opened_and_saved_is_the_same() -> None:
    assert len(SHIPPED) > 100
    for path, text in SHIPPED.items():
        opened = YamlText(text, path.stem)
        for place in PLACES[path][:40]:
            assert opened.put(place, opened.written(place)).text == path.read_bytes().decode(), (path, place)


@settings(max_examples=150, deadline=None)
@given(ANY_PLACE)
def test_a_value_that_is_changed_and_changed_back_leaves_no_diff(at: tuple[Path, Location]) -> None:
    path, place = at
    text = YamlText(SHIPPED[path], path.stem)
    other = unless_refused(lambda: text.put(place, in_braces(NEW)), "stands nowhere")
    if other is None:  # others use an anchor of it
        return
    assert is_kept(text.text, own_lines(text, place), other.text)
    if not text.changed_with(place, other):
        assert plain(other.text) == changed(plain(text.text), place, texts(NEW))
    assert other.put(place, text.written(place)).text == text.text


@settings(max_examples=150, deadline=None)
@given(ANY_PLACE)
def test_what_is_taken_away_takes_only_its_own_lines_with_it(at: tuple[Path, Location]) -> None:
    path, place = at
    text = YamlText(SHIPPED[path], path.stem)
    without = unless_refused(lambda: text.take_away(place), "stands nowhere|comment")
    if without is None:
        return
    if len(_around(text, place)) > 1:  # the last one leaves braces behind
        assert is_kept(text.text, own_lines(text, place), without.text)
    if not isinstance(place[-1], int) and not text.changed_with(place, without):
        assert plain(without.text) == changed(plain(text.text), place, None)


@settings(max_examples=150, deadline=None)
@given(ANY_PLACE)
def test_what_is_added_is_beside_the_others_and_changes_no_line_but_that_of_braces(at: tuple[Path, Location]) -> None:
    path, place = at
    text = YamlText(SHIPPED[path], path.stem)
    around = _around(text, place)
    key = len(around) if isinstance(around, list) else "zz_new"
    added = text.put((*place[:-1], key), in_braces(NEW))
    braces = set(range(text.line(place[:-1]), text.line(place) + text.written(place).count("\n") + 2))
    assert is_kept(text.text, braces if added.text.count("\n") == text.text.count("\n") else set(), added.text)
    if isinstance(around, dict) and not text.changed_with((*place[:-1], key), added):
        assert plain(added.text) == changed(plain(text.text), (*place[:-1], key), texts(NEW))


def _around(text: YamlText, place: Location) -> Any:
    content = plain(text.text)
    for step in place[:-1]:
        content = content[step]
    return content


MAPPING = """\
# a head
header:
  A: {from: a, convert: {text: &short {max: 5}}}  # why A
  B: {from: b, convert: {text: *short}}
  # of C
  C:  # why C
    when: {x: 1}
    then: y
  D:
    {template: "{a} {b}"}
lines:
  - each: rows
    where: {a: 1}
    Q: quantity
"""


@pytest.mark.parametrize(
    ("place", "written", "before", "after"),
    [
        pytest.param(
            ("header", "B"), "b2", "  B: {from: b, convert: {text: *short}}\n", "  B: b2\n", id="a-rule-by-a-path"
        ),
        pytest.param(
            ("header", "C"),
            "{from: y}",
            "  C:  # why C\n    when: {x: 1}\n    then: y\n",
            "  C: {from: y}  # why C\n",
            id="lines-by-braces-and-the-comment-stays",
        ),
        pytest.param(
            ("header", "A"),
            "from: a\nconvert: {text: &short {max: 6}}",
            "  A: {from: a, convert: {text: &short {max: 5}}}  # why A\n",
            "  A:  # why A\n    from: a\n    convert: {text: &short {max: 6}}\n",
            id="braces-by-lines-and-the-comment-stays",
        ),
        pytest.param(
            ("header", "D"),
            '{template: "{a}"}',
            '    {template: "{a} {b}"}\n',
            '    {template: "{a}"}\n',
            id="what-had-its-own-line-keeps-it",
        ),
        pytest.param(
            ("header", "E"),
            "from: e\ndefault: 0",
            'b}"}\n',
            'b}"}\n  E:\n    from: e\n    default: 0\n',
            id="a-new-field-in-lines",
        ),
        pytest.param(
            ("lines", 0, "R"), "r", "    Q: quantity\n", "    Q: quantity\n    R: r\n", id="a-new-field-of-a-part"
        ),
        pytest.param(
            ("lines", 1),
            "each: others\nQ: 1",
            "    Q: quantity\n",
            "    Q: quantity\n  - each: others\n    Q: 1\n",
            id="a-new-part",
        ),
        pytest.param(
            ("header", "B", "default"), "none", "{text: *short}}", "{text: *short}, default: none}", id="within-braces"
        ),
    ],
)
def test_what_is_written_stands_as_people_would_write_it(
    place: Location, written: str, before: str, after: str
) -> None:
    assert YamlText(MAPPING).put(place, written).text == MAPPING.replace(before, after)


def test_an_expectation_is_added_in_the_way_of_those_before_it() -> None:
    suite = ROOT / "include/expectations/gp_sales_order.yaml"
    text = YamlText(SHIPPED[suite])
    new = {"expect": "expect_column_values_to_not_be_null", "column": "CSTPONBR", "remedy": "Give it a number."}
    added = text.put(("expectations", 4), in_braces(new)).text
    line = "  - {expect: expect_column_values_to_not_be_null, column: CSTPONBR, remedy: Give it a number.}\n"
    assert added == text.text.replace("unusual:", f"{line}unusual:")


@pytest.mark.parametrize(
    ("place", "before", "after"),
    [
        pytest.param(("header", "C"), "  C:  # why C\n    when: {x: 1}\n    then: y\n", "", id="a-field-in-lines"),
        pytest.param(("header", "B"), "  B: {from: b, convert: {text: *short}}\n", "", id="a-field-in-braces"),
        pytest.param(("lines", 0, "each"), "  - each: rows\n    where", "  - where", id="the-first-behind-a-dash"),
        pytest.param(("header", "C", "when", "x"), "{x: 1}", "{}", id="the-last-within-braces"),
        pytest.param(("lines", 0), MAPPING.partition("lines:")[2], " []\n", id="the-last-in-lines"),
    ],
)
def test_what_is_taken_away_leaves_the_rest_as_it_was(place: Location, before: str, after: str) -> None:
    assert YamlText(MAPPING).take_away(place).text == MAPPING.replace(before, after)


@pytest.mark.parametrize(
    ("place", "written", "told"),
    [
        pytest.param(("header", "A"), "a", r"&short .* header\.B\.convert\.text uses it\. .*Keep &short", id="anchor"),
        pytest.param(("header", "B"), "{from: b", "line 2 of what is written", id="open-brace"),
        pytest.param(("header", "B"), "*nowhere", "&nowhere stands nowhere", id="unknown-alias"),
        pytest.param(("header", "B", "from"), "b, default: 1", "stands within braces", id="breaks-out"),
        pytest.param(("header", "B", "from"), "when: 1", "stands within braces", id="lines-in-braces"),
        pytest.param(("header", "B", "from"), "b # c", "LB-CFG-013", id="comment-in-braces"),
        pytest.param(("headers", "B"), "b", r'nothing stands there.*Did you mean "header"', id="no-such-part"),
        pytest.param(("lines", 5), "each: x", "nothing can be added there", id="beyond-the-next-item"),
        pytest.param(("header", "B"), "a\n---\nb", "several documents", id="two-documents"),
    ],
)
def test_what_would_change_anything_else_is_refused(place: Location, written: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        YamlText(MAPPING, "mapping").put(place, written)


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param("[" * 200 + "]" * 200, id="brackets"),
        pytest.param(
            "[&a [1, 2, 3, 4, 5, 6, 7, 8, 9]"
            + "".join(f", &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdef", "bcdefg", strict=True))
            + "]",
            id="aliases-of-aliases",
        ),
    ],
)
def test_what_would_keep_its_reader_busy_is_refused(bomb: str) -> None:
    with pytest.raises(ConfigurationError, match=r"LB-CFG-013 .*more than"):
        YamlText(MAPPING).put(("header", "B"), bomb)


def test_who_uses_an_alias_of_what_is_changed_is_told() -> None:
    text = YamlText(MAPPING)
    longer = text.put(("header", "A"), "{from: a, convert: {text: &short {max: 9}}}")
    assert text.changed_with(("header", "A"), longer) == [("header", "B", "convert", "text", "max")]
