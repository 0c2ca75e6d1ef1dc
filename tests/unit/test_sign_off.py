"""A period that people signed: whose signatures count, and whatever changes in it later is found by the next pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from kept_ledgers import Company
from sqlalchemy import Engine, select

from ledgerbridge.audit import Actor
from ledgerbridge.closing import propose, reopen, sign, sign_offs, tell_changed
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.reconciliation import Period
from ledgerbridge.reconciliation.signed import look_again, period_name
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AlertRow, AuditEntry, SignedDocument, SignOff

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
ACTOR = Actor("main", "", "close-1", "sign_1")
APRIL = 35
"""Days from the ledgers' first day on."""


class Books:
    """A company's books, the person who closes them, and what people are told."""

    def __init__(self, state: Engine) -> None:
        self.company = Company(state, "main")
        for each in self.company.ledgers:
            each.invoice("1", "100.00")
            each.invoice("2", "50.00", day=APRIL)
        self.company.deliver("shop:s:order:1", ("gp", "invoice-1"), ("xero", "invoice-1"))
        self.company.deliver("shop:s:order:2", ("gp", "invoice-2"), ("xero", "invoice-2"))
        self.passes()

    @property
    def engine(self) -> Engine:
        return self.company.engine

    def propose(self, report: str = "a" * 64) -> int:
        with transaction(self.engine) as session:
            return propose(session, ACTOR, "main", MARCH, ["main"], report_hash=report, report_url="file:///report")

    def sign(self, number: int, by: str = "anna", needed: int = 1, note: str | None = None) -> str:
        with transaction(self.engine) as session:
            return sign(session, ACTOR, number, by=by, name=by.title(), note=note, needed=needed).state

    def passes(self, *, anew: bool = False) -> list[tuple[str, str, str, str]]:
        """A pass of the reconciliation; type, ledger, number and value of what is news of signed periods."""
        self.company.reconcile(anew=anew)
        with transaction(self.engine) as session:
            changed = look_again(session, ACTOR, "main")
            tell_changed(session, "main", "main", changed)
            return [
                (each["type"], each["ledger"], each["number"], each["value"]) for row in changed for each in row.changes
            ]

    def alerts(self) -> list[tuple[str, str, int]]:
        """Kind, period and number of times of the alerts that go on."""
        with transaction(self.engine) as session:
            rows = session.scalars(select(AlertRow).where(AlertRow.ended_at.is_(None)))
            return [(each.kind, each.leg, each.times) for each in rows]

    def acts(self) -> list[str]:
        with transaction(self.engine) as session:
            of_periods = select(AuditEntry.action).where(AuditEntry.entity == "sign_off").order_by(AuditEntry.id)
            return list(session.scalars(of_periods))

    def states(self) -> list[str]:
        with transaction(self.engine) as session:
            return [each.state for each in sign_offs(session, "main")]


@pytest.fixture
def books(state_db: Engine) -> Books:
    return Books(state_db)


@pytest.fixture
def signed(books: Books) -> Books:
    assert books.sign(books.propose()) == "signed"
    return books


