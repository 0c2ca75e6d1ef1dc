"""
What a query costs, and the bucket it is taken from.

An object costs a point, a scalar nothing, a mutation ten; a connection costs its nodes times ``first`` or ``last``.
The requested cost is taken before the query runs, what it did not use is given back.

Source: sources.md Shopify §2.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_argument_values,
    get_named_type,
    get_variable_values,
    is_leaf_type,
)

from sandbox.store import Store

__all__ = ["CostLimits", "QueryCost", "Throttle", "ThrottleStatus"]

CompositeType = GraphQLObjectType | GraphQLInterfaceType
MUTATION_COST = 10


@dataclass(frozen=True)
class CostLimits:
    """The plan: points in the bucket, points restored per second, the dearest single query."""

    maximum_available: float = 2000.0
    restore_rate: float = 100.0
    max_cost: int = 1000


@dataclass(frozen=True)
class ThrottleStatus:
    """The bucket as the answer's ``extensions.cost.throttleStatus`` shows it."""

    maximumAvailable: float
    currentlyAvailable: float
    restoreRate: float

    def as_json(self) -> dict[str, float]:
        """The wire form."""
        return {name: float(round(value)) for name, value in asdict(self).items()}


class QueryCost:
    """The cost of one operation, before and after it ran."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        values = get_variable_values(schema, operation.variable_definitions or [], dict(variables))
        if isinstance(values, list):
            raise values[0]
        self._variables = values
        self._operation = operation
        self._opened: dict[tuple[int, str], list[tuple[CompositeType, FieldNode]]] = {}
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}

    def requested(self) -> int:
        """The most it can cost, every connection full."""
        return self._root(None)

    def actual(self, data: Mapping[str, Any] | None) -> int:
        """What its answer cost."""
        return self._root(data or {})

    def _root(self, data: Mapping[str, Any] | None) -> int:
        is_mutation = self._operation.operation is OperationType.MUTATION
        root = self._schema.mutation_type if is_mutation else self._schema.query_type
        fields = self._fields(self._operation.selection_set, root) if root else []
        if is_mutation:
            return MUTATION_COST * len(fields)
        return sum(self._field(owner, node, data) for owner, node in fields)

    def _field(self, owner: CompositeType, node: FieldNode, data: Mapping[str, Any] | None) -> int:
        name = node.name.value
        if name.startswith("__") or node.selection_set is None:
            return 0
        definition = owner.fields[name]
        kind = get_named_type(definition.type)
        if is_leaf_type(kind) or not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            return 0
        value = None if data is None else data.get(_key(node))
        if not kind.name.endswith("Connection"):
            return 1 + self._dearest(node.selection_set, kind, data is None, value)
        if data is not None and value is None:
            return 0
        arguments = get_argument_values(definition, node, self._variables)
        size = arguments.get("first") or arguments.get("last") or 0
        return self._connection(node.selection_set, kind, int(size), data is None, value)

    def _connection(self, selection: SelectionSetNode, kind: CompositeType, size: int, before: bool, value: Any) -> int:
        """What the nodes cost, however they are reached: directly, or as ``edges { node }``."""
        cost = 0
        for owner, node in self._fields(selection, kind):
            if node.name.value not in ("nodes", "edges") or node.selection_set is None:
                continue
            item_type = _composite(get_named_type(owner.fields[node.name.value].type))
            items = [None] if before else value[_key(node)]
            each = size if before else 1
            if node.name.value == "edges":
                inner = [edge_field for _, edge_field in self._fields(node.selection_set, item_type)]
                cost += each * sum(self._field(item_type, edge_field, item) for edge_field in inner for item in items)
            else:
                cost += each * sum(1 + self._dearest(node.selection_set, item_type, before, item) for item in items)
        return cost

    def _dearest(self, selection: SelectionSetNode, kind: CompositeType, before: bool, value: Any) -> int:
        """The cost of an object's fields; of an interface's, those of its dearest type. A list counts its first."""
        if isinstance(value, list):
            value = value[0] if value else None
        if not before and value is None:
            return 0
        data = None if before else value
        shared = 0
        by_type: dict[str, int] = {}
        for owner, node in self._fields(selection, kind):
            cost = self._field(owner, node, data)
            if owner is kind:
                shared += cost
            else:
                by_type[owner.name] = by_type.get(owner.name, 0) + cost
        return shared + max(by_type.values(), default=0)

    def _fields(self, selection: SelectionSetNode, owner: CompositeType) -> list[tuple[CompositeType, FieldNode]]:
        """The fields selected, fragments opened, each with the type it is selected on."""
        key = (id(selection), owner.name)
        if key not in self._opened:
            self._opened[key] = self._open(selection, owner)
        return self._opened[key]

    def _open(self, selection: SelectionSetNode, owner: CompositeType) -> list[tuple[CompositeType, FieldNode]]:
        fields: list[tuple[CompositeType, FieldNode]] = []
        for node in selection.selections:
            if isinstance(node, FieldNode):
                fields.append((owner, node))
                continue
            fragment = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode)
            condition, inner = fragment.type_condition, fragment.selection_set
            narrowed = _composite(self._schema.get_type(condition.name.value)) if condition else owner
            fields += self._fields(inner, narrowed)
        return fields


def _key(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value


def _composite(kind: object) -> CompositeType:
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    return kind


class Throttle:
    """The buckets, one per app and shop, on real time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, shop: str, client_id: str, points: float, limits: CostLimits) -> tuple[bool, ThrottleStatus]:
        """
        Take ``points`` if they are there; a negative number gives back.

        :returns: whether they were taken, and the bucket after that.
        """
        now = time.time()
        with self._store.write() as connection:
            row = connection.execute(
                "SELECT available, at FROM bucket WHERE shop = ? AND client_id = ?", (shop, client_id)
            ).fetchone()
            available = limits.maximum_available
            if row:
                available = min(available, row["available"] + (now - row["at"]) * limits.restore_rate)
            taken = points <= available
            if taken:
                available = min(limits.maximum_available, available - points)
            connection.execute("INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?)", (shop, client_id, available, now))
        return taken, ThrottleStatus(limits.maximum_available, available, limits.restore_rate)
