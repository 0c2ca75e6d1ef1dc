"""Type conversion of whole columns; each answers the converted column and a mask of what could not be converted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping.conversions import (
    BooleanConversion,
    Convert,
    DateConversion,
    DecimalConversion,
    PhoneConversion,
    Rounding,
    TextConversion,
)
from ledgerbridge.mapping.expression import decimal_array
from ledgerbridge.mapping.phones import home_of, phone_as
from ledgerbridge.mapping.text import cut_at_word, fits, to_page

__all__ = [
    "Conversion",
    "coerce",
    "compile_conversion",
    "mask_of",
    "text_array",
    "to_boolean",
    "to_date",
    "to_decimal",
    "to_enum",
    "to_integer",
    "to_phone",
    "to_text",
]

Mask = npt.NDArray[np.bool_]
Converted = tuple[pa.Array, Mask]

_DECIMAL = r"^[+-]?\d{1,20}(\.\d{1,10})?$"
_WIDE = pa.decimal128(30, 10)
_ROUND_MODES: dict[Rounding, str] = {
    "half_up": "half_towards_infinity",
    "half_down": "half_towards_zero",
    "half_even": "half_to_even",
    "up": "towards_infinity",
    "down": "towards_zero",
    "ceiling": "up",
    "floor": "down",
}
_OTHER = "*"
_PLAIN_DAY = DateConversion()
_LAST_SECOND = 253_402_300_800  # the end of the year 9999


@dataclass(frozen=True)
class Conversion:
    """
    One conversion, ready to run.

    :param run: from a column and the organisation's zone to the converted column and what failed.
    :param expected: what the value should have been, for messages.
    :param remedy: what a person does about one that is not.
    """

    run: Callable[[pa.Array, str], Converted]
    expected: str
    remedy: str


def compile_conversion(options: Convert) -> Conversion:
    """The conversion that ``options`` ask for."""
    if (decimal := options.decimal) is not None:
        return Conversion(
            lambda array, zone: to_decimal(array, decimal), "a decimal number", "Mend the number in the source."
        )
    if (date := options.date) is not None:
        expected = f"a date written {date.format}" if date.format else "a date"
        return Conversion(lambda array, zone: to_date(array, date, zone), expected, "Mend the date in the source.")
    if (text := options.text) is not None:
        return Conversion(lambda array, zone: to_text(array, text), _text_expected(text), _text_remedy(text))
    if (boolean := options.boolean) is not None:
        words = ", ".join([*boolean.true, *boolean.false])
        return Conversion(
            lambda array, zone: to_boolean(array, boolean), f"one of {words}", "Add the word to the rule's `boolean`."
        )
    if (phone := options.phone) is not None:
        return Conversion(lambda array, zone: to_phone(array, phone, zone), "a telephone number", "Mend the number.")
    if (enum := options.enum) is not None:
        words = ", ".join(enum)
        return Conversion(
            lambda array, zone: to_enum(array, enum), f"one of {words}", "Add the word to the rule's `enum`."
        )
    return Conversion(lambda array, zone: to_integer(array), "a whole number", "Mend the number in the source.")


def mask_of(array: Any) -> Mask:
    """A boolean column as a mask; null is False."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=bool)


def text_array(array: pa.Array) -> pa.Array:
    """Any column as text."""
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return pc.cast(array, pa.string())
    if pa.types.is_nested(array.type):
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
    texts = pc.cast(array, pa.string())
    if pa.types.is_decimal(array.type) and pc.any(pc.match_substring(texts, "E")).as_py():
        # Arrow writes nothing of ten places as 0E-10, which is no number as people or mappings write one
        return pa.array([None if value is None else f"{value:f}" for value in array.to_pylist()], pa.string())
    return texts


def to_decimal(array: pa.Array, options: DecimalConversion) -> Converted:
    """Decimals (text, whole numbers or decimals), rounded to ``places`` where given."""
    failed = np.zeros(len(array), dtype=bool)
    if not (pa.types.is_decimal(array.type) or pa.types.is_integer(array.type) or pa.types.is_null(array.type)):
        texts = _plain_number(text_array(array), options)
        failed = mask_of(pc.invert(pc.match_substring_regex(texts, _DECIMAL)))
        array = pc.if_else(pa.array(failed), pa.scalar(None, pa.string()), texts) if failed.any() else texts
    values = pc.cast(array, _WIDE) if pa.types.is_string(array.type) else decimal_array(array)
    if options.places is not None:
        values = pc.round(values, ndigits=options.places, round_mode=_ROUND_MODES[options.rounding])
    return values, failed


