"""A mapping file begun from suggestions: what is sure is filled in, the rest stands as comments, to be looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ledgerbridge.mapping.model import CHILDREN
from ledgerbridge.suggest.described import HEADER, Entity, Field
from ledgerbridge.suggest.ranking import Candidate, Suggestion
from ledgerbridge.suggest.words import lexicon

__all__ = ["draft", "each_of", "path_in", "rule_for"]

_DECIMALS = ("money", "rate", "quantity")
_CANONICAL = "canonical."
_NAMES = ("first", "last")


@dataclass(frozen=True)
class _Row:
    """What a part of the target gets: the list of the source that its rows come from, and its suggestions."""

    part: str
    each: str
    suggestions: tuple[Suggestion, ...]


def draft(source: Entity, target: Entity, suggestions: Sequence[Suggestion]) -> str:
    """
    The text of a mapping file for `include/mappings`, which passes `ledgerbridge map check`.

    A raw record's field into a part of another list stands as a comment: somebody has to say how rows become one.
    """
    rows = list(_rows(suggestions))
    sure = sum(each.band == "sure" for each in suggestions)
    open_ = [each.target for each in suggestions if each.band == "open" and each.target.required]
    lines = [
        "# yaml-language-server: $schema=../schemas/mapping.json",
        f"# Begun by `ledgerbridge suggest {source.name} {target.name}`: {sure} of {len(suggestions)} fields are sure.",
        "# Comments are what is likely, with its confidence, or open; take what is right, delete the rest.",
        f"from: {source.name}",
        f"to: {target.name}",
        "description: To be written.",
    ]
    if open_:
        lines.insert(3, f"# Required and open: {', '.join(each.path for each in open_)}.")
    for row in rows:
        lines += _part(row, source, labelled=row.part == HEADER and target.name.startswith(_CANONICAL))
    return "\n".join(lines) + "\n"


def each_of(part: str, of_part: Iterable[Suggestion]) -> str:
    """The list of the source that the rows of a target's part come from, as its suggestions say together."""
    votes: dict[str, float] = defaultdict(float)
    for each in of_part:
        if each.best is not None and each.best.source.part != HEADER:
            votes[each.best.source.part] += each.best.confidence
    return HEADER if part == HEADER or not votes else max(votes, key=lambda name: votes[name])


def rule_for(target: Field, best: Field, each: str, source: Entity) -> str:
    """
    The rule that fills a target field from a source field, as YAML on one line.

    :param each: the list that the rows of the target's part come from.
    """
    names = _first_and_last(best, target, source) if each == HEADER else None
    return _both(names, target) if names else _rule(best, target, each, canonical=source.name.startswith(_CANONICAL))


def _rows(suggestions: Sequence[Suggestion]) -> Iterator[_Row]:
    by_part: dict[str, list[Suggestion]] = {HEADER: []}
    for each in suggestions:
        by_part.setdefault(each.target.part, []).append(each)
    for part, of_part in by_part.items():
        yield _Row(part, each_of(part, of_part), tuple(of_part))


def _part(row: _Row, source: Entity, *, labelled: bool) -> list[str]:
    # a part whose rows come from nowhere yet is a comment as a whole, as is one that mappings don't know
    begun = row.part == HEADER or (row.each != HEADER and row.part in CHILDREN)
    lines = [f"{row.part}:"] if begun else [f"# {row.part}:"]
    if row.part != HEADER:
        lines.append(f"  each: {row.each}" if begun else "#   each: <what gives its rows>")
    filled = False
    if labelled and not any(each.band == "sure" and each.target.name == "label" for each in row.suggestions):
        lines.append('  label: "@key"')
        filled = True
    for each in row.suggestions:
        written = begun and each.band == "sure" and each.best is not None and _reached(each.best.source, row.each)
        filled |= written
        lines += _field(each, row.each, source, written=written)
    if begun and not filled:
        lines.append("  fields: {}")
    return lines


