-- Airflow's own database is POSTGRES_DB; what Ledgerbridge keeps lies in one of its own (design.md §5, "State").
CREATE DATABASE ledgerbridge;
