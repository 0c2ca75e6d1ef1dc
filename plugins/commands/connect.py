"""``ledgerbridge connect``: a person lets a connection's app reach an organisation."""

from __future__ import annotations

import argparse
import os
import webbrowser
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from commands.callback import Callback
from ledgerbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from hooks.xero.consent import Tenant
    from hooks.xero.hook import XeroHook

__all__ = ["register"]

_PORT = 8914


def register(commands: Any) -> None:
    """Add ``connect``."""
    command = commands.add_parser("connect", help="let a connection's app reach an organisation, by a person's consent")
    systems = command.add_subparsers(required=True, metavar="SYSTEM")
    xero = systems.add_parser("xero", help="consent in the browser; the tokens are kept and renewed from then on")
    xero.add_argument("--connection", default="xero_default", help="Airflow connection (default: %(default)s)")
    xero.add_argument(
        "--port",
        type=int,
        default=_PORT,
        help="the app has the redirect address http://localhost:PORT/callback (default: %(default)s)",
    )
    xero.add_argument("--tenant", metavar="NAME", help="organisation, by name or id, when the consent reaches several")
    xero.add_argument("--no-browser", action="store_true", help="only print the address to open")
    xero.add_argument(
        "--wait", type=float, default=300, metavar="SECONDS", help="for the consent (default: %(default)s)"
    )
    xero.set_defaults(run=_connect_xero)


def _connect_xero(options: argparse.Namespace) -> int:
    from hooks.xero.hook import XeroHook

    # like `airflow connections test`, for connections that lie in Airflow's own database
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    hook = XeroHook(options.connection)
    _check_connections(hook)
    with Callback(options.port) as callback:
        consent = hook.consent(callback.address)
        consent.check()
        print(f"Sign in to Xero and allow access:\n\n  {consent.url}\n", flush=True)
        if not options.no_browser:
            webbrowser.open(consent.url)
        redirected_to = callback.wait(options.wait)
    chosen = hook.complete_consent(consent, redirected_to, _chooser(options.tenant))
    print(f"Connection {options.connection} reaches {chosen}; its tokens renew themselves while it is used.")
    # a hook of its own, as any task has: what it can't do, no task can
    works, found = XeroHook(options.connection).test_connection()
    print(found)
    return 0 if works else 1


def _check_connections(hook: XeroHook) -> None:
    """
    See that there are the app's connection and a place for its tokens, before anybody consents in vain.

    :raises ConfigurationError: one of the two is missing.
    """
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        _ = hook.tokens.tenant_id
    except AirflowNotFoundException as error:
        raise ConfigurationError(
            "LB-XERO-001",
            f"{error}; expected {hook.http_conn_id!r} with the app's client id and secret, and 'ledgerbridge_db'",
            remedy="Add it in Airflow (Admin, Connections) or as AIRFLOW_CONN_….",
        ) from error


def _chooser(wanted: str | None) -> Callable[[Sequence[Tenant]], Tenant]:
    def choose(tenants: Sequence[Tenant]) -> Tenant:
        if wanted is None and len(tenants) == 1:
            return tenants[0]
        named = wanted or _asked(tenants)
        for tenant in tenants:
            if named.casefold() in {tenant.tenant_id.casefold(), tenant.name.casefold()}:
                return tenant
        found = ", ".join(map(str, tenants))
        raise ConfigurationError(
            "LB-XERO-005",
            f"the consent reaches {found}, not {named!r}",
            remedy="Name one of them by --tenant, or consent to another organisation.",
        )

    return choose


def _asked(tenants: Sequence[Tenant]) -> str:
    for number, tenant in enumerate(tenants, start=1):
        print(f"  {number}  {tenant}")
    try:
        answer = input("Which organisation is this connection for? ").strip()
    except EOFError:
        return ""
    numbered = {str(number): tenant.tenant_id for number, tenant in enumerate(tenants, start=1)}
    return numbered.get(answer, answer)
