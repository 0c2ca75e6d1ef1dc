"""A flow as a drawing: stages, legs, targets, and what is wrong at each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import FlowConfig, company_keys
from ledgerbridge.flows.checks import place_of
from ledgerbridge.yaml_edits import YamlText
from ledgerbridge.yaml_files import Location, Problem, check_file
from operators import settings
from operators.file_checks import flow_problems
from pages.console.access import Access
from pages.console.design.beginnings import with_new_files
from pages.console.design.drafted import drafted
from pages.console.design.edits import edited
from pages.console.design.files import may_edit
from pages.console.design.flow_models import (
    Edit,
    FlowProblem,
    FlowView,
    LegNode,
    RuleNode,
    StageNode,
    TargetNode,
)

__all__ = ["FlowCheck", "checked_flow", "flow_edited", "flow_view", "stages_in"]

_NO_SETTINGS = {"description", "owner", "stages", "alerts"}


def flow_view(access: Access, file: str, *, text: str | None = None) -> FlowView:
    """
    A flow as the user's draft has it, or as it is live.

    :param text: as if this were their draft's.
    """
    known = drafted(access, file)
    written = known.text if text is None else text
    name = Path(file).stem
    content = _Tree(YamlText(written, name))
    top = content.of(())
    alerts = content.of(("alerts",))
    return FlowView(
        file=file, name=name, text=written, description=_text(top.get("description")), owner=_text(top.get("owner")),
        settings={key: _text(each) for key, each in top.items() if key not in _NO_SETTINGS and _text(each)},
        alerts={key: _text(each) for key, each in alerts.items() if key != "expect"},
        expect={key: _text(each) for key, each in content.of(("alerts", "expect")).items()},
        stages=stages_in(written, name),
        problems=[told for _, told in checked_flow(access, file, written).problems],
        may_edit=may_edit(access, file), publishes=settings.publishes(), draft=known.draft, others=known.others,
        history=known.history,
    )  # fmt: skip


def stages_in(text: str, name: str) -> list[StageNode]:
    """What a text draws, as far as it can be read."""
    content = _Tree(YamlText(text, name))
    return [_stage(content, ("stages", key)) for key in content.of(("stages",))]


def flow_edited(access: Access, file: str, edits: Sequence[Edit]) -> FlowView:
    """A flow as these changes would make the user's draft; nothing is kept."""
    text = YamlText(drafted(access, file).text, Path(file).stem)
    return flow_view(access, file, text=edited(text, edits).text)


@dataclass(frozen=True)
class FlowCheck:
    """A flow as far as it can be read, and everything that is wrong with it, each with where it is told."""

    content: FlowConfig | None
    problems: list[tuple[Problem, FlowProblem]]


def checked_flow(access: Access, file: str, text: str) -> FlowCheck:
    """A flow, were this its text, with the user's new mappings and gates."""
    company = settings.company(company_keys(settings.companies_folder())[0])
    with _as_file(file, text) as path, with_new_files(access) as include:
        problems = flow_problems(path, include, lambda: company)
        checked = check_file(path, FlowConfig, code="LB-CFG-003")
        places = {mark: place for place, mark in sorted(checked.marks.items(), key=lambda each: len(each[0]))}
        told = [(each, _problem(each, path, checked.content, places)) for each in dict.fromkeys(problems)]
        return FlowCheck(checked.content, told)


@contextmanager
def _as_file(file: str, text: str) -> Iterator[Path]:
    """A file with this text, under the name it would have."""
    with TemporaryDirectory(prefix="ledgerbridge-") as folder:
        path = Path(folder) / Path(file).name
        path.write_text(text, encoding="utf-8")
        yield path


def _problem(
    problem: Problem, path: Path, flow: FlowConfig | None, places: Mapping[tuple[int, int], Location]
) -> FlowProblem:
    kind, stem = problem.path.parent.name, problem.path.stem
    if problem.path == path:
        file, place = f"flows/{stem}.yaml", places.get((problem.line, problem.column), ())
    else:
        file, place = f"{kind}/{stem}.yaml", _user_of(flow, kind, stem)
    return FlowProblem(
        file=file, line=problem.line, column=problem.column, message=problem.message, remedy=problem.remedy,
        at=list(place),
    )  # fmt: skip


