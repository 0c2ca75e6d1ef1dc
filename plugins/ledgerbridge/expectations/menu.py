"""The menu of expectations: those that can split a batch by record, with what each is told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal, get_args

__all__ = ["Argument", "Offered", "argument_names", "by_row", "menu"]

Kind = Literal["number", "text", "yes or no", "list", "other"]
_NOT_ARGUMENTS = {
    "batch_id", "catch_exceptions", "column", "column_A", "column_B", "description", "ignore_row_if", "id", "meta",
    "notes", "rendered_content", "result_format", "severity", "windows",
}  # fmt: skip
_NOT_OFFERED = {"mostly", "row_condition", "condition_parser", "library_metadata"}
"""Arguments that speak of the batch as a whole, or in a language of their own."""
_OF_THE_BATCH = {
    "expect_column_value_z_scores_to_be_less_than", "expect_column_values_to_be_decreasing",
    "expect_column_values_to_be_increasing", "expect_column_values_to_not_be_outliers",
    "expect_column_values_to_be_in_type_list", "expect_column_values_to_be_of_type",
}  # fmt: skip
"""They judge a value by those beside it in its batch, or the column as one: another batch, another judgement."""


@dataclass(frozen=True)
class Argument:
    """
    What an expectation can be told beside its fields.

    :param kind: how it is written; ``other``: in no way that a form has. :param choices: all there are; none: any.
    """

    name: str
    kind: Kind
    needed: bool
    about: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offered:
    """An expectation of the menu; one ``of_pairs`` looks at a second field beside."""

    name: str
    about: str
    of_pairs: bool
    arguments: tuple[Argument, ...]


@cache
def by_row() -> dict[str, bool]:
    """Every expectation that names the rows that don't meet it, and whether it looks at two fields; loads GX."""
    from great_expectations.expectations.expectation import ColumnMapExpectation, ColumnPairMapExpectation
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    import_module("ledgerbridge.expectations.registered")
    found = {name: _implementation(name) for name in list_registered_expectation_implementations()}
    pairs = {name: True for name, each in found.items() if issubclass(each, ColumnPairMapExpectation)}
    return pairs | {name: False for name, each in found.items() if issubclass(each, ColumnMapExpectation)}


def argument_names(name: str) -> list[str]:
    """What an expectation takes beside its fields."""
    return [each for each in _implementation(name).__fields__ if each not in _NOT_ARGUMENTS]


@cache
def menu() -> list[Offered]:
    """
    Expectations to choose from, by name.

    Left out are those that Great Expectations knows for SQL alone, those that judge a batch, not its records, and those
    that need to be told what no form has: a file may name them, nobody is led to them.
    """
    found = [
        Offered(name, _first_sentence(name), of_pairs, tuple(_arguments(name)))
        for name, of_pairs in sorted(by_row().items())
        if name not in _OF_THE_BATCH and _works_on_frames(name)
    ]
    return [each for each in found if not any(one.kind == "other" and one.needed for one in each.arguments)]


def _implementation(name: str) -> Any:
    from great_expectations.expectations.registry import get_expectation_impl

    return get_expectation_impl(name)


def _works_on_frames(name: str) -> bool:
    from great_expectations.exceptions.exceptions import MetricProviderError
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
    from great_expectations.expectations.registry import get_metric_provider

    try:
        get_metric_provider(f"{_implementation(name).map_metric}.condition", PandasExecutionEngine())
    except MetricProviderError:
        return False
    return True


def _first_sentence(name: str) -> str:
    return (_implementation(name).__doc__ or "").strip().partition("\n")[0]


def _arguments(name: str) -> list[Argument]:
    fields = _implementation(name).__fields__
    return [
        Argument(
            each, _kind(fields[each].outer_type_), bool(fields[each].required),
            fields[each].field_info.description or "", _choices(fields[each].outer_type_),
        )
        for each in argument_names(name)
        if each not in _NOT_OFFERED
    ]  # fmt: skip


def _kind(annotation: Any) -> Kind:
    names = _names(annotation)
    if "tuple" in names or "Tuple" in names:
        return "other"
    kinds: tuple[tuple[Kind, set[str]], ...] = (
        ("list", {"list", "List"}), ("yes or no", {"bool"}), ("number", {"int", "float"}), ("text", {"str"}),
    )  # fmt: skip
    return next((kind for kind, of in kinds if of & names), "other")


def _names(annotation: Any) -> set[str]:
    """Every type that is named in an annotation."""
    inner = [each for each in get_args(annotation) if not isinstance(each, str)]
    named = getattr(annotation, "__name__", None) or getattr(annotation, "_name", None) or ""
    # a choice of texts is a text
    own = {"str"} if any(isinstance(each, str) for each in get_args(annotation)) else {str(named)}
    return own.union(*(_names(each) for each in inner))


def _choices(annotation: Any) -> tuple[str, ...]:
    found = [each for each in get_args(annotation) if isinstance(each, str)]
    return tuple(found) or next(filter(None, (_choices(each) for each in get_args(annotation))), ())
