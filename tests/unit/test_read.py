"""What the first task of a stage reads, and which legs it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, TaskGroup
from airflow.sdk.exceptions import DownstreamTasksSkipped
from airflow.sdk.execution_time.context import OutletEventAccessors
from memory_system import MemorySource, register
from sqlalchemy import Engine, func, select, update

from ledgerbridge.errors import TransientError
from ledgerbridge.flows import FlowConfig
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, Circuit, Delivery, LoggedChange, Position, SourceRecord
from ledgerbridge.state.source_records import Fate, set_outcomes
from operators import staging
from operators.assets import outlet
from operators.extract import ExtractOperator
from operators.read import ReadOperator

FLOW = "some_flow"
NAMES = {"conform": "c", "map": "m", "gate": "g"}
CONFIG = FlowConfig.model_validate(
    {
        "description": "Shop to ledger and back.",
        "owner": "finance",
        "stages": {
            "orders": {
                "legs": {
                    "customer": {**NAMES, "from": "shop.order", "to": "ledger.customer"},
                    "order": {**NAMES, "from": "shop.order", "to": "ledger.order", "after": "customer"},
                }
            },
            "money": {
                "legs": {
                    "goods_back": {
                        "from": "shop.order",
                        "conform": "returns",
                        "map": "m",
                        "gate": "g",
                        "to": "ledger.return",
                        "after": "order",
                    },
                    "payment": {**NAMES, "from": "gateway.charge", "to": "bank.transfer"},
                    "receipt": {**NAMES, "from": "bank.payment", "to": "ledger.receipt", "after": "payment"},
                }
            },
        },
    }
)
STAGE_OF = CONFIG.stage_of


@dataclass
class Stages:
    """The stages of a flow, in this process."""

    engine: Engine
    shop: MemorySource
    gateway: MemorySource
    bank: MemorySource
    told: OutletEventAccessors = field(default_factory=OutletEventAccessors)

    def start(self, stage: str, run_id: str, legs: Sequence[str] | None = None) -> list[str]:
        """Run a stage's first task; the legs it starts. ``told`` are then the assets it tells of."""
        with DAG(f"{FLOW}.{stage}", schedule=None) as dag:
            read = ReadOperator(task_id="read", flow=FLOW, config=CONFIG, stage=stage, outlets=[outlet("main")])
            for leg in CONFIG.of_stage(stage):
                with TaskGroup(leg):
                    read >> self._extract(leg)
        self.told = OutletEventAccessors()
        try:
            return read.execute(context(run_id, legs) | {"outlet_events": self.told})
        except DownstreamTasksSkipped as skips:
            skipped = {str(each).partition(".")[0] for each in skips.tasks}
            return [leg for leg in dag.task_group.children if leg not in skipped and leg != "read"]

    def take(
        self, leg: str, run_id: str, outcome: str | None = "delivered", legs: Sequence[str] | None = None
    ) -> list[str]:
        """A leg takes its batch and is done with it, unless told that it is not; the keys."""
        try:
            with DAG(f"{FLOW}.{STAGE_OF[leg]}", schedule=None):
                self._extract(leg).execute(context(run_id, legs))
        except DownstreamTasksSkipped:
            return []
        of_run = (SourceRecord.leg == leg, SourceRecord.run_id == run_id)
        with transaction(self.engine) as session:
            keys = list(session.scalars(select(SourceRecord.source_key).where(*of_run)))
            if outcome is not None:
                set_outcomes(session, FLOW, leg, dict.fromkeys(keys, Fate(outcome, "why")))
        return sorted(keys)

    def run_all(self, run_id: str) -> None:
        """A run of each stage, each leg done with all it takes."""
        for stage in CONFIG.stages:
            for leg in self.start(stage, run_id):
                self.take(leg, run_id)

    def _extract(self, leg: str) -> ExtractOperator:
        return ExtractOperator(
            task_id=f"{leg}_extract",
            flow=FLOW,
            leg=leg,
            config=CONFIG.legs[leg],
            behind=CONFIG.behind(leg),
            done_by=CONFIG.behind_stages(leg),
        )


def context(run_id: str, legs: Sequence[str] | None = None) -> Any:
    return {"run_id": run_id, "params": {"legs": legs}}


