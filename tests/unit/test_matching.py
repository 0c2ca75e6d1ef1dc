"""Whether a new customer is one that a ledger holds: the core decides by the leg's policy, and never guesses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Delivered, Deliverer, content_hash
from ledgerbridge.entities import Candidate, Document, Found, Matched, Outcome
from ledgerbridge.errors import TargetConflict
from ledgerbridge.links import MatchPolicy, decide
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, LinkEnd
from ledgerbridge.state.purge import purge_payloads
from ledgerbridge.state.reader import DatabaseReader

RUN = Actor("order_to_cash", "customer", "run-1", "customer.load")


@dataclass
class Person:
    number: str
    email: str
    name: str = "Anna"
    active: bool = True


@dataclass
class People(Matched):
    """A ledger of customers, some of whom people made."""

    people: list[Person] = field(default_factory=list)
    max_batch = 10
    updatable = True
    adopts = True
    number_field = "NUMBER"

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        raise AssertionError("candidates are asked for")

    def matches(self, documents: Sequence[Document]) -> dict[str, list[Candidate]]:
        found: dict[str, list[Candidate]] = {}
        for document in documents:
            for each in self.people:
                there = Found(each.number, each.number, {"name": each.name})
                if each.number == document.header["NUMBER"]:
                    current = each.name == document.header["NAME"]
                    own = Candidate(there, "NUMBER", own=True, active=each.active, current=current)
                    found.setdefault(document.record_key, []).append(own)
                elif each.email == document.header["EMAIL"]:
                    found.setdefault(document.record_key, []).append(Candidate(there, "EMAIL", active=each.active))
        return found

    def common(self, document: Document) -> str | None:
        return document.header["EMAIL"] or None

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        return [self._written(each) for each in documents]

    def _written(self, document: Document) -> Outcome:
        number, header = document.header["NUMBER"], document.header
        if document.target_id not in (None, number):
            return Outcome(document.record_key, document.target_id, document.target_id, written=False)
        self.people = [each for each in self.people if each.number != number]
        self.people.append(Person(number, header["EMAIL"], header["NAME"]))
        return Outcome(document.record_key, number, number, {"name": header["NAME"]})


def customer(key: str, email: str = "anna@example.com", *, number: str = "", name: str = "Anna") -> Document:
    header = {"NUMBER": number or f"LB-{key}", "EMAIL": email, "NAME": name}
    return Document(f"customer:{key}", content_hash(header, {}), header)


def deliver(engine: Engine, target: People, *documents: Document, match: MatchPolicy = "adopt") -> list[Delivered]:
    deliverer = Deliverer(engine, RUN, "gp.customer", target, kind="customer", match=match)
    return deliverer.deliver(documents, {each.record_key: {} for each in documents})


def refusal(result: Delivered) -> TargetConflict:
    assert result.outcome == "rejected"
    assert isinstance(result.error, TargetConflict)
    return result.error


def ids(engine: Engine, *keys: str) -> list[str | None]:
    found = DatabaseReader(engine).cross_references("gp.customer", "record_key", [f"customer:{key}" for key in keys])
    return [found.get(f"customer:{key}", {}).get("target_id") for key in keys]


def test_the_only_one_with_the_e_mail_is_adopted_and_left_as_it_is(state_db: Engine) -> None:
    target = People([Person("ANNA01", "anna@example.com", name="Anna K.")])
    [result] = deliver(state_db, target, customer("1"))
    assert (result.outcome, ids(state_db, "1")) == ("delivered", ["ANNA01"])
    with transaction(state_db) as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "adopted")).one()
    assert (told.details["target_id"], told.details["matched_by"]) == ("ANNA01", "EMAIL")
    [later] = deliver(state_db, target, customer("1", name="Anna Moved"))
    assert (later.outcome, target.people) == ("delivered", [Person("ANNA01", "anna@example.com", name="Anna K.")])
    with transaction(state_db) as session:
        end = session.scalars(select(LinkEnd).where(LinkEnd.key == "ANNA01")).one()
    assert (end.matched_by, end.written_hash, end.seen) == ("EMAIL", None, {"name": "Anna K."})


def test_two_with_the_e_mail_are_a_dead_letter_that_names_both(state_db: Engine) -> None:
    target = People([Person("ANNA01", "anna@example.com"), Person("ANNA02", "anna@example.com")])
    error = refusal(deliver(state_db, target, customer("1"))[0])
    assert (error.code, error.field, error.value) == ("LB-LNK-002", "NUMBER", "LB-1")
    assert "2 by the same EMAIL: ANNA01, ANNA02" in error.message
    assert "dead-letters edit ID document.header.NUMBER=… --reason …`" in error.remedy
    assert (len(target.people), ids(state_db, "1")) == (2, [None])


def test_an_inactive_one_is_not_adopted(state_db: Engine) -> None:
    target = People([Person("ANNA01", "anna@example.com", active=False)])
    error = refusal(deliver(state_db, target, customer("1"))[0])
    assert error.code == "LB-LNK-002"
    assert "ANNA01 (inactive)" in error.message


def test_of_an_active_one_and_one_set_inactive_the_active_one_is_adopted(state_db: Engine) -> None:
    people = [Person("ANNA01", "anna@example.com", active=False), Person("ANNA02", "anna@example.com")]
    [result] = deliver(state_db, People(people), customer("1"))
    assert (result.outcome, ids(state_db, "1")) == ("delivered", ["ANNA02"])


@pytest.mark.parametrize(("policy", "code"), [("ask", "LB-LNK-002"), ("reject", "LB-LNK-003")])
def test_a_leg_that_asks_or_rejects_adopts_nobody(state_db: Engine, policy: MatchPolicy, code: str) -> None:
    target = People([Person("ANNA01", "anna@example.com")])
    [known, new] = deliver(state_db, target, customer("1"), customer("2", "ben@example.com"), match=policy)
    assert refusal(known).code == code
    assert (new.outcome, ids(state_db, "1", "2")) == ("delivered", [None, "LB-2"])


def test_the_number_a_person_gave_in_answer_is_taken_as_ours(state_db: Engine) -> None:
    target = People([Person("ANNA01", "anna@example.com", "Old"), Person("ANNA02", "anna@example.com", "Other")])
    refusal(deliver(state_db, target, customer("1"))[0])
    [result] = deliver(state_db, target, customer("1", number="ANNA01"))
    assert (result.outcome, ids(state_db, "1")) == ("delivered", ["ANNA01"])
    assert {each.number: each.name for each in target.people} == {"ANNA01": "Anna", "ANNA02": "Other"}


@pytest.mark.parametrize("policy", ["adopt", "ask", "reject"])
def test_what_bears_our_number_is_ours_under_any_policy(state_db: Engine, policy: MatchPolicy) -> None:
    """The answer to its creation was lost with the state database."""
    target = People([Person("LB-1", "anna@example.com", "Old")])
    [result] = deliver(state_db, target, customer("1"), match=policy)
    assert (result.outcome, target.people[0].name) == ("delivered", "Anna")


def test_two_records_of_one_batch_with_one_e_mail_become_one_customer(state_db: Engine) -> None:
    target = People()
    results = deliver(state_db, target, customer("1"), customer("2"), customer("3", "ben@example.com"))
    assert sorted(each.outcome for each in results) == ["delivered"] * 3
    assert [each.number for each in target.people] == ["LB-1", "LB-3"]
    assert ids(state_db, "1", "2", "3") == ["LB-1", "LB-1", "LB-3"]


def test_a_customer_that_two_linked_things_lead_to_is_not_moved_from_one_to_the_other(state_db: Engine) -> None:
    xero, gp = People(), People()
    for target, entity in ((xero, "xero.contact"), (gp, "gp.customer")):
        for each in (customer("1"), customer("2", "other@example.com")):
            if target is xero or each.record_key == "customer:1":
                Deliverer(state_db, RUN, entity, target, kind="customer").deliver([each], {})
    error = refusal(deliver(state_db, gp, customer("2"))[0])
    assert error.code == "LB-LNK-001"
    assert ids(state_db, "1", "2") == ["LB-1", None]


def test_what_was_written_of_a_customer_is_kept_to_merge_on(state_db: Engine) -> None:
    deliver(state_db, People(), customer("1"))
    deliver(state_db, target := People([Person("LB-1", "anna@example.com")]), replace(customer("1", name="Anne")))
    with transaction(state_db) as session:
        end = session.scalars(select(LinkEnd).where(LinkEnd.entity == "gp.customer")).one()
    assert target.people[0].name == "Anne"
    assert end.written == {"header": {"NUMBER": "LB-1", "EMAIL": "anna@example.com", "NAME": "Anne"}}
    assert end.seen == {"name": "Anne"}


def test_a_purge_takes_away_what_a_link_holds_of_a_person_and_keeps_who_it_is(state_db: Engine) -> None:
    deliver(state_db, People(), customer("1"))
    with transaction(state_db) as session:
        assert purge_payloads(session, datetime.now(UTC) - timedelta(days=1)).headers == 0
        assert purge_payloads(session, datetime.now(UTC) + timedelta(days=1)).headers == 2
        assert purge_payloads(session, datetime.now(UTC) + timedelta(days=1)).headers == 0
        end = session.scalars(select(LinkEnd).where(LinkEnd.entity == "gp.customer")).one()
    assert (end.seen, end.written) == (None, None)
    assert end.written_hash == content_hash(customer("1").header, {})
    assert ids(state_db, "1") == ["LB-1"]


@pytest.mark.parametrize("policy", ["adopt", "number"])
def test_who_a_person_said_is_another_is_not_adopted_and_its_number_is_not_taken(policy: MatchPolicy) -> None:
    document = Document("customer:anna", "key", {"number": "A1"}, {})
    by_mail = Candidate(Found("t2", "B2", {}), "email")
    assert decide(document, [by_mail], policy, entity="gp.customer", field="number", refused={"t2"}) is None
    own = Candidate(Found("t1", "A1", {}), "number", own=True)
    conflict = decide(document, [own, by_mail], policy, entity="gp.customer", field="number", refused={"t1"})
    assert isinstance(conflict, TargetConflict)
    assert (conflict.code, conflict.field, conflict.value) == ("LB-LNK-004", "number", "A1")


def test_after_a_meeting_one_mailbox_makes_nobody_the_same() -> None:
    document = Document("customer:anna", "key", {"number": "A1"}, {})
    by_mail = Candidate(Found("t2", "B2", {}), "email")
    assert decide(document, [by_mail], "number", entity="gp.customer", field="number") is None
    own = Candidate(Found("t1", "A1", {}), "number", own=True, current=True)
    assert decide(document, [own, by_mail], "number", entity="gp.customer", field="number") == own
