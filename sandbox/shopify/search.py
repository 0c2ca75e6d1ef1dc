"""
Shopify's search syntax as a condition on the order table.

Terms ``field:value`` joined by blanks (AND), ``AND``, ``OR``, ``NOT`` or ``-``, with parentheses, comparators
``:< :<= :> :>=`` and quotes. A field nobody knows is ignored with a warning.

Source: sources.md Shopify §2 (search syntax).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sandbox.store import wire_instant

__all__ = ["Condition", "search_orders"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>\()|(?P<close>\))
        |(?P<minus>-(?=[\w(]))
        |(?P<field>[A-Za-z_][\w.]*):(?P<operator><=|>=|<|>)?
            (?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<bare>[^\s()]+))
        |(?:'(?P<single_text>[^']*)'|"(?P<double_text>[^"]*)"|(?P<word>[^\s()]+))
    )""",
    re.VERBOSE,
)
_TIMES = {"created_at": "created_at", "processed_at": "processed_at", "updated_at": "search_updated_at"}
_TEXTS = {"name": "name", "email": "email", "financial_status": "financial_status"}
_NUMBERS = {"id": "id", "customer_id": "customer_id"}
_STATUS = {
    "open": "cancelled_at IS NULL",
    "not_closed": "1",
    "closed": "0",
    "cancelled": "cancelled_at IS NOT NULL",
    "any": "1",
}


@dataclass
class Condition:
    """An SQL condition with its parameters, and the fields that were ignored."""

    sql: str
    parameters: list[str | int | float] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def search_orders(query: str, now: datetime) -> Condition:
    """The condition ``query`` means; ``now`` is what the word stands for in it."""
    return _Parser(query, now).parse()


class _Parser:
    def __init__(self, query: str, now: datetime) -> None:
        self._tokens = list(_TOKEN.finditer(query.strip()))
        self._next = 0
        self._now = now
        self._condition = Condition("1")

    def parse(self) -> Condition:
        if self._tokens:
            self._condition.sql = self._alternatives()
        return self._condition

    def _peek(self) -> re.Match[str] | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _is_word(self, word: str) -> bool:
        token = self._peek()
        return token is not None and token["word"] == word

    def _alternatives(self) -> str:
        alternatives = [self._conjunction()]
        while self._is_word("OR"):
            self._next += 1
            alternatives.append(self._conjunction())
        return "(" + " OR ".join(alternatives) + ")"

    def _conjunction(self) -> str:
        terms = [self._term()]
        while (token := self._peek()) and not token["close"] and token["word"] != "OR":
            if token["word"] == "AND":
                self._next += 1
            terms.append(self._term())
        return "(" + " AND ".join(terms) + ")"

    def _term(self) -> str:
        token = self._peek()
        if token is None:
            return "1"
        self._next += 1
        if token["minus"] or token["word"] == "NOT":
            return f"NOT {self._term()}"
        if token["open"]:
            inner = self._alternatives()
            self._next += 1
            return inner
        if token["field"]:
            value = token["single"] or token["double"] or token["bare"] or ""
            return self._comparison(token["field"].lower(), token["operator"] or "=", value)
        return self._text(token["single_text"] or token["double_text"] or token["word"] or "")

    def _text(self, text: str) -> str:
        self._condition.parameters += [f"%{text}%", f"%{text}%"]
        return "(name LIKE ? OR email LIKE ?)"

    def _comparison(self, name: str, operator: str, value: str) -> str:
        if name in _TIMES:
            return self._time(_TIMES[name], operator, value)
        if name in _NUMBERS and value.isdigit():
            self._condition.parameters.append(int(value))
            return f"{_NUMBERS[name]} {operator} ?"
        if name in _TEXTS:
            self._condition.parameters.append(value)
            return f"{_TEXTS[name]} = ? COLLATE NOCASE"
        if name == "status" and value.lower() in _STATUS:
            return _STATUS[value.lower()]
        if name == "test":
            return "test" if value.lower() == "true" else "NOT test"
        if name == "payment_id":
            self._condition.parameters.append(f'%"paymentId":"{value}"%')
            return "CAST(document AS TEXT) LIKE ?"
        self._condition.ignored.append(name)
        return "1"

    def _time(self, column: str, operator: str, value: str) -> str:
        start, end = _span(value, self._now)
        if operator == "=":
            self._condition.parameters += [wire_instant(start), wire_instant(end)]
            return f"({column} >= ? AND {column} < ?)"
        self._condition.parameters.append(wire_instant(start))
        return f"{column} {operator} ?"


def _span(value: str, now: datetime) -> tuple[datetime, datetime]:
    """The first instant ``value`` names and the one after its last: a year, a day or a second."""
    if value == "now":
        return now, now + timedelta(seconds=1)
    if re.fullmatch(r"\d{4}", value):
        return datetime(int(value), 1, 1, tzinfo=UTC), datetime(int(value) + 1, 1, 1, tzinfo=UTC)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        day = datetime.combine(date.fromisoformat(value), time(), UTC)
        return day, day + timedelta(days=1)
    moment = datetime.fromisoformat(value)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment, moment + timedelta(seconds=1)
