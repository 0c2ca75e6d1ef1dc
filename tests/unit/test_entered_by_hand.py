"""What people enter in both ledgers of a gateway's movement is settled where its reference names the movement."""

from __future__ import annotations

import pytest
from kept_ledgers import Company
from sqlalchemy import Engine

LOST = "-53.77"
DISPUTE = "du_1@main"
"""The gateway's id of it."""


@pytest.fixture
def company(state_db: Engine) -> Company:
    """Money that the gateway took, and that no document of ours stands for."""
    company = Company(state_db, "main")
    company.stripe.charge("du_1", LOST)
    return company


def differences(company: Company) -> list[str]:
    return sorted({each.type for each in company.reconcile().differences if not each.explained})


def test_a_movement_entered_in_both_ledgers_under_its_id_is_settled(company: Company) -> None:
    assert differences(company) == ["money without document"]
    for ledger in company.ledgers:
        ledger.enter(f"dispute {DISPUTE}", LOST)
    assert differences(company) == []
    assert differences(company) == []  # and stays so


def test_what_comes_back_of_it_is_settled_by_an_entry_under_a_reference_of_its_own(company: Company) -> None:
    company.stripe.charge("du_1_won", "53.77", of="du_1")
    for ledger in company.ledgers:
        ledger.enter(f"dispute {DISPUTE}", LOST)
    assert differences(company) == ["amount"]
    for ledger in company.ledgers:
        ledger.enter(f"{DISPUTE} won", "53.77")
    assert differences(company) == []


def test_a_movement_entered_in_one_ledger_alone_is_missing_in_the_other(company: Company) -> None:
    company.gp.enter(f"dispute {DISPUTE}", LOST)
    assert differences(company) == ["missing in xero"]


def test_another_amount_than_was_moved_is_found(company: Company) -> None:
    for ledger in company.ledgers:
        ledger.enter(f"dispute {DISPUTE}", "-50.00")
    assert differences(company) == ["amount"]


def test_entries_that_do_not_name_it_settle_nothing(company: Company) -> None:
    for ledger in company.ledgers:
        ledger.enter("dispute of March", LOST)
    assert differences(company) == ["missing in gp", "missing in xero", "money without document"]
