"""What is known of the fields of the systems' entities: a package's `fields.yaml`, or its code, says it."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name

from hooks.systems import system_named, systems
from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.suggest import Entity, canonical_entity, read_catalogue
from ledgerbridge.yaml_files import plain_yaml

__all__ = ["described_entity", "known_entity"]


def known_entity(name: str, *, written: bool) -> Entity | None:
    """The same of a canonical record or an entity of whatever system; None too where there is no such system."""
    if name in CANONICAL:
        return canonical_entity(name)
    return described_entity(name, written=written) if name.partition(".")[0] in systems() else None


def described_entity(entity: str, *, written: bool) -> Entity | None:
    """
    The fields of an entity, ``system.name``; None: nothing is known of it.

    :param written: as documents for it may have them, by their parts, else as its records have them, by their lists.
    :raises ConfigurationError: there is no such system.
    """
    system, _, name = entity.partition(".")
    if path := system_named(system).described:
        found: Entity | None = resolve_name(path)(name, written=written)
        return found
    catalogue = Path(str(import_module(f"hooks.{system}").__file__)).with_name("fields.yaml")
    known = read_catalogue(catalogue).get(name) if catalogue.exists() else None
    if known is None:
        return None
    if not written:
        return Entity(entity, known.fields)
    parts = {"header": "header", **plain_yaml(catalogue).get("_parts", {})}
    there = [each for each in known.fields if each.written and each.part in parts]
    return Entity(entity, tuple(replace(each, part=parts[each.part]) for each in there))
