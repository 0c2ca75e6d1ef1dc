"""docs/reference/mapping-language.md, made of the models and of the examples beside it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from ledgerbridge.mapping.conditions import Comparison, Condition
from ledgerbridge.mapping.conversions import (
    BooleanConversion,
    Convert,
    DateConversion,
    DecimalConversion,
    PhoneConversion,
    TextConversion,
)
from ledgerbridge.mapping.engine import load_mapping
from ledgerbridge.mapping.model import ORIGINS, Aggregate, Lookup, Match, Part, Rule, Segment, Share, ShortHash, Split
from ledgerbridge.mapping.trial import given_lookups, try_mapping
from ledgerbridge.yaml_files import ConfigModel

__all__ = ["EXAMPLES", "mapping_reference", "model_table", "read_examples", "run_example"]

EXAMPLES = "mapping-examples.yaml"
_HEAD = "from: shop.order\nto: erp.order\n"
_INTRODUCTION = """\
# The mapping language

This page is made of the models and of `mapping-examples.yaml` by `make generate`; every example is run by a test.

A mapping file (`include/mappings/*.yaml`) gives each field of its target one rule. `from` and `to` name the entities:
one mapping *conforms* a system's record to a canonical one, another *maps* that to a document of the target. `header`
holds the rules of the document's head; `lines`, `taxes`, `addresses`, `phones`, `internet_addresses`, `distributions`
and `user_defined` those of its child rows, as one set of rules or a list of them whose rows are put together. A file
is read once and becomes operations on whole columns; a record that fails anywhere is left out of all parts, and each
failure names record, field, value, rule and remedy.

`ledgerbridge map check` finds what is wrong with a file, `map explain` says in words what it does, `map try` shows what
becomes of sample records. `include/schemas/mapping.json` is its JSON Schema; an editor takes it from the first line
`# yaml-language-server: $schema=../schemas/mapping.json`.

## Paths

| path | reads |
| --- | --- |
| `a.b` | a field of the row, or of the object in it |
| `$.a` | a field of the whole record |
| `^.a`, `^^.a` | a field of the element around the row, of the one around that |
| `a[0].b` | a field of the first element of a list |
| `a[key=gift].b` | a field of the first element whose `key` is `gift`; several tests stand with commas between |
| `@key`, `@changed_at` | the record's key, and when it changed in its source |
| `=a` | the target field `a` that a rule above made in the same part; expressions write helpers by their bare name |
| `%a` | a column of the row that `split` made |

