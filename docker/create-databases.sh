#!/bin/sh
# Run once by PostgreSQL's image, as its superuser. Airflow's database is Airflow's own. What Ledgerbridge keeps
# (docs/reference/tables.md) is owned by a role that only migrates; tasks work as another, which can't undo the audit.
set -eu
psql --set=ON_ERROR_STOP=1 --set=airflow="$AIRFLOW_DB_PASSWORD" --set=owner="$OWNER_DB_PASSWORD" \
    --set=tasks="$TASKS_DB_PASSWORD" --dbname=postgres ${PSQL_ARGUMENTS:-} <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE ROLE ledgerbridge_owner LOGIN PASSWORD :'owner';
CREATE ROLE ledgerbridge LOGIN PASSWORD :'tasks';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE ledgerbridge OWNER ledgerbridge_owner;
REVOKE ALL ON DATABASE airflow FROM PUBLIC;
REVOKE ALL ON DATABASE ledgerbridge FROM PUBLIC;
GRANT CONNECT ON DATABASE ledgerbridge TO ledgerbridge;
SQL
