"""Reading the files users edit: YAML to pydantic models, every complaint with file, line, column and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ledgerbridge.errors import ConfigurationError

__all__ = ["ConfigModel", "Marks", "file_error", "load_file", "nearest"]

# libyaml reads a file ten times as fast; a flow names dozens, and every task process reads them
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Marks = dict[tuple[str | int, ...], tuple[int, int]]


class ConfigModel(BaseModel):
    """Base of everything users write: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)


Model = TypeVar("Model", bound=ConfigModel)


def load_file(path: Path, model: type[Model], *, code: str) -> tuple[Model, Marks]:
    """
    Load one YAML file into ``model``.

    :returns: the model, and where each of its keys stands (line and column, from 1).
    :raises ConfigurationError: the file is missing, is no YAML, or doesn't fit; names file, line, column and remedy.
    """
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except FileNotFoundError:
        others = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise ConfigurationError(
            code, f"{path}: no such file.", remedy=f"Create it{_did_you_mean(path.stem, others)}"
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigurationError(code, f"{path}{where}: {error.problem}.", remedy="Mend the YAML.") from None
    marks: Marks = {}
    content = _construct(node, (), marks) if node is not None else {}
    try:
        return model.model_validate(content), marks
    except ValidationError as error:
        raise _explain(path, error, marks, model, code) from None


def file_error(
    path: Path, marks: Marks, location: tuple[str | int, ...], code: str, message: str, remedy: str
) -> ConfigurationError:
    """An error that points at the deepest known place of ``location`` in the file."""
    line, column = _mark(marks, location)
    return ConfigurationError(code, f"{path}:{line}:{column}: {message}", remedy=remedy)


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like ``word``, if any is like it."""
    matches = difflib.get_close_matches(word, list(candidates), n=1)
    return matches[0] if matches else None


def _construct(node: yaml.Node, location: tuple[str | int, ...], marks: Marks) -> Any:
    marks.setdefault(location, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        result = {}
        for key_node, value_node in node.value:
            key = key_node.value
            marks[(*location, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            result[key] = _construct(value_node, (*location, key), marks)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*location, index), marks) for index, item in enumerate(node.value)]
    loader = yaml.SafeLoader("")
    try:
        # a float would lose cents: what looks like one stays the text it is
        return node.value if node.tag == "tag:yaml.org,2002:float" else loader.construct_object(node, deep=True)
    finally:
        loader.dispose()


def _mark(marks: Marks, location: tuple[str | int, ...]) -> tuple[int, int]:
    return marks.get(_known(marks, location), (1, 1))


def _known(marks: Marks, location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """``location`` without the steps that models add to what stands in the file."""
    known: tuple[str | int, ...] = ()
    for step in location:
        known = (*known, step) if (*known, step) in marks else known
    return known


def _explain(path: Path, error: ValidationError, marks: Marks, model: type[BaseModel], code: str) -> ConfigurationError:
    details = max(error.errors(), key=lambda each: len(_known(marks, each["loc"])))
    location = details["loc"]
    line, column = _mark(marks, location)
    name = location[-1] if location else ""
    where = ".".join(str(part) for part in _known(marks, location))
    if details["type"] == "extra_forbidden":
        message, remedy = f'unknown key "{name}".', f"Remove it{_did_you_mean(str(name), _field_names(model))}"
    elif details["type"] == "missing":
        message, remedy = f'key "{name}" is missing.', f'Add "{name}".'
    else:
        message = f"{where}: {details['msg'].removeprefix('Value error, ')}."
        remedy = "Write what is expected there; docs/reference describes every key."
    return ConfigurationError(code, f"{path}:{line}:{column}: {message}", remedy=remedy)


def _did_you_mean(word: str, candidates: Iterable[str]) -> str:
    match = nearest(word, candidates)
    return f', or did you mean "{match}"?' if match else "."


def _field_names(model: type[BaseModel]) -> set[str]:
    names: set[str] = set()
    for definition in [model.model_json_schema(by_alias=True), *model.model_json_schema().get("$defs", {}).values()]:
        names.update(definition.get("properties", {}))
    return names
