"""tap-xero, the Singer tap: discovers, then writes what it reads to stdout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
import tap_xero
import tap_xero.client
from singer import metadata

_IDENTITY = "https://identity.xero.com/connect/token"


def pages(access: dict[str, Any]) -> Iterator[list[str]]:
    """One page of all its messages of records, each a line of JSON; its own pages are of a hundred."""
    tap_xero.client.BASE_URL = f"{access['url']}/api.xro/2.0"
    # the address of the identity service stands within a function
    tap_xero.client.requests.Session = _pointed_to(access["token_url"])
    config = {name: access[name] for name in ("client_id", "client_secret", "tenant_id", "refresh_token")}
    with TemporaryDirectory() as folder:
        kept, written = Path(folder, "config.json"), Path(folder, "messages")
        context = tap_xero.Context(config | {"start_date": "2000-01-01T00:00:00Z"}, {}, None, str(kept))
        context.catalog = tap_xero.discover(context)
        for entry in context.catalog.streams:
            if entry.stream == access["collection"].lower():
                chosen = metadata.write(metadata.to_map(entry.metadata), (), "selected", True)
                entry.metadata = metadata.to_list(chosen)
        with written.open("w") as messages, redirect_stdout(messages):
            tap_xero.sync(context)
        with written.open() as messages:
            yield [message for message in messages if '"type": "RECORD"' in message]


def plain(message: str) -> dict[str, Any]:
    """The record of a message."""
    record: dict[str, Any] = json.loads(message)["record"]
    return record


def _pointed_to(token_url: str) -> type[requests.Session]:
    class Pointed(requests.Session):
        def post(self, url: Any, *args: Any, **options: Any) -> requests.Response:
            return super().post(token_url if url == _IDENTITY else url, *args, **options)

    return Pointed
