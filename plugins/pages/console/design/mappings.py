"""A mapping as a table: each target field with its rule, what it makes of recent records, and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from ledgerbridge.delivery import plain
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import Company, company_keys
from ledgerbridge.mapping import Lookups
from ledgerbridge.mapping import Mapping as CompiledMapping
from ledgerbridge.mapping.engine import check_mapping_file
from ledgerbridge.mapping.explain import field_in_words
from ledgerbridge.mapping.lineage import sources_of
from ledgerbridge.mapping.model import CHILDREN, PART_OPTIONS, MappingFile, Rule
from ledgerbridge.mapping.reads import reads_of_rule
from ledgerbridge.mapping.rows import is_helper
from ledgerbridge.mapping.trial import Trial, try_mapping
from ledgerbridge.pipeline.shadow import Answered
from ledgerbridge.state.letter_list import Place
from ledgerbridge.state.reader import DatabaseReader
from ledgerbridge.suggest.linking import rows_of
from ledgerbridge.yaml_edits import YamlText, with_written
from ledgerbridge.yaml_files import CheckedFile, Location, Problem
from ledgerbridge.yaml_forms import Unshowable, form_of
from operators import settings
from operators.file_checks import mapping_problems
from operators.recorded import kept_answers, recent_canonical, recent_raw
from pages.console.access import Access
from pages.console.design.drafted import drafted
from pages.console.design.files import is_live, legs_of, may_edit, may_see_values
from pages.console.design.models import (
    FailureView,
    FieldView,
    MappingView,
    OptionView,
    OriginView,
    PieceView,
    ProblemView,
)
from pages.console.looks import Look, note_looks

__all__ = ["fields_in", "mapping_view", "previewed", "samples_of", "text_of"]

_SAMPLES = 5
_KEPT_SECONDS = 60
_ROWS = 3
_LONGEST = 200
_AT = re.compile(r":(\d+) \(")
"""The line in a failure's rule, as the compiled mapping names it."""


def mapping_view(access: Access, file: str, *, text: str | None = None) -> MappingView:
    """
    A mapping as the user's draft has it, or as it is live.

    :param text: as if this were their draft's.
    """
    include, known = settings.include_folder(), drafted(access, file)
    written = known.text if text is None else text
    company, values = _company(access, file)
    name = Path(file).stem
    with TemporaryDirectory(prefix="ledgerbridge-") as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(written, encoding="utf-8")
        problems = mapping_problems(path, include, lambda: company)
        checked, compiled = check_mapping_file(path)
    parsed = YamlText(written, name)  # read once
    fields, options = _fields(parsed, checked.content), _options(parsed)
    _put_problems(fields, problems)
    trials: list[Trial] = []
    if compiled is not None and checked.content is not None and not problems:
        trials = _trials(access, file, checked.content, compiled, company, look=values)
        _put_samples(fields, checked, trials, values=values)
    content = checked.content
    return MappingView(
        file=file, name=name, text=written, used_by=sorted(legs_of(file)), fields=fields,
        reads=content.from_ if content else "", writes=content.to if content else "",
        description=content.description if content else "",
        parts=list(dict.fromkeys(each.part for each in fields)), is_new=not is_live(file), options=options,
        pieces=_piece_views(parsed),
        required=sum(each.required for each in fields), problems=[_problem(each, fields) for each in problems],
        samples=[each.key for each in trials], values=values, may_edit=may_edit(access, file),
        publishes=settings.publishes(), drift=content.drift if content else "warn", draft=known.draft,
        others=known.others, history=known.history,
    )  # fmt: skip


def fields_in(text: str, name: str) -> list[FieldView]:
    """The rules of a text, as far as they can be read, without what they make of records."""
    with TemporaryDirectory(prefix="ledgerbridge-") as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return _fields(YamlText(text, name), check_mapping_file(path)[0].content)


def previewed(access: Access, file: str, location: Sequence[str | int], written: str) -> MappingView:
    """A mapping with one rule as it is being written; nothing is kept."""
    return mapping_view(access, file, text=with_written(text_of(access, file), tuple(location), written).text)


def text_of(access: Access, file: str) -> YamlText:
    """A mapping's text as the user's draft has it, or as it is live."""
    return YamlText(drafted(access, file).text, Path(file).stem)


