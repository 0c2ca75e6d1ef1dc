"""
``searchCriteria``: filters in a group are alternatives, groups must all be met; sorting and numbered pages.

Source: sources.md Magento (searchCriteria; pages past the end, drift without a unique order).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.magento.columns import COLUMNS, TEXTS
from sandbox.magento.errors import InputRefused, InternalError
from sandbox.magento.models import Shop
from sandbox.magento.settings import Settings

__all__ = ["Criteria", "read_criteria", "search"]

Json = dict[str, Any]
_ROOTS = ("searchCriteria", "search_criteria")
_OPERATORS = {
    "eq": "=",
    "neq": "<>",
    "gt": ">",
    "gteq": ">=",
    "lt": "<",
    "lteq": "<=",
    "from": ">=",
    "to": "<=",
    "moreq": ">=",
    "like": "LIKE",
    "nlike": "NOT LIKE",
}
_DAY = re.compile(r"\d{4}-\d\d-\d\d$")


@dataclass(frozen=True)
class Filter:
    """One condition on one field."""

    field: str
    value: str
    condition: str


@dataclass(frozen=True)
class Criteria:
    """What a list is asked for."""

    groups: Sequence[Sequence[Filter]]
    orders: Sequence[tuple[str, str]]
    page_size: int | None
    current_page: int | None

    def as_json(self) -> Json:
        """What the answer repeats."""
        shown: Json = {
            "filter_groups": [
                {"filters": [{"field": f.field, "value": f.value, "condition_type": f.condition} for f in group]}
                for group in self.groups
            ]
        }
        if self.orders:
            shown["sort_orders"] = [{"field": field, "direction": direction} for field, direction in self.orders]
        optional = {"page_size": self.page_size, "current_page": self.current_page}
        return shown | {name: value for name, value in optional.items() if value is not None}


def read_criteria(pairs: Sequence[tuple[str, str]], settings: Settings) -> Criteria:
    """
    The criteria among a query's parameters, in either spelling (``filter_groups``, ``filterGroups``).

    :raises InputRefused: there are none, a number is no number, or the page is larger than allowed.
    """
    tree: Json = {}
    found = False
    for name, value in pairs:
        root, *path = re.findall(r"[^\[\]]+", name) or [""]
        if root not in _ROOTS:
            continue
        found = True
        branch = tree
        for part in path[:-1]:
            branch = branch.setdefault(_snake(part), {})
        if path:
            branch[_snake(path[-1])] = value
    if not found:
        raise InputRefused('"%fieldName" is required. Enter and try again.', {"fieldName": "searchCriteria"})
    size = _whole(tree, "page_size")
    if settings.input_limits:
        size = size or settings.default_page_size
        if size > settings.maximum_page_size:
            raise InputRefused("Maximum SearchCriteria pageSize is %max", {"max": settings.maximum_page_size})
    groups = [
        [
            Filter(f.get("field", ""), f.get("value", ""), f.get("condition_type") or "eq")
            for f in _branches(group.get("filters"))
        ]
        for group in _branches(tree.get("filter_groups"))
    ]
    orders = [(o.get("field", ""), _direction(o.get("direction", "DESC"))) for o in _branches(tree.get("sort_orders"))]
    return Criteria(groups, orders, size, _whole(tree, "current_page"))


def search(shop: Shop, kind: str, criteria: Criteria, settings: Settings) -> Json:
    """
    The documents found, as they are kept: ``items``, ``search_criteria``, ``total_count``.

    :raises InternalError: a field is no column, a condition is unknown, or the page holds a broken order.
    """
    where, values = ["kind = ?"], [kind]
    for group in filter(None, criteria.groups):
        alternatives = []
        for one in group:
            text, bound = _condition(kind, one)
            alternatives.append(text)
            values += bound
        where.append(f"({' OR '.join(alternatives)})")
    clause = " AND ".join(where)
    connection = shop.store.connection
    total: int = connection.execute(f"SELECT count(*) FROM document WHERE {clause}", values).fetchone()[0]  # noqa: S608
    page, empty = _page(criteria, total, settings)
    limit = criteria.page_size or -1
    offset = (page - 1) * max(limit, 0)
    rows = connection.execute(
        f"SELECT entity_id, broken, content FROM document WHERE {clause}"  # noqa: S608 - values are parameters
        f" ORDER BY {_order(kind, criteria, page)} LIMIT ? OFFSET ?",
        [*values, 0 if empty else limit, offset],
    ).fetchall()
    for row in rows:
        if row["broken"]:
            model = "Magento\\Sales\\Model\\Order\\Interceptor"
            raise InternalError(f'Item ({model}) with the same ID "{row["entity_id"]}" already exists.')
    return {
        "items": [orjson.loads(row["content"]) for row in rows],
        "search_criteria": criteria.as_json(),
        "total_count": total,
    }


def _page(criteria: Criteria, total: int, settings: Settings) -> tuple[int, bool]:
    """The page that is really read, and whether it is past the end and empty."""
    wanted = max(criteria.current_page or 1, 1)
    last = max(-(-total // criteria.page_size), 1) if criteria.page_size else 1
    if wanted <= last:
        return wanted, False
    return last, settings.page_past_end == "empty"


def _order(kind: str, criteria: Criteria, page: int) -> str:
    terms = [f"{_column(kind, field)} {direction}" for field, direction in criteria.orders]
    if not terms:
        return "entity_id"
    # what is equal in all that was asked comes in an order of the database's own, on each page another
    return ", ".join([*terms, f"entity_id {'ASC' if page % 2 else 'DESC'}"])


def _column(kind: str, field: str) -> str:
    if field not in COLUMNS[kind]:
        raise InternalError(f"SQLSTATE[42S22]: Column not found: 1054 Unknown column '{field}' in 'where clause'")
    if field in ("entity_id", "updated_at"):
        return field
    extracted = f"json_extract(content, '$.{field}')"
    return f"{extracted} COLLATE NOCASE" if _is_text(kind, field) else extracted


def _is_text(kind: str, field: str) -> bool:
    if kind == "transaction" and field == "transaction_id":
        return False
    return field in TEXTS or (kind == "order" and field == "state")


def _condition(kind: str, one: Filter) -> tuple[str, list[str]]:
    column, condition = _column(kind, one.field), one.condition
    slot = "?" if _is_text(kind, one.field) else "CAST(? AS REAL)"
    match condition:
        case "null":
            return f"{column} IS NULL", []
        case "notnull":
            return f"{column} IS NOT NULL", []
        case "in" | "nin":
            options = [_value(one.field, value) for value in one.value.split(",")]
            inside = f"{column} IN ({', '.join([slot] * len(options))})"
            return (inside if condition == "in" else f"NOT ({inside})"), options
        case "finset" | "nfinset":
            inside = f"instr(lower(',' || {column} || ','), lower(',' || ? || ',')) > 0"
            return (inside if condition == "finset" else f"NOT ({inside})"), [one.value]
        case "like" | "nlike":
            return f"{column} {_OPERATORS[condition]} ?", [one.value]
        case _ if condition in _OPERATORS:
            return f"{column} {_OPERATORS[condition]} {slot}", [_value(one.field, one.value)]
    raise InternalError(f"Unknown condition {condition}")


def _value(field: str, value: str) -> str:
    """A time as MySQL reads it: a day alone is its midnight, a T between day and time is nothing."""
    if not field.endswith("_at"):
        return value.strip() if field not in TEXTS else value
    return f"{value} 00:00:00" if _DAY.match(value) else value.replace("T", " ")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


def _branches(tree: Any) -> list[Json]:
    """The members of what PHP makes of ``name[0][…]``, ``name[1][…]``."""
    return [branch for branch in tree.values() if isinstance(branch, dict)] if isinstance(tree, dict) else []


def _whole(tree: Json, name: str) -> int | None:
    text = tree.get(name)
    if text in (None, ""):
        return None
    if not re.fullmatch(r"-?\d+", str(text)):
        raise InputRefused(
            'The "%value" value\'s type is invalid. The "%type" type was expected. Verify and try again.',
            {"value": text, "type": "int"},
        )
    return int(str(text))


def _direction(text: str) -> str:
    direction = text.upper()
    if direction not in ("ASC", "DESC"):
        raise InputRefused("The sort order has to be specified as ASC or DESC.")
    return direction
