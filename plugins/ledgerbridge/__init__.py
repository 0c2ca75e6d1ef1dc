"""The core of Ledgerbridge: knows no system by name and imports nothing of Airflow."""
