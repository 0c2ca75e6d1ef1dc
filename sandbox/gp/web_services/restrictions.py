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


def compile_criteria(criteria: Any, columns: Mapping[str, tuple[Column, bool]]) -> tuple[str, list[Any]]:
    """
    The condition that all restrictions hold.

    :param columns: the column of each criterion, and whether the criterion says the opposite of it (IsActive).
    """
    conditions: list[str] = []
    parameters: list[Any] = []
    for name, restriction in (criteria or {}).items():
        if name not in columns or not isinstance(restriction, dict):
            continue
        column, negated = columns[name]
        for operator, value in restriction.items():
            if operator == "Items":
                items = as_list(value, "string") or as_list(value, "dateTime")
                if items:
                    conditions.append(f'"{column.name}" IN ({", ".join("?" * len(items))})')
                    parameters += [_stored(column, item, negated) for item in items]
            elif value is not None:
                conditions.append(f'"{column.name}" {_OPERATORS[operator]} ?')
                parameters.append(_stored(column, value, negated))
    return " AND ".join(conditions) or "1", parameters


def _stored(column: Column, text: str, negated: bool) -> str | int:
    match column.kind:
        case "i":
            return int((text in ("true", "1")) != negated)
        case "t":
            return column.stored(datetime.fromisoformat(text).replace(tzinfo=None))
        case "d":
            return column.stored(datetime.fromisoformat(text).date())
        case _:
            return text