def _field(suggestion: Suggestion, each: str, source: Entity, *, written: bool) -> list[str]:
    target, best = suggestion.target, suggestion.best
    needed = " (required)" if target.required else ""
    if suggestion.rule is not None and not written:
        made = suggestion.rule
        told = f"{made.kind}, {made.share:.0%} of what it makes is in the target's records{needed}"
        rule = made.written([_quoted_in(_path(one, each), made.form) for one in made.sources])
        return [f"  # {told}", f"  # {_key(target.name)}: {rule}"]
    if best is None:
        nearest = ", ".join(f"{one.source.path} {one.confidence:.2f}" for one in suggestion.candidates[:2])
        return [f"  # {target.name}: open{needed}{f'; nearest {nearest}' if nearest else ''}"]
    rule = f"{_key(target.name)}: {rule_for(target, best.source, each, source)}"
    told = f"{best.confidence:.2f}, {best.reason}"
    if written:
        return [f"  # {told}", f"  {rule}"]
    return [f"  # {suggestion.band} {told}{needed}", f"  # {rule}{_others(suggestion.candidates[1:3])}"]


def _first_and_last(best: Field, target: Field, source: Entity) -> tuple[str, str] | None:
    """The paths of a person's two names, where one of them would go alone into a field for the whole name."""
    words = [lexicon().words(each.name.rpartition(".")[2]) for each in (best, target)]
    here = next((each for each in _NAMES if [each, "name"] == words[0]), None)
    if here is None or best.part != HEADER or set(_NAMES) & set(words[1]):
        return None
    above = best.name.rpartition(".")[0]
    there = {
        word: each.name
        for each in source.fields
        for word in _NAMES
        if each.part == HEADER
        and each.name.rpartition(".")[0] == above
        and lexicon().words(each.name.rpartition(".")[2]) == [word, "name"]
    }
    return (there["first"], there["last"]) if len(there) == len(_NAMES) else None


def _both(names: tuple[str, str], target: Field) -> str:
    room = f"max: {target.length}" if target.length else "trim: true"
    required = ", required: true" if target.required else ""
    return f'{{template: "{{{names[0]}}} {{{names[1]}}}", convert: {{text: {{{room}}}}}{required}}}'


def _others(candidates: Sequence[Candidate]) -> str:
    told = ", ".join(f"{one.source.path} {one.confidence:.2f}" for one in candidates)
    return f"  # or {told}" if told else ""


def _reached(source: Field, each: str) -> bool:
    """Whether a row of that list has one value of the field."""
    return source.part in (HEADER, each) or each.startswith(f"{source.part}.")


def path_in(source: Field, each: str) -> str | None:
    """A source field's path as rules of rows from ``each`` write it; None: a row has many of it."""
    return _path(source, each) if _reached(source, each) else None


def _path(source: Field, each: str) -> str:
    if source.part == each:
        return source.name
    if source.part == HEADER:
        return f"$.{source.name}"
    if each.startswith(f"{source.part}."):
        return f"{'^' * each.removeprefix(source.part).count('[]')}.{source.name}"
    return source.path


def _rule(source: Field, target: Field, each: str, *, canonical: bool) -> str:
    path = _path(source, each)
    if not _reached(source, each):
        how = "sum" if source.kind in _DECIMALS else "join"
        return f"{{{how}: {{of: {_quoted(source.path)}}}}}"
    options = [f"from: {_quoted(path)}"]
    if convert := _convert(source, target, canonical=canonical):
        options.append(f"convert: {convert}")
    if target.required:
        options.append("required: true")
    return _quoted(path) if len(options) == 1 else f"{{{', '.join(options)}}}"


def _convert(source: Field, target: Field, *, canonical: bool) -> str:
    """What brings a raw value into the target's kind; a canonical record has its kinds already."""
    if target.kind == "date" and source.kind in ("instant", "date", "text") and not canonical:
        return "{date: {zone: company}}" if source.kind == "instant" else "{date: {}}"
    if target.kind in _DECIMALS and source.kind in (*_DECIMALS, "text", "number") and not canonical:
        return "{decimal: {}}"
    if target.kind in ("text", "id") and target.length and source.kind in ("text", "id", "choice"):
        return f"{{text: {{max: {target.length}}}}}"
    return ""


def _quoted_in(path: str, form: str) -> str:
    """A path as it stands in a rule: in a text with others, or alone."""
    return path if form.startswith("{{template") else _quoted(path)


def _key(name: str) -> str:
    return _quoted(name) if name.endswith("[]") else name


def _quoted(path: str) -> str:
    return f'"{path}"' if any(each in path for each in "[]{}@^$#:,") else path
