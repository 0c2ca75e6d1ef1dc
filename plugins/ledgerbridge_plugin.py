"""The one Airflow plugin: the pages behind our tasks' links. Every Airflow process imports it, so it stays light."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any

from airflow.plugins_manager import AirflowPlugin

__all__ = ["LedgerbridgePlugin"]

Message = MutableMapping[str, Any]


async def pages(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """The pages as an ASGI application, imported when the first of them is asked for: only the API server needs it."""
    module = await asyncio.to_thread(import_module, "pages.app")
    await module.app(scope, receive, send)


class LedgerbridgePlugin(AirflowPlugin):
    """What Ledgerbridge adds to Airflow beside its provider entry point."""

    name = "ledgerbridge"
    fastapi_apps = [{"app": pages, "url_prefix": "/ledgerbridge", "name": "Ledgerbridge"}]  # noqa: RUF012
