"""Which documents of a ledger the reconciliation compares."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from hooks.systems import gateway_fields
from ledgerbridge.flows import load_company
from ledgerbridge.reconciliation import Booked
from operators.reconcile import _compared

COMPANY = Path(__file__).parents[2] / "include" / "companies" / "main.yaml"
ROLES = {"000-4100-00": "sales", "000-1200-00": "receivables"}


def booked(number: str, day: date, **effects: str) -> Booked:
    amounts = {account.replace("_", "-"): Decimal(amount) for account, amount in effects.items()}
    return Booked(number, "invoice", number, day, amounts)


def test_documents_before_the_first_day_and_on_other_accounts_are_left_out() -> None:
    company = load_company(COMPANY, gateway_fields()).model_copy(update={"books_from": date(2026, 3, 1)})
    sale = {"000_1200_00": "10", "000_4100_00": "-10"}
    before = booked("before", date(2026, 2, 28), **sale)
    first = booked("first", date(2026, 3, 1), **sale)
    payroll = booked("payroll", date(2026, 3, 2), **{"000_9000_00": "5", "000_9100_00": "-5"})
    free = booked("free", date(2026, 3, 2))
    assert _compared([before, first, payroll, free], ROLES, company) == [first, free]


def test_without_a_first_day_everything_on_the_flows_accounts_is_compared() -> None:
    old = booked("old", date(2001, 1, 1), **{"000_1200_00": "10", "000_9100_00": "-10"})
    assert _compared([old], ROLES, load_company(COMPANY, gateway_fields())) == [old]
