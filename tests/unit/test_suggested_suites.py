"""Suites suggested of the past: planted errors are told, and good records hardly ever."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from commands.main import main
from ledgerbridge.gates import load_suite, run_suite
from operators.file_checks import suite_problems

_CURRENCIES = ["USD"] * 8 + ["CAD"] * 2


def documents(count: int, seed: int) -> list[dict[str, Any]]:
    """Orders as a shop has them: amounts spread by their logarithm, two currencies, most without a note."""
    dice = random.Random(seed)
    return [
        {
            "header": {
                "record_key": f"{seed}:{number}",
                "SOPNUMBE": f"LBO{seed}{number}",
                "DOCAMNT": f"{Decimal(str(round(10 ** dice.gauss(1.9, 0.4), 2))):.2f}",
                "CURNCYID": dice.choice(_CURRENCIES),
                "CUSTNMBR": f"C{dice.randrange(400)}",
                "CMMTTEXT": "leave at door" if dice.random() < 0.1 else None,
            },
            "lines": [{"record_key": f"{seed}:{number}", "QUANTITY": str(dice.randint(1, 6))}],
        }
        for number in range(count)
    ]


def frames(of: list[dict[str, Any]]) -> dict[str, pd.DataFrame]:
    header = pd.DataFrame([each["header"] for each in of])
    header["DOCAMNT"] = header["DOCAMNT"].map(Decimal)
    lines = pd.DataFrame([row for each in of for row in each["lines"]])
    lines["QUANTITY"] = lines["QUANTITY"].map(Decimal)
    return {"header": header, "lines": lines}


@pytest.fixture
def suite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """What the command makes of two thousand orders."""
    given, path = tmp_path / "documents.json", tmp_path / "orders.yaml"
    given.write_text(json.dumps(documents(2_000, seed=1)))
    assert main(["suggest-suite", str(given)]) == 0
    path.write_text(capsys.readouterr().out)
    return path


def test_a_suggested_suite_is_one_and_only_warns(suite: Path) -> None:
    assert suite_problems(suite) == []
    assert {each.otherwise for each in load_suite(suite).expectations} == {"warn"}


def test_planted_errors_are_told_and_good_records_hardly_ever(suite: Path) -> None:
    good = documents(2_000, seed=2)
    found = run_suite(load_suite(suite), frames(good))
    assert found.failures == []
    assert len({each["record_key"] for each in found.warnings}) <= 2  # one in a thousand
    bad = documents(6, seed=3)
    bad[0]["header"]["DOCAMNT"] = "1000000.00"
    bad[1]["header"]["DOCAMNT"] = "-5.00"
    bad[2]["header"]["CURNCYID"] = "US$"
    bad[3]["header"]["CUSTNMBR"] = None
    bad[4]["header"]["SOPNUMBE"] = bad[5]["header"]["SOPNUMBE"]
    told = {(each["record_key"], each["field"]) for each in run_suite(load_suite(suite), frames(bad)).warnings}
    assert told == {
        ("3:0", "DOCAMNT"), ("3:1", "DOCAMNT"), ("3:2", "CURNCYID"), ("3:3", "CUSTNMBR"), ("3:4", "SOPNUMBE"),
        ("3:5", "SOPNUMBE"),
    }  # fmt: skip


def test_of_few_documents_nothing_is_concluded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = tmp_path / "documents.json"
    given.write_text(json.dumps(documents(20, seed=1)))
    assert main(["suggest-suite", str(given)]) == 2
    assert "LB-SUG-004" in capsys.readouterr().err
