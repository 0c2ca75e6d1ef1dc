"""The Airflow DAGs of order to cash: include/flows/order_to_cash.yaml says what its stages do."""

from operators.builder import build_flow

globals().update(build_flow("order_to_cash"))
