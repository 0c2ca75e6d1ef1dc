"""The Airflow DAGs of procure to pay: include/flows/procure_to_pay.yaml says what its stages do."""

from operators.builder import build_flow

globals().update(build_flow("procure_to_pay"))
