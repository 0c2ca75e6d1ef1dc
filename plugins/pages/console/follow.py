"""Following a document: from any of its ids through both ledgers, in the order of the process."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO

from sqlalchemy.orm import Session

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.audit.evidence import collect
from ledgerbridge.audit.search import Hit, search
from ledgerbridge.audit.trace import Step, Trace, happened, trace
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import company_keys
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.letter_list import Place
from ledgerbridge.state.models import BookedDocument, DeadLetter, Delivery, SourceRecord
from operators import settings
from operators.anchors import kept_anchors
from operators.page_links import airflow_run, leg_address
from operators.staged_documents import documents_by_hash, records_of_batch
from operators.system_pages import Addresses
from pages.console.access import Access, dag_of_place, order_in_flow
from pages.console.models import (
    BookedView,
    DocumentView,
    Event,
    HitView,
    Money,
    RecordView,
    StepView,
    StoppedView,
    Way,
)

__all__ = ["evidence_of", "hits", "ways"]

NOT_KNOWN = "LB-AUD-003"
MOST_HITS = 50
"""Of each way to find something: by its number, its amount, its name."""


def ways(access: Access, wanted: str) -> list[Way]:
    """
    The way of what is called so, in each company that knows it: two shops may give one number.

    :param wanted: any id, number or name, as ``ledgerbridge trace`` takes it.
    :raises LedgerbridgeError: nothing that the user sees is known under it.
    """
    found: list[Way] = []
    unknown: LedgerbridgeError | None = None
    for company in company_keys(settings.companies_folder()):
        with snapshot(settings.state_engine(company, stays=True)) as opened:
            try:
                way = _way(opened, access, company, wanted)
            except LedgerbridgeError as error:
                if error.code != NOT_KNOWN:
                    raise
                unknown = error
                continue
        if way.steps:
            found.append(way)
    if not found:
        raise unknown or LedgerbridgeError(
            NOT_KNOWN,
            f'nothing is known under "{wanted}" that you may see.',
            remedy="Ask somebody who may read the DAG of its flow.",
        )
    return found


def hits(access: Access, text: str) -> list[HitView]:
    """What may be meant by a part of a name, the beginning of a number or an amount; values by right."""
    found: list[HitView] = []
    for company in company_keys(settings.companies_folder()):
        with snapshot(settings.state_engine(company, stays=True)) as opened:
            for hit in search(opened, text, MOST_HITS):
                values = access.may_mend(hit.place)
                if values or (access.may_read(hit.place) and not hit.by_value):
                    found.append(_hit(hit, values))
    return sorted(found, key=lambda hit: hit.at, reverse=True)[:MOST_HITS]


def _hit(hit: Hit, values: bool) -> HitView:
    amount, currency = hit.money or (None, "")
    return HitView(
        **hit.place._asdict(), entity=hit.entity, wanted=hit.wanted, state=hit.state, at=hit.at,
        title=hit.number or (hit.label if values else None) or hit.wanted,
        money=Money(amount=amount, currency=currency) if values and amount is not None else None,
    )  # fmt: skip


def evidence_of(access: Access, company: str, wanted: str) -> tuple[bytes, bool]:
    """
    The evidence pack of a document, as a zip file, and whether values are in it; the audit notes who took it.

    There are none for whoever may not see the values of each leg on the way.

    :raises LedgerbridgeError: nothing that the user sees is known under it, or what there is does not hold.
    :raises PermissionError: of a leg on the way the user may not even see that there is something.
    """
    anchors = kept_anchors(settings.anchors_url())  # before the snapshot: a head noted since would be none of its
    engine = settings.state_engine(company, stays=True)
    with snapshot(engine) as opened:
        steps = trace(opened, wanted).steps
        places = {Place(company, step.flow, step.leg) for step in steps}
        hidden = places.difference(access.readable(places))
        if hidden:
            legs = ", ".join(sorted(f"{each.flow}.{each.leg}" for each in hidden))
            raise PermissionError(f"A pack tells the whole way: those may take it who may read the DAGs of {legs}.")
        values = all(access.may_mend(each) for each in places)
        pack = collect(opened, wanted, documents_by_hash, records_of_batch, anchors, values=values)
    with transaction(engine) as opened:
        details = {
            "by": access.name,
            "manifest": sha256(pack.files["manifest.json"]).hexdigest(),
            "with_values": values,
        }
        append(opened, Actor("", "", "", "console"), [Change("evidence-given", "evidence", wanted, details=details)])
    file = BytesIO()
    pack.write(file)
    return file.getvalue(), values


def _way(opened: Session, access: Access, company: str, wanted: str) -> Way:
    found = trace(opened, wanted)
    steps = [step for step in found.steps if access.may_read(Place(company, step.flow, step.leg))]
    steps.sort(key=lambda step: (step.flow, order_in_flow(step.flow, step.leg)[0], step.began))
    addresses = Addresses(settings.company(company))
    told = [_step(access, company, step, addresses) for step in steps]
    seen = [record for step, shown in zip(steps, told, strict=True) if shown.may_mend for record in step.records]
    return Way(company=company, title=_title(found, seen), keys=found.keys, steps=told)


def _title(found: Trace, seen: list[SourceRecord]) -> str:
    """The name of what the chain begins with: of an order, whose customer is of no chain; else what was asked for."""
    known = [record for record in seen if record.label and record.source_key in found.keys]
    known.sort(key=lambda record: record.chain_key is None)
    return str(known[0].label) if known else found.wanted


def _step(access: Access, company: str, step: Step, addresses: Addresses) -> StepView:
    place = Place(company, step.flow, step.leg)
    values, dag = access.may_mend(place), dag_of_place(place)
    return StepView(
        flow=step.flow, stage=order_in_flow(step.flow, step.leg)[1], leg=step.leg, began=step.began, may_mend=values,
        records=[_record(row, values) for row in step.records],
        documents=[_document(row, values, dag, addresses) for row in step.deliveries],
        booked=[_booked(row, values) for row in step.booked],
        letters=[_letter(row, values) for row in step.letters],
        events=list(_events(step, values)),
    )  # fmt: skip


def _record(row: SourceRecord, values: bool) -> RecordView:
    return RecordView(
        entity=row.entity, source_key=row.source_key, outcome=row.outcome,
        label=row.label if values else None, reason=row.reason if values else None,
    )  # fmt: skip


def _document(row: Delivery, values: bool, dag: str, addresses: Addresses) -> DocumentView:
    told = happened(row)
    known = values and told.amount is not None
    return DocumentView(
        entity=row.entity, record_key=row.record_key, number=row.number, target_id=row.target_id, state=row.state,
        reason=row.reason if values else None, day=told.day, what=told.what,
        money=Money(amount=told.amount, currency=told.currency) if known and told.amount is not None else None,
        attempts=row.attempts, updated_at=row.updated_at,
        run_page=leg_address(dag, row.run_id, row.leg, "documents"), run=airflow_run(dag, row.run_id),
        page=addresses.of(row.entity, row.target_id, row.number),
    )  # fmt: skip


def _booked(row: BookedDocument, values: bool) -> BookedView:
    return BookedView(
        ledger=row.ledger, kind=row.kind, number=row.number, booked_on=row.booked_on,
        effects=row.effects if values else None,
    )  # fmt: skip


def _letter(row: DeadLetter, values: bool) -> StoppedView:
    return StoppedView(
        id=row.id, state=row.state, code=row.code, field=row.field, message=row.message if values else None
    )


def _events(step: Step, values: bool) -> Iterator[Event]:
    for entry in step.entries:
        reason = entry.details.get("reason") if values else None
        by, run = entry.details.get("by"), entry.run_id or None
        yield Event(at=entry.at, action=entry.action, by=by, reason=None if reason is None else str(reason), run_id=run)
