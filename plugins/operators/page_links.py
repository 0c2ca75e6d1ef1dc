"""Links from a task to the pages about what it did (plugins/pages)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink

from ledgerbridge.flows import flow_of

__all__ = [
    "BatchLink",
    "CloseLink",
    "DataDocsLink",
    "DeadLettersLink",
    "DocumentsLink",
    "ReconciliationLink",
    "airflow_prefix",
    "airflow_run",
    "console_address",
    "leg_address",
    "masters_address",
]


def airflow_prefix() -> str:
    """Where below its host a proxy puts Airflow: a path, mostly empty. The host itself a worker need not know."""
    return urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")


def console_address() -> str:
    """Where the console is for who reads of it elsewhere; blank where Airflow is not told its own address."""
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}/ledgerbridge/console" if base else ""


def airflow_run(dag: str, run_id: str) -> str:
    """The address of a run among Airflow's own pages."""
    return f"{airflow_prefix()}/dags/{quote(dag, safe='')}/runs/{quote(run_id, safe='')}"


def run_address(dag: str, run_id: str, *names: str) -> str:
    """The address of a page about a run."""
    return "/".join(
        [f"{airflow_prefix()}/ledgerbridge/dags", *(quote(each, safe="") for each in (dag, "runs", run_id, *names))]
    )


def leg_address(dag: str, run_id: str, leg: str, *names: str) -> str:
    """The address of a page about a leg of a run."""
    return run_address(dag, run_id, "legs", leg, *names)


def masters_address(dag: str) -> str:
    """The address of the page about the masters that a stage keeps in step."""
    return f"{airflow_prefix()}/ledgerbridge/dags/{quote(dag, safe='')}/masters"


def _dag(operator: Any, ti_key: Any) -> str:
    """The DAG whose readers may see what the task did: its own, or the one named as the other flow it serves."""
    return str(ti_key.dag_id if flow_of(ti_key.dag_id) == operator.flow else operator.flow)


class BatchLink(BaseOperatorLink):
    """What the task staged."""

    name = "Batch"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page of the step's batch."""
        return leg_address(_dag(operator, ti_key), ti_key.run_id, operator.leg, "batch", operator.step)


class DeadLettersLink(BaseOperatorLink):
    """What of the leg can't go on."""

    name = "Dead letters"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page of the dead letters of the leg in this run."""
        return leg_address(_dag(operator, ti_key), ti_key.run_id, operator.leg, "dead-letters")


class DocumentsLink(BaseOperatorLink):
    """What the leg delivered."""

    name = "Documents"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page of the deliveries of the leg in this run."""
        return leg_address(_dag(operator, ti_key), ti_key.run_id, operator.leg, "documents")


class DataDocsLink(BaseOperatorLink):
    """What the gate found."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page with Great Expectations' Data Docs of this run."""
        return leg_address(_dag(operator, ti_key), ti_key.run_id, operator.leg, "data-docs")


class ReconciliationLink(BaseOperatorLink):
    """How the ledgers compare."""

    name = "Reconciliation"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page of the run's reconciliation."""
        return run_address(_dag(operator, ti_key), ti_key.run_id, "reconciliation")


class CloseLink(BaseOperatorLink):
    """How the ledgers compare at the close."""

    name = "Close"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The console's page of the run's comparison."""
        asked = urlencode({"company": operator.company.key, "flow": operator.flow, "run": ti_key.run_id})
        return f"{airflow_prefix()}/ledgerbridge/console/close?{asked}"
