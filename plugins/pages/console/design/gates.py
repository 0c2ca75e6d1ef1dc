"""A gate as a list of expectations: what each is told, what is wrong, and what it makes of recent documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from ledgerbridge.expectations.menu import menu
from ledgerbridge.flows import company_keys
from ledgerbridge.flows.checks import check_columns
from ledgerbridge.gates import Suite, check_suite_file, run_suite
from ledgerbridge.mapping.engine import checked_mapping
from ledgerbridge.state.letter_list import Place
from ledgerbridge.unusual import Hint, Unusual, hints, seen_in
from ledgerbridge.yaml_edits import YamlText
from ledgerbridge.yaml_files import CheckedFile, Problem
from ledgerbridge.yaml_forms import Unshowable, form_of
from operators import settings
from operators.recorded import recent_documents
from pages.console.access import Access
from pages.console.design.drafted import drafted
from pages.console.design.edits import edited
from pages.console.design.files import is_live, legs_of, may_edit, may_see_values
from pages.console.design.flow_models import Edit
from pages.console.design.gate_models import (
    ArgumentOffered,
    ExpectationOffered,
    ExpectationView,
    GateField,
    GateTried,
    GateView,
    StoppedView,
    UnusualView,
)
from pages.console.design.models import ProblemView
from pages.console.looks import Look, note_looks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["expectations_in", "expectations_offered", "gate_edited", "gate_problems", "gate_view"]

_MOST = 500
"""Documents of a leg and company that a gate is tried on."""
_SHOWN = 100
_KEPT_SECONDS = 60
_ONE_AT_A_TIME = Lock()
"""Great Expectations keeps what it is told of in one context."""


def gate_view(access: Access, file: str, *, text: str | None = None) -> GateView:
    """
    A gate as the user's draft has it, or as it is live.

    :param text: as if this were their draft's.
    """
    known = drafted(access, file)
    written = known.text if text is None else text
    name = Path(file).stem
    parsed = YamlText(written, name)
    with _checked(file, written) as checked:
        problems = list(checked.problems)
        content = checked.content
        marks = {mark: place for place, mark in sorted(checked.marks.items(), key=lambda each: len(each[0]))}
    told = [(_problem(each), marks.get((each.line, each.column), ())) for each in problems]
    expectations, unusual = _expectations(parsed), _unusual(parsed)
    for problem, place in told:
        if unusual is not None and place[:1] == ("unusual",):
            unusual.problems.append(problem)
        if place[:1] == ("expectations",) and len(place) > 1 and int(place[1]) < len(expectations):
            expectations[int(place[1])].problems.append(problem)
    legs, tried, not_tried = _legs(file), None, ""
    if content is None or problems:
        not_tried = "Its problems come first."
    elif not legs:
        not_tried = "No leg uses it yet."
    else:
        try:
            tried = _tried(access, file, written, expectations, unusual)
            not_tried = "" if tried.documents else "No document has come to it yet."
        except ConfigurationError as error:  # an expectation that this field's values can't be judged by
            not_tried = f"{error.message} {error.remedy}"
    return GateView(
        file=file, name=name, text=written, description=content.description if content else "",
        may_edit=may_edit(access, file), publishes=settings.publishes(), draft=known.draft, others=known.others,
        history=known.history, used_by=sorted(legs_of(file)), entities=sorted({entity for *_, entity in legs}),
        is_new=not is_live(file), unusual=unusual, fields=_fields(file), expectations=expectations,
        problems=[problem for problem, _ in told], tried=tried, not_tried=not_tried,
        values=any(may_see_values(access, file, key) for key in company_keys(settings.companies_folder())),
    )  # fmt: skip


def expectations_in(text: str, name: str) -> list[ExpectationView]:
    """The expectations of a text, as far as they can be read."""
    return _expectations(YamlText(text, name))


def gate_edited(access: Access, file: str, edits: Sequence[Edit]) -> GateView:
    """A gate as these changes would make the user's draft; nothing is kept."""
    text = YamlText(drafted(access, file).text, Path(file).stem)
    return gate_view(access, file, text=edited(text, edits).text)


def gate_problems(file: str, text: str) -> list[Problem]:
    """Everything that is wrong with a gate, were this its text: by itself, and with what the legs using it make."""
    with _checked(file, text) as checked:
        return list(checked.problems)


