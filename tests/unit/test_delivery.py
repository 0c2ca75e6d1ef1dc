"""Each document once, whatever happens between us and the target (docs/explanation/why-it-cannot-double.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_ledger import Fault, MemoryLedger, document
from sqlalchemy import Engine, select, text, update

from ledgerbridge.audit import Actor
from ledgerbridge.changes import Found as LoggedVersion
from ledgerbridge.changes import SourceId, append
from ledgerbridge.changes.log import last_number
from ledgerbridge.delivery import Delivered, Deliverer, leave
from ledgerbridge.delivery.content import content_hash
from ledgerbridge.entities import Document, Found, Outcome
from ledgerbridge.errors import RecordBusy, TargetConflict, TransientError
from ledgerbridge.going_out import carrying, going_out
from ledgerbridge.state import migrate, transaction
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import AuditEntry, Delivery, DeliveryTry, LinkEnd
from ledgerbridge.state.reader import DatabaseReader

ENTITY = "gp.sales_order"
RUN = Actor("order_to_cash", "orders", "run-1", "load")
SETTLE = timedelta(0)
NEXT_RUN = Actor("order_to_cash", "orders", "run-2", "load")


def deliver(
    engine: Engine,
    ledger: MemoryLedger,
    *documents: Document,
    actor: Actor = RUN,
    entity: str = ENTITY,
    change: int | None = None,
) -> list[Delivered]:
    """All of ``documents``, made of that change."""
    canonical = {each.record_key: {"chain_key": each.record_key, "label": "#1"} for each in documents}
    changes = {} if change is None else {each.record_key: change for each in documents}
    return Deliverer(engine, actor, entity, ledger, settle=SETTLE, changes=changes).deliver(documents, canonical)


def logged(engine: Engine, version: str, source: str = "shopify.order") -> int:
    """The number that a new version of the order gets in the change log."""
    with transaction(engine) as session:
        found = [LoggedVersion(document("A").record_key, version, datetime(2026, 3, 2, tzinfo=UTC))]
        append(session, SourceId("main", source, "shop"), found, how="poll", payload_uri=f"file:///{version}")
        return last_number(session, "main", source)


def outcomes(results: Sequence[Delivered]) -> list[str]:
    return [result.outcome for result in results]


def delivery(engine: Engine, name: str) -> Delivery:
    with transaction(engine) as session:
        return session.scalars(select(Delivery).where(Delivery.record_key == document(name).record_key)).one()


def actions(engine: Engine) -> list[str]:
    with transaction(engine) as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_a_new_document_is_sent_and_its_ids_are_kept(state_db: Engine) -> None:
    ledger = MemoryLedger()
    assert outcomes(deliver(state_db, ledger, document("A"))) == ["delivered"]
    row = delivery(state_db, "A")
    assert (row.state, row.target_id, row.number, row.attempts) == ("delivered", "id-A", "A", 1)
    assert (row.fence, row.called_at, row.settles_at) == (None, None, None)
    found = DatabaseReader(state_db).cross_references(ENTITY, "record_key", [row.record_key])
    assert found == {row.record_key: {"record_key": row.record_key, "target_id": "id-A", "number": "A"}}
    assert actions(state_db) == ["sending", "delivered"]


def test_a_repetition_sends_nothing(state_db: Engine) -> None:
    ledger = MemoryLedger()
    deliver(state_db, ledger, document("A"))
    assert outcomes(deliver(state_db, ledger, document("A"), actor=NEXT_RUN)) == ["unchanged"]
    assert ledger.sent == ["A"]


def test_a_document_whose_answer_was_lost_is_adopted_by_the_retry(state_db: Engine) -> None:
    ledger = MemoryLedger(["answer lost"])
    with pytest.raises(TransientError, match="LB-TEST-003"):
        deliver(state_db, ledger, document("A"))
    assert delivery(state_db, "A").state == "sending"
    assert outcomes(deliver(state_db, ledger, document("A"))) == ["delivered"]
    assert ledger.numbers == ["A"]
    assert delivery(state_db, "A").target_id == "id-A"
    assert actions(state_db) == ["sending", "sending", "adopted"]


def test_a_document_whose_request_was_lost_is_sent_by_the_retry(state_db: Engine) -> None:
    ledger = MemoryLedger(["request lost"])
    with pytest.raises(TransientError):
        deliver(state_db, ledger, document("A"))
    assert outcomes(deliver(state_db, ledger, document("A"))) == ["delivered"]
    assert ledger.numbers == ["A"]
    assert delivery(state_db, "A").attempts == 2


def test_a_document_found_with_other_content_is_a_conflict(state_db: Engine) -> None:
    ledger = MemoryLedger(["request lost"])
    with pytest.raises(TransientError):
        deliver(state_db, ledger, document("A"))
    ledger.books.append(document("A", "9.99"))
    [result] = deliver(state_db, ledger, document("A"))
    assert isinstance(result.error, TargetConflict)
    assert (result.error.code, result.error.field, result.error.value) == ("LB-DLV-003", "content", "A")
    assert "AMOUNT is 9.99, 10.00 was sent" in result.error.message
    assert ledger.numbers == ["A"]


def test_a_refused_document_is_sent_again_when_it_comes_again(state_db: Engine) -> None:
    ledger = MemoryLedger()
    ledger.refuses = {"A"}
    [refused, taken] = deliver(state_db, ledger, document("A"), document("B"))
    assert (refused.outcome, taken.outcome) == ("rejected", "delivered")
    assert refused.error is not None
    assert refused.error.code == "LB-TEST-004"
    assert getattr(refused.error, "record_key", None) == refused.record_key
    ledger.refuses = set()
    assert outcomes(deliver(state_db, ledger, document("A"), document("B"), actor=NEXT_RUN)) == [
        "unchanged",
        "delivered",
    ]
    assert ledger.numbers == ["A", "B"]


def test_a_document_of_a_closed_period_waits_and_goes_on_when_it_comes_again_after_it_opened(state_db: Engine) -> None:
    ledger = MemoryLedger()
    ledger.closed = {"A"}
    assert outcomes(deliver(state_db, ledger, document("A"), document("B"))) == ["waiting", "delivered"]
    row = delivery(state_db, "A")
    assert (row.state, row.fence, row.target_id) == ("not_sent", None, None)
    assert row.reason is not None
    assert row.reason.startswith("NUMBER A waits: Its period is closed.")
    assert outcomes(deliver(state_db, ledger, document("A"), actor=NEXT_RUN)) == ["waiting"]
    ledger.closed = set()
    assert outcomes(deliver(state_db, ledger, document("A"), actor=NEXT_RUN)) == ["delivered"]
    assert ledger.numbers == ["A", "B"]
    assert (delivery(state_db, "A").state, delivery(state_db, "A").reason) == ("delivered", None)
    told = [action for action in actions(state_db) if action != "sending"]
    assert told == ["waits", "delivered", "delivered"]  # one that goes on waiting is told once


def test_of_a_thousand_documents_the_one_a_person_has_open_waits_and_all_others_are_delivered(state_db: Engine) -> None:
    ledger = MemoryLedger()
    ledger.max_batch = 100
    ledger.locked = {"207"}
    documents = [document(str(number)) for number in range(1000)]
    results = deliver(state_db, ledger, *documents)
    assert Counter(outcomes(results)) == {"delivered": 999, "waiting": 1}
    (waits,) = [each for each in results if each.outcome == "waiting"]
    assert isinstance(waits.error, RecordBusy)
    assert waits.error.reason == "waits: Anna has 207 open. (LB-TEST-006). Wait until she closes it."
    row = delivery(state_db, "207")
    assert (row.state, row.reason, row.fence, row.called_at) == ("not_sent", waits.error.reason, None, None)
    ledger.locked = set()
    assert Counter(outcomes(deliver(state_db, ledger, *documents))) == {"unchanged": 999, "delivered": 1}
    assert len(ledger.numbers) == 1000
    assert [action for action in actions(state_db) if action == "waits"] == ["waits"]


def test_a_document_the_target_stumbles_over_is_looked_up_by_the_next_try_and_the_others_are_delivered(
    state_db: Engine,
) -> None:
    ledger = MemoryLedger()
    ledger.broken = {"A"}
    documents = [document(name) for name in "ABCDE"]
    results = deliver(state_db, ledger, *documents)
    assert {each.record_key[-1]: each.outcome for each in results} == {
        "A": "waiting", "B": "delivered", "C": "delivered", "D": "delivered", "E": "delivered",
    }  # fmt: skip
    assert delivery(state_db, "A").state == "sending"
    ledger.broken = set()
    ledger.books.append(document("A"))
    assert outcomes(deliver(state_db, ledger, *documents, actor=NEXT_RUN)) == [
        *["unchanged"] * 2,
        "delivered",
        *["unchanged"] * 2,
    ]
    assert ledger.numbers == list("ABCDE")


def test_a_changed_document_is_refused_where_the_target_takes_no_updates(state_db: Engine) -> None:
    ledger = MemoryLedger()
    deliver(state_db, ledger, document("A"))
    [result] = deliver(state_db, ledger, document("A", "11.00"))
    assert isinstance(result.error, TargetConflict)
    assert (result.error.code, result.error.field, result.error.value) == ("LB-DLV-002", "content", "A")
    assert ledger.sent == ["A"]
    assert actions(state_db) == ["sending", "delivered", "change-refused"]


def test_a_changed_document_is_sent_where_the_target_takes_updates(state_db: Engine) -> None:
    ledger = MemoryLedger(updatable=True)
    deliver(state_db, ledger, document("A"))
    assert outcomes(deliver(state_db, ledger, document("A", "11.00"))) == ["delivered"]
    assert [each.header["AMOUNT"] for each in ledger.books] == ["11.00"]
    with transaction(state_db) as session:
        first, second = session.scalars(select(AuditEntry).where(AuditEntry.action == "sending"))
    assert (second.details["before"], second.details["state"]) == (first.content_hash, "delivered")
    assert second.content_hash != first.content_hash


def test_an_older_change_is_not_sent_over_a_newer_one_and_the_audit_tells(state_db: Engine) -> None:
    ledger = MemoryLedger(updatable=True)
    first, second = logged(state_db, "v1"), logged(state_db, "v2")
    deliver(state_db, ledger, document("A"), change=first)
    deliver(state_db, ledger, document("A", "50.00"), actor=NEXT_RUN, change=second)
    assert deliver(state_db, ledger, document("A"), change=first) == [
        Delivered(document("A").record_key, "superseded", later=second)
    ]
    assert [each.header["AMOUNT"] for each in ledger.books] == ["50.00"]
    assert (delivery(state_db, "A").change, delivery(state_db, "A").run_id) == (second, "run-2")
    with transaction(state_db) as session:
        *_, told = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    assert (told.action, told.run_id) == ("superseded", "run-1")
    assert (told.details["change"], told.details["later"]) == (first, second)
    assert outcomes(deliver(state_db, ledger, document("A", "50.00"), change=second)) == ["unchanged"]


@pytest.mark.parametrize("refused", [False, True], ids=["not updatable", "refused"])
def test_an_older_change_is_no_conflict_and_does_not_follow_a_newer_one_that_was_refused(
    state_db: Engine, refused: bool
) -> None:
    ledger = MemoryLedger(updatable=refused)
    first, second = logged(state_db, "v1"), logged(state_db, "v2")
    if refused:
        ledger.refuses = {"A"}
    deliver(state_db, ledger, document("A", "50.00"), change=second)
    ledger.refuses = set()
    sent = list(ledger.sent)
    assert outcomes(deliver(state_db, ledger, document("A"), change=first)) == ["superseded"]
    assert ledger.sent == sent


def test_an_older_change_leaves_a_newer_one_that_is_under_way_to_its_try(state_db: Engine) -> None:
    """A worker has sent the newer one and waits for the answer; an old task comes along."""

    class SlowLedger(MemoryLedger):
        def send(self, documents: Sequence[Document]) -> list[Outcome]:
            seen.extend(outcomes(deliver(state_db, quick, document("A"), change=first)))
            return super().send(documents)

    seen: list[str] = []
    quick, slow = MemoryLedger(updatable=True), SlowLedger(updatable=True)
    first, second = logged(state_db, "v1"), logged(state_db, "v2")
    assert outcomes(deliver(state_db, slow, document("A", "50.00"), actor=NEXT_RUN, change=second)) == ["delivered"]
    assert (seen, quick.sent, slow.sent) == (["superseded"], [], ["A"])


def test_a_newer_change_of_the_same_content_is_not_sent_and_keeps_those_between_from_being_sent(
    state_db: Engine,
) -> None:
    """The order was edited and edited back; the edit was never delivered."""
    ledger = MemoryLedger(updatable=True)
    first, edited, back = (logged(state_db, version) for version in ("v1", "v2", "v3"))
    deliver(state_db, ledger, document("A"), change=first)
    assert outcomes(deliver(state_db, ledger, document("A"), change=back)) == ["unchanged"]
    assert outcomes(deliver(state_db, ledger, document("A", "50.00"), change=edited)) == ["superseded"]
    assert outcomes(deliver(state_db, ledger, document("A"), change=first)) == ["unchanged"]
    assert (ledger.sent, delivery(state_db, "A").change) == (["A"], back)


def test_numbers_of_two_source_entities_are_not_compared(state_db: Engine) -> None:
    ledger = MemoryLedger(updatable=True)
    order, customer = logged(state_db, "v1"), logged(state_db, "v1", source="shopify.customer")
    deliver(state_db, ledger, document("A"), change=customer)
    assert outcomes(deliver(state_db, ledger, document("A", "50.00"), change=order)) == ["delivered"]


def test_a_delivery_of_before_there_were_numbers_keeps_what_it_has(empty_state_db: Engine) -> None:
    migrate(empty_state_db, "0016")
    kept = {"key": document("A").record_key, "hash": content_hash(document("A").header, {})}
    with empty_state_db.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO delivery (flow, leg, entity, record_key, state, content_hash, idempotency_key, target_id,"
                " number, canonical, attempts, run_id, updated_at) VALUES ('order_to_cash', 'orders', 'gp.sales_order',"
                " :key, 'delivered', :hash, 'i', 'id-A', 'A', '{}', 1, 'run-0', '2026-03-02 12:00:00')"
            ),
            kept,
        )
    migrate(empty_state_db)
    assert (delivery(empty_state_db, "A").target_id, delivery(empty_state_db, "A").change) == ("id-A", None)
    ledger, number = MemoryLedger(), logged(empty_state_db, "v1")
    assert outcomes(deliver(empty_state_db, ledger, document("A"), change=number)) == ["unchanged"]
    assert delivery(empty_state_db, "A").change == number


def test_what_was_delivered_before_there_were_numbers_is_updated(state_db: Engine) -> None:
    ledger = MemoryLedger(updatable=True)
    deliver(state_db, ledger, document("A"))
    number = logged(state_db, "v1")
    assert outcomes(deliver(state_db, ledger, document("A", "50.00"), change=number)) == ["delivered"]
    assert outcomes(deliver(state_db, ledger, document("A", "60.00"))) == ["delivered"]
    assert delivery(state_db, "A").change == number


def test_an_update_whose_request_was_lost_is_sent_by_the_retry(state_db: Engine) -> None:
    ledger = MemoryLedger([None, "request lost"], updatable=True)
    deliver(state_db, ledger, document("A"))
    with pytest.raises(TransientError):
        deliver(state_db, ledger, document("A", "11.00"))
    assert outcomes(deliver(state_db, ledger, document("A", "11.00"))) == ["delivered"]
    assert [each.header["AMOUNT"] for each in ledger.books] == ["11.00"]


def test_a_document_whose_update_was_refused_still_stands_in_the_target(state_db: Engine) -> None:
    ledger = MemoryLedger(updatable=True)
    deliver(state_db, ledger, document("A"))
    ledger.refuses = {"A"}
    assert outcomes(deliver(state_db, ledger, document("A", "11.00"))) == ["rejected"]
    row = delivery(state_db, "A")
    assert (row.state, row.target_id, row.number) == ("rejected", "id-A", "A")
    assert row.content_hash == content_hash(document("A").header, document("A").parts)  # of what stands there
    there = DatabaseReader(state_db).deliveries(ENTITY, "record_key", [row.record_key])
    assert there[row.record_key]["number"] == "A"


def test_an_update_that_was_interrupted_then_refused_leaves_what_had_arrived(state_db: Engine) -> None:
    ledger = MemoryLedger([None, "request lost"], updatable=True)
    deliver(state_db, ledger, document("A"))
    arrived = content_hash(document("A").header, document("A").parts)
    with pytest.raises(TransientError):
        deliver(state_db, ledger, document("A", "11.00"))
    assert (delivery(state_db, "A").state, delivery(state_db, "A").content_hash) == ("sending", arrived)
    ledger.refuses = {"A"}
    assert outcomes(deliver(state_db, ledger, document("A", "11.00"))) == ["rejected"]
    assert delivery(state_db, "A").content_hash == arrived


def test_a_document_that_never_arrived_is_not_among_the_delivered(state_db: Engine) -> None:
    ledger = MemoryLedger()
    ledger.refuses = {"A"}
    deliver(state_db, ledger, document("A"))
    key = document("A").record_key
    assert DatabaseReader(state_db).deliveries(ENTITY, "record_key", [key]) == {}
    assert DatabaseReader(state_db).sent(ENTITY, "record_key", [key]) == {}


def test_a_record_the_target_holds_already_is_adopted_not_sent(state_db: Engine) -> None:
    ledger = MemoryLedger(adopts=True)
    ledger.books.append(document("A"))
    assert outcomes(deliver(state_db, ledger, document("A"))) == ["delivered"]
    assert ledger.sent == []


def test_a_record_refused_once_is_looked_up_before_it_is_first_sent(state_db: Engine) -> None:
    ledger = MemoryLedger(adopts=True)
    ledger.refuses = {"A"}
    deliver(state_db, ledger, document("A"))
    ledger.refuses = set()
    ledger.books.append(document("A"))  # a person entered it meanwhile
    assert outcomes(deliver(state_db, ledger, document("A"))) == ["delivered"]
    assert ledger.numbers == ["A"]


def test_half_a_batch_unsettled_is_looked_up_and_the_other_half_stays_delivered(state_db: Engine) -> None:
    ledger = MemoryLedger(["half settled"])
    documents = [document(name) for name in "ABC"]
    with pytest.raises(TransientError):
        deliver(state_db, ledger, *documents)
    assert [delivery(state_db, name).state for name in "ABC"] == ["delivered", "delivered", "sending"]
    assert outcomes(deliver(state_db, ledger, *documents)) == ["unchanged", "unchanged", "delivered"]
    assert ledger.numbers == ["A", "B", "C"]


def test_a_target_that_took_nothing_is_not_asked_what_it_holds(state_db: Engine) -> None:
    ledger = MemoryLedger(["down", None])
    with pytest.raises(TransientError, match="LB-TEST-002"):
        deliver(state_db, ledger, document("A"))
    row = delivery(state_db, "A")
    assert (row.state, row.fence) == ("not_sent", None)
    assert outcomes(deliver(state_db, ledger, document("A"), actor=NEXT_RUN)) == ["delivered"]
    assert actions(state_db) == ["sending", "put-back", "sending", "delivered"]


def test_a_record_another_try_holds_is_left_to_it_and_the_others_are_delivered(state_db: Engine) -> None:
    ledger = MemoryLedger(["answer lost"])
    with pytest.raises(TransientError):
        deliver(state_db, ledger, document("A"))
    holder = hold(state_db, until=timedelta(minutes=4))
    with pytest.raises(TransientError, match="LB-DLV-001") as refused:
        deliver(state_db, ledger, document("A"), document("B"), actor=NEXT_RUN)
    assert refused.value.retry_after_seconds is not None
    assert 235 < refused.value.retry_after_seconds <= 241
    assert f"try {holder} of run run-9 (elsewhere 7)" in refused.value.message
    assert ledger.sent == ["A", "B"]
    assert delivery(state_db, "B").state == "delivered"


def test_a_try_that_ended_is_taken_over_at_once_once_its_call_has_settled(state_db: Engine) -> None:
    ledger = MemoryLedger(["answer lost"])
    with pytest.raises(TransientError):
        deliver(state_db, ledger, document("A"))
    hold(state_db, until=timedelta(0))
    assert outcomes(deliver(state_db, ledger, document("A"), actor=NEXT_RUN)) == ["delivered"]
    assert ledger.numbers == ["A"]


def test_a_broken_call_keeps_others_out_until_the_target_has_settled(state_db: Engine) -> None:
    ledger = MemoryLedger(["answer lost"])
    first = Deliverer(state_db, RUN, ENTITY, ledger, settle=timedelta(hours=1))
    with pytest.raises(TransientError):
        first.deliver([document("A")], {})
    with pytest.raises(TransientError, match="LB-DLV-001") as early:
        deliver(state_db, ledger, document("A"), actor=NEXT_RUN)
    assert early.value.retry_after_seconds is not None
    assert 3590 < early.value.retry_after_seconds <= 3601
    end_leases(state_db)
    assert outcomes(deliver(state_db, ledger, document("A"), actor=NEXT_RUN)) == ["delivered"]


def test_what_lost_its_answer_may_wait_and_what_a_try_holds_that_lives_is_raised_all_the_same(state_db: Engine) -> None:
    def leaving() -> list[Delivered]:
        deliverer = Deliverer(state_db, NEXT_RUN, ENTITY, ledger, settle=SETTLE, leaves_unsettled=True)
        return deliverer.deliver([document("A"), document("B")], {})

    ledger = MemoryLedger(["answer lost"], call_seconds=120)
    with pytest.raises(TransientError):
        deliver(state_db, ledger, document("A"))
    left, gone_on = leaving()
    assert isinstance(left.error, RecordBusy)
    assert (left.outcome, left.error.outcome_unknown, gone_on.outcome) == ("waiting", True, "delivered")
    assert delivery(state_db, "A").state == "sending"
    hold(state_db, until=timedelta(minutes=4))
    with pytest.raises(TransientError, match="LB-DLV-001"):
        leaving()
    end_leases(state_db)
    assert outcomes(leaving()) == ["unchanged", "delivered"]
    assert ledger.sent == ["A", "B"]


def test_a_call_is_waited_for_as_long_as_it_may_take_however_short_the_settle_time(state_db: Engine) -> None:
    ledger = MemoryLedger(["answer lost"], call_seconds=120)
    with pytest.raises(TransientError):
        deliver(state_db, ledger, document("A"))
    row = delivery(state_db, "A")
    assert row.called_at is not None
    assert row.settles_at is not None
    assert row.settles_at - row.called_at >= timedelta(seconds=120)
    with pytest.raises(TransientError, match="LB-DLV-001"):
        deliver(state_db, ledger, document("A"), actor=NEXT_RUN)


def test_what_a_try_took_and_never_called_is_free_as_soon_as_it_ends(state_db: Engine) -> None:
    ledger = MemoryLedger(["find fails"], adopts=True, call_seconds=120)
    with pytest.raises(TransientError, match="LB-TEST-001"):
        deliver(state_db, ledger, document("A"))
    row = delivery(state_db, "A")
    assert (row.state, row.fence, row.called_at) == ("not_sent", None, None)
    assert actions(state_db) == ["sending", "put-back"]  # or the row would differ from the trail
    assert outcomes(deliver(state_db, ledger, document("A"), actor=NEXT_RUN)) == ["delivered"]


def test_a_worker_that_was_stopped_beyond_its_lease_sends_nothing(state_db: Engine) -> None:
    """It looks up what it holds; meanwhile its lease ends and another run delivers."""

    class StoppedLedger(MemoryLedger):
        def find(self, documents: Sequence[Document]) -> dict[str, Found]:
            end_leases(state_db)
            deliver(state_db, quick, *documents, actor=NEXT_RUN)
            return {}

    quick = MemoryLedger()
    stopped = StoppedLedger(adopts=True)
    with pytest.raises(TransientError, match="LB-DLV-001"):
        deliver(state_db, stopped, document("A"))
    assert (stopped.sent, quick.sent) == ([], ["A"])


def test_a_lease_that_is_over_sends_nothing_even_if_nobody_took_it(state_db: Engine) -> None:
    class StoppedLedger(MemoryLedger):
        def find(self, documents: Sequence[Document]) -> dict[str, Found]:
            end_leases(state_db)
            return {}

    stopped = StoppedLedger(adopts=True)
    with pytest.raises(TransientError, match="LB-DLV-001"):
        deliver(state_db, stopped, document("A"))
    assert stopped.sent == []


def test_of_a_batch_a_try_that_lost_its_lease_sends_no_more_than_what_was_on_the_wire(state_db: Engine) -> None:
    """It asks before each call; after the first one another try has taken the rest."""
    ledger = AskingLedger()
    ledger.after_a_call = lambda: _taken_over(state_db, "B")
    with pytest.raises(TransientError, match="LB-DLV-001"):
        deliver(state_db, ledger, document("A"), document("B"), document("C"))
    assert ledger.sent == ["A"]


def test_a_process_that_stood_still_after_its_mark_sends_nothing(
    state_db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP between the mark's commit and the call; the kernel's seconds go on."""
    seconds = count(1000, 312)
    monkeypatch.setattr(leave, "seconds_since_start", lambda: float(next(seconds)))
    ledger = AskingLedger()
    with pytest.raises(TransientError, match="stood still"):
        deliver(state_db, ledger, document("A"))
    assert ledger.sent == []
    monkeypatch.undo()
    assert outcomes(deliver(state_db, ledger, document("A"), actor=NEXT_RUN)) == ["delivered"]
    assert ledger.numbers == ["A"]


