"""Rules compiled to functions: from the rows of a part to one column, noting what failed."""

from __future__ import annotations

import re
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping import convert
from ledgerbridge.mapping.conditions import compile_condition
from ledgerbridge.mapping.expression import compile_expression
from ledgerbridge.mapping.failures import Failures
from ledgerbridge.mapping.lookups import Lookups
from ledgerbridge.mapping.model import Aggregate, Convert, DecimalConversion, Lookup, Match, Rule, ShortHash
from ledgerbridge.mapping.rows import Rows, as_array

__all__ = ["Batch", "Column", "compile_rule"]

Mask = npt.NDArray[np.bool_]

_NOTHING = Rule.model_validate({"value": None})
_HOLE = re.compile(r"\{([^{}]+)\}")


@dataclass
class Batch:
    """What a run of a mapping carries along: where values are found, and what went wrong."""

    lookups: Lookups
    failures: Failures


Column = Callable[[Rows, Batch], pa.Array]


@dataclass(frozen=True)
class _Place:
    """Which rule this is, for messages: target field, file and line."""

    target: str
    rule: str


def compile_rule(rule: Rule, target: str, where: str) -> Column:
    """
    One rule as a function from rows to a column.

    :param target: target field, for messages.
    :param where: ``file:line`` of the rule.
    :raises ValueError: the rule can't be compiled (expression, condition).
    """
    place = _Place(target, where)
    origin = _origin(rule, place)
    converted = (
        _converting(rule.convert, origin, _field_of(rule, target), place, rule.remedy) if rule.convert else origin
    )
    return _finishing(rule, converted, place)


def _origin(rule: Rule, place: _Place) -> Column:
    if rule.from_ is not None:
        path = rule.from_
        return lambda rows, batch: rows.column(path)
    if rule.when is not None:
        return _choosing(rule, place)
    if rule.lookup is not None:
        return _looking_up(rule.lookup, rule.default is not None, place)
    if rule.template is not None:
        return _templating(rule.template)
    if rule.expr is not None:
        expression = compile_expression(rule.expr)
        return lambda rows, batch: _broadcast(expression(rows), rows.size)
    if rule.first is not None:
        rules = [compile_rule(each, place.target, place.rule) for each in rule.first]
        return lambda rows, batch: pc.coalesce(*_alike([each(rows, batch) for each in rules]))
    if rule.hash_ is not None:
        return _hashing(rule.hash_)
    if rule.sum is not None:
        return _aggregating(rule.sum, "sum")
    if rule.join is not None:
        return _aggregating(rule.join, "join")
    if rule.match is not None:
        return _matching(rule.match)
    if rule.position:
        return lambda rows, batch: pa.array(pd.Series(rows.record).groupby(rows.record).cumcount().to_numpy() + 1)
    constant = rule.value
    return lambda rows, batch: _broadcast(pa.scalar(constant), rows.size)


def _finishing(rule: Rule, column: Column, place: _Place) -> Column:
    default, required, field_name = rule.default, rule.required, _field_of(rule, place.target)
    if default is None and not required:
        return column

    def finish(rows: Rows, batch: Batch) -> pa.Array:
        before = len(batch.failures.frames)
        values = column(rows, batch)
        if default is not None:
            filler = pa.array([default]) if not pa.types.is_decimal(values.type) else pa.array([Decimal(str(default))])
            values = pc.coalesce(*_alike([values, _broadcast(filler[0], rows.size)]))
        if required:
            named = [frame["record"].to_numpy() for frame in batch.failures.frames[before:]]
            absent = convert.mask_of(values.is_null())
            batch.failures.add(
                rows.record,
                absent & ~np.isin(rows.record, np.concatenate(named)) if named else absent,
                code="LB-MAP-001",
                field_name=field_name,
                values=None,
                message=f"there is no value, and {place.target} needs one",
                rule=place.rule,
                remedy=rule.remedy or f"Fill in {field_name} in the source, or give the rule a default.",
            )
        return values

    return finish


def _choosing(rule: Rule, place: _Place) -> Column:
    assert rule.when is not None
    condition = compile_condition(rule.when)
    then = compile_rule(rule.then or _NOTHING, place.target, place.rule)
    otherwise = compile_rule(rule.else_ or _NOTHING, place.target, place.rule)

    def choose(rows: Rows, batch: Batch) -> pa.Array:
        mask = condition(rows)
        # each side sees only its own rows, so that a lookup that fails there is not held against the others
        sides = _alike([then(rows.take(mask), batch), otherwise(rows.take(~mask), batch)])
        places = np.argsort(np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)]))
        return as_array(pa.chunked_array(sides, sides[0].type)).take(pa.array(places))

    return choose


