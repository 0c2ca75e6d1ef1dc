"""What a query costs before it runs, by the published rule: sources.md Shopify §2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import graphql


def requested_cost(schema: graphql.GraphQLSchema, query: str, variables: Mapping[str, int]) -> int:
    """Points: an object 1, a connection as many as it asks for, an interface its dearest implementation."""
    document = graphql.parse(query)
    fragments = {
        part.name.value: part for part in document.definitions if isinstance(part, graphql.FragmentDefinitionNode)
    }
    [operation] = [part for part in document.definitions if isinstance(part, graphql.OperationDefinitionNode)]
    assert schema.query_type is not None
    return _Cost(schema, fragments, variables).of(schema.query_type, operation.selection_set)


@dataclass(frozen=True)
class _Cost:
    schema: graphql.GraphQLSchema
    fragments: Mapping[str, graphql.FragmentDefinitionNode]
    variables: Mapping[str, int]

    def of(self, owner: graphql.GraphQLNamedType, selections: graphql.SelectionSetNode) -> int:
        shared, branches = 0, [0]
        for selection in selections.selections:
            if isinstance(selection, graphql.FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
                shared += self.of(self._type(fragment.type_condition), fragment.selection_set)
            elif isinstance(selection, graphql.InlineFragmentNode):
                assert selection.type_condition is not None
                branches.append(self.of(self._type(selection.type_condition), selection.selection_set))
            elif isinstance(selection, graphql.FieldNode) and selection.selection_set is not None:
                shared += self._field(owner, selection, selection.selection_set)
        return shared + max(branches)

    def _field(
        self, owner: graphql.GraphQLNamedType, field: graphql.FieldNode, selections: graphql.SelectionSetNode
    ) -> int:
        assert isinstance(owner, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType)
        kind = graphql.get_named_type(owner.fields[field.name.value].type)
        within = self.of(kind, selections)
        if not kind.name.endswith("Connection"):
            return 1 + within
        [first] = [argument.value for argument in field.arguments or () if argument.name.value == "first"]
        if isinstance(first, graphql.VariableNode):
            return self.variables[first.name.value] * within
        assert isinstance(first, graphql.IntValueNode)
        return int(first.value) * within

    def _type(self, condition: graphql.NamedTypeNode) -> graphql.GraphQLNamedType:
        return self.schema.type_map[condition.name.value]
