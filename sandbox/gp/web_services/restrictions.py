"""Criteria of the list operations as SQL conditions with bound values (sources.md GP §3, restrictions)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.gp.models import Column
from sandbox.gp.web_services.objects import as_list

_OPERATORS = {
    "EqualValue": "=",
    "NotEqualValue": "<>",
    "From": ">=",
    "To": "<=",
    "GreaterThan": ">",
    "LessThan": "<",
    "Like": "LIKE",
}


Criterion = tuple[Column, tuple[int, int]]
"""The column of a criterion, and what it holds where a criterion of a flag is false and where it is true."""


def compile_criteria(criteria: Any, columns: Mapping[str, Criterion]) -> tuple[str, list[Any]]:
    """The condition that all restrictions hold."""
    conditions: list[str] = []
    parameters: list[Any] = []
    for name, restriction in (criteria or {}).items():
        if name not in columns or not isinstance(restriction, dict):
            continue
        column, flag = columns[name]
        for operator, value in restriction.items():
            if operator == "Items":
                items = as_list(value, "string") or as_list(value, "dateTime")
                if items:
                    conditions.append(f'"{column.name}" IN ({", ".join("?" * len(items))})')
                    parameters += [_stored(column, item, flag) for item in items]
            elif value is not None:
                conditions.append(f'"{column.name}" {_OPERATORS[operator]} ?')
                parameters.append(_stored(column, value, flag))
    return " AND ".join(conditions) or "1", parameters


def _stored(column: Column, text: str, flag: tuple[int, int]) -> str | int:
    match column.kind:
        case "i":
            return flag[text in ("true", "1")]
        case "t":
            return column.stored(datetime.fromisoformat(text).replace(tzinfo=None))
        case "d":
            return column.stored(datetime.fromisoformat(text).date())
        case _:
            return text