A target field whose name begins with `_` is a helper: later rules read it, it is not written. A dot in a target field
nests it (`Contact.ContactID`). A canonical record takes fields of your own when their name begins with `custom.`; the
mappings that read it use them by that name, and where no record has one it is without value. So a note attribute or
metafield of the shop reaches a user-defined field of the target without any code.
"""


def mapping_reference(folder: Path) -> str:
    """
    The whole page.

    :param folder: docs/reference, which holds the examples.
    """
    examples = read_examples(folder / EXAMPLES)

    def shown(*of: str) -> str:
        return "".join(_example(each) for each in examples if each["of"] in of)

    sections = [
        _INTRODUCTION,
        "## Which rows a part has\n",
        model_table(Part, leave_out=("fields",)),
        "### split\n\n" + model_table(Split) + shown("split"),
        "### group\n\n" + shown("group"),
        "## Where a value comes from\n\nA rule has exactly one of these; a bare text is short for `{from: text}`.\n",
        *(_origin(name, shown) for name in ORIGINS if not _is_shown_elsewhere(name)),
        "## Conditions\n\n" + (Condition.__doc__ or "").strip().replace("\n    ", "\n") + "\n",
        model_table(Condition) + model_table(Comparison),
        "## Conversions\n\n`convert` takes one of these, or a list of them that run in order.\n",
        model_table(Convert),
        *(
            f"### {name}\n\n{model_table(model)}"
            for name, model in (
                ("decimal", DecimalConversion),
                ("date", DateConversion),
                ("text", TextConversion),
                ("phone", PhoneConversion),
                ("boolean", BooleanConversion),
            )
        ),
        shown("convert"),
        "## Without a value\n\nA rule that gives no value leaves the field out, unless it says otherwise. A key that a "
        "look-up does not find rejects the record, unless the rule has a `default` or the look-up is `optional` or "
        "`untold`.\n",
        model_table(Rule, only=("default", "required", "remedy", "combine")) + shown("required"),
    ]
    return "\n".join(section.rstrip("\n") + "\n" for section in sections)


def read_examples(path: Path) -> list[dict[str, Any]]:
    """The examples of the page."""
    examples: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return examples


def run_example(example: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """What an example's mapping makes: rows by part, every value as text, and the errors."""
    text = example["mapping"] if "from:" in example["mapping"].splitlines()[0] else _HEAD + example["mapping"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in example.get("tables", {}).items():
            (folder / file).write_text(content, encoding="utf-8")
        (folder / "example.yaml").write_text(text, encoding="utf-8")
        lookups = given_lookups(folder, example.get("lookups", {}), {}, "America/New_York")
        trials = try_mapping(load_mapping(folder / "example.yaml"), example["records"], lookups)
    made: dict[str, list[dict[str, str]]] = {}
    for number, trial in enumerate(trials, 1):
        for part, rows in trial.after.items():
            made.setdefault(part, []).extend(
                {field: _text(value) for field, value in row.items() if value is not None and field != "record_key"}
                for row in rows
            )
        for error in trial.errors:
            named = {"record": str(number)} | {field: error[field] for field in ("code", "field", "value")}
            made.setdefault("errors", []).append({field: value for field, value in named.items() if value is not None})
    return made


def _text(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _is_shown_elsewhere(origin: str) -> bool:
    return origin in ("count", "min", "max", "join")


def _origin(name: str, shown: Any) -> str:
    word = name.rstrip("_")
    models: dict[str, type[ConfigModel]] = {
        "lookup": Lookup, "hash": ShortHash, "sum": Aggregate, "match": Match, "share": Share, "segment": Segment,
    }  # fmt: skip
    if word == "sum":
        title, about = "sum, count, min, max, join", [Rule.model_fields[each].description for each in _GATHERED]
    else:
        title, about = word, [Rule.model_fields[name].description]
    if word == "when":
        title = "when, then, else"
        about += [Rule.model_fields[each].description for each in ("then", "else_")]
    table = model_table(models[word]) if word in models else ""
    return f"### {title}\n\n{' '.join(str(each) for each in about)}\n\n{table}{shown(word)}"


_GATHERED = ("sum", "count", "min", "max", "join")


def model_table(model: type[ConfigModel], *, only: Iterable[str] = (), leave_out: Iterable[str] = ()) -> str:
    """The keys of a model as a table: what each takes, and what it says."""
    rows = [
        f"| `{info.alias or name}` | {_kind(info)} | {info.description} |"
        for name, info in model.model_fields.items()
        if name not in leave_out and (not only or name in only)
    ]
    return "\n".join(["| key | takes | what it says |", "| --- | --- | --- |", *rows]) + "\n\n"


def _kind(info: FieldInfo) -> str:
    given = _words(info.annotation)
    if info.is_required():
        return f"{given}; needed"
    default = info.get_default(call_default_factory=True, validated_data={})
    shown = "" if default is None or default == [] else f"; {_default(default)}"
    return given + shown


def _default(value: Any) -> str:
    return f"`{json.dumps(value)}`" if isinstance(value, (bool, list)) else f"`{value}`"


def _words(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _words(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return " or ".join(_words(each) for each in get_args(annotation) if each is not type(None))
    if origin is Literal:
        return ", ".join(f"`{str(each).lower() if isinstance(each, bool) else each}`" for each in get_args(annotation))
    if origin is list:
        return f"list of {_words(get_args(annotation)[0])}"
    if origin is dict:
        key, value = get_args(annotation)
        return f"{_words(key)} to {_words(value)}"
    names = {str: "text", int: "number", bool: "`true`, `false`", Any: "value"}
    return names.get(annotation) or getattr(annotation, "__name__", str(annotation)).removesuffix("Config").lower()


def _example(example: dict[str, Any]) -> str:
    parts = [f"**{example['title']}**\n"]
    parts += [f"`{file}`\n```csv\n{content.rstrip()}\n```\n" for file, content in example.get("tables", {}).items()]
    parts.append(f"```yaml\n{example['mapping'].rstrip()}\n```\n")
    if "lookups" in example:
        parts.append(f"Known: `{json.dumps(example['lookups'], ensure_ascii=False)}`\n")
    parts += [f"```json\n{json.dumps(record, ensure_ascii=False)}\n```\n" for record in example["records"] if record]
    for part, rows in example["result"].items():
        if any(rows):
            parts.append(_rows(part, rows))
    return "\n".join(parts) + "\n"


def _rows(part: str, rows: list[dict[str, str]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f"| {part} | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    lines += [f"| {number} | {' | '.join(row.get(name, '') for name in names)} |" for number, row in enumerate(rows, 1)]
    return "\n".join(lines) + "\n"
