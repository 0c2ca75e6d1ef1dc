"""What became of the form of a system's records since people last said that a mapping fits it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping import Mapping as CompiledMapping
from ledgerbridge.mapping.lineage import filters_of, origins_of
from ledgerbridge.suggest import Entity

__all__ = ["DRIFTED", "Drift", "Shape", "drifted", "held", "paths_read", "shape_of", "shape_of_entity"]

DRIFTED = "LB-MAP-015"

Shape = Mapping[str, str]
"""
By path, ``items[].sku``, what stands there: ``text``, ``number``, ``flag``, several with a ``|`` between them; with a
``!`` behind it where every record, or every row of the list, had it.
"""


@dataclass(frozen=True, order=True)
class Drift:
    """One path that is otherwise than it was."""

    path: str
    what: Literal["appeared", "went", "changed"]
    before: str
    now: str


def shape_of(payloads: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The form of records as they were read; it has names, and nothing of their values."""
    kinds: dict[str, set[str]] = {}
    seen: dict[str, int] = {}
    for payload in payloads:
        _look(payload, "", kinds, seen)
    return {path: "|".join(sorted(of - {""})) + _always(path, seen) for path, of in sorted(kinds.items())}


def shape_of_entity(entity: Entity | None) -> dict[str, str]:
    """The same of what is known of an entity by its system's description, whose fields are always there."""
    fields = () if entity is None else entity.fields
    return {each.path: f"{each.kind}({each.length})!" if each.length else f"{each.kind}!" for each in fields}


def drifted(before: Shape, now: Shape) -> list[Drift]:
    """
    What is otherwise: a path that is there now, one that was always there and is nowhere now, and other kinds.

    A field that only some records have proves nothing by being absent; one without a value has no kind.
    """
    found = [Drift(path, "appeared", "", now[path]) for path in now if path not in before]
    for path, was in before.items():
        if path not in now:
            # within a list that is empty, or an object that is not there, no row could have it
            if was.endswith("!") and (_above(path) not in before or _above(path) in now):
                found.append(Drift(path, "went", was, ""))
        elif _kinds(now[path]) - _kinds(was) and _kinds(was):
            found.append(Drift(path, "changed", was, now[path]))
    return sorted(found)


def paths_read(mapping: CompiledMapping) -> frozenset[str]:
    """The paths of the source that decide what a mapping makes."""
    made = {path for fields in origins_of(mapping).values() for path in fields}
    return frozenset(made | filters_of(mapping))


def held(
    chunks: Iterable[list[RawRecord]], mapping: CompiledMapping, accepted: Shape
) -> Iterator[list[RawRecord]]:  # fmt: skip
    """
    The chunks, until one of them has another form in what the mapping reads: none of the batch goes on then.

    :raises ConfigurationError: LB-MAP-015, a path that is read went, or has values of another kind.
    """
    read = paths_read(mapping)
    for chunk in chunks:
        now = shape_of(each.payload for each in chunk if not each.is_deleted)
        for each in drifted(accepted, now) if now else ():
            if each.what != "appeared" and each.path in read:
                raise ConfigurationError(
                    DRIFTED,
                    f"mapping {mapping.name} holds what it reads of {mapping.source}: {_said(each)}.",
                    remedy="Look at the mapping in the console: change its rules if they no longer fit, then accept the"
                    " form that records have now. Then clear this task.",
                )
        yield chunk


def _said(drift: Drift) -> str:
    if drift.what == "went":
        return f"{drift.path}, which every record had, is in none of them"
    return f"{drift.path} is {_words(drift.now)}, and was {_words(drift.before)}"


def _words(told: str) -> str:
    return told.removesuffix("!").replace("|", " or ")


def _kinds(told: str) -> set[str]:
    return set(told.removesuffix("!").split("|")) - {""}


def _look(value: Any, path: str, kinds: dict[str, set[str]], seen: dict[str, int]) -> None:
    seen[path] = seen.get(path, 0) + 1
    if path:
        kinds.setdefault(path, set()).add(_kind(value))
    if isinstance(value, Mapping):
        for key, each in value.items():
            _look(each, f"{path}.{key}" if path else str(key), kinds, seen)
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, Mapping):
                _look(each, f"{path}[]", kinds, seen)


def _kind(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "flag"
    return {int: "number", list: "list", dict: "object"}.get(type(value), "text")


def _above(path: str) -> str:
    return path.rpartition(".")[0]


def _always(path: str, seen: Mapping[str, int]) -> str:
    above = path.removesuffix("[]") if path.endswith("[]") else _above(path)
    return "!" if seen.get(above, 0) == seen[path] and not path.endswith("[]") else ""
