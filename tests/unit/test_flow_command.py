"""`ledgerbridge flow`: a new flow checks clean and builds, all that is wrong is told at once, legs are drawn."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.main import main

INCLUDE = Path(__file__).parents[2] / "include"
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def ledgerbridge(include: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command on those files: exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        code = main([*arguments, "--include", str(include)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def test_shipped_flows_and_suites_check_clean(ledgerbridge: Command) -> None:
    code, printed = ledgerbridge("flow", "check")
    assert code == 0, printed
    assert printed.endswith("no problems\n")


@pytest.mark.parametrize(
    ("source", "target", "more"),
    [
        pytest.param("xero.invoice", "gp.sales_order", [], id="both-mappings-new"),
        pytest.param("shopify.order", "gp.sales_order", ["--as", "sales_order"], id="mappings-that-are-there"),
        pytest.param("gp.sales_invoice", "xero.credit_note", ["--as", "canonical.credit_note"], id="to-xero"),
    ],
)
def test_a_new_flow_checks_clean_and_is_a_dag(
    include: Path, ledgerbridge: Command, monkeypatch: pytest.MonkeyPatch, source: str, target: str, more: list[str]
) -> None:
    code, printed = ledgerbridge("flow", "new", "mine", "--from", source, "--to", target, *more)
    assert code == 0, printed
    code, printed = ledgerbridge("flow", "check", "mine")
    assert (code, printed.splitlines()[-1]) == (0, "1 flow, no problems")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
    leg = target.partition(".")[2]
    dag = runpy.run_path(str(include.parent / "dags" / "mine.py"))[f"mine.{leg}"]
    dag.validate()
    assert set(dag.task_ids) == {"read", "end"} | {f"{leg}.{step}" for step in ("extract", "transform", "gate", "load")}
    assert ledgerbridge("flow", "show", "mine")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["mine", "--from", "xero.invoce", "--to", "gp.item"], 'Did you mean "xero.invoice"?', id="source"),
        pytest.param(["mine", "--from", "xero.invoice", "--to", "gp.journal"], "is no target", id="only-a-source"),
        pytest.param(["my flow", "--from", "xero.invoice", "--to", "gp.item"], "no name for a flow", id="name"),
        pytest.param(
            ["mine", "--from", "stripe.charge", "--to", "gp.gl_transaction"], "Give --as with one of", id="canonical"
        ),
        pytest.param(
            ["order_to_cash", "--from", "xero.invoice", "--to", "gp.sales_order"], "there already", id="flow-exists"
        ),
    ],
)
def test_a_flow_that_can_not_be_begun_says_why_and_writes_nothing(
    include: Path, ledgerbridge: Command, arguments: list[str], message: str
) -> None:
    before = {path: path.read_text() for path in include.parent.rglob("*.yaml")}
    code, printed = ledgerbridge("flow", "new", *arguments)
    assert code == 2
    assert message in printed
    assert before == {path: path.read_text() for path in include.parent.rglob("*.yaml")}


def test_check_finds_what_is_wrong_in_the_flow_its_mappings_and_its_suites_at_once(
    include: Path, ledgerbridge: Command
) -> None:
    def spoil(file: str, old: str, new: str) -> None:
        path = include / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    spoil("flows/order_to_cash.yaml", "reconcile: [gp, xero]", "reconcile: [gp, zero]")
    spoil("flows/order_to_cash.yaml", "invoices: xero.invoice, payments", "invoices: xero.invoces, payments")
    spoil("flows/order_to_cash.yaml", "refunds: stripe.refund+", "refnds: stripe.refund+")
    spoil("flows/order_to_cash.yaml", "after: [customer]", "after: [costumer]")
    spoil("flows/order_to_cash.yaml", 'tolerance: "0.02"', "tolerance: a cent")
    spoil("mappings/customer_to_gp_customer.yaml", "from: customer_number", "from: custmer_number")
    spoil("expectations/gp_customer.yaml", "column: CUSTNAME", "column: CUSTNAM")
    spoil("expectations/gp_customer.yaml", "arguments: {regex", "arguments: {regx")
    spoil("expectations/gp_sales_order.yaml", "part: lines", "part: line")
    spoil("expectations/gp_sales_order.yaml", "to_be_between, column: DOCAMNT", "to_be_betwen, column: DOCAMNT")
    code, printed = ledgerbridge("flow", "check", "order_to_cash")
    assert code == 1
    for file, message in (
        ("order_to_cash.yaml", '"zero" is no ledger. Remedy: Did you mean "xero"?'),
        ("order_to_cash.yaml", '"xero.invoces" is no entity of any system. Remedy: Did you mean "xero.invoice"?'),
        ("order_to_cash.yaml", 'names "refnds", which is not what allocate_to_invoices looks at. Remedy: Did you mean'),
        ("order_to_cash.yaml", "rule allocate_to_invoices is not told `refunds`"),
        ("order_to_cash.yaml", '`tolerance` is "a cent"'),
        ("order_to_cash.yaml", 'names "costumer", which is not a leg of this flow. Remedy: Did you mean "customer"?'),
        ("customer_to_gp_customer.yaml", 'Did you mean "customer_number"?'),
        ("gp_customer.yaml", 'makes no "CUSTNAM" in header. Remedy: Did you mean "CUSTNAME"?'),
        ("gp_customer.yaml", 'takes no argument "regx". Remedy: Did you mean "regex"?'),
        ("gp_sales_order.yaml", 'makes no part "line". Remedy: Did you mean "lines"?'),
        ("gp_sales_order.yaml", 'Did you mean "expect_column_values_to_be_between"?'),
    ):
        assert any(f"{file}:" in line and message in line for line in printed.splitlines()), (file, message, printed)


def test_show_draws_each_leg_behind_those_it_waits_for(ledgerbridge: Command) -> None:
    code, printed = ledgerbridge("flow", "show", "order_to_cash")
    assert code == 0
    lines = printed.splitlines()
    order = next(number for number, line in enumerate(lines) if line.split()[1:2] == ["order"])
    customer = next(number for number, line in enumerate(lines) if line.split()[1:2] == ["customer"])
    assert customer < order
    assert [line.strip(" │▼") for line in lines[order : order + 8]] == [
        f"{lines[order].split()[0]} order  after customer",
        "shopify.order",
        "conform  shopify_order_to_sales_order  → canonical.sales_order",
        "rule     take_off_given_up (orders gp.sales_order, invoices xero.invoice)",
        "rule     unless_cancelled (orders gp.sales_order, invoices xero.invoice)",
        "map      sales_order_to_gp_sales_order",
        "gate     gp_sales_order (4 expectations)",
        "load in pool gp",
    ]
    assert [line for line in lines if line.startswith("order_to_cash.")] == [
        f"order_to_cash.{stage} (started by hand)" for stage in ("orders", "invoices", "money", "payouts", "reconcile")
    ]
    assert lines[-1] == "the books of gp and xero are compared"
