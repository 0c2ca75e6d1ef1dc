"""The systems of a company: its hooks, its books, and what mappings look up in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pkgutil import resolve_name
from typing import Any

from sqlalchemy import Engine

from hooks.systems import SystemHook, hook_for, system_named, systems
from ledgerbridge.entities import Master, SharedGateway
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import Company
from ledgerbridge.mapping.lookups import LiveLookup
from ledgerbridge.reconciliation import Books, GatewayBooks, JoinedGatewayBooks, Looked
from ledgerbridge.state import transaction
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.master_rows import keep_master_rows, master_rows_since

__all__ = ["books_of", "gateway_books_of", "hook_of", "hooks_of", "ledgers", "live_lookup"]


def ledgers() -> list[str]:
    """The systems that keep books."""
    return [name for name, system in systems().items() if system.books]


def books_of(system: str, company: Company) -> Books:
    """
    The books of a ledger.

    :raises ConfigurationError: the system is no ledger.
    """
    path = system_named(system).books
    if path is None:
        raise ConfigurationError(
            "LB-CFG-005", f'"{system}" is no ledger.', remedy=f"The ledgers are: {', '.join(ledgers())}."
        )
    roles = {str(account["role"]) for account in company.accounts if account.get(system)}
    hook = hook_for(system, company.connections_of(system)[0])
    books: Books = resolve_name(path)(hook, roles, company.settings)
    return books


def gateway_books_of(gateway: str, company: Company, kept: Looked) -> GatewayBooks:
    """
    The movements of a gateway, of all accounts that a company has with it.

    :param kept: what earlier passes read of it.
    :raises ConfigurationError: nobody knows how to read this gateway's balance.
    """
    path = system_named(gateway).gateway_books
    if path is None:
        gateways = ", ".join(name for name, each in systems().items() if each.gateway_books)
        raise ConfigurationError("LB-CFG-005", f'"{gateway}" is no gateway.', remedy=f"The gateways are: {gateways}.")
    hooks = hooks_of(gateway, company).values()
    return JoinedGatewayBooks([resolve_name(path)(hook, kept, company.base_currency) for hook in hooks])


def hook_of(system: str, connection: str, company: Company) -> SystemHook:
    """
    The hook of a system on a connection; of a gateway that companies share, it knows which part is this one's.

    :raises ConfigurationError: there is no such system, or it can't be shared.
    """
    hook, share = hook_for(system, connection), company.share_of(system)
    if share is not None:
        if not isinstance(hook, SharedGateway):
            raise ConfigurationError(
                "LB-CFG-004",
                f"company {company.key} shares {system}, of which nobody knows how to tell whose a charge is.",
                remedy=f"Take `shared` of gateway {system} away, and give each company an account of its own.",
            )
        hook.share = share
    return hook


def hooks_of(system: str, company: Company) -> dict[str, SystemHook]:
    """Every hook of a system, by connection id (a company may have several shops)."""
    return {each: hook_of(system, each, company) for each in company.connections_of(system)}


Calling = Callable[[str], AbstractContextManager[None]]
"""What is around a call over a connection: it knows how calls to that system went."""


def live_lookup(company: Company, engine: Engine, calling: Calling) -> LiveLookup:
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
        missing = [key for key in keys if key not in known]
        if missing and max_age_minutes:
            with transaction(engine) as session:
                since = database_now(session) - timedelta(minutes=max_age_minutes)
                known.update(master_rows_since(session, connection, entity, missing, since))
            missing = [key for key in missing if key not in known]
        if missing:
            with transaction(engine) as session:
                now = database_now(session)
            with calling(connection):
                if system not in hooks:
                    hooks[system] = hook_for(system, connection)
                master: Master = hooks[system].entity(name)
                answers = master.lookup(missing)
            known.update(answers)
            if answers:  # also where no age is allowed: a trial of a changed mapping asks no system
                with transaction(engine) as session:
                    keep_master_rows(session, connection, entity, answers, now)
        return {key: known[key] for key in keys if key in known}

    return look_up
