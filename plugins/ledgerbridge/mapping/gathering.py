"""Values from rows of another part: sums, counts and texts of child rows, and fields of a matching row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping.column import PLAIN, Batch, Column, same_owner
from ledgerbridge.mapping.conditions import compile_condition
from ledgerbridge.mapping.convert import mask_of, text_array, to_decimal
from ledgerbridge.mapping.model import Aggregate, Match
from ledgerbridge.mapping.rows import Rows, as_array

__all__ = ["aggregating", "matching", "part_and_field"]


def aggregating(aggregate: Aggregate, kind: str) -> Column:
    """Child rows gathered: ``kind`` is sum, count, min, max or join."""
    part, field_name = part_and_field(aggregate.of)
    condition = compile_condition(aggregate.where) if aggregate.where else None

    def gather(rows: Rows, batch: Batch) -> pa.Array:
        children = rows.other(part)
        if condition is not None:
            children = children.take(condition(children))
        by, key = (aggregate.by, aggregate.key or aggregate.by) if aggregate.by else (None, None)
        own, owners = _owners(rows, key, children, by) if condition is not None else _shared(rows, key, part, by)
        values = children.column(field_name)
        if aggregate.table is not None and aggregate.column is not None:
            values = _instead(text_array(values), batch.lookups.rows(aggregate.table), aggregate.column)
        if aggregate.after is not None:
            values = pa.array(_behind(text_array(values), aggregate.after), pa.string())
        table = pa.table({"owner": owners, "value": values})
        gathered = _gathered(table, kind, aggregate.separator)
        places = pc.index_in(own, as_array(gathered["owner"]))
        return _without_gaps(as_array(gathered["value"]).take(places), kind)

    return gather


def matching(match: Match) -> Column:
    """A field of the row of another part that has the same value."""

    def fetch(rows: Rows, batch: Batch) -> pa.Array:
        others = rows.other(match.part)
        own, owners = _owners(rows, match.key or match.on, others, match.on)
        return others.column(match.column).take(pc.index_in(own, owners))

    return fetch


def part_and_field(path: str) -> tuple[str, str]:
    """``a[].b[].c`` is field ``c`` of the rows ``a[].b[]``; ``lines.net`` is field ``net`` of the part ``lines``."""
    if "[]." in path:
        part, _, name = path.rpartition("[].")
        return f"{part}[]", name
    part, _, name = path.partition(".")
    return part, name


def _shared(rows: Rows, key: str | None, part: str, by: str | None) -> tuple[pa.Array, pa.Array]:
    """``_owners`` of all rows of a part, which several fields are gathered from."""
    asked = ("owners", key, part, by)
    if asked not in rows.memory:
        rows.memory[asked] = _owners(rows, key, rows.other(part), by)
    found: tuple[pa.Array, pa.Array] = rows.memory[asked]
    return found


def _owners(rows: Rows, key: str | None, others: Rows, by: str | None) -> tuple[pa.Array, pa.Array]:
    """One number a row of each: the same for rows of one record that have the same text in ``key`` and in ``by``."""
    if key is None or by is None:
        return pa.array(rows.record), pa.array(others.record)
    return same_owner((rows.record, text_array(rows.column(key))), (others.record, text_array(others.column(by))))


def _gathered(table: pa.Table, kind: str, separator: str) -> pa.Table:
    if kind == "join":
        return _joined(table, separator)
    if kind == "sum" and not pa.types.is_decimal(table["value"].type):
        values, _ = to_decimal(as_array(table["value"]), PLAIN)
        table = table.set_column(1, "value", values)
    gathered = table.group_by("owner", use_threads=False).aggregate([("value", kind)])
    return gathered.rename_columns({f"value_{kind}": "value"})


def _joined(table: pa.Table, separator: str) -> pa.Table:
    """The different texts of each owner in their order; few texts stand in many rows, so their numbers are sorted."""
    texts = text_array(as_array(table["value"])).dictionary_encode()
    known = pc.drop_null(texts.indices)
    order = pc.sort_indices(texts.dictionary).to_numpy()
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    owners = as_array(table["owner"]).to_numpy()[mask_of(texts.is_valid())]
    pairs = np.lexsort((ranks := rank[known.to_numpy()], owners))
    owners, ranks = owners[pairs], ranks[pairs]
    new = np.ones(len(owners), dtype=bool)
    new[1:] = (owners[1:] != owners[:-1]) | (ranks[1:] != ranks[:-1])
    owners, ranks = owners[new], ranks[new]
    different, first = np.unique(owners, return_index=True)
    values = texts.dictionary.take(pa.array(order[ranks]))
    lists = pa.ListArray.from_arrays(pa.array([*first, len(owners)], pa.int32()), values)
    return pa.table({"owner": pa.array(different), "value": pc.binary_join(lists, separator)})


def _behind(texts: pa.Array, mark: str) -> list[str | None]:
    return [None if text is None else text.rpartition(mark)[2] for text in texts.to_pylist()]


def _instead(texts: pa.Array, rows: Mapping[str, Sequence[Mapping[str, object]]], column: str) -> pa.Array:
    """The texts, those that one row of a table has by what its column says."""
    others = {text: found[0][column] for text, found in rows.items() if len(found) == 1 and found[0][column]}
    return pa.array([others.get(text, text) for text in texts.to_pylist()], pa.string())


def _without_gaps(column: pa.Array, kind: str) -> pa.Array:
    """The sum and the count of no rows is nothing."""
    if kind == "count":
        return pc.fill_null(pc.cast(column, pa.int64()), 0)
    return pc.fill_null(column, Decimal(0)) if kind == "sum" and pa.types.is_decimal(column.type) else column
