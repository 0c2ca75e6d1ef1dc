"""What documents that went well have in common, as expectations to accept: each only warns until a person says more."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from statistics import quantiles
from typing import Any

import yaml

from ledgerbridge.gates import Expectation
from ledgerbridge.suggest.described import HEADER
from ledgerbridge.suggest.kinds import kind_of

__all__ = ["expectations_of", "suite_text"]

Row = Mapping[str, Any]

_ENOUGH = 50
"""From fewer values nothing is concluded."""
_A_WORD_EACH = 25
"""A field has a set of words if each of them came so often, on average."""
_FENCE = 3
"""So many interquartile ranges of its logarithm beyond the quartiles an amount is strange."""
_AMOUNTS = ("money", "rate", "quantity", "number")


def expectations_of(documents: Iterable[Mapping[str, Any]]) -> list[Expectation]:
    """
    What every one of the documents meets, or nearly every amount.

    :param documents: ``header`` with its fields, and rows by part, as a staged batch of documents has them.
    """
    rows: dict[str, list[Row]] = {}
    for document in documents:
        for part, content in document.items():
            if isinstance(content, Mapping):
                rows.setdefault(part, []).append(content)
            elif isinstance(content, list):
                rows.setdefault(part, []).extend(content)
    return [each for part, of in rows.items() if len(of) >= _ENOUGH for each in _of_part(part, of)]


def suite_text(expectations: Sequence[Expectation], of: int) -> str:
    """A suite file for `include/expectations`."""
    told = [each.model_dump(exclude_defaults=True) for each in expectations]
    head = (
        "# yaml-language-server: $schema=../schemas/suite.json\n"
        f"# Begun by `ledgerbridge suggest-suite` of {of} documents: take what is a rule, delete what is chance.\n"
        "# Each warns; without `otherwise` a record that does not meet it is held back.\n"
    )
    content = {"description": "To be written.", "expectations": told}
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=200)


def _of_part(part: str, rows: Sequence[Row]) -> Iterator[Expectation]:
    for column in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(column) for row in rows]
        there = [str(value) for value in values if value is not None and value != ""]
        if column == "record_key" or len(there) < _ENOUGH:
            continue
        if len(there) == len(rows):
            yield _expectation(part, column, "expect_column_values_to_not_be_null", {}, "it was never empty")
        if kind_of(there) in _AMOUNTS:
            low, high = _fences([Decimal(each) for each in there])
            bounds = {"min_value": low, "max_value": high}
            yield _expectation(part, column, "expect_column_values_to_be_between", bounds, "it never was by far")
        elif len(counts := Counter(there)) * _A_WORD_EACH <= len(there):
            words = {"value_set": sorted(counts)}
            yield _expectation(part, column, "expect_column_values_to_be_in_set", words, "it was always one of these")
        elif part == HEADER and len(counts) == len(there) == len(rows):
            yield _expectation(part, column, "expect_column_values_to_be_unique", {}, "no two had the same")


def _expectation(part: str, column: str, expect: str, arguments: dict[str, Any], seen: str) -> Expectation:
    return Expectation(
        part=part,
        expect=expect,
        column=column,
        arguments=arguments,
        remedy=f"Look whether {column} is right: {seen}.",
        otherwise="warn",
    )


def _fences(values: Sequence[Decimal]) -> tuple[int, int]:
    """Whole numbers that hold all but what is strange; amounts spread by their logarithm. Below 0 only what was."""
    positive = [math.log10(value) for value in values if value > 0]
    least = math.floor(min(values) * 2) if min(values) < 0 else 0
    if len(positive) < _ENOUGH:
        return least, math.ceil(max(*values, Decimal(0)) * 2)
    first, _, third = quantiles(positive, n=4)
    high = 10 ** (third + _FENCE * max(third - first, 0.1))
    return least, math.ceil(high)
