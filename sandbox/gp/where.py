"""
The Requester's WhereClause: T-SQL conditions on one table's columns, turned into SQL of our own with bound values.

sqlglot reads the text; only what is listed here is taken over, so nothing of the client's text reaches SQLite.
Supported: AND, OR, NOT, parentheses, = <> > >= < <=, IN (list or SELECT column FROM table WHERE …), LIKE, BETWEEN.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlglot
from sqlglot import expressions as sql
from sqlglot.errors import ParseError, TokenError

from sandbox.gp.errors import SqlError
from sandbox.gp.models import TABLES, Column, Table

_COMPARISONS: dict[type[sql.Expression], str] = {
    sql.EQ: "=",
    sql.NEQ: "<>",
    sql.GT: ">",
    sql.GTE: ">=",
    sql.LT: "<",
    sql.LTE: "<=",
}
_NUMBER = Column("literal", "m")


def compile_where(text: str, table: str) -> tuple[str, list[Any]]:
    """
    An SQLite condition with its parameters for a WhereClause on ``table``.

    :raises SqlError: the text is no condition, names a column the table doesn't have, or uses more than is supported.
    """
    try:
        tree = sqlglot.condition(text, dialect="tsql")
    except (ParseError, TokenError) as error:
        raise SqlError.bad_where(str(error).splitlines()[0]) from error
    parameters: list[Any] = []
    return _Compiler(TABLES[table], parameters).condition(tree), parameters


class _Compiler:
    """Compiles conditions on the columns of one table; subqueries get a compiler of their own."""

    def __init__(self, table: Table, parameters: list[Any]) -> None:
        self._table = table
        self._columns = {column.name.upper(): column for column in table.columns.values()}
        self._parameters = parameters

    def condition(self, node: Any) -> str:
        match node:
            case sql.Paren():
                return f"({self.condition(node.this)})"
            case sql.And() | sql.Or():
                word = "AND" if isinstance(node, sql.And) else "OR"
                return f"({self.condition(node.this)} {word} {self.condition(node.expression)})"
            case sql.Not():
                return f"NOT ({self.condition(node.this)})"
            case sql.EQ() | sql.NEQ() | sql.GT() | sql.GTE() | sql.LT() | sql.LTE():
                return self._comparison(node)
            case sql.In():
                return self._in(node)
            case sql.Like():
                column = self._column(node.this)
                return f'"{column.name}" LIKE {self._bound(_text(node.expression))}'
            case sql.Between():
                column = self._column(node.this)
                low, high = (self._value(column, node.args[end]) for end in ("low", "high"))
                return f'"{column.name}" BETWEEN {low} AND {high}'
        raise SqlError.bad_where(f"{node.sql(dialect='tsql')} is not supported by this sandbox")

    def _comparison(self, node: Any) -> str:
        operator = _COMPARISONS[type(node)]
        left, right = node.this, node.expression
        if isinstance(left, sql.Column):
            column = self._column(left)
            return f'"{column.name}" {operator} {self._value(column, right)}'
        return f"{self._value(_NUMBER, left)} {operator} {self._value(_NUMBER, right)}"

    def _in(self, node: Any) -> str:
        column = self._column(node.this)
        query = node.args.get("query")
        if query is not None:
            return f'"{column.name}" IN ({self._subquery(query.this if isinstance(query, sql.Subquery) else query)})'
        values = [self._value(column, value) for value in node.expressions]
        return f'"{column.name}" IN ({", ".join(values)})'

    def _subquery(self, select: Any) -> str:
        source = select.args.get("from") or select.args.get("from_")
        name = source.this.name.upper() if source is not None and isinstance(source.this, sql.Table) else ""
        if name not in TABLES or len(select.expressions) != 1:
            raise SqlError.bad_where(f"{select.sql(dialect='tsql')}: one column of one GP table expected")
        inner = _Compiler(TABLES[name], self._parameters)
        column = inner._column(select.expressions[0])
        where = select.args.get("where")
        condition = inner.condition(where.this) if where is not None else "1"
        return f'SELECT "{column.name}" FROM {name} WHERE {condition}'  # noqa: S608 - names are ours, values bound

    def _column(self, node: Any) -> Column:
        name = node.name.upper() if isinstance(node, sql.Column) else ""
        if name not in self._columns:
            raise SqlError(207, f"Invalid column name '{node.sql(dialect='tsql')}' ({self._table.name}).")
        return self._columns[name]

    def _value(self, column: Column, node: Any) -> str:
        text = _text(node)
        try:
            match column.kind:
                case "c":
                    return self._bound(text)
                case "i":
                    return self._bound(int(text))
                case "m" | "r":
                    return self._bound(column.stored(Decimal(text)))
                case "d":
                    return self._bound(column.stored(datetime.fromisoformat(text).date()))
                case _:
                    return self._bound(column.stored(datetime.fromisoformat(text).replace(tzinfo=None)))
        except (ValueError, InvalidOperation) as error:
            raise SqlError(245, f"Conversion failed when converting '{text}' for column {column.name}.") from error

    def _bound(self, value: Any) -> str:
        self._parameters.append(value.rstrip() if isinstance(value, str) else value)
        return "?"


def _text(node: Any) -> str:
    """The text of a literal, with its sign."""
    if isinstance(node, sql.Paren):
        return _text(node.this)
    if isinstance(node, sql.Neg):
        return f"-{_text(node.this)}"
    if isinstance(node, sql.Literal | sql.National):
        return str(node.this)
    raise SqlError.bad_where(f"{node.sql(dialect='tsql')}: a value expected")
