"""The rules worked out by a second hand: it must come to what the golden files say, before it may judge the ledgers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.flows.expected_books import expect_books, expect_case

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"


@pytest.fixture(params=["plain.json", "cases.json"])
def file(request: pytest.FixtureRequest) -> dict[str, Any]:
    path = GOLDEN / request.param
    if not path.exists():
        pytest.skip(f"{path} is not here: the golden orders belong to the workplace, not to the project")
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_each_golden_case_is_expected_as_the_file_says(file: dict[str, Any]) -> None:
    assert {case["id"]: expect_case(case, file) for case in file["cases"]} == {
        case["id"]: case["expect"] for case in file["cases"]
    }


def test_books_of_all_cases_and_payouts_are_those_of_the_file(file: dict[str, Any]) -> None:
    assert expect_books(file, (expect_case(case, file) for case in file["cases"])) == file["books"]
