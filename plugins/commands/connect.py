"""``ledgerbridge connect``: a person lets a connection's app reach an organisation, or be told by a system."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from commands.callback import Callback
from commands.options import new_app
from ledgerbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from hooks.wire.web_api import WebApiHook
    from hooks.xero.consent import Tenant
    from hooks.xero.hook import XeroHook

__all__ = ["app"]

app = new_app()

_PORT = 8914


@app.callback()
def systems() -> None:
    """One command a system: consent to it, or be told by it."""
    # like `airflow connections test`, for connections that lie in Airflow's own database
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


@app.command()
def xero(
    connection: Annotated[str, typer.Option(help="Airflow connection.")] = "xero_default",
    port: Annotated[int, typer.Option(help="The app has the redirect address http://localhost:PORT/callback.")] = _PORT,
    tenant: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Organisation, by name or id, when the consent reaches several."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address to open.")] = False,
    wait: Annotated[float, typer.Option(metavar="SECONDS", help="For the consent.")] = 300,
    webhooks: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="No consent: test the receiver there as Xero does, before it is registered."
        ),
    ] = None,
) -> int:
    """Consent in the browser; the tokens are kept and renewed from then on."""
    from hooks.xero.hook import XeroHook

    hook = XeroHook(connection)
    if webhooks is not None:
        return _test_receiver(hook, webhooks)
    _check_connections(hook)
    with Callback(port) as callback:
        consent = hook.consent(callback.address)
        consent.check()
        print(f"Sign in to Xero and allow access:\n\n  {consent.url}\n", flush=True)
        if not no_browser:
            webbrowser.open(consent.url)
        redirected_to = callback.wait(wait)
    chosen = hook.complete_consent(consent, redirected_to, _chooser(tenant))
    print(f"Connection {connection} reaches {chosen}; its tokens renew themselves while it is used.")
    # a hook of its own, as any task has: what it can't do, no task can
    works, found = XeroHook(connection).test_connection()
    print(found)
    return 0 if works else 1


@app.command()
def shopify(
    webhooks: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where the shop is to tell of its orders: the receiver's, by https.")
    ],
    connection: Annotated[str, typer.Option(help="Airflow connection.")] = "shopify_default",
) -> int:
    """Subscribe to what is missing, and list all subscriptions of the app; again whenever the shop has ended some."""
    from hooks.shopify.hook import ShopifyHook
    from hooks.shopify.subscriptions import subscribe, subscriptions

    hook = ShopifyHook(connection)
    added = subscribe(hook, webhooks)
    for each in subscriptions(hook):
        is_new = each.uri == webhooks and each.topic in added
        print(f"{'added' if is_new else 'there':<6} {each.topic:<26} {each.uri}")
    _tell_of_watch(hook, webhooks)
    return 0


@app.command()
def stripe(
    webhooks: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where Stripe is to tell of the account: the receiver's, by https.")
    ],
    connection: Annotated[str, typer.Option(help="Airflow connection.")] = "stripe_default",
) -> int:
    """Let Stripe tell of what flows read, and list the account's endpoints; again whenever Stripe has disabled one."""
    from hooks.stripe.hook import StripeHook
    from hooks.stripe.subscriptions import endpoints, subscribe

    hook = StripeHook(connection)
    ours, is_new = subscribe(hook, webhooks)
    for each in endpoints(hook):
        done = "added" if ours.secret else "mended"
        standing = "" if each.enabled else ", disabled by Stripe or a person"
        print(f"{done if is_new and each.identity == ours.identity else 'there':<6} {each.url}{standing}")
    if ours.secret:
        print(f"Put this into the extra of {connection} as `webhook_secret`; Stripe shows it this once: {ours.secret}")
    _tell_of_watch(hook, webhooks)
    return 0


def _tell_of_watch(hook: WebApiHook, address: str) -> None:
    """What people have to do so that the subscription's end is noticed."""
    if hook.webhooks != address:
        print(f"Put {address} into the extra of {hook.http_conn_id} as `webhooks`: `watch` then tells when it ends.")


def _test_receiver(hook: XeroHook, address: str) -> int:
    from hooks.xero.intent_to_receive import check_receiver

    took = check_receiver(address, hook.setting("webhook_secret"))
    print(
        f"{address} answers as Xero wants it, within {took:.2f} s.\n"
        "Xero lets nobody subscribe, or see what is subscribed to, but on the app's page: at developer.xero.com,\n"
        "My Apps, Webhooks, choose contacts, invoices and credit notes, give this address, and send the intent to\n"
        "receive. Look there again when events stay away: Xero ends what nobody answered for a day."
    )
    return 0


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
