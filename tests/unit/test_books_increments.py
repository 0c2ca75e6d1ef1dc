"""Reconciling what changed comes to the same as reconciling everything, whatever happened in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kept_ledgers import Company, Ledger
from sqlalchemy import Engine, func, select, update

from ledgerbridge.reconciliation.retention import forget_books
from ledgerbridge.state import transaction
from ledgerbridge.state.models import BooksDocument, BooksRecord, Delivery

Event = Callable[[Company], object]
_names = count()


def ledger(company: Company, side: int) -> Ledger:
    return company.ledgers[side]


def both(company: Company, number: str, amount: str = "100.00") -> None:
    """An invoice that was delivered to both ledgers."""
    for each in company.ledgers:
        each.invoice(number, amount)
    company.deliver(f"shop:s:order:{number}", *((each.name, f"invoice-{number}") for each in company.ledgers))


def paid(company: Company, number: str, part: str, amount: str) -> None:
    """Money that the gateway took and both ledgers booked."""
    company.stripe.charge(f"ch-{part}", amount)
    for each in company.ledgers:
        each.pay(number, part, amount)
    sent = [(each.name, f"payment-{part}") for each in company.ledgers]
    company.deliver(f"stripe:t:charge:{part}", *sent, payment_id=f"ch-{part}")


NUMBERS = st.sampled_from(["1", "2", "3"])
PARTS = st.sampled_from(["a", "b", "c", "d"])
AMOUNTS = st.sampled_from(["100.00", "33.33", "33.34", "50.01", "49.99"])
SIDES = st.sampled_from([0, 1])
EVENTS: st.SearchStrategy[tuple[str, Event]] = st.one_of(
    st.builds(lambda n, a: (f"invoice {n} {a} in both", lambda c: both(c, n, a)), NUMBERS, AMOUNTS),
    st.builds(
        lambda s, n, a, late: (f"invoice {n} {a} in {s} {late}", lambda c: ledger(c, s).invoice(n, a, late=late)),
        SIDES, NUMBERS, AMOUNTS, st.booleans(),
    ),
    st.builds(lambda s, n, p, a: (f"{a} as {p} on {n} in {s}", lambda c: ledger(c, s).pay(n, p, a)),
              SIDES, NUMBERS, PARTS, AMOUNTS),
    st.builds(lambda n, p, a: (f"{a} as {p} on {n} in both", lambda c: paid(c, n, p, a)), NUMBERS, PARTS, AMOUNTS),
    st.builds(lambda s, n: (f"void invoice {n} in {s}", lambda c: ledger(c, s).void(f"invoice-{n}")), SIDES, NUMBERS),
    st.builds(lambda s, p: (f"void payment {p} in {s}", lambda c: ledger(c, s).void(f"payment-{p}")), SIDES, PARTS),
    st.builds(lambda n: (f"deliver {n}", lambda c: c.deliver(
        f"shop:s:order:{n}", ("gp", f"invoice-{n}"), ("xero", f"invoice-{n}"))), NUMBERS),
    st.builds(lambda p, a: (f"charge {p} {a}", lambda c: c.stripe.charge(f"ch-{p}", a)), PARTS, AMOUNTS),
    st.builds(lambda p, a: (f"give {a} back of {p}", lambda c: c.stripe.charge(f"re-{p}", f"-{a}", of=f"ch-{p}")),
              PARTS, AMOUNTS),
    st.just(("reconcile", lambda c: c.reconcile())),
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(EVENTS, min_size=3, max_size=25))
def test_increments_come_to_what_a_reading_of_everything_comes_to(
    state_db: Engine, history: list[tuple[str, Event]]
) -> None:
    company = Company(state_db, f"c{next(_names)}")
    for _, happen in history:
        happen(company)
    by_increments = company.reconcile().to_json()
    again = company.reconcile().to_json()
    assert company.reconcile(anew=True).to_json() == by_increments == again
    fresh = Company(state_db, f"c{next(_names)}")
    for name, happen in history:
        if name != "reconcile":
            happen(fresh)
    at_once = fresh.reconcile().to_json()
    assert _without_scope(at_once) == _without_scope(by_increments)


def _without_scope(result: dict[str, Any]) -> list[Any]:
    told = [(each["type"], each["role"], each["value"], each["explained"]) for each in result["differences"]]
    return [result["agree"], result["roles"], result["figures"], sorted(told)]


@pytest.fixture
def company(state_db: Engine) -> Company:
    """A company with thirty invoices, each paid, on which both ledgers agree."""
    company = Company(state_db, "main")
    for number in range(30):
        both(company, f"{number}", "100.00")
        paid(company, f"{number}", f"{number}", "100.00")
    result = company.reconcile()
    assert [str(each) for each in result.differences if not each.explained] == []
    return company


def due(company: Company) -> int:
    with transaction(company.engine) as session:
        counted = session.scalar(select(func.count()).where(BooksDocument.due.is_not(None)))
        undone = session.scalar(select(func.count()).where(BooksRecord.due.is_not(None)))
    return (counted or 0) + (undone or 0)


def test_documents_that_agree_are_not_looked_at_again(company: Company) -> None:
    assert due(company) == 0


def test_a_pass_asks_only_for_what_changed(company: Company) -> None:
    before = company.gp.table.given
    company.clock.now += company.clock.now - company.clock.now.replace(hour=7)
    company.gp.invoice("7", "90.00")
    result = company.reconcile()
    assert company.gp.table.asked[-1] is not None
    assert company.gp.table.given - before < 30
    told = [(each.type, each.role, f"{each.value:.2f}") for each in result.differences if not each.explained]
    assert ("amount", "sales", "13.33") in told


def test_a_company_sees_nothing_of_another_one(company: Company) -> None:
    other = Company(company.engine, "other")
    other.gp.invoice("1", "5.00")
    assert len([each for each in other.reconcile().differences if each.type == "missing in xero"]) == 2
    assert company.reconcile().agree


def test_what_documents_are_made_by_changes_and_all_are_made_anew_without_being_read(company: Company) -> None:
    for each in company.ledgers:
        each.accounts["receivables"] = "1201"
    given = company.gp.table.given
    result = company.reconcile()
    assert result.roles["account 1201"][0] == result.roles["account 1201"][1]
    assert "receivables" not in result.roles
    assert company.gp.table.given - given < 65
    assert company.gp.table.asked[-1] is not None


def test_a_worker_with_nothing_on_its_disk_goes_on_where_another_one_was(company: Company) -> None:
    """Everything is in the state database: nothing but its address is handed from one pass to the next."""
    elsewhere = Company(company.engine, company.name)
    elsewhere.clock, elsewhere.gp.table, elsewhere.xero.table, elsewhere.stripe.table = (
        company.clock, company.gp.table, company.xero.table, company.stripe.table,
    )  # fmt: skip
    assert elsewhere.reconcile().to_json() == company.reconcile().to_json()
    assert None not in elsewhere.gp.table.asked[1:]


def purge(company: Company) -> int:
    """A year later."""
    with transaction(company.engine) as session:
        session.execute(update(Delivery).values(updated_at=datetime(2026, 3, 2, tzinfo=UTC)))
        return forget_books(session, datetime(2026, 6, 1, tzinfo=UTC))


def contents(company: Company) -> int:
    with transaction(company.engine) as session:
        rows = session.scalars(select(BooksDocument.content)).all() + session.scalars(select(BooksRecord.payload)).all()
    return len([each for each in rows if each is not None])


def test_after_a_purge_the_sums_are_as_before_and_nothing_is_read_again(company: Company) -> None:
    before = company.reconcile().to_json()
    assert purge(company) == 120
    assert contents(company) == 0
    assert company.reconcile().to_json() == before
    assert company.gp.table.asked[-1] is not None


def test_what_differs_or_is_open_is_not_purged(company: Company) -> None:
    both(company, "open")
    company.gp.invoice("alone", "5.00")
    company.reconcile()
    assert purge(company) == 120
    told = [(each.type, each.role) for each in company.reconcile().differences if not each.explained]
    assert sorted(told) == [("missing in xero", "receivables"), ("missing in xero", "sales")]
    assert company.gp.table.asked[-1] is not None


def test_what_concerns_a_purged_document_is_compared_with_all_that_is_read_anew(company: Company) -> None:
    purge(company)
    company.xero.void("payment-7")
    result = company.reconcile()
    assert company.xero.table.asked[-1] is None
    told = [(each.type, each.role, f"{each.value:.2f}") for each in result.differences if not each.explained]
    assert ("missing in xero", "clearing", "133.33") in told
    assert company.reconcile(anew=True).to_json() == result.to_json()