def test_the_answer_to_a_try_that_lost_its_record_is_kept_and_keeps_the_next_from_sending(state_db: Engine) -> None:
    """The next try has looked in vain already when the first one's answer comes in."""

    class LateLedger(MemoryLedger):
        def send(self, documents: Sequence[Document]) -> list[Outcome]:
            _taken_over(state_db, "A")
            return super().send(documents)

    books = LateLedger()
    with pytest.raises(TransientError, match="LB-DLV-001"):
        deliver(state_db, books, document("A"))
    row = delivery(state_db, "A")
    assert (row.state, row.target_id, row.number) == ("sending", "id-A", "A")
    assert actions(state_db)[-1] == "late-answer"
    end_leases(state_db)
    assert outcomes(deliver(state_db, books, document("A"), actor=NEXT_RUN)) == ["delivered"]
    assert books.numbers == ["A"]


def test_an_arrival_told_after_the_look_up_stops_the_try_that_looked(state_db: Engine) -> None:
    class ToldLedger(MemoryLedger):
        def find(self, documents: Sequence[Document]) -> dict[str, Found]:
            with transaction(state_db) as session:
                session.execute(update(Delivery).values(target_id="id-A", number="A"))
            return {}

    ledger = ToldLedger(adopts=True)
    with pytest.raises(TransientError, match="LB-DLV-001"):
        deliver(state_db, ledger, document("A"))
    assert ledger.sent == []


