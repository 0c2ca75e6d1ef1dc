"""The fields of the schema that concern bulk operations, and what makes a query fit for one."""

from __future__ import annotations

from typing import Any

from ariadne import ObjectType
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_list_type,
    parse,
    validate,
    visit,
)

from sandbox.shopify.bulk import BulkOperations
from sandbox.shopify.call import Info, call_of
from sandbox.shopify.paging import check_page, connection, make_cursor

__all__ = ["bulk_mutations", "bulk_queries"]

Json = dict[str, Any]
MAX_CONNECTIONS, MAX_NESTING = 5, 2

bulk_queries = ObjectType("QueryRoot")
bulk_mutations = ObjectType("Mutation")


@bulk_mutations.field("bulkOperationRunQuery")
def _run(_: object, info: Info, query: str, groupObjects: bool) -> Json:
    call = call_of(info)
    if refusal := _unfit(info.schema, query):
        return _refused("INVALID", refusal)
    operations = BulkOperations(call.shops)
    number = operations.start(call, info.schema, query, groupObjects)
    if number is None:
        return _refused("LIMIT_REACHED", "The maximum number of bulk operations of this app and shop are running.")
    row = operations.find(call.shop.domain, number)
    return {"bulkOperation": row and operations.render(row, call.origin), "userErrors": []}


@bulk_mutations.field("bulkOperationCancel")
def _cancel(_: object, info: Info, id: str) -> Json:
    call = call_of(info)
    operations = BulkOperations(call.shops)
    is_canceled = operations.cancel(_number(id))
    row = operations.find(call.shop.domain, _number(id))
    errors = (
        [] if is_canceled else [{"field": ["id"], "message": "A bulk operation cannot be canceled when it has ended"}]
    )
    return {"bulkOperation": row and operations.render(row, call.origin), "userErrors": errors}


@bulk_queries.field("bulkOperation")
def _operation(_: object, info: Info, id: str) -> Json | None:
    call = call_of(info)
    operations = BulkOperations(call.shops)
    row = operations.find(call.shop.domain, _number(id))
    return operations.render(row, call.origin) if row else None


@bulk_queries.field("bulkOperations")
def _operations(_: object, info: Info, **arguments: Any) -> Json:
    rows = _all(info)
    size, backwards = check_page(arguments)
    chosen = rows[-size:] if backwards else rows[:size]
    page = [(make_cursor(row["createdAt"], index), row) for index, row in enumerate(chosen)]
    return connection(page, has_next=not backwards and len(rows) > size, has_previous=False)


@bulk_queries.field("currentBulkOperation")
def _current(_: object, info: Info, **__: Any) -> Json | None:
    rows = _all(info)
    return rows[-1] if rows else None


def _all(info: Info) -> list[Json]:
    call = call_of(info)
    operations = BulkOperations(call.shops)
    return [operations.render(row, call.origin) for row in operations.all(call.shop.domain)]


def _number(id: str) -> int:
    number = id.removeprefix("gid://shopify/BulkOperation/")
    if not number.isdigit():
        raise GraphQLError(f"Invalid global id '{id}'", extensions={"code": "RESOURCE_NOT_FOUND"})
    return int(number)


def _refused(code: str, message: str) -> Json:
    return {"bulkOperation": None, "userErrors": [{"code": code, "field": ["query"], "message": message}]}


def _unfit(schema: GraphQLSchema, query: str) -> str | None:
    """Why a query can't run in bulk, None if it can."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return f"Invalid bulk query: {error.message}"
    if errors := validate(schema, document):
        return f"Invalid bulk query: {errors[0].message}"
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if len(operations) != 1 or len(operations[0].selection_set.selections) != 1:
        return "Bulk queries must contain exactly one operation with one top-level field."
    types = TypeInfo(schema)
    found = _Connections(types)
    visit(document, TypeInfoVisitor(types, found))
    return found.refusal()


class _Connections(Visitor):
    """Counts a query's connections and how deep they lie."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self._path: list[str] = []
        self._count = self._deepest = 0
        self._in_list: str | None = None

    def enter_field(self, node: FieldNode, *_: object) -> None:
        kind = self._types.get_type()
        field_type = get_named_type(kind)
        is_connection = field_type is not None and field_type.name.endswith("Connection")
        if is_connection:
            self._count += 1
            self._deepest = max(self._deepest, self._path.count("connection"))
            if "list" in self._path:
                self._in_list = node.name.value
        is_plain_list = is_list_type(get_nullable_type(kind)) and node.name.value not in ("edges", "nodes")
        self._path.append("connection" if is_connection else "list" if is_plain_list else "")

    def leave_field(self, *_: object) -> None:
        self._path.pop()

    def refusal(self) -> str | None:
        """The first rule the query breaks."""
        if self._count == 0:
            return "Bulk queries must contain at least one connection."
        if self._count > MAX_CONNECTIONS:
            return f"Bulk queries cannot contain more than {MAX_CONNECTIONS} connections, this has {self._count}."
        if self._deepest > MAX_NESTING:
            return f"Bulk queries cannot contain connections with a nesting depth greater than {MAX_NESTING}."
        if self._in_list:
            return f"Queries that contain a connection field within a list field are not supported: {self._in_list}."
        return None
