"""
The format of mapping files (`include/mappings/*.yaml`): one target field, one rule.

``from`` and ``to`` name the entities; ``header`` and the child parts (``lines``, ``taxes``) give each target field a
rule. A bare text is short for ``{from: text}``. A field whose name begins with ``_`` is a helper: later rules read it,
expressions by its bare name, and it is not written. A canonical record takes fields of a site's own when their name
begins with ``custom.``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from ledgerbridge.mapping.conditions import Condition
from ledgerbridge.mapping.conversions import Convert
from ledgerbridge.yaml_files import ConfigModel, OneOrMany, listed

__all__ = [
    "CHILDREN",
    "ORIGINS",
    "PART_OPTIONS",
    "Aggregate",
    "Lookup",
    "MappingFile",
    "Match",
    "Part",
    "Rule",
    "Segment",
    "Share",
    "ShortHash",
    "Split",
]

AGGREGATES = ("sum", "count", "min", "max", "join")
ORIGINS = (
    "from_", "value", "when", "lookup", "template", "expr", "first", "hash_", *AGGREGATES, "match", "share", "segment",
    "position",
)  # fmt: skip
CHILDREN = ("lines", "taxes", "given_up", "addresses", "phones", "internet_addresses", "distributions", "user_defined")
PART_OPTIONS = ("each", "where", "dated", "split", "group", "having")

_LOOKUP_PLACES = ("table", "cross_reference", "delivery", "label", "live")
_STATE_COLUMNS = ("record_key", "number", "target_id", "chain_key")


class Lookup(ConfigModel):
    """A value found by key; a key that is not found rejects the record unless the rule has a default."""

    table: str | None = Field(
        None,
        description="CSV in include/lookups; `accounts`, `gateways` and `company` are made of the company file.",
    )
    cross_reference: str | None = Field(None, description="Entity whose ids are cross-referenced, `system.name`.")
    delivery: str | None = Field(None, description="Entity whose deliveries are searched, `system.name`.")
    label: str | None = Field(None, description="Source entity whose records are searched by the name people see.")
    live: str | None = Field(
        None, description="Master entity asked now, `system.name`; the page of entities lists them."
    )
    by: str | None = Field(
        None,
        description="What the key is compared with. Table: a column, the first by default. Cross-reference and "
        "delivery: `record_key` (default), `number`, `target_id` or `chain_key`.",
    )
    key: Rule = Field(description="The key: a path or a rule.")
    among: dict[str, Rule] = Field(
        default_factory=dict,
        description="Label: which of several records that have the name, by fields of their canonical header; the next "
        "field is looked at where the ones before leave several.",
    )
    column: str | None = Field(None, description="What to take from the row found; default: the key itself.")
    max_age_minutes: int | None = Field(
        None, ge=0, description="Live: an answer kept so long may serve again; default: the system is asked every run."
    )
    optional: bool = Field(False, description="True: a key not found gives nothing instead of a rejection.")
    untold: bool = Field(
        False,
        description="Of a side that is kept in step. True: of a record whose key is not found the field stays as it is"
        " on both sides, all others go on, and people are told the key and the remedy.",
    )
    ours: Condition | None = Field(
        None,
        description="Delivery: when only we can have made what is looked for. A record for which it holds and whose "
        "key is not found waits, `optional` or not: after a restore the delivery is yet to become known again.",
    )
    remedy: str | None = Field(None, description="What a person does when the key is not found; `{value}` is the key.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = [place for place in _LOOKUP_PLACES if getattr(self, place) is not None]
        if len(places) != 1:
            raise ValueError(f"lookup takes exactly one of {', '.join(_LOOKUP_PLACES)}")
        if places[0] in ("cross_reference", "delivery") and self.by not in (None, *_STATE_COLUMNS):
            raise ValueError(f"`by` of a {places[0]} is one of {', '.join(_STATE_COLUMNS)}")
        if places[0] in ("label", "live") and self.by is not None:
            raise ValueError(f"`by` does not go with {places[0]}")
        if places[0] != "delivery" and self.ours is not None:
            raise ValueError("`ours` goes with delivery only")
        if places[0] != "label" and self.among:
            raise ValueError("`among` goes with label only")
        if self.untold and self.optional:
            raise ValueError("`untold` tells people what `optional` passes over: take one")
        if places[0] != "live" and self.max_age_minutes is not None:
            raise ValueError("`max_age_minutes` goes with live only")
        return self

    @property
    def place(self) -> tuple[str, str]:
        """Where the key is looked for: the kind of place, and its name."""
        return next((kind, name) for kind in _LOOKUP_PLACES if (name := getattr(self, kind)) is not None)


class Aggregate(ConfigModel):
    """Child rows gathered into one value of the row they belong to."""

    of: str = Field(description="`part.field`, e.g. `taxes.amount`; in raw records `list[].field`.")
    by: str | None = Field(None, description="Field that both rows share besides the record, e.g. `line_id`.")
    key: str | None = Field(None, description="Path in this row that `by` is compared with; default: the same name.")
    where: Condition | None = Field(None, description="Which child rows count.")
    separator: str = Field("+", description="Between joined texts; they are sorted, each stands once.")
    after: str | None = Field(
        None, description="Of joined texts: only what follows the last of this, as `/` in a path."
    )
    table: str | None = Field(
        None, description="Of joined texts: CSV in include/lookups that says others for some of them."
    )
    column: str | None = Field(None, description="The column of `table` that has the other text.")

    @model_validator(mode="after")
    def _table_and_column(self) -> Self:
        if (self.table is None) is not (self.column is None):
            raise ValueError("`table` and `column` go together")
        return self


class Match(ConfigModel):
    """A field of the row in another part that has the same value in ``on``."""

    part: str = Field(description="The other part, e.g. `lines`.")
    on: str = Field(description="Field of the other row.")
    key: str | None = Field(None, description="Path in this row whose value it must have; default: the same name.")
    column: str = Field(description="Field to take.")


class ShortHash(ConfigModel):
    """A short, stable name for a long key (accounting-rules.md §5)."""

    of: list[str] = Field(description="Paths whose values make the key.")
    prefix: str = Field("", description="What the name begins with.")
    length: int = Field(17, ge=8, le=30, description="Length of the name, prefix included.")
    salted: bool = Field(
        False,
        description="Made with a secret of this installation, for what can be guessed, as an e-mail address:"
        " nobody else can make the name of a guess and compare.",
    )
    case_aside: bool = Field(
        False, description="Values that differ in case or in spaces around them have one name, as e-mail addresses do."
    )


class Share(ConfigModel):
    """A row's share of an amount, by weight; shares are rounded half-up, the last row takes what is left."""

    of: Rule = Field(description="The amount: a path or a rule; the same for all rows that share it.")
    weight: Rule | None = Field(None, description="The row's weight; default: `%weight` of the split.")
    over: Literal["row", "record"] = Field(
        "row", description="Who shares: the rows that `split` made of one `row`, or all rows of the part in a `record`."
    )
    places: int = Field(2, ge=0, le=5, description="Decimals of the shares.")


