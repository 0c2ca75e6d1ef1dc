-- Airflow's own database is POSTGRES_DB; what Ledgerbridge keeps lies in one of its own (docs/reference/tables.md).
CREATE DATABASE ledgerbridge;
