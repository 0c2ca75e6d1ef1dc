"""The format of `convert`: what becomes of a value on its way into a target field."""

from __future__ import annotations

from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from ledgerbridge.yaml_files import ConfigModel

__all__ = [
    "BooleanConversion",
    "Convert",
    "DateConversion",
    "DecimalConversion",
    "PhoneConversion",
    "TextConversion",
]

Rounding = Literal["half_up", "half_down", "half_even", "up", "down", "ceiling", "floor"]
CodePage = Literal["ascii", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1257", "latin-1"]


class DecimalConversion(ConfigModel):
    """Text or number to a decimal."""

    places: int | None = Field(None, ge=0, le=7, description="Round to so many places; default: keep them all.")
    rounding: Rounding = Field(
        "half_up",
        description="How: `half_up` (away from zero, as most ledgers do), `half_down`, `half_even` (bankers'), "
        "`up` (away from zero), `down` (towards zero), `ceiling`, `floor`.",
    )
    mark: Literal[".", ","] = Field(".", description="The decimal mark of the source's text.")
    group: Literal[",", ".", "'", " "] | None = Field(None, description="What the source writes between thousands.")

    @model_validator(mode="after")
    def _different_marks(self) -> Self:
        if self.mark == self.group:
            raise ValueError("mark and group can't be the same")
        return self


class DateConversion(ConfigModel):
    """An instant or a day, as text, to a day."""

    zone: str | None = Field(
        None,
        description="Zone whose calendar the day of an instant is read from, like `America/New_York`; `company` is "
        "the organisation's own. A time without offset is UTC. Default: the text's own day, never shifted.",
    )
    format: str | None = Field(
        None, description="How the source writes it, in strptime's words: `%d/%m/%Y`. Default: ISO 8601."
    )
    as_: str | None = Field(
        None, alias="as", description="Text to make of it, in strftime's words: `%Y%m%d`. Default: a day."
    )
    epoch: bool = Field(False, description="The source gives seconds since 1970.")
    month: bool = Field(False, description="The month as text, `2026-03`, instead of the day.")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is None or value == "company":
            return value
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f'"{value}" is no time zone; write one like America/New_York, or company') from None
        return value

    @field_validator("format", "as_")
    @classmethod
    def _directives(cls, value: str | None) -> str | None:
        if value is not None and "%" not in value:
            raise ValueError(f'"{value}" has no directive; write it like %d/%m/%Y')
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.epoch and self.format:
            raise ValueError("seconds since 1970 have no format: give epoch or format")
        if self.format and "%z" in self.format and self.zone is None:
            raise ValueError("a format with %z gives an instant: name the zone whose day is wanted")
        if self.month and self.as_:
            raise ValueError("give month or as, not both")
        return self


class TextConversion(ConfigModel):
    """Any text to what the target can hold; the steps run in the order they stand in here."""

    after: str | None = Field(None, description="Keep only what follows the last one of this text.")
    before: str | None = Field(None, description="Keep only what comes before the first one of this text.")
    trim: bool = Field(False, description="Without blanks at both ends; a text of blanks alone counts as absent.")
    code_page: CodePage | None = Field(None, description="The code page the target stores text in.")
    unfit: Literal["transliterate", "refuse"] = Field(
        "transliterate", description="What the code page can't hold: `transliterate` writes ł as l, `refuse` rejects."
    )
    upper: bool = Field(False, description="Upper case.")
    lower: bool = Field(False, description="Lower case.")
    max: int | None = Field(None, ge=1, description="Length of the target field.")
    cut: Literal["word", "end", "refuse"] = Field(
        "refuse", description="A longer text: `word` cuts it at a word, `end` at the length; `refuse` rejects."
    )
    pad: int | None = Field(None, ge=1, description="Fill up to this length in front, as `007`.")
    fill: str = Field("0", min_length=1, max_length=1, description="What `pad` fills up with.")


class BooleanConversion(ConfigModel):
    """A word to true or false, whatever its case; any other word is rejected."""

    true: list[str] = Field(["true", "yes", "y", "1"], description="Words that mean true.")
    false: list[str] = Field(["false", "no", "n", "0"], description="Words that mean false.")


class PhoneConversion(ConfigModel):
    """A telephone number, however it was typed, in one form; what is no number that is given out stays as it is."""

    as_: Literal["world", "home", "country", "area", "number"] = Field(
        "world",
        alias="as",
        description="`world`: `+16175550100 x12`, by which two ledgers compare. `home`: one of the home country as it"
        " is dialled there, in digits, any other as `world`. `country`, `area`, `number`: one of its three parts; the"
        " extension is behind `number`, and what is no number is all `number`.",
    )
    country: str = Field(
        "company",
        pattern="^([A-Z]{2}|company)$",
        description="The home country, whose numbers are typed without its code: two letters, like `US`; `company` is"
        " that of the organisation's time zone.",
    )
    extension: int | None = Field(
        None,
        ge=1,
        le=10,
        description="Of a ledger that has so many digits of extension behind the ten of a number of North America,"
        " zeros for none: read so, and written so by `home`. `61755501000012`; zeros alone are no number.",
    )


class Convert(ConfigModel):
    """Type conversion; exactly one. Several one after the other stand in a list."""

    decimal: DecimalConversion | None = Field(None, description="To a decimal.")
    date: DateConversion | None = Field(None, description="To a day, or a text made of one.")
    text: TextConversion | None = Field(None, description="To a text.")
    phone: PhoneConversion | None = Field(None, description="To one form of a telephone number.")
    integer: Literal[True] | None = Field(None, description="To a whole number.")
    boolean: BooleanConversion | None = Field(None, description="To true or false.")
    enum: dict[str, Any] | None = Field(
        None, description="From source word to target word; `*` is any other word, else others are rejected."
    )

    @model_validator(mode="after")
    def _one_conversion(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"convert takes exactly one of {', '.join(type(self).model_fields)}")
        return self

    @field_validator("enum")
    @classmethod
    def _words_of_one_kind(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        kinds = {type(word) for word in (value or {}).values() if word is not None}
        if len(kinds) > 1:
            raise ValueError("the target words of an enum are all texts, all numbers or all true/false")
        return value
