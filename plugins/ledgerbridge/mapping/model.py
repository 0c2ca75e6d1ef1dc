"""
The format of mapping files (`include/mappings/*.yaml`): one target field, one rule.

``from`` and ``to`` name the entities; ``header`` and the child parts (``lines``, ``taxes``) give each target field a
rule. A bare text is short for ``{from: text}``. Paths: ``a.b`` inside the row, ``$.a`` from the record's root,
``^.a`` from the enclosing list element (``^^.a`` from the one around that), ``list[0].a`` the first element, ``@key``
and ``@changed_at`` of the record, ``=a`` a target field made by an earlier rule of the same part. A field whose name
begins with ``_`` is a helper: later rules read it, expressions by its bare name, and it is not written.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ledgerbridge.yaml_files import ConfigModel

__all__ = ["Aggregate", "Condition", "Convert", "Lookup", "MappingFile", "Match", "Part", "Rule", "ShortHash"]

Condition = dict[str, Any]
"""``{field: value}``, ``{field: {ne|in|gt|ge|lt|le|matches|null: value}}``, ``{all|any: [..]}``,
``{not: {..}}``, ``{expr: comparison}``. A number compares as a number, anything else as text."""

ORIGINS = ("from_", "value", "when", "lookup", "template", "expr", "first", "hash_", "sum", "join", "match", "position")


CHILDREN = ("lines", "taxes", "addresses", "internet_addresses", "distributions")


class DecimalConversion(ConfigModel):
    """Text or number to a decimal."""

    places: int | None = Field(None, ge=0, le=7, description="Round half-up to so many places; default: keep them all.")


class DateConversion(ConfigModel):
    """An instant or a day, as text, to a day."""

    zone: str | None = Field(
        None, description="Zone whose calendar the day is read from; `company` is the organisation's own."
    )
    epoch: bool = Field(False, description="The source gives seconds since 1970, as Stripe does.")
    month: bool = Field(False, description="The month as text, `2026-03`, instead of the day.")


class TextConversion(ConfigModel):
    """Any text to what the target can hold."""

    max: int | None = Field(None, ge=1, description="Length of the target field.")
    cut: Literal["word", "refuse"] = Field(
        "refuse", description="`word` cuts a longer text at a word; `refuse` rejects."
    )
    code_page: Literal["cp1252"] | None = Field(None, description="Transliterate what this code page can't hold.")
    upper: bool = Field(False, description="Upper case.")
    after: str | None = Field(None, description="Keep only what follows the last one of this text.")
    before: str | None = Field(None, description="Keep only what comes before the first one of this text.")


class Convert(ConfigModel):
    """Type conversion; exactly one."""

    decimal: DecimalConversion | None = Field(None, description="To a decimal.")
    date: DateConversion | None = Field(None, description="To a day.")
    text: TextConversion | None = Field(None, description="To a text.")
    integer: Literal[True] | None = Field(None, description="To a whole number.")
    enum: dict[str, Any] | None = Field(None, description="From source word to target word; others are rejected.")

    @model_validator(mode="after")
    def _one_conversion(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("convert takes exactly one of decimal, date, text, integer, enum")
        return self


class Lookup(ConfigModel):
    """A value found by key; a key that is not found rejects the record unless the rule has a default."""

    table: str | None = Field(
        None, description="CSV in include/lookups, by its first column; `accounts` is the company's."
    )
    cross_reference: str | None = Field(None, description="Entity whose ids are cross-referenced, e.g. `gp.customer`.")
    delivery: str | None = Field(None, description="Entity whose deliveries are searched, e.g. `xero.invoice`.")
    label: str | None = Field(None, description="Source entity whose records are searched by the name people see.")
    live: str | None = Field(None, description="Master entity asked now, e.g. `gp.item`.")
    by: str = Field(
        "record_key", description="What the key is compared with: record_key, number, target_id, chain_key."
    )
    key: Rule = Field(description="The key: a path or a rule.")
    column: str | None = Field(None, description="What to take from the row found; default: the key itself.")
    optional: bool = Field(False, description="True: a key not found gives nothing instead of a rejection.")
    remedy: str | None = Field(None, description="What a person does when the key is not found; `{value}` is the key.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = [self.table, self.cross_reference, self.delivery, self.label, self.live]
        if sum(place is not None for place in places) != 1:
            raise ValueError("lookup takes exactly one of table, cross_reference, delivery, label, live")
        return self


class Aggregate(ConfigModel):
    """Child rows gathered into one value of the row they belong to."""

    of: str = Field(description="`part.field`, e.g. `taxes.amount`.")
    by: str | None = Field(None, description="Field that both rows share besides the record, e.g. `line_id`.")
    key: str | None = Field(None, description="Path in this row that `by` is compared with; default: the same name.")
    where: Condition | None = Field(None, description="Which child rows count.")
    separator: str = Field("+", description="Between joined texts; they are sorted, each stands once.")


class Match(ConfigModel):
    """A field of the row in another part that has the same value in ``on``."""

    part: str = Field(description="The other part, e.g. `lines`.")
    on: str = Field(description="Field of the other row.")
    key: str | None = Field(None, description="Path in this row whose value it must have; default: the same name.")
    column: str = Field(description="Field to take.")


class ShortHash(ConfigModel):
    """A short, stable name for a long key (accounting.md §5)."""

    of: list[str] = Field(description="Paths whose values make the key.")
    prefix: str = Field("", description="What the name begins with.")
    length: int = Field(17, ge=8, le=30, description="Length of the name, prefix included.")


class Rule(ConfigModel):
    """How one target field gets its value: one origin, then convert, default, required."""

    from_: str | None = Field(None, alias="from", description="A path in the source.")
    value: Any = Field(None, description="A constant.")
    when: Condition | None = Field(None, description="Condition that chooses between `then` and `else`.")
    then: Rule | None = Field(None, description="Rule where the condition holds.")
    else_: Rule | None = Field(None, alias="else", description="Rule where it does not.")
    lookup: Lookup | None = Field(None, description="A value found by key.")
    template: str | None = Field(None, description="Text with `{path}` in it.")
    expr: str | None = Field(
        None, description="Arithmetic and comparison over paths: + - * / abs min max round coalesce."
    )
    first: list[Rule] | None = Field(None, description="The first of these rules that gives a value.")
    hash_: ShortHash | None = Field(None, alias="hash", description="A short name for a long key.")
    sum: Aggregate | None = Field(None, description="Sum of child rows.")
    join: Aggregate | None = Field(None, description="Texts of child rows, joined.")
    match: Match | None = Field(None, description="A field of a matching row in another part.")
    position: Literal[True] | None = Field(None, description="The row's number within its record, from 1.")
    convert: Convert | None = Field(None, description="Type conversion.")
    default: Any = Field(None, description="Value where there is none.")
    required: bool = Field(False, description="No value rejects the record.")
    remedy: str | None = Field(None, description="What a person does when the value is missing or wrong.")
    combine: Literal["sum", "first", "last", "max"] = Field(
        "first", description="How a grouped part gathers this field."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        return {"from": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = [name for name in ORIGINS if name in self.model_fields_set]
        if len(origins) != 1:
            words = ", ".join(name.rstrip("_") for name in ORIGINS)
            raise ValueError(f"a rule takes exactly one of {words}; here: {', '.join(origins) or 'none'}")
        if (self.when is None) != (self.then is None):
            raise ValueError("when and then belong together")
        return self


class Part(ConfigModel):
    """The rows of one part of the target: which source rows, and a rule per field."""

    each: str | None = Field(None, description="List (raw source) or part (canonical source) that gives the rows.")
    where: Condition | None = Field(None, description="Which rows.")
    group: list[str] | None = Field(
        None, description="Target fields that make rows one; the others say how they combine."
    )
    having: Condition | None = Field(None, description="Which rows stay after grouping, by target fields.")
    fields: dict[str, Rule] = Field(description="Rule per target field.")

    @model_validator(mode="before")
    @classmethod
    def _split(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "fields" in data:
            return data
        options = {key: data[key] for key in ("each", "where", "group", "having") if key in data}
        return {**options, "fields": {key: rule for key, rule in data.items() if key not in options}}


class MappingFile(ConfigModel):
    """One mapping: from an entity to the canonical form (conform), or from it to a target's document (map)."""

    from_: str = Field(alias="from", description="Entity or canonical record read.")
    to: str = Field(description="Canonical record or entity made.")
    description: str = Field("", description="What this mapping is for.")
    header: Part = Field(description="Rule per header field.")
    lines: list[Part] = Field(default_factory=list, description="Child rows; several lists of rules are put together.")
    taxes: list[Part] = Field(default_factory=list, description="Child rows, as `lines`.")
    addresses: list[Part] = Field(default_factory=list, description="Child rows, as `lines`.")
    internet_addresses: list[Part] = Field(default_factory=list, description="Child rows, as `lines`.")
    distributions: list[Part] = Field(default_factory=list, description="Child rows, as `lines`.")

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        parts = {key: [data[key]] for key in CHILDREN if isinstance(data.get(key), dict)}
        return {**data, **parts}

    def parts(self) -> dict[str, list[Part]]:
        """Every part by name, the header first."""
        return {"header": [self.header], **{name: getattr(self, name) for name in CHILDREN}}
