"""What kind of values a field holds, and how well a value of one kind goes into a field of another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["KINDS", "Kind", "fits", "kind_of"]

Kind = Literal["text", "id", "choice", "money", "rate", "quantity", "number", "date", "instant", "flag"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

# How well a value of the kind on the left goes into a field of the kind on top, by what conversions there are.
_FITS: Final = np.array(
    [
        # text id choice money rate qty number date instant flag
        [1.0, 0.8, 0.6, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.1],  # text
        [0.7, 1.0, 0.3, 0.0, 0.0, 0.0, 0.4, 0.0, 0.0, 0.0],  # id
        [0.7, 0.3, 1.0, 0.0, 0.0, 0.0, 0.6, 0.0, 0.0, 0.5],  # choice
        [0.2, 0.0, 0.0, 1.0, 0.5, 0.4, 0.2, 0.0, 0.0, 0.0],  # money
        [0.2, 0.0, 0.0, 0.5, 1.0, 0.4, 0.2, 0.0, 0.0, 0.0],  # rate
        [0.2, 0.0, 0.0, 0.4, 0.4, 1.0, 0.7, 0.0, 0.0, 0.0],  # quantity
        [0.5, 0.6, 0.5, 0.5, 0.4, 0.8, 1.0, 0.1, 0.1, 0.5],  # number
        [0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.8, 0.0],  # date
        [0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.9, 1.0, 0.0],  # instant
        [0.1, 0.0, 0.6, 0.0, 0.0, 0.0, 0.8, 0.0, 0.0, 1.0],  # flag
    ]
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?|/Date\(-?\d+([+-]\d{4})?\)/")
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{8}")
_MONEY_PLACES = (2, 5)
_FEW = 12


def fits(sources: Sequence[Kind], targets: Sequence[Kind]) -> NDArray[np.float64]:
    """For each source and target, from 0 (never) to 1 (as it is)."""
    rows, columns = ([KINDS.index(kind) for kind in kinds] for kinds in (sources, targets))
    found: NDArray[np.float64] = _FITS[np.ix_(rows, columns)]
    return found


def kind_of(values: Sequence[Any]) -> Kind:
    """What sample values are; ``text`` where there is none."""
    seen = [value for value in values if value is not None and value != ""]
    if not seen:
        return "text"
    if all(isinstance(value, bool) for value in seen):
        return "flag"
    texts = [str(value) for value in seen]
    if all(_INSTANT.fullmatch(text) for text in texts):
        return "instant"
    if all(_DATE.fullmatch(text) for text in texts):
        return "date"
    numbers = [_number(text) for text in texts]
    if all(number is not None for number in numbers):
        return _kind_of_number(texts)
    return "choice" if len(texts) > _FEW and len(set(texts)) <= len(texts) // _FEW else "text"


def _kind_of_number(texts: Sequence[str]) -> Kind:
    places = {len(text.partition(".")[2]) for text in texts}
    if places == {0}:
        return "id" if any(len(text) > 1 and text.startswith("0") for text in texts) else "number"
    return "money" if places <= {0, *range(_MONEY_PLACES[0], _MONEY_PLACES[1] + 1)} else "rate"


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
