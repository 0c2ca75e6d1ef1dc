"""With `stop_if_rejected_over` a leg sends nothing of a batch with too many rejected records; once mended, all."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped
from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.audit import verify
from ledgerbridge.audit.trace import trace
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, DeadLetter, Delivery, SourceRecord
from operators import settings
from operators.gate import GateOperator
from operators.load import LoadOperator
from sandbox.player import Player
from tests.flows.in_process import Office, open_office, placed_orders, salt_keys

SUITE = "expectations/gp_customer.yaml"
TOO_STRICT = """expectations:
  - {expect: expect_column_values_to_match_regex, column: CUSTNMBR, arguments: {regex: "^LB[0-7]"}, remedy: Mend.}
"""


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped files with a limit on the customers' leg, and a suite that lets too few of them pass."""
    include = Path(shutil.copytree(settings.include_folder(), tmp_path / "include"))
    (include / SUITE).write_text(TOO_STRICT)
    allow(include, "10%")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
    return include


@pytest.fixture(scope="module")
def file(sandboxes: Player) -> dict[str, Any]:
    """Twelve orders, placed in the shop."""
    return placed_orders(sandboxes, 12)


@pytest.fixture
def office(include: Path, file: dict[str, Any], stack: Stack, sandboxes: Player, tmp_path: Path) -> Iterator[Office]:
    """After a first run that was stopped."""
    with open_office(file, stack, sandboxes, tmp_path) as office:
        salt_keys(office.state, "")  # so that the suite lets some pass
        with pytest.raises(
            ConfigurationError, match=r"leg customer: \d+ of 12 records \(\d+\.\d%\) were rejected"
        ) as caught:
            office.flow.run("run-1")
        assert caught.value.code == "LB-LEG-002"
        yield office


def allow(include: Path, limit: str) -> None:
    path = include / "flows" / "order_to_cash.yaml"
    lines = [line for line in path.read_text().splitlines() if "stop_if_rejected_over" not in line]
    gate = next(number for number, line in enumerate(lines) if line.strip() == "gate: gp_customer")
    lines.insert(gate, lines[gate].replace("gate: gp_customer", f"stop_if_rejected_over: {limit}"))
    path.write_text("\n".join(lines))


def outcomes(office: Office) -> Counter[str]:
    with transaction(office.state) as session:
        return Counter(session.scalars(select(SourceRecord.outcome).where(SourceRecord.leg == "customer")))


def letters(office: Office) -> list[DeadLetter]:
    with transaction(office.state) as session:
        return list(session.scalars(select(DeadLetter)))


def holds(office: Office) -> dict[str, list[tuple[str, str, str | None]]]:
    """What the audit tells of records that were held: action, run and what became of them."""
    told: dict[str, list[tuple[str, str, str | None]]] = {}
    with transaction(office.state) as session:
        entries = select(AuditEntry).where(AuditEntry.action.in_(("held", "released"))).order_by(AuditEntry.id)
        for entry in session.scalars(entries):
            news = (entry.action, entry.run_id, entry.details.get("outcome"))
            told.setdefault(entry.record_key, []).append(news)
        assert verify(session).broken is None
    return told


def sent(office: Office) -> int:
    with transaction(office.state) as session:
        return len(session.scalars(select(Delivery.id).where(Delivery.leg == "customer")).all())


def test_nothing_of_the_batch_is_sent_and_everything_is_once_the_suite_is_mended(office: Office, include: Path) -> None:
    first = outcomes(office)
    assert set(first) == {"held", "read"}
    assert sent(office) == 0
    found = letters(office)
    assert {letter.state for letter in found} == {"open"}
    assert len({letter.source_key for letter in found}) == first["held"]
    for letter in found:
        assert letter.document is not None
        assert letter.document["header"]["CUSTNMBR"] == letter.value
        assert letter.canonical is not None
        assert letter.label == letter.canonical["label"] != ""
    shutil.copy(Path(__file__).parents[2] / "include" / SUITE, include / SUITE)
    office.flow.run("run-2", reconcile=False)
    assert outcomes(office) == {"delivered": first.total()}
    assert sent(office) == len({case["order"]["customer"]["email"] for case in office.file["cases"]})
    assert {letter.state for letter in letters(office)} == {"closed"}
    told = holds(office)
    assert set(told) == {letter.source_key for letter in found}
    for news in told.values():
        assert news == [("held", "run-1", None), ("released", "run-2", "delivered")]
    with transaction(office.state) as session:
        (step, *_) = (step for step in trace(session, found[0].source_key).steps if step.leg == "customer")
    assert {"held", "released"} <= {entry.action for entry in step.entries}


def test_batch_is_stopped_again_in_the_next_run_and_when_only_the_gate_is_cleared(office: Office) -> None:
    first = outcomes(office)
    with pytest.raises(ConfigurationError, match="LB-LEG-002"):
        rerun(office, GateOperator, "run-1")
    with pytest.raises(ConfigurationError, match="LB-LEG-002"):
        office.flow.run("run-2")
    assert outcomes(office) == first
    assert sent(office) == 0
    assert len({letter.source_key for letter in letters(office)}) == first["held"]
    assert list(holds(office).values()) == [[("held", "run-1", None)]] * first["held"]


def test_good_records_go_on_when_the_limit_is_raised_and_the_gate_cleared(office: Office, include: Path) -> None:
    first = outcomes(office)
    allow(include, "100%")
    office.flow.results["customer.gate"] = rerun(office, GateOperator, "run-1")
    rerun(office, LoadOperator, "run-1")
    assert outcomes(office) == {"delivered": first["read"], "rejected": first["held"]}
    for news in holds(office).values():
        assert news == [("held", "run-1", None), ("released", "run-1", "rejected")]
    assert sent(office) == first["read"]


def test_batch_of_which_nothing_is_left_is_a_skip_without_a_limit_and_a_failure_with_one(
    office: Office, include: Path
) -> None:
    (include / SUITE).write_text(TOO_STRICT.replace("^LB[0-7]", "^nobody$"))
    with pytest.raises(ConfigurationError, match=r"100\.0%"):
        rerun(office, GateOperator, "run-1")
    allow(include, "100%")
    with pytest.raises(DownstreamTasksSkipped):
        rerun(office, GateOperator, "run-1")
    assert set(outcomes(office)) == {"rejected"}


def rerun(office: Office, operator: type[GateOperator] | type[LoadOperator], run_id: str) -> object:
    """One task of the customers' leg again, as when it is cleared alone."""
    config = office.flow.flow.legs["customer"]
    task = operator(task_id=f"customer.{operator.step}", flow=office.flow.name, leg="customer", config=config)
    return task.execute(office.flow.context(run_id))
