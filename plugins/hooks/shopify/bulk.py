"""
Bulk operations: what is too much to page is exported by the shop itself, outside the cost limits.

Source: sources.md Shopify §2 ("Bulk", "JSONL").
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import msgspec
from requests.exceptions import RequestException

from hooks.shopify.api import ShopifyApi
from hooks.shopify.queries import BULK_RUN, BULK_STATE
from hooks.wire.limited_answers import limited_lines
from hooks.wire.untrusted import limited, parse_json
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, TransientError

__all__ = ["assembled", "exported_lines"]

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_BUSY = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
_UNDER_WAY = frozenset({"CREATED", "RUNNING", "CANCELING"})
_ROOTS_AT_ONCE = 250
_CHILDREN = """
SELECT parent, content FROM line WHERE parent IN (SELECT value FROM json_each(?)) ORDER BY length(id), id
"""


def exported_lines(hook: ShopifyApi, query: str) -> Iterator[bytes]:
    """
    Run a query in bulk, wait for its end, and yield its JSONL lines.

    :raises TransientError: five operations run already (``retry_after_seconds`` set), this one failed, or its result
        broke off or has a line beyond ``untrusted.MAX_BYTES``.
    :raises ConfigurationError: the query or a right is refused.
    """
    started = hook.graphql(BULK_RUN, {"query": query}).data["bulkOperationRunQuery"]
    if started["userErrors"]:
        raise _refusal(hook.shop, started["userErrors"][0])
    state = _finished(hook, started["bulkOperation"]["id"])
    if state["status"] != "COMPLETED":
        raise _failure(hook.shop, state)
    if state["url"] is None:
        return  # nothing matched
    response = hook.exchange("GET", state["url"], stream=True)
    if response.status_code != 200:
        raise TransientError(
            "LB-SHOPIFY-014",
            f"the result of {state['id']} of shop {hook.shop} answered {response.status_code}",
            remedy="Repeat: the export is run anew; its address is valid for seven days.",
        )
    try:
        yield from limited_lines(response)
    except RequestException as error:
        raise TransientError(
            "LB-SHOPIFY-014",
            f"the result of {state['id']} of shop {hook.shop} broke off: {type(error).__name__}",
            remedy="Repeat: the export is run anew.",
        ) from error


def assembled(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """
    Join the lines of an export to whole roots, oldest ``updatedAt`` first; an object's children lie under ``children``.

    A child carries its parent's id and may stand anywhere in the file, so all lines wait on disk. Children come in the
    order of their ids, which grow: their order in the file means nothing. Decimal numbers are strings.

    :raises TransientError: a line is no JSON object.
    """
    with closing(sqlite3.connect("")) as rows:
        rows.execute("CREATE TABLE line (id TEXT, parent TEXT, updated TEXT, content BLOB)")
        rows.executemany("INSERT INTO line VALUES (?, ?, ?, ?)", map(_row, lines))
        rows.execute("CREATE INDEX line_parent ON line (parent)")
        # a root's text is not sorted with it: a million of them are gigabytes
        rows.execute("CREATE INDEX line_updated ON line (updated) WHERE parent IS NULL")
        found = rows.execute("SELECT content FROM line WHERE parent IS NULL ORDER BY updated")
        while roots := [_parsed(content) for (content,) in found.fetchmany(_ROOTS_AT_ONCE)]:
            _add_children(rows, roots)
            yield from roots


class _Place(msgspec.Struct):
    """What of a line tells where it belongs."""

    id: str | None = None
    parent: str | None = msgspec.field(default=None, name="__parentId")
    updated: str | None = msgspec.field(default=None, name="updatedAt")


_PLACES = msgspec.json.Decoder(_Place)


def _row(line: bytes) -> tuple[str | None, str | None, str | None, bytes]:
    try:
        place = _PLACES.decode(limited(line))
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise _no_object(error) from error
    return place.id, place.parent, place.updated, line


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        item: dict[str, Any] = parse_json(content)
    except ValueError as error:
        raise _no_object(error) from error
    item.pop("__parentId", None)
    item["children"] = []
    return item


def _add_children(rows: sqlite3.Connection, parents: list[dict[str, Any]]) -> None:
    """Level by level: one query for the children of many."""
    while parents:
        owners: dict[str, list[dict[str, Any]]] = {}
        for each in parents:
            if each.get("id") is not None:
                owners.setdefault(each["id"], []).append(each)
        parents = []
        ids = msgspec.json.encode(list(owners)).decode()
        for parent, content in rows.execute(_CHILDREN, (ids,)):
            for owner in owners[parent]:
                child = _parsed(content)
                owner["children"].append(child)
                parents.append(child)


def _no_object(error: Exception) -> TransientError:
    return TransientError(
        "LB-SHOPIFY-014",
        f"a line of the export is no JSON object: {error}",
        remedy="Repeat: the export is run anew.",
    )


def _finished(hook: ShopifyApi, identity: str) -> Mapping[str, Any]:
    wait_seconds = _FIRST_WAIT_SECONDS
    while True:
        state: Mapping[str, Any] = hook.graphql(BULK_STATE, {"id": identity}).data["bulkOperation"]
        if state["status"] not in _UNDER_WAY:
            return state
        hook.log.info("shop %s exports: %s objects so far", hook.shop, state["objectCount"])
        hook.sleep(wait_seconds)
        wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)


def _refusal(shop: str, error: Mapping[str, Any]) -> LedgerbridgeError:
    if error["code"] in _BUSY:
        return TransientError(
            "LB-SHOPIFY-013",
            f"shop {shop} runs as many bulk operations of this app as it allows",
            remedy="Repeat when one has ended.",
            retry_after_seconds=60,
        )
    found = f"shop {shop} refuses the bulk operation ({error['code']}): {error['message']}"
    return ConfigurationError("LB-SHOPIFY-007", found, remedy="Report it with the message.")


def _failure(shop: str, state: Mapping[str, Any]) -> LedgerbridgeError:
    found = f"{state['id']} of shop {shop} ended {state['status']} ({state['errorCode'] or 'no code'})"
    if state["errorCode"] == "ACCESS_DENIED":
        remedy = "Give the app the scopes the connection test names and install it again."
        return ConfigurationError("LB-SHOPIFY-003", found, remedy=remedy)
    return TransientError("LB-SHOPIFY-014", found, remedy="Repeat, perhaps with a shorter window.")
