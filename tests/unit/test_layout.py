"""How the modules of the product lie to each other: arrows that no contract of import-linter can draw."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp

PACKAGES = ("pages", "operators", "notifications", "triggers", "hooks", "ledgerbridge")


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
