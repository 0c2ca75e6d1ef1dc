"""The JSON Schemas of the files users edit, made of the models that read them; editors complete and check by them."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from ledgerbridge.flows import FlowConfig, GatewayFields, company_model
from ledgerbridge.gates import Suite
from ledgerbridge.mapping.model import MappingFile
from ledgerbridge.yaml_files import ConfigModel

__all__ = ["file_models", "schema_text"]


def file_models(asked: GatewayFields) -> dict[str, type[ConfigModel]]:
    """Name of the file in include/schemas, and its model; ``asked`` is what systems ask of gateways."""
    return {
        "company": company_model(asked),
        "flow": FlowConfig,
        "mapping": MappingFile,
        "suite": Suite,
    }


def schema_text(model: type[ConfigModel]) -> str:
    """The JSON Schema of one kind of file, as it is published."""
    schema = _tidy(model.model_json_schema(by_alias=True))
    return json.dumps({"$schema": GenerateJsonSchema.schema_dialect, **schema}, indent=2, ensure_ascii=False) + "\n"


def _tidy(node: Any) -> Any:
    """Without what editors only show as noise: null for a key that may be left out, titles that repeat the key."""
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    tidied = {key: _tidy(value) for key, value in node.items() if not _is_noise(key, value)}
    choices = [each for each in tidied.get("anyOf", ()) if each != {"type": "null"}]
    if "anyOf" in tidied and len(choices) == 1:
        del tidied["anyOf"]
        return {**choices[0], **tidied}
    return tidied | ({"anyOf": choices} if choices else {})


def _is_noise(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)
