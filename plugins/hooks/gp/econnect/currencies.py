"""
Currencies between ISO codes with base-per-foreign rates (ours) and GP's ids with its calculation method.

GP's CURNCYID is free text, and a rate is multiplied or divided with as the currency's set-up says (sources.md GP §4,
accounting-rules.md §7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ledgerbridge.entities import Document
from ledgerbridge.errors import ConfigurationError

__all__ = ["Currencies"]

_RATE_PLACES = Decimal("0.0000001")
_DIVIDE = "1"  # RTCLCMTD


class Currencies:
    """
    The site's currencies.

    :param settings: ISO code to ``{"id": "Z-UK", "calculation": "multiply" | "divide"}``; a currency that isn't
        there has its ISO code as id and multiplies.
    """

    def __init__(self, settings: Mapping[str, Mapping[str, str]]) -> None:
        for code, setting in settings.items():
            wrong = sorted(set(setting) - {"id", "calculation"})
            if wrong or setting.get("calculation", "multiply") not in ("multiply", "divide"):
                raise ConfigurationError(
                    "LB-GP-025",
                    f'extra `currencies`, {code}: {dict(setting)}; expected "id" and "calculation" multiply or divide',
                    remedy="Take both from GP's Currency and Exchange Table set-up.",
                )
        self._ids = {code: setting.get("id", code) for code, setting in settings.items()}
        self._codes = {number.upper(): code for code, number in self._ids.items()}
        self._dividing = {code for code, setting in settings.items() if setting.get("calculation") == "divide"}

    def document_to_gp(self, document: Document) -> Document:
        """The document with GP's currency ids and rates, in header and parts."""
        return replace(
            document,
            header=self._to_gp(document.header),
            parts={part: [self._to_gp(row) for row in rows] for part, rows in document.parts.items()},
        )

    def row_from_gp(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row with CURNCYID as ISO code and XCHGRATE as base units per foreign unit, where it has them."""
        converted = dict(row)
        if row.get("CURNCYID"):
            converted["CURNCYID"] = self._codes.get(str(row["CURNCYID"]).upper(), row["CURNCYID"])
        rate = Decimal(row.get("XCHGRATE") or 0)
        if rate and row.get("RTCLCMTD") == _DIVIDE:
            converted["XCHGRATE"] = f"{_inverse(rate):f}"
        return converted

    def _to_gp(self, values: Mapping[str, Any]) -> dict[str, Any]:
        converted = dict(values)
        code = values.get("CURNCYID")
        if code:
            converted["CURNCYID"] = self._ids.get(code, code)
            rate = values.get("XCHGRATE")
            if code in self._dividing and isinstance(rate, Decimal) and rate:
                converted["XCHGRATE"] = _inverse(rate)
        return converted


def _inverse(rate: Decimal) -> Decimal:
    return (1 / rate).quantize(_RATE_PLACES, ROUND_HALF_UP)