def _looking_up(lookup: Lookup, has_default: bool, place: _Place) -> Column:
    name, kind = next(
        (value, kind)
        for kind in ("table", "cross_reference", "delivery", "label", "live")
        if (value := getattr(lookup, kind)) is not None
    )
    key_of = compile_rule(lookup.key, place.target, place.rule)
    field_name = _field_of(lookup.key, place.target)

    def look_up(rows: Rows, batch: Batch) -> pa.Array:
        keys = convert.text_array(key_of(rows, batch)).dictionary_encode()
        wanted = [key for key in keys.dictionary.to_pylist() if key is not None]
        found = batch.lookups.find(kind, name, lookup.by, wanted) if wanted else {}
        answers = [
            key if lookup.column is None and key in found else _pick(found, key, lookup.column) for key in wanted
        ]
        values = (
            pa.array(answers, pa.string() if not found else None).take(keys.indices) if wanted else pa.nulls(rows.size)
        )
        if not lookup.optional and not has_default:
            known = pa.array([key in found for key in wanted], pa.bool_()).take(keys.indices) if wanted else None
            missing = (
                ~convert.mask_of(known) & convert.mask_of(keys.is_valid())
                if known is not None
                else np.zeros(rows.size, bool)
            )
            batch.failures.add(
                rows.record,
                missing,
                code="LB-MAP-002",
                field_name=field_name,
                values=keys.dictionary_decode(),
                message=f'"{{value}}" is not known as {name} ({kind.replace("_", " ")}), and {place.target} needs it',
                rule=place.rule,
                remedy=lookup.remedy or _where_to_add(kind, name),
            )
        return values

    return look_up


def _pick(found: dict[str, dict[str, Any]], key: str, column: str | None) -> Any:
    return None if key not in found or column is None else found[key].get(column)


def _where_to_add(kind: str, name: str) -> str:
    if kind == "table":
        return f'Add "{{value}}" to include/lookups/{name}.csv and replay the record.'
    system = name.partition(".")[0]
    return f'Create "{{value}}" in {system} ({name}), or mend the record in its source; then replay it.'


def _templating(template: str) -> Column:
    literals = _HOLE.split(template)

    def fill(rows: Rows, batch: Batch) -> pa.Array:
        pieces = [
            pc.fill_null(convert.text_array(rows.column(text)), "")
            if index % 2
            else _broadcast(pa.scalar(text), rows.size)
            for index, text in enumerate(literals)
        ]
        return as_array(pc.binary_join_element_wise(*pieces, ""))

    return fill


def _hashing(options: ShortHash) -> Column:
    length = options.length - len(options.prefix)

    def shorten(rows: Rows, batch: Batch) -> pa.Array:
        parts = [pc.fill_null(convert.text_array(rows.column(path)), "") for path in options.of]
        keys = as_array(pc.binary_join_element_wise(*parts, "\x1f")).to_pylist()
        # a digest has no Arrow kernel; pandas' own hash is not promised to stay the same
        names = [
            options.prefix + b32encode(blake2b(key.encode(), digest_size=20).digest()).decode()[:length] for key in keys
        ]
        return pa.array(names, pa.string())

    return shorten


def _aggregating(aggregate: Aggregate, kind: str) -> Column:
    part, field_name = _part_and_field(aggregate.of)
    condition = compile_condition(aggregate.where) if aggregate.where else None

    def gather(rows: Rows, batch: Batch) -> pa.Array:
        children = rows.other(part)
        if condition is not None:
            children = children.take(condition(children))
        table = {"record": pa.array(children.record), "value": children.column(field_name)}
        on = ["record"]
        own = pd.DataFrame({"record": rows.record})
        if aggregate.by:
            table["by"] = convert.text_array(children.column(aggregate.by))
            own["by"] = convert.text_array(rows.column(aggregate.key or aggregate.by)).to_pandas()
            on.append("by")
        gathered = _gathered(pa.table(table), on, kind, aggregate.separator)
        values = own.merge(gathered.to_pandas(types_mapper=pd.ArrowDtype), on=on, how="left")["value"]
        result = as_array(values)
        return pc.fill_null(result, Decimal(0)) if kind == "sum" and pa.types.is_decimal(result.type) else result

    return gather


