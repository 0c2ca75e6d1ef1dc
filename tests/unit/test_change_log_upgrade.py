"""An installation that kept windows goes on with the change log: nothing is sent again, nothing under way is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, select, text
from test_state import scripts

from ledgerbridge.changes import Found, LegId, SourceId, append, begin_reading, take
from ledgerbridge.changes.taking import has_position
from ledgerbridge.state import migrate, transaction
from ledgerbridge.state.models import Position, Reading, SourceRecord

BEFORE, AFTER = "0011", "0016"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OVERLAP = timedelta(minutes=10)
US = SourceId("main", "shopify.order", "shopify_us")
ORDER = LegId("main", "order_to_cash", "order", "shopify.order")
WINDOWS = [
    # flow, connection, run, since, until
    ("order_to_cash", "shopify_us", "run-1", None, NOON - timedelta(hours=2)),
    ("order_to_cash", "shopify_us", "run-2", NOON - timedelta(hours=3), NOON - timedelta(hours=1)),
    ("order_to_cash", "shopify_uk", "run-1", None, NOON),
    ("other_flow", "shopify_us", "run-9", NOON - timedelta(hours=5), NOON - timedelta(hours=4)),
]


@pytest.fixture
def upgraded(empty_state_db: Engine) -> Engine:
    """A database with windows and a work list, brought up to date."""
    migrate(empty_state_db, BEFORE)
    ahead = ("order_to_cash", "shopify_us", "run-3", NOON, datetime.now(UTC) + timedelta(days=365))
    with empty_state_db.begin() as connection:
        for flow, shop, run_id, since, until in [*WINDOWS, ahead]:
            connection.execute(
                text(
                    "INSERT INTO extraction_window"
                    " (flow, entity, connection, run_id, leg, since, until, rows, batch_uri)"
                    " VALUES (:flow, 'shopify.order', :shop, :run, 'customer', :since, :until, 3, 'file:///read')"
                ),
                {"flow": flow, "shop": shop, "run": run_id, "since": plain(since), "until": plain(until)},
            )
        for key, version, outcome in (("a", "v1", "delivered"), ("b", "v1", "waiting"), ("c", "v2", "read")):
            connection.execute(
                text(
                    "INSERT INTO source_record (flow, leg, entity, source_key, version, outcome, batch_uri, run_id,"
                    " updated_at) VALUES ('order_to_cash', 'order', 'shopify.order', :key, :version, :outcome,"
                    " 'file:///old', 'run-2', '2026-03-02 12:00:00')"
                ),
                {"key": key, "version": version, "outcome": outcome},
            )
    migrate(empty_state_db)
    return empty_state_db


def plain(instant: datetime | None) -> str | None:
    return instant and instant.replace(tzinfo=None).isoformat(" ", "microseconds")


def test_each_source_is_read_on_from_the_last_window_of_the_flow_that_is_furthest_behind(upgraded: Engine) -> None:
    with transaction(upgraded) as session:
        kept = {row.connection: (row.until, row.whole) for row in session.scalars(select(Reading))}
        reading = begin_reading(session, US, at=NOON, overlap=OVERLAP, beginning=None)
    assert kept == {"shopify_us": (NOON - timedelta(hours=5), False), "shopify_uk": (None, False)}
    assert reading.since == NOON - timedelta(hours=5) - OVERLAP


def test_what_was_finished_is_not_taken_when_it_is_read_again_and_what_was_not_goes_on(upgraded: Engine) -> None:
    with transaction(upgraded) as session:
        found = [Found(key, version, NOON) for key, version in (("a", "v1"), ("b", "v1"), ("c", "v3"), ("d", "v1"))]
        append(session, US, found, how="poll", payload_uri="file:///new")
    with transaction(upgraded) as session:
        batch = take(session, ORDER, "run-4", 100)
    assert {(each.key, each.version, each.uri) for each in batch.records} == {
        ("b", "v1", "file:///old"),
        ("c", "v3", "file:///new"),
        ("d", "v1", "file:///new"),
    }
    with transaction(upgraded) as session:
        finished = session.scalars(select(SourceRecord).where(SourceRecord.source_key == "a")).one()
        assert (finished.version, finished.outcome, finished.change) == ("v1", "delivered", None)


def test_a_leg_that_had_taken_before_reads_nothing_anew_and_one_that_had_not_does(upgraded: Engine) -> None:
    with transaction(upgraded) as session:
        assert has_position(session, ORDER)
        assert session.scalars(select(Position)).one().change == 0
        added = ORDER._replace(leg="added")
        new_leg = not has_position(session, added)
        assert begin_reading(session, US, at=NOON, overlap=OVERLAP, beginning=None, new_leg=new_leg).since is None


def test_going_back_leaves_windows_that_end_where_each_source_was_read_to(upgraded: Engine) -> None:
    config: Config = scripts()
    with upgraded.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, BEFORE)
    with upgraded.begin() as connection:
        [window] = connection.execute(text("SELECT flow, connection, leg FROM extraction_window")).all()
        records = connection.execute(text("SELECT source_key, outcome FROM source_record ORDER BY source_key")).all()
    assert tuple(window) == ("order_to_cash", "shopify_us", "order")
    assert [tuple(record) for record in records] == [("a", "delivered"), ("b", "waiting"), ("c", "read")]
    assert not {"change", "reading", "position"} & set(inspect(upgraded).get_table_names())
    migrate(upgraded, AFTER)
