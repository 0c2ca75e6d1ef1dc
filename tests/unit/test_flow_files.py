"""Flow, mapping and suite files: what is shipped is right, and what is wrong says where and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hooks.described import known_entity
from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import LegConfig, StageConfig, load_flow
from ledgerbridge.gates import load_suite
from ledgerbridge.mapping import load_mapping
from operators.builder import build_flow

INCLUDE = Path(__file__).parents[2] / "include"
MAPPINGS = sorted((INCLUDE / "mappings").glob("*.yaml"))
SUITES = sorted((INCLUDE / "expectations").glob("*.yaml"))


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


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.stem)
def test_shipped_mapping_makes_all_that_its_target_is_described_to_want(path: Path) -> None:
    mapping = load_mapping(path)
    made = mapping.columns()
    described = known_entity(mapping.target, written=True)
    wanted = {
        (each.part, each.name)
        for each in (described.fields if described else ())
        # of a part that a document may be without nothing is wanted while the mapping makes none
        if each.required and made.get(each.part)
    }
    assert {each for each in wanted if each[1] not in made[each[0]]} == set()


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_shipped_suite_has_a_remedy_for_each_expectation(path: Path) -> None:
    assert all(expectation.remedy.endswith(".") for expectation in load_suite(path).expectations)


def test_every_shipped_mapping_and_suite_is_used_by_a_flow() -> None:
    flows = [load_flow(path, INCLUDE) for path in (INCLUDE / "flows").glob("*.yaml")]
    legs = [leg for flow in flows for leg in flow.legs.values()]
    assert {path.stem for path in MAPPINGS} == {name for leg in legs for name in leg.mappings}
    assert {path.stem for path in SUITES} == {name for leg in legs for name in leg.suites}


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
        pytest.param("gate: xero_contact", "", "has `map` and `gate`; one that people write `by_hand`", id="no gate"),
        pytest.param(
            "xero_contact_group_to_setting, by_hand: Xero's contact groups",
            "xero_contact_group_to_setting",
            "neither side is written, and people change neither",
            id="both lead",
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
            "beside: [procure_to_pay,",
            "beside: [procure_to_pya,",
            r'`beside` names "procure_to_pya".*Did you mean "procure_to_pay"',
            id="beside",
        ),
        pytest.param(
            "        allocation: for_ever", "        alocation: 3", '`waits` names "alocation"', id="waits-leg"
        ),
        pytest.param("      days: 60", "      days: ever", "waits.days", id="waits-days"),
        pytest.param(
            "  reconcile:\n", "  reconcile:\n    schedule: {events: true}\n", "no source whose `events`", id="no-events"
        ),
        pytest.param(
            "  money:\n",
            '  money:\n    schedule: {cron: "@daily", poll: {gp: {}}}\n',
            "`poll` needs",
            id="poll-by-clock",
        ),
        pytest.param(
            "  money:\n",
            "  money:\n    schedule: {events: true, poll: {magneto: {}}}\n",
            "`poll` of the stage money names magneto, its legs read gp, ",
            id="poll-of-nobody",
        ),
        pytest.param(
            "  money:\n",
            "  money:\n    schedule: {events: true, poll: {gp: {least_seconds: 60, most_seconds: 30}}}\n",
            "`least_seconds` 60 is more than `most_seconds` 30",
            id="poll-turned-round",
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
    assert flow.legs.keys() - without.legs.keys() == {leg for leg in flow.legs if leg.startswith("magento_")}
    assert flow.legs["invoice"].after == ["contact", "magento_contact"]
    assert without.legs["invoice"].after == ["contact"]
    alone = flow.for_company(["shopify"])
    assert {leg.source for leg in alone.legs.values()} & {"shopify.order"} == set()
    assert (alone.legs["magento_order"].after, alone.legs["magento_customer"].after) == (["magento_customer"], [])
    assert list(flow.for_company(["shopify", "magento"]).stages) == ["invoices", "money", "payouts", "reconcile"]
