"""What a leg read and what it sent, value by value; whoever looks is noted in the audit."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.audit.trace import Step, trace
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.batches import batch_of
from ledgerbridge.state.letter_list import Place
from operators import settings
from operators.staged_documents import documents_by_hash, records_of_batch
from pages.console.access import Access, dag_of_place
from pages.console.looks import SHOWN
from pages.console.models import PayloadView, StepAsked

__all__ = ["payloads_of"]


def payloads_of(access: Access, asked: StepAsked) -> list[PayloadView]:
    """
    The records a leg took of a document's chain, as they were read, what it understood of them, and what it sent.

    Records and documents whose batch was purged are left out.

    :raises LedgerbridgeError: nothing is known under what is asked for, or that leg has no part in it.
    :raises PermissionError: the user sees no values of this leg.
    """
    place = Place(asked.company, asked.flow, asked.leg)
    if not access.may_mend(place):
        raise PermissionError(f"Those see values who may edit the DAG {dag_of_place(place)}.")
    engine = settings.state_engine(asked.company, stays=True)
    with snapshot(engine) as opened:
        steps = [each for each in trace(opened, asked.wanted).steps if (each.flow, each.leg) == (asked.flow, asked.leg)]
        if not steps:
            raise LedgerbridgeError(
                "LB-AUD-003",
                f'leg {asked.flow}.{asked.leg} has no part in the way of "{asked.wanted}".',
                remedy="Take one of the legs that the way shows.",
            )
        found = [*_read(opened, steps[0]), *_understood(steps[0]), *_sent(opened, steps[0])]
    with transaction(engine) as opened:
        details = {"by": access.name, "wanted": asked.wanted, "shown": len(found)}
        seen = Change(SHOWN, asked.leg, found[0].key if found else asked.wanted, details=details)
        append(opened, Actor(asked.flow, asked.leg, "", "console", asked.company), [seen])
    return found


def _read(opened: Session, step: Step) -> list[PayloadView]:
    keys = {row.source_key: row.entity for row in step.records}
    batch = batch_of(opened, step.payloads["raw"]) if "raw" in step.payloads else None
    records = [] if batch is None else records_of_batch(batch.uri, batch.rows, batch.sha256)
    return [
        PayloadView(what="read", entity=keys[each.key], key=each.key, content=each.payload)
        for each in records
        if each.key in keys
    ]


def _understood(step: Step) -> list[PayloadView]:
    return [
        PayloadView(what="understood", entity=row.entity, key=row.source_key, content=row.canonical)
        for row in step.records
        if row.canonical
    ]


def _sent(opened: Session, step: Step) -> list[PayloadView]:
    hashes = {row.content_hash: row for row in step.deliveries}
    batch = batch_of(opened, step.payloads["documents"]) if "documents" in step.payloads else None
    documents: dict[str, Any] = {} if batch is None else documents_by_hash(batch.uri, batch.rows, batch.sha256)
    return [
        PayloadView(what="sent", entity=hashes[each].entity, key=hashes[each].record_key, content=content)
        for each, content in documents.items()
        if each in hashes
    ]
