"""Conditions agree, row by row, with the same condition asked in plain Python."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mapping_runs import header_rule, made

from ledgerbridge.errors import ConfigurationError

WORDS = ["a", "b", "B", "ab", "10", ""]
NUMBERS = ["-3", "0", "9.99", "10", "10.50", "200"]

rows = st.fixed_dictionaries(
    {
        "kind": st.none() | st.sampled_from(WORDS),
        "total": st.none() | st.sampled_from(NUMBERS),
        "paid": st.none() | st.booleans(),
        "count": st.none() | st.integers(min_value=-2, max_value=12),
    }
)

number_tests = st.one_of(
    st.fixed_dictionaries({st_op: st.integers(min_value=-3, max_value=200)})
    for st_op in ("eq", "ne", "gt", "ge", "lt", "le")
)
tests = st.one_of(
    st.tuples(st.just("kind"), st.sampled_from(WORDS)),
    st.tuples(st.just("kind"), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)),
    st.tuples(st.just("kind"), st.fixed_dictionaries({"ne": st.sampled_from(WORDS)})),
    st.tuples(st.just("kind"), st.fixed_dictionaries({"matches": st.sampled_from(["^a", "b$", "[0-9]"])})),
    st.tuples(st.sampled_from(["total", "count"]), number_tests),
    st.tuples(
        st.sampled_from(["total", "count"]),
        st.fixed_dictionaries({"between": st.tuples(st.integers(-3, 5), st.integers(5, 200)).map(list)}),
    ),
    st.tuples(st.just("count"), st.lists(st.integers(-2, 12), min_size=1, max_size=3)),
    st.tuples(st.just("paid"), st.booleans()),
    st.tuples(st.sampled_from(["kind", "total", "paid", "count"]), st.fixed_dictionaries({"null": st.booleans()})),
).map(lambda pair: {pair[0]: pair[1]})
conditions = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=6,
)


def holds(condition: dict[str, Any], row: dict[str, Any]) -> bool:
    """The condition, asked of one row."""
    for key, wanted in condition.items():
        if key == "all":
            answer = all(holds(each, row) for each in wanted)
        elif key == "any":
            answer = any(holds(each, row) for each in wanted)
        elif key == "not":
            answer = not holds(wanted, row)
        else:
            answer = meets(row[key], wanted)
        if not answer:
            return False
    return True


def meets(value: Any, wanted: Any) -> bool:
    tests = wanted if isinstance(wanted, dict) else {"in": wanted if isinstance(wanted, list) else [wanted]}
    if "null" in tests:
        return (value is None) == tests["null"]
    if value is None:
        return False
    if "matches" in tests:
        return re.search(tests["matches"], value) is not None
    ((operator, operand),) = tests.items()
    if operator == "in":
        return any(compare(value, each, "eq") for each in operand)
    if operator == "between":
        return compare(value, operand[0], "ge") and compare(value, operand[1], "le")
    return compare(value, operand, operator)


def compare(value: Any, operand: Any, operator: str) -> bool:
    if isinstance(operand, int) and not isinstance(operand, bool):
        value, operand = Decimal(value), Decimal(operand)
    answers = {
        "eq": lambda: value == operand,
        "ne": lambda: value != operand,
        "gt": lambda: value > operand,
        "ge": lambda: value >= operand,
        "lt": lambda: value < operand,
        "le": lambda: value <= operand,
    }
    return bool(answers[operator]())


@given(condition=conditions, batch=st.lists(rows, min_size=1, max_size=12))
def test_a_condition_chooses_the_rows_that_plain_python_chooses(
    tmp_path_factory: pytest.TempPathFactory, condition: dict[str, Any], batch: list[dict[str, Any]]
) -> None:
    when = yaml.safe_dump(condition, default_flow_style=True, width=10_000).strip()
    mapped = header_rule(
        tmp_path_factory.mktemp("m"), f"{{when: {when}, then: {{value: IN}}, else: {{value: OUT}}}}", batch
    )
    assert made(mapped) == ["IN" if holds(condition, row) else "OUT" for row in batch]


def test_a_project_sets_the_segment_whatever_the_nesting(tmp_path: Path) -> None:
    rule = """
    when:
      all:
        - Tracking[Name=Region].Option: {in: [North, South]}
        - any:
            - Tracking[Name=Project].Option: Project A
            - not: {Total: {between: [0, 1000]}}
    then: {value: "100"}
    else: {value: "000"}"""
    north_a = [{"Name": "Region", "Option": "North"}, {"Name": "Project", "Option": "Project A"}]
    mapped = header_rule(
        tmp_path,
        rule,
        [
            {"Total": "5", "Tracking": north_a},
            {"Total": "5", "Tracking": north_a[:1]},
            {"Total": "1000.01", "Tracking": north_a[:1]},
            {"Total": "1000.01", "Tracking": []},
        ],
    )
    assert made(mapped) == ["100", "000", "100", "000"]


@pytest.mark.parametrize(
    ("condition", "place", "message"),
    [
        pytest.param("{kind: {equals: a}}", ":4:26:", 'unknown key "equals"', id="operator"),
        pytest.param("{kind: {matches: '['}}", ":4:19:", "is no regular expression", id="regular-expression"),
        pytest.param("{kind: {between: [1]}}", ":4:26:", "at least 2 items", id="between"),
        pytest.param("{any: []}", ":4:19:", "at least 1 item", id="no-choices"),
        pytest.param("{kind: {}}", ":4:19:", "a comparison needs one of eq", id="nothing-compared"),
        pytest.param("{kind: [[a]]}", ":4:", "one text, number or true/false", id="list-in-a-list"),
        pytest.param("{expr: 'a ** 2 > 1'}", ":4:", "Pow is not allowed", id="expression"),
    ],
)
def test_a_wrong_condition_says_where_and_what(tmp_path: Path, condition: str, place: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        header_rule(tmp_path, f"{{when: {condition}, then: {{value: A}}}}", [{"kind": "a"}])
    assert f"mapping.yaml{place}" in str(caught.value)
    assert message in str(caught.value)


def test_nothing_compared_with_nothing_chooses_nothing(tmp_path: Path) -> None:
    rule = "{when: {expr: absent == missing}, then: {value: same}, else: {value: other}}"
    assert made(header_rule(tmp_path, rule, [{"present": 1}])) == ["other"]
