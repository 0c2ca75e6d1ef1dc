"""Values from rows of another part: sums, counts and texts of child rows, and fields of a matching row."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping.column import PLAIN, Batch, Column
from ledgerbridge.mapping.conditions import compile_condition
from ledgerbridge.mapping.convert import text_array, to_decimal
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
        table = {"record": pa.array(children.record), "value": children.column(field_name)}
        on = ["record"]
        own = pd.DataFrame({"record": rows.record})
        if aggregate.by:
            table["by"] = text_array(children.column(aggregate.by))
            own["by"] = text_array(rows.column(aggregate.key or aggregate.by)).to_pandas()
            on.append("by")
        gathered = _gathered(pa.table(table), on, kind, aggregate.separator)
        values = own.merge(gathered.to_pandas(types_mapper=pd.ArrowDtype), on=on, how="left")["value"]
        return _without_gaps(as_array(values), kind)

    return gather


def matching(match: Match) -> Column:
    """A field of the row of another part that has the same value."""

    def fetch(rows: Rows, batch: Batch) -> pa.Array:
        others = rows.other(match.part)
        values = others.column(match.column)
        table = pd.DataFrame(
            {
                "record": others.record,
                "on": text_array(others.column(match.on)).to_pandas(),
                "value": pd.Series(values, dtype=pd.ArrowDtype(values.type)),
            }
        ).drop_duplicates(["record", "on"])
        key = text_array(rows.column(match.key or match.on))
        own = pd.DataFrame({"record": rows.record, "on": key.to_pandas()})
        return as_array(own.merge(table, on=["record", "on"], how="left")["value"])

    return fetch


def part_and_field(path: str) -> tuple[str, str]:
    """``a[].b[].c`` is field ``c`` of the rows ``a[].b[]``; ``lines.net`` is field ``net`` of the part ``lines``."""
    if "[]." in path:
        part, _, name = path.rpartition("[].")
        return f"{part}[]", name
    part, _, name = path.partition(".")
    return part, name


def _gathered(table: pa.Table, on: list[str], kind: str, separator: str) -> pa.Table:
    if kind == "join":
        return _joined(table, on, separator)
    if kind == "sum" and not pa.types.is_decimal(table["value"].type):
        values, _ = to_decimal(as_array(table["value"]), PLAIN)
        table = table.set_column(table.schema.get_field_index("value"), "value", values)
    gathered = table.group_by(on).aggregate([("value", kind)])
    return gathered.select([*on, f"value_{kind}"]).rename_columns([*on, "value"])


def _joined(table: pa.Table, on: list[str], separator: str) -> pa.Table:
    table = table.set_column(table.schema.get_field_index("value"), "value", text_array(as_array(table["value"])))
    table = table.filter(table["value"].is_valid())
    ordered = table.group_by([*on, "value"]).aggregate([]).sort_by([(name, "ascending") for name in [*on, "value"]])
    listed = ordered.group_by(on, use_threads=False).aggregate([("value", "list")])
    joined = pc.binary_join(listed["value_list"], separator)
    return pa.table({**{name: listed[name] for name in on}, "value": joined})


def _without_gaps(column: pa.Array, kind: str) -> pa.Array:
    """The sum and the count of no rows is nothing."""
    if kind == "count":
        return pc.fill_null(pc.cast(column, pa.int64()), 0)
    return pc.fill_null(column, Decimal(0)) if kind == "sum" and pa.types.is_decimal(column.type) else column
