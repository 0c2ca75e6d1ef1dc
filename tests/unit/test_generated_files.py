"""The schemas and the reference say what the models do: they are current, and every example in them is run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from commands.generate import generated
from ledgerbridge.mapping.model import ORIGINS
from ledgerbridge.mapping.reference import EXAMPLES, read_examples, run_example

ROOT = Path(__file__).parents[2]
INCLUDE = ROOT / "include"
EXAMPLE_LIST = read_examples(ROOT / "docs" / "reference" / EXAMPLES)
KINDS = {"mappings": "mapping", "flows": "flow", "expectations": "suite"}
SHIPPED = [(path, kind) for folder, kind in KINDS.items() for path in sorted((INCLUDE / folder).glob("*.yaml"))]
SHIPPED.append((INCLUDE / "companies" / "main.yaml", "company"))


class EditorLoader(yaml.SafeLoader):
    """YAML as editors read it, by its version 1.2: `on` is a text."""


EditorLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
EditorLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))


def schema(kind: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((INCLUDE / "schemas" / f"{kind}.json").read_text())
    return content


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_a_generated_file_is_current(path: Path) -> None:
    assert path.read_text() == generated()[path], "run `make generate`"


@pytest.mark.parametrize("example", EXAMPLE_LIST, ids=lambda example: f"{example['of']}: {example['title']}"[:50])
def test_an_example_of_the_reference_makes_what_it_shows(example: dict[str, Any]) -> None:
    made = run_example(example)
    assert made.pop("errors", []) == example["result"].get("errors", [])
    expected = {part: rows for part, rows in example["result"].items() if part != "errors"}
    assert {part: rows for part, rows in made.items() if part in expected or any(rows)} == expected


@pytest.mark.parametrize(("path", "kind"), SHIPPED, ids=lambda each: each.name if isinstance(each, Path) else each)
def test_a_shipped_file_begins_with_the_schema_an_editor_checks_it_by(path: Path, kind: str) -> None:
    begin, _, place = path.read_text().partition("\n")[0].partition("=")
    assert begin == "# yaml-language-server: $schema"
    assert (path.parent / place).resolve() == INCLUDE / "schemas" / f"{kind}.json"


def test_every_kind_of_rule_has_an_example() -> None:
    shown = {example["of"] for example in EXAMPLE_LIST}
    assert {name.rstrip("_") for name in ORIGINS} - {"count", "min", "max", "join"} <= shown
    gathered = next(example["mapping"] for example in EXAMPLE_LIST if example["of"] == "sum")
    assert all(f"{{{kind}: " in gathered for kind in ("count", "min", "max", "join"))


@pytest.mark.parametrize(("path", "kind"), SHIPPED, ids=lambda value: getattr(value, "stem", ""))
def test_the_schema_accepts_what_is_shipped(path: Path, kind: str) -> None:
    jsonschema.validate(yaml.load(path.read_text(), EditorLoader), schema(kind))


@pytest.mark.parametrize(
    ("kind", "text", "place"),
    [
        pytest.param("mapping", "{from: a, to: b}", [], id="no-header"),
        pytest.param("mapping", "{from: a, to: b, header: {X: {form: a}}}", ["header", "X"], id="unknown-key"),
        pytest.param("mapping", "{from: a, to: b, header: {X: {from: a, convert: {decimal: {rounding: nearest}}}}}",
                     ["header", "X"], id="unknown-rounding"),
        pytest.param("mapping", "{from: a, to: b, header: {X: {when: {k: {equals: 1}}, then: a}}}", ["header", "X"],
                     id="unknown-operator"),
        pytest.param("mapping", "{from: a, to: b, header: {where: {k: [[1]]}}}", ["header", "where", "k"], id="list"),
        pytest.param("flow", "{description: a, owner: b, stages: {}}", ["stages"], id="no-stages"),
        pytest.param("flow", "{description: a, owner: b, stages: {s: {legs: {x: {from: a}}}}}",
                     ["stages", "s", "legs", "x"], id="half-a-leg"),
        pytest.param("suite", "{expectations: [{expect: a, column: b}]}", ["expectations", 0], id="no-remedy"),
        pytest.param("company", "{name: a}", [], id="half-a-company"),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_the_model_refuses(kind: str, text: str, place: list[Any]) -> None:
    errors = list(jsonschema.Draft202012Validator(schema(kind)).iter_errors(yaml.safe_load(text)))
    assert errors
    assert place in [list(error.absolute_path) for error in errors]
