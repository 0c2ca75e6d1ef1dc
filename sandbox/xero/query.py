"""The filter and order expressions of ``where`` and ``order``, compiled to SQL over the records' JSON."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.xero.wire import as_id, milliseconds

__all__ = ["NotUnderstood", "Where", "compile_order", "compile_where", "literal"]

# Nothing escapes a quotation mark within a text: with one, or with a backslash, Xero can't parse the expression.
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"[^"\\]*") | (?P<number>-?\d+(?:\.\d+)?) | (?P<comparison>==|!=|>=|<=|>|<|=)
    | (?P<logic>&&|\|\||AND\b|OR\b|and\b|or\b) | (?P<name>[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*)*)
    | (?P<mark>[(),.])
    )""",
    re.VERBOSE,
)
_COMPARISONS = {"==": "=", "=": "=", "!=": "<>", ">=": ">=", "<=": "<=", ">": ">", "<": "<"}
# methods in either case, as pyxero and others write them
_LIKE = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}
_CASES = {"tolower": "lower", "toupper": "upper"}
_DATES = re.compile(r"(Date|DateUTC)$")


class NotUnderstood(ValueError):
    """An expression Xero would not parse either, or one beyond this subset."""


@dataclass(frozen=True)
class Where:
    """A condition in SQL with the values it binds."""

    sql: str
    parameters: list[Any] = field(default_factory=list)


def compile_where(text: str, fields: Collection[str]) -> Where:
    """
    A ``where`` such as ``Type=="ACCREC" AND Date>=DateTime(2026,03,01)`` as SQL.

    :param fields: the names a record of this resource has; another one is not understood.
    :raises NotUnderstood: says where.
    """
    return _Parser(text, fields).whole()


def compile_order(text: str, fields: Collection[str]) -> str:
    """
    An ``order`` such as ``UpdatedDateUTC DESC, InvoiceNumber`` as an SQL list.

    :raises NotUnderstood: an unknown field or direction.
    """
    terms = []
    for term in text.split(","):
        name, _, direction = term.strip().partition(" ")
        if direction.strip().upper() not in {"", "ASC", "DESC"}:
            raise NotUnderstood(f"'{direction}' is no direction; ASC and DESC are.")
        terms.append(f"{_column(name, fields)} {direction.strip().upper()}")
    return ", ".join([*terms, "position"])


def _column(path: str, fields: Collection[str]) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*", path):
        raise NotUnderstood(f"'{path}' is no field.")
    if path.split(".")[0] not in fields:
        raise NotUnderstood(f"No property or field '{path}' exists in this type")
    if path == "UpdatedDateUTC":
        return "updated"
    column = f"json_extract(body, '$.{path}')"
    return f"CAST(substr({column}, 7) AS INTEGER)" if _DATES.search(path) else column


class _Parser:
    def __init__(self, text: str, fields: Collection[str]) -> None:
        self._text = text
        self._fields = fields
        self._tokens = self._split(text)
        self._at = 0

    def whole(self) -> Where:
        condition = self._any_of()
        if self._at < len(self._tokens):
            raise NotUnderstood(f"'{self._tokens[self._at][1]}' is not expected there in: {self._text}")
        return condition

    def _any_of(self) -> Where:
        return self._joined(self._all_of, {"OR", "||"}, "OR")

    def _all_of(self) -> Where:
        return self._joined(self._term, {"AND", "&&"}, "AND")

    def _joined(self, part: Any, words: set[str], operator: str) -> Where:
        parts = [part()]
        while self._peek()[1].upper() in words:
            self._next()
            parts.append(part())
        return Where(
            f" {operator} ".join(f"({one.sql})" for one in parts), [value for one in parts for value in one.parameters]
        )

    def _term(self) -> Where:
        if self._peek()[1] == "(":
            self._next()
            condition = self._any_of()
            self._expect(")")
            return condition
        left = self._operand()
        if self._peek()[0] != "comparison":
            return left  # a call such as Name.Contains("x") is a condition by itself
        operator = _COMPARISONS[self._next()[1]]
        right = self._operand()
        if right.parameters == [None]:
            return Where(f"{left.sql} IS {'NOT ' if operator == '<>' else ''}NULL", left.parameters)
        return Where(f"{left.sql} {operator} {right.sql}", left.parameters + right.parameters)

    def _operand(self) -> Where:
        kind, text = self._next()
        if kind == "text":
            return Where("?", [_unquoted(text)])
        if kind == "number":
            return Where("?", [float(Decimal(text))])
        if kind != "name":
            raise NotUnderstood(f"A field or value is missing at '{text}' in: {self._text}")
        if text.lower() in {"true", "false", "null"}:
            return Where("?", [{"true": 1, "false": 0, "null": None}[text.lower()]])
        if self._peek()[1] == "(":
            return self._call(text)
        return Where(_column(text, self._fields))

    def _call(self, name: str) -> Where:
        arguments = self._arguments()
        if name.lower() == "guid":
            return Where("?", [as_id(arguments[0])])
        if name in {"DateTime", "DateTime.Parse"}:
            return Where("?", [milliseconds(_instant(name, arguments))])
        path, _, method = name.rpartition(".")
        if method.lower() in _CASES:
            return Where(f"{_CASES[method.lower()]}({_column(path, self._fields)})")
        if method.lower() in _LIKE:
            pattern = _LIKE[method.lower()].format(literal(str(arguments[0])))
            return Where(f"{_column(path, self._fields)} LIKE ? ESCAPE '~'", [pattern])
        raise NotUnderstood(f"No applicable method '{method or name}' exists")

    def _arguments(self) -> list[str]:
        self._expect("(")
        values = []
        while self._peek()[1] != ")":
            kind, text = self._next()
            values.append(_unquoted(text) if kind == "text" else text)
            if self._peek()[1] == ",":
                self._next()
        self._expect(")")
        return values

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise NotUnderstood(f"'{text[at:].strip()[:20]}' can't be read in: {text}")
            tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        return tokens

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, mark: str) -> None:
        found = self._next()[1]
        if found != mark:
            raise NotUnderstood(f"'{mark}' is expected, not '{found}', in: {self._text}")


def literal(text: str) -> str:
    """The text as a pattern of ``LIKE … ESCAPE '~'`` that nothing else fits."""
    return re.sub(r"([%_~])", r"~\1", text)


def _unquoted(text: str) -> str:
    return text[1:-1]


def _instant(name: str, arguments: list[str]) -> datetime:
    try:
        if name == "DateTime.Parse":
            moment = datetime.fromisoformat(arguments[0])
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return datetime(*(int(argument) for argument in arguments), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except (ValueError, TypeError, IndexError) as error:
        raise NotUnderstood(f"{name}({', '.join(arguments)}) is no date") from error