LATE: dict[str, tuple[Callable[[Books], object], list[tuple[str, str, str, str]]]] = {
    "late entry in the first ledger": (
        lambda books: books.company.gp.invoice("3", "30.00"), [("late entry", "gp", "3", "40.00")]
    ),
    "late entry in the second ledger": (
        lambda books: books.company.xero.invoice("3", "30.00"), [("late entry", "xero", "3", "40.00")]
    ),
    "amount": (lambda books: books.company.gp.invoice("1", "90.00"), [("amount", "gp", "1", "13.33")]),
    "taken away": (lambda books: books.company.xero.void("invoice-1"), [("deleted", "xero", "1", "133.33")]),
    "moved out of it": (
        lambda books: books.company.xero.invoice("1", "100.00", day=APRIL), [("date", "xero", "1", "133.33")]
    ),
    "moved into it": (
        lambda books: books.company.gp.invoice("2", "50.00", day=3), [("late entry", "gp", "2", "66.67")]
    ),
    "moved within it": (
        lambda books: books.company.gp.invoice("1", "100.00", day=3), [("date", "gp", "1", "133.33")]
    ),
    "entry of another month": (lambda books: books.company.gp.invoice("4", "9.00", day=APRIL), []),
    "money for it in another month": (
        lambda books: books.company.gp.table.write(
            "payment-p", kind="payment", number="p", settles="1", amount="100.00", status="posted", day=APRIL
        ),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LATE)
def test_what_changes_in_a_signed_period_is_an_alert_and_nothing_else_is(signed: Books, name: str) -> None:
    change, expected = LATE[name]
    assert signed.passes() == []
    change(signed)
    assert signed.passes() == expected
    told = [("signed period", "2026-03", 1)] if expected else []
    assert signed.alerts() == told
    for anew in (False, True):
        assert signed.passes(anew=anew) == [], "told once"
    assert signed.alerts() == told


def test_another_account_is_told_as_such(signed: Books) -> None:
    signed.company.gp.accounts["receivables"] = "1201"
    assert signed.passes() == [("account", "gp", "1", "133.33")]


def test_however_many_changes_were_told_one_more_is_told_again(signed: Books) -> None:
    for number in range(10, 112):
        signed.company.gp.invoice(f"{number}", "1.00")
    assert len(signed.passes()) == 102
    signed.company.gp.invoice("999", "1.00")
    assert len(signed.passes()) == 103


def test_what_is_taken_back_ends_the_alert(signed: Books) -> None:
    signed.company.gp.invoice("3", "30.00")
    signed.passes()
    signed.company.gp.void("invoice-3")
    assert signed.passes() == []
    assert signed.alerts() == []
    assert signed.acts()[-2:] == ["period-changed", "period-restored"]


def test_two_people_sign_and_one_of_them_does_not_count_twice(books: Books) -> None:
    number = books.propose()
    assert books.sign(number, "anna", needed=2) == "proposed"
    with pytest.raises(LedgerbridgeError, match=r"LB-CLS-003 Anna has signed 2026-03 already"):
        books.sign(number, "anna", needed=2)
    assert books.sign(number, "ben", needed=2) == "signed"
    assert books.acts() == ["period-reported", "period-signature", "period-signature", "period-signed"]
    with transaction(books.engine) as session:
        row = session.scalars(select(SignOff)).one()
        assert [each["by"] for each in row.signatures] == ["anna", "ben"]
        entries = session.scalars(select(AuditEntry).where(AuditEntry.entity == "sign_off"))
        assert {each.content_hash for each in entries} == {"a" * 64}


def test_a_report_of_books_that_changed_is_not_signed(books: Books) -> None:
    number = books.propose()
    books.company.gp.invoice("3", "30.00")
    books.passes()
    with pytest.raises(LedgerbridgeError, match=r"LB-CLS-002 the books of 2026-03 changed .*: late entry 40.00: gp"):
        books.sign(number)
    assert books.sign(books.propose("b" * 64)) == "signed"
    with pytest.raises(LedgerbridgeError, match="LB-CLS-001"):
        books.sign(number + 1)


def test_a_period_is_opened_by_a_person_and_signed_again(signed: Books) -> None:
    signed.company.gp.invoice("3", "30.00")
    signed.passes()
    with transaction(signed.engine) as session:
        reopen(session, ACTOR, "main", MARCH, by="anna", reason="a bill came late")
    assert signed.passes() == []
    assert signed.alerts() == []
    with transaction(signed.engine) as session:
        assert session.scalars(select(SignedDocument)).all() == []
        with pytest.raises(LedgerbridgeError, match="LB-CLS-004"):
            reopen(session, ACTOR, "main", MARCH, by="anna", reason="again")
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "period-reopened")).one()
        assert told.details == {"by": "anna", "reason": "a bill came late"}
    assert signed.sign(signed.propose("b" * 64)) == "signed"
    assert signed.passes() == []
    assert signed.states() == ["signed", "reopened"]


def test_a_later_signature_takes_the_place_of_the_one_before(signed: Books) -> None:
    signed.company.gp.invoice("3", "30.00")
    signed.passes()
    assert signed.sign(signed.propose("b" * 64)) == "signed"
    assert signed.passes() == []
    assert signed.alerts() == []
    assert signed.states() == ["signed", "superseded"]


@pytest.mark.parametrize(
    ("period", "name"),
    [
        ((date(2026, 2, 1), date(2026, 2, 28)), "2026-02"),
        ((date(2026, 2, 1), date(2026, 2, 27)), "2026-02-01 to 2026-02-27"),
        ((date(2026, 3, 1), date(2026, 3, 31)), "2026-03"),
        ((date(2026, 1, 1), date(2026, 3, 31)), "2026-01-01 to 2026-03-31"),
    ],
)
def test_a_month_is_named_as_one(period: tuple[Any, Any], name: str) -> None:
    assert period_name(*period) == name
