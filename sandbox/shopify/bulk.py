"""
Bulk operations: a query over everything, run beside the API, its result a file of JSON lines.

Children of a connection are lines of their own with ``__parentId``, after all roots unless grouped; plain lists stay
in their parent's line.

Source: sources.md Shopify §2 (Bulk, JSONL).
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import orjson
from graphql import DocumentNode, GraphQLSchema, execute_sync, parse

from sandbox.shopify.call import Call, Export
from sandbox.shopify.models import Shops
from sandbox.shopify.rendering import gid
from sandbox.shopify.settings import Settings
from sandbox.store import wire_instant

__all__ = ["MAX_RUNNING", "BulkOperations"]

Json = dict[str, Any]
MAX_RUNNING = 5
URL_LIFETIME_SECONDS = 7 * 24 * 3600


class BulkOperations:
    """The bulk operations of all shops."""

    def __init__(self, shops: Shops) -> None:
        self._shops = shops
        self._store = shops.store

    def start(self, call: Call, schema: GraphQLSchema, query: str, grouped: bool) -> int | None:
        """Run ``query`` beside the API; its number, or None while as many run as may."""
        row = (call.shop.domain, call.token.client_id)
        with self._store.write() as connection:
            running = connection.execute(
                "SELECT count(*) AS n FROM bulk_operation WHERE shop = ? AND client_id = ?"
                " AND status IN ('CREATED', 'RUNNING', 'CANCELING')",
                row,
            ).fetchone()["n"]
            if running >= MAX_RUNNING:
                return None
            number: int = connection.execute(
                "INSERT INTO bulk_operation"
                " (shop, client_id, secret, query, grouped, status, created_at, objects, roots)"
                " VALUES (?, ?, ?, ?, ?, 'CREATED', ?, 0, 0) RETURNING id",
                (*row, secrets.token_hex(16), query, grouped, wire_instant(self._shops.clock.now())),
            ).fetchone()["id"]
        if not Settings.read(self._store).bulk_held:
            export = Call(call.shops, call.shop, call.token, call.origin, call.version)
            threading.Thread(target=self._run, args=(number, export, schema), daemon=True).start()
        return number

    def cancel(self, number: int) -> bool:
        """Stop an operation that is under way; False when it had ended."""
        with self._store.write() as connection:
            found = connection.execute(
                "UPDATE bulk_operation SET status = 'CANCELED' WHERE id = ? AND status IN ('CREATED', 'RUNNING')",
                (number,),
            )
            return found.rowcount > 0

    def end(self, number: int, outcome: Literal["finish", "fail"]) -> None:
        """A person ends a held operation: with an empty result, or in failure."""
        if outcome == "finish":
            self._complete(number, 0, 0)
        else:
            self._fail(number, "INTERNAL_SERVER_ERROR")

    def render(self, row: sqlite3.Row, origin: str) -> Json:
        """The operation as type ``BulkOperation`` has it."""
        has_file = bool(row["size"]) and time.time() - row["ended_real_at"] < URL_LIFETIME_SECONDS
        url = f"{origin}/bulk/{row['id']}-{row['secret']}.jsonl" if has_file else None
        completed = row["status"] == "COMPLETED"
        return {
            "__typename": "BulkOperation",
            "id": gid("BulkOperation", row["id"]),
            "type": "QUERY",
            "status": row["status"],
            "errorCode": row["error_code"],
            "query": row["query"],
            "createdAt": row["created_at"],
            "completedAt": row["completed_at"],
            "objectCount": str(row["objects"]),
            "rootObjectCount": str(row["roots"]),
            "fileSize": str(row["size"]) if row["size"] is not None else None,
            "url": url if completed else None,
            "partialDataUrl": url if not completed else None,
        }

    def find(self, shop: str, number: int) -> sqlite3.Row | None:
        """One operation of a shop."""
        row: sqlite3.Row | None = self._store.connection.execute(
            "SELECT * FROM bulk_operation WHERE id = ? AND shop = ?", (number, shop)
        ).fetchone()
        return row

    def all(self, shop: str) -> list[sqlite3.Row]:
        """All operations of a shop, oldest first."""
        rows = self._store.connection.execute("SELECT * FROM bulk_operation WHERE shop = ? ORDER BY id", (shop,))
        return rows.fetchall()

    def file(self, name: str) -> Path | None:
        """The result of that address, while it is valid."""
        number, _, secret = name.partition("-")
        row = self._store.connection.execute(
            "SELECT ended_real_at FROM bulk_operation WHERE id = ? AND secret = ?", (number, secret)
        ).fetchone()
        if row is None or row["ended_real_at"] is None or time.time() - row["ended_real_at"] > URL_LIFETIME_SECONDS:
            return None
        return self._path(int(number))

    def _path(self, number: int) -> Path:
        return self._shops.exports / f"{number}.jsonl"

    def _run(self, number: int, call: Call, schema: GraphQLSchema) -> None:
        with self._store.write() as connection:
            started = connection.execute(
                "UPDATE bulk_operation SET status = 'RUNNING' WHERE id = ? AND status = 'CREATED'"
                " RETURNING query, grouped",
                (number,),
            ).fetchone()
        if started is None:
            return
        self._shops.exports.mkdir(parents=True, exist_ok=True)
        roots = objects = 0
        # nobody may rely on children behind their parents, so they come in the other order
        children: list[Json] = []
        try:
            with self._path(number).open("wb") as file:
                for root in _roots(call, schema, parse(started["query"])):
                    roots += 1
                    own, below = _lines(root)
                    objects += 1 + len(below)
                    file.write(orjson.dumps(own) + b"\n")
                    if started["grouped"]:
                        file.writelines(orjson.dumps(line) + b"\n" for line in below)
                    else:
                        children += below
                file.writelines(orjson.dumps(line) + b"\n" for line in reversed(children))
        except ExportRefused as refused:
            self._fail(number, refused.code)
            return
        self._complete(number, objects, roots)

    def _complete(self, number: int, objects: int, roots: int) -> None:
        path = self._path(number)
        size = path.stat().st_size if path.exists() else 0
        with self._store.write() as connection:
            connection.execute(
                "UPDATE bulk_operation SET status = 'COMPLETED', completed_at = ?, ended_real_at = ?, objects = ?,"
                " roots = ?, size = ? WHERE id = ? AND status IN ('CREATED', 'RUNNING')",
                (wire_instant(self._shops.clock.now()), time.time(), objects, roots, size, number),
            )
            self._announce(connection, number)
        self._shops.subscriptions.courier.depart()

    def _fail(self, number: int, code: str) -> None:
        with self._store.write() as connection:
            connection.execute(
                "UPDATE bulk_operation SET status = 'FAILED', error_code = ?, completed_at = ?, ended_real_at = ?"
                " WHERE id = ? AND status IN ('CREATED', 'RUNNING')",
                (code, wire_instant(self._shops.clock.now()), time.time(), number),
            )
            self._announce(connection, number)
        self._shops.subscriptions.courier.depart()

    def _announce(self, connection: sqlite3.Connection, number: int) -> None:
        row = connection.execute("SELECT * FROM bulk_operation WHERE id = ?", (number,)).fetchone()
        body = {
            "admin_graphql_api_id": gid("BulkOperation", number),
            "completed_at": row["completed_at"],
            "created_at": row["created_at"],
            "error_code": row["error_code"] and row["error_code"].lower(),
            "status": row["status"].lower(),
            "type": "query",
        }
        now = self._shops.clock.now()
        self._shops.subscriptions.announce(connection, row["shop"], "BULK_OPERATIONS_FINISH", body, now)


class ExportRefused(Exception):
    """The query reads what the app may not, or failed on the way."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _roots(call: Call, schema: GraphQLSchema, document: DocumentNode) -> Iterator[Json]:
    """The nodes of the query's one root connection, page by page."""
    call.export = Export()
    while True:
        result = execute_sync(schema, document, context_value=call)
        if result.errors or result.data is None:
            codes = [(error.extensions or {}).get("code") for error in result.errors or []]
            raise ExportRefused("ACCESS_DENIED" if "ACCESS_DENIED" in codes else "INTERNAL_SERVER_ERROR")
        [root] = result.data.values()
        yield from _nodes(root)
        if call.export.cursor is None:
            return


def _nodes(connection: Json) -> list[Json]:
    if "nodes" in connection:
        return list(connection["nodes"])
    return [edge["node"] for edge in connection["edges"]]


def _is_connection(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and set(value) <= {"edges", "nodes", "pageInfo"}


def _lines(node: Json, parent_id: str | None = None) -> tuple[Json, list[Json]]:
    """A node's own line, and those of everything below it."""
    own = {name: value for name, value in node.items() if not _is_connection(value)}
    if parent_id is not None:
        own["__parentId"] = parent_id
    below: list[Json] = []
    for value in node.values():
        if _is_connection(value):
            for child in _nodes(value):
                line, deeper = _lines(child, node["id"])
                below += [line, *deeper]
    return own, below
