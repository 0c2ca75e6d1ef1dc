"""Rules compiled to functions: from the rows of a part to one column, noting what failed."""

from __future__ import annotations

import re
from base64 import b32encode
from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping import convert
from ledgerbridge.mapping.column import Batch, Column, Place, alike, broadcast
from ledgerbridge.mapping.conditions import compile_condition
from ledgerbridge.mapping.conversions import Convert
from ledgerbridge.mapping.expression import compile_expression
from ledgerbridge.mapping.gathering import aggregating, matching
from ledgerbridge.mapping.model import Lookup, Rule, Segment, ShortHash
from ledgerbridge.mapping.rows import Rows, as_array, element, numbered
from ledgerbridge.mapping.sharing import sharing

__all__ = ["AWAITED", "HOLE", "compile_rule"]

AWAITED = "LB-MAP-007"
"""Of failures that are no dead letters: the record waits for a delivery to become known."""

HOLE = re.compile(r"\{([^{}]+)\}")
"""A path in a template."""

_NOTHING = Rule.model_validate({"value": None})
_SPLIT_WEIGHT = Rule.model_validate("%weight")


def compile_rule(rule: Rule, target: str, where: str) -> Column:
    """
    One rule as a function from rows to a column.

    :param target: target field, for messages.
    :param where: ``file:line`` of the rule.
    :raises ValueError: the rule can't be compiled (its expression).
    """
    place = Place(target, where)
    column = _origin(rule, place)
    for options in rule.convert or ():
        column = _converting(options, column, _field_of(rule, target), place, rule.remedy)
    return _finishing(rule, column, place)


def _origin(rule: Rule, place: Place) -> Column:
    def nested(inner: Rule) -> Column:
        return compile_rule(inner, place.target, place.rule)

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
        return lambda rows, batch: broadcast(expression(rows), rows.size)
    if rule.first is not None:
        rules = [nested(each) for each in rule.first]
        return lambda rows, batch: pc.coalesce(*alike([each(rows, batch) for each in rules]))
    if rule.hash_ is not None:
        return _hashing(rule.hash_)
    if rule.aggregate is not None:
        kind, aggregate = rule.aggregate
        return aggregating(aggregate, kind)
    if rule.match is not None:
        return matching(rule.match)
    if rule.share is not None:
        return sharing(rule.share, nested(rule.share.of), nested(rule.share.weight or _SPLIT_WEIGHT), place)
    if rule.segment is not None:
        changes = {number: nested(each) for number, each in (rule.segment.set or {}).items()}
        return _segmenting(rule.segment, nested(rule.segment.of), changes, place)
    if rule.position:
        return lambda rows, batch: pa.array(numbered(rows.record))
    constant = rule.value
    return lambda rows, batch: broadcast(pa.scalar(constant), rows.size)


def _finishing(rule: Rule, column: Column, place: Place) -> Column:
    default, required, field_name = rule.default, rule.required, _field_of(rule, place.target)
    if default is None and not required:
        return column

    def finish(rows: Rows, batch: Batch) -> pa.Array:
        before = len(batch.failures.frames)
        values = column(rows, batch)
        if default is not None:
            filler = pa.array([default]) if not pa.types.is_decimal(values.type) else pa.array([Decimal(str(default))])
            values = pc.coalesce(*alike([values, broadcast(filler[0], rows.size)]))
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


def _choosing(rule: Rule, place: Place) -> Column:
    assert rule.when is not None
    condition = compile_condition(rule.when)
    asked = rule.when.model_dump_json(exclude_unset=True)
    then = compile_rule(rule.then or _NOTHING, place.target, place.rule)
    otherwise = compile_rule(rule.else_ or _NOTHING, place.target, place.rule)

    def choose(rows: Rows, batch: Batch) -> pa.Array:
        if asked not in rows.memory:
            mask = condition(rows)
            places = np.argsort(np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)]))
            rows.memory[asked] = rows.take(mask), rows.take(~mask), pa.array(places)
        chosen, others, places = rows.memory[asked]
        # each side sees only its own rows, so that a lookup that fails there is not held against the others
        sides = alike([then(chosen, batch), otherwise(others, batch)])
        return as_array(pa.chunked_array(sides, sides[0].type)).take(places)

    return choose