def test_a_double_that_could_not_be_kept_out_is_named_with_both_numbers(
    state_db: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    class SlowLedger(MemoryLedger):
        def send(self, documents: Sequence[Document]) -> list[Outcome]:
            end_leases(state_db)
            deliver(state_db, quick, *documents, actor=NEXT_RUN)
            return [Outcome(each.record_key, "id-A-2", "A-2") for each in documents]

    quick = MemoryLedger()
    with pytest.raises(TransientError, match="LB-DLV-001"):
        deliver(state_db, SlowLedger(), document("A"))
    assert actions(state_db)[-1] == "doubled"
    assert "stands twice in the target: A and A-2" in caplog.text
    with transaction(state_db) as session:
        ids = set(session.scalars(select(LinkEnd.key).where(LinkEnd.entity == ENTITY)))
    assert ids == {"id-A", "id-A-2"}  # the reconciliation finds both under one record


def test_leases_and_calls_of_before_the_clock_was_set_back_end_in_time(state_db: Engine) -> None:
    ledger = MemoryLedger(["answer lost"], call_seconds=1)
    with pytest.raises(TransientError):
        deliver(state_db, ledger, document("A"))
    hold(state_db, until=timedelta(hours=1, minutes=1), since=timedelta(hours=1))
    with transaction(state_db) as session:
        hour = database_now(session) + timedelta(hours=1)
        session.execute(update(Delivery).values(called_at=hour, settles_at=hour + timedelta(seconds=6)))
    with pytest.raises(TransientError, match="LB-DLV-001") as refused:
        deliver(state_db, ledger, document("A"), actor=NEXT_RUN)
    assert refused.value.retry_after_seconds is not None
    assert refused.value.retry_after_seconds <= 61  # a lease, not the hour


def test_a_refusal_that_comes_after_the_lease_was_lost_does_not_undo_the_delivery(state_db: Engine) -> None:
    """The first run's answer takes longer than its lease; meanwhile another run sends the document."""

    class SlowLedger(MemoryLedger):
        def send(self, documents: Sequence[Document]) -> list[Outcome]:
            end_leases(state_db)
            deliver(state_db, quick, *documents, actor=NEXT_RUN)
            self.refuses = {str(each.header["NUMBER"]) for each in documents}
            return super().send(documents)

    quick = MemoryLedger()
    with pytest.raises(TransientError, match="LB-DLV-001"):
        deliver(state_db, SlowLedger(), document("A"))
    assert delivery(state_db, "A").state == "delivered"
    assert outcomes(deliver(state_db, quick, document("A"))) == ["unchanged"]


def test_of_two_runs_that_begin_together_one_delivers(state_db: Engine) -> None:
    """Both reach the target's door at once; only one may go in."""
    together = Barrier(2)

    def run(actor: Actor) -> str:
        documents = [document(name) for name in "ABC"]
        together.wait()
        try:
            return ",".join(outcomes(deliver(state_db, ledger, *documents, actor=actor)))
        except TransientError as error:
            return error.code

    ledger = MemoryLedger()
    with ThreadPoolExecutor(2) as pool:
        seen = set(pool.map(run, [RUN, NEXT_RUN]))
    assert "delivered,delivered,delivered" in seen
    assert seen <= {"delivered,delivered,delivered", "unchanged,unchanged,unchanged", "LB-DLV-001"}
    assert ledger.numbers == ["A", "B", "C"]


def test_the_longest_run_id_of_airflow_fits(state_db: Engine) -> None:
    actor = Actor("f" * 64, "l" * 64, "r" * 250, "load")
    assert outcomes(deliver(state_db, MemoryLedger(), document("A"), actor=actor)) == ["delivered"]


FAULTS = st.lists(st.sampled_from([None, *get_args(Fault)]), max_size=12)
fresh_entity = map("test.entity_{}".format, count())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=FAULTS, refused=st.sets(st.sampled_from("ABCDE")), adopts=st.booleans())
def test_any_faults_and_reruns_leave_every_document_once(
    state_db: Engine, faults: list[Fault | None], refused: set[str], adopts: bool
) -> None:
    entity = next(fresh_entity)
    ledger = MemoryLedger(faults, adopts=adopts)
    ledger.refuses = refused
    documents = [document(name) for name in "ABCDE"]
    for _ in range(len(faults) + 1):
        try:
            deliver(state_db, ledger, *documents, entity=entity)
        except TransientError:
            continue
        break
    ledger.refuses = set()
    for _ in range(len(faults) + 1):
        try:
            last = deliver(state_db, ledger, *documents, entity=entity, actor=RUN)
        except TransientError:
            continue
        break
    assert set(outcomes(last)) <= {"delivered", "unchanged"}
    assert ledger.numbers == list("ABCDE")


