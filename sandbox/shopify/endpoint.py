"""One GraphQL request from its text to its answer: parse, validate, weigh, throttle, execute."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, OperationDefinitionNode, execute_sync, parse, validate
from graphql.utilities import get_operation_ast
from starlette.responses import JSONResponse, Response

from sandbox.faults import Fault, NoSuchFault, answer_in
from sandbox.shopify.call import Call
from sandbox.shopify.cost import QueryCost, Throttle, ThrottleStatus
from sandbox.shopify.errors import MaxCostExceeded, Unauthorised
from sandbox.shopify.models import Shop, Shops, Token
from sandbox.shopify.schema import build_schema
from sandbox.shopify.settings import Settings

__all__ = ["Answer", "GraphQLEndpoint", "refuse_on_demand"]

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """HTTP status and JSON body."""

    status: int
    body: Json


class GraphQLEndpoint:
    """The Admin API of all shops."""

    def __init__(self, shops: Shops) -> None:
        self._shops = shops
        self._schema = build_schema()
        self._throttle = Throttle(shops.store)
        # clients send the same few texts again and again; reading one takes longer than answering it
        self._read = lru_cache(maxsize=256)(self._parse_and_validate)

    def answer(self, shop: Shop, token: Token, request: Mapping[str, Any], origin: str, version: str) -> Answer:
        """
        Answer one request ``{query, variables, operationName}`` of that app in that shop.

        A refused query is an answer with ``errors`` and HTTP 200, as on the wire.
        """
        call = Call(self._shops, shop, token, origin, version)
        try:
            document = self._read(str(request.get("query") or ""))
            operation = get_operation_ast(document, request.get("operationName"))
            if operation is None:
                raise GraphQLError("An operation name is required", extensions={"code": "operationNameMissing"})
            return self._run(call, document, operation, request.get("variables") or {})
        except GraphQLError as error:
            return Answer(200, {"errors": [error.formatted]})
        except InvalidDocument as error:
            return Answer(200, {"errors": [one.formatted for one in error.errors]})

    def _parse_and_validate(self, text: str) -> DocumentNode:
        document = parse(text)
        if errors := validate(self._schema, document):
            raise InvalidDocument(errors)
        return document

    def _run(
        self, call: Call, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> Answer:
        settings = Settings.read(self._shops.store)
        call.search_lag_seconds = settings.search_lag_seconds
        cost = QueryCost(self._schema, document, operation, variables)
        requested = cost.requested()
        if requested > settings.max_cost:
            raise MaxCostExceeded(requested, settings.max_cost)
        taken, status = self._take(call, requested, settings)
        if not taken:
            return _throttled(requested, status, settings.throttled_status)
        result = execute_sync(
            self._schema,
            document,
            context_value=call,
            variable_values=dict(variables),
            operation_name=operation.name.value if operation.name else None,
        )
        actual = cost.actual(result.data)
        _, status = self._take(call, actual - requested, settings)
        return Answer(200, _body(result, call, _cost(requested, actual, status)))

    def _take(self, call: Call, points: int, settings: Settings) -> tuple[bool, ThrottleStatus]:
        return self._throttle.take(call.shop.domain, call.token.client_id, points, settings.limits)


class InvalidDocument(Exception):
    """The text is GraphQL, but not of this schema."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(json.dumps([error.formatted for error in errors]))
        self.errors = errors


def _body(result: ExecutionResult, call: Call, cost: Json) -> Json:
    body: Json = {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    body["extensions"] = {"cost": cost, **({"search": call.warnings} if call.warnings else {})}
    return body


def _cost(requested: int, actual: int | None, status: ThrottleStatus) -> Json:
    return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status.as_json()}


def _throttled(requested: int, status: ThrottleStatus, http_status: int) -> Answer:
    error = {
        "message": "Throttled",
        "extensions": {
            "code": "THROTTLED",
            "documentation": "https://shopify.dev/api/usage/limits",
        },
    }
    return Answer(http_status, {"errors": [error], "extensions": {"cost": _cost(requested, None, status)}})


def refuse_on_demand(shops: Shops, fault: Fault) -> Response:
    """
    The answer of a fault that is one.

    :raises NoSuchFault: Shopify has no such answer.
    """
    match fault.kind:
        case "status":
            return answer_in(fault, {"errors": "Internal Server Error"})
        case "throttled":
            settings = Settings.read(shops.store)
            status = ThrottleStatus(settings.maximum_available, 0, settings.restore_rate)
            # what a query costs that has to wait so long for its points
            cost = min(settings.max_cost, math.ceil(settings.restore_rate * fault.seconds))
            answer = _throttled(cost, status, settings.throttled_status)
            return JSONResponse(answer.body, answer.status)
        case "expired_token":
            refusal = Unauthorised()
            return JSONResponse(refusal.body, refusal.status)
        case kind:
            raise NoSuchFault(f"Shopify has no answer of kind {kind}.")
