"""The Airflow DAG of order to cash: include/flows/order_to_cash.yaml says what it does."""

from operators.builder import build_flow

dag = build_flow("order_to_cash")
