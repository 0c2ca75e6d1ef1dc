"""Kept documents of replayed dead letters, as frames beside those a mapping just made."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.state.replays import KeptDocument

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["schemas_of", "with_canonical", "with_documents", "with_headers"]

Frames: TypeAlias = "dict[str, pd.DataFrame]"


def schemas_of(frames: Frames) -> dict[str, str]:
    """The Arrow schema of each part, serialised: what text needs to become the same frame again."""
    return {
        name: base64.b64encode(_table(frame).schema.serialize().to_pybytes()).decode() for name, frame in frames.items()
    }


def with_documents(frames: Frames, kept: Iterable[KeptDocument]) -> Frames:
    """Frames of documents with the kept ones added; a kept one takes the place of one of the same key."""
    by_key = {each.record_key: each for each in kept}  # several source records may have made one document
    tables: dict[str, list[pa.Table]] = {}
    for key, each in by_key.items():
        for part, schema in each.types.items():
            rows = [each.document["header"]] if part == "header" else each.document.get(part, [])
            named = [{**row, "record_key": key} for row in rows]
            tables.setdefault(part, []).append(_typed(named, _schema(schema)))
    return _added(frames, tables, list(by_key))


def with_canonical(frames: Frames, entity: str, kept: Iterable[KeptDocument]) -> Frames:
    """Canonical frames with the headers of kept documents added."""
    return with_headers(frames, entity, {each.record_key: each.canonical for each in kept})


def with_headers(frames: Frames, entity: str, headers: Mapping[str, Mapping[str, Any]]) -> Frames:
    """Canonical frames with headers added, which are given as text, by record key."""
    rows = [{**header, "record_key": key} for key, header in headers.items()]
    schema = pa.schema(list(CANONICAL[entity]["header"].items()))
    return _added(frames, {"header": [_typed(rows, schema)]}, list(headers))


def _added(frames: Frames, tables: Mapping[str, list[pa.Table]], keys: list[str]) -> Frames:
    import pandas as pd

    merged: Frames = {}
    for part in {**frames, **tables}:
        made = [] if part not in frames else [_table(frames[part][~frames[part]["record_key"].isin(keys)])]
        table = pa.concat_tables([*made, *tables.get(part, [])], promote_options="permissive")
        merged[part] = table.to_pandas(types_mapper=pd.ArrowDtype)
    return merged


def _table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()


def _schema(text: str) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def _typed(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows of text as the schema's types; a name it doesn't know (a correction added it) becomes text."""
    added = {name for row in rows for name in row} - set(schema.names)
    fields = [*schema, *(pa.field(name, pa.string()) for name in sorted(added))]
    columns = [pa.array([row.get(field.name) for row in rows]) for field in fields]
    return pa.table(
        {field.name: column.cast(field.type) for field, column in zip(fields, columns, strict=True)},
        schema=pa.schema(fields),
    )
