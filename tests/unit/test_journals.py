"""Entries of GP's general ledger as Xero gets them: which are carried, on which accounts, and what stops one."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mapping_runs import NOW, NoState
from sent_documents import SentInMemory

from ledgerbridge.canonical.rules import of_general_ledger
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, map_canonical, nested_records

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
ACCOUNTS: dict[str, dict[str, str | None]] = {
    "RENT": {"role": "rent", "xero": "404"},
    "ACCRUED": {"role": "accruals", "xero": "828"},
    "AR": {"role": "receivables", "xero": "610"},
    "AP": {"role": "vendors", "xero": "800"},
    "BANK": {"role": "bank", "xero": "090"},
    "EARNED": {"role": "equity", "xero": "960"},
    "STOCK": {"role": "inventory", "xero": None},
}
HASH = "ABCDEFGHIJKLMNOPQRST"
LIVE: dict[str, dict[str, Any]] = {
    "404": {"Type": "EXPENSE", "SystemAccount": None},
    "828": {"Type": "CURRLIAB", "SystemAccount": None},
    "800": {"Type": "CURRLIAB", "SystemAccount": "CREDITORS"},
    "090": {"Type": "BANK", "SystemAccount": None},
    "960": {"Type": "EQUITY", "SystemAccount": "RETAINEDEARNINGS"},
}


def line(account: str, amount: str, **fields: Any) -> dict[str, Any]:
    value = Decimal(amount)
    sides = {"DEBITAMT": f"{max(value, Decimal(0)):.5f}", "CRDTAMNT": f"{max(-value, Decimal(0)):.5f}"}
    return {"ACTNUMST": account, "ACCTTYPE": "1", "DSCRIPTN": "Shop", **sides, **fields}


def entry(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    common = {"JRNENTRY": "1042", "RCTRXSEQ": "0.00000", "OPENYEAR": "2026", "SOURCDOC": "GJ", "SERIES": "2"}
    common |= {"REFRENCE": "Accrue rent", "TRXDATE": "2026-03-02T00:00:00", "VOIDED": "0", "Original_JE": "0"}
    return {**common, "Line": list(lines or (line("RENT", "9.50"), line("ACCRUED", "-9.50"))), **fields}


def conformed(folder: Path, *payloads: dict[str, Any]) -> tuple[Mapped, Lookups]:
    known: Any = {"accounts_gp": ACCOUNTS}
    asked = Lookups(
        folder,
        known,
        NoState(),
        lambda _, keys, __: {key: LIVE[key] for key in keys if key in LIVE},
        "America/New_York",
    )
    records = nested_records(list(payloads), [f"k{n}" for n in range(len(payloads))], [NOW] * len(payloads))
    return load_mapping(MAPPINGS / "gp_journal_entry_to_journal.yaml").run(records, asked), asked


def journals(folder: Path, *payloads: dict[str, Any]) -> dict[str, pd.DataFrame]:
    mapped, asked = conformed(folder, *payloads)
    assert mapped.failures.empty
    return map_canonical(load_mapping(MAPPINGS / "journal_to_xero_manual_journal.yaml"), mapped.frames, asked).frames


def test_an_entry_is_a_journal_in_base_currency_that_names_it(tmp_path: Path) -> None:
    foreign = entry(CURNCYID="GBP", XCHGRATE="1.2500000")
    frames = journals(tmp_path, foreign)
    header = frames["header"].to_dict("records")[0]
    assert (header["Narration"], str(header["Date"])) == ("Accrue rent (GP entry 1042)", "2026-03-02")
    assert (header["Status"], header["LineAmountTypes"]) == ("POSTED", "NoTax")
    rows = frames["lines"].to_dict("records")
    assert [(row["AccountCode"], row["LineAmount"], row["TaxType"]) for row in rows] == [
        ("404", Decimal("9.50"), "NONE"),
        ("828", Decimal("-9.50"), "NONE"),
    ]


@pytest.mark.parametrize(
    ("fields", "narration"),
    [
        ({"RCTRXSEQ": "2.00000"}, "Accrue rent (GP entry 1042-2)"),
        ({"REFRENCE": ""}, "(GP entry 1042)"),
        ({"REFRENCE": f"LB fee {HASH}", "Original_JE": "1041"}, f"LB fee {HASH} (GP entry 1042)"),
        ({"REFRENCE": "LB shop fees of March"}, "LB shop fees of March (GP entry 1042)"),
    ],
    ids=["recurring", "without-reference", "backs-ours-out", "looks-like-ours"],
)  # fmt: skip
def test_each_posting_of_an_entry_has_a_narration_of_its_own(
    tmp_path: Path, fields: dict[str, str], narration: str
) -> None:
    assert list(journals(tmp_path, entry(**fields))["header"]["Narration"]) == [narration]


@pytest.mark.parametrize(
    "fields",
    [{"SOURCDOC": "BBF"}, {"SOURCDOC": "P/L"}, {"VOIDED": "1"}, {"REFRENCE": "LB gateway 7KQJ3ZBV5M2N4P6R8T1"}],
    ids=["year-end", "year-end-result", "voided", "ours"],
)
def test_what_is_no_entry_of_people_is_left_out(tmp_path: Path, fields: dict[str, str]) -> None:
    mapped, _ = conformed(tmp_path, entry(**fields))
    assert (len(mapped.frames["header"]), len(mapped.failures)) == (0, 0)


def test_lines_without_money_are_left_out_and_an_entry_of_them_needs_no_journal(tmp_path: Path) -> None:
    units = line("RENT", "4", ACCTTYPE="2")
    mapped, _ = conformed(tmp_path, entry(units), entry(units, line("RENT", "1"), line("ACCRUED", "-1")))
    assert len(mapped.frames["distributions"]) == 2
    ruled = of_general_ledger(mapped.frames, SentInMemory())
    assert (ruled.superseded, list(ruled.frames["header"]["record_key"])) == ({"k0": "it moves no money"}, ["k1"])


@pytest.mark.parametrize(
    ("account", "remedy"),
    [
        ("AR", "an invoice, credit or receipt of the customer"),
        ("AP", "a bill, credit or payment of the supplier"),
        ("BANK", "money spent or received, or as a transfer"),
        ("EARNED", "by hand, on an account that it lets journals use"),
    ],
)
def test_an_account_that_others_keep_stops_the_entry_once_with_its_remedy(
    tmp_path: Path, account: str, remedy: str
) -> None:
    mapped, _ = conformed(tmp_path, entry(line("RENT", "9"), line(account, "-4"), line(account, "-5")))
    ruled = of_general_ledger(mapped.frames, SentInMemory())
    [failure] = ruled.failures
    assert (failure["record_key"], failure["code"], failure["value"]) == ("k0", "LB-CAN-008", account)
    assert remedy in failure["remedy"]
    assert all(frame.empty for frame in ruled.frames.values())


@pytest.mark.parametrize("account", ["STOCK", "NOBODY"])
def test_an_account_that_has_no_counterpart_is_rejected_with_the_file_to_mend(tmp_path: Path, account: str) -> None:
    mapped, _ = conformed(tmp_path, entry(line("RENT", "9"), line(account, "-9")))
    [failure] = mapped.failures.to_dict("records")
    assert "a line under `accounts` in the company's file" in failure["remedy"]
