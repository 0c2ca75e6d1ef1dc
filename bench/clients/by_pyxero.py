"""pyxero, an app that a person has consented to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

import xero
import xero.auth

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain HTTP to this very machine


def pages(access: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Dictionaries with dates; numbers are floats."""
    xero.auth.XERO_OAUTH2_TOKEN_URL = access["token_url"]
    token = {"refresh_token": access["refresh_token"], "expires_at": 0}
    signed_in = xero.auth.OAuth2Credentials(
        access["client_id"], access["client_secret"], token=token, scope=access["scopes"]
    )
    signed_in.base_url = access["url"]
    signed_in.refresh()
    signed_in.set_default_tenant()
    manager = getattr(xero.Xero(signed_in), access["collection"].lower())
    for page in count(1):
        records = manager.filter(page=page, pageSize=access["page_size"])
        if not records:
            return
        yield records


def plain(record: dict[str, Any]) -> dict[str, Any]:
    """As it came."""
    return record
