"""Two sides of one thing, changed by people in both: what goes where, and that it comes to rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.sync import Merged, Rules, Side, changes_only, merge

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
ASK = Rules(policy="ask")


def gp(held: dict[str, str | None], agreed: dict[str, str | None], at: datetime = NOON) -> Side:
    return Side("gp", held, agreed, at)


def xero(held: dict[str, str | None], agreed: dict[str, str | None], at: datetime = NOON) -> Side:
    return Side("xero", held, agreed, at)


def test_change_of_one_side_goes_to_the_other_and_leaves_its_other_fields_alone() -> None:
    agreed = {"name": "Anna", "city": "Kiel"}
    merged = merge(gp({"name": "Anne", "city": "Kiel"}, agreed), xero({"name": "Anna", "city": "Bonn"}, agreed), ASK)
    assert merged.writes == {"xero": {"name": "Anne"}, "gp": {"city": "Bonn"}}
    assert not merged.asked


def test_what_a_side_holds_shorter_is_no_change_of_it() -> None:
    merged = merge(
        gp({"name": "A long na"}, {"name": "A long na"}), xero({"name": "A long name"}, {"name": "A long name"}), ASK
    )
    assert merged == Merged({"gp": {}, "xero": {}}, frozenset(), {})


def test_cleared_field_is_cleared_and_one_a_side_cannot_tell_of_is_left() -> None:
    agreed = {"name": "Anna", "phone": "1"}
    merged = merge(gp({"name": "", "phone": "1"}, agreed), xero({"name": "Anna"}, agreed), ASK)
    assert merged.writes == {"gp": {}, "xero": {"name": None}}


def test_what_nests_in_one_object_is_sent_together_and_what_goes_is_cleared() -> None:
    before = {"Name": "Anna", "Terms.Sales.Day": 30, "Terms.Sales.Kind": "DAYS", "Terms.Bills.Day": 7, "Phone": "1"}
    after = {**before, "Terms.Sales.Kind": "MONTH", "Phone": None}
    assert changes_only(after, before, []) == {"Terms.Sales.Day": 30, "Terms.Sales.Kind": "MONTH", "Phone": ""}
    assert changes_only(before, before, ["Name"]) == {"Name": "Anna"}


def test_empty_text_and_no_text_are_the_same() -> None:
    merged = merge(gp({"name": ""}, {"name": None}), xero({"name": None}, {"name": ""}), ASK)
    assert merged.settled == {"name"}
    assert merged.writes == {"gp": {}, "xero": {}}


@pytest.mark.parametrize(
    ("rules", "writes"),
    [
        pytest.param(Rules("newest"), {"gp": {"name": "X"}, "xero": {}}, id="newest"),
        pytest.param(Rules("gp_wins"), {"gp": {}, "xero": {"name": "G"}}, id="gp wins"),
        pytest.param(Rules("xero_wins"), {"gp": {"name": "X"}, "xero": {}}, id="xero wins"),
        pytest.param(Rules("newest", owner={"name": "gp"}), {"gp": {}, "xero": {"name": "G"}}, id="owner"),
        pytest.param(Rules("gp_wins", {"name": "newest"}), {"gp": {"name": "X"}, "xero": {}}, id="of the field"),
        pytest.param(ASK, {"gp": {}, "xero": {}}, id="ask"),
    ],
)
def test_where_both_changed_the_policy_says(rules: Rules, writes: dict[str, dict[str, str]]) -> None:
    merged = merge(gp({"name": "G"}, {"name": "A"}), xero({"name": "X"}, {"name": "A"}, LATER), rules)
    assert merged.writes == writes
    assert set(merged.asked) == ({"name"} if rules is ASK else set())


def test_what_the_other_makes_of_an_owned_field_is_taken_back() -> None:
    rules = Rules("newest", owner={"name": "gp"})
    merged = merge(gp({"name": "A"}, {"name": "A"}), xero({"name": "X"}, {"name": "A"}, LATER), rules)
    assert merged.writes == {"gp": {}, "xero": {"name": "A"}}


def test_at_the_first_meeting_a_field_one_side_lacks_is_given_to_it_and_no_policy_is_asked() -> None:
    merged = merge(gp({"city": None, "name": "G"}, {}), xero({"city": "Bonn", "name": "X"}, {}), ASK)
    assert merged.writes == {"gp": {"city": "Bonn"}, "xero": {}}
    assert set(merged.asked) == {"name"}


@dataclass
class Ledger:
    """A side that cuts what it holds, as GP does, and stamps each change."""

    name: str
    most: int
    held: dict[str, str | None]
    agreed: dict[str, str | None] = field(default_factory=dict)
    at: datetime = NOON

    def side(self) -> Side:
        return Side(self.name, dict(self.held), dict(self.agreed), self.at)

    def write(self, name: str, value: str | None, at: datetime) -> None:
        self.held[name] = None if value is None else value[: self.most]
        self.at = at


def keep_in_step(ledgers: list[Ledger], rules: Rules, at: datetime, dies_after: int | None = None) -> int:
    """One pass over both targets; how much it wrote. It may die between what it wrote and its keeping that."""
    written = 0
    for target, other in (ledgers, ledgers[::-1]):
        merged = merge(ledgers[0].side(), ledgers[1].side(), rules)
        for name in merged.settled:
            target.agreed[name], other.agreed[name] = target.held[name], other.held[name]
        for name, value in merged.writes[target.name].items():
            target.write(name, value, at)
            written += 1
            if written == dies_after:
                return written
            target.agreed[name], other.agreed[name] = target.held[name], other.held[name]
    return written


values = st.sampled_from([None, "a", "b", "long name 1", "long name 2"])
names = st.sampled_from(["name", "city"])
edits = st.lists(st.tuples(st.integers(0, 1), names, values), max_size=4)
policies = st.sampled_from(["newest", "gp_wins", "xero_wins"])
rounds = st.lists(st.tuples(edits, st.one_of(st.none(), st.integers(1, 2))), max_size=12)


@given(rounds, policies, st.sampled_from([{}, {"name": "gp"}, {"name": "xero"}]))
def test_it_comes_to_rest_in_two_passes_whatever_people_did_and_wherever_a_pass_died(
    played: list[tuple[list[tuple[int, str, str | None]], int | None]], policy: str, owner: dict[str, str]
) -> None:
    rules = Rules(policy, owner=owner)
    ledgers = [Ledger(name, most, {"name": "a", "city": "b"}) for name, most in (("gp", 6), ("xero", 100))]
    at = NOON
    for of_round, dies_after in played:
        for place, name, value in of_round:
            at += timedelta(seconds=1)
            ledgers[place].write(name, value, at)
        at += timedelta(seconds=1)
        keep_in_step(ledgers, rules, at, dies_after)
    keep_in_step(ledgers, rules, at)
    keep_in_step(ledgers, rules, at)
    assert keep_in_step(ledgers, rules, at) == 0
    for name in ("name", "city"):
        gp_holds, xero_holds = (each.held[name] for each in ledgers)
        assert gp_holds == (xero_holds or "")[:6] or (gp_holds, xero_holds) == (None, None)


@given(names, values, st.integers(0, 1), policies)
def test_an_edit_nobody_contradicts_reaches_the_other_side(
    name: str, value: str | None, place: int, policy: str
) -> None:
    ledgers = [Ledger("gp", 100, {"name": "x", "city": "y"}), Ledger("xero", 100, {"name": "x", "city": "y"})]
    keep_in_step(ledgers, Rules(policy), NOON)
    ledgers[place].write(name, value, LATER)
    keep_in_step(ledgers, Rules(policy), LATER)
    assert [each.held[name] for each in ledgers] == [value, value]


WATCHED = Rules("newest", watched=["bank_account"])


@pytest.mark.parametrize(
    ("answers", "writes", "asked"),
    [
        pytest.param({}, {}, {"bank_account": {"xero": "666", "before": "111"}}, id="not-answered"),
        pytest.param({"bank_account": "xero"}, {}, {}, id="approved"),
        pytest.param({"bank_account": "before"}, {"bank_account": "111"}, {}, id="refused"),
    ],
)
def test_watched_field_that_one_side_alone_holds_waits_for_a_person_and_is_taken_back_if_they_say_so(
    answers: dict[str, str], writes: dict[str, str], asked: dict[str, dict[str, str]]
) -> None:
    gp = Side("gp", {"name": "Acme"}, {"name": "Acme"}, datetime(2026, 3, 2, tzinfo=UTC))
    held, agreed = {"name": "Acme", "bank_account": "666"}, {"name": "Acme", "bank_account": "111"}
    xero = Side("xero", held, agreed, datetime(2026, 3, 2, tzinfo=UTC))
    merged = merge(gp, xero, WATCHED, answers)
    assert (merged.writes["xero"], merged.asked) == (writes, asked)
    assert merged.writes["gp"] == {}
    assert ("bank_account" in merged.settled) == (answers == {"bank_account": "xero"})


def test_watched_field_is_taken_as_it_is_when_it_is_first_seen() -> None:
    gp = Side("gp", {"name": "Acme"}, {"name": "Acme"}, datetime(2026, 3, 2, tzinfo=UTC))
    xero = Side("xero", {"name": "Acme", "bank_account": "111"}, {"name": "Acme"}, datetime(2026, 3, 2, tzinfo=UTC))
    assert "bank_account" in merge(gp, xero, WATCHED).settled


def test_watched_field_that_one_of_two_sides_changed_is_asked_about() -> None:
    agreed = {"tax_number": "GB1"}
    gp = Side("gp", {"tax_number": "GB1"}, agreed, datetime(2026, 3, 2, tzinfo=UTC))
    xero = Side("xero", {"tax_number": "GB2"}, agreed, datetime(2026, 3, 2, tzinfo=UTC))
    rules = Rules("newest", watched=["tax_number"])
    assert merge(gp, xero, rules).asked == {"tax_number": {"gp": "GB1", "xero": "GB2"}}
    assert merge(gp, xero, rules, {"tax_number": "xero"}).writes["gp"] == {"tax_number": "GB2"}
    assert merge(gp, xero, rules, {"tax_number": "gp"}).writes["xero"] == {"tax_number": "GB1"}
