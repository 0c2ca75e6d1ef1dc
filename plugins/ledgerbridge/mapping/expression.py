"""
Arithmetic and comparison in mapping files: a small subset of Python's syntax, compiled once to Arrow kernels.

Allowed: paths (``net``, ``$.rate``), numbers, texts in quotes, ``+ - * /``, comparisons, ``and or not``, and the
functions ``abs min max round coalesce``. No calls outside that list, no attributes of objects: a dotted name is a path.
Numbers are exact decimals; a division keeps ten places (cut, not rounded), its divisor has at most five.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping.rows import Rows

__all__ = ["FUNCTIONS", "compile_expression", "decimal_array", "expression_paths", "round_half_up"]

Compiled = Callable[[Rows], Any]
FUNCTIONS = ("abs", "min", "max", "round", "coalesce")

_WIDE = pa.decimal128(30, 10)
_FACTOR = pa.decimal128(18, 7)  # two of them fit one product
_DIVIDEND = pa.decimal128(15, 5)
_DIVISOR = pa.decimal128(12, 5)
_LARGEST_PRODUCT = 1e20  # of the 38 digits that Arrow counts with, 14 stand behind the point

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
}


def compile_expression(text: str) -> Compiled:
    """
    Compile ``text`` to a function from rows to one array.

    :raises ValueError: something outside the allowed subset; names it.
    """
    tree, marked = _parsed(text)
    return _compile(tree.body, marked)


def expression_paths(text: str) -> list[str]:
    """
    The paths an expression reads, each once.

    :raises ValueError: it is no expression.
    """
    paths: dict[str, None] = {}
    pending: list[ast.AST] = [_parsed(text)[0].body]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Name, ast.Attribute)):
            paths[_read_path(node)] = None
        else:
            pending += node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    return list(paths)


def decimal_array(array: pa.Array, kind: pa.DataType = _WIDE) -> pa.Array:
    """``array`` as decimals; whole numbers become decimals too."""
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind)
    if pa.types.is_integer(array.type):
        array = pc.cast(array, pa.decimal128(19, 0))
    return pc.cast(array, kind, safe=False)


def round_half_up(array: pa.Array, places: int) -> pa.Array:
    """Round away from zero at the half, as ledgers do (sources.md GP §5)."""
    return pc.round(array, ndigits=places, round_mode="half_towards_infinity")


def _compile(node: ast.expr, text: str) -> Compiled:
    match node:
        case ast.Constant(value=bool() | str() as value):
            return lambda rows: pa.scalar(value)
        case ast.Constant(value=int() | float()):
            literal = Decimal(str(ast.get_source_segment(text, node)))
            return lambda rows: pa.scalar(literal, _WIDE)
        case ast.Name() | ast.Attribute():
            path = _read_path(node)
            return lambda rows: rows.column(path)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _compile(operand, text)
            return lambda rows: pc.negate(_decimal(inner(rows)))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _compile(operand, text)
            return lambda rows: pc.invert(inner(rows))
        case ast.BoolOp(op=operator, values=values):
            parts = [_compile(value, text) for value in values]
            kernel = pc.and_kleene if isinstance(operator, ast.And) else pc.or_kleene
            return lambda rows: reduce(kernel, (part(rows) for part in parts))
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _COMPARISONS:
            first, second, compare = _compile(left, text), _compile(right, text), _COMPARISONS[type(operator)]
            return lambda rows: compare(*_alike(first(rows), second(rows)))
        case ast.BinOp(left=left, op=operator, right=right):
            return _arithmetic(operator, _compile(left, text), _compile(right, text))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return _function(name, args, text)
    raise ValueError(f"`{ast.get_source_segment(text, node)}` is not allowed in an expression")


def _parsed(text: str) -> tuple[ast.Expression, str]:
    marked = text.replace("$.", "_root_.").replace("^.", "_above_.")
    try:
        return ast.parse(marked.strip(), mode="eval"), marked.strip()
    except SyntaxError as error:
        raise ValueError(f"`{text}` is no expression: {error.msg}") from None


def _read_path(node: ast.expr) -> str:
    path = _path(node).replace("_root_.", "$.").replace("_above_.", "^.")
    return f"={path}" if path.startswith("_") else path  # a helper field of the same part


def _path(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_path(node.value)}.{node.attr}"
    raise ValueError(f"`{ast.unparse(node)}` is no path")


def _decimal(value: Any, kind: pa.DataType = _WIDE) -> Any:
    if isinstance(value, pa.Scalar):
        return pa.scalar(None if value.as_py() is None else Decimal(value.as_py()), kind)
    return decimal_array(value, kind)


def _arithmetic(operator: ast.operator, left: Compiled, right: Compiled) -> Compiled:
    def add(rows: Rows) -> Any:
        return pc.add(_decimal(left(rows)), _decimal(right(rows))).cast(_WIDE)

    def subtract(rows: Rows) -> Any:
        return pc.subtract(_decimal(left(rows)), _decimal(right(rows))).cast(_WIDE)

    def multiply(rows: Rows) -> Any:
        return _product(_decimal(left(rows), _FACTOR), _decimal(right(rows), _FACTOR)).cast(_WIDE, safe=False)

    def divide(rows: Rows) -> Any:
        divisor = _decimal(right(rows), _DIVISOR)
        known = pc.if_else(pc.equal(divisor, pa.scalar(Decimal(0), _DIVISOR)), pa.scalar(None, _DIVISOR), divisor)
        return pc.divide(_decimal(left(rows), _DIVIDEND), known).cast(_WIDE, safe=False)

    kernels: dict[type[ast.operator], Compiled] = {ast.Add: add, ast.Sub: subtract, ast.Mult: multiply, ast.Div: divide}
    if type(operator) not in kernels:
        raise ValueError(f"operator {type(operator).__name__} is not allowed in an expression")
    return kernels[type(operator)]


def _product(left: Any, right: Any) -> Any:
    # a product beyond 38 digits wraps around without a word; floats tell only how large it gets
    size = pc.abs(pc.multiply(left.cast(pa.float64()), right.cast(pa.float64())))
    if pc.any(pc.greater(size, _LARGEST_PRODUCT)).as_py():
        raise OverflowError("a product of more than 20 digits before the point")
    return pc.multiply(left, right)


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    numeric = [side for side in (left, right) if pa.types.is_decimal(side.type) or pa.types.is_integer(side.type)]
    if pa.types.is_null(left.type) and pa.types.is_null(right.type):
        return left.cast(pa.string()), right.cast(pa.string())  # nothing compared with nothing has no kernel
    return (_decimal(left), _decimal(right)) if numeric else (left, right)


def _function(name: str, args: list[ast.expr], text: str) -> Compiled:
    if name == "round" and len(args) == 2 and isinstance(args[1], ast.Constant) and isinstance(args[1].value, int):
        inner, places = _compile(args[0], text), args[1].value
        return lambda rows: round_half_up(_decimal(inner(rows)), places)
    parts = [_compile(arg, text) for arg in args]
    if name == "abs" and len(parts) == 1:
        return lambda rows: pc.abs(_decimal(parts[0](rows)))
    if name in ("min", "max") and parts:
        kernel = pc.min_element_wise if name == "min" else pc.max_element_wise
        return lambda rows: kernel(*(_decimal(part(rows)) for part in parts), skip_nulls=False)
    if name == "coalesce" and parts:
        return lambda rows: pc.coalesce(*_unified([part(rows) for part in parts]))
    raise ValueError(
        f"function {name} is not allowed in an expression; allowed: abs, min, max, round(x, places), coalesce"
    )


def _unified(values: list[Any]) -> list[Any]:
    if any(pa.types.is_decimal(value.type) or pa.types.is_integer(value.type) for value in values):
        return [_decimal(value) for value in values]
    return values