def _user_of(flow: FlowConfig | None, kind: str, stem: str) -> Location:
    """Where a flow names a mapping or suite first."""
    if flow is None:
        return ()
    for name, leg in flow.legs.items():
        if kind == "expectations" and stem in leg.suites:
            return place_of(flow, name, "gate")
        if kind == "mappings" and stem in leg.mappings:
            return place_of(flow, name, "conform" if stem in leg.sources.values() else "map")
    return ()


class _Tree:
    """What a file holds, every value a text; of one that can't be read nothing."""

    def __init__(self, text: YamlText) -> None:
        self.text = text
        try:
            self._content: Any = text.values
        except LedgerbridgeError:
            self._content = {}

    def at(self, place: Location) -> Any:
        found = self._content
        for step in place:
            if isinstance(found, dict):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                return None
        return found

    def of(self, place: Location) -> dict[str, Any]:
        """A mapping; what is none is empty."""
        found = self.at(place)
        return found if isinstance(found, dict) else {}

    def items(self, place: Location) -> list[Any]:
        """A list; what is one value is a list of it."""
        found = self.at(place)
        return found if isinstance(found, list) else [found] if found else []

    def node(self, place: Location) -> dict[str, Any]:
        """What every node says; of what is written by an alias, what is said of the alias."""
        place = self.text.standing(place)
        return {"location": list(place), "line": self.text.line(place), "written": self.text.written(place)}


def _stage(tree: _Tree, place: Location) -> StageNode:
    told, schedule = tree.of(place), tree.of((*place, "schedule"))
    return StageNode(
        **tree.node(place), name=str(place[-1]), description=_text(told.get("description")),
        cron=_text(schedule.get("cron")), events=_text(schedule.get("events")) == "true",
        can_wait=_text(told.get("can_wait")) == "true", at_once=_text(told.get("at_once")),
        reconcile=_texts(tree.items((*place, "reconcile"))), beside=_texts(tree.items((*place, "beside"))),
        legs=[_leg(tree, (*place, "legs", key)) for key in tree.of((*place, "legs"))],
    )  # fmt: skip


def _leg(tree: _Tree, place: Location) -> LegNode:
    told, name = tree.of(place), str(place[-1])
    if "sync" in told:
        sides = [(*place, "sync", "sides", at) for at in range(len(tree.items((*place, "sync", "sides"))))]
        targets = [_target(tree, each, name, tree.of(each)) for each in sides]
        kind = "sides"
    elif isinstance(told.get("to"), list):
        branches = [(*place, "to", at) for at in range(len(told["to"]))]
        targets = [_target(tree, each, name, tree.of(each)) for each in branches]
        kind = "several"
    else:
        targets = [_target(tree, place, name, {**told, "entity": told["to"], "after": []})] if "to" in told else []
        kind = "one"
    return LegNode(
        **tree.node(place), name=name, kind=kind, conform=_text(told.get("conform")),
        sources=[each.entity for each in targets] if kind == "sides" else _texts([told.get("from")]),
        rules=[
            RuleNode(
                **tree.node((*place, "rules", rule)), name=rule,
                settings={key: _text(each) for key, each in tree.of((*place, "rules", rule)).items()},
            )
            for rule in tree.of((*place, "rules"))
        ],
        after=_texts(tree.items((*place, "after"))), max_records=_text(told.get("max_records")),
        stop_if_rejected_over=_text(told.get("stop_if_rejected_over")), targets=targets,
    )  # fmt: skip


def _target(tree: _Tree, place: Location, leg: str, told: Mapping[str, Any]) -> TargetNode:
    entity = _text(told.get("entity"))
    called = _text(told.get("name")) or entity.partition(".")[0]
    after = told.get("after")
    return TargetNode(
        **tree.node(place), leg=leg if place[-1] == leg else f"{leg}_{called}", name=_text(told.get("name")),
        entity=entity, after=_texts(after if isinstance(after, list) else [after]),
        **{key: _text(told.get(key)) for key in ("map", "gate", "pool", "match", "conform", "by_hand")},
    )  # fmt: skip


def _texts(values: Sequence[Any]) -> list[str]:
    return [each for each in map(_text, values) if each]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