@pytest.fixture
def stages(state_db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stages:
    """A shop, a gateway and a bank whose records are in the ledger already, and nothing is new."""
    sources = {"shop": MemorySource(), "gateway": MemorySource(), "bank": MemorySource()}
    for source in sources.values():
        source.write("old", "v1")
    register(sources, state_db, tmp_path, monkeypatch)
    stages = Stages(state_db, **sources)
    stages.run_all("run-0")
    for source in sources.values():
        source.read_since.clear()
    return stages


def test_a_stage_with_nothing_new_reads_each_source_once_and_starts_no_leg(stages: Stages) -> None:
    assert stages.start("orders", "run-1") == []
    assert stages.start("money", "run-1") == []
    assert [len(each.read_since) for each in (stages.shop, stages.gateway, stages.bank)] == [2, 1, 1]


def test_legs_of_a_new_record_are_started_and_do_not_read_it_again(stages: Stages) -> None:
    stages.shop.wait(hours=1)
    stages.shop.write("new", "v1")
    assert stages.start("orders", "run-1") == ["customer", "order"]
    assert stages.take("customer", "run-1") == ["new"]
    assert stages.take("order", "run-1") == ["new"]
    assert len(stages.shop.read_since) == 1


def test_a_leg_that_reads_where_another_one_of_the_run_writes_is_started_with_it_and_reads_anew(
    stages: Stages,
) -> None:
    stages.gateway.wait(hours=1)
    stages.gateway.write("charge", "v1")
    assert stages.start("money", "run-1") == ["payment", "receipt"]
    assert stages.take("payment", "run-1") == ["charge"]
    stages.bank.wait(hours=1)
    stages.bank.write("payment", "v1")  # which the transfer that `payment` loads brings about
    with transaction(stages.engine) as session:
        session.add(a_delivery("bank.transfer", "run-1"))
    assert stages.take("receipt", "run-1") == ["payment"]


@pytest.fixture
def returns(stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stages:
    """Goods come back only with orders that say so, and a day went by."""
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(tmp_path / "include"))
    (tmp_path / "include" / "mappings").mkdir(parents=True)
    (tmp_path / "include" / "mappings" / "returns.yaml").write_text(
        "from: shop.order\nto: canonical.sales_return\nheader:\n"
        "  where: {version: returned}\n  record_key: '@key'\n  label: name\n"
    )
    stages.shop.wait(hours=24)
    return stages


def taken_up_to(stages: Stages, leg: str) -> int:
    with transaction(stages.engine) as session:
        return session.scalars(select(Position.change).where(Position.leg == leg)).one()


def test_a_leg_passes_over_what_its_mapping_makes_nothing_of_and_the_audit_tells(returns: Stages) -> None:
    returns.shop.write("new", "v1")
    returns.run_all("run-1")
    assert taken_up_to(returns, "goods_back") == taken_up_to(returns, "order")
    with transaction(returns.engine) as session:
        taken = session.scalars(select(SourceRecord.leg).where(SourceRecord.source_key == "new")).all()
        told = session.scalars(select(AuditEntry.details).where(AuditEntry.action == "passed-over")).all()
    assert sorted(taken) == ["customer", "order"]
    assert told == [{"leg": "goods_back", "records": 1, "upto": taken_up_to(returns, "order")}]


def test_what_was_passed_over_is_taken_once_there_is_something_to_make_of_it(returns: Stages) -> None:
    returns.shop.write("new", "v1")
    returns.run_all("run-1")
    returns.shop.wait(hours=1)
    returns.shop.write("new", "returned")
    returns.shop.write("other", "v1")
    returns.run_all("run-2")
    with transaction(returns.engine) as session:
        of_leg = select(SourceRecord.source_key).where(SourceRecord.leg == "goods_back", SourceRecord.run_id == "run-2")
        assert sorted(session.scalars(of_leg)) == ["new", "other"]


@pytest.mark.parametrize(("last", "started"), [("v1", []), ("returned", ["goods_back"])])
def test_of_more_than_are_looked_at_together_each_one_counts(
    returns: Stages, last: str, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_AT_A_TIME", 2)
    for number in range(3):
        returns.shop.write(f"order {number}", "v1" if number < 2 else last)
    assert returns.start("orders", "run-1") == ["customer", "order"]
    assert [len(returns.take(leg, "run-1")) for leg in ("customer", "order")] == [3, 3]
    assert returns.start("money", "run-1") == started


def test_what_something_was_made_of_is_not_passed_over(returns: Stages) -> None:
    returns.shop.write("new", "returned")
    returns.run_all("run-1")
    returns.shop.wait(hours=1)
    returns.shop.write("new", "v3")
    assert returns.start("orders", "run-2") == ["customer", "order"]
    assert [returns.take(leg, "run-2") for leg in ("customer", "order")] == [["new"], ["new"]]
    assert returns.start("money", "run-2") == ["goods_back"]


def test_a_leg_whose_record_can_not_be_read_is_started_and_meets_the_fault(returns: Stages, tmp_path: Path) -> None:
    returns.shop.write("new", "v1")
    assert returns.start("orders", "run-1") == ["customer", "order"]
    assert [returns.take(leg, "run-1") for leg in ("customer", "order")] == [["new"], ["new"]]
    with transaction(returns.engine) as session:
        place = session.scalars(select(LoggedChange.payload_uri).where(LoggedChange.source_key == "new")).one()
    for file in tmp_path.rglob(f"{Path(place).name}/*.parquet"):
        file.write_bytes(file.read_bytes()[::-1])
    assert returns.start("money", "run-1") == ["goods_back"]


def test_legs_asked_for_pass_over_nothing(returns: Stages) -> None:
    returns.shop.write("new", "v1")
    returns.run_all("run-1")
    returns.shop.write("newer", "v1")
    assert returns.start("orders", "run-2") == ["customer", "order"]
    assert [returns.take(leg, "run-2") for leg in ("customer", "order")] == [["newer"], ["newer"]]
    assert returns.start("money", "run-2", legs=["goods_back"]) == ["goods_back"]


def test_what_others_write_there_starts_only_the_leg_that_reads_it(stages: Stages) -> None:
    stages.bank.wait(hours=1)
    stages.bank.write("by hand", "v1")
    assert stages.start("money", "run-1") == ["receipt"]


def test_only_the_legs_asked_for_are_started_and_their_sources_read(stages: Stages) -> None:
    for source in (stages.gateway, stages.bank):
        source.wait(hours=1)
        source.write("new", "v1")
    assert stages.start("money", "run-1", ["receipt"]) == ["receipt"]
    assert (len(stages.gateway.read_since), len(stages.bank.read_since)) == (0, 1)
    assert stages.start("money", "run-2") == ["payment", "receipt"]


def test_a_source_that_can_not_be_read_holds_its_legs_alone_which_meet_the_fault_themselves(stages: Stages) -> None:
    def break_off(page: int) -> None:
        raise TransientError("LB-TEST-001", "the line broke", remedy="Wait.")

    for source in (stages.gateway, stages.shop):
        source.wait(hours=1)
        source.write("new", "v1")
    stages.gateway.after_page = break_off
    assert stages.start("orders", "run-1") == ["customer", "order"]
    for leg in ("customer", "order"):
        stages.take(leg, "run-1")
    assert stages.start("money", "run-1") == ["goods_back", "payment", "receipt"]
    assert stages.take("goods_back", "run-1") == ["new"]
    with pytest.raises(TransientError):
        stages.take("payment", "run-1")
    stages.gateway.after_page = lambda number: None
    assert stages.take("payment", "run-1") == ["new"]


def test_a_source_whose_connection_is_down_is_not_called_and_left_to_its_legs(stages: Stages) -> None:
    now = datetime.now(UTC)
    with transaction(stages.engine) as session:
        session.merge(
            Circuit(
                connection="gateway",
                failures=3,
                paused_until=now + timedelta(hours=1),
                paused_since=now,
                reason="503",
                updated_at=now,
            )
        )
    assert stages.start("money", "run-1") == ["payment", "receipt"]
    assert stages.gateway.read_since == []


@pytest.mark.parametrize(("outcome", "starts"), [("held", ["customer"]), ("waiting", []), ("rejected", [])])
def test_a_leg_is_started_for_what_is_held_and_not_for_what_was_rejected_or_waits_for_nothing_that_happened(
    stages: Stages, outcome: str, starts: list[str]
) -> None:
    set_outcome(stages, "customer", outcome)
    assert stages.start("orders", "run-1") == starts


def test_a_leg_is_started_for_what_waits_when_something_happened_or_a_person_named_it(stages: Stages) -> None:
    set_outcome(stages, "customer", "waiting")
    assert stages.start("orders", "run-1", ["customer"]) == ["customer"]
    assert stages.take("customer", "run-1", "waiting", ["customer"]) == ["old"]
    assert stages.start("orders", "run-2") == []
    stages.bank.wait(hours=1)
    stages.bank.write("by hand", "v1")
    stages.start("money", "run-2")
    assert stages.start("orders", "run-3") == ["customer"]


def test_a_leg_in_which_something_waits_is_started_behind_one_that_may_bring_it(stages: Stages) -> None:
    set_outcome(stages, "goods_back", "waiting")
    set_outcome(stages, "receipt", "waiting")
    assert stages.start("money", "run-1") == []
    set_outcome(stages, "payment", "held")
    assert stages.start("money", "run-2") == ["payment", "receipt"]


def test_a_run_that_is_cleared_starts_the_legs_again_that_had_something_in_it(stages: Stages) -> None:
    stages.gateway.wait(hours=1)
    stages.gateway.write("charge", "v1")
    stages.start("money", "run-1")
    stages.take("payment", "run-1", "rejected")
    assert stages.start("money", "run-1") == ["payment", "receipt"]
    assert stages.take("payment", "run-1") == ["charge"]
    assert stages.start("money", "run-2") == []


def test_a_leg_takes_nothing_that_the_leg_of_another_stage_before_it_has_not_done_with(stages: Stages) -> None:
    stages.shop.wait(hours=1)
    stages.shop.write("new", "v1")
    assert stages.start("money", "run-1") == []  # read, but not an order yet
    assert stages.start("orders", "run-1") == ["customer", "order"]
    stages.take("customer", "run-1")
    assert stages.take("order", "run-1", outcome=None) == ["new"]  # taken, and its run breaks off
    assert stages.start("money", "run-2") == []
    assert stages.take("goods_back", "run-2") == []
    assert stages.take("order", "run-3") == ["new"]
    assert stages.start("money", "run-4") == ["goods_back"]
    assert stages.take("goods_back", "run-4") == ["new"]


def test_runs_of_two_stages_with_one_run_id_read_their_common_source_each(stages: Stages) -> None:
    assert stages.start("orders", "scheduled__2026-03-02T12:00:00") == []
    stages.shop.wait(hours=1)
    stages.shop.write("new", "v1")
    stages.start("money", "scheduled__2026-03-02T12:00:00")
    assert stages.start("orders", "run-2") == ["customer", "order"]
    assert len(stages.shop.read_since) == 3


def test_read_tells_of_each_source_that_changed_and_of_no_other(stages: Stages) -> None:
    stages.start("money", "run-1")
    assert assets(stages.told) == []
    for source in (stages.bank, stages.shop):
        source.wait(hours=1)
        source.write("new", "v1")
    stages.start("money", "run-2")
    assert assets(stages.told) == ["ledgerbridge://main/shop.order", "ledgerbridge://main/bank.payment"]
    stages.start("money", "run-3")
    assert assets(stages.told) == []


def set_outcome(stages: Stages, leg: str, outcome: str) -> None:
    """What became of the old record in a leg, when it was tried just now."""
    with transaction(stages.engine) as session:
        set_outcomes(session, FLOW, leg, {"old": Fate(outcome, "why")})
        last = select(func.max(AuditEntry.id)).scalar_subquery()
        session.execute(update(SourceRecord).where(SourceRecord.leg == leg).values(tried_after=last))


def assets(told: OutletEventAccessors) -> list[str]:
    return [event.dest_asset_key.uri for event in told[outlet("main")].asset_alias_events]


def a_delivery(entity: str, run_id: str) -> Delivery:
    return Delivery(
        flow=FLOW,
        leg="payment",
        entity=entity,
        record_key="gateway:charge:1",
        state="delivered",
        content_hash="0",
        idempotency_key="0",
        canonical={},
        run_id=run_id,
        updated_at=datetime.now(UTC),
    )
