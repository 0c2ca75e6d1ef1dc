"""A document's content as text and hash: what is sent, what is compared, what is kept."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from ledgerbridge.entities import Document
from ledgerbridge.state.companies import MAIN

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["content_hash", "document_text", "documents_of", "plain"]


_AS_IT_IS = frozenset({str, int, bool, float, type(None)})
"""Types of what stands in JSON as it is: most of a document, and told by its exact type faster than by any other."""


def plain(value: Any) -> Any:
    """``value`` for JSON: decimals and days as text, without superfluous zeros, so that equal content is equal text."""
    if isinstance(value, dict):
        return {
            key: each if type(each) in _AS_IT_IS else plain(each) for key, each in value.items() if each is not None
        }
    if isinstance(value, list):
        return [each if type(each) in _AS_IT_IS else plain(each) for each in value]
    if isinstance(value, Decimal):
        return format(value.normalize() + 0, "f")
    if isinstance(value, date):
        return value.isoformat()
    return value


def content_hash(header: dict[str, Any], parts: dict[str, list[dict[str, Any]]]) -> str:
    """The same for the same content."""
    return _hash(plain({"header": header, **parts}))


def seen_hash(content: dict[str, Any]) -> str:
    """``content_hash`` of what a target answered, which is ``plain`` already."""
    return _hash({"header": content})


def _hash(content: dict[str, Any]) -> str:
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def document_text(document: Document) -> dict[str, Any]:
    """A document as it is kept: ``header`` and its parts, for JSON; what ``content_hash`` is the hash of."""
    content: dict[str, Any] = plain({"header": document.header, **document.parts})
    return content


def documents_of(frames: dict[str, pd.DataFrame], entity: str, company: str = MAIN) -> list[Document]:
    """
    The documents of mapped frames, in the header's order.

    The idempotency key is the company's and the content's: the same document sent again has the same one.
    """
    of_company = () if company == MAIN else (company,)
    children = {name: _rows_by_key(frame) for name, frame in frames.items() if name != "header"}
    documents = []
    for header in rows_of(frames["header"]):
        key = header.pop("record_key")
        parts = {name: rows.get(key, []) for name, rows in children.items()}
        digest = content_hash(header, parts)
        documents.append(
            Document(
                key, sha256("\x1f".join((*of_company, entity, key, digest)).encode()).hexdigest()[:48], header, parts
            )
        )
    return documents


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as Python values: decimals stay decimals, days days, nothing becomes a float."""
    rows: list[dict[str, Any]] = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return rows


def _rows_by_key(frame: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(frame):
        grouped.setdefault(row.pop("record_key"), []).append(row)
    return grouped
