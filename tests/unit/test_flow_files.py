"""Flow, mapping, suite and company files: what is shipped is right, and what is wrong says where and what to do."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, AssetAny
from airflow.serialization.serialized_objects import DagSerialization

from hooks.systems import gateway_fields
from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import Company, LegConfig, StageConfig, flow_of, load_company, load_flow, stage_of
from ledgerbridge.gates import load_suite
from ledgerbridge.mapping import load_mapping
from operators.builder import build_flow
from operators.extract import ExtractOperator
from operators.leg import LegOperator
from operators.retries import ByErrorClass

INCLUDE = Path(__file__).parents[2] / "include"
MAPPINGS = sorted((INCLUDE / "mappings").glob("*.yaml"))
SUITES = sorted((INCLUDE / "expectations").glob("*.yaml"))
COMPANY = """name: A
base_currency: USD
time_zone: America/New_York
connections: {}
accounts: []
gateways: []
"""


@pytest.fixture
def include(tmp_path: Path) -> Path:
    """A copy of the shipped files that a test may spoil."""
    return Path(shutil.copytree(INCLUDE, tmp_path / "include"))


@pytest.mark.parametrize(
    ("limit", "rejected", "records", "stops"),
    [
        (None, 100, 100, False),
        ("10%", 10, 100, False),
        ("10%", 11, 100, True),
        ("2.5%", 25, 1000, False),
        ("2.5%", 26, 1000, True),
        ("100%", 100, 100, False),
        (0, 1, 100, True),
        (0, 0, 100, False),
        ("5", 5, 6, False),
        (5, 6, 1000, True),
    ],
)
def test_leg_stops_only_above_its_limit(limit: str | int | None, rejected: int, records: int, stops: bool) -> None:
    leg = LegConfig.model_validate(
        {"from": "a.b", "conform": "c", "map": "m", "gate": "g", "to": "d.e", "stop_if_rejected_over": limit}
    )
    assert leg.stops(rejected, records) is stops


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.stem)
def test_shipped_mapping_compiles_and_is_described(path: Path) -> None:
    mapping = load_mapping(path)
    assert {mapping.source, mapping.target} & set(CANONICAL)
    assert "description:" in path.read_text()


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_shipped_suite_has_a_remedy_for_each_expectation(path: Path) -> None:
    assert all(expectation.remedy.endswith(".") for expectation in load_suite(path).expectations)


def test_every_shipped_mapping_and_suite_is_used_by_a_flow() -> None:
    flows = [load_flow(path, INCLUDE) for path in (INCLUDE / "flows").glob("*.yaml")]
    legs = [leg for flow in flows for leg in flow.legs.values()]
    assert {path.stem for path in MAPPINGS} == {name for leg in legs for name in leg.mappings}
    assert {path.stem for path in SUITES} == {name for leg in legs for name in leg.suites}


def stages(include: Path) -> dict[str, DAG]:
    """The DAGs of the shipped flow by stage."""
    return {stage_of(name): dag for name, dag in build_flow("order_to_cash", include).items()}


def test_each_stage_is_a_dag_that_begins_with_read_and_has_a_task_group_of_four_tasks_a_leg(include: Path) -> None:
    flow = load_flow(include / "flows" / "order_to_cash.yaml", include).for_company(["magento"])
    dags = stages(include)
    assert list(dags) == ["orders", "invoices", "money", "payouts", "reconcile"]
    for stage, dag in dags.items():
        legs = flow.of_stage(stage)
        tasks = {f"{leg}.{step}" for leg in legs for step in ("extract", "transform", "gate", "load")}
        assert set(dag.task_ids) == tasks | ({"read", "end"} if legs else {"reconcile"})
        assert all("read" in dag.get_task(name).get_flat_relative_ids(upstream=True) for name in tasks)
        assert dag.max_active_runs == 1


def test_airflow_shows_the_legs_of_a_stage_in_the_order_of_the_process(include: Path) -> None:
    flow = load_flow(include / "flows" / "order_to_cash.yaml", include).for_company(["magento"])
    for stage, dag in stages(include).items():
        shown = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))  # as the pages know it
        nodes = list(shown.task_group.topological_sort())
        legs = flow.in_order(stage)
        written = list(dict.fromkeys(flow.branch_of.get(leg, (leg, 0))[0] for leg in legs))
        assert [each.label for each in nodes] == (["read", *written, "end"] if legs else ["reconcile"])
        of_targets = [
            one.label for each in nodes if each.label not in legs for one in getattr(each, "children", {}).values()
        ]
        assert of_targets == [leg for leg in legs if leg in flow.branch_of]


def test_the_order_that_airflow_shows_lets_no_leg_wait_for_another(include: Path) -> None:
    flow = load_flow(include / "flows" / "order_to_cash.yaml", include).for_company(["magento"])
    for stage, dag in stages(include).items():
        legs = flow.of_stage(stage)
        for leg, config in legs.items():
            before = {f"{each}.load" for each in config.after if each in legs}
            assert dag.get_task(f"{leg}.extract").upstream_task_ids == (before or {"read"})


FEE = """
      fee:
        from: stripe.payout
        conform: stripe_payout_to_gateway_fee
        to:
          - entity: gp.gl_transaction
            map: gateway_fee_to_gp_gl_transaction
            gate: gp_gl_transaction
          - entity: xero.bank_transaction
            map: gateway_fee_to_xero_bank_transaction
            gate: xero_bank_transaction
            after: gp
      payout:
        from: stripe.payout
        conform: stripe_payout_to_payout
        map: payout_to_gp_gl_transaction
        gate: gp_gl_transaction
        to: gp.gl_transaction
        after: fee
