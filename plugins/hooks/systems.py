"""The systems that are there: every package beside this module that has a `system.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules, resolve_name
from typing import TYPE_CHECKING, Any, Protocol

import hooks
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.systems import System

if TYPE_CHECKING:
    from ledgerbridge.entities import Document
    from ledgerbridge.mapping.checks import Role
    from ledgerbridge.reconciliation import Effect, LedgerAccounts

__all__ = [
    "SystemHook",
    "effect_of",
    "entity_class",
    "gateway_fields",
    "hook_for",
    "offered_entities",
    "system_named",
    "systems",
    "target_fields",
]

_METHODS: dict[Role, str] = {"source": "read", "target": "send", "master": "lookup"}


class SystemHook(Protocol):
    """What every hook of ours offers."""

    def entity(self, name: str) -> Any:
        """The entity of that name: a Source, a Target or a Master."""


def systems() -> dict[str, System]:
    """Every system by name; looked for in the packages, so that adding one touches nothing else."""
    packages = sorted(f"hooks.{each.name}" for each in iter_modules(hooks.__path__) if each.ispkg)
    modules = [f"{package}.system" for package in packages if find_spec(f"{package}.system")]
    found: list[System] = [import_module(module).SYSTEM for module in modules]
    return {system.name: system for system in found}


def system_named(name: str) -> System:
    """
    The system that flows call so.

    :raises ConfigurationError: there is none.
    """
    known = systems()
    if name not in known:
        # every process of Airflow looks for systems, and needs no pydantic for it
        from ledgerbridge.yaml_files import nearest

        hint = nearest(name, known)
        raise ConfigurationError(
            "LB-CFG-005",
            f'there is no system "{name}".',
            remedy=f'Did you mean "{hint}"?' if hint else f"There are: {', '.join(known)}.",
        )
    return known[name]


def hook_for(system: str, connection: str) -> SystemHook:
    """
    The hook of a system on one connection.

    :raises ConfigurationError: there is no such system.
    """
    hook: SystemHook = resolve_name(system_named(system).hook)(connection)
    return hook


def offered_entities() -> dict[str, frozenset[Role]]:
    """Every entity of every system, ``system.name``, and what can be done with it."""
    offered = {}
    for system in systems().values():
        for name, entity in _entities(system).items():
            roles = {role for role, method in _METHODS.items() if hasattr(entity, method)}
            offered[f"{system.name}.{name}"] = frozenset(roles)
    return offered


def entity_class(entity: str) -> Any:
    """
    The class of an entity, ``system.name``.

    :raises ConfigurationError: there is no such system.
    """
    system, _, name = entity.partition(".")
    return _entities(system_named(system))[name]


def effect_of(entity: str, accounts: LedgerAccounts) -> Callable[[Document], Effect | None] | None:
    """
    What a ledger will book of a document for an entity of it; None: its system is no ledger.

    :raises ConfigurationError: there is no such system.
    """
    system, _, name = entity.partition(".")
    path = system_named(system).effects
    return partial(resolve_name(path), name, accounts) if path else None


def target_fields(entity: str) -> dict[str, dict[str, int]]:
    """
    The fields a document for ``entity`` may have, by part, and a text's length; empty where any field goes.

    :raises ConfigurationError: there is no such system.
    """
    system, _, name = entity.partition(".")
    path = system_named(system).target_fields
    fields: dict[str, dict[str, int]] = resolve_name(path)(name) if path else {}
    return fields


def gateway_fields() -> dict[str, Mapping[str, str]]:
    """By system, what it has to be told of each gateway in the company file: key and what it says."""
    return {name: system.gateway_fields for name, system in systems().items() if system.gateway_fields}


def _entities(system: System) -> Mapping[str, Any]:
    entities: Mapping[str, Any] = resolve_name(system.entities)
    return entities
