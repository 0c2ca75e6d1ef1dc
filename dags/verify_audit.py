"""The Airflow DAG that proves every day that nobody changed the audit trail."""

from datetime import timedelta

from airflow.sdk import DAG

from operators.verify_audit import VerifyAuditOperator

with DAG(
    "verify_audit",
    description="Walk the audit chain and keep its head away from the database.",
    schedule="@daily",
    catchup=False,
    tags=["ledgerbridge"],
) as dag:
    VerifyAuditOperator(task_id="verify", execution_timeout=timedelta(hours=6))
