"""Conditions of mapping files: their form, and how they compile to one mask for all rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema, model_validator

from ledgerbridge.mapping.conversions import DecimalConversion
from ledgerbridge.mapping.convert import mask_of, text_array, to_decimal
from ledgerbridge.mapping.expression import compile_expression
from ledgerbridge.mapping.rows import Rows
from ledgerbridge.yaml_files import ConfigModel

__all__ = ["Comparison", "Condition", "Scalar", "compile_condition"]

Mask = npt.NDArray[np.bool_]
Compiled = Callable[[Rows], Mask]


def _one_value(value: Any) -> Any:
    if value is None or isinstance(value, (dict, list)):
        raise ValueError("write one text, number or true/false here")
    return value


Scalar = Annotated[
    Any, AfterValidator(_one_value), WithJsonSchema({"type": ["string", "number", "boolean"], "title": "One value"})
]


class Comparison(ConfigModel):
    """What a field's value is compared with; several must all hold. A missing value meets none but `null: true`."""

    eq: Scalar = Field(None, description="Equal to this; `field: value` is short for it.")
    ne: Scalar = Field(None, description="There, and not equal to this.")
    gt: Scalar = Field(None, description="Greater than this.")
    ge: Scalar = Field(None, description="Greater than this or equal.")
    lt: Scalar = Field(None, description="Less than this.")
    le: Scalar = Field(None, description="Less than this or equal.")
    in_: list[Scalar] | None = Field(
        None, alias="in", description="One of these; `field: [a, b]` is short for it.", min_length=1
    )
    between: list[Scalar] | None = Field(
        None, description="From the first to the second, both included.", min_length=2, max_length=2
    )
    matches: str | None = Field(None, description="A regular expression (RE2) that a part of the text matches.")
    null: bool | None = Field(None, description="`true`: there is no value; `false`: there is one.")

    @model_validator(mode="after")
    def _some_test(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"a comparison needs one of {', '.join(_names(type(self)))}")
        if self.matches is not None:
            try:
                pc.match_substring_regex(pa.nulls(1, pa.string()), self.matches)
            except pa.ArrowInvalid as error:
                raise ValueError(f"`{self.matches}` is no regular expression: {error}") from None
        return self


def _kind_of_test(value: Any) -> str:
    if isinstance(value, (dict, Comparison)):
        return "comparison"
    return "values" if isinstance(value, list) else "value"


Test = Annotated[
    Annotated[Comparison, Tag("comparison")] | Annotated[list[Scalar], Tag("values")] | Annotated[Scalar, Tag("value")],
    Discriminator(_kind_of_test),
]


class Condition(ConfigModel):
    """
    Which rows: every key must hold. A key is a path with what its value is compared with, or one of those below.

    A number is compared as a number, anything else as text (days as `2026-03-01`, so their order is right).
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())
    __pydantic_extra__: dict[str, Test]

    all: list[Condition] | None = Field(None, description="All of these hold.", min_length=1)
    any: list[Condition] | None = Field(None, description="At least one of these holds.", min_length=1)
    not_: Condition | None = Field(None, alias="not", description="This does not hold.")
    expr: str | None = Field(None, description="A comparison over paths, as in a rule's `expr`.")

    @model_validator(mode="after")
    def _expression(self) -> Self:
        if self.expr is not None:
            compile_expression(self.expr)
        return self

    @property
    def tests(self) -> dict[str, Comparison]:
        """What each path's value is compared with."""
        return {path: _comparison(test) for path, test in self.__pydantic_extra__.items()}


_PLAIN = DecimalConversion()
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": pc.equal,
    "ne": pc.not_equal,
    "gt": pc.greater,
    "ge": pc.greater_equal,
    "lt": pc.less,
    "le": pc.less_equal,
}


def compile_condition(condition: Condition) -> Compiled:
    """The condition as a function from rows to a mask."""
    parts = [_reading(path, _compiled_comparison(test)) for path, test in condition.tests.items()]
    if condition.all is not None:
        parts += [compile_condition(each) for each in condition.all]
    if condition.any is not None:
        choices = [compile_condition(each) for each in condition.any]
        parts.append(lambda rows: reduce(np.logical_or, (choice(rows) for choice in choices)))
    if condition.not_ is not None:
        inner = compile_condition(condition.not_)
        parts.append(lambda rows: np.logical_not(inner(rows)))
    if condition.expr is not None:
        expression = compile_expression(condition.expr)
        parts.append(lambda rows: _spread(expression(rows), rows.size))
    return lambda rows: reduce(np.logical_and, (part(rows) for part in parts), np.ones(rows.size, dtype=bool))


def _reading(path: str, test: Callable[[pa.Array], Mask]) -> Compiled:
    return lambda rows: test(rows.column(path))


def _spread(value: Any, size: int) -> Mask:
    """The mask of an expression; one without paths is the same for all rows."""
    return np.full(size, bool(value.as_py())) if isinstance(value, pa.Scalar) else mask_of(value)


def _compiled_comparison(comparison: Comparison) -> Callable[[pa.Array], Mask]:
    tests = [_operator(name, operand) for name, operand in _given(comparison).items()]
    return lambda column: reduce(np.logical_and, (test(column) for test in tests))


def _operator(name: str, operand: Any) -> Callable[[pa.Array], Mask]:
    if name in _OPERATORS:
        return lambda column: mask_of(_OPERATORS[name](*_comparable(column, operand)))
    if name == "in":
        choices = [_operator("eq", each) for each in operand]
        if all(isinstance(each, str) for each in operand):
            return lambda column: _is_in(column, pa.array(operand), choices)
        return lambda column: reduce(np.logical_or, (choice(column) for choice in choices))
    if name == "between":
        low, high = _operator("ge", operand[0]), _operator("le", operand[1])
        return lambda column: low(column) & high(column)
    if name == "matches":
        return lambda column: mask_of(pc.match_substring_regex(text_array(column), operand))
    return lambda column: mask_of(column.is_null()) == bool(operand)


def _is_in(column: pa.Array, texts: pa.Array, choices: list[Callable[[pa.Array], Mask]]) -> Mask:
    if pa.types.is_decimal(column.type) or pa.types.is_integer(column.type):
        return np.asarray(reduce(np.logical_or, (choice(column) for choice in choices)))
    return mask_of(pc.is_in(text_array(column), texts))


def _comparable(column: pa.Array, operand: Any) -> tuple[Any, Any]:
    if pa.types.is_null(column.type):
        column = pc.cast(column, pa.string())
    if pa.types.is_boolean(column.type) and isinstance(operand, bool):
        return column, pa.scalar(operand)
    if _is_number(operand) or pa.types.is_decimal(column.type) or pa.types.is_integer(column.type):
        number = to_decimal(pa.array([_word(operand)]), _PLAIN)[0][0]
        return to_decimal(column, _PLAIN)[0], number
    return text_array(column), pa.scalar(_word(operand))


def _is_number(operand: Any) -> bool:
    return isinstance(operand, int) and not isinstance(operand, bool)


def _word(operand: Any) -> str:
    return str(operand).lower() if isinstance(operand, bool) else str(operand)


def _given(comparison: Comparison) -> dict[str, Any]:
    return {name.rstrip("_"): getattr(comparison, name) for name in comparison.model_fields_set}


def _comparison(test: Any) -> Comparison:
    if isinstance(test, Comparison):
        return test
    return Comparison(in_=test) if isinstance(test, list) else Comparison(eq=test)


def _names(model: type[Comparison]) -> list[str]:
    return [name.rstrip("_") for name in model.model_fields]
