"""The Airflow DAGs of the general ledger: include/flows/general_ledger.yaml says what its stages do."""

from operators.builder import build_flow

globals().update(build_flow("general_ledger"))
