"""The rules worked out by a second hand: it must come to what the golden files say, before it may judge the ledgers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.expected_books import expect_books, expect_case
from tests.golden import golden_file


@pytest.fixture(params=["plain.json", "cases.json"])
def file(request: pytest.FixtureRequest) -> dict[str, Any]:
    return golden_file(request.param)


def test_each_golden_case_is_expected_as_the_file_says(file: dict[str, Any]) -> None:
    assert {case["id"]: expect_case(case, file) for case in file["cases"]} == {
        case["id"]: case["expect"] for case in file["cases"]
    }


def test_books_of_all_cases_and_payouts_are_those_of_the_file(file: dict[str, Any]) -> None:
    assert expect_books(file, (expect_case(case, file) for case in file["cases"])) == file["books"]
