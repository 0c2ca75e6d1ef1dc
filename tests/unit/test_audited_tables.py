"""The tables beside the trail: a delivery, dead letter or booking that is not as its entry says is found and named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from audited_company import ACTOR, Company, book, booking, company_of, deliver, key_of
from sqlalchemy import Engine, delete, insert, null, select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit import head, verify
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.dead_letters import close_letters
from ledgerbridge.state.models import AuditEntry, BookedDocument, DeadLetter, Delivery
from ledgerbridge.state.purge import purge_payloads, tell_purged
from ledgerbridge.state.signing import new_key

Attack = Callable[[Session], Any]


@pytest.fixture
def company(state_db: Engine) -> Company:
    """A company of six orders."""
    return company_of(state_db)


def invent(table: Any, **values: Any) -> Attack:
    """A copy of the row of order 3 under another key."""

    def attack(session: Session) -> None:
        row = session.scalars(select(table).where(table.record_key == key_of(3))).one()
        copied = {column.name: getattr(row, column.name) for column in table.__table__.columns if column.name != "id"}
        session.execute(insert(table).values({**copied, **values}))

    return attack


def change(table: Any, order: int, **values: Any) -> Attack:
    return lambda session: session.execute(update(table).where(table.record_key == key_of(order)).values(values))


def remove(table: Any, number: int) -> Attack:
    return lambda session: session.execute(delete(table).where(table.record_key == key_of(number)))


HEADER = {"chain_key": "shopify:us:order:1", "total": "900.00"}


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        pytest.param(change(BookedDocument, 1, effects={"4100": "-900"}), "gp gp:TWO:journal:1 was changed",
                     id="amount-booked"),
        pytest.param(remove(BookedDocument, 1), "gp gp:TWO:journal:1 was removed", id="booking-removed"),
        pytest.param(invent(BookedDocument, key="gp:TWO:journal:99"), "gp gp:TWO:journal:99 was invented",
                     id="booking-invented"),
        pytest.param(change(Delivery, 1, number="LBO9"), "shopify:us:order:1 was changed",
                     id="number"),
        pytest.param(change(Delivery, 1, state="rejected"), "shopify:us:order:1 was changed",
                     id="delivered-as-rejected"),
        pytest.param(change(Delivery, 3, state="delivered"), "shopify:us:order:3 was changed",
                     id="refusal-hidden"),
        pytest.param(change(Delivery, 1, canonical=HEADER), "shopify:us:order:1 was changed",
                     id="canonical-total"),
        pytest.param(remove(Delivery, 1), "shopify:us:order:1 was removed", id="removed"),
        pytest.param(invent(Delivery, record_key="shopify:us:order:9"),
                     "shopify:us:order:9 was invented", id="invented"),
        pytest.param(change(DeadLetter, 3, code="LB-GP-002"), "was changed", id="letter-code"),
        pytest.param(change(DeadLetter, 3, raw={"name": "#9"}), "was changed", id="letter-record"),
        pytest.param(change(DeadLetter, 3, state="closed", closed_at=datetime.now(UTC)), "was changed",
                     id="letter-closed"),
        pytest.param(remove(DeadLetter, 3), "dead_letter", id="letter-removed"),
        pytest.param(invent(DeadLetter, id="f" * 24), f"dead_letter {'f' * 24} was invented", id="letter-invented"),
        pytest.param(change(DeadLetter, 3, raw=None, message="purged"), "was changed", id="purge-pretended"),
    ],
)  # fmt: skip
def test_a_row_that_is_not_as_its_entry_says_is_named(company: Company, attack: Attack, told: str) -> None:
    with transaction(company.state) as session:
        assert verify(session).broken is None
    with transaction(company.state) as session:
        attack(session)
    with transaction(company.state) as session:
        broken = verify(session).broken
    assert broken is not None
    assert (broken.code, told in broken.finding) == ("LB-AUD-005", True), broken.finding
    with pytest.raises(LedgerbridgeError, match="no evidence can be given"):
        company.pack()


def test_a_record_that_waits_again_is_no_finding(company: Company) -> None:
    deliver(company, [4])
    with transaction(company.state) as session:
        entries = select(AuditEntry.action).where(AuditEntry.record_key == key_of(4)).order_by(AuditEntry.id)
        assert session.scalars(entries).all() == ["sending", "waits", "booked", "sending"]
        assert session.scalars(select(Delivery.state).where(Delivery.record_key == key_of(4))).one() == "not_sent"
        assert verify(session).broken is None


def test_what_a_purge_takes_away_is_no_finding(company: Company) -> None:
    with transaction(company.state) as session:
        close_letters(session, ACTOR, [key_of(3), key_of(5)])
    later = datetime.now(UTC) + timedelta(days=1)
    with transaction(company.state) as session:
        purged = purge_payloads(session, later)
        assert (purged.letters, purged.headers > 0) == (2, True)
        tell_purged(session, later, purged, [], "ann")
    with transaction(company.state) as session:
        assert verify(session).broken is None


@pytest.mark.parametrize(
    ("closed", "values"),
    [
        pytest.param("before the purge", {"document": {"total": "900.00"}}, id="another-document"),
        pytest.param("before the purge", {"value": "MUG-9"}, id="another-value"),
        pytest.param("after the purge", {}, id="closed-since"),
        pytest.param("never", {}, id="still-open"),
    ],
)
def test_a_purge_that_was_is_no_excuse_for_another_body(company: Company, closed: str, values: dict[str, Any]) -> None:
    with transaction(company.state) as session:
        close_letters(session, ACTOR, [key_of(3)])
    later = datetime.now(UTC) + timedelta(days=1)
    with transaction(company.state) as session:
        tell_purged(session, later, purge_payloads(session, later), [], "ann")
    if closed == "after the purge":
        with transaction(company.state) as session:
            close_letters(session, ACTOR, [key_of(5)])
    forged = key_of(3 if closed == "before the purge" else 5)
    emptied = {**dict.fromkeys(["value", "raw", "canonical", "document", "document_types", "corrections"], null())}
    with transaction(company.state) as session:
        assert verify(session).broken is None
        since = {"closed_at": datetime(2020, 1, 1, tzinfo=UTC), "message": "purged"}
        row = update(DeadLetter).where(DeadLetter.record_key == forged)
        session.execute(row.values({**emptied, **since, **values}))
    with transaction(company.state) as session:
        broken = verify(session).broken
    assert broken is not None
    assert (broken.code, "dead_letter" in broken.finding) == ("LB-AUD-005", True)


def test_a_letter_closed_after_the_day_of_a_purge_was_not_in_it(company: Company) -> None:
    with transaction(company.state) as session:
        close_letters(session, ACTOR, [key_of(3)])
    with transaction(company.state) as session:
        before = datetime.now(UTC) - timedelta(days=30)
        tell_purged(session, before, purge_payloads(session, before), [], "ann")
        row = update(DeadLetter).where(DeadLetter.record_key == key_of(3))
        session.execute(row.values(closed_at=before - timedelta(days=1)))
    with transaction(company.state) as session:
        purge_payloads(session, before)  # as if it had been done, by whoever moved the day
        assert session.scalars(select(DeadLetter.message).where(DeadLetter.record_key == key_of(3))).one() == "purged"
        assert verify(session).broken is not None


def test_a_booking_invented_in_a_ledger_never_told_of_is_found_in_a_signed_trail(state_db: Engine) -> None:
    company = company_of(state_db, new_key())
    with transaction(company.state) as session:
        assert verify(session).broken is None
        invent(BookedDocument, ledger="xero", key="xero:ACC:journal:9")(session)
    with transaction(company.state) as session:
        broken = verify(session).broken
    assert broken is not None
    assert broken.finding == "booked_document xero xero:ACC:journal:9 was invented: no audit entry tells of it"


def test_a_booking_that_changed_in_the_ledger_is_told_anew_and_once(company: Company) -> None:
    assert book(company, "gp", [booking(1, -90)], [key_of(1)]) == 1
    assert book(company, "gp", [booking(1, -90)], [key_of(1)]) == 0
    with transaction(company.state) as session:
        assert verify(session).broken is None


def test_a_forged_booking_stays_a_finding_after_the_next_reconciliation(company: Company) -> None:
    with transaction(company.state) as session:
        change(BookedDocument, 1, effects={"4100": "-900"})(session)
    assert book(company, "gp", [booking(1)], [key_of(1)]) == 0
    with transaction(company.state) as session:
        assert verify(session).broken is not None


def test_bookings_kept_before_they_were_told_are_told_by_the_next_reconciliation(company: Company) -> None:
    with transaction(company.state) as session:
        invent(BookedDocument, ledger="xero", key=booking(3).key)(session)
    with transaction(company.state) as session:
        assert verify(session).broken is None
    assert book(company, "xero", [booking(3)], [key_of(3)]) == 1
    with transaction(company.state) as session:
        assert verify(session).broken is None


def test_a_company_at_work_is_verified_as_it_stood_at_one_moment(company: Company) -> None:
    with snapshot(company.state) as session:
        before = head(session)
        deliver(company, [7])  # is not kept waiting either
        book(company, "gp", [booking(1, -90)], [key_of(1)])
        verdict = verify(session)
        assert (verdict.broken, verdict.head) == (None, before)
    with snapshot(company.state) as session:
        assert verify(session).head.number > before.number
