"""Every remedy can be followed: each file, command, setting, variable and menu that one names is there, and is read."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from hooks.provider import get_provider_info
from ledgerbridge.mapping.rules import _OF_THE_COMPANY, _where_to_add
from tests.unit.test_docs import type_at_ledgerbridge

ROOT = Path(__file__).parents[2]
HOLE = "…"
"""What stands in a remedy for a value of its own."""
MENUS = {
    "Accounting > Advanced > Financial settings",
    "Accounting > Advanced > Tax rates",
    "Cards > Inventory > Item",
    "Tools > Routines > Financial > Year-End Closing",
    "Tools > Setup > Company > Fiscal Periods",
    "Tools > Setup > Company > Tax Details",
    "Transactions > Purchasing > Apply Payables",
}
"""Of Xero (help.xero.com) and of Dynamics GP (its windows' help): the way there as their own pages give it."""
PYTHON = [
    (path.relative_to(ROOT).as_posix(), path.read_text())
    for folder in ("plugins", "dags")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
YAML = [(path.relative_to(ROOT).as_posix(), path.read_text()) for path in sorted((ROOT / "include").rglob("*.yaml"))]


def texts(node: ast.AST) -> Iterator[str]:
    """The texts below a node, one a literal; what a literal fills in is a hole."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(each.value) if isinstance(each, ast.Constant) else HOLE for each in node.values)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from texts(child)


def is_remedy(node: ast.AST) -> bool:
    """Whether a node gives a remedy its text: an argument, a variable or a function of that name."""
    match node:
        case ast.keyword(arg=str(name)) | ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return "remed" in name.lower() or name == _where_to_add.__name__
        case ast.Assign(targets=[ast.Name(id=name)]):
            return "remed" in name.lower()
    return False


def written(found: Any) -> Iterator[str]:
    """The remedies in a YAML file."""
    for name, value in found.items() if isinstance(found, dict) else enumerate(found):
        if name == "remedy" and isinstance(value, str):
            yield value
        elif isinstance(value, (dict, list)):
            yield from written(value)


def remedies() -> Iterator[tuple[str, str]]:
    """Every remedy with where it stands: in the code, in mappings and suites, in the reference of errors."""
    for path, source in PYTHON:
        for node in filter(is_remedy, ast.walk(ast.parse(source))):
            yield from ((path, text) for text in texts(node))
    for path, source in YAML:
        yield from ((path, text) for text in written(yaml.load(source, Loader=yaml.CSafeLoader)))
    reference = (ROOT / "docs/reference/errors.md").read_text()
    for code, section in re.findall(r"^### (LB-\S+)\n(.+?)(?=\n#|\Z)", reference, re.MULTILINE | re.DOTALL):
        yield code, section.partition("Remedy:")[2]


def tables(found: Any) -> Iterator[str]:
    """The tables that the rules of a mapping look up."""
    for name, value in found.items() if isinstance(found, dict) else enumerate(found):
        if name == "table" and isinstance(value, str):
            yield value
        elif isinstance(value, (dict, list)):
            yield from tables(value)


@cache
def all_remedies() -> list[tuple[str, str]]:
    """Read once, when the first test asks: each worker that collects tests would do it otherwise."""
    return sorted(set(remedies()))


def named(pattern: str) -> dict[str, str]:
    """What the remedies name, with one of the places where they do."""
    return {found.strip(): place for place, text in all_remedies() for found in re.findall(pattern, text)}


def test_they_are_found_where_they_stand() -> None:
    places = {place.partition("/")[0] for place, _ in all_remedies()}
    assert {"plugins", "include"} < places
    assert any(place.startswith("LB-") for place in places)


def test_a_file_that_one_names_is_there() -> None:
    for path in named(r"\b(?:include|docs|dags|plugins|config)/[\w./…-]*[\w/…-]"):
        whole = path.partition(HOLE)[0] if HOLE in path else path
        assert (ROOT / whole).exists(), path


def test_a_table_that_one_names_is_read_by_a_mapping() -> None:
    mappings = [yaml.load(text, Loader=yaml.CSafeLoader) for path, text in YAML if path.startswith("include/mappings/")]
    looked_up = {table for mapping in mappings for table in tables(mapping)}
    assert named(r"include/lookups/(\w+)\.csv").keys() <= looked_up


def test_a_line_of_the_company_file_is_never_asked_for_in_a_table() -> None:
    """Tables made of the company's file lie in no folder: nobody would read one that is there."""
    for name, section in _OF_THE_COMPANY.items():
        for table in (name, f"{name}_by_role"):
            assert f"`{section}` in the company's file" in _where_to_add("table", table)
            assert "include/lookups" not in _where_to_add("table", table)


def test_a_command_that_one_names_can_be_typed() -> None:
    for line in named(r"`ledgerbridge ([^`]+)`"):
        type_at_ledgerbridge(shlex.split(line))


def test_a_setting_that_one_names_is_read() -> None:
    for setting in named(r"\[ledgerbridge\] (\w+)"):
        if setting == "company_file":  # of an earlier release, where it is found
            continue
        assert setting in get_provider_info()["config"]["ledgerbridge"]["options"]
        assert any(f'"{setting}"' in source for path, source in PYTHON if path != "plugins/hooks/provider.py")


def test_a_variable_that_one_names_is_read() -> None:
    for variable in named(r"\bLEDGERBRIDGE_[A-Z_]+"):
        assert any(re.search(rf'"{variable}"', source) for _, source in PYTHON)


def test_a_menu_that_one_names_is_one_the_system_has() -> None:
    for menu in named(r"(?:\w[\w ]*? > )+[A-Z][a-z]+(?:-[A-Z][a-z]+)?(?: [A-Za-z]+)?"):
        assert menu in MENUS
