"""Files attached to a record: sent and fetched whole, by name."""

from __future__ import annotations

import sqlite3
from urllib.parse import quote

from fastapi import APIRouter, Response

from sandbox.xero.calls import Call, ReceivedCall, read, write
from sandbox.xero.errors import ApiError, not_found
from sandbox.xero.models import Book
from sandbox.xero.reading import found_by_id
from sandbox.xero.resources import RESOURCES
from sandbox.xero.wire import Element, new_id

__all__ = ["add_attachment_routes"]

_API = "https://api.xero.com/api.xro/2.0"
_MOST = 10
_MOST_BYTES = 10 * 1024 * 1024  # unverified: the API's own pages say 3 and 25 MB too


def add_attachment_routes(routes: APIRouter) -> None:
    """``/{resource}/{id}/Attachments`` of every resource that has ``HasAttachments``."""

    @routes.get("/{resource}/{key}/Attachments")
    def list_attachments(resource: str, key: str, call: ReceivedCall) -> Response:
        return read(call, lambda book: {"Attachments": [_shown(row) for row in _rows(book, resource, key)]})

    @routes.get("/{resource}/{key}/Attachments/{file_name}")
    def fetch_attachment(resource: str, key: str, file_name: str, call: ReceivedCall) -> Response:
        book = call.state.read(call.caller.tenant_id)
        for row in _rows(book, resource, key):
            if file_name in {row["file_name"], row["attachment_id"]}:
                return Response(row["content"], media_type="application/octet-stream")
        raise not_found()

    @routes.put("/{resource}/{key}/Attachments/{file_name}")
    @routes.post("/{resource}/{key}/Attachments/{file_name}")
    def attach(resource: str, key: str, file_name: str, call: ReceivedCall) -> Response:
        return write(call, lambda book: {"Attachments": [_attach(book, call, resource, key, file_name)]})


def _attach(book: Book, call: Call, resource: str, key: str, file_name: str) -> Element:
    rows = _rows(book, resource, key)
    replaced = next((row["attachment_id"] for row in rows if row["file_name"] == file_name), None)
    if replaced is None and len(rows) >= _MOST:
        raise ApiError(400, f"A record takes at most {_MOST} attachments")
    if len(call.body) > _MOST_BYTES:
        raise ApiError(400, f"An attachment has at most {_MOST_BYTES} bytes")
    record = found_by_id(book, RESOURCES[resource], key)
    mime_type = call.headers.get("content-type", "application/octet-stream")
    values = (book.tenant_id, resource, record.id, replaced or new_id(), file_name, mime_type, call.body)
    book.connection.execute("INSERT OR REPLACE INTO attachment VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    record.body["HasAttachments"] = True
    book.save(record)
    return next(_shown(row) for row in _rows(book, resource, key) if row["file_name"] == file_name)


def _rows(book: Book, resource: str, key: str) -> list[sqlite3.Row]:
    if resource not in RESOURCES or "HasAttachments" not in RESOURCES[resource].fields:
        raise not_found()
    record = found_by_id(book, RESOURCES[resource], key)
    return book.connection.execute(
        "SELECT * FROM attachment WHERE tenant_id = ? AND resource = ? AND id = ? ORDER BY file_name",
        (book.tenant_id, resource, record.id),
    ).fetchall()


def _shown(row: sqlite3.Row) -> Element:
    return {
        "AttachmentID": row["attachment_id"],
        "FileName": row["file_name"],
        "Url": f"{_API}/{row['resource']}/{row['id']}/Attachments/{quote(row['file_name'])}",
        "MimeType": row["mime_type"],
        "ContentLength": len(row["content"]),
    }