def _looking_up(lookup: Lookup, has_default: bool, place: Place) -> Column:
    kind, name = lookup.place
    key_of = compile_rule(lookup.key, place.target, place.rule)
    field_name = _field_of(lookup.key, place.target)
    is_ours = None if lookup.ours is None else compile_condition(lookup.ours)
    among = {field: compile_rule(rule, place.target, place.rule) for field, rule in lookup.among.items()}

    def wait(rows: Rows, batch: Batch, names: pa.Array, which: convert.Mask, why: str, remedy: str) -> None:
        batch.failures.add(
            rows.record,
            which,
            code=AWAITED,
            field_name=field_name,
            values=names,
            message=f'"{{value}}" {why}',
            rule=place.rule,
            remedy=f"Nothing now: it goes on once {remedy}.",
        )

    def look_up(rows: Rows, batch: Batch) -> pa.Array:
        names = convert.text_array(key_of(rows, batch))
        told = [convert.text_array(column(rows, batch)) for column in among.values()]
        keys = (pc.binary_join_element_wise(names, *_filled(told), _APART) if told else names).dictionary_encode()
        wanted = keys.dictionary.to_pylist()
        if not wanted:
            return pa.nulls(rows.size)
        if told:
            ones = batch.lookups.find_among(name, [tuple(key.split(_APART)) for key in wanted], list(among))
            found = {_APART.join(parts): row for parts, row in ones.items()}
        else:
            found = batch.lookups.find(kind, name, lookup.by, wanted, max_age_minutes=lookup.max_age_minutes)
        column = lookup.column
        if column is None:
            answers = [key if key in found else None for key in wanted]
        else:
            answers = [found[key].get(column) if key in found else None for key in wanted]
        known = [key in found for key in wanted]
        unknown = np.zeros(rows.size, dtype=bool)
        if not all(known):
            unknown = convert.mask_of(pc.invert(pa.array(known, pa.bool_()).take(keys.indices)))
        awaited = unknown & is_ours(rows) if is_ours is not None else np.zeros(rows.size, dtype=bool)
        why = f"was made by us, and no delivery of {name} is known for it yet"
        wait(rows, batch, names, awaited, why, "the leg that made it has looked it up again")
        if not lookup.optional and not has_default:
            if unknown.any():
                missing = [key for key, is_known in zip(wanted, known, strict=True) if not is_known]
                coming = batch.lookups.on_the_way(kind, name, lookup.by, missing)
                to_come = unknown & ~awaited & convert.mask_of(pc.is_in(names, pa.array(sorted(coming), pa.string())))
                why = f"is on its way, and has not arrived as {name} yet"
                wait(rows, batch, names, to_come, why, "that has arrived")
                awaited |= to_come
            (batch.untold if lookup.untold else batch.failures).add(
                rows.record,
                unknown & ~awaited,
                code="LB-MAP-002",
                field_name=place.target if lookup.untold else field_name,
                values=names,
                message=f'"{{value}}" is not known as {name} ({kind.replace("_", " ")}), and {place.target} needs it',
                rule=place.rule,
                remedy=lookup.remedy or _where_to_add(kind, name),
            )
        return pa.array(answers, pa.string() if not found else None).take(keys.indices)

    return look_up


_APART = "\x1f"


def _filled(columns: Sequence[pa.Array]) -> list[pa.Array]:
    return [pc.fill_null(column, "") for column in columns]


_OF_THE_COMPANY = {"accounts": "accounts", "gateways": "gateways", "company": "settings"}
"""Tables that are made of the company's file, by the first word of their name, and the part of it each is made of."""


def _where_to_add(kind: str, name: str) -> str:
    if kind == "table" and (section := _OF_THE_COMPANY.get(name.partition("_")[0])):
        return f'Give "{{value}}" a line under `{section}` in the company\'s file and replay the record.'
    if kind == "table":
        return f'Give "{{value}}" one line in include/lookups/{name}.csv and replay the record.'
    system = name.partition(".")[0]
    return f'Create "{{value}}" in {system} ({name}), or mend the record in its source; then replay it.'


def _templating(template: str) -> Column:
    literals = HOLE.split(template)

    def fill(rows: Rows, batch: Batch) -> pa.Array:
        pieces = [
            pc.fill_null(convert.text_array(rows.column(text)), "")
            if index % 2
            else broadcast(pa.scalar(text), rows.size)
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
        salt = batch.lookups.key_salt if options.salted else batch.lookups.company_key
        if options.case_aside:
            keys = ["\x1f".join(part.strip() for part in key.casefold().split("\x1f")) for key in keys]
        digests = (blake2b(key.encode(), digest_size=20, key=salt).digest() for key in keys)
        return pa.array([options.prefix + b32encode(digest).decode()[:length] for digest in digests], pa.string())

    return shorten


def _segmenting(options: Segment, of: Column, changes: dict[int, Column], place: Place) -> Column:
    def work(rows: Rows, batch: Batch) -> pa.Array:
        accounts = convert.text_array(of(rows, batch))
        lists = pc.split_pattern(accounts, options.separator)
        count = pc.max(pc.list_value_length(lists)).as_py() or 0
        segments = [element(lists, number) for number in range(max(count, options.take or 0, *changes, 0))]
        if options.take is not None:
            return segments[options.take - 1]
        failed = np.zeros(rows.size, dtype=bool)
        for number, change in changes.items():
            old = segments[number - 1]
            new = convert.text_array(change(rows, batch))
            segments[number - 1] = pc.coalesce(new, old)
            # the segments of an account have fixed lengths: sources.md GP §4
            same = pc.equal(pc.utf8_length(pc.coalesce(new, old)), pc.utf8_length(old))
            failed |= convert.mask_of(accounts.is_valid()) & ~convert.mask_of(same)
        batch.failures.add(
            rows.record,
            failed,
            code="LB-MAP-005",
            field_name=place.target,
            values=accounts,
            message=f"account {{value}} has no segment {' or '.join(map(str, changes))} of the length set by the rule",
            rule=place.rule,
            remedy="Set a segment that is as long as the one it replaces, or mend the account in its table.",
        )
        joined = pc.binary_join_element_wise(*segments, options.separator, null_handling="skip")
        return pc.if_else(accounts.is_valid(), as_array(joined), pa.scalar(None, pa.string()))

    return work


def _converting(options: Convert, column: Column, field_name: str, place: Place, remedy: str | None) -> Column:
    conversion = convert.compile_conversion(options)

    def run(rows: Rows, batch: Batch) -> pa.Array:
        values = column(rows, batch)
        converted, failed = conversion.run(values, batch.lookups.zone)
        batch.failures.add(
            rows.record,
            failed,
            code="LB-MAP-003",
            field_name=field_name,
            values=values,
            message=f'"{{value}}" is not {conversion.expected}, which {place.target} takes',
            rule=place.rule,
            remedy=remedy or conversion.remedy,
        )
        return converted

    return run


def _field_of(rule: Rule, target: str) -> str:
    if rule.from_ is not None:
        return rule.from_.lstrip("$^=%").removeprefix(".").removeprefix("_")
    return _field_of(rule.lookup.key, target) if rule.lookup is not None else target.removeprefix("_")