"""


@pytest.fixture
def fees(include: Path) -> Path:
    """A flow whose leg has two targets."""
    path = include / "flows" / "fees.yaml"
    path.write_text(f"description: Fees.\nowner: finance\nstages:\n  all:\n    legs:{FEE}")
    return path


def test_a_leg_with_several_targets_is_a_leg_for_each_of_them_that_take_the_same(fees: Path, include: Path) -> None:
    flow = load_flow(fees, include)
    assert flow.in_order("all") == ["fee_gp", "fee_xero", "payout"]
    gp, xero, payout = flow.of_stage("all").values()
    assert (gp.target, xero.target) == ("gp.gl_transaction", "xero.bank_transaction")
    assert (gp.map, xero.map) == ("gateway_fee_to_gp_gl_transaction", "gateway_fee_to_xero_bank_transaction")
    assert (gp.source, gp.conform) == (xero.source, xero.conform) == ("stripe.payout", "stripe_payout_to_gateway_fee")
    assert (gp.after, xero.after, payout.after) == ([], ["fee_gp"], ["fee_gp", "fee_xero"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "entity: xero.bank_transaction",
            "entity: gp.gl_transaction",
            r"fees.yaml:9:9: stages.all.legs.fee.to: several targets are called gp: give them a `name`",
            id="one-name-for-two",
        ),
        pytest.param(
            "after: gp",
            "after: gq",
            r"fees.yaml:9:9: .*`after` names gq, the targets are gp, xero",
            id="after-another",
        ),
        pytest.param(
            "gate: xero_bank_transaction",
            "gate: xero_bank_transactions",
            r'fees.yaml:15:13: leg "fee_xero": `gate` names "xero_bank_transactions", which is not a file',
            id="no-suite",
        ),
        pytest.param(
            "map: gateway_fee_to_xero_bank_transaction",
            "map: gateway_fee_to_gp_gl_transaction",
            r'fees.yaml:14:13: leg "fee_xero": mapping gateway_fee_to_gp_gl_transaction makes gp.gl_transaction',
            id="mapping-of-the-other",
        ),
        pytest.param(
            "      payout:\n", "      fee_gp:\n", "there are several legs fee_gp", id="leg-called-as-that-of-a-target"
        ),
        pytest.param(
            "entity: gp.gl_transaction", "entiti: gp.gl_transaction", r'unknown key "entiti".*"entity"', id="misspelt"
        ),
    ],
)
def test_wrong_targets_are_told_with_their_place(fees: Path, include: Path, old: str, new: str, message: str) -> None:
    assert old in fees.read_text()
    fees.write_text(fees.read_text().replace(old, new, 1))
    with pytest.raises(ConfigurationError, match=message):
        load_flow(fees, include)


def test_two_sides_kept_in_step_are_a_leg_for_each_that_takes_the_changes_of_both(include: Path) -> None:
    flow = load_flow(include / "flows" / "master_data.yaml", include)
    legs = {name: flow.legs[name] for name in flow.of_stage("customers")}
    assert {name: (leg.target, list(leg.sources), leg.after) for name, leg in legs.items()} == {
        "customers_xero": ("xero.contact", ["gp.customer", "xero.contact"], []),
        "customers_gp": ("gp.customer", ["gp.customer", "xero.contact"], ["customers_xero"]),
    }
    assert flow.behind("customers_gp") == []  # what the one leaves over does not hold the other up
    assert flow.awaits("customers") == ["gp.customer", "xero.contact"]
    dag = build_flow("master_data", include)["master_data.customers"]
    kinds = {task.task_id: type(task).__name__ for task in dag.tasks}
    assert kinds["customers_gp.transform"] == "MergeOperator"
    assert dag.get_task("customers_gp.extract").upstream_task_ids == {"customers_xero.load"}


def test_a_side_that_people_write_is_compared_only_and_its_end_skips_no_other_leg(include: Path) -> None:
    dag = build_flow("master_data", include)["master_data.setup"]
    of_side = {task.task_id: type(task).__name__ for task in dag.tasks if task.task_id.startswith("accounts_xero.")}
    assert of_side == {"accounts_xero.extract": "ExtractOperator", "accounts_xero.transform": "CompareOperator"}
    last = dag.get_task("accounts_xero.transform")
    assert last.downstream_task_ids == {"accounts_gp.extract"}
    assert last.nothing_goes_on("people are told").tasks == []
    assert dag.get_task("accounts_xero.extract").nothing_goes_on("nothing new").tasks == ["accounts_xero.transform"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("policy: newest", "policy: oldest", '"oldest" is no policy here', id="policy"),
        pytest.param("policy: newest", "owner: {name: shopify}", "the sides are gp and xero", id="owner"),
        pytest.param("xero.contact", "gp.vendor", "both sides are in gp", id="one system"),
        pytest.param(
            "gate: xero_contact", "", "has `map` and `gate`; one that people write has `by_hand`", id="no gate"
        ),
        pytest.param("pool: xero", "by_hand: Xero", "take `map`, `gate` and `pool` away", id="written by hand too"),
        pytest.param("map: master_customer_to_xero_contact", "map: none", "not a file in include/mappings", id="map"),
        pytest.param(
            "conform: xero_contact_to_customer",
            "conform: gp_customer_to_customer",
            "the leg needs xero.contact",
            id="conform",
        ),
    ],
)
def test_wrong_sides_are_told_with_their_place(include: Path, old: str, new: str, message: str) -> None:
    path = include / "flows" / "master_data.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConfigurationError, match=re.escape(message)) as error:
        load_flow(path, include)
    assert "master_data.yaml:" in str(error.value)


def test_a_leg_that_is_written_before_those_it_waits_for_is_run_behind_them(include: Path) -> None:
    flow = load_flow(include / "flows" / "order_to_cash.yaml", include).for_company(["magento"])
    reversed_legs = StageConfig(legs=dict(reversed(flow.stages["orders"].legs.items())))
    assert flow.model_copy(update={"stages": {"orders": reversed_legs}}).in_order("orders") == [
        "customer", "order", "exchange_order",
    ]  # fmt: skip


def test_each_task_of_a_leg_is_tried_again_as_soon_as_the_flow_says(include: Path) -> None:
    path = include / "flows" / "order_to_cash.yaml"
    path.write_text(path.read_text() + "retries: 6\nretry_seconds: 2\n")
    for task in (task for dag in stages(include).values() for task in dag.tasks):
        assert isinstance(task.retry_policy, ByErrorClass)
        assert task.retry_policy.first_seconds == 2
        assert (task.retries, task.retry_delay) == (6, timedelta(seconds=2))


def test_a_try_of_each_step_ends_when_the_flow_says(include: Path) -> None:
    path = include / "flows" / "order_to_cash.yaml"
    path.write_text(path.read_text() + "most_minutes: {extract: 3000, load: 90}\n")
    tasks = [task for dag in stages(include).values() for task in dag.tasks if not isinstance(task, EmptyOperator)]
    found = {(task.task_id.rpartition(".")[2], task.execution_timeout) for task in tasks}
    minutes = {"read": 3000, "extract": 3000, "transform": 240, "gate": 60, "load": 90, "reconcile": 240}
    assert found == {(step, timedelta(minutes=most)) for step, most in minutes.items()}


@pytest.mark.parametrize("path", sorted((INCLUDE.parent / "dags").glob("*.py")), ids=lambda path: path.stem)
def test_no_task_of_a_shipped_dag_may_hang_for_ever(path: Path) -> None:
    dags = [each for each in runpy.run_path(str(path)).values() if isinstance(each, DAG)]
    assert dags
    # a question waits for a person as long as they take, and holds no worker; the scheduler alone does an empty task
    runs = [task for dag in dags for task in dag.tasks if not isinstance(task, EmptyOperator)]
    tasks = [task for task in runs if task.task_id != "question"]
    assert all(getattr(task, "execution_timeout", None) for task in tasks)


def test_a_step_with_nothing_to_hand_on_skips_the_rest_of_its_leg_and_no_other(include: Path) -> None:
    task = stages(include)["orders"].get_task("customer.extract")
    assert isinstance(task, LegOperator)
    assert task.nothing_goes_on("nothing new").tasks == ["customer.gate", "customer.load", "customer.transform"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "after: [contact, magento_contact]",
            "after: [contact, magento_contact, payment]",
            r'order_to_cash.yaml:\d+:\d+: leg "invoice" takes gp.sales_invoice; `after` names "payment" of the stage'
            r" money, which takes stripe.charge\. Remedy: Stages run by themselves",
            id="waits-for-a-leg-of-another-stage-with-another-source",
        ),
        pytest.param("      payment:\n", "      invoice:\n", "there are several legs invoice", id="one-name-twice"),
        pytest.param(
            "    reconcile: [gp, xero]\n", "    legs: {}\n", "has `legs`, or two ledgers to `reconcile`", id="empty"
        ),
        pytest.param("  money:\n", "  my money:\n", "is no name for a stage", id="no-name"),
        pytest.param("  money:\n", "  money:\n    schedule: {}\n", "a schedule has `cron`, `events: true`", id="never"),
        pytest.param(
            "        allocation: for_ever", "        alocation: 3", '`waits` names "alocation"', id="waits-leg"
        ),
        pytest.param("      days: 60", "      days: ever", "waits.days", id="waits-days"),
        pytest.param(
            "  reconcile:\n", "  reconcile:\n    schedule: {events: true}\n", "no source whose `events`", id="no-events"
        ),
    ],
)
def test_stages_that_can_not_be_are_refused(include: Path, old: str, new: str, message: str) -> None:
    path = include / "flows" / "order_to_cash.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConfigurationError, match=message):
        load_flow(path, include)


@pytest.mark.parametrize(
    ("schedule", "cron", "events"),
    [
        pytest.param('{cron: "*/10 * * * *"}', "*/10 * * * *", False, id="cron"),
        pytest.param("{events: true}", None, True, id="events"),
        pytest.param('{cron: "*/10 * * * *", events: true}', "*/10 * * * *", True, id="both"),
    ],
)
def test_a_stage_runs_by_the_clock_by_changes_of_what_it_reads_or_by_both(
    include: Path, schedule: str, cron: str | None, events: bool
) -> None:
    path = include / "flows" / "order_to_cash.yaml"
    path.write_text(path.read_text().replace("  money:\n", f"  money:\n    schedule: {schedule}\n"))
    dag = stages(include)["money"]
    told = DagSerialization.serialize_dag(dag)
    assert cron is None or cron in str(told["timetable"])
    awaited = {asset.uri for asset in dag.timetable.asset_condition.objects} if events else set()
    sources = {leg.source for leg in load_flow(path, include).stages["money"].legs.values()}
    # goods come back when their order is done with: that writes a customer or an order; payments wait for an invoice
    wakers = {*sources, "gp.customer", "gp.sales_order", "xero.invoice"} if events else set()
    work = {"ledgerbridge://main/work/order_to_cash.money"} if events else set()
    assert awaited == {f"ledgerbridge://main/{entity}" for entity in wakers} | work
    assert not events or isinstance(dag.timetable.asset_condition, AssetAny)  # any one of them starts it
    assert dag.is_paused_upon_creation
    assert not stages(include)["orders"].is_paused_upon_creation


def test_a_leg_of_another_stage_is_waited_for_by_what_it_has_done_with_and_not_by_an_arrow(include: Path) -> None:
    flow = load_flow(include / "flows" / "order_to_cash.yaml", include).for_company(["magento"])
    assert flow.legs["goods_back"].after == ["order"]
    assert (flow.behind("goods_back"), flow.behind_stages("goods_back")) == ([], ["customer", "order"])
    extract = stages(include)["money"].get_task("goods_back.extract")
    assert isinstance(extract, ExtractOperator)
    assert (extract.behind, extract.done_by) == ([], ["customer", "order"])
    assert extract.upstream_task_ids == {"read"}


@pytest.mark.parametrize(
    ("old", "new", "where", "hint"),
    [
        pytest.param("gate: gp_customer", "gates: gp_customer", "order_to_cash.yaml:13", '"gate"', id="unknown-key"),
        pytest.param(
            "map: customer_to_gp_customer", "map: customer_to_gp", ":12", '"customer_to_gp_customer"', id="no-mapping"
        ),
        pytest.param("gate: gp_customer", "gate: gp_custmer", ":13", '"gp_customer"', id="no-suite"),
        pytest.param("after: [customer]", "after: [costumer]", "leg", '"customer"', id="no-leg"),
        pytest.param("allocate_to_invoices:", "alocate_to_invoices:", "rules", '"allocate_to_invoices"', id="no-rule"),
        pytest.param(
            "gate: gp_customer",
            "stop_if_rejected_over: 101%",
            "order_to_cash.yaml:13",
            '"101%" is neither a share like 10% (at most 100%) nor a number of records like 5',
            id="no-limit",
        ),
        pytest.param("owner: finance", "owner: [finance", "order_to_cash.yaml", "Mend the YAML", id="no-yaml"),
    ],
)
def test_wrong_flow_file_is_an_import_error_with_place_and_remedy(
    include: Path, old: str, new: str, where: str, hint: str
) -> None:
    path = include / "flows" / "order_to_cash.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match="LB-CFG-003") as caught:
        build_flow("order_to_cash", include)["order_to_cash"].validate()
    assert where in str(caught.value)
    assert hint in str(caught.value)


def test_broken_flow_is_one_import_error_and_takes_no_other_dag_down(
    include: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows = include / "flows"
    shutil.copy(flows / "order_to_cash.yaml", flows / "other.yaml")
    broken = (flows / "order_to_cash.yaml").read_text().replace("gate: gp_customer", "gates: gp_customer", 1)
    (flows / "order_to_cash.yaml").write_text(broken)
    for name in ("order_to_cash", "other"):
        text = (
            f'"""An Airflow dag."""\nfrom operators.builder import build_flow\nglobals().update(build_flow("{name}"))\n'
        )
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    bag = DagBag(dag_folder=tmp_path)
    assert set(bag.dags) == {f"other.{stage}" for stage in ("orders", "invoices", "money", "payouts", "reconcile")}
    ((file, message),) = bag.import_errors.items()
    assert file == str(tmp_path / "order_to_cash.py")
    assert message.startswith("ValueError: LB-CFG-003 ")
    assert 'order_to_cash.yaml:13:9: unknown key "gates". Remedy: Remove it, or did you mean "gate"?' in message


def test_leg_whose_mapping_makes_another_entity_is_refused(include: Path) -> None:
    path = include / "flows" / "order_to_cash.yaml"
    path.write_text(path.read_text().replace("to: gp.customer", "to: gp.vendor", 1))
    with pytest.raises(ValueError, match=r"customer_to_gp_customer makes gp\.customer, the leg needs gp\.vendor"):
        build_flow("order_to_cash", include)["order_to_cash"].validate()


def test_suite_without_a_remedy_is_an_import_error(include: Path) -> None:
    (include / "expectations" / "gp_customer.yaml").write_text(
        "expectations:\n  - {expect: expect_column_values_to_not_be_null, column: A}\n"
    )
    with pytest.raises(ValueError, match=r'gp_customer\.yaml:2:\d+: key "remedy" is missing'):
        build_flow("order_to_cash", include)["order_to_cash"].validate()


def test_unknown_expectation_names_the_nearest(include: Path) -> None:
    path = include / "expectations" / "gp_customer.yaml"
    path.write_text(path.read_text().replace("_to_not_be_null", "_to_not_be_nul", 1))
    with pytest.raises(ConfigurationError, match="expect_column_values_to_not_be_null"):
        load_suite(path)


def test_shipped_company_has_an_account_for_every_role_both_ledgers_book() -> None:
    tables = load_company(INCLUDE / "companies" / "main.yaml", gateway_fields()).tables()
    one_sided = {"inventory", "cost_of_goods_sold"}
    assert {str(row["role"]) for row in tables["accounts_xero"].values()} == set(tables["accounts"]) - one_sided
    assert tables["gateways_by_role"]["clearing"]["checkbook"] == "STRIPE"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("name: A\n", 'key "base_currency" is missing', id="incomplete"),
        pytest.param(
            "name: A\nbase_currency: USD\ntime_zone: Mars/Olympus\nconnections: {}\naccounts: []\ngateways: []\n",
            ':3:1: time_zone: "Mars/Olympus" is no time zone',
            id="zone",
        ),
        pytest.param(
            "name: A\nbase_currency: USD\ntime_zone: UTC\nconnections: {gp: gp}\naccounts: []\n"
            "gateways: [{name: stripe, contact: Stripe}]\n",
            "gateway stripe has no `checkbook`, which gp asks for: add it",
            id="gateway of which a connected ledger lacks something",
        ),
        pytest.param(
            "name: A\nbase_currency: USD\ntime_zone: UTC\nconnections: {}\naccounts: []\n"
            "gateways: [{name: stripe, chekbook: STRIPE}]\n",
            ':6:27: unknown key "chekbook". Remedy: Remove it, or did you mean "checkbook"?',
            id="gateway with a key no system asks for",
        ),
        pytest.param(f"{COMPANY}send_from: spring\n", ":7:1: send_from: ", id="no day"),
        pytest.param(
            f"{COMPANY}send_from: 2026-01-01\nbooks_from: 2025-12-31\n",
            "`books_from` 2025-12-31 is before `send_from` 2026-01-01",
            id="compared before sent",
        ),
    ],
)
def test_wrong_company_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "company.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_company(path, gateway_fields())
    assert message in str(caught.value)


def test_books_are_compared_from_the_first_day_sent_unless_told_a_later_one(tmp_path: Path) -> None:
    path = tmp_path / "company.yaml"
    path.write_text(f"{COMPANY}send_from: 2026-01-01\n")
    assert load_company(path, gateway_fields()).compared_from == date(2026, 1, 1)
    assert load_company(path, gateway_fields()).sending_begins == datetime(2026, 1, 1, 5, tzinfo=UTC)
    path.write_text(f"{COMPANY}send_from: 2026-01-01\nbooks_from: 2026-02-01\n")
    assert load_company(path, gateway_fields()).compared_from == date(2026, 2, 1)


def test_every_dag_file_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    folder = Path(__file__).parents[2] / "dags"
    bag = DagBag(dag_folder=folder)
    assert bag.import_errors == {}
    assert {flow_of(name) for name in bag.dags} == {path.stem for path in folder.glob("*.py")}


PARSED = "import sys; from airflow.dag_processing.dagbag import DagBag; DagBag(sys.argv[1]); print(*sys.modules)"
FOR_TASKS = {"great_expectations", "pandas", "zeep"}


def test_parsing_the_dag_files_imports_nothing_that_only_their_tasks_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", PARSED, str(root / "dags")]
    environment = os.environ | {"PYTHONPATH": str(root / "plugins")}
    parsed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    modules = set(parsed.stdout.splitlines()[-1].split())
    assert "operators.transform" in modules
    assert modules & FOR_TASKS == set()


def nodes_of(content: Any) -> Iterator[dict[str, Any]]:
    """Every mapping of keys in a YAML file, however deep."""
    if isinstance(content, dict):
        yield content
    for each in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from nodes_of(each)


def test_what_is_ours_by_its_number_is_told_by_the_prefix_our_mappings_give() -> None:
    """A look-up that took a prefix nobody gives any more for ours would no longer wait after a restored state."""
    nodes = [node for path in MAPPINGS for node in nodes_of(yaml.safe_load(path.read_text()))]
    prefixes = {node["prefix"] for node in nodes if "prefix" in node}
    told = {
        (node["delivery"], condition["matches"])
        for node in nodes
        if "delivery" in node
        for condition in node.get("ours", {}).values()
        if "matches" in condition
    }
    assert {kind: {each for each in prefixes if re.match(pattern, each)} for kind, pattern in told} == {
        "gp.sales_order": {"LBO"},
        "gp.sales_return": {"LBT"},
        "gp.cash_receipt": {"LBR"},
        "gp.debit_memo": {"LBD"},
        "gp.credit_memo": {"LBC", "LBW"},
        "xero.credit_note": {"LBC", "LBT", "LBW"},
    }


def test_legs_of_a_system_that_the_company_lacks_are_not_in_its_stages(include: Path) -> None:
    flow = load_flow(include / "flows" / "order_to_cash.yaml", include)
    without = flow.for_company(["magento"])
    assert flow.legs.keys() - without.legs.keys() == {"magento_customer", "magento_order", "magento_contact"}
    assert flow.legs["invoice"].after == ["contact", "magento_contact"]
    assert without.legs["invoice"].after == ["contact"]
    alone = flow.for_company(["shopify"])
    assert {leg.source for leg in alone.legs.values()} & {"shopify.order"} == set()
    assert (alone.legs["magento_order"].after, alone.legs["magento_customer"].after) == (["magento_customer"], [])
    assert list(flow.for_company(["shopify", "magento"]).stages) == ["invoices", "money", "payouts", "reconcile"]


def test_what_a_company_has_it_does_not_lack() -> None:
    company = {
        "name": "A", "base_currency": "USD", "time_zone": "UTC", "accounts": [], "gateways": [],
        "connections": {"magento": "magento"},
    }  # fmt: skip
    with pytest.raises(ValueError, match="`without` names magento, which has a connection"):
        Company.model_validate({**company, "without": ["magento"]})
    with pytest.raises(ConfigurationError, match=r"say so: `without: \[shopify\]`"):
        Company.model_validate(company).connections_of("shopify")
