"""The systems flows can name, and the hook of each: adding a system adds a line here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any, Protocol

from sqlalchemy import Engine

from ledgerbridge.entities import Master
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import Company
from ledgerbridge.mapping.checks import Role
from ledgerbridge.mapping.lookups import LiveLookup
from ledgerbridge.reconciliation import Books, GatewayBooks, Looked
from ledgerbridge.state import transaction
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.master_rows import keep_master_rows, master_rows_since
from ledgerbridge.yaml_files import nearest

__all__ = [
    "SystemHook",
    "books_of",
    "entity_class",
    "gateway_books_of",
    "hook_for",
    "hooks_of",
    "live_lookup",
    "offered_entities",
    "target_fields",
]

HOOKS = {
    "gp": "hooks.gp.econnect.hook.GPEConnectHook",
    "magento": "hooks.magento.hook.MagentoHook",
    "shopify": "hooks.shopify.hook.ShopifyHook",
    "stripe": "hooks.stripe.hook.StripeHook",
    "xero": "hooks.xero.hook.XeroHook",
}
ENTITIES = {
    "gp": "hooks.gp.econnect.registry.ENTITIES",
    "magento": "hooks.magento.sources.SOURCES",
    "shopify": "hooks.shopify.hook.SOURCES",
    "stripe": "hooks.stripe.sources.SOURCES",
    "xero": "hooks.xero.entities.ENTITIES",
}
"""The classes of each system's entities, by name."""
TARGET_FIELDS = {"gp": "hooks.gp.econnect.registry.target_fields"}
"""The fields of each target, where the system has a fixed list."""
BOOKS = {"gp": "hooks.gp.books.GPBooks", "xero": "hooks.xero.books.XeroBooks"}
"""What each ledger booked, document by document."""
GATEWAY_BOOKS = {"stripe": "hooks.stripe.books.StripeBooks"}
"""What moved each gateway's balance."""


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


def entity_class(entity: str) -> Any:
    """The class of an entity, ``system.name``."""
    system, _, name = entity.partition(".")
    return _imported(ENTITIES[system])[name]


def target_fields(entity: str) -> dict[str, dict[str, int]]:
    """The fields a document for ``entity`` may have, by part, and a text's length; empty where any field goes."""
    system, _, name = entity.partition(".")
    fields: dict[str, dict[str, int]] = _imported(TARGET_FIELDS[system])(name) if system in TARGET_FIELDS else {}
    return fields


def books_of(system: str, company: Company) -> Books:
    """
    The books of a ledger.

    :raises ConfigurationError: the system is no ledger.
    """
    if system not in BOOKS:
        raise ConfigurationError(
            "LB-CFG-005", f'"{system}" is no ledger.', remedy=f"The ledgers are: {', '.join(BOOKS)}."
        )
    books: Books = _imported(BOOKS[system])(hook_for(system, company.connections_of(system)[0]))
    return books


def gateway_books_of(gateway: str, company: Company, kept: Looked) -> GatewayBooks:
    """
    The movements of a gateway.

    :param kept: what earlier passes read of it.
    :raises ConfigurationError: nobody knows how to read this gateway's balance.
    """
    if gateway not in GATEWAY_BOOKS:
        raise ConfigurationError(
            "LB-CFG-005", f'"{gateway}" is no gateway.', remedy=f"The gateways are: {', '.join(GATEWAY_BOOKS)}."
        )
    hook = hook_for(gateway, company.connections_of(gateway)[0])
    books: GatewayBooks = _imported(GATEWAY_BOOKS[gateway])(hook, kept)
    return books


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def hooks_of(system: str, company: Company) -> dict[str, SystemHook]:
    """Every hook of a system, by connection id (a company may have several shops)."""
    return {connection: hook_for(system, connection) for connection in company.connections_of(system)}


def live_lookup(company: Company, engine: Engine) -> LiveLookup:
    """
    Master data of any system; what one lookup of a batch found serves the next.

    A system is asked now, unless the lookup lets an answer have an age: then one that the state database holds and
    that is not older serves too. What a system does not have is asked again every time.
    """
    hooks: dict[str, SystemHook] = {}
    found: dict[str, dict[str, dict[str, Any]]] = {}

    def look_up(entity: str, keys: Sequence[str], max_age_minutes: int | None) -> dict[str, dict[str, Any]]:
        system, _, name = entity.partition(".")
        connection = company.connections_of(system)[0]
        known = found.setdefault(entity, {})
        if max_age_minutes:
            missing = [key for key in keys if key not in known]
            with transaction(engine) as session:
                now = database_now(session)
                since = now - timedelta(minutes=max_age_minutes)
                known.update(master_rows_since(session, connection, entity, missing, since))
        missing = [key for key in keys if key not in known]
        if missing:
            if system not in hooks:
                hooks[system] = hook_for(system, connection)
            master: Master = hooks[system].entity(name)
            answers = master.lookup(missing)
            known.update(answers)
            if max_age_minutes and answers:
                with transaction(engine) as session:
                    keep_master_rows(session, connection, entity, answers, now)
        return {key: known[key] for key in keys if key in known}

    return look_up
