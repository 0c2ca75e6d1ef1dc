"""A leg's algorithm, without Airflow: from source records to documents, and what became of them."""
