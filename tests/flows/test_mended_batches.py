"""A batch that is changed between two tasks stops the leg; once its extract is cleared, all is delivered, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery, SourceRecord
from operators.staging import BatchRef
from sandbox.player import Player
from tests.flows.in_process import STEPS, Office, open_office, placed_orders

LEG = "customer"


@pytest.fixture(scope="module")
def file(sandboxes: Player) -> dict[str, Any]:
    """Six orders, placed in the shop."""
    return placed_orders(sandboxes, 6)


@pytest.fixture
def office(file: dict[str, Any], stack: Stack, sandboxes: Player, tmp_path: Path) -> Iterator[Office]:
    with open_office(file, stack, sandboxes, tmp_path) as office:
        yield office


def payloads(office: Office) -> list[Path]:
    """The files of the change log that hold the orders."""
    return sorted((office.folder / "staging" / "changes" / "main" / "shopify.order").glob("*/raw.*"))


def run(office: Office, run_id: str, *steps: str) -> None:
    """The named tasks of the customers' leg, as a scheduler starts them."""
    for step in steps:
        task = office.flow.task(LEG, step)
        office.flow.results[task.task_id] = task.execute(office.flow.context(run_id))


def staged(office: Office, run_id: str, part: str) -> list[Path]:
    """The files of one part, ``canonical/header``, that the leg staged in a run."""
    return sorted((office.folder / "staging" / "runs" / "main" / "order_to_cash" / run_id / LEG).glob(f"{part}*"))


def renamed(column: str) -> Callable[[Path], None]:
    """Replaces a staged file by a sound one that says something else in a column."""

    def change(file: Path) -> None:
        table = pq.read_table(file)
        text = pc.replace_substring(table[column].cast(pa.large_string()), "a", "e")
        pq.write_table(table.set_column(table.schema.get_field_index(column), column, text), file)

    return change


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def delivered(office: Office) -> list[str]:
    with transaction(office.state) as session:
        records = session.scalars(select(SourceRecord.outcome).where(SourceRecord.leg == LEG)).all()
        states = session.scalars(select(Delivery.state).where(Delivery.leg == LEG)).all()
        assert set(states) == {"delivered"}
        return list(records)


@pytest.mark.parametrize(
    ("part", "damage", "stops"),
    [
        ("extract/taken", renamed("key"), "transform"),
        ("extract/taken", cut, "transform"),
        ("documents/header", cut, "gate"),
        ("canonical/header", renamed("name"), "load"),
        ("canonical/header", cut, "load"),
        ("links/links", renamed("mapping_version"), "load"),
        ("gate/header", cut, "load"),
    ],
)
def test_a_batch_changed_between_two_tasks_stops_the_leg_until_its_extract_is_cleared(
    office: Office, part: str, damage: Callable[[Path], None], stops: str
) -> None:
    steps = list(STEPS)
    run(office, "run-1", *steps[: steps.index(stops)])
    for file in staged(office, "run-1", part):
        damage(file)
    with pytest.raises(ConfigurationError, match="LB-STG-002") as caught:
        run(office, "run-1", stops)
    assert "clear the extract task" in caught.value.remedy
    run(office, "run-1", *steps)
    assert set(delivered(office)) == {"delivered"}


@pytest.mark.parametrize("damage", [renamed("payload"), cut, Path.unlink])
def test_a_damaged_file_of_the_change_log_stops_the_leg_until_its_extract_is_cleared(
    office: Office, damage: Callable[[Path], None]
) -> None:
    run(office, "run-1", "extract")
    (raw,) = payloads(office)
    whole = raw.read_bytes()
    damage(raw)
    with pytest.raises(ConfigurationError, match=r"LB-STG-00[12]") as caught:
        run(office, "run-1", "transform")
    assert "clear the extract task" in caught.value.remedy
    run(office, "run-1", *STEPS)
    assert raw.read_bytes() == whole
    assert set(delivered(office)) == {"delivered"}


def test_what_lay_in_a_damaged_file_and_changed_since_comes_in_its_newer_version(office: Office) -> None:
    run(office, "run-1", "extract")
    (raw,) = payloads(office)
    cut(raw)
    office.player.play(office.file, 3)
    run(office, "run-1", *STEPS)
    assert set(delivered(office)) == {"delivered"}


def test_a_later_run_mends_what_an_earlier_one_took_and_left(office: Office) -> None:
    run(office, "run-1", "extract")  # its worker is lost; the next run carries its records over
    (raw,) = payloads(office)
    cut(raw)
    with pytest.raises(ConfigurationError, match=r"LB-STG-002 .*/changes/main/shopify\.order/"):
        run(office, "run-2", "extract", "transform")
    run(office, "run-2", *STEPS)
    assert set(delivered(office)) == {"delivered"}


def test_a_file_put_back_from_a_backup_is_taken_up_where_it_was_left(office: Office) -> None:
    run(office, "run-1", "extract")
    (raw,) = payloads(office)
    backup = raw.read_bytes()
    raw.unlink()
    with pytest.raises(ConfigurationError, match="LB-STG-001"):
        run(office, "run-2", "extract", "transform")
    raw.write_bytes(backup)
    run(office, "run-2", "transform", "gate", "load")
    assert set(delivered(office)) == {"delivered"}


def test_a_task_killed_before_it_told_of_its_batch_leaves_the_last_one_standing(office: Office) -> None:
    run(office, "run-1", "extract")
    before = BatchRef.from_xcom(office.flow.results[f"{LEG}.extract"])
    # a kill between writing a file and telling of it, and one amid writing
    (taken,) = staged(office, "run-1", "extract/taken")
    taken.with_name(f"taken.{'0' * 64}.parquet").write_bytes(b"PAR1 and no mo")
    run(office, "run-1", "extract", "transform", "gate", "load")
    assert BatchRef.from_xcom(office.flow.results[f"{LEG}.extract"]) == before
    assert set(delivered(office)) == {"delivered"}
