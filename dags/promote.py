"""The Airflow DAG by which a bundle from another environment becomes live: checked, approved by another, applied."""

from datetime import timedelta

from airflow.sdk import DAG

from operators.promote import PROMOTE_PARAMS, ApplyBundleOperator, ApproveBundleOperator, CheckBundleOperator

with DAG(
    "promote",
    description="Check a bundle of flows, mappings, suites and tables, ask another person, let it be live.",
    schedule=None,
    params=PROMOTE_PARAMS,
    tags=["ledgerbridge"],
    is_paused_upon_creation=False,
) as dag:
    check = CheckBundleOperator(task_id="check", execution_timeout=timedelta(hours=2))
    # Airflow takes a task for a killed one whose answer comes while the process that asked is still ending
    approve = ApproveBundleOperator(task_id="approve", retries=2)
    check >> approve >> ApplyBundleOperator(task_id="apply", execution_timeout=timedelta(minutes=15))
