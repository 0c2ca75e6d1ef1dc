"""What people do with dead letters: nothing is lost, every change is audited with who and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from ledgerbridge.audit import Actor
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, close_letters, write_letters
from ledgerbridge.state.mending import Person, Wanted, correct, discard, find_letters, letters_by_id, replay
from ledgerbridge.state.models import AuditEntry, DeadLetter, SourceRecord
from ledgerbridge.state.record_path import PathError, changed, value_at
from ledgerbridge.state.replays import documents_to_resume, kept_records, letter_uri
from ledgerbridge.state.source_records import Fate, Seen, register, set_outcomes

LEG = ("order_to_cash", "order")
KEY = "shopify:us:order:1"
RUN = Actor(*LEG, "run-1", "order.transform")
NEXT_RUN = Actor(*LEG, "run-2", "order.transform")
OLGA = Person("olga", "typo in the shop", "test")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RAW = {"id": "1", "lineItems": [{"sku": "MUGG"}]}


def rejected(session: Any, step: str = "map", actor: Actor = RUN, version: str = "v1", **fields: Any) -> str:
    """A record that was read and rejected; the id of its letter."""
    given: dict[str, Any] = {"record_key": KEY, "code": "LB-MAP-002", "field": "sku", "value": "MUGG", **fields}
    letter = Letter(
        step=step, source_key=KEY, version=version, message="not known", remedy="add it",
        raw=RAW, changed_at=NOON, **given,
    )  # fmt: skip
    register(session, *LEG, actor.run_id, "shopify.order", [Seen(KEY, version)], "batch-1")
    reasons = write_letters(session, actor, [letter])
    set_outcomes(session, *LEG, {KEY: Fate("rejected", reasons[KEY])})
    return letter.id(*LEG)


def one(session: Any, letter_id: str) -> DeadLetter:
    (letter,) = letters_by_id(session, [letter_id])
    return letter


def record(session: Any) -> SourceRecord:
    found: SourceRecord = session.scalars(select(SourceRecord)).one()
    return found


def trail(engine: Engine) -> list[AuditEntry]:
    with transaction(engine) as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def test_a_replay_puts_the_kept_record_on_the_work_list_and_tells_who_and_why(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = rejected(session)
        assert replay(session, [one(session, letter)], OLGA) == [letter]
    with transaction(state_db) as session:
        assert (record(session).outcome, record(session).batch_uri) == ("read", letter_uri(letter))
        kept = kept_records(session, *LEG, [KEY])[KEY]
        assert (kept.payload, kept.version, kept.changed_at) == (RAW, "v1", NOON)
        assert one(session, letter).state == "replaying"
    entry = trail(state_db)[-1]
    assert (entry.action, entry.details["by"], entry.details["reason"]) == ("dead-letter-replayed", "olga", OLGA.reason)


def test_a_correction_is_kept_with_before_and_after_and_used_by_the_replay(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = one(session, rejected(session))
        correct(session, letter, "raw.lineItems.0.sku", "MUG-12", OLGA)
        replay(session, [letter], OLGA)
    with transaction(state_db) as session:
        assert kept_records(session, *LEG, [KEY])[KEY].payload == {"id": "1", "lineItems": [{"sku": "MUG-12"}]}
        (note,) = one(session, letter.id).corrections or []
    assert (note["path"], note["before"], note["after"]) == ("raw.lineItems.0.sku", "MUGG", "MUG-12")
    (entry,) = [each for each in trail(state_db) if each.action == "dead-letter-corrected"]
    assert entry.details["before"] != entry.details["after"] == entry.content_hash
    assert "MUG" not in str(entry.details)


def test_a_correction_reaches_all_letters_of_the_record(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = one(session, rejected(session))
        other = one(session, rejected(session, code="LB-MAP-001", field="email", value=None))
        correct(session, letter, "raw.lineItems.0.sku", "MUG-12", OLGA)
        assert other.raw == letter.raw
        assert replay(session, [letter, other], OLGA) == sorted([letter.id, other.id])


def test_a_record_that_changed_in_its_source_is_not_replayed_unless_told(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = rejected(session)
        register(session, *LEG, "run-2", "shopify.order", [Seen(KEY, "v2")], "batch-2")
        set_outcomes(session, *LEG, {KEY: Fate("rejected", "dead letter 2")})
        with pytest.raises(LedgerbridgeError, match=r"LB-LET-002 .*version v1, read was v2"):
            replay(session, [one(session, letter)], OLGA)
        replay(session, [one(session, letter)], OLGA, force=True)
        # it stands for the version read last, so that the next reading of that one does not undo it
        assert kept_records(session, *LEG, [KEY])[KEY].version == "v2"


@pytest.mark.parametrize("outcome", ["read", "waiting"])
def test_a_record_under_way_is_not_replayed(state_db: Engine, outcome: str) -> None:
    with transaction(state_db) as session:
        letter = rejected(session)
        set_outcomes(session, *LEG, {KEY: Fate(outcome)})
        with pytest.raises(LedgerbridgeError, match=r"LB-LET-003 .*under way already"):
            replay(session, [one(session, letter)], OLGA)


def test_a_letter_under_replay_is_not_replayed_twice(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = one(session, rejected(session))
        replay(session, [letter], OLGA)
        with pytest.raises(LedgerbridgeError, match=r"LB-LET-003 .*is replaying"):
            replay(session, [letter], OLGA)


DOCUMENT: dict[str, Any] = {"document": {"header": {"SOPNUMBE": "LBO1"}}, "document_types": {"header": "types"}}


def test_a_refused_delivery_goes_on_from_its_document(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = one(session, rejected(session, "load", mapping_version="m1", **DOCUMENT))
        replay(session, [letter], OLGA)
        (kept,) = documents_to_resume(session, *LEG, {KEY: "v1"})[KEY]
        assert (kept.record_key, kept.document, kept.mapping_version) == (KEY, DOCUMENT["document"], "m1")
        assert documents_to_resume(session, *LEG, {KEY: "v2"}) == {}


@pytest.mark.parametrize("step", ["conform", "check", "rule", "map"])
def test_what_failed_before_the_document_was_whole_is_made_anew(state_db: Engine, step: str) -> None:
    with transaction(state_db) as session:
        replay(session, [one(session, rejected(session, step))], OLGA)
        assert documents_to_resume(session, *LEG, {KEY: "v1"}) == {}


def test_a_corrected_raw_record_is_worked_through_all_steps(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = one(session, rejected(session, "load", **DOCUMENT))
        correct(session, letter, "raw.lineItems.0.sku", "MUG-12", OLGA)
        replay(session, [letter], OLGA)
        assert documents_to_resume(session, *LEG, {KEY: "v1"}) == {}


def test_a_replay_that_fails_for_another_reason_ends_the_old_letter(state_db: Engine) -> None:
    with transaction(state_db) as session:
        first = rejected(session)
        replay(session, [one(session, first)], OLGA)
    with transaction(state_db) as session:
        second = rejected(session, actor=NEXT_RUN, code="LB-MAP-003")
        assert (one(session, first).state, one(session, second).state) == ("closed", "open")
        assert one(session, first).reason == f"the record failed again: dead letter {second}"
        assert (one(session, first).attempt, one(session, second).attempt) == (1, 2)


def test_a_replay_that_fails_for_the_same_reason_opens_its_letter_again(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = one(session, rejected(session))
        replay(session, [letter], OLGA)
    with transaction(state_db) as session:
        assert rejected(session, actor=NEXT_RUN) == letter.id
        assert (one(session, letter.id).state, one(session, letter.id).attempt) == ("open", 2)
    assert [entry.action for entry in trail(state_db)] == ["dead-lettered", "dead-letter-replayed", "dead-lettered"]


def test_a_letter_under_replay_closes_when_its_document_arrives(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = rejected(session, "load", **DOCUMENT)
        replay(session, [one(session, letter)], OLGA)
        close_letters(session, NEXT_RUN, [], [KEY])
        assert one(session, letter).state == "closed"


def test_a_discarded_letter_stays_so_when_its_run_is_run_again(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = rejected(session)
        discard(session, [one(session, letter)], OLGA)
        assert record(session).reason == f"dead letter {letter}, discarded: typo in the shop (olga)"
    with transaction(state_db) as session:
        assert rejected(session) == letter
        assert one(session, letter).state == "discarded"
        assert (record(session).outcome, record(session).reason) == (
            "rejected", f"dead letter {letter}, discarded: typo in the shop (olga)",
        )  # fmt: skip
    assert [entry.action for entry in trail(state_db)] == ["dead-lettered", "dead-letter-discarded"]


def test_a_discarded_letter_can_be_taken_up_again(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = one(session, rejected(session))
        discard(session, [letter], OLGA)
        assert replay(session, [letter], OLGA) == [letter.id]


def test_a_discard_needs_a_reason(state_db: Engine) -> None:
    with transaction(state_db) as session:
        letter = one(session, rejected(session))
        with pytest.raises(LedgerbridgeError, match="LB-LET-005"):
            discard(session, [letter], Person("olga", "  ", "test"))
        assert letter.state == "open"


def test_letters_are_found_by_what_people_know(state_db: Engine) -> None:
    with transaction(state_db) as session:
        first = rejected(session, label="#1001")
        second = rejected(session, code="LB-MAP-001", value=None, label="#1002")

        def found(**wanted: Any) -> list[str]:
            return [letter.id for letter in find_letters(session, Wanted(**wanted))]

        assert found(label="#1001") == [first]
        assert found(code="LB-MAP-001", leg="order") == [second]
        assert found(leg="invoice") == found(states=("closed",)) == found(since=datetime(2100, 1, 1, tzinfo=UTC)) == []


def test_an_unknown_id_is_told(state_db: Engine) -> None:
    with transaction(state_db) as session, pytest.raises(LedgerbridgeError, match=r"LB-LET-001 .*no dead letter 4711"):
        letters_by_id(session, ["4711"])


@pytest.mark.parametrize(
    ("path", "value", "finding"),
    [
        pytest.param("sku", "X", "does not begin with a record", id="no-body"),
        pytest.param("document.header.A", "X", "does not begin with a record", id="body-that-is-not-kept"),
        pytest.param("raw.lineItems.1.sku", "X", '"1" is no position of a list of 1', id="position"),
        pytest.param("raw.lineItems", "X", "no single value", id="list"),
        pytest.param("raw.customer.email", "X", '"customer.email" is not there', id="unknown"),
        pytest.param("raw.id.x", "X", "holds nothing", id="inside-text"),
    ],
)
def test_a_path_to_no_value_is_told(state_db: Engine, path: str, value: str, finding: str) -> None:
    with transaction(state_db) as session:
        letter = one(session, rejected(session))
        with pytest.raises(LedgerbridgeError, match=f"LB-LET-004 .*{finding}"):
            correct(session, letter, path, value, OLGA)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(record=st.dictionaries(st.text(max_size=5), JSON, max_size=3), path=st.text(max_size=12), value=st.text())
def test_any_path_changes_one_value_or_is_refused(record: dict[str, Any], path: str, value: str) -> None:
    before = repr(record)
    try:
        after = changed(record, path, value)
    except PathError:
        return
    finally:
        assert repr(record) == before
    assert value_at(after, path) in (value, None) or str(value_at(after, path)).lower() in value.lower()


def test_a_name_with_dots_is_one_name() -> None:
    assert changed({"Contact.ContactID": "a"}, "Contact.ContactID", "b") == {"Contact.ContactID": "b"}
    assert changed({"n": 1, "t": True, "e": None}, "n", "2")["n"] == 2
    with pytest.raises(PathError, match="takes a value like 1"):
        changed({"n": 1}, "n", "two")
