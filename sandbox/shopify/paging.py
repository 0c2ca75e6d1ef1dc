"""
Connections: pages with opaque cursors.

Source: sources.md Shopify §2 (paging).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from graphql import GraphQLError

from sandbox.shopify.call import Call, Export, Info, call_of

__all__ = ["check_page", "connection", "make_cursor", "nested_connection", "page_of", "read_cursor"]

Json = dict[str, Any]
MAX_PAGE = 250


def nested_connection(
    owner: Json,
    info: Info,
    *,
    includeRemovals: bool = True,
    reverse: bool = False,
    **arguments: Any,
) -> Json:
    """A page of a list that lies whole in its owner; the cursor is the position."""
    items = owner[info.field_name]
    if not includeRemovals:
        items = [item for item in items if not item["isRemoved"]]
    positions = list(enumerate(items))
    if reverse:
        positions.reverse()
    if after := arguments.get("after"):
        last, _ = read_cursor(after)
        positions = [found for found in positions if (found[0] < last if reverse else found[0] > last)]
    if call_of(info).export:
        return connection(
            [(make_cursor(position, 0), item) for position, item in positions], has_next=False, has_previous=False
        )
    size, backwards = check_page(arguments)
    chosen = positions[-size:] if backwards else positions[:size]
    page = [(make_cursor(position, 0), item) for position, item in chosen]
    return connection(page, has_next=not backwards and len(positions) > size, has_previous=bool(after))


def page_of(
    call: Call,
    rows: str,
    parameters: Sequence[Any],
    sort_columns: Mapping[str, str],
    arguments: Mapping[str, Any],
    export: Export | None = None,
) -> Json:
    """
    A page of a table's documents.

    :param rows: ``FROM … WHERE …``, with its parameters; the rows have ``id`` and ``document``.
    :param sort_columns: by the argument's sort key.
    :param export: of a bulk operation: where it stands, moved on by each call.
    """
    size, backwards = (MAX_PAGE, False) if export else check_page(arguments)
    column = sort_columns[arguments["sortKey"]]
    descending = arguments["reverse"] != backwards
    cursor = export.cursor if export else arguments.get("before" if backwards else "after")
    where, known = "", list(parameters)
    if cursor:
        value, last_id = read_cursor(cursor)
        where = f" AND ({column}, id) {'<' if descending else '>'} (?, ?)"
        known += [value, last_id]
    direction = "DESC" if descending else "ASC"
    found = call.shops.store.connection.execute(
        f"SELECT id, document, {column} AS sort_value {rows}{where}"
        f" ORDER BY {column} {direction}, id {direction} LIMIT ?",
        [*known, size + 1],
    ).fetchall()
    page = [(make_cursor(row["sort_value"], row["id"]), orjson.loads(row["document"])) for row in found[:size]]
    more = len(found) > size
    if export:
        export.cursor = page[-1][0] if more else None
    if backwards:
        return connection(page[::-1], has_next=bool(cursor), has_previous=more)
    return connection(page, has_next=more, has_previous=bool(cursor))


def connection(page: list[tuple[str, Json]], *, has_next: bool, has_previous: bool) -> Json:
    """A page of nodes, each with its cursor."""
    return {
        "edges": [{"cursor": cursor, "node": node} for cursor, node in page],
        "nodes": [node for _, node in page],
        "pageInfo": {
            "hasNextPage": has_next,
            "hasPreviousPage": has_previous,
            "startCursor": page[0][0] if page else None,
            "endCursor": page[-1][0] if page else None,
        },
    }


def make_cursor(value: str | int | float, last_id: int) -> str:
    """A place in a sorted list: the sort value there and the id that settles a tie."""
    return base64.b64encode(json.dumps([value, last_id]).encode()).decode()


def read_cursor(cursor: str) -> tuple[Any, int]:
    """
    Value and id of a cursor.

    :raises GraphQLError: it is none of ours.
    """
    try:
        value, last_id = json.loads(base64.b64decode(cursor))
    except ValueError as error:
        raise GraphQLError(f"`{cursor}` is not a valid cursor.", extensions={"code": "INVALID_CURSOR"}) from error
    return value, last_id


def check_page(arguments: Mapping[str, Any]) -> tuple[int, bool]:
    """
    How many nodes a connection gives, and whether from its end.

    :raises GraphQLError: neither ``first`` nor ``last``, or more than a page holds.
    """
    first, last = arguments.get("first"), arguments.get("last")
    size = first if first is not None else last
    if size is None:
        raise GraphQLError(
            "you must provide one of first or last", extensions={"code": "BAD_REQUEST", "problems": "first, last"}
        )
    if size > MAX_PAGE:
        raise GraphQLError(
            f"The `first`/`last` argument {size} exceeds the maximum of {MAX_PAGE}.",
            extensions={"code": "argumentLiteralsIncompatible", "maximum": MAX_PAGE},
        )
    return int(size), first is None