class Segment(ConfigModel):
    """One segment of an account string like `000-4100-00`: taken out, or set."""

    of: Rule = Field(description="The account string: a path or a rule.")
    take: int | None = Field(None, ge=1, description="The segment to take, from 1.")
    set: dict[int, Rule] | None = Field(
        None, description="New segments by number, from 1; where a rule gives nothing, the old one stays."
    )
    separator: str = Field("-", min_length=1, description="Between segments, as the ledger is set up.")

    @model_validator(mode="after")
    def _take_or_set(self) -> Self:
        if (self.take is None) == (self.set is None):
            raise ValueError("segment takes exactly one of take, set")
        if self.set is not None and min(self.set, default=0) < 1:
            raise ValueError("segments are numbered from 1")
        return self


class Rule(ConfigModel):
    """How one target field gets its value: one origin, then convert, default, required."""

    from_: str | None = Field(None, alias="from", description="A path in the source.")
    value: Any = Field(None, description="A constant.")
    when: Condition | None = Field(None, description="Condition that chooses between `then` and `else`.")
    then: Rule | None = Field(None, description="Rule where the condition holds.")
    else_: Rule | None = Field(
        None, alias="else", description="Rule where it does not, perhaps another `when`; without it there is no value."
    )
    lookup: Lookup | None = Field(None, description="A value found by key.")
    template: str | None = Field(None, description="Text with `{path}` in it; a missing value leaves its place empty.")
    expr: str | None = Field(
        None, description="Arithmetic and comparison over paths: + - * / abs min max round coalesce."
    )
    first: list[Rule] | None = Field(None, description="The first of these rules that gives a value.", min_length=1)
    hash_: ShortHash | None = Field(None, alias="hash", description="A short name for a long key.")
    sum: Aggregate | None = Field(None, description="Sum of child rows.")
    count: Aggregate | None = Field(None, description="How many child rows have a value there.")
    min: Aggregate | None = Field(None, description="The least value of child rows.")
    max: Aggregate | None = Field(None, description="The greatest value of child rows.")
    join: Aggregate | None = Field(None, description="Texts of child rows, joined.")
    match: Match | None = Field(None, description="A field of a matching row in another part.")
    share: Share | None = Field(None, description="A share of an amount, by weight; nothing is lost or added.")
    segment: Segment | None = Field(None, description="One segment of an account string, taken or set.")
    position: Literal[True] | None = Field(None, description="The row's number within its record, from 1.")
    convert: Annotated[list[Convert], BeforeValidator(listed), OneOrMany()] | None = Field(
        None, description="Type conversion, or several in order."
    )
    default: Any = Field(None, description="Value where there is none.")
    required: bool = Field(False, description="No value rejects the record.")
    remedy: str | None = Field(None, description="What a person does when the value is missing or wrong.")
    combine: Literal["sum", "first", "last", "min", "max"] = Field(
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
            here = ", ".join(name.rstrip("_") for name in origins)
            raise ValueError(f"a rule takes exactly one of {words}; here: {here or 'none'}")
        if (self.when is None) != (self.then is None):
            raise ValueError("when and then belong together")
        if self.else_ is not None and self.when is None:
            raise ValueError("else needs a when")
        return self

    @property
    def origin(self) -> str:
        """Which of the origins the rule takes its value from."""
        return next(name for name in ORIGINS if name in self.model_fields_set)

    @property
    def aggregate(self) -> tuple[str, Aggregate] | None:
        """How child rows are gathered, if they are."""
        kind = self.origin
        return (kind, getattr(self, kind)) if kind in AGGREGATES else None

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler.resolve_ref_schema(handler(schema))
        text = {"type": "string", "description": "A path in the source; short for `{from: path}`."}
        return {"title": "Rule", "anyOf": [text, described]}


class Split(ConfigModel):
    """One row becomes several, with a weight each; rules read a split row's columns as `%weight`, `%column`."""

    rows: list[dict[str, Any]] | None = Field(
        None, description="The rows every row is split into: `weight` and any columns.", min_length=1
    )
    table: str | None = Field(None, description="CSV in include/lookups that has several rows a key, and a `weight`.")
    key: Rule | None = Field(None, description="The key looked up in the table; a row without one stays whole.")
    by: str | None = Field(None, description="Column of the table that has the key; default: the first.")
    optional: bool = Field(False, description="True: a row whose key is not in the table stays whole.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.rows is None) == (self.table is None):
            raise ValueError("split takes exactly one of rows, table")
        if (self.table is None) != (self.key is None):
            raise ValueError("table and key belong together")
        if any("weight" not in row for row in self.rows or ()):
            raise ValueError("each of the rows needs a weight")
        return self


class Part(ConfigModel):
    """The rows of one part of the target: which source rows, and a rule per field."""

    each: str | None = Field(None, description="List (raw source) or part (canonical source) that gives the rows.")
    where: Condition | None = Field(None, description="Which rows.")
    dated: Rule | None = Field(
        None,
        description="Header of a raw record: the row's day. A row before the company's `send_from` is left to people.",
    )
    split: Split | None = Field(None, description="Each row becomes several.")
    group: list[str] | None = Field(
        None, description="Target fields that make rows one; the others say how they combine."
    )
    having: Condition | None = Field(None, description="Which rows stay after grouping, by target fields.")
    fields: dict[str, Rule] = Field(
        description="Rule per target field; may be left out: every key that is no option is a field."
    )

    @model_validator(mode="before")
    @classmethod
    def _split(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "fields" in data:
            return data
        options = {key: data[key] for key in PART_OPTIONS if key in data}
        return {**options, "fields": {key: rule for key, rule in data.items() if key not in options}}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler.resolve_ref_schema(handler(schema))
        properties = {key: form for key, form in described["properties"].items() if key in PART_OPTIONS}
        rule = described["properties"]["fields"]["additionalProperties"]
        return {
            "title": "Part",
            "description": described["description"],
            "type": "object",
            "properties": {**properties, "fields": {"type": "object", "additionalProperties": rule}},
            "additionalProperties": rule,
        }


class MappingFile(ConfigModel):
    """One mapping: from an entity to the canonical form (conform), or from it to a target's document (map)."""

    from_: str = Field(alias="from", description="Entity or canonical record read.")
    to: str = Field(description="Canonical record or entity made.")
    description: str = Field("", description="What this mapping is for.")
    drift: Literal["ignore", "warn", "hold"] = Field(
        "warn",
        description="What happens when the records that are read have another form than was accepted: `ignore`; `warn`,"
        " the console tells it; `hold`, nothing of a batch goes on in which a path that is read went or has values of"
        " another kind, until a person accepts the new form.",
    )
    header: Part = Field(description="Rule per header field.")
    lines: Annotated[list[Part], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="Child rows; several lists of rules are put together."
    )
    taxes: Annotated[list[Part], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="Child rows, as `lines`."
    )
    given_up: Annotated[list[Part], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="Child rows, as `lines`: what refunds take off an order before it is shipped."
    )
    addresses: Annotated[list[Part], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="Child rows, as `lines`."
    )
    phones: Annotated[list[Part], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="Child rows, as `lines`."
    )
    internet_addresses: Annotated[list[Part], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="Child rows, as `lines`."
    )
    distributions: Annotated[list[Part], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="Child rows, as `lines`."
    )
    user_defined: Annotated[list[Part], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="One row (`each: header`) with the fields a site defined itself."
    )

    def parts(self) -> dict[str, list[Part]]:
        """Every part by name, the header first."""
        return {"header": [self.header], **{name: getattr(self, name) for name in CHILDREN}}
