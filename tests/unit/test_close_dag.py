"""The DAG that closes a period: its tasks, who signs, and by when."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from operators import settings
from operators.close import build_close

CLOSE = """
close: {cron: "0 6 1 * *", days: 3, signatures: 2, signers: {anna: Anna, ben: Ben}}
"""


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files people edit, with a company that two people sign for and a flow whose people are told."""
    include = tmp_path / "include"
    copytree(settings.include_folder(), include)
    flow = include / "flows" / "order_to_cash.yaml"
    flow.write_text(flow.read_text().replace("owner:", "alerts: {to: team}\nowner:", 1))
    company = include / "companies" / "main.yaml"
    company.write_text(company.read_text() + CLOSE)
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__COMPANIES_FOLDER", str(include / "companies"))
    return include


def test_a_month_is_compared_reported_and_signed_by_two_in_time(include: Path) -> None:
    dag = build_close(include)
    dag.validate()
    assert DagSerialization.to_dict(dag)["dag"]["dag_id"] == "period_close"
    assert [task.task_id for task in dag.topological_sort()] == ["compare_order_to_cash", "report", "sign_1", "sign_2"]
    for name in ("sign_1", "sign_2"):
        signing = dag.get_task(name)
        assert [each["id"] for each in signing.assigned_users or ()] == ["anna", "ben"]
        assert list(signing.serialized_params) == ["note"]
        assert (signing.retries, signing.execution_timeout) == (2, None), "people take as long as they take"
    [deadline] = dag.deadline or ()
    assert deadline.interval == timedelta(days=3)


def test_a_company_file_with_a_mistake_is_the_one_message_of_its_close(include: Path) -> None:
    company = include / "companies" / "main.yaml"
    company.write_text(company.read_text().replace("signatures: 2", "signatures: 3"))
    with pytest.raises(ValueError, match="`signatures` asks for 3 people, and `signers` names 2"):
        build_close(include).validate()
