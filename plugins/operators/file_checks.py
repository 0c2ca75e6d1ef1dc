"""What can be known to be wrong with the files users edit: their form, and every name in them."""

from __future__ import annotations

import csv
import logging
import warnings
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path

from ledgerbridge.canonical.rules import SETTINGS
from ledgerbridge.flows import Company, ComparedLegConfig, FlowConfig
from ledgerbridge.flows.checks import check_flow_file, place_of
from ledgerbridge.gates import check_suite_file
from ledgerbridge.mapping.checks import Role, check_entities, check_tables, check_target_fields, tables_of
from ledgerbridge.mapping.engine import check_mapping_file
from ledgerbridge.mapping.trial import given_lookups
from ledgerbridge.yaml_files import CheckedFile, Location, Problem, nearest

__all__ = ["flow_problems", "mapping_problems", "offered", "suite_problems", "table_problems", "tables_in"]

_TABLE = "LB-MAP-010"
OfCompany = Callable[[], Company]


@cache
def offered() -> dict[str, frozenset[Role]]:
    """Every entity of every system; read of the hooks once."""
    from hooks.systems import offered_entities

    return offered_entities()


def mapping_problems(path: Path, include: Path, company: OfCompany) -> list[Problem]:
    """Everything that is wrong with a mapping file; ``company`` gives the one it is for."""
    from hooks.systems import target_fields

    checked, _ = check_mapping_file(path)
    if checked.content is not None:
        of = company()
        check_tables(checked, given_lookups(include / "lookups", {}, of.tables(), of.time_zone))
        check_entities(checked, offered())
        if "target" in offered().get(checked.content.to, ()):
            check_target_fields(checked, target_fields(checked.content.to))
    return checked.problems


def tables_in(mapping: Path) -> set[str]:
    """The lookup tables that a mapping file reads; of one that can't be read none."""
    return _tables_in(mapping, mapping.read_bytes()) if mapping.is_file() else set()


@lru_cache(maxsize=512)
def _tables_in(mapping: Path, _content: bytes) -> set[str]:
    content = check_mapping_file(mapping)[0].content
    return set() if content is None else tables_of(content)


def table_problems(path: Path, include: Path, mappings: Iterable[str], company: OfCompany) -> list[Problem]:
    """
    Everything that is wrong with a lookup table: by itself, and with the mappings that read it.

    :param include: a folder in which it is the table.
    """
    problems = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        headings = next(rows, [])
        if not headings or len(set(headings)) < len(headings) or not all(headings):
            told = "the first line names no columns, or two alike."
            problems.append(Problem(path, 1, 1, told, "Name each column once, separated by commas.", _TABLE))
        for row in rows:
            if row and len(row) != len(headings):
                told = f"{len(row)} values, and there are {len(headings)} columns."
                remedy = "Give the line a value a column; one with a comma stands in quotes."
                problems.append(Problem(path, rows.line_num, 1, told, remedy, _TABLE))
    for name in mappings if not problems else ():
        problems += mapping_problems(include / "mappings" / f"{name}.yaml", include, company)
    return problems


def flow_problems(path: Path, include: Path, company: OfCompany) -> list[Problem]:
    """Everything that is wrong with a flow file and the files it names; ``company`` gives the one it is for."""
    from operators.systems import ledgers

    flow = check_flow_file(path, include)
    content = flow.checked.content
    if content is None:
        return flow.problems
    problems = list(flow.problems)
    for name, leg in content.legs.items():
        _must_offer(flow.checked, place_of(content, name, "from"), leg.source, "source")
        written: Role = "source" if isinstance(leg, ComparedLegConfig) else "target"
        _must_offer(flow.checked, place_of(content, name, "to"), leg.target, written)
        for rule, entities in leg.rules.items():
            for key, told in entities.items():
                for entity in told.split("+") if key not in SETTINGS else ():
                    _must_offer(flow.checked, place_of(content, name, "rules", rule, key), entity, None)
    for stage, config in content.stages.items():
        for index, ledger in enumerate(config.reconcile):
            if ledger not in ledgers():
                place = ("stages", stage, "reconcile", index)
                flow.checked.complain(place, f'"{ledger}" is no ledger.', _instead(ledger, ledgers()))
    _check_connections(flow.checked, content, company())
    for stem in flow.mappings:
        problems += mapping_problems(include / "mappings" / f"{stem}.yaml", include, company)
    for stem in flow.suites:
        problems += suite_problems(include / "expectations" / f"{stem}.yaml")
    return [*problems, *flow.checked.problems]


def suite_problems(path: Path) -> list[Problem]:
    """Everything that is wrong with a suite by itself."""
    # while it is imported, Great Expectations says hundreds of things that concern nobody here
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return check_suite_file(path, names=True).problems


def _must_offer(checked: CheckedFile[FlowConfig], location: Location, entity: str, role: Role | None) -> None:
    if entity not in offered() or (role is not None and role not in offered()[entity]):
        there = [each for each, roles in offered().items() if role is None or role in roles]
        what = f"{role} of any system" if role else "entity of any system"
        checked.complain(location, f'"{entity}" is no {what}.', _instead(entity, there))


def _check_connections(checked: CheckedFile[FlowConfig], flow: FlowConfig, company: Company) -> None:
    for name, leg in flow.for_company(company.without).legs.items():
        for key, entity in ("from", leg.source), ("to", leg.target):
            system = entity.partition(".")[0]
            if not company.connections.get(system) and entity in offered():
                checked.complain(
                    place_of(flow, name, key),
                    f"the company file names no connection for {system}.",
                    f"Add it there: `connections: {{{system}: <Airflow connection id>}}`; or, if there is no {system},"
                    f" say so: `without: [{system}]`.",
                )


def _instead(word: str, known: Iterable[str]) -> str:
    hint = nearest(word, known)
    return f'Did you mean "{hint}"?' if hint else f"There are: {', '.join(known)}."
