"""What can be known to be wrong with a flow before it runs: its file, the files it names, and whether they fit."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Set
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from pathlib import Path

from ledgerbridge.canonical.rules import RULES, SETTINGS
from ledgerbridge.flows.config import FlowConfig
from ledgerbridge.flows.legs import LegConfig
from ledgerbridge.flows.sides import SideLegConfig
from ledgerbridge.gates import Suite, check_suite_file
from ledgerbridge.mapping.engine import Mapping, checked_mapping
from ledgerbridge.yaml_files import CheckedFile, Location, Problem, check_file, nearest, raise_first

__all__ = ["CheckedFlow", "check_columns", "check_flow_file", "load_flow", "place_of"]

_OF_A_TARGET = (("to",), ("map",), ("gate",))
_OF_A_SIDE = (("from",), ("conform",), *_OF_A_TARGET)


@dataclass
class CheckedFlow:
    """
    A flow file with the files it names.

    :param mappings: those that compile, by name; :param suites: those whose form is right, by name.
    """

    checked: CheckedFile[FlowConfig]
    mappings: dict[str, Mapping] = field(default_factory=dict)
    suites: dict[str, CheckedFile[Suite]] = field(default_factory=dict)
    _others: list[Problem] = field(default_factory=list)

    @property
    def problems(self) -> list[Problem]:
        """Everything that is wrong: with the flow file, then with the files it names."""
        return [*self.checked.problems, *self._others, *(each for s in self.suites.values() for each in s.problems)]


def load_flow(path: Path, include: Path) -> FlowConfig:
    """
    Read a flow file and check it with every file it names.

    :param include: the folder with ``mappings/`` and ``expectations/``.
    :raises ConfigurationError: anything wrong with it; names file, line, column, what is there, and the remedy.
    """
    flow = check_flow_file(path, include)
    raise_first(flow.problems)
    assert flow.checked.content is not None
    return flow.checked.content


def check_flow_file(path: Path, include: Path) -> CheckedFlow:
    """A flow file, the files it names, and everything that is wrong with them."""
    flow = CheckedFlow(check_file(path, FlowConfig, code="LB-CFG-003"))
    content = flow.checked.content
    if content is None:
        return flow
    known = {kind: _stems(include / kind) for kind in ("mappings", "expectations")}
    for name, leg in content.legs.items():
        _check_names(flow.checked, name, content, known)
        for stem in {*leg.mappings} & known["mappings"] - set(flow.mappings):
            problems, mapping = checked_mapping(include / "mappings" / f"{stem}.yaml")
            flow._others.extend(problems)
            if mapping is not None:
                flow.mappings[stem] = mapping
        for stem in {*leg.suites} & known["expectations"] - set(flow.suites):
            flow.suites[stem] = check_suite_file(include / "expectations" / f"{stem}.yaml")
        _check_chain(flow, name, content)
        _check_gate(flow, leg)
    for stage, config in content.stages.items():
        for place, name in enumerate(config.beside):
            if name not in _stems(include / "flows"):
                flow.checked.complain(
                    ("stages", stage, "beside", place),
                    f'stage "{stage}": `beside` names "{name}", which is not a file in include/flows.',
                    _instead(name, _stems(include / "flows")),
                )
        for name in sorted(config.waits.legs.keys() - content.legs.keys()):
            flow.checked.complain(
                ("stages", stage, "waits", "legs", name),
                f'stage "{stage}": `waits` names "{name}", which is not a leg of this flow.',
                f"Use one of {', '.join(content.legs)}.",
            )
    return flow


def _stems(folder: Path) -> set[str]:
    return {each.stem for each in folder.glob("*.yaml")}


def place_of(flow: FlowConfig, leg: str, *keys: str | int) -> Location:
    """Where something of a leg stands in a flow's file."""
    written, place = flow.branch_of.get(leg, (leg, 0))
    path: Location = ("stages", flow.stage_of[leg], "legs", written)
    if isinstance(flow.legs[leg], SideLegConfig) and keys[:1] in _OF_A_SIDE:
        side = place if keys[0] in ("from", "conform") else 1 - place  # the leg of the second side comes first
        return (*path, "sync", "sides", side, "entity" if keys[0] in ("from", "to") else keys[0])
    if leg in flow.branch_of and keys[:1] in _OF_A_TARGET:
        return (*path, "to", place, "entity" if keys[0] == "to" else keys[0])
    return (*path, *keys)


