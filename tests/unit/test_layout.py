"""How the modules of the product lie to each other: arrows that no contract of import-linter can draw."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

from hooks.gp.econnect.fields import NODES
from hooks.systems import systems

PACKAGES = ("commands", "inbox", "pages", "operators", "notifications", "triggers", "hooks", "ledgerbridge")

CORE = Path(__file__).parents[2] / "plugins" / "ledgerbridge"
GP_FIELDS = {field for node in NODES.values() for field in node.fields if field.isupper()} - {"QUANTITY"}
# a page that a fact is cited by is named after its system
CITED = re.compile(r"sources\.md \w+( §[\d.,]+)*")


def names_of_systems_in(text: str) -> list[str]:
    """Systems and fields of Dynamics GP that a text names, comments and examples too; a cited page may."""
    words = re.findall(r"[A-Za-z]\w*", CITED.sub("", text))
    known = {*systems(), "dynamics", "econnect"}
    return sorted({each for each in words if each.lower() in known or (each in GP_FIELDS and len(each) > 6)})


def circle_in(*packages: str) -> list[str]:
    """Modules that import each other in a circle, in that order; imports within functions and for types count."""
    graph = grimp.build_graph(*packages, cache_dir=None)
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_another_that_needs_it() -> None:
    assert circle_in(*PACKAGES) == []


def test_the_core_names_no_system_and_no_field_of_one() -> None:
    # migrations tell what the tables were, systems' names in their rows among it
    files = [path for path in CORE.rglob("*.py") if "migrations" not in path.parts]
    found = {str(path.relative_to(CORE)): names_of_systems_in(path.read_text()) for path in files}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param('hook = hooks["xero"]', ["xero"], id="code"),
        pytest.param("# RMDTYPAL: 1 invoice", ["RMDTYPAL"], id="field-in-a-comment"),
        pytest.param("as GP rounds (sources.md GP §5)", ["GP"], id="prose-beside-a-citation"),
        pytest.param("rounded half-up (sources.md GP §4, §5)", [], id="citation"),
    ],
)
def test_names_of_systems_are_seen_wherever_they_stand(text: str, names: list[str]) -> None:
    assert names_of_systems_in(text) == names