def expectations_offered() -> list[ExpectationOffered]:
    """The menu of expectations."""
    with _ONE_AT_A_TIME:  # it is long to load
        offered = menu()
    return [
        ExpectationOffered(
            name=each.name, about=each.about, of_pairs=each.of_pairs,
            arguments=[
                ArgumentOffered(
                    name=one.name, kind=one.kind, needed=one.needed, about=one.about, choices=list(one.choices)
                )
                for one in each.arguments
            ],
        )
        for each in offered
    ]  # fmt: skip


@contextmanager
def _checked(file: str, text: str) -> Iterator[CheckedFile[Suite]]:
    with TemporaryDirectory(prefix="ledgerbridge-") as folder:
        path = Path(folder) / Path(file).name
        path.write_text(text, encoding="utf-8")
        with _ONE_AT_A_TIME:
            checked = check_suite_file(path, names=True)
        for mapping, made in _made(file).items():
            check_columns(checked, mapping, made)
        yield checked


def _made(file: str) -> dict[str, dict[str, set[str]]]:
    """The fields that each mapping makes whose documents come to a gate, by part."""
    mappings = settings.include_folder() / "mappings"
    found = {}
    for name in sorted({leg.map for leg in legs_of(file).values()}):
        compiled = checked_mapping(mappings / f"{name}.yaml")[1]
        if compiled is not None:
            found[name] = compiled.columns()
    return found


def _legs(file: str) -> list[tuple[str, str, str]]:
    """Flow, leg and target of what comes to a gate."""
    return [(*place.split(".", 1), leg.target) for place, leg in sorted(legs_of(file).items())]  # type: ignore[misc]


def _fields(file: str) -> list[GateField]:
    """Every field that a mapping before the gate makes; those of documents that were seen with their kind."""
    kinds: dict[tuple[str, str], str] = {}
    for key in company_keys(settings.companies_folder()):
        for flow, leg, _ in _legs(file):
            for part, frame in _documents(*_state(key), flow, leg, _now()).items():
                kinds |= {(part, str(name)): str(each) for name, each in frame.dtypes.items()}
    made = {(part, name) for parts in _made(file).values() for part, names in parts.items() for name in names}
    return [GateField(part=part, name=name, kind=kinds.get((part, name), "")) for part, name in sorted(made)]


def _expectations(text: YamlText) -> list[ExpectationView]:
    try:
        values = text.values
    except LedgerbridgeError:
        return []
    listed = values.get("expectations") if isinstance(values, dict) else None
    return [_expectation(text, at, each) for at, each in enumerate(listed if isinstance(listed, list) else ())]


def _expectation(text: YamlText, at: int, told: Any) -> ExpectationView:
    place = ("expectations", at)
    said = {key: each for key, each in told.items() if isinstance(each, str)} if isinstance(told, dict) else {}
    return ExpectationView(
        at=at, location=list(place), line=text.line(place), written=text.written(place),
        part=said.get("part", "header"), otherwise=said.get("otherwise", "reject"),
        arguments=_form(text, (*place, "arguments")) if isinstance(told, dict) and "arguments" in told else {},
        **{key: said.get(key, "") for key in ("expect", "column", "beside", "remedy")},
    )  # fmt: skip


def _unusual(text: YamlText) -> UnusualView | None:
    written = _written(text, "unusual")
    if not written:
        return None
    told = text.values.get("unusual")
    said = {key: each for key, each in told.items() if isinstance(each, str)} if isinstance(told, dict) else {}
    names = ("party", "amount", "date", "currency", "account")
    return UnusualView(
        **{name: said.get(name, "") for name in names}, otherwise=said.get("otherwise", "warn"), written=written
    )


def _form(text: YamlText, place: tuple[str | int, ...]) -> Any:
    """What is written at a place as a form shows it; its YAML where none can."""
    try:
        return form_of(text.written(place))
    except (Unshowable, ConfigurationError):
        return None


def _written(text: YamlText, key: str) -> str:
    try:
        return text.written((key,)) if key in text.keys(()) else ""
    except LedgerbridgeError:
        return ""


def _problem(problem: Problem) -> ProblemView:
    return ProblemView(line=problem.line, column=problem.column, message=problem.message, remedy=problem.remedy)


