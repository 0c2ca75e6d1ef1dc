"""Both sides of a mapping, their fields, and what is suggested for those of the target that have no rule."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from hooks.described import known_entity
from ledgerbridge.drafts.publish import live_text
from ledgerbridge.drafts.store import begin, keep, open_draft
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.mapping.expression import FUNCTIONS
from ledgerbridge.mapping.model import MappingFile
from ledgerbridge.schemas import schema_text
from ledgerbridge.state import transaction
from ledgerbridge.suggest import (
    Decided,
    Entity,
    Field,
    Known,
    Suggestion,
    decide,
    fields_of_records,
    known_names,
    mappings_in,
    read_decisions,
    suggest,
    with_accepted,
    with_decisions,
    with_samples,
)
from ledgerbridge.suggest.drafting import each_of, rule_for
from ledgerbridge.suggest.linking import linked, place_of_rule, rows_of
from ledgerbridge.yaml_edits import YamlText
from ledgerbridge.yaml_files import nearest
from operators import settings
from pages.console.access import Access
from pages.console.design.files import must_edit
from pages.console.design.mappings import samples_of, text_of
from pages.console.design.models import (
    CandidateView,
    DecisionsAsked,
    LanguageView,
    LineAsked,
    PairAsked,
    SideField,
    SidesView,
    SuggestionView,
)

__all__ = ["decide_suggestions", "draw_line", "language", "sides_of"]

_CANONICAL, _CUSTOM = "canonical.", "custom."
_UNKNOWN_FIELD = "LB-SUG-006"


def language() -> LanguageView:
    """What rules may say."""
    tables = sorted(path.stem for path in settings.lookups_folder().glob("*.csv"))
    return LanguageView(mapping_schema=_schema(), functions=list(FUNCTIONS), tables=tables)


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_text(MappingFile))
    return schema


def sides_of(access: Access, file: str) -> SidesView:
    """The fields of both sides, and the suggestions."""
    text = text_of(access, file)
    source, target = _entities(access, file, text)
    found = _suggested(source, target)
    return SidesView(
        source=[_field(each) for each in source.fields],
        target=[_field(each) for each in target.fields],
        suggestions=[_suggestion(each, text, source, found) for each in found if not _is_filled(text, each.target)],
    )


def draw_line(access: Access, file: str, asked: LineAsked) -> None:
    """
    Let a source field go into a target field, in the user's draft.

    :raises LedgerbridgeError: there is no such field, no line says it, or the draft was changed in another window.
    """
    must_edit(access, file)
    _link(access, file, asked.seen, [asked], asked.number)


def decide_suggestions(access: Access, file: str, asked: DecisionsAsked) -> None:
    """
    Take suggestions into the user's draft, refuse others, and remember both as `ledgerbridge suggest` does.

    :raises LedgerbridgeError: as ``draw_line``, or nothing can be remembered.
    """
    must_edit(access, file)
    _link(access, file, asked.seen, asked.accepted, 0, refused=asked.refused, is_decided=True)


def _link(
    access: Access, file: str, seen: int, wanted: Sequence[PairAsked], number: int, *,
    refused: Sequence[PairAsked] = (), is_decided: bool = False,
) -> None:  # fmt: skip
    text = text_of(access, file)
    source, target = _entities(access, file, text)
    pairs = [(_known_field(source, each.source), _known_field(target, each.target)) for each in wanted]
    turned_down = [(_known_field(target, each.target), _known_field(source, each.source)) for each in refused]
    suggestions = _suggested(source, target)
    with transaction(settings.state_engine(stays=True)) as opened:
        if pairs:
            known = open_draft(opened, file, access.name)
            draft = begin(opened, file, live_text(settings.include_folder(), file), access.name)
            written = YamlText(draft.text, Path(file).stem)
            for best, to in pairs:
                written = linked(written, source, best, to, number, _rows_for(best, to, suggestions))
            keep(opened, file, access.name, draft.version if known is None else seen, written.text)
        if is_decided:
            decide(
                settings.include_folder() / "suggestions.yaml",
                f"{source.name} -> {target.name}",
                accepted=[(to.path, best.path) for best, to in pairs],
                refused=[(to.path, one.path) for to, one in turned_down],
            )


def _rows_for(best: Field, to: Field, suggestions: Iterable[Suggestion]) -> str:
    """Where the rows of a part come from that a mapping does not have yet."""
    if best.part != "header":
        return best.part
    return each_of(to.part, [each for each in suggestions if each.target.part == to.part])


def _known_field(entity: Entity, path: str) -> Field:
    found = next((each for each in entity.fields if each.path == path), None)
    if found is None:
        hint = nearest(path, [each.path for each in entity.fields])
        raise LedgerbridgeError(
            _UNKNOWN_FIELD,
            f'{entity.name} has no field "{path}".',
            remedy=f'Did you mean "{hint}"?' if hint else "Write the rule by hand.",
        )
    return found


def _entities(access: Access, file: str, text: YamlText) -> tuple[Entity, Entity]:
    reads, writes = (_said(text, key) for key in ("from", "to"))
    include = settings.include_folder()
    source = known_entity(reads, written=False) or Entity(reads, ())
    target = known_entity(writes, written=True) or Entity(writes, ())
    seen = _seen(reads, samples_of(access, file, reads))
    return (
        with_samples(source, [*seen, *_own_fields(include, reads)]),
        with_samples(target, _own_fields(include, writes)),
    )


def _said(text: YamlText, key: str) -> str:
    try:
        return str(yaml.safe_load(text.written((key,))))
    except (LedgerbridgeError, yaml.YAMLError):
        return ""


def _seen(reads: str, records: Sequence[dict[str, Any]]) -> list[Field]:
    """Fields that records have; of canonical ones those that a site defined itself, the others are known."""
    payloads = [each["payload"] for each in records]
    if not reads.startswith(_CANONICAL):
        return fields_of_records(payloads)
    names = {
        (part, name)
        for payload in payloads
        for part, rows in payload.items()
        for row in (rows if isinstance(rows, list) else [rows])
        for name in row
        if name.startswith(_CUSTOM)
    }
    return [Field(name, part) for part, name in sorted(names)]


def _own_fields(include: Path, entity: str) -> list[Field]:
    """Fields of a canonical record that a site defined itself, as its mappings make them."""
    if not entity.startswith(_CANONICAL):
        return []
    found = {
        (part, name): Field(name, part, about=f"of this site's own, read of {mapping.from_}")
        for mapping in _mappings(include, _stamp(include))
        if mapping.to == entity
        for part, pieces in mapping.parts().items()
        for piece in pieces
        for name in piece.fields
        if name.startswith(_CUSTOM)
    }
    return list(found.values())


def _suggested(source: Entity, target: Entity) -> list[Suggestion]:
    include = settings.include_folder()
    decided = read_decisions(include / "suggestions.yaml")
    known = with_accepted(_known(include, target.name, _stamp(include)), decided, target.name)
    return with_decisions(
        suggest(source, target, known), decided.get(f"{source.name} -> {target.name}", Decided()), source
    )


def _stamp(include: Path) -> tuple[tuple[str, int], ...]:
    """Changes with each mapping that is written."""
    return tuple((path.name, path.stat().st_mtime_ns) for path in sorted((include / "mappings").glob("*.yaml")))


@lru_cache(maxsize=2)
def _mappings(include: Path, _stamped: tuple[tuple[str, int], ...]) -> tuple[MappingFile, ...]:
    return tuple(mappings_in(include / "mappings"))


@lru_cache(maxsize=32)
def _known(include: Path, target: str, stamped: tuple[tuple[str, int], ...]) -> Known:
    return known_names(_mappings(include, stamped), target)


def _is_filled(text: YamlText, target: Field) -> bool:
    number = 0
    while (place := place_of_rule(text, target.part, number, target.name)) is not None:
        if target.name in text.keys(place[:-1]):
            return True
        number += 1
        if (text.items((target.part,)) or 0) <= number:
            break
    return False


def _suggestion(each: Suggestion, text: YamlText, source: Entity, found: Sequence[Suggestion]) -> SuggestionView:
    target = each.target
    rows = rows_of(text, target.part, 0)
    return SuggestionView(
        target=target.path, part=target.part, field=target.name, required=target.required, about=target.about,
        band=each.band,
        candidates=[
            CandidateView(
                path=one.source.path, confidence=round(one.confidence, 2), reason=one.reason,
                rule=rule_for(target, one.source, rows or _rows_for(one.source, target, found), source),
            )
            for one in each.candidates
        ],
    )  # fmt: skip


def _field(each: Field) -> SideField:
    return SideField(
        part=each.part, name=each.name, path=each.path, kind=each.kind, length=each.length, required=each.required,
        about=each.about,
    )  # fmt: skip
