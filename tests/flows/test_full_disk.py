"""A disk that is full while a leg reads: the task is tried again, nobody else is blamed, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.errors import StoreUnavailable
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Circuit, Delivery, Reading
from sandbox.player import Player
from tests.flows.in_process import Office, open_office, placed_orders
from tests.small_disk import fill, small_disk


@pytest.fixture(scope="module")
def file(sandboxes: Player) -> dict[str, Any]:
    return placed_orders(sandboxes, 6)


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with small_disk(tmp_path / "staging") as disk:
        monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__STAGING_URL", f"file://{disk}")
        yield disk


def test_a_full_staging_disk_pauses_no_connection_and_loses_no_record(
    staging: Path, file: dict[str, Any], stack: Stack, sandboxes: Player, tmp_path: Path, state_url: str
) -> None:
    with open_office(file, stack, sandboxes, tmp_path, state_url) as office:
        filler = fill(staging)
        for _ in range(4):
            with pytest.raises(StoreUnavailable, match="LB-STG-005"):
                office.flow.run("run-1")
        assert _kept(office) == ([], [])
        filler.unlink()
        office.flow.run("run-1")
        with transaction(office.state) as session:
            sent = session.scalars(select(Delivery.state).where(Delivery.leg == "customer")).all()
        assert set(sent) == {"delivered"}


def _kept(office: Office) -> tuple[list[Circuit], list[Reading]]:
    """What the state database holds of failed connections and of what was read."""
    with transaction(office.state) as session:
        failing = select(Circuit).where(Circuit.failures > 0)
        return list(session.scalars(failing)), list(session.scalars(select(Reading)))
