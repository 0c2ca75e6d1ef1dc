"""Reading the files users edit: YAML to pydantic models, every complaint with file, line, column and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema

from ledgerbridge.errors import ConfigurationError

__all__ = [
    "CheckedFile",
    "ConfigModel",
    "Location",
    "Marks",
    "OneOrMany",
    "Problem",
    "check_file",
    "excess",
    "file_error",
    "listed",
    "load_file",
    "nearest",
    "plain_yaml",
    "raise_first",
]

# libyaml reads a file ten times as fast; a flow names dozens, and every task process reads them
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_MAX_BYTES = 1_000_000
_MAX_VALUES = 50_000
"""Read in a third of a second; the largest mapping has some hundreds."""
_MAX_LEVELS = 50

Marks = dict[tuple[str | int, ...], tuple[int, int]]


class ConfigModel(BaseModel):
    """Base of everything users write: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)


class OneOrMany:
    """Marks a list that may be written as its one item; goes with ``BeforeValidator(listed)``, for the JSON Schema."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        whole = handler(schema)
        return {"anyOf": [whole["items"], whole]}


def listed(value: Any) -> Any:
    """``value`` as a list."""
    return value if isinstance(value, list) else [value]


Model = TypeVar("Model", bound=ConfigModel)
Location = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with a file: where (line and column, from 1), what, and what to do."""

    path: Path
    line: int
    column: int
    message: str
    remedy: str
    code: str

    def error(self) -> ConfigurationError:
        """The problem as an error."""
        where = f"{self.path}:{self.line}:{self.column}"
        return ConfigurationError(self.code, f"{where}: {self.message}", remedy=self.remedy)


@dataclass
class CheckedFile(Generic[Model]):
    """
    A file users edit, as far as it could be read, and everything that is wrong with it.

    :param content: None when its form is wrong.
    :param marks: where each of its keys stands (line and column, from 1).
    """

    path: Path
    code: str
    content: Model | None = None
    marks: Marks = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def complain(self, location: Location, message: str, remedy: str) -> None:
        """Note a problem at the deepest known place of ``location``."""
        problem = Problem(self.path, *_mark(self.marks, location), message, remedy, self.code)
        if problem not in self.problems:
            self.problems.append(problem)

    def line(self, location: Location) -> int:
        """The line where the deepest known place of ``location`` stands."""
        return _mark(self.marks, location)[0]

    def raise_first(self) -> None:
        """
        Raise the first problem, if there is one; its message says how many there are besides.

        :raises ConfigurationError: there is a problem.
        """
        raise_first(self.problems)


def raise_first(problems: Sequence[Problem]) -> None:
    """
    Raise the first of the problems, if there is one; its message says how many there are besides.

    :raises ConfigurationError: there is a problem.
    """
    if problems:
        first, more = problems[0], len(problems) - 1
        raise replace(first, remedy=f"{first.remedy} ({more} more.)" if more else first.remedy).error()


def check_file(path: Path, model: type[Model], *, code: str) -> CheckedFile[Model]:
    """
    Read one YAML file into ``model``; whatever is wrong with its form is a problem of the answer.

    What has not changed is not read into it again: flows name dozens of files, and a process checks them many times.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        checked: CheckedFile[Model] = CheckedFile(path, code)
        others = sorted(p.stem for p in path.parent.glob("*.yaml"))
        checked.complain((), "no such file.", f"Create it{_did_you_mean(path.stem, others)}")
        return checked
    kept = _check(path, content, model, code)
    return replace(kept, problems=[*kept.problems])


@lru_cache(maxsize=512)
def _check(path: Path, content: bytes, model: type[Model], code: str) -> CheckedFile[Model]:
    checked: CheckedFile[Model] = CheckedFile(path, code)
    if len(content) > _MAX_BYTES:
        checked.complain((), f"more than {_MAX_BYTES:,} bytes.", "Split it; long tables belong into CSV.")
        return checked
    try:
        text = content.decode("utf-8")
        if (found := excess(text)) is not None:
            checked.problems.append(Problem(path, *found, code))
            return checked
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        checked.problems.append(Problem(path, *_place(error.problem_mark), f"{error.problem}.", "Mend the YAML.", code))
        return checked
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        finding = str(error).partition("\n")[0]
        checked.problems.append(
            Problem(path, 1, 1, f"{finding}.", "Mend the YAML: UTF-8 without control characters.", code)
        )
        return checked
    values = _construct(node, (), checked) if node is not None else {}
    try:
        checked.content = model.model_validate(values)
    except ValidationError as error:
        _explain(checked, error, model)
    return checked


def load_file(path: Path, model: type[Model], *, code: str) -> tuple[Model, Marks]:
    """
    Load one YAML file into ``model``.

    :returns: the model, and where each of its keys stands (line and column, from 1).
    :raises ConfigurationError: the file is missing, is no YAML, or doesn't fit; names file, line, column and remedy.
    """
    checked = check_file(path, model, code=code)
    checked.raise_first()
    assert checked.content is not None
    return checked.content, checked.marks


def file_error(
    path: Path, marks: Marks, location: Location, code: str, message: str, remedy: str
) -> ConfigurationError:
    """An error that points at the deepest known place of ``location`` in the file."""
    return Problem(path, *_mark(marks, location), message, remedy, code).error()


def plain_yaml(path: Path) -> Any:
    """What a file of ours holds, without a form; nobody is told where in it something is wrong."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like ``word``, if any is like it."""
    matches = difflib.get_close_matches(word, list(candidates), n=1)
    return matches[0] if matches else None