def _check_names(checked: CheckedFile[FlowConfig], name: str, flow: FlowConfig, known: dict[str, set[str]]) -> None:
    leg = flow.legs[name]
    for key, kind, stem in (
        *(("conform" if stem in leg.sources.values() else "map", "mappings", stem) for stem in leg.mappings),
        *(("gate", "expectations", stem) for stem in leg.suites),
    ):
        _must_know(checked, name, key, place_of(flow, name, key), stem, known[kind], f"a file in include/{kind}")
    for other in leg.after:
        _must_know(checked, name, "after", place_of(flow, name, "after"), other, flow.legs, "a leg of this flow")
        if other in flow.legs and flow.stage_of[other] != flow.stage_of[name] and flow.legs[other].source != leg.source:
            checked.complain(
                place_of(flow, name, "after"),
                f'leg "{name}" takes {leg.source}; `after` names "{other}" of the stage {flow.stage_of[other]}, which'
                f" takes {flow.legs[other].source}.",
                f"Stages run by themselves: move one of the legs, or let a rule hold what has to wait for {other}.",
            )
    for rule, entities in leg.rules.items():
        place = place_of(flow, name, "rules", rule)
        _must_know(checked, name, "rules", place, rule, RULES, "a rule")
        if rule in RULES:
            parameters = inspect.signature(RULES[rule]).parameters.values()
            takes = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
            for entity in entities:
                _must_know(checked, name, "rules", (*place, entity), entity, takes, f"what {rule} looks at")
                allowed = SETTINGS.get(entity)
                if allowed is not None and not re.fullmatch(allowed, entities[entity]):
                    checked.complain(
                        (*place, entity),
                        f'leg "{name}": `{entity}` is "{entities[entity]}", {allowed} is expected.',
                        "Correct it.",
                    )
                for other in re.split(r"[+/]", entities[entity]) if entity == "made_by" else ():
                    _must_know(checked, name, "rules", (*place, entity), other, flow.legs, "a leg of this flow")
            for missing in sorted(set(takes) - set(entities)):
                checked.complain(
                    place, f'leg "{name}": rule {rule} is not told `{missing}`.', f"Add `{missing}: <entity>` to it."
                )


def _check_chain(flow: CheckedFlow, name: str, content: FlowConfig) -> None:
    leg = content.legs[name]
    conform, mapping = flow.mappings.get(leg.conform), flow.mappings.get(leg.map)
    links = []
    if conform is not None:
        links.append(("conform", f"mapping {leg.conform} reads", conform.source, leg.source))
    if mapping is not None:
        links.append(("map", f"mapping {leg.map} makes", mapping.target, leg.target))
    if conform is not None and mapping is not None:
        links.append(("map", f"mapping {leg.map} reads", mapping.source, conform.target))
    for key, does, found, needed in links:
        if found != needed:
            flow.checked.complain(
                place_of(content, name, key),
                f'leg "{name}": {does} {found}, the leg needs {needed}.',
                "Name another mapping here, or correct `from` and `to` in the mapping.",
            )


def _check_gate(flow: CheckedFlow, leg: LegConfig) -> None:
    """A column that the mapping does not make would be a gate that lets everything pass."""
    suite, mapping = flow.suites.get(leg.gate), flow.mappings.get(leg.map)
    if suite is None or suite.content is None or mapping is None:
        return
    check_columns(suite, leg.map, mapping.columns())


def check_columns(suite: CheckedFile[Suite], mapping: str, made: Dict[str, Set[str]]) -> None:
    """Complain of every field of a suite that a mapping does not make; ``made``: those it does, by part."""
    for index, each in enumerate(suite.content.expectations if suite.content else ()):
        place: Location = ("expectations", index)
        if each.part not in made:
            suite.complain(
                (*place, "part"), f'mapping {mapping} makes no part "{each.part}".', _instead(each.part, made)
            )
            continue
        for key, column in zip(("column", "beside"), each.columns, strict=False):
            if column not in made[each.part]:
                suite.complain(
                    (*place, key),
                    f'mapping {mapping} makes no "{column}" in {each.part}.',
                    _instead(column, sorted(made[each.part])),
                )
    unusual = suite.content.unusual if suite.content else None
    for key in ("party", "amount", "date", "currency", "account") if unusual else ():
        name, part = getattr(unusual, key), "lines" if key == "account" else "header"
        if name and part in made and name not in made[part]:
            suite.complain(
                ("unusual", key), f'mapping {mapping} makes no "{name}" in {part}.', _instead(name, sorted(made[part]))
            )


def _must_know(
    checked: CheckedFile[FlowConfig],
    leg: str,
    key: str,
    location: Location,
    name: str,
    known: Iterable[str],
    what: str,
) -> None:
    if name not in known:
        checked.complain(location, f'leg "{leg}": `{key}` names "{name}", which is not {what}.', _instead(name, known))


def _instead(word: str, known: Iterable[str]) -> str:
    hint = nearest(word, known)
    return f'Did you mean "{hint}"?' if hint else f"There are: {', '.join(sorted(known)) or 'none'}."
