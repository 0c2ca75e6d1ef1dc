"""The stage `orders` on events, in this process: the shop tells of its orders, and the DAG's own trigger looks on."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk import Asset
from sqlalchemy import func, select

from bench.subscribing import SUBSCRIBED, subscribe
from demo.stack import Stack
from inbox.app import create_app
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery, LoggedChange
from operators import settings
from operators.builder import build_flow
from sandbox.player import Player, opening_of
from tests.contract.served_app import serve
from tests.flows.golden_orders import lamp, order_file, sale
from tests.flows.in_process import Office, open_office
from triggers.changes import StageHasWork

__all__ = ["ToldOrders", "told_orders"]

STAGE = "order_to_cash.orders"
BY_WATCHER = {Asset(f"ledgerbridge://main/work/{STAGE}"): [SimpleNamespace(extra={"from_trigger": True})]}
GP_ORDER = 2
PATIENCE_SECONDS = 60


@dataclass
class ToldOrders:
    """
    An office whose first order is in GP.

    :param names: of its orders, of which all but the first are to be placed.
    :param trigger: the one that Airflow runs for the stage.
    :param receiver: where webhooks come in.
    """

    office: Office
    names: list[str]
    trigger: StageHasWork
    receiver: str

    def place(self, *names: str) -> None:
        """Customers place these orders in the shop."""
        cases = [case for case in self.office.file["cases"] if case["id"] in names]
        self.office.player.play({**self.office.file, "cases": cases}, 1)

    def subscribe(self) -> None:
        """The shop tells the receiver of orders from now on."""
        subscribe(os.environ, f"{self.receiver}/{SUBSCRIBED}")

    def wait_until_told(self, orders: int) -> None:
        """Until webhooks of so many orders are in the change log."""
        wait_for(lambda: self.told >= orders)

    def run(self, run_id: str, *, by_event: bool) -> None:
        """A run that the trigger started, or the clock."""
        self.office.flow.told = BY_WATCHER if by_event else {}
        self.office.flow.run_stage("orders", run_id)

    @property
    def told(self) -> int:
        """How many webhooks are in the change log."""
        with transaction(self.office.state) as session:
            return session.scalar(select(func.count()).where(LoggedChange.how == "webhook")) or 0

    @property
    def delivered(self) -> list[Delivery]:
        """What became of the orders that are in GP, as we know it."""
        with transaction(self.office.state) as session:
            of_orders = (Delivery.leg == "order", Delivery.state == "delivered")
            found = session.scalars(select(Delivery).where(*of_orders)).all()
            session.expunge_all()
            return list(found)

    @property
    def in_gp(self) -> Counter[str]:
        """How often each order is in GP."""
        documents = self.office.player.ledger("gp")["documents"]
        return Counter(str(each["CSTPONBR"]).strip() for each in documents if int(each.get("SOPTYPE", 0)) == GP_ORDER)


def wait_for(ready: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def told_orders(
    stack: Stack, player: Player, folder: Path, *, orders: int, schedule: str, max_records: int
) -> Iterator[ToldOrders]:
    """An office of so many orders a minute apart; its stage `orders` has this schedule and no larger batches."""
    include = Path(shutil.copytree(settings.include_folder(), folder / "include"))
    flow = include / "flows" / "order_to_cash.yaml"
    text = flow.read_text().replace("stages:\n", f"max_records: {max_records}\nstages:\n", 1)
    flow.write_text(text.replace("  orders:\n", f"  orders:\n    schedule: {schedule}\n", 1))
    cases = [sale(4900 + each, [lamp()], [], placed_at=f"2026-03-02T15:{each:02}:00Z") for each in range(orders)]
    file = order_file(cases)
    with pytest.MonkeyPatch.context() as patch, open_office(file, stack, player, folder) as office:
        patch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
        with serve(create_app(partial(settings.state_engine, stays=True))) as receiver:
            found = ToldOrders(office, [case["id"] for case in cases], _trigger(include), receiver)
            player.set_clock(opening_of(file))
            found.place(found.names[0])
            found.run("run-0", by_event=False)
            assert found.in_gp == {found.names[0]: 1}
            yield found


def _trigger(include: Path) -> StageHasWork:
    condition = build_flow("order_to_cash", include)[STAGE].timetable.asset_condition
    [trigger] = [watcher.trigger for asset in condition.objects for watcher in getattr(asset, "watchers", [])]
    assert isinstance(trigger, StageHasWork)
    return trigger
