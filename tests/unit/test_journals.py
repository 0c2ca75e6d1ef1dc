"""Entries of GP's general ledger as Xero gets them: whole, which are carried, on which accounts, what stops one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
from mapping_runs import NOW, NoState
from sent_documents import SentInMemory
from sqlalchemy import Engine

from hooks.gp.econnect.currencies import Currencies
from hooks.gp.econnect.entities import Site
from hooks.gp.econnect.ledger import JournalEntry
from ledgerbridge.canonical.rules import Ruled, of_general_ledger, summarise
from ledgerbridge.canonical.sent import Summarised
from ledgerbridge.entities import Window
from ledgerbridge.errors import TransientError
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, map_canonical, nested_records
from ledgerbridge.state import transaction
from ledgerbridge.state.companies import MAIN
from ledgerbridge.state.summaries import keep_summarised, summaries_of

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
    known: Any = {"accounts_gp": ACCOUNTS, "company": {}}
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


SUMMARIES = "xero.manual_journal"


def summed_up(folder: Path, sent: SentInMemory, *payloads: dict[str, Any], carried_as: str = "day") -> Ruled:
    mapped, _ = conformed(folder, *payloads)
    header = mapped.frames["header"].assign(carried_as=carried_as)
    return summarise({**mapped.frames, "header": header}, sent, documents=SUMMARIES)


def test_what_is_in_a_summary_stays_in_it_and_goes_again_whole(tmp_path: Path) -> None:
    sent = SentInMemory()
    first = summed_up(tmp_path, sent, entry(JRNENTRY="1"), entry(line("RENT", "2"), line("ACCRUED", "-2")))
    sent.summarised_entries = first.summarised
    [summary] = first.made_of
    again = summed_up(tmp_path, sent, entry(JRNENTRY="1"))
    assert again.made_of == {summary: ["k0"]}
    assert again.frames["header"].equals(first.frames["header"])
    assert again.frames["distributions"].equals(first.frames["distributions"])
    assert list(again.frames["distributions"]["amount"]) == [Decimal("11.50"), Decimal("-11.50")]


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "not-yet"])
def test_an_entry_that_changed_is_a_letter_once_its_summary_was_sent(tmp_path: Path, *, arrived: bool) -> None:
    sent = SentInMemory()
    sent.summarised_entries = summed_up(tmp_path, sent, entry()).summarised
    if arrived:
        sent.add(SUMMARIES, record_key=sent.summarised_entries[0].summary)
    ruled = summed_up(tmp_path, sent, entry(line("RENT", "9.51"), line("ACCRUED", "-9.51")))
    assert [(each["record_key"], each["code"]) for each in ruled.failures] == [("k0", "LB-CAN-011")] * arrived
    amounts = list(ruled.frames["distributions"]["amount"])
    assert amounts == ([] if arrived else [Decimal("9.51"), Decimal("-9.51")])


def test_an_entry_that_went_by_itself_stays_so(tmp_path: Path) -> None:
    sent = SentInMemory()
    sent.add(SUMMARIES, record_key="k0")
    ruled = summed_up(tmp_path, sent, entry(), entry(JRNENTRY="2"))
    assert [*ruled.frames["header"]["label"]] == ["1042", "1 entry: 2"]


def test_a_setting_that_there_is_not_is_a_letter(tmp_path: Path) -> None:
    ruled = summed_up(tmp_path, SentInMemory(), entry(), carried_as="week")
    assert [(each["code"], each["value"]) for each in ruled.failures] == [("LB-CAN-010", "week")]
    assert ruled.frames["header"].empty


def test_of_two_runs_that_sum_up_one_entry_the_first_is_right(state_db: Engine) -> None:
    def taken(summary: str) -> Summarised:
        return Summarised(SUMMARIES, "k0", summary, "1042", date(2026, 3, 2), [["RENT", "404", "", "9.50"]])

    with transaction(state_db) as session:
        keep_summarised(session, MAIN, [taken("first")])
    with pytest.raises(TransientError, match="LB-STA-009"), transaction(state_db) as session:
        keep_summarised(session, MAIN, [taken("second")])
    with transaction(state_db) as session:
        assert summaries_of(session, SUMMARIES, ["k0"]) == {"k0": "first"}


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


class Pages:
    """GP's requester, over rows: as many a page as one is told, and whole entries when asked by number."""

    def __init__(self, rows: list[dict[str, Any]], per_page: int) -> None:
        self.rows, self.per_page = rows, per_page

    def pages(self, doctype: str, where: str, *, key: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        rows = self.rows if doctype == "GL_Open_Trans" else []
        for start in range(0, len(rows), self.per_page):
            yield rows[start : start + self.per_page]

    def by_keys(self, doctype: str, column: str, keys: Sequence[str], **_: Any) -> list[dict[str, Any]]:
        return [row for row in self.rows if row.get(column) in keys]


def test_an_entry_that_a_page_ends_within_is_read_once_and_whole() -> None:
    rows = [
        {"JRNENTRY": "1042", "RCTRXSEQ": "0.00000", "OPENYEAR": "2026", "TRXDATE": day, "ACTINDX": str(account)}
        | {"SEQNUMBR": str(account), "DEX_ROW_TS": f"2026-04-01T10:00:0{account}"}
        for day in ("2026-03-31T00:00:00", "2026-04-01T00:00:00")
        for account in (1, 2, 3)
    ]
    reader: Any = Pages(rows, per_page=2)
    site = Site(client=cast(Any, None), reader=reader, company="HLS", currencies=Currencies({}), max_parallel=1)
    records = [record for page in JournalEntry(site).read(Window(None, None)) for record in page]
    assert [(record.key, len(record.payload["Line"]), record.version) for record in records] == [
        ("gp:HLS:journal_entry:1042-2026-0-2026-03-31", 3, "2026-04-01T10:00:03"),
        ("gp:HLS:journal_entry:1042-2026-0-2026-04-01", 3, "2026-04-01T10:00:03"),
    ]
