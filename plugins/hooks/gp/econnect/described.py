"""Which fields GP's entities have and what they mean: columns.yaml, and of what is written the nodes' own lengths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from hooks.gp.econnect.documents import HEADER
from hooks.gp.econnect.fields import NODES
from hooks.gp.econnect.registry import ENTITIES
from hooks.gp.econnect.targets import EConnectTarget
from ledgerbridge.suggest import Entity, Field, field_from_words
from ledgerbridge.yaml_files import plain_yaml

__all__ = ["described"]

_COLUMNS = Path(__file__).parents[1] / "columns.yaml"


def described(name: str, *, written: bool) -> Entity | None:
    """
    The fields of an entity; None: nothing is known of it.

    :param written: as documents for it may have them, else as its records have them.
    """
    if not written:
        parts = _columns()["read"].get(name)
        fields = tuple(_read(parts)) if parts else ()
    else:
        entity = ENTITIES.get(name)
        fields = tuple(_written(entity)) if entity is not None and issubclass(entity, EConnectTarget) else ()
    return Entity(f"gp.{name}", fields) if fields else None


def _read(parts: dict[str, str]) -> Iterator[Field]:
    for part, names in parts.items():
        for name in names.split():
            yield _named(name, part)


def _written(entity: type[EConnectTarget]) -> Iterator[Field]:
    """What the hook gives itself (constants, numbers, what lines repeat of their header) is left out."""
    transaction = entity.transaction
    for part, node in sorted(transaction.parts.items(), key=lambda each: each[0] != HEADER):
        repeated = {*transaction.copied, *transaction.renamed} if part != HEADER else set()
        for field in NODES[node].fields.values():
            if field.name not in repeated | entity.given | transaction.constants.keys():
                told = _named(field.name, part)
                yield replace(told, length=field.length, required=field.required)
    yield from (_named(name, HEADER) for name in entity.instructions)


def _named(name: str, part: str) -> Field:
    words = _columns()["columns"].get(name)
    return field_from_words(name, part, words) if words else Field(name, part)


@cache
def _columns() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = plain_yaml(_COLUMNS)
    return content