def _part_and_field(path: str) -> tuple[str, str]:
    """``a[].b[].c`` is field ``c`` of the rows ``a[].b[]``; ``lines.net`` is field ``net`` of the part ``lines``."""
    if "[]." in path:
        part, _, name = path.rpartition("[].")
        return f"{part}[]", name
    part, _, name = path.partition(".")
    return part, name


def _gathered(table: pa.Table, on: list[str], kind: str, separator: str) -> pa.Table:
    if kind == "sum":
        if not pa.types.is_decimal(table["value"].type):
            values, _ = convert.to_decimal(as_array(table["value"]), DecimalConversion())
            table = table.set_column(table.schema.get_field_index("value"), "value", values)
        summed = table.group_by(on).aggregate([("value", "sum")])
        return (
            summed.rename_columns([*on, "value"])
            if summed.column_names[-1] == "value_sum"
            else summed.select([*on, "value_sum"]).rename_columns([*on, "value"])
        )
    table = table.set_column(
        table.schema.get_field_index("value"), "value", convert.text_array(as_array(table["value"]))
    )
    ordered = table.group_by([*on, "value"]).aggregate([]).sort_by([(name, "ascending") for name in [*on, "value"]])
    listed = ordered.group_by(on, use_threads=False).aggregate([("value", "list")])
    joined = pc.binary_join(listed["value_list"], separator)
    return pa.table({**{name: listed[name] for name in on}, "value": joined})


def _matching(match: Match) -> Column:
    def fetch(rows: Rows, batch: Batch) -> pa.Array:
        others = rows.other(match.part)
        table = pd.DataFrame(
            {
                "record": others.record,
                "on": convert.text_array(others.column(match.on)).to_pandas(),
                "value": pd.Series(others.column(match.column), dtype=pd.ArrowDtype(others.column(match.column).type)),
            }
        ).drop_duplicates(["record", "on"])
        key = convert.text_array(rows.column(match.key or match.on))
        own = pd.DataFrame({"record": rows.record, "on": key.to_pandas()})
        return as_array(own.merge(table, on=["record", "on"], how="left")["value"])

    return fetch


def _converting(options: Convert, column: Column, field_name: str, place: _Place, remedy: str | None) -> Column:
    def run(rows: Rows, batch: Batch) -> pa.Array:
        values = column(rows, batch)
        converted, failed, expected, advice = _convert(values, options, batch.lookups.zone)
        batch.failures.add(
            rows.record,
            failed,
            code="LB-MAP-003",
            field_name=field_name,
            values=values,
            message=f'"{{value}}" is not {expected}, which {place.target} takes',
            rule=place.rule,
            remedy=remedy or advice,
        )
        return converted

    return run


def _convert(values: pa.Array, options: Convert, zone: str) -> tuple[pa.Array, Mask, str, str]:
    if options.decimal is not None:
        return *convert.to_decimal(values, options.decimal), "a decimal number", "Mend the number in the source."
    if options.date is not None:
        return *convert.to_date(values, options.date, zone), "a date", "Mend the date in the source."
    if options.text is not None:
        longest = options.text.max
        return (
            *convert.to_text(values, options.text),
            f"a text of at most {longest} characters",
            "Shorten it in the source and replay the record, or set `cut: word` on the rule.",
        )
    if options.enum is not None:
        words = ", ".join(map(str, options.enum))
        return *convert.to_enum(values, options.enum), f"one of {words}", "Add the word to the rule's `enum`."
    return *convert.to_integer(values), "a whole number", "Mend the number in the source."


def _field_of(rule: Rule, target: str) -> str:
    if rule.from_ is not None:
        return rule.from_.lstrip("$^=").removeprefix(".")
    if rule.lookup is not None:
        return _field_of(rule.lookup.key, target)
    return target


def _broadcast(value: Any, size: int) -> pa.Array:
    if isinstance(value, pa.Scalar):
        return pa.nulls(size, value.type) if not value.is_valid else pa.repeat(value, size)
    return as_array(value)


def _alike(columns: list[pa.Array]) -> list[pa.Array]:
    """The columns in one type, so that they can be put together: decimals win over whole numbers, text over all."""
    kinds = {column.type for column in columns if not pa.types.is_null(column.type)}
    if not kinds:
        return columns
    if len(kinds) == 1:
        kind = kinds.pop()
    elif all(pa.types.is_decimal(each) or pa.types.is_integer(each) for each in kinds):
        kind = pa.decimal128(30, 10)
        columns = [convert.to_decimal(column, DecimalConversion())[0] for column in columns]
    else:
        kind = pa.string()
        columns = [convert.text_array(column) for column in columns]
    return [pc.cast(column, kind) for column in columns]
