"""xero-python, Xero's own client, with its models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.api_client.serializer import serialize


def pages(access: dict[str, Any]) -> Iterator[list[Any]]:
    """Its models."""
    TokenApi.client_credentials_token_url = access["token_url"]
    kept: dict[str, Any] = {}
    oauth = OAuth2Token(client_id=access["client_id"], client_secret=access["client_secret"])
    client = ApiClient(Configuration(oauth2_token=oauth))
    client.oauth2_token_getter(lambda: kept)
    client.oauth2_token_saver(kept.update)
    oauth.get_client_credentials_access_token(client, app_store_billing=False)
    api = AccountingApi(client, base_url=f"{access['url']}/api.xro/2.0")
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", access["collection"]).lower()
    for page in count(1):
        answer = getattr(api, f"get_{name}")(access["tenant_id"], page=page, page_size=access["page_size"])
        yield getattr(answer, name)
        if answer.pagination is None or page >= answer.pagination.page_count:
            return


def plain(record: Any) -> dict[str, Any]:
    """With Xero's own names."""
    fields: dict[str, Any] = serialize(record)
    return fields
