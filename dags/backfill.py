"""The Airflow DAG that `airflow backfill create` fills the change log with, a run a day of the source's past."""

from operators.backfill import build_backfill

dag = build_backfill()
