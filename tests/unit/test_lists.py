"""Sources whose lists are read whole: what such a list has no more is gone, and what less than that shows is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from memory_system import NOON, MemorySource
from sqlalchemy import Engine, select

from ledgerbridge.changes import SourceId
from ledgerbridge.errors import TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import LoggedChange, Reading
from operators.change_log import read_again, read_source

A, B, C = (f"ledger:org:tax:{each}" for each in "ABC")
NAMED = SourceId("main", "ledger.tax", "ledger")


class Listed(MemorySource):
    """Its readings begin with the first record each time."""

    listed_every = timedelta()


class ListedDaily(MemorySource):
    """One reading of a day does."""

    listed_every = timedelta(days=1)


@pytest.fixture
def staged(state_db: Engine, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__STAGING_URL", tmp_path_factory.mktemp("staging").as_uri())
    return state_db


def source(kind: type[MemorySource] = Listed, *keys: str) -> MemorySource:
    found = kind()
    for key in keys or (A, B, C):
        found.write(key, "v1")
    return found


def read(engine: Engine, of: MemorySource) -> int:
    """How many records of a reading were new to the log."""
    of.wait(minutes=5)
    return read_source(engine, of, NAMED, run_id=f"run {of.now}", overlap=timedelta(minutes=1), beginning=None).new


def log(engine: Engine) -> list[tuple[str, str]]:
    with transaction(engine) as session:
        rows = session.scalars(select(LoggedChange).order_by(LoggedChange.number))
        return [(row.source_key[-1], row.version) for row in rows]


def test_what_a_whole_list_has_no_more_is_gone_once_and_new_when_it_is_there_again(staged: Engine) -> None:
    taxes = source()
    assert read(staged, taxes) == 3
    del taxes.records[B]
    assert (read(staged, taxes), read(staged, taxes)) == (1, 0)
    taxes.write(B, "v1", at=NOON)
    assert read(staged, taxes) == 1
    del taxes.records[B]
    assert read(staged, taxes) == 1
    assert log(staged) == [("A", "v1"), ("B", "v1"), ("C", "v1"), ("B", "gone"), ("B", "v1"), ("B", "gone")]


def test_a_list_that_breaks_off_proves_nothing(staged: Engine) -> None:
    taxes = source()
    read(staged, taxes)

    def breaks_off(number: int) -> None:
        raise TransientError("LB-GP-001", "no answer", remedy="wait")

    del taxes.records[C]
    taxes.after_page = breaks_off
    with pytest.raises(TransientError):
        read(staged, taxes)
    assert ("C", "gone") not in log(staged)


@pytest.mark.parametrize("keys", [(), ("ledger:other:tax:A",)], ids=["empty", "of-another-organisation"])
def test_a_list_without_any_record_of_the_company_proves_nothing(staged: Engine, keys: tuple[str, ...]) -> None:
    taxes = source()
    read(staged, taxes)
    taxes.records.clear()
    for key in keys:
        taxes.write(key, "v1")
    assert read(staged, taxes) == len(keys)


def test_a_reading_of_what_changed_proves_nothing_and_the_list_of_the_next_day_does(staged: Engine) -> None:
    items = source(ListedDaily)
    assert read(staged, items) == 3
    del items.records[A]
    items.write(B, "v2")
    assert read(staged, items) == 1
    with transaction(staged) as session:
        reading = session.scalars(select(Reading)).one()
        assert reading.listed_at is not None
        reading.listed_at -= timedelta(days=1)
    assert read(staged, items) == 1
    assert log(staged)[-1] == ("A", "gone")
    assert items.read_since[0] is None
    assert items.read_since[1] is not None
    assert items.read_since[2] is None


def test_a_list_that_a_clock_ahead_dated_into_the_future_is_read_whole_again(staged: Engine) -> None:
    items = source(ListedDaily)
    assert read(staged, items) == 3
    del items.records[A]
    with transaction(staged) as session:
        reading = session.scalars(select(Reading)).one()
        assert reading.listed_at is not None
        reading.listed_at += timedelta(days=365)
    assert read(staged, items) == 1
    assert log(staged)[-1] == ("A", "gone")


def test_a_source_of_which_no_list_is_whole_loses_nothing(staged: Engine) -> None:
    orders = source(MemorySource)
    read(staged, orders)
    orders.records.clear()
    orders.write(A, "v2")
    assert read(staged, orders) == 1


def test_what_was_gone_is_told_again_when_the_file_that_told_it_is_lost(staged: Engine) -> None:
    taxes = source()
    read(staged, taxes)
    del taxes.records[B]
    read(staged, taxes)
    with transaction(staged) as session:
        told = session.scalars(select(LoggedChange).where(LoggedChange.version == "gone")).one()
        lost = [str(told.payload_uri)]
    taxes.wait(minutes=5)
    again = read_again(staged, taxes, NAMED, lost=lost, overlap=timedelta(minutes=1), beginning=None)
    assert again is not None
    assert again.new == 1