def _tried(
    access: Access, file: str, text: str, expectations: list[ExpectationView], unusual: UnusualView | None
) -> GateTried:
    """What the gate makes of the latest documents of each leg and company; values by role."""
    live = (settings.include_folder() / file).read_text(encoding="utf-8") if is_live(file) else ""
    tried = GateTried(documents=0, rejected=0, warned=0, live=0, stopped=[])
    stopped: list[StoppedView] = []
    for key in company_keys(settings.companies_folder()):
        sees = may_see_values(access, file, key)
        for flow, leg, entity in _legs(file):
            place = (*_state(key), flow, leg, _now())
            before, now = (_judged(each, *place) if each else _Judged(0, ()) for each in (live, text))
            passed_not = {each["record_key"] for each in before.failures if each["rejects"]}
            tried.documents += now.documents
            tried.live += len(passed_not)
            tried.rejected += len({each["record_key"] for each in now.failures if each["rejects"]})
            tried.warned += len({each["record_key"] for each in now.failures if not each["rejects"]})
            for each in now.failures:
                if each["position"] is not None:
                    expectations[each["position"]].stopped += 1
                elif unusual is not None:
                    unusual.found += 1
                stopped.append(
                    StoppedView(
                        company=key, leg=f"{flow}.{leg}", record_key=each["record_key"], field=each["field"],
                        expectation=each["position"], unusual=each.get("unusual", ""), rejects=each["rejects"],
                        value=each["value"] if sees else None,
                        newly=each["rejects"] and each["record_key"] not in passed_not,
                    )
                )  # fmt: skip
            if sees:
                shown = [Look(Place(key, flow, leg), entity, str(each["record_key"])) for each in now.failures]
                note_looks(access.name, shown[:_SHOWN])
    stopped.sort(key=lambda each: (not each.newly, not each.rejects))
    tried.stopped = stopped[:_SHOWN]
    return tried


@dataclass(frozen=True)
class _Judged:
    documents: int
    failures: tuple[dict[str, Any], ...]


@lru_cache(maxsize=256)
def _judged(text: str, state: str, company: str, flow: str, leg: str, now: int) -> _Judged:
    """What a gate of this text makes of a leg's latest documents; of a live one that can't be read nothing."""
    frames = _documents(state, company, flow, leg, now)
    if not frames:
        return _Judged(0, ())
    with TemporaryDirectory(prefix="ledgerbridge-") as folder:
        path = Path(folder) / "gate.yaml"
        path.write_text(text, encoding="utf-8")
        with _ONE_AT_A_TIME:
            checked = check_suite_file(path, names=True)
            if checked.content is None or checked.problems:
                return _Judged(len(frames["header"]), ())
            known = checked.content.expectations
            # what was staged before a mapping made a field has none to look at
            there = [at for at, each in enumerate(known) if set(each.columns) <= set(frames.get(each.part, ()))]
            suite = checked.content.model_copy(update={"name": "tried", "expectations": [known[at] for at in there]})
            result = run_suite(suite, frames)
    strange = [
        {"record_key": each.record_key, "field": each.field, "value": each.value, "position": None, "unusual": each.of,
         "rejects": by.otherwise == "reject"}
        for by in ([checked.content.unusual] if checked.content.unusual else ())
        for each in _strange(frames, by)
    ]  # fmt: skip
    failures = [
        {**each, "position": there[each["position"]], "rejects": rejects}
        for found, rejects in ((result.failures, True), (result.warnings, False))
        for each in found
    ]
    return _Judged(len(frames["header"]), (*failures, *strange))


def _strange(frames: Mapping[str, pd.DataFrame], by: Unusual) -> list[Hint]:
    """What is unusual of documents beside one another; nobody knows where they were staged before its fields were."""
    if not all(set(names) <= set(frames.get(part, ())) for part, names in by.columns.items()):
        return []
    return hints(seen_in(frames, by), (), (), by)


@lru_cache(maxsize=64)
def _documents(_state: str, company: str, flow: str, leg: str, _now: int) -> dict[str, pd.DataFrame]:
    """The latest documents that came to a leg's gate; not looked for anew at each stroke of a key."""
    return recent_documents(settings.state_engine(company, stays=True), company, flow, leg, _MOST)


def _state(company: str) -> tuple[str, str]:
    return str(settings.state_engine(company, stays=True).url), company


def _now() -> int:
    return int(monotonic() // _KEPT_SECONDS)
