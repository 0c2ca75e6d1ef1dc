"""Documents that differ from what was usual are told, and held only where the suite says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from sqlalchemy import Engine

from bench.validation import company, planted, told
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.gates import Expectation, GateResult, Suite, with_hints
from ledgerbridge.state import transaction
from ledgerbridge.state.companies import for_company
from ledgerbridge.state.models import DeadLetter
from ledgerbridge.state.replays import let_pass
from ledgerbridge.state.seen_documents import latest_seen, remember_seen, seen_of_parties
from ledgerbridge.unusual import OF_A_PARTY, Seen, Unusual, hints, seen_in

BY = Unusual(party="CUSTNMBR", amount="DOCAMNT", date="DOCDATE", account="ACCOUNT")
DAY = date(2026, 3, 2)
EXPECTATION = Expectation(expect="expect_column_values_to_not_be_null", column="DOCAMNT", remedy="Mend it.")


def seen(key: str, amount: str = "100.00", day: date = DAY, party: str = "C1", account: str = "4000") -> Seen:
    return Seen(key, party, "", Decimal(amount), day, (account,))


HISTORY = [seen(f"h{at}", f"{90 + 3 * at}.00", DAY - timedelta(days=24 - at)) for at in range(20)]


@pytest.mark.parametrize(
    ("document", "of"),
    [
        (seen("new", "104.10"), []),
        (seen("new", "10410.00"), ["amount"]),
        (seen("new", "1.04"), ["amount"]),
        (seen("new", "104.10", DAY.replace(year=2027)), ["date"]),
        (seen("new", "104.10", account="5000"), ["account"]),
        (seen("new", "147.00", DAY - timedelta(days=4)), ["duplicate"]),
        (seen("new", "-104.10"), []),
        (seen("h19", "147.00", DAY - timedelta(days=5)), []),
        (seen("new", "10410.00", party="who never had any"), []),
    ],
    ids=["usual", "far-too-much", "far-too-little", "wrong-year", "account-never-had", "twice", "negative", "known-one",
         "no-history"],
)  # fmt: skip
def test_document_is_unusual_by_what_its_party_had_before(document: Seen, of: list[str]) -> None:
    assert [each.of for each in hints([document], HISTORY, HISTORY, BY)] == of


def test_party_that_has_the_same_twice_in_days_is_not_told_of_when_it_does_again() -> None:
    before = [seen(f"h{at}", "20.00", DAY - timedelta(days=60 - at)) for at in range(20)]
    assert {each.of for each in hints([seen("a"), seen("b")], [], [], BY)} == {"duplicate"}
    assert hints([seen("a", "20.00"), seen("b", "20.00")], before, before, BY, today=DAY) == []


def test_good_documents_are_hardly_told_of_and_planted_errors_are_found() -> None:
    documents = company(1500, seed=7)
    alarms = {each.record_key for each in told(documents)[0]}
    found = planted(documents, seed=7)
    assert len(alarms) < 0.03 * len(documents)
    assert all(found[kind][0] / found[kind][1] > 0.7 for kind in ("wrong year", "month for day", "entered twice"))
    assert found["amount times 100"][0] / found["amount times 100"][1] > 0.2


def test_what_is_remembered_is_a_companys_the_newest_of_each_party_and_once_a_document(state_db: Engine) -> None:
    ours, theirs = (for_company(state_db, company) for company in ("ours", "theirs"))
    with transaction(ours) as session:
        remember_seen(session, "gp.sales_order", [seen(f"r{at}", f"{at}.00") for at in range(1, 100)])
        remember_seen(session, "gp.sales_order", [seen("r99", "7.25")])
        kept = seen_of_parties(session, "gp.sales_order", ["C1", "C2"])
        assert latest_seen(session, "gp.sales_order")[-1] == kept[-1] == seen("r99", "7.25")
        assert len(kept) == OF_A_PARTY
        assert seen_of_parties(session, "xero.invoice", ["C1"]) == []
    with transaction(theirs) as session:
        assert latest_seen(session, "gp.sales_order") == []


def test_documents_of_a_batch_are_read_with_their_accounts_and_one_without_an_amount_is_left_out() -> None:
    table = pa.table(
        {
            "record_key": ["a", "b"],
            "CUSTNMBR": ["C1", "C2"],
            "DOCAMNT": pa.array([Decimal("12.50"), None], pa.decimal128(19, 5)),
            "DOCDATE": [DAY, DAY],
        }
    )
    lines = pd.DataFrame({"record_key": ["a", "a", "a"], "ACCOUNT": ["4100", "4000", None]})
    frames = {"header": table.to_pandas(types_mapper=pd.ArrowDtype), "lines": lines}
    assert seen_in(frames, BY) == [Seen("a", "C1", "", Decimal("12.50"), DAY, ("4000", "4100"))]
    with pytest.raises(ConfigurationError, match='lines of these documents have no "SHELF"'):
        seen_in(frames, BY.model_copy(update={"account": "SHELF"}))


def test_unusual_document_goes_on_with_a_warning_and_is_held_only_where_the_suite_says_reject() -> None:
    found = hints([seen("new", "10410.00")], HISTORY, HISTORY, BY)
    warns = Suite(expectations=[EXPECTATION], unusual=BY, name="orders")
    holds = warns.model_copy(update={"unusual": BY.model_copy(update={"otherwise": "reject"})})
    warned, held = (with_hints(GateResult([], [], []), suite, 1, found) for suite in (warns, holds))
    assert (warned.failures, held.warnings) == ([], [])
    [told_of] = held.failures
    assert warned.warnings == [told_of]
    assert told_of["code"] == "LB-GATE-002"
    assert told_of["message"] == "10410.00 is far from this party's usual 118.49"
    assert [(each["expect"], each["unexpected"]) for each in held.results] == [("usual amount", 1)]


def test_document_that_a_person_replayed_passes_in_that_version_and_in_no_other(state_db: Engine) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    letter = {
        "flow": "f",
        "leg": "l",
        "step": "gate",
        "record_key": "new",
        "field": "DOCAMNT",
        "message": "",
        "remedy": "",
    }
    with transaction(for_company(state_db, "ours")) as session:
        for number, code in enumerate(("LB-GATE-002", "LB-GATE-001")):
            session.add(
                DeadLetter(
                    id=str(number), source_key=f"s{number}", code=code, run_id="r", created_at=now, stands_for="v1",
                    replayed_at=now, state="replaying", **letter,
                )
            )  # fmt: skip
        session.flush()
        assert let_pass(session, "f", "l", "LB-GATE-002", {"s0": "v1", "s1": "v1"}) == {"new"}
        assert let_pass(session, "f", "l", "LB-GATE-002", {"s0": "v2", "s1": "v1"}) == set()
