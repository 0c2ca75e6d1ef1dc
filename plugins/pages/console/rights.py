"""What the user may do, stage by stage: the question whose answer the other pages only show."""

from __future__ import annotations

from ledgerbridge.flows import company_keys, dag_of
from operators import settings
from pages.console.access import Access
from pages.console.flow_files import flows
from pages.console.models import RightView

__all__ = ["rights_of"]


def rights_of(access: Access) -> list[RightView]:
    """Of each company and each stage of its flows, in the order of the files; also where the user may do nothing."""
    return [
        RightView(
            company=company,
            flow=name,
            stage=stage,
            reads=access.may_read_dag(dag := dag_of(name, stage, settings.in_dag_ids(company))),
            mends=access.may_mend_dag(dag),
            answers=access.may_answer(dag),
            starts=access.may_start(dag),
            edits=access.may_edit([dag]),
        )
        for company in company_keys(settings.companies_folder())
        for name, flow in flows().items()
        for stage in flow.stages
    ]
