"""
Shopify's search syntax as a condition on a table.

Terms ``field:value`` joined by blanks (AND), ``AND``, ``OR``, ``NOT`` or ``-``, with parentheses, comparators
``:< :<= :> :>=`` and quotes. A field nobody knows is ignored with a warning.

Source: sources.md Shopify §2 (search syntax).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sandbox.store import wire_instant

__all__ = ["Condition", "Searchable", "search", "search_orders"]

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
_STATUS = {
    "open": "cancelled_at IS NULL",
    "not_closed": "1",
    "closed": "0",
    "cancelled": "cancelled_at IS NOT NULL",
    "any": "1",
}


@dataclass(frozen=True)
class Searchable:
    """
    What may be searched for: by field, the column of a time, of a text (case-insensitive) or of a number.

    :param words: columns that a word without a field is looked for in.
    :param cases: by field, the conditions that its values stand for.
    :param parts: by field, a pattern of what stands in the document of a row, with ``{}`` for the value.
    """

    times: Mapping[str, str]
    texts: Mapping[str, str]
    numbers: Mapping[str, str]
    words: Sequence[str] = ()
    cases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)


ORDERS = Searchable(
    times={"created_at": "created_at", "processed_at": "processed_at", "updated_at": "search_updated_at"},
    texts={"name": "name", "email": "email", "financial_status": "financial_status"},
    numbers={"id": "id", "customer_id": "customer_id"},
    words=("name", "email"),
    cases={"status": _STATUS, "test": {"true": "test", "false": "NOT test"}},
    parts={"payment_id": '%"paymentId":"{}"%'},
)


@dataclass
class Condition:
    """An SQL condition with its parameters, and the fields that were ignored."""

    sql: str
    parameters: list[str | int | float] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def search_orders(query: str, now: datetime) -> Condition:
    """The condition ``query`` means for orders; ``now`` is what the word stands for in it."""
    return search(query, now, ORDERS)


def search(query: str, now: datetime, among: Searchable) -> Condition:
    """The condition ``query`` means for the rows of another table."""
    return _Parser(query, now, among).parse()


class _Parser:
    def __init__(self, query: str, now: datetime, among: Searchable) -> None:
        self._among = among
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
        self._condition.parameters += [f"%{text}%"] * len(self._among.words)
        return "(" + " OR ".join([f"{column} LIKE ?" for column in self._among.words] or ["1"]) + ")"

    def _comparison(self, name: str, operator: str, value: str) -> str:
        among = self._among
        if name in among.times:
            return self._time(among.times[name], operator, value)
        if name in among.numbers and value.isdigit():
            self._condition.parameters.append(int(value))
            return f"{among.numbers[name]} {operator} ?"
        if name in among.texts:
            self._condition.parameters.append(value)
            return f"{among.texts[name]} = ? COLLATE NOCASE"
        if value.lower() in among.cases.get(name, {}):
            return among.cases[name][value.lower()]
        if name in among.parts:
            self._condition.parameters.append(among.parts[name].format(value))
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
