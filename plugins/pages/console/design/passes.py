"""What the last pass of each leg did, for the drawing of its flow."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledgerbridge.flows import company_keys
from ledgerbridge.state import snapshot
from ledgerbridge.state.letter_list import Place
from ledgerbridge.state.models import SourceRecord
from operators import settings
from pages.console.access import Access
from pages.console.design.flow_models import PassView
from pages.console.flow_files import flow_named

__all__ = ["passes"]


def passes(access: Access, flow: str) -> list[PassView]:
    """By company and leg what the pass did that took a record last; of the legs that the user sees."""
    config = flow_named(flow)
    found = []
    for company in company_keys(settings.companies_folder()):
        seen = [leg for leg in config.legs if access.may_read(Place(company, flow, leg))] if config is not None else []
        with snapshot(settings.state_engine(company, stays=True)) as opened:
            found += [told for leg in seen for told in _last(opened, company, flow, leg)]
    return found


def _last(opened: Session, company: str, flow: str, leg: str) -> Iterator[PassView]:
    of_leg = (SourceRecord.flow == flow, SourceRecord.leg == leg)
    newest = select(SourceRecord.run_id).where(*of_leg).order_by(SourceRecord.id.desc()).limit(1)
    run = opened.scalars(newest).one_or_none()
    if run is None:
        return
    counted = select(SourceRecord.outcome, func.count(), func.max(SourceRecord.updated_at))
    rows = opened.execute(counted.where(*of_leg, SourceRecord.run_id == run).group_by(SourceRecord.outcome)).all()
    of = {outcome: count for outcome, count, _ in rows}
    yield PassView(
        company=company, leg=leg, run_id=run, at=max(each[2] for each in rows), read=sum(of.values()),
        delivered=of.get("delivered", 0), unchanged=of.get("unchanged", 0) + of.get("superseded", 0),
        rejected=of.get("rejected", 0) + of.get("held", 0), waiting=of.get("waiting", 0),
    )  # fmt: skip
