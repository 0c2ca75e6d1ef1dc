"""What a compiled rule is: a function from the rows of a part to one column, noting what failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping.conversions import DecimalConversion
from ledgerbridge.mapping.convert import text_array, to_decimal
from ledgerbridge.mapping.failures import Failures
from ledgerbridge.mapping.lookups import Lookups
from ledgerbridge.mapping.rows import Index, Rows, as_array

__all__ = ["PLAIN", "Batch", "Column", "Place", "alike", "broadcast", "same_owner"]

PLAIN = DecimalConversion()


@dataclass
class Batch:
    """
    What a run of a mapping carries along: where values are found, and what went wrong.

    :param since: the first day whose rows are taken, of a part that is ``dated``.
    :param earlier: the latest day before it of each record that has such a row.
    :param untold: rows whose field nothing can be said of; ``field`` is the target field.
    """

    lookups: Lookups
    failures: Failures
    since: date | None = None
    earlier: dict[int, date] = field(default_factory=dict)
    untold: Failures = field(default_factory=Failures)


Column = Callable[[Rows, Batch], pa.Array]


@dataclass(frozen=True)
class Place:
    """Which rule this is, for messages: target field, file and line."""

    target: str
    rule: str


def broadcast(value: Any, size: int) -> pa.Array:
    """A column of ``size`` rows, of one value or of an array that has them already."""
    if isinstance(value, pa.Scalar):
        return pa.nulls(size, value.type) if not value.is_valid else pa.repeat(value, size)
    return as_array(value)


def alike(columns: list[pa.Array]) -> list[pa.Array]:
    """The columns in one type, so that they can be put together: decimals win over whole numbers, text over all."""
    kinds = {column.type for column in columns if not pa.types.is_null(column.type)}
    if not kinds:
        return columns
    if len(kinds) == 1:
        kind = kinds.pop()
    elif all(pa.types.is_decimal(each) or pa.types.is_integer(each) for each in kinds):
        kind = pa.decimal128(30, 10)
        columns = [to_decimal(column, PLAIN)[0] for column in columns]
    else:
        kind = pa.string()
        columns = [text_array(column) for column in columns]
    return [pc.cast(column, kind) for column in columns]


def same_owner(own: tuple[Index, pa.Array], others: tuple[Index, pa.Array]) -> tuple[pa.Array, pa.Array]:
    """One number a row of each: the same for rows of the same record that have the same text, or none."""
    texts = as_array(pa.chunked_array([own[1], others[1]], pa.string())).dictionary_encode(null_encoding="encode")
    codes, different = texts.indices.to_numpy(), len(texts.dictionary)
    return (
        pa.array(own[0] * different + codes[: len(own[0])]),
        pa.array(others[0] * different + codes[len(own[0]) :]),
    )
