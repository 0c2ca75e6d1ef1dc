"""Opening balances as one journal of the other ledger: which accounts are on it, against what, what stops it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ledgerbridge.canonical.opening import Opening, opening_journal
from ledgerbridge.errors import ConfigurationError

ACCOUNTS: list[dict[str, str | None]] = [
    {"role": "rent", "one": "R", "other": "404"},
    {"role": "salaries", "one": "N", "other": "477", "tracking": "North"},
    {"role": "salaries", "one": "S", "other": "477", "tracking": "South"},
    {"role": "bank", "one": "B", "other": "090"},
    {"role": "receivables", "one": "D", "other": "610"},
    {"role": "equity", "one": "E", "other": "960"},
    {"role": "inventory", "one": "I", "other": None},
    {"role": "opening_balances", "one": None, "other": "840"},
]


def taken(balances: dict[str, str], accounts: list[dict[str, str | None]] = ACCOUNTS) -> Opening:
    amounts = {account: Decimal(amount) for account, amount in balances.items()}
    return opening_journal(amounts, accounts, ("one", "other"), {"960"}, "key", date(2025, 12, 31))


def test_what_journals_may_not_be_on_is_in_sum_against_one_account() -> None:
    opening = taken({"R": "10.00", "N": "3.00", "S": "4.00", "B": "-9.00", "D": "2.00", "E": "-10.00"})
    assert [(each["code"], each["tracking"], each["amount"]) for each in opening.lines] == [
        ("477", "North", Decimal("3.00")),
        ("404", None, Decimal("10.00")),
        ("477", "South", Decimal("4.00")),
        ("840", None, Decimal("-17.00")),
    ]
    assert opening.left == {"B": Decimal("-9.00"), "D": Decimal("2.00"), "E": Decimal("-10.00")}
    assert sum(each["amount"] for each in opening.lines) == 0


def test_accounts_that_hold_nothing_need_no_account_there() -> None:
    assert taken({"I": "0.00", "R": "5.00", "N": "-5.00"}).left == {}


@pytest.mark.parametrize(
    ("balances", "without", "named"),
    [
        pytest.param({"I": "5.00", "R": "-5.00"}, "", "I holds 5.00", id="an account"),
        pytest.param({"X": "5.00", "R": "-5.00"}, "", "X holds 5.00", id="one nobody told of"),
        pytest.param({"B": "5.00", "R": "-5.00"}, "opening_balances", "the role opening_balances", id="the role"),
    ],
)
def test_an_amount_without_an_account_there_stops_it(balances: dict[str, str], without: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as raised:
        taken(balances, [each for each in ACCOUNTS if each["role"] != without])
    assert raised.value.code == "LB-CFG-030"
