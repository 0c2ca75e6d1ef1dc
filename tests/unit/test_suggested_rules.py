"""Rules told by values: records of two systems, which know some of the same, tell what makes the one's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.mapping_rules import CASES, told_rules
from commands.main import main
from ledgerbridge.mapping.engine import check_mapping_file

ENTITIES = """
till.sale:
  header:
    cashier: text(40) who sold
    part_a: text(30)
    part_b: text(30)
    ledger_account: text(20) account
  rows[]:
    tax: text(10) tax code
books.customer:
  header:
    CUSTNAME: text(64)! name of the customer
    CURNCYID: text(15) currency
    ACTNUMST: text(75) natural account
    SALESPERSON: text(20) who sold
"""


def test_rules_that_made_the_targets_values_are_told_and_none_where_there_is_none() -> None:
    case = next(each for each in CASES if each.source == "quickbooks.customer")
    told = told_rules(case, seed=5)
    assert all(right for _, _, right in told.values())
    assert {path for path, (kind, _, _) in told.items() if kind not in ("same", "confirmed")} == set(case.rules)


def test_rules_stand_in_the_draft_as_comments_and_pass_the_check_once_they_are_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sales = [
        {
            "cashier": f"C{at % 9}",
            "part_a": f"Ann{at}",
            "part_b": f"Lee{at % 30}",
            "ledger_account": f"000-4{at % 5}00-00",
        }
        for at in range(60)
    ]
    customers = [
        {
            "CUSTNAME": f"Ann{at} Lee{at % 30}",
            "CURNCYID": "USD",
            "ACTNUMST": f"4{at % 5}00",
            "SALESPERSON": f"C{at % 9}",
        }
        for at in range(20, 80)
    ]
    files = {"fields.yaml": ENTITIES, "sales.json": json.dumps(sales), "customers.json": json.dumps(customers)}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    given = ["--fields", "fields.yaml", "--samples", "sales.json", "--made", "customers.json", "--out", "draft.yaml"]
    paths = [str(tmp_path / each) if "." in each else each for each in given]
    assert main(["suggest", "till.sale", "books.customer", *paths, "--include", str(tmp_path)]) == 0
    assert 'template: {template: "{part_a} {part_b}"}, 67% by values' in capsys.readouterr().out
    draft = (tmp_path / "draft.yaml").read_text()
    rules = [
        '# CUSTNAME: {template: "{part_a} {part_b}"}',
        "# CURNCYID: {value: USD}",
        "# ACTNUMST: {segment: {of: ledger_account, take: 2}}",
        "# SALESPERSON: cashier",
    ]
    for rule in rules:
        assert f"  {rule}\n" in draft
        draft = draft.replace(f"  {rule}\n", f"  {rule.removeprefix('# ')}\n")
    (tmp_path / "taken.yaml").write_text(draft.replace("  fields: {}\n", ""))
    assert check_mapping_file(tmp_path / "taken.yaml")[0].problems == []
