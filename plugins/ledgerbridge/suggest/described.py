"""
What is to be known of an entity's fields before anything is mapped: their names, kinds, lengths and meaning.

A catalogue says it in YAML, a line a field: ``Reference: text(255) what the payer wrote``. Records show the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, get_args

from ledgerbridge.canonical.models import CANONICAL, MONEY, QUANTITY, RATE
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.suggest.kinds import Kind, kind_of
from ledgerbridge.yaml_files import plain_yaml

__all__ = [
    "HEADER",
    "Entity",
    "Field",
    "canonical_entity",
    "field_from_words",
    "fields_of_records",
    "read_catalogue",
    "with_samples",
]

HEADER: Final = "header"
_MOST_VALUES = 20
_CANONICAL_WORDS: Final = {
    "record_key": "key of the record, ours",
    "label": "name that people know the record by, number of the document",
    "chain_key": "key of the shop's order that it belongs to",
    "line_id": "id of the line in its source",
    "line_number": "place of the line, from 1",
    "kind": "whether the line is goods, shipping or something else",
    "sku": "item number",
    "title": "description of the item",
    "net": "total of the line without tax",
    "tax": "tax on the line",
    "detail": "tax detail, tax rate by its name",
    "total": "total of the document with tax",
    "rate": "exchange rate to the base currency",
    "customer_key": "key of the customer, ours",
    "ordered_on": "order date",
    "invoiced_on": "invoice date",
    "paid_on": "payment date",
    "received_on": "receipt date",
    "captured_on": "date of the payment",
    "gateway": "payment gateway",
    "settled": "amount that moved the gateway's balance, in base currency",
    "account": "account that money goes to",
    "order_name": "order number that people see",
    "cost": "cost of one",
}
"""What the fields of canonical records are, as far as their names don't say it."""
_WORDS = re.compile(r"(?P<kind>[a-z]+)(?:\((?P<detail>[^)]*)\))?(?P<mark>[!-]?)(?:\s+(?P<about>.*))?", re.DOTALL)


@dataclass(frozen=True)
class Field:
    """
    One field of an entity.

    :param part: ``header``, a part of a target (``lines``), or the path of a list of a raw record (``items[]``).
    :param name: its path within the part; a dot nests.
    :param length: characters a text may have; 0: not known, or no text.
    :param required: the target refuses a record without it.
    :param written: False: the system sets it itself.
    :param values: the words that a choice may be, or was in sample records.
    """

    name: str
    part: str = HEADER
    kind: Kind = "text"
    length: int = 0
    required: bool = False
    written: bool = True
    about: str = ""
    values: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it is in the record: the list's path and its own."""
        return self.name if self.part == HEADER else f"{self.part}.{self.name}"


@dataclass(frozen=True)
class Entity:
    """An entity, ``system.name``, and its fields in the order of its description."""

    name: str
    fields: tuple[Field, ...]

    def parts(self) -> dict[str, list[Field]]:
        """The fields by part, the header first."""
        found: dict[str, list[Field]] = {HEADER: []}
        for each in self.fields:
            found.setdefault(each.part, []).append(each)
        return {part: fields for part, fields in found.items() if fields}


def field_from_words(name: str, part: str, words: str) -> Field:
    """
    A field from ``kind(length)mark about``: ``!`` marks what is required, ``-`` what the system sets itself.

    Of a choice the brackets hold its values: ``choice(ACCREC|ACCPAY)``.

    :raises ConfigurationError: LB-SUG-001, the words are none.
    """
    found = _WORDS.fullmatch(words.strip())
    if found is None or found["kind"] not in get_args(Kind):
        raise ConfigurationError(
            "LB-SUG-001",
            f'field {name} of {part} is described as "{words}", which names no kind.',
            remedy=f"Begin with one of {', '.join(get_args(Kind))}, such as `text(255) what the payer wrote`.",
        )
    detail = found["detail"] or ""
    return Field(
        name=name,
        part=part,
        kind=next(kind for kind in get_args(Kind) if kind == found["kind"]),
        length=int(detail) if detail.isdigit() else 0,
        required=found["mark"] == "!",
        written=found["mark"] != "-",
        about=(found["about"] or "").strip(),
        values=tuple(detail.split("|")) if detail and not detail.isdigit() else (),
    )


def read_catalogue(path: Path) -> dict[str, Entity]:
    """
    The entities that a file describes, by name: ``entity: {part: {field: words}}``.

    :raises ConfigurationError: LB-SUG-001, it is no such file.
    """
    content = plain_yaml(path)
    try:
        return {
            name: Entity(name, tuple(_fields(parts))) for name, parts in content.items() if not name.startswith("_")
        }
    except (AttributeError, TypeError) as error:
        raise ConfigurationError(
            "LB-SUG-001",
            f"{path} does not describe entities: {error}.",
            remedy="Write `entity: {header: {field: text(30) what it is}}`; docs/how-to/suggest-a-mapping.md has one.",
        ) from error


def fields_of_records(records: Iterable[Mapping[str, Any]]) -> list[Field]:
    """
    The fields that sample records have, with their kinds: of lists, those of all their rows.

    Values are kept of choices alone, whose words tell of nobody.
    """
    values: dict[tuple[str, str], list[Any]] = {}
    for record in records:
        for part, name, value in _leaves(record, HEADER, ""):
            values.setdefault((part, name), []).append(value)
    kinds = {place: kind_of(seen) for place, seen in values.items()}
    return [
        Field(name, part, kind, values=_shown(values[part, name]) if kind == "choice" else ())
        for (part, name), kind in kinds.items()
    ]


def canonical_entity(name: str) -> Entity:
    """A canonical record; how long its texts are nobody says."""
    fields = [
        Field(field, part, _canonical_kind(str(kind)), about=_CANONICAL_WORDS.get(field, ""))
        for part, kinds in CANONICAL[name].items()
        for field, kind in kinds.items()
        if part == HEADER or field != "record_key"
    ]
    return Entity(name, tuple(fields))


def with_samples(entity: Entity, seen: Sequence[Field]) -> Entity:
    """The entity with what sample records show: words of its choices, and the fields it lacks."""
    shown = {(each.part, each.name): each for each in seen}
    known = {(each.part, each.name) for each in entity.fields}
    fields = [
        replace(each, values=shown[each.part, each.name].values or each.values)
        if (each.part, each.name) in shown
        else each
        for each in entity.fields
    ]
    return Entity(entity.name, (*fields, *(each for key, each in shown.items() if key not in known)))


def _canonical_kind(arrow: str) -> Kind:
    kinds: dict[str, Kind] = {"date32[day]": "date", "int64": "number", "bool": "flag", str(MONEY): "money"}
    kinds |= {str(QUANTITY): "quantity", str(RATE): "rate"}
    return kinds.get(arrow, "text")


def _fields(parts: Mapping[str, Mapping[str, str]]) -> Iterator[Field]:
    for part, fields in parts.items():
        for name, words in fields.items():
            yield field_from_words(str(name), part, words)


def _leaves(value: Any, part: str, name: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        here = f"{name}[]" if part == HEADER else f"{part}.{name}[]"
        for each in value:
            if isinstance(each, Mapping):
                yield from _leaves(each, here, "")
            else:
                yield part, f"{name}[]", each
    elif name:
        yield part, name, value


def _shown(values: Sequence[Any]) -> tuple[str, ...]:
    texts = (str(value) for value in values if value is not None and value != "")
    return tuple(dict.fromkeys(texts))[:_MOST_VALUES]