def samples_of(access: Access, file: str, reads: str) -> list[dict[str, Any]]:
    """The latest records of an entity that went through a mapping, for whoever may see their values."""
    company, values = _company(access, file)
    engine = settings.state_engine(company.key, stays=True)
    return list(_samples(str(engine.url), company.key, file, reads, _now())) if values else []


def _company(access: Access, file: str) -> tuple[Company, bool]:
    """The first company whose values the user may see, else the first; and whether they may."""
    keys = company_keys(settings.companies_folder())
    seen = [key for key in keys if may_see_values(access, file, key)]
    return settings.company((seen or keys)[0]), bool(seen)


def _fields(text: YamlText, content: MappingFile | None) -> list[FieldView]:
    """Every field that is written, whether or not the file as a whole can be read."""
    found: list[FieldView] = []
    try:
        parts = text.keys(())
    except LedgerbridgeError:
        return []
    for part in [each for each in ("header", *CHILDREN) if each in parts]:
        for location, number in _pieces(text, part):
            for field in text.keys(location):
                if field not in PART_OPTIONS:
                    found.append(_field(text, content, part, number, (*location, field)))
    return found


def _pieces(text: YamlText, part: str) -> list[tuple[Location, int | None]]:
    """Where the rules of a part stand."""
    places = _places(text, part)
    return [((*place, "fields") if "fields" in text.keys(place) else place, number) for place, number in places]


def _places(text: YamlText, part: str) -> list[tuple[Location, int | None]]:
    """Where a part stands; several lists of rules are numbered."""
    items = text.items((part,))
    return [((part,), None)] if items is None else [((part, number), number) for number in range(items)]


def _field(
    text: YamlText, content: MappingFile | None, part: str, number: int | None, location: tuple[str | int, ...]
) -> FieldView:
    name = str(location[-1])
    shown = FieldView(
        part=part, number=number, field=name, location=list(location), line=text.line(location),
        last_line=text.last_line(location), rule=text.written(location), is_helper=is_helper(name),
    )  # fmt: skip
    rule = _rule(content, part, number or 0, name)
    shown.form, shown.no_form = _form(shown.rule)
    if content is not None and rule is not None:
        piece = content.parts()[part][number or 0]
        shown.origins = [OriginView(path=path, direct=direct) for path, direct in sources_of(piece, name).items()]
        shown.words = field_in_words(name, rule, content)
        shown.source = list(dict.fromkeys(read.path for read in reads_of_rule(rule, ())))
        shown.required = rule.required
    return shown


def _rule(content: MappingFile | None, part: str, number: int, name: str) -> Rule | None:
    pieces = content.parts().get(part, []) if content is not None else []
    return pieces[number].fields.get(name) if number < len(pieces) else None


def _options(text: YamlText) -> list[OptionView]:
    """What each part says beside its fields, and what it may."""
    found = []
    try:
        parts = text.keys(())
    except LedgerbridgeError:
        return []
    for part in [each for each in ("header", *CHILDREN) if each in parts]:
        for place, number in _places(text, part):
            there = text.keys(place)
            for option in PART_OPTIONS:
                location = (*place, option)
                written = text.written(location) if option in there else ""
                form, no_form = _form(written) if option in there else (None, None)
                found.append(
                    OptionView(
                        part=part, number=number, option=option, location=list(location), is_there=option in there,
                        rule=written, form=form, no_form=no_form, line=text.line(location if written else place),
                    )
                )  # fmt: skip
    return found


def _piece_views(text: YamlText) -> list[PieceView]:
    try:
        parts = text.keys(())
    except LedgerbridgeError:
        return []
    there = [each for each in ("header", *CHILDREN) if each in parts]
    return [
        PieceView(part=part, number=number, location=list(place), each=rows_of(text, part, number or 0) or "header")
        for part in there
        for place, number in _pieces(text, part)
    ]


def _form(written: str) -> tuple[Any, str | None]:
    try:
        return form_of(written), None
    except Unshowable as error:
        return None, str(error)


def _put_problems(fields: list[FieldView], problems: Sequence[Problem]) -> None:
    for each in problems:
        field = _at_line(fields, each.line)
        if field is not None:
            field.problems.append(_problem(each, fields))


