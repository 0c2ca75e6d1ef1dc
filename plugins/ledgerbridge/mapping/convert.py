"""Type conversion of whole columns; each answers the converted column and a mask of what could not be converted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping.expression import decimal_array, round_half_up
from ledgerbridge.mapping.model import DateConversion, DecimalConversion, TextConversion
from ledgerbridge.mapping.text import cut_at_word, to_cp1252

__all__ = ["coerce", "mask_of", "text_array", "to_date", "to_decimal", "to_enum", "to_integer", "to_text"]

Mask = npt.NDArray[np.bool_]
Converted = tuple[pa.Array, Mask]

_DECIMAL = r"^[+-]?\d{1,20}(\.\d{1,10})?$"
_WIDE = pa.decimal128(30, 10)


def mask_of(array: Any) -> Mask:
    """A boolean column as a mask; null is False."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=bool)


def text_array(array: pa.Array) -> pa.Array:
    """Any column as text."""
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return pc.cast(array, pa.string())
    if pa.types.is_nested(array.type):
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
    return pc.cast(array, pa.string())


def to_decimal(array: pa.Array, options: DecimalConversion) -> Converted:
    """Decimals (text, whole numbers or decimals), rounded half-up to ``places`` where given."""
    failed = np.zeros(len(array), dtype=bool)
    if not (pa.types.is_decimal(array.type) or pa.types.is_integer(array.type) or pa.types.is_null(array.type)):
        texts = text_array(array)
        failed = mask_of(pc.invert(pc.match_substring_regex(texts, _DECIMAL)))
        array = pc.if_else(pa.array(failed), pa.scalar(None, pa.string()), texts)
    values = pc.cast(array, _WIDE) if pa.types.is_string(array.type) else decimal_array(array)
    return (values if options.places is None else round_half_up(values, options.places)), failed


def to_integer(array: pa.Array) -> Converted:
    """Whole numbers."""
    if pa.types.is_integer(array.type) or pa.types.is_null(array.type):
        return pc.cast(array, pa.int64()), np.zeros(len(array), dtype=bool)
    values, failed = to_decimal(array, DecimalConversion())
    whole = pc.equal(values, round_half_up(values, 0))
    failed = failed | mask_of(pc.invert(whole))
    known = pc.if_else(pa.array(failed), pa.scalar(None, _WIDE), values)
    return pc.cast(pc.cast(known, pa.decimal128(19, 0), safe=False), pa.int64()), failed


def to_date(array: pa.Array, options: DateConversion, company_zone: str) -> Converted:
    """
    Days. With ``zone`` the text is an instant and the day is that zone's; without, the text's own first ten
    characters are the day: a document's date is never shifted by a zone (facts/xero.md §3).
    """
    given = mask_of(array.is_valid())
    if options.epoch:
        moments = pd.to_datetime(
            pd.Series(array.to_pandas(), dtype="float64"), unit="s", utc=True
        )  # seconds, not money
    elif options.zone is None:
        days = (
            text_array(array)
            if not pa.types.is_temporal(array.type)
            else pc.cast(pc.cast(array, pa.date32()), pa.string())
        )
        moments = pd.to_datetime(
            pc.utf8_slice_codeunits(days, 0, 10).to_pandas(), format="%Y-%m-%d", errors="coerce", utc=True
        )
    else:
        moments = pd.to_datetime(text_array(array).to_pandas(), format="ISO8601", errors="coerce", utc=True)
    if options.zone is not None:
        moments = moments.dt.tz_convert(company_zone if options.zone == "company" else options.zone)
    moments = moments.dt.tz_localize(None)
    if options.month:
        months = pa.array(moments.dt.strftime("%Y-%m"), pa.string(), from_pandas=True)
        return months, given & mask_of(months.is_null())
    values = pc.cast(pa.array(moments.dt.normalize(), pa.timestamp("s"), from_pandas=True), pa.date32())
    return values, given & mask_of(values.is_null())


def to_text(array: pa.Array, options: TextConversion) -> Converted:
    """Text as the target holds it; what is too long fails unless it may be cut."""
    texts = text_array(array)
    if options.after is not None:
        texts = _after(texts, options.after)
    if options.before is not None:
        texts = _before(texts, options.before)
    if options.code_page is not None:
        texts = _by_unique(texts, to_cp1252)
    if options.upper:
        texts = pc.utf8_upper(texts)
    if options.max is None:
        return texts, np.zeros(len(texts), dtype=bool)
    longest = options.max
    if options.cut == "word":
        texts = _by_unique(texts, lambda text: cut_at_word(text, longest))
    return texts, mask_of(pc.greater(pc.utf8_length(texts), longest))


def to_enum(array: pa.Array, words: dict[str, Any]) -> Converted:
    """The target's words for the source's; an unknown word fails."""
    texts = text_array(array)
    positions = pc.index_in(texts, pa.array(list(words), pa.string()))
    return pa.array(list(words.values())).take(positions), mask_of(pc.and_(texts.is_valid(), positions.is_null()))


def coerce(array: pa.Array, kind: pa.DataType, company_zone: str) -> Converted:
    """``array`` in the declared type of a canonical field."""
    nothing = np.zeros(len(array), dtype=bool)
    if array.type == kind:
        return array, nothing
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind), nothing
    if pa.types.is_decimal(kind):
        values, failed = to_decimal(array, DecimalConversion())
        return pc.cast(values, kind, safe=False), failed
    if pa.types.is_date(kind):
        return to_date(array, DateConversion(), company_zone)
    if pa.types.is_integer(kind):
        return to_integer(array)
    if pa.types.is_boolean(kind):
        return pc.cast(array, kind), nothing
    return text_array(array), nothing


def _by_unique(texts: pa.Array, change: Any) -> pa.Array:
    # each different text once: names repeat, and transliteration has no Arrow kernel
    encoded = texts.dictionary_encode()
    return pa.array([change(text) for text in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


def _after(texts: pa.Array, mark: str) -> pa.Array:
    return _by_unique(texts, lambda text: text.rpartition(mark)[2])


def _before(texts: pa.Array, mark: str) -> pa.Array:
    return _by_unique(texts, lambda text: text.partition(mark)[0])
