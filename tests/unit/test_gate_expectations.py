"""The expectations of ours: what they take for valid, by country, and what becomes of a record that is not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.expectations.judgements import (
    country_code,
    is_email_address,
    is_number,
    is_phone_number,
    is_postcode,
    is_tax_number,
)
from ledgerbridge.gates import GateResult, load_suite, run_suite


@pytest.mark.parametrize(
    ("valid", "expected"),
    [
        pytest.param(is_email_address("anna@example.com; b.o@example.co.nz"), True, id="two-addresses"),
        pytest.param(is_email_address(""), True, id="address-cleared"),
        pytest.param(is_email_address("anna@example"), False, id="no-domain"),
        pytest.param(is_email_address("anna example.com"), False, id="no-at"),
        pytest.param(is_phone_number("(617) 555-0142 ", "United States"), True, id="phone-by-name-of-country"),
        pytest.param(is_phone_number("+64 9 373 7999", "nobody knows"), True, id="phone-with-its-country"),
        pytest.param(is_phone_number("12345", "NZ"), False, id="phone-too-short"),
        pytest.param(is_phone_number("12345", "Narnia"), True, id="phone-of-no-country"),
        pytest.param(is_postcode("02110", "USA"), True, id="zip"),
        pytest.param(is_postcode("O2110", "US"), False, id="zip-with-a-letter-o"),
        pytest.param(is_postcode("sw1a 1aa", "United Kingdom"), True, id="postcode-in-small-letters"),
        pytest.param(is_postcode("12", "New Zealand"), False, id="postcode-too-short"),
        pytest.param(is_postcode("anything", "Ireland to be"), True, id="postcode-of-no-country"),
        pytest.param(is_tax_number("53 004 085 616", "Australia"), True, id="abn"),
        pytest.param(is_tax_number("53 004 085 617", "AU"), False, id="abn-with-a-wrong-digit"),
        pytest.param(is_tax_number("DE136695976", "Germany"), True, id="vat"),
        pytest.param(is_tax_number("DE136695977", "DE"), False, id="vat-with-a-wrong-digit"),
        pytest.param(is_tax_number("91-1144442", "US"), True, id="ein"),
        pytest.param(is_tax_number("07-1144442", "US"), False, id="ein-of-no-campus"),
        pytest.param(is_number("GB82 WEST 1234 5698 7654 32", "iban"), True, id="iban"),
        pytest.param(is_number("GB82 WEST 1234 5698 7654 33", "iban"), False, id="iban-with-a-wrong-digit"),
        pytest.param(country_code("united kingdom") == "GB" == country_code("UK"), True, id="country"),
    ],
)
def test_numbers_and_addresses_are_judged_by_the_lists_of_their_authorities(valid: bool, expected: bool) -> None:
    assert valid is expected


def gate(tmp_path: Path, expectation: str, **columns: list[str | None]) -> GateResult:
    path = tmp_path / "suite.yaml"
    path.write_text(f"expectations:\n  - {{{expectation}, remedy: Mend it.}}\n")
    keys = [f"r{number}" for number in range(len(next(iter(columns.values()))))]
    frame = pd.DataFrame({"record_key": keys, **columns}).astype("string[pyarrow]")
    return run_suite(load_suite(path), {"header": frame})


POSTCODE = "expect: expect_column_pair_values_to_be_a_postcode_and_its_country, column: ZIP, beside: COUNTRY"


def test_record_whose_postcode_is_not_its_countrys_is_rejected_and_one_without_is_not_judged(tmp_path: Path) -> None:
    result = gate(tmp_path, POSTCODE, ZIP=["02110", "2110", None, "x", ""], COUNTRY=["US", "US", "US", None, "US"])
    [failure] = result.failures
    assert (failure["record_key"], failure["field"], failure["value"]) == ("r1", "ZIP", "2110")
    assert result.warnings == []


def test_record_that_a_suite_only_warns_of_is_told_and_goes_on(tmp_path: Path) -> None:
    expectation = "expect: expect_column_values_to_be_an_email_address, column: INET1, otherwise: warn"
    result = gate(tmp_path, expectation, INET1=["anna@example.com", "anna", ""])
    assert [each["record_key"] for each in result.warnings] == ["r1"]
    assert result.failures == []
    assert [(each["success"], each["unexpected"]) for each in result.results] == [(False, 1)]


def test_number_of_a_kind_is_judged_by_its_check_digits(tmp_path: Path) -> None:
    expectation = "expect: expect_column_values_to_be_a_number_of_the_kind, column: IBAN, arguments: {kind: iban}"
    result = gate(tmp_path, expectation, IBAN=["GB82WEST12345698765432", "GB82WEST12345698765433", " "])
    assert [each["record_key"] for each in result.failures] == ["r1"]


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        pytest.param(POSTCODE.replace(", beside: COUNTRY", ""), "looks at two fields", id="no-second-field"),
        pytest.param(
            "expect: expect_column_values_to_not_be_null, column: ZIP, beside: COUNTRY",
            "looks at one field",
            id="second-field-too-many",
        ),
        pytest.param(
            "expect: expect_column_values_to_be_a_number_of_the_kind, column: ZIP, arguments: {knd: iban}",
            'Did you mean "kind"',
            id="argument",
        ),
    ],
)
def test_expectation_that_is_written_wrong_is_told_with_its_place(
    tmp_path: Path, expectation: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        gate(tmp_path, expectation, ZIP=["1"], COUNTRY=["US"])
