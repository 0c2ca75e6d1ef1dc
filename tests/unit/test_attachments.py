"""The DAG that carries attached files, and the names it gives them."""

from __future__ import annotations

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from operators.attachments import AttachmentsOperator, build_attachments, file_name

LEGS = ("bill", "voucher")


@pytest.mark.parametrize(
    ("folder", "schedule"),
    [pytest.param("", None, id="nobody-named-a-folder"), pytest.param("file:///mnt/gp", "@hourly", id="hourly")],
)
def test_it_runs_every_hour_where_a_folder_is_named_a_task_a_company(
    folder: str, schedule: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__ATTACHMENTS_URL", folder)
    dag = build_attachments("procure_to_pay", LEGS)
    dag.validate()
    assert DagSerialization.to_dict(dag)["dag"]["dag_id"] == "attachments"
    assert dag.schedule == schedule
    (task,) = dag.tasks
    assert isinstance(task, AttachmentsOperator)
    assert (task.task_id, task.company_key, task.legs) == ("carry", "main", LEGS)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        pytest.param("scan.pdf", "scan.pdf", id="as-it-is"),
        pytest.param("../../etc/passwd", "passwd", id="out-of-the-folder"),
        pytest.param("..\\..\\boot.ini", "_.._boot.ini", id="out-of-it-on-windows"),
        pytest.param("a:b*c?.pdf", "a_b_c_.pdf", id="signs-windows-has-not"),
        pytest.param("bill\r\n.pdf", "bill__.pdf", id="control-characters"),
        pytest.param("...", "file", id="nothing-left"),
        pytest.param(f"{'x' * 300}.pdf", f"{'x' * 116}.pdf", id="too-long"),
    ],
)
def test_a_files_name_is_one_of_a_file_in_one_folder(name: str, kept: str) -> None:
    assert file_name(name) == kept
    assert len(kept) <= 120
