"""The names of the DAGs that flows become, and of the assets by which they tell each other of changes."""

from __future__ import annotations

__all__ = ["asset_of", "dag_of", "flow_of", "stage_of"]


def asset_of(company: str, entity: str) -> str:
    """The asset of a company's entity, by the company's key: ``ledgerbridge://main/shop.order``."""
    return f"ledgerbridge://{company}/{entity}"


def dag_of(flow: str, stage: str) -> str:
    """The DAG of a stage: ``order_to_cash.orders``."""
    return f"{flow}.{stage}"


def flow_of(dag: str) -> str:
    """The flow whose stage a DAG is; of a DAG that people wrote by hand its own name, as far as its first dot."""
    return dag.partition(".")[0]


def stage_of(dag: str) -> str:
    """The stage that a DAG is; empty of one that people wrote by hand."""
    return dag.partition(".")[2]
