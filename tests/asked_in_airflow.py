"""A question in Airflow's own tables, as its scheduler leaves it when a task waits for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import insert
from sqlalchemy.orm import Session

__all__ = ["begin_run", "put_question"]


def begin_run(airflow: Session, dag: str) -> None:
    """The run `run-1` of a DAG that asks."""
    run = {"dag_id": dag, "run_id": "run-1", "run_type": "manual", "run_after": datetime(2026, 3, 2, tzinfo=UTC)}
    airflow.execute(insert(DagRun).values(clear_number=0, log_template_id=1, **run))


def put_question(airflow: Session, dag: str, subject: str, answering: Sequence[str] = (), map_index: int = 3) -> None:
    """One of its tasks waits for somebody who says whether GP's or Xero's value stands."""
    task = uuid4()
    of_run = {"dag_id": dag, "run_id": "run-1", "task_id": "question", "map_index": map_index}
    state = {"state": "awaiting_input", "try_number": 1, "pool": "p", "pool_slots": 1}
    airflow.execute(insert(TaskInstance).values(id=task, **state, **of_run))
    asked = {"options": ["gp", "xero"], "params": {}, "params_input": {}, "multiple": False}
    assignees = [{"id": each, "name": each} for each in answering] or None
    airflow.execute(insert(HITLDetail).values(ti_id=task, subject=subject, assignees=assignees, **asked))
    airflow.commit()
