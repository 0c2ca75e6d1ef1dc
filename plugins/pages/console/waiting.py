"""What waits beside dead letters: conflicts, records that may be one, unknown outcomes, and what waits too long."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import ColumnElement, and_, false, func, or_, select, tuple_
from sqlalchemy.orm import Session

from ledgerbridge.audit import Actor
from ledgerbridge.audit.trace import happened
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import FlowConfig, SideLegConfig, StageConfig, company_keys
from ledgerbridge.reconciliation.waiting import Overdue, money_of, waiting_too_long
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.letter_list import Place
from ledgerbridge.state.models import Delivery, MatchProposal, MergeQuestion
from ledgerbridge.state.work_items import Kind as WorkKind
from ledgerbridge.sync import answer_proposals
from operators import settings
from operators.page_links import airflow_prefix, leg_address
from operators.questions import subject_of
from pages.console.access import Access, dag_of_place
from pages.console.flow_files import flows
from pages.console.looks import Look, note_looks
from pages.console.models import (
    AgreementView,
    HeldView,
    Money,
    OverdueList,
    OverdueView,
    ProposalList,
    ProposalView,
    QuestionList,
    QuestionView,
    Said,
    UnknownList,
    UnknownView,
    WorkView,
)
from pages.console.work import subject_id, works

__all__ = ["answer", "counts", "overdue", "proposals", "questions", "unknown"]

MEANS = "console"


@dataclass(frozen=True)
class _Kind:
    """What is asked about in a company and the user sees, by a leg of the stage that asks."""

    place: Place
    mends: bool


@dataclass(frozen=True)
class _Task:
    """The task that waits for an answer in Airflow."""

    address: str
    page: str
    answering: list[str]
    answered_by: str | None


def counts(access: Access) -> dict[str, int]:
    """How much of each kind waits."""
    kinds = _kinds(access)
    with snapshot(settings.state_engine(stays=True)) as opened:
        return {
            "questions": _total(opened, MergeQuestion, kinds),
            "proposals": _total(opened, MatchProposal, kinds),
            "unknown": len(_unknown(opened, access)),
            "overdue": len(_overdue(access)),
        }


def questions(access: Access, airflow: Session, offset: int, limit: int) -> QuestionList:
    """
    The questions without an answer of the kinds the user sees, oldest first; the audit is told whose values were shown.

    :param airflow: of Airflow's own database, where the tasks are that take the answers.
    """
    kinds = _kinds(access)
    with snapshot(settings.state_engine(stays=True)) as opened:
        total = _total(opened, MergeQuestion, kinds)
        query = select(MergeQuestion).where(*_open(MergeQuestion, kinds))
        rows = opened.scalars(
            query.order_by(MergeQuestion.asked_at, MergeQuestion.id).offset(offset).limit(limit)
        ).all()
        work = _works(opened, "question", {row: kinds[row.company, row.kind].mends for row in rows})
    seen = [(kinds[row.company, row.kind], row) for row in rows]
    note_looks(access.name, [Look(kind.place, row.kind, row.record_key) for kind, row in seen if kind.mends])
    tasks = _tasks(airflow, rows)
    told = [_question(row, kinds[row.company, row.kind], tasks.get(row.id), work[row]) for row in rows]
    return QuestionList(total=total, questions=told)


def proposals(access: Access, offset: int, limit: int) -> ProposalList:
    """The pairs without an answer of the kinds the user sees, likeliest first; the audit is told of them as above."""
    kinds = _kinds(access)
    with snapshot(settings.state_engine(stays=True)) as opened:
        total = _total(opened, MatchProposal, kinds)
        query = select(MatchProposal).where(*_open(MatchProposal, kinds))
        likeliest = (MatchProposal.score.desc(), MatchProposal.id)
        rows = opened.scalars(query.order_by(*likeliest).offset(offset).limit(limit)).all()
        work = _works(opened, "proposal", {row: kinds[row.company, row.kind].mends for row in rows})
    seen = [(kinds[row.company, row.kind], row) for row in rows]
    pairs = [(kind, row.kind, key) for kind, row in seen if kind.mends for key in (row.left_key, row.right_key)]
    note_looks(access.name, [Look(kind.place, of, key) for kind, of, key in pairs])
    told = [_proposal(row, kinds[row.company, row.kind], work[row]) for row in rows]
    return ProposalList(total=total, proposals=told)


def answer(access: Access, said: Said) -> None:
    """
    Carry out what a person says of pairs.

    :raises LedgerbridgeError: there is no such pair, somebody has answered, or the two are linked with others.
    :raises PermissionError: the user may not edit the DAG that keeps this kind in step.
    """
    kind = _kinds(access).get((said.company, said.kind))
    if kind is not None and not kind.mends:
        raise PermissionError(f"Those may answer about {said.kind} who may edit the DAG {dag_of_place(kind.place)}.")
    with transaction(settings.state_engine(said.company, stays=True)) as opened:
        asked = select(MatchProposal.id).where(MatchProposal.kind == said.kind, MatchProposal.id.in_(said.answers))
        known = set(opened.scalars(asked)) if kind is not None else set()
        if kind is None or known != said.answers.keys():
            raise LedgerbridgeError(
                "LB-MAT-001",
                f"there is no proposal {min(said.answers.keys() - known)} of {said.kind}; an open one is expected.",
                remedy="Look at the list anew: after a new meeting the numbers are others.",
            )
        answers = {number: word == "accept" for number, word in said.answers.items()}
        answer_proposals(opened, Actor(kind.place.flow, "", "", MEANS, said.company), answers, access.name)


def unknown(access: Access, offset: int, limit: int) -> UnknownList:
    """The documents that were called out and have no outcome, where the user sees their leg; oldest first."""
    with snapshot(settings.state_engine(stays=True)) as opened:
        rows = _unknown(opened, access)
        shown = {row: access.may_mend(Place(row.company, row.flow, row.leg)) for row in rows[offset : offset + limit]}
        work = _works(opened, "unknown", shown)
    return UnknownList(total=len(rows), documents=[_document(row, shown[row], work[row]) for row in shown])


def overdue(access: Access, offset: int, limit: int) -> OverdueList:
    """The records that wait longer than the flow says, where the user sees their leg; longest first."""
    rows = _overdue(access)
    shown = rows[offset : offset + limit]
    sees = {row: access.may_mend(Place(row.company, row.flow, row.leg)) for row in (each.record for each, _ in shown)}
    with snapshot(settings.state_engine(stays=True)) as opened:
        work = _works(opened, "overdue", sees)
    told = [_record(each, allowed, sees[each.record], work[each.record]) for each, allowed in shown]
    return OverdueList(total=len(rows), records=told)


def _kinds(access: Access) -> dict[tuple[str, str], _Kind]:
    """By company and kind what the user sees: masters by canonical entity, documents by the entity written."""
    found: dict[tuple[str, str], _Kind] = {}
    for company in company_keys(settings.companies_folder()):
        for flow, config in flows().items():
            for name, leg in config.legs.items():
                place = Place(company, flow, name)
                # of masters their values are asked about, of documents the day they are posted on
                synced = [leg.sync.entity] if isinstance(leg, SideLegConfig) else []
                for kind in (*synced, *([leg.target] if leg.closed_periods == "ask" else [])):
                    if (company, kind) not in found and access.may_read(place):
                        found[company, kind] = _Kind(place, access.may_mend(place))
    return found


def _open(
    table: type[MergeQuestion | MatchProposal], kinds: Collection[tuple[str, str]]
) -> tuple[ColumnElement[bool], ...]:
    of_kinds = (and_(table.company == company, table.kind == kind) for company, kind in kinds)
    return table.answer.is_(None), or_(false(), *of_kinds)


def _total(opened: Session, table: type[MergeQuestion | MatchProposal], kinds: Collection[tuple[str, str]]) -> int:
    return opened.scalar(select(func.count()).select_from(table).where(*_open(table, kinds))) or 0


def _tasks(airflow: Session, rows: Collection[MergeQuestion]) -> dict[int, _Task]:
    """
    By question the task in Airflow that takes its answer.

    A question knows the run it was put in, and the run its questions by what they are called.
    """
    runs = {row.id: (row.put_in or "").partition(" ")[::2] for row in rows}
    columns: Any = (
        *(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index),
        *(HITLDetail.subject, HITLDetail.assignees, HITLDetail.responded_by),
    )
    of_runs = tuple_(TaskInstance.dag_id, TaskInstance.run_id).in_(sorted(set(runs.values())))
    query = select(*columns).join(HITLDetail, HITLDetail.ti_id == TaskInstance.id).where(of_runs)
    by_name: dict[tuple[str, str, str], list[Any]] = {}
    for each in airflow.execute(query):
        by_name.setdefault((each.dag_id, each.run_id, each.subject), []).append(each)
    found: dict[int, _Task] = {}
    for row in rows:
        called = by_name.get((*runs[row.id], subject_of(row.kind, row.number, row.field)), [])
        if len(called) == 1:  # two of one name are told apart in Airflow alone, by what they hold
            found[row.id] = _task(called[0])
    return found


def _task(row: Any) -> _Task:
    dag, run, task = (quote(each, safe="") for each in (row.dag_id, row.run_id, row.task_id))
    mapped = f"/mapped/{row.map_index}" if row.map_index >= 0 else ""
    return _Task(
        f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/{row.map_index}/hitlDetails",
        f"{airflow_prefix()}/dags/{dag}/runs/{run}/tasks/{task}{mapped}/required_actions",
        [str(each["id"]) for each in row.assignees or ()],
        None if row.responded_by is None else str(row.responded_by.get("name") or row.responded_by.get("id")),
    )


def _works(opened: Session, kind: WorkKind, rows: Mapping[Any, bool]) -> dict[Any, WorkView]:
    """
    What is noted at each row.

    :param rows: with whether the user sees values there.
    """
    ids = {row: subject_id(row) for row in rows}
    found = works(opened, kind, {ids[row]: values for row, values in rows.items()})
    return {row: found[ids[row]] for row in rows}


def _question(row: MergeQuestion, kind: _Kind, task: _Task | None, work: WorkView) -> QuestionView:
    values = row.values or {}
    return QuestionView(
        id=row.id, company=row.company, flow=kind.place.flow, kind=row.kind, number=row.number, field=row.field,
        asked_at=row.asked_at, values={name: _text(each) for name, each in values.items()} if kind.mends else None,
        options=list(values) if task is not None and task.answered_by is None and kind.mends else [],
        task=task.address if task else None, page=task.page if task else None,
        answering=task.answering if task else [], answered_by=task.answered_by if task else None,
        may_mend=kind.mends, work=work,
    )  # fmt: skip


def _proposal(row: MatchProposal, kind: _Kind, work: WorkView) -> ProposalView:
    return ProposalView(
        id=row.id, company=row.company, flow=kind.place.flow, kind=row.kind, sides=list(row.sides),
        numbers=[row.left_number, row.right_number], score=row.score, may_mend=kind.mends, work=work,
        agreements=[AgreementView(**each) for each in row.agreements],
        fields=list(_held(row)) if kind.mends else [],
    )  # fmt: skip


def _held(row: MatchProposal) -> Iterator[HeldView]:
    """Field by field what each side holds, where one of them holds anything."""
    of_side = {side: (row.shown or {}).get(side, {}) for side in row.sides}
    for name in dict.fromkeys(name for held in of_side.values() for name in held):
        values = {side: _text(held.get(name)) for side, held in of_side.items()}
        if any(each is not None for each in values.values()):
            yield HeldView(name=name, values=values)


def _unknown(opened: Session, access: Access) -> list[Delivery]:
    under_way = (Delivery.called_at.is_not(None), Delivery.state == "sending")
    rows = opened.scalars(select(Delivery).where(*under_way).order_by(Delivery.called_at, Delivery.id)).all()
    seen = {place: access.may_read(place) for place in {Place(row.company, row.flow, row.leg) for row in rows}}
    return [row for row in rows if seen[Place(row.company, row.flow, row.leg)]]


def _document(row: Delivery, values: bool, work: WorkView) -> UnknownView:
    place, told = Place(row.company, row.flow, row.leg), happened(row)
    known = values and told.amount is not None
    return UnknownView(
        **place._asdict(), id=row.id, may_mend=values, work=work, entity=row.entity, record_key=row.record_key,
        number=row.number, attempts=row.attempts, called_at=row.called_at, settles_at=row.settles_at,
        money=Money(amount=told.amount, currency=told.currency) if known else None,
        run_page=leg_address(dag_of_place(place), row.run_id, row.leg, "documents"),
    )  # fmt: skip


def _overdue(access: Access) -> list[tuple[Overdue, int]]:
    """What waits too long, with the days it may, by the stages that compare the books."""
    found: dict[tuple[str, str, str], tuple[Overdue, int]] = {}
    for company in company_keys(settings.companies_folder()):
        for name, stage in _compared(flows()):
            legs = [leg for leg in flows()[name].legs if access.may_read(Place(company, name, leg))]
            patience = {leg: days for leg in legs if (days := stage.waits.of(leg)) is not None}
            if not patience:
                continue
            with snapshot(settings.state_engine(company, stays=True)) as opened:
                for each in waiting_too_long(opened, company, name, patience):
                    found[company, name, each.record.source_key] = (each, patience[each.record.leg])
    return sorted(found.values(), key=lambda each: (-each[0].days, each[0].record.source_key))


def _compared(known: Mapping[str, FlowConfig]) -> list[tuple[str, StageConfig]]:
    """The flows whose documents are compared, beside others' too, each with the stage that compares them."""
    return [
        (each, stage)
        for name, flow in known.items()
        for stage in flow.stages.values()
        if stage.reconcile
        for each in (name, *stage.beside)
        if each in known
    ]


def _record(each: Overdue, allowed: int, values: bool, work: WorkView) -> OverdueView:
    row = each.record
    place, header = Place(row.company, row.flow, row.leg), row.canonical or {}
    money = money_of(header) if values and header.get("currency") else None
    return OverdueView(
        **place._asdict(), id=row.id, entity=row.entity, source_key=row.source_key, days=each.days, allowed=allowed,
        may_mend=values, work=work,
        title=row.label if values and row.label else row.source_key, reason=row.reason if values else None,
        money=None if money is None else Money(amount=money, currency=str(header["currency"])),
    )  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
