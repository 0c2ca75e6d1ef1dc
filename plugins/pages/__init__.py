"""Read-only pages about what a task did, rendered on the server; behind Airflow's login and permissions."""
