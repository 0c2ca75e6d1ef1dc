"""What mappings that exist tell of a target: under which names its fields were filled from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping.checks import part_locations
from ledgerbridge.mapping.model import MappingFile, Part
from ledgerbridge.mapping.reads import Read, reads_of_rule
from ledgerbridge.suggest.described import HEADER
from ledgerbridge.yaml_files import load_file

__all__ = ["Known", "known_names", "mappings_in"]

Known = Mapping[str, frozenset[str]]
"""Path of a target field to the paths that went into it, of whatever entity."""

_CANONICAL = "canonical."
_ASIDE = {"when", "where", "by", "on", "among"}
"""What decides about a value, and is none."""


def mappings_in(folder: Path) -> list[MappingFile]:
    """The mapping files of a folder; one that is wrong is left out, `ledgerbridge map check` tells of it."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.append(load_file(path, MappingFile, code="LB-CFG-002")[0])
        except ConfigurationError:
            continue
    return found


def known_names(mappings: Iterable[MappingFile], target: str, *, without: str = "") -> Known:
    """
    The names under which an entity's fields were filled, directly or through a canonical record between.

    :param without: a system whose own mappings are left out: what it tells would be the answer.
    """
    told = [each for each in mappings if not without or not each.from_.startswith(f"{without}.")]
    found: dict[str, set[str]] = {}
    for each in told:
        if each.to != target:
            continue
        before = [other for other in told if each.from_.startswith(_CANONICAL) and other.to == each.from_]
        further: dict[str, set[str]] = {}
        for other in before:
            for field, name in _filled(other):
                further.setdefault(field, set()).add(name)
        for field, name in _filled(each):
            found.setdefault(field, set()).update({name, *further.get(name.replace("[]", ""), ())})
    return {field: frozenset(names) for field, names in found.items()}


def _filled(mapping: MappingFile) -> Iterator[tuple[str, str]]:
    """Each target field's path with the path of what goes into it."""
    for name, location, part in part_locations(mapping):
        for field, rule in part.fields.items():
            for read in reads_of_rule(rule, (*location, field)):
                if not _ASIDE & set(map(str, read.location)) and read.path[:1] not in ("=", "@", "%", "_"):
                    yield field if name == HEADER else f"{name}.{field}", _path(read, part)


def _path(read: Read, part: Part) -> str:
    own = read.path.lstrip("$^").removeprefix(".")
    place = HEADER if read.path.startswith("$") else read.part or part.each or HEADER
    return own if place == HEADER else f"{place}.{own}"