class AskingLedger(MemoryLedger):
    """Like the hooks: asks for leave before each call, and one call carries one document."""

    asks_before_each_call = True
    after_a_call: Callable[[], None] = staticmethod(lambda: None)

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        outcomes = []
        for each in documents:
            with carrying([each]), going_out():
                outcomes += super().send([each])
            self.after_a_call()
        return outcomes


def hold(engine: Engine, *, until: timedelta, since: timedelta = timedelta(0)) -> int:
    """Let a try of another machine hold all deliveries; its number."""
    with transaction(engine) as session:
        now = database_now(session)
        holder = DeliveryTry(
            run_id="run-9",
            task="load",
            worker="elsewhere 7",
            token="x",
            began_at=now,
            heartbeat_at=now + since,
            lease_until=now + until,
        )
        session.add(holder)
        session.flush()
        session.execute(update(Delivery).values(fence=holder.number))
        return holder.number


def end_leases(engine: Engine) -> None:
    with transaction(engine) as session:
        ended = database_now(session) - timedelta(seconds=1)
        session.execute(update(Delivery).values(settles_at=ended))
        session.execute(update(DeliveryTry).values(lease_until=ended))


def _taken_over(engine: Engine, name: str) -> None:
    with transaction(engine) as session:
        mine = Delivery.record_key == document(name).record_key
        session.execute(update(Delivery).where(mine).values(fence=Delivery.fence + 1000))