def to_integer(array: pa.Array) -> Converted:
    """Whole numbers."""
    if pa.types.is_integer(array.type) or pa.types.is_null(array.type):
        return pc.cast(array, pa.int64()), np.zeros(len(array), dtype=bool)
    values, failed = to_decimal(array, DecimalConversion())
    whole = pc.equal(values, pc.round(values, ndigits=0))
    failed = failed | mask_of(pc.invert(whole))
    known = pc.if_else(pa.array(failed), pa.scalar(None, _WIDE), values)
    return pc.cast(pc.cast(known, pa.decimal128(19, 0), safe=False), pa.int64()), failed


def to_date(array: pa.Array, options: DateConversion, company_zone: str) -> Converted:
    """
    Days. With ``zone`` the text is an instant and the day is that zone's; without, the text's own day counts: a
    document's date is never shifted by a zone (sources.md Xero §3).
    """
    if options == _PLAIN_DAY and (days := _plain_days(array)) is not None:
        return days, np.zeros(len(array), dtype=bool)
    given = mask_of(array.is_valid())
    moments = _moments(array, options)
    if options.zone is not None:
        moments = moments.dt.tz_convert(company_zone if options.zone == "company" else options.zone)
    moments = moments.dt.tz_localize(None)
    written = "%Y-%m" if options.month else options.as_
    if written is not None:
        texts = pa.array(moments.dt.strftime(written), pa.string(), from_pandas=True)
        return texts, given & mask_of(texts.is_null())
    values = pc.cast(pa.array(moments.dt.normalize(), pa.timestamp("s"), from_pandas=True), pa.date32())
    return values, given & mask_of(values.is_null())


def to_text(array: pa.Array, options: TextConversion) -> Converted:
    """Text as the target holds it; what is too long, or not in the code page, fails unless it may be altered."""
    texts = text_array(array)
    failed = np.zeros(len(texts), dtype=bool)
    after, before, page = options.after, options.before, options.code_page
    if after is not None:
        texts = _by_unique(texts, lambda text: text.rpartition(after)[2])
    if before is not None:
        texts = _by_unique(texts, lambda text: text.partition(before)[0])
    if options.trim:
        texts = pc.utf8_trim_whitespace(texts)
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    if page is not None and options.unfit == "transliterate":
        texts = _by_unique(texts, lambda text: to_page(text, page))
    elif page is not None:
        failed = mask_of(_by_unique(texts, lambda text: not fits(text, page), pa.bool_()))
    if options.upper or options.lower:
        texts = pc.utf8_upper(texts) if options.upper else pc.utf8_lower(texts)
    if options.max is not None:
        texts = _shortened(texts, options.max, options.cut)
        failed |= mask_of(pc.greater(pc.utf8_length(texts), options.max))
    if options.pad is not None:
        texts = pc.utf8_lpad(texts, options.pad, options.fill)
    return texts, failed


def to_phone(array: pa.Array, options: PhoneConversion, company_zone: str) -> Converted:
    """Telephone numbers in one form; what is none stays as it was typed, and a blank is none."""
    home = home_of(company_zone) if options.country == "company" else options.country
    numbers = _by_unique(text_array(array), lambda text: phone_as(options, text, home))
    return numbers, np.zeros(len(array), dtype=bool)


def to_boolean(array: pa.Array, options: BooleanConversion) -> Converted:
    """True or false, by the words that mean them."""
    if pa.types.is_boolean(array.type) or pa.types.is_null(array.type):
        return pc.cast(array, pa.bool_()), np.zeros(len(array), dtype=bool)
    words = pc.utf8_lower(text_array(array))
    yes, no = (
        pc.is_in(words, pa.array([word.lower() for word in known], pa.string()))
        for known in (options.true, options.false)
    )
    values = pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))
    return values, mask_of(array.is_valid()) & mask_of(values.is_null())


def to_enum(array: pa.Array, words: dict[str, Any]) -> Converted:
    """The target's words for the source's; an unknown word fails unless ``*`` stands for it."""
    texts = text_array(array)
    known = list(words)
    positions = pc.index_in(texts, pa.array(known, pa.string()))
    strange = pc.and_(texts.is_valid(), positions.is_null())
    if _OTHER in words:
        positions = pc.if_else(strange, pa.scalar(known.index(_OTHER), pa.int32()), positions)
        strange = pa.nulls(len(texts), pa.bool_())
    return pa.array(list(words.values())).take(positions), mask_of(strange)


