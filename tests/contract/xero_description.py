"""Xero's own OpenAPI description, read where it lies and never copied: what an answer has to look like."""

from __future__ import annotations

from functools import cache
from typing import Any

import requests
import yaml
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from tests.reference_data import XERO_API

# Xero's examples show these, its schemas don't name them.
_BESIDE_THE_SCHEMA = {
    "Id",
    "Status",
    "ProviderName",
    "DateTimeUTC",
    "DateString",
    "DueDateString",
    "Options",
    "AllocationID",
    "Attachments",
}


class _PlainDates(yaml.CSafeLoader):
    """Dates in examples stay text, as they are in JSON."""


_PlainDates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


@cache
def _described() -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(XERO_API.text(), Loader=_PlainDates)
    return content


class Conformity:
    """Holds every 200 answer of one server against the description; passes all where the file is absent."""

    def __init__(self, base_url: str) -> None:
        self._description: OpenAPI | None = None
        if not XERO_API.missing:
            self._content = _described() | {"servers": [{"url": f"{base_url}/api.xro/2.0"}]}
            self._description = OpenAPI.from_dict(self._content, config=Config(spec_validator_cls=None))

    def check(self, response: requests.Response, *_args: Any, **_options: Any) -> None:
        """
        A requests hook.

        :raises AssertionError: a field that the description doesn't know.
        :raises OpenAPIError: a value of the wrong type or a missing field.
        """
        if self._description is None or response.status_code != 200 or "/api.xro/" not in response.url:
            return
        asked = RequestsOpenAPIRequest(response.request)
        self._description.validate_response(asked, RequestsOpenAPIResponse(response))
        if "json" in response.headers["Content-Type"]:
            unknown = sorted(set(self._unknown(response.json(), self._schema(response), "")))
            assert not unknown, f"{response.request.method} {response.url}: not in Xero's description: {unknown}"

    def _schema(self, response: requests.Response) -> dict[str, Any]:
        method, path = str(response.request.method).lower(), response.url.split("/api.xro/2.0")[1].split("?")[0]
        for template, operations in self._content["paths"].items():
            parts, asked = template.split("/"), path.split("/")
            same = len(parts) == len(asked) and all(
                part == there or part.startswith("{") for part, there in zip(parts, asked, strict=True)
            )
            if same and method in operations:
                schema = operations[method]["responses"]["200"]["content"]["application/json"]["schema"]
                return self._resolved(schema)
        raise AssertionError(f"{method} {path} is not in Xero's description")

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            found: dict[str, Any] = self._content["components"]["schemas"][schema["$ref"].split("/")[-1]]
            return found
        return schema

    def _unknown(self, value: Any, schema: dict[str, Any], where: str) -> list[str]:
        schema = self._resolved(schema)
        if isinstance(value, list):
            return [name for item in value for name in self._unknown(item, schema.get("items", {}), where)]
        if not isinstance(value, dict) or "properties" not in schema:
            return []
        found = []
        for name, part in value.items():
            if name in schema["properties"]:
                found += self._unknown(part, schema["properties"][name], f"{where}.{name}")
            elif name not in _BESIDE_THE_SCHEMA:
                found.append(f"{where}.{name}")
        return found
