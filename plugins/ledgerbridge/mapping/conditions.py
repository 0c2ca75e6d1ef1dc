"""Conditions of mapping files, compiled to one mask for all rows; a missing value meets no comparison."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping.convert import mask_of, text_array, to_decimal
from ledgerbridge.mapping.expression import compile_expression
from ledgerbridge.mapping.model import DecimalConversion
from ledgerbridge.mapping.rows import Rows

__all__ = ["compile_condition"]

Mask = npt.NDArray[np.bool_]
Compiled = Callable[[Rows], Mask]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": pc.equal,
    "ne": pc.not_equal,
    "gt": pc.greater,
    "ge": pc.greater_equal,
    "lt": pc.less,
    "le": pc.less_equal,
}


def compile_condition(condition: dict[str, Any]) -> Compiled:
    """
    Compile a condition.

    :raises ValueError: an unknown operator; names it and the allowed ones.
    """
    parts = [_compile(name, wanted) for name, wanted in condition.items()]
    return lambda rows: reduce(np.logical_and, (part(rows) for part in parts), np.ones(rows.size, dtype=bool))


def _compile(name: str, wanted: Any) -> Compiled:
    if name == "all":
        parts = [compile_condition(each) for each in wanted]
        return lambda rows: reduce(np.logical_and, (part(rows) for part in parts))
    if name == "any":
        parts = [compile_condition(each) for each in wanted]
        return lambda rows: reduce(np.logical_or, (part(rows) for part in parts))
    if name == "expr":
        expression = compile_expression(wanted)
        return lambda rows: mask_of(expression(rows))
    if name == "not":
        inner = compile_condition(wanted)
        return lambda rows: np.logical_not(inner(rows))
    tests = wanted if isinstance(wanted, dict) else {"in" if isinstance(wanted, list) else "eq": wanted}
    compiled = [_test(operator, operand) for operator, operand in tests.items()]
    return lambda rows: reduce(np.logical_and, (test(rows.column(name)) for test in compiled))


def _test(operator: str, operand: Any) -> Callable[[pa.Array], Mask]:
    if operator in _OPERATORS:
        return lambda column: mask_of(_OPERATORS[operator](*_comparable(column, operand)))
    if operator == "in":
        return lambda column: mask_of(pc.is_in(text_array(column), pa.array([str(each) for each in operand])))
    if operator == "between":
        low, high = operand
        return lambda column: (
            mask_of(pc.greater_equal(*_comparable(column, low))) & mask_of(pc.less_equal(*_comparable(column, high)))
        )
    if operator == "matches":
        return lambda column: mask_of(pc.match_substring_regex(text_array(column), operand))
    if operator == "null":
        return lambda column: mask_of(column.is_null()) == bool(operand)
    raise ValueError(
        f'unknown operator "{operator}"; allowed: {", ".join([*_OPERATORS, "in", "between", "matches", "null"])}'
    )


def _comparable(column: pa.Array, operand: Any) -> tuple[Any, Any]:
    if pa.types.is_null(column.type):
        column = pc.cast(column, pa.string())
    if pa.types.is_boolean(column.type):
        return column, pa.scalar(bool(operand))
    if isinstance(operand, int) or pa.types.is_decimal(column.type) or pa.types.is_integer(column.type):
        return to_decimal(column, DecimalConversion())[0], pc.cast(pa.scalar(str(operand)), pa.decimal128(30, 10))
    return text_array(column), pa.scalar(str(operand))
