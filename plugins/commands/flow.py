"""``ledgerbridge flow``: begin a flow, check it with every file it names, and draw its legs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from commands.files import add_folders, named_files, print_problems
from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows.checks import CheckedFlow, check_flow_file
from ledgerbridge.flows.config import FlowConfig, LegConfig
from ledgerbridge.flows.names import dag_of
from ledgerbridge.yaml_files import nearest

__all__ = ["register"]


def register(commands: Any) -> None:
    """Add ``flow new``, ``flow check`` and ``flow show``."""
    group = commands.add_parser("flow", help="begin, check and draw flows").add_subparsers(
        required=True, metavar="WHAT"
    )
    new = group.add_parser("new", help="write a flow of one leg, its DAG file, and what it needs of mappings and suite")
    new.add_argument("name", help="name of the flow, and of its DAG")
    new.add_argument("--from", dest="source", required=True, metavar="ENTITY", help="entity read, as xero.invoice")
    new.add_argument("--to", dest="target", required=True, metavar="ENTITY", help="entity written, as gp.sales_order")
    new.add_argument("--as", dest="canonical", metavar="RECORD", help="canonical record between them")
    new.add_argument("--owner", default="finance", help="who answers for it")
    new.add_argument("--dags", type=Path, metavar="FOLDER", help="where its DAG file goes (default: beside include)")
    add_folders(new)
    new.set_defaults(run=_new)
    check = group.add_parser("check", help="everything that is wrong with flows, their mappings and suites")
    check.add_argument("flows", nargs="*", help="flow files or their names (default: all, and every suite)")
    add_folders(check)
    check.set_defaults(run=_check)
    show = group.add_parser("show", help="the legs of a flow as a graph in text")
    show.add_argument("flow", help="flow file or its name")
    add_folders(show)
    show.set_defaults(run=_show)


def _check(options: argparse.Namespace) -> int:
    from commands.checks import flow_problems, suite_problems

    files = named_files(options, "flows", options.flows)
    problems = [problem for path in files for problem in flow_problems(path, options)]
    if not options.flows:
        for path in named_files(options, "expectations", []):
            problems += suite_problems(path)
    return print_problems(problems, f"{len(files)} flow{'s' if len(files) != 1 else ''}")


def _show(options: argparse.Namespace) -> int:
    (path,) = named_files(options, "flows", [options.flow])
    flow = check_flow_file(path, options.include)
    if flow.checked.content is None:
        flow.checked.raise_first()
    assert flow.checked.content is not None
    _draw(path.stem, flow, flow.checked.content)
    if flow.problems:
        print(f"{len(flow.problems)} problems: `ledgerbridge flow check {path.stem}` names them.")
    return 0


def _draw(name: str, flow: CheckedFlow, content: FlowConfig) -> None:
    print(f"{name} ({content.owner})\n  {content.description}\n")
    number = 0
    for stage_name, stage in content.stages.items():
        print(f"{dag_of(name, stage_name)} ({stage.schedule or 'started by hand or by events'})")
        if stage.description:
            print(f"  {stage.description}")
        print()
        for leg_name in content.in_order(stage_name):
            number += 1
            _draw_leg(number, leg_name, stage.legs[leg_name], flow)
        if stage.reconcile:
            print(f"{'then ' if stage.legs else ''}the books of {' and '.join(stage.reconcile)} are compared")


def _draw_leg(number: int, name: str, leg: LegConfig, flow: CheckedFlow) -> None:
    after = f"  after {', '.join(leg.after)}" if leg.after else ""
    print(f"{number:>3} {name}{after}")
    conform, suite = flow.mappings.get(leg.conform), flow.suites.get(leg.gate)
    canonical = conform.target if conform else "?"
    count = len(suite.content.expectations) if suite and suite.content else "?"
    print(f"      {leg.source}")
    print(f"        │ conform  {leg.conform}  → {canonical}")
    for rule, entities in leg.rules.items():
        looks = ", ".join(f"{key} {entity}" for key, entity in entities.items())
        print(f"        │ rule     {rule} ({looks})")
    print(f"        │ map      {leg.map}")
    stops = f", stops over {leg.stop_if_rejected_over} rejected" if leg.stop_if_rejected_over else ""
    print(f"        │ gate     {leg.gate} ({count} expectations{stops})")
    print(f"        ▼ load{f' in pool {leg.pool}' if leg.pool else ''}")
    print(f"      {leg.target}\n")


def _new(options: argparse.Namespace) -> int:
    from commands.stubs import flow_files

    files = flow_files(options.name, _asked(options))
    existing = [path for path in files if path.exists()]
    if existing:
        raise ConfigurationError(
            "LB-CFG-012",
            f"{', '.join(map(str, existing))} {'is' if len(existing) == 1 else 'are'} there already.",
            remedy="Take another name for the flow, or edit those files.",
        )
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        print(path)
    print(f"Fill in the mappings, then `ledgerbridge flow check {options.name}`.")
    return 0


def _asked(options: argparse.Namespace) -> Any:
    """What is asked for, every name of it known."""
    from commands.checks import offered
    from commands.stubs import Asked

    if not options.name.isidentifier():
        raise ConfigurationError(
            "LB-CFG-012", f'"{options.name}" is no name for a flow.', remedy="Use letters, digits and _ only."
        )
    for entity, role in ((options.source, "source"), (options.target, "target")):
        there = [each for each, roles in offered().items() if role in roles]
        _must_be_known(entity, there, f"{role} of any system")
    canonical = options.canonical or _canonical_for(options.source, options.target)
    canonical = canonical if canonical.startswith("canonical.") else f"canonical.{canonical}"
    _must_be_known(canonical, list(CANONICAL), "canonical record")
    dags = options.dags or options.include.parent / "dags"
    return Asked(options.source, options.target, canonical, options.owner, options.include, dags)


def _canonical_for(source: str, target: str) -> str:
    names = {name.removeprefix("canonical."): name for name in CANONICAL}
    for entity in (source, target):
        name = entity.partition(".")[2]
        for known in (name, f"sales_{name}"):
            if known in names:
                return names[known]
    raise ConfigurationError(
        "LB-CFG-012",
        f"which canonical record goes between {source} and {target} can't be told by their names.",
        remedy=f"Give --as with one of {', '.join(names)}.",
    )


def _must_be_known(name: str, known: list[str], what: str) -> None:
    if name not in known:
        hint = nearest(name, known)
        remedy = f'Did you mean "{hint}"?' if hint else f"There are: {', '.join(known)}."
        raise ConfigurationError("LB-CFG-012", f'"{name}" is no {what}.', remedy=remedy)
