"""The one Airflow plugin: pages, and where webhooks come in. Every process of Airflow imports it: it stays light."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

__all__ = ["LedgerbridgePlugin"]

Message = MutableMapping[str, Any]


class _WhenAsked:
    """An ASGI application, imported when it is asked for the first time: only the API server needs it."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Serve one request."""
        module = await asyncio.to_thread(import_module, self._module)
        await getattr(module, self._name)(scope, receive, send)


class LedgerbridgePlugin(AirflowPlugin):
    """What Ledgerbridge adds to Airflow beside its provider entry point."""

    name = "ledgerbridge"
    fastapi_apps = [  # noqa: RUF012
        # before the pages, whose addresses begin with the same word
        {
            "app": _WhenAsked("inbox.in_airflow", "app"),
            "url_prefix": "/ledgerbridge/webhooks",
            "name": "Ledgerbridge webhooks",
        },
        {
            "app": _WhenAsked("pages.console.app", "app"),
            "url_prefix": "/ledgerbridge/console",
            "name": "Ledgerbridge console",
        },
        {"app": _WhenAsked("pages.app", "app"), "url_prefix": "/ledgerbridge", "name": "Ledgerbridge"},
    ]
    external_views = [  # noqa: RUF012
        # a page of its own in a frame: so it has a strict policy of its own (docs/decisions/0050)
        {
            "name": "Console",
            "href": f"{urlsplit(conf.get('api', 'base_url', fallback='')).path.rstrip('/')}/ledgerbridge/console/",
            "destination": "nav",
            "url_route": "ledgerbridge",
            "nav_top_level": True,
        }
    ]