@dataclass
class _Open:
    """A list or mapping that is being read; ``deepest`` counts levels from the file's beginning."""

    anchor: str | None
    before: int
    deepest: int


def excess(text: str) -> tuple[int, int, str, str] | None:
    """
    Line, column, message and remedy of what is more than a file may ask of its reader; None: it may be read.

    An alias counts as all it stands for: a few lines of aliases of aliases can stand for millions of values.
    """
    whole: dict[str | None, tuple[int, int]] = {}  # values and levels by anchor
    values, outer = 0, [_Open(None, 0, 0)]
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            if any(each.anchor == event.anchor for each in outer):
                return (
                    *_place(event.start_mark),
                    f'"*{event.anchor}" stands within what it stands for.',
                    "Write the values out.",
                )
            count, levels = whole.get(event.anchor, (1, 0))
            values += count
            outer[-1].deepest = max(outer[-1].deepest, len(outer) - 1 + levels)
        elif isinstance(event, yaml.CollectionStartEvent):
            outer.append(_Open(event.anchor, values, len(outer)))
            values += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = outer.pop()
            whole[ended.anchor] = values - ended.before, ended.deepest - len(outer) + 1
            outer[-1].deepest = max(outer[-1].deepest, ended.deepest)
        elif isinstance(event, yaml.ScalarEvent):
            values += 1
            whole[event.anchor] = 1, 0
        if outer[-1].deepest > _MAX_LEVELS:
            return *_place(event.start_mark), f"more than {_MAX_LEVELS} levels, aliases written out.", "Flatten it."
        if values > _MAX_VALUES:
            remedy = "Leave the aliases away; long tables belong into include/lookups as CSV."
            return *_place(event.start_mark), f"more than {_MAX_VALUES:,} values, aliases written out.", remedy
    return None


def _place(mark: Any) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _construct(node: yaml.Node, location: Location, checked: CheckedFile[Any]) -> Any:
    marks = checked.marks
    marks.setdefault(location, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        result = {}
        for key_node, value_node in node.value:
            key = key_node.value
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, yaml.ScalarNode):
                problem = Problem(checked.path, *place, "a key is a list or a mapping.", "Write a word.", checked.code)
                checked.problems.append(problem)
                continue
            marks[(*location, key)] = place
            if key in result:
                checked.complain((*location, key), f'key "{key}" stands twice.', "Keep one of them.")
            result[key] = _construct(value_node, (*location, key), checked)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*location, index), checked) for index, item in enumerate(node.value)]
    loader = yaml.SafeLoader("")
    try:
        # a float would lose cents: what looks like one stays the text it is
        return node.value if node.tag == "tag:yaml.org,2002:float" else loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ArithmeticError, LookupError, ValueError):  # an unknown tag, the 31st of February
        problem = Problem(
            checked.path,
            *marks[location],
            f'"{node.value}" is no value of {node.tag}.',
            "Leave the tag away, or quote the text.",
            checked.code,
        )
        checked.problems.append(problem)
        return None
    finally:
        loader.dispose()


def _mark(marks: Marks, location: Location) -> tuple[int, int]:
    return marks.get(_known(marks, location), (1, 1))


def _known(marks: Marks, location: Location) -> Location:
    """``location`` without the steps that models add to what stands in the file."""
    known: Location = ()
    for step in location:
        known = (*known, step) if (*known, step) in marks else known
    return known


def _explain(checked: CheckedFile[Any], error: ValidationError, model: type[BaseModel]) -> None:
    """Note every complaint of the model, the one that stands deepest in the file first."""
    details = sorted(error.errors(), key=lambda each: len(_known(checked.marks, each["loc"])), reverse=True)
    meant: set[Location] = set()
    for each in details:
        if each["type"] == "extra_forbidden":
            key = str(each["loc"][-1])
            names = _field_names(model, each["loc"])
            hint = nearest(key, names)
            meant.add((*each["loc"][:-1], hint or ""))
            checked.complain(each["loc"], f'unknown key "{key}".', f"Remove it{_did_you_mean(key, names)}")
    for each in details:
        if each["type"] == "missing" and each["loc"] not in meant:  # a misspelt key is one problem, not two
            checked.complain(each["loc"], f'key "{each["loc"][-1]}" is missing.', f'Add "{each["loc"][-1]}".')
        elif each["type"] not in ("missing", "extra_forbidden"):
            where = ".".join(str(part) for part in _known(checked.marks, each["loc"]))
            message = f"{where}: {each['msg'].removeprefix('Value error, ')}."
            checked.complain(each["loc"], message, "Write what is expected there; docs/reference describes every key.")


def _did_you_mean(word: str, candidates: Iterable[str]) -> str:
    match = nearest(word, candidates)
    return f', or did you mean "{match}"?' if match else "."


def _field_names(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that may stand where ``location`` does."""
    models: list[type[BaseModel]] = [model]
    into_container = False
    for step in location[:-1]:
        fields = {field.alias or name: field for each in models for name, field in each.model_fields.items()}
        if into_container or step not in fields:
            into_container = False  # a list's position, a key that users name, or a step that models add
            continue
        annotation = fields[str(step)].annotation
        models = list(_models_in(annotation)) or models
        into_container = any(kind in (dict, list) for kind in _kinds_in(annotation))
    return [field.alias or name for each in models for name, field in each.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _kinds_in(annotation: Any) -> Iterator[Any]:
    yield get_origin(annotation)
    for inner in get_args(annotation):
        yield get_origin(inner)
