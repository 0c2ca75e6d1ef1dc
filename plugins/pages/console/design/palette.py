"""What a flow can be made of: the systems' entities, rules, mappings, gates, pools."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.canonical.rules import RULES, SETTINGS
from ledgerbridge.flows import LegConfig
from ledgerbridge.gates import check_suite_file
from ledgerbridge.mapping.model import MappingFile
from ledgerbridge.yaml_files import check_file
from operators.file_checks import offered
from operators.systems import ledgers
from pages.console.access import Access
from pages.console.design.beginnings import with_new_files
from pages.console.design.files import may_edit
from pages.console.design.flow_models import EntityOffered, MappingOffered, PaletteView, RuleOffered, SuiteOffered
from pages.console.flow_files import flows

__all__ = ["palette"]


def palette(access: Access) -> PaletteView:
    """
    Everything that a flow can name here.

    :raises PermissionError: the user may edit no flow.
    """
    if not any(may_edit(access, f"flows/{name}.yaml") for name in flows()):
        raise PermissionError("Those see what flows can be made of who may edit one.")
    legs = [leg for flow in flows().values() for leg in flow.legs.values()]
    with with_new_files(access) as include:
        return _offered(legs, include)


def _offered(legs: Sequence[LegConfig], include: Path) -> PaletteView:
    return PaletteView(
        entities=[
            EntityOffered(name=name, is_source="source" in roles, is_target="target" in roles)
            for name, roles in sorted(offered().items())
        ],
        canonical=sorted(CANONICAL),
        rules=_rules(),
        mappings=_mappings(include),
        suites=_suites(include, {(leg.gate, leg.target) for leg in legs}),
        pools=sorted({leg.pool for leg in legs if leg.pool}),
        ledgers=sorted(ledgers()),
    )


@cache
def _rules() -> list[RuleOffered]:
    found = []
    for name, rule in sorted(RULES.items()):
        parameters = inspect.signature(rule).parameters.values()
        told = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
        words = (inspect.getdoc(rule) or "").partition("\n\n")[0].replace("\n", " ")
        found.append(
            RuleOffered(name=name, description=words, settings={each: SETTINGS.get(each, "") for each in told})
        )
    return found


def _mappings(include: Path) -> list[MappingOffered]:
    found = []
    for path in sorted((include / "mappings").glob("*.yaml")):
        content = check_file(path, MappingFile, code="LB-CFG-002").content
        if content is not None:
            found.append(MappingOffered(name=path.stem, reads=content.from_, writes=content.to))
    return found


def _suites(include: Path, used: set[tuple[str, str]]) -> list[SuiteOffered]:
    found = []
    for path in sorted((include / "expectations").glob("*.yaml")):
        content = check_suite_file(path).content
        found.append(
            SuiteOffered(
                name=path.stem, description=content.description if content else "",
                expectations=len(content.expectations) if content else 0,
                entities=sorted(entity for suite, entity in used if suite == path.stem),
            )
        )  # fmt: skip
    return found
