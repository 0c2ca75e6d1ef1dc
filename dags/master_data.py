"""The Airflow DAGs of master data: include/flows/master_data.yaml says what its stages do."""

from operators.builder import build_flow

globals().update(build_flow("master_data"))