def _problem(problem: Problem, fields: list[FieldView]) -> ProblemView:
    field = _at_line(fields, problem.line)
    return ProblemView(
        line=problem.line, column=problem.column, message=problem.message, remedy=problem.remedy,
        field=None if field is None else field.field,
    )  # fmt: skip


def _at_line(fields: Sequence[FieldView], line: int) -> FieldView | None:
    """The field whose rule stands there."""
    return next((each for each in fields if each.line <= line <= each.last_line), None)


def _trials(
    access: Access, file: str, content: MappingFile, compiled: CompiledMapping, company: Company, *, look: bool
) -> list[Trial]:
    """What the mapping makes of the latest records, answered by what is kept."""
    engine = settings.state_engine(company.key, stays=True)
    now = _now()
    records = _samples(str(engine.url), company.key, file, content.from_, now)
    if look:
        _tell_look(access.name, str(engine.url), company.key, file, content.from_, now)
    tables = settings.lookups_folder()
    lookups = Lookups(
        tables, company.tables(), DatabaseReader(engine), Answered(kept_answers(company, engine)), company.time_zone
    )
    return try_mapping(compiled, list(records), lookups)


def _now() -> int:
    return int(monotonic() // _KEPT_SECONDS)


@lru_cache(maxsize=64)
def _samples(_state: str, company: str, file: str, reads: str, _now: int) -> tuple[dict[str, Any], ...]:
    """The latest records that went through a mapping; not looked for anew at each stroke of a key."""
    engine = settings.state_engine(company, stays=True)
    if not reads.startswith("canonical."):
        return tuple(recent_raw(engine, company, reads, _SAMPLES))
    records: list[dict[str, Any]] = []
    for flow, _, leg in (each.partition(".") for each in sorted(legs_of(file))):
        if len(records) < _SAMPLES:
            records += recent_canonical(engine, company, flow, leg, _SAMPLES - len(records))
    return tuple(records)


@lru_cache(maxsize=256)
def _tell_look(user: str, state: str, company: str, file: str, reads: str, now: int) -> None:
    """Tell the audit whose values somebody is shown."""
    legs = sorted(legs_of(file))
    if legs:
        flow, _, leg = legs[0].partition(".")
        samples = _samples(state, company, file, reads, now)
        note_looks(user, [Look(Place(company, flow, leg), reads, str(each["key"])) for each in samples])


def _put_samples(
    fields: list[FieldView], checked: CheckedFile[MappingFile], trials: Sequence[Trial], *, values: bool
) -> None:
    for trial in trials:
        for error in trial.errors:
            line = _AT.search(str(error["rule"]))
            field = _at_line(fields, int(line.group(1))) if line else None
            if field is None:
                field = next((each for each in fields if each.field == error["field"]), None)
            if field is not None:
                field.failures.append(
                    FailureView(
                        sample=trial.key, code=error["code"], message=error["message"] if values else None,
                        remedy=error["remedy"] if values else None,
                    )
                )  # fmt: skip
        if values:
            for field in fields:
                field.after.append(_made(trial, field))
                field.before.append(_read(trial.before, field, checked.content))


def _made(trial: Trial, field: FieldView) -> str:
    return _shown([row.get(field.field) for row in trial.after.get(field.part, [])])


def _read(record: Dict[str, Any], field: FieldView, content: MappingFile | None) -> str:
    """What the paths of a rule hold, as far as they are plain ones."""
    assert content is not None
    part = content.parts()[field.part][field.number or 0]
    rows = _at_path(record, part.each) if part.each not in (None, "header") else [record.get("header", record)]
    found = []
    for path in field.source:
        within = path.startswith("$.")
        of = [record] if within else rows
        found += [value for row in of for value in _at_path(row, path.removeprefix("$."))]
    return _shown(found)


def _at_path(record: Any, path: str | None) -> list[Any]:
    found = [record]
    for step in (path or "").split("."):
        inner = [each[step] for each in found if isinstance(each, dict) and step in each]
        found = [one for each in inner for one in (each if isinstance(each, list) else [each])]
    return found


def _shown(values: Sequence[Any]) -> str:
    texts = [str(plain(each))[:_LONGEST] for each in values if each is not None]
    more = f" … {len(texts) - _ROWS} more" if len(texts) > _ROWS else ""
    return " · ".join(texts[:_ROWS]) + more
