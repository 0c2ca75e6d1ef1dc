"""dlt's REST source, told what Xero's pages look like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator


def pages(access: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Xero's own objects."""
    signed_in = OAuth2ClientCredentials(
        access_token_url=access["token_url"], client_id=access["client_id"], client_secret=access["client_secret"]
    )
    client = RESTClient(
        base_url=f"{access['url']}/api.xro/2.0",
        headers={"xero-tenant-id": access["tenant_id"], "Accept": "application/json"},
        auth=signed_in,
        paginator=PageNumberPaginator(base_page=1, page_param="page", total_path="pagination.pageCount"),
    )
    collection = access["collection"]
    yield from client.paginate(collection, params={"pageSize": access["page_size"]}, data_selector=collection)


def plain(record: dict[str, Any]) -> dict[str, Any]:
    """As it came."""
    return record
