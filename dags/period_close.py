"""The Airflow DAG that closes a month: compare, report, sign. Another company has a file of its own that names it."""

from operators.close import build_close

dag = build_close()
