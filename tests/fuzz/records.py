"""Random raw records of the form that the shipped mappings read."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.mapping import Mapping, load_mapping
from ledgerbridge.mapping.engine import check_mapping_file
from ledgerbridge.mapping.model import Part
from ledgerbridge.mapping.reads import Read, reads_of_condition, reads_of_part, reads_of_rule
from ledgerbridge.mapping.rows import path_steps

__all__ = ["MAPPINGS", "RawMapping", "batch", "raw_mappings"]

MAPPINGS = sorted((Path(__file__).parents[2] / "include" / "mappings").glob("*.yaml"))
_TEXTS = (
    "12.50", "-3", "0", "0.005", "1e5", "99999999999999999999.99", "NaN", "", " ", "USD", "XXX", "2026-03-02",
    "2026-03-02T14:00:00Z", "2026-13-45", "0001-01-01T00:00:00", "1", "7", "true", "Zoë\u2028", "\0", "x" * 300,
    "AUTHORISED", "ACCRECPAYMENT", "ARCREDITPAYMENT", "succeeded", "paid", "ORDER", "REFUND", "PRODUCT", "SHIPPING",
    "ADJUSTMENT",
)  # fmt: skip
_ODD: tuple[Any, ...] = (None, True, 12, "12.50", [], [None], [["12.50"]], {}, {"amount": {}})
_NUMBERS = (0, 1, -1, 3, 7, 1250, 2**53, 1772460000, 10**17)


@dataclass(frozen=True)
class RawMapping:
    """
    A mapping of raw records and the paths it reads, from the record's root.

    :param selective: its conditions leave records out that are none of its.
    """

    mapping: Mapping
    paths: tuple[str, ...]
    selective: bool


@cache
def raw_mappings() -> tuple[RawMapping, ...]:
    """The shipped mappings that read a source's own records."""
    return tuple(_raw_mapping(path) for path in MAPPINGS if load_mapping(path).source not in CANONICAL)


def batch(paths: tuple[str, ...], size: int, seed: int) -> list[dict[str, Any]]:
    """So many records; mostly a path has one kind of value in all of them, as in a source that keeps to its schema."""
    dice = random.Random(seed)
    kinds = {path: dice.choices(("text", "number", "flag"), (6, 2, 1))[0] for path in paths}
    loose = dice.random() < 0.1
    made = []
    for _ in range(size):
        record: dict[str, Any] = {}
        for path in paths:
            if loose and dice.random() < 0.1:
                record[path.partition(".")[0].partition("[")[0]] = copy.deepcopy(dice.choice(_ODD))
                continue
            _put(record, _steps(path), kinds[path], dice)
        made.append(record)
    return made


def _raw_mapping(path: Path) -> RawMapping:
    checked, mapping = check_mapping_file(path)
    assert checked.content is not None
    assert mapping is not None
    header = checked.content.header
    paths = {
        place
        for parts in checked.content.parts().values()
        for part in parts
        for read in _reads(part)
        if (place := _from_root(read.part or part.each or "", read.path))
    }
    inner = {shorter for shorter in paths for longer in paths if longer.startswith((f"{shorter}.", f"{shorter}["))}
    selective = bool(header.where or header.having or header.each)
    return RawMapping(mapping, tuple(sorted(paths - inner)), selective)


def _reads(part: Part) -> Iterator[Read]:
    yield from reads_of_part(part, ())
    for rule in part.fields.values():
        yield from reads_of_rule(rule, ())
    if part.where is not None:
        yield from reads_of_condition(part.where, ())


def _from_root(each: str, path: str) -> str:
    """The path from the record's root; blank where the record itself isn't read."""
    if path.startswith("$."):
        return path[2:]
    if path[:1] in "@=%":
        return ""
    while path.startswith("^"):
        each, path = f"{each.rpartition('[].')[0]}[]" if "[]." in each else "", path[1:]
    return f"{each}.{path}".replace("..", ".").strip(".")


def _steps(path: str) -> list[tuple[str, bool]]:
    """Each field's name, and whether it is a list."""
    return [(name, selector is not None) for name, selector in path_steps(path)]


def _put(place: Any, steps: list[tuple[str, bool]], kind: str, dice: random.Random) -> None:
    (name, is_list), *rest = steps
    if not isinstance(place, dict):
        return  # something odd stands here
    if not rest:
        if dice.random() < 0.85:
            value = _value(kind, dice)
            place[name] = [value] if is_list else value
        return
    if not is_list:
        _put(place.setdefault(name, {}), rest, kind, dice)
        return
    elements = place.setdefault(name, [{} for _ in range(dice.randrange(3))])
    for element in elements if isinstance(elements, list) else ():
        _put(element, rest, kind, dice)


def _value(kind: str, dice: random.Random) -> Any:
    if dice.random() < 0.1:
        return None
    if kind == "number":
        return dice.choice(_NUMBERS)
    return dice.random() < 0.5 if kind == "flag" else dice.choice(_TEXTS)
