"""The systems flows can name, and the hook of each: adding a system adds a line here."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

from ledgerbridge.entities import Master
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import Company
from ledgerbridge.mapping.checks import Role
from ledgerbridge.mapping.lookups import LiveLookup
from ledgerbridge.reconciliation import Booked
from ledgerbridge.yaml_files import nearest

__all__ = [
    "SystemHook",
    "books_of",
    "hook_for",
    "hooks_of",
    "live_lookup",
    "offered_entities",
    "target_fields",
]

HOOKS = {
    "gp": "hooks.gp_econnect.GPEConnectHook",
    "magento": "hooks.magento.MagentoHook",
    "shopify": "hooks.shopify.ShopifyHook",
    "stripe": "hooks.stripe.StripeHook",
    "xero": "hooks.xero.XeroHook",
}
ENTITIES = {
    "gp": "hooks.gp_econnect_registry.ENTITIES",
    "magento": "hooks.magento_sources.SOURCES",
    "shopify": "hooks.shopify.SOURCES",
    "stripe": "hooks.stripe_sources.SOURCES",
    "xero": "hooks.xero_entities.ENTITIES",
}
"""The classes of each system's entities, by name."""
TARGET_FIELDS = {"gp": "hooks.gp_econnect_registry.target_fields"}
"""The fields of each target, where the system has a fixed list."""
BOOKS = {"gp": "hooks.gp_books.gp_books", "xero": "hooks.xero_books.xero_books"}
"""What each ledger booked, document by document."""


_METHODS: dict[Role, str] = {"source": "read", "target": "send", "master": "lookup"}


class SystemHook(Protocol):
    """What every hook of ours offers."""

    def entity(self, name: str) -> Any:
        """The entity of that name: a Source, a Target or a Master."""


def hook_for(system: str, connection: str) -> SystemHook:
    """
    The hook of a system on one connection.

    :raises ConfigurationError: there is no such system.
    """
    if system not in HOOKS:
        hint = nearest(system, HOOKS)
        raise ConfigurationError(
            "LB-CFG-005",
            f'there is no system "{system}".',
            remedy=f'Did you mean "{hint}"?' if hint else f"There are: {', '.join(HOOKS)}.",
        )
    hook: SystemHook = _imported(HOOKS[system])(connection)
    return hook


def offered_entities() -> dict[str, frozenset[Role]]:
    """Every entity of every system, ``system.name``, and what can be done with it."""
    offered = {}
    for system, path in ENTITIES.items():
        for name, entity in _imported(path).items():
            roles = {role for role, method in _METHODS.items() if hasattr(entity, method)}
            offered[f"{system}.{name}"] = frozenset(roles)
    return offered


def target_fields(entity: str) -> dict[str, dict[str, int]]:
    """The fields a document for ``entity`` may have, by part, and a text's length; empty where any field goes."""
    system, _, name = entity.partition(".")
    fields: dict[str, dict[str, int]] = _imported(TARGET_FIELDS[system])(name) if system in TARGET_FIELDS else {}
    return fields


def books_of(system: str, company: Company) -> list[Booked]:
    """
    What a ledger booked.

    :raises ConfigurationError: the system is no ledger.
    """
    if system not in BOOKS:
        raise ConfigurationError(
            "LB-CFG-005", f'"{system}" is no ledger.', remedy=f"The ledgers are: {', '.join(BOOKS)}."
        )
    booked: list[Booked] = _imported(BOOKS[system])(hook_for(system, company.connections_of(system)[0]))
    return booked


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def hooks_of(system: str, company: Company) -> dict[str, SystemHook]:
    """Every hook of a system, by connection id (a company may have several shops)."""
    return {connection: hook_for(system, connection) for connection in company.connections_of(system)}


def live_lookup(company: Company) -> LiveLookup:
    """Master data of any system, asked now; what one lookup found serves the next."""
    hooks: dict[str, SystemHook] = {}
    found: dict[str, dict[str, dict[str, Any]]] = {}

    def look_up(entity: str, keys: Sequence[str], max_age_minutes: int | None) -> dict[str, dict[str, Any]]:
        system, _, name = entity.partition(".")
        known = found.setdefault(entity, {})
        missing = [key for key in keys if key not in known]
        if missing:
            if system not in hooks:
                hooks[system] = hook_for(system, company.connections_of(system)[0])
            master: Master = hooks[system].entity(name)
            known.update(master.lookup(missing))
        return {key: known[key] for key in keys if key in known}

    return look_up
