"""The Airflow DAG that looks after all flows whose files have `alerts`."""

from operators.watch import build_watch

dag = build_watch()