def coerce(array: pa.Array, kind: pa.DataType, company_zone: str) -> Converted:
    """``array`` in the declared type of a canonical field."""
    nothing = np.zeros(len(array), dtype=bool)
    if array.type == kind:
        return array, nothing
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind), nothing
    if pa.types.is_decimal(kind):
        values, failed = to_decimal(array, DecimalConversion())
        # the cast alone would keep digits that the type has no room for
        failed |= mask_of(pc.greater_equal(pc.abs(values), pa.scalar(Decimal(10) ** (kind.precision - kind.scale))))
        return pc.cast(pc.if_else(pa.array(failed), pa.scalar(None, values.type), values), kind, safe=False), failed
    if pa.types.is_date(kind):
        return to_date(array, DateConversion(), company_zone)
    if pa.types.is_integer(kind):
        return to_integer(array)
    if pa.types.is_boolean(kind):
        return to_boolean(array, BooleanConversion())
    return text_array(array), nothing


def _plain_number(texts: pa.Array, options: DecimalConversion) -> pa.Array:
    if options.group is not None:
        # only between digits and only before the mark: "1.2" is no number where "." parts thousands
        group, mark = re.escape(options.group), re.escape(options.mark)
        grouped = pc.match_substring_regex(texts, rf"^[+-]?\d{{1,3}}({group}\d{{3}})+({mark}|$)")
        texts = pc.if_else(grouped, pc.replace_substring(texts, options.group, ""), texts)
    if options.mark != ".":
        # a point is no decimal mark here, so that "1.234" isn't read as one and a bit
        texts = pc.replace_substring(texts, ".", "?")
        texts = pc.replace_substring(texts, options.mark, ".")
    return texts


def _plain_days(array: pa.Array) -> pa.Array | None:
    """Days that are written as they should be; None where one is not, or may be no day."""
    if pa.types.is_temporal(array.type):
        return None
    try:
        return pc.cast(pc.utf8_slice_codeunits(text_array(array), 0, 10), pa.date32())
    except pa.ArrowInvalid:
        return None


def _moments(array: pa.Array, options: DateConversion) -> Any:
    import pandas as pd

    if options.epoch:
        # seconds, not money
        seconds = pd.to_numeric(text_array(array).to_pandas(), errors="coerce").astype("float64")
        return pd.to_datetime(seconds.where(seconds.abs() < _LAST_SECOND), unit="s", utc=True)
    texts = pc.cast(pc.cast(array, pa.date32()), pa.string()) if pa.types.is_temporal(array.type) else text_array(array)
    if options.format is not None:
        return pd.to_datetime(texts.to_pandas(), format=options.format, errors="coerce", utc=True)
    if options.zone is not None:
        texts = text_array(array)
        return pd.to_datetime(texts.to_pandas(), format="ISO8601", errors="coerce", utc=True)
    days = pc.utf8_slice_codeunits(texts, 0, 10)
    return pd.to_datetime(days.to_pandas(), format="%Y-%m-%d", errors="coerce", utc=True)


def _shortened(texts: pa.Array, longest: int, cut: str) -> pa.Array:
    if cut == "word":
        return _by_unique(texts, lambda text: cut_at_word(text, longest))
    return pc.utf8_slice_codeunits(texts, 0, longest) if cut == "end" else texts


def _text_expected(options: TextConversion) -> str:
    kept = f"a text of at most {options.max} characters" if options.max else "a text"
    return f"{kept} of code page {options.code_page}" if options.unfit == "refuse" and options.code_page else kept


def _text_remedy(options: TextConversion) -> str:
    if options.unfit == "refuse" and options.code_page:
        return "Mend it in the source and replay the record, or set `unfit: transliterate` on the rule."
    return "Shorten it in the source and replay the record, or set `cut: word` on the rule."


def _by_unique(texts: pa.Array, change: Callable[[str], Any], kind: pa.DataType | None = None) -> pa.Array:
    # each different text once: names repeat, and transliteration has no Arrow kernel
    encoded = texts.dictionary_encode()
    return pa.array([change(text) for text in encoded.dictionary.to_pylist()], kind or pa.string()).take(
        encoded.indices
    )
