"""The names of the DAGs that flows become, and of the assets by which they tell each other of changes."""

from __future__ import annotations

__all__ = ["asset_of", "company_of", "dag_of", "flow_of", "stage_of"]


def asset_of(company: str, entity: str) -> str:
    """The asset of a company's entity, by the company's key: ``ledgerbridge://main/shop.order``."""
    return f"ledgerbridge://{company}/{entity}"


def dag_of(flow: str, stage: str, company: str = "") -> str:
    """
    The DAG of a stage: ``order_to_cash.orders``, of a company other than the default ``quay.order_to_cash.orders``.

    :param company: its key; blank: the default one's.
    """
    return ".".join(filter(None, (company, flow, stage)))


def company_of(dag: str) -> str | None:
    """The company whose flow a DAG is a stage of; None: the default one."""
    return _parts(dag)[0] or None


def flow_of(dag: str) -> str:
    """The flow whose stage a DAG is; of a DAG that people wrote by hand its own name, as far as its first dot."""
    return _parts(dag)[1]


def stage_of(dag: str) -> str:
    """The stage that a DAG is; empty of one that people wrote by hand."""
    return _parts(dag)[2]


def _parts(dag: str) -> tuple[str, str, str]:
    """Company, flow and stage; what is not there is blank."""
    first, _, rest = dag.partition(".")
    flow, dot, stage = rest.partition(".")
    return (first, flow, stage) if dot else ("", first, rest)
