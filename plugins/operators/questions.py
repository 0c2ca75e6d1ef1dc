"""Questions: which of two values of a field stands, put to people in Airflow with both side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.hitl import HITLUser

from ledgerbridge.alerts import Alert, end_alerts, raise_alert
from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.entities import TellsEditors
from ledgerbridge.flows import SyncConfig
from ledgerbridge.links import sides_of
from ledgerbridge.pipeline.posting_days import POSTING_DAY
from ledgerbridge.state import transaction
from ledgerbridge.state.models import OURS
from ledgerbridge.sync import BEFORE, Question, answer, has_open, has_unput, is_open, put_again, put_questions
from operators import settings
from operators.leg import FlowOperator
from operators.systems import hooks_of

__all__ = ["AskOperator", "PutQuestionsOperator", "QuestionOperator", "subject_of"]


class AskOperator(TriggerDagRunOperator):
    """
    Start the DAG that puts questions to people, if there are any that none has put; a stage does not wait for answers.

    :param company: whose questions; :param kinds: of what, canonical entities' names.
    """

    def __init__(self, *, company: str, kinds: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.company = company
        self.kinds = kinds

    def execute(self, context: Context) -> None:
        """Start it, or skip."""
        with transaction(settings.state_engine(self.company)) as session:
            if not any(has_unput(session, self.company, kind) for kind in self.kinds):
                raise AirflowSkipException("there is nothing to ask")
        super().execute(context)


class PutQuestionsOperator(FlowOperator):
    """
    The questions of a run, each as arguments of a ``QuestionOperator``.

    Who changed a watched field is not asked about it, as far as the system it is in tells who did. A question that
    nobody may answer then is put to nobody until somebody else may, and its alert says so.

    :param kinds: what is asked about, as ``FlowConfig.asked_of`` names it. :param synced: how those of them are kept in
        step that are, by canonical entities' names.
    """

    def __init__(self, *, kinds: Sequence[str], synced: Mapping[str, SyncConfig], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kinds = kinds
        self.synced = synced

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Take what nobody was asked yet, and what this run asked before."""
        company = self.company.key
        with transaction(self.engine) as session:
            run_id = f"{self.dag_id} {context['run_id']}"[:250]
            questions = [each for kind in self.kinds for each in put_questions(session, company, kind, run_id)]
        watched = [
            each for each in questions if each.kind in self.synced and each.field in self.synced[each.kind].watched
        ]
        editors = {each.id: self._editors(context, each) for each in watched}
        asked = []
        for each in questions:
            if each.id not in editors:
                asked.append(_as_asked(each))
                continue
            approvers = self.synced[each.kind].approvers
            barred = barred_from(approvers, editors[each.id])
            answering = sorted(approvers.keys() - barred)
            nobody = bool(approvers) and not answering
            with transaction(self.engine) as session:
                raise_alert(session, _alert(self.flow, each, nobody=nobody), datetime.now(UTC))
                if nobody:
                    put_again(session, [each])
            if nobody:
                self.log.warning("%s of %s: nobody of its approvers may answer", each.field, each.number)
            else:
                asked.append(_as_asked(each, editors[each.id], barred, answering))
        return asked

    def _editors(self, context: Context, question: Question) -> list[str]:
        """Who changed the record lately, as its system calls them."""
        entities = [each.entity for each in self.synced[question.kind].sides if each.system in question.values]
        with transaction(self.engine) as session:
            things = sides_of(session, self.company.key, question.kind, entities, [question.record_key])
        found: dict[str, None] = {}
        for side in (each for thing in things.values() for each in thing.sides.values()):
            system, _, name = side.entity.partition(".")
            for connection, hook in hooks_of(system, self.company).items():
                source = hook.entity(name)
                if isinstance(source, TellsEditors):
                    self.await_connections(context, [connection])
                    with self.calling(context, connection):
                        found.update(dict.fromkeys(source.editors(side.key, _LATELY)))
        return list(found)


def barred_from(approvers: Mapping[str, str], editors: Sequence[str]) -> set[str]:
    """Who may not answer: the names of those who edited, and the users of these names."""
    names = {each.casefold() for each in editors}
    users = {user for user, name in approvers.items() if name.casefold() in names or user.casefold() in names}
    return {*editors, *users}


class QuestionOperator(HITLOperator):
    """
    One question; the task waits in Airflow's required actions, and takes no worker meanwhile.

    :param flow: name of the flow; :param company: key of whose books these are.
    :param question: the question as text and numbers.
    :param watched: by a canonical entity's name the fields of which a change is an alert too, which ends with the last
        open question about them.
    :param barred: ids and names of users whose answer counts for nothing: they changed what is asked about.
    """

    template_fields = ("subject", "body", "question")

    def __init__(
        self,
        *,
        flow: str,
        company: str,
        question: Mapping[str, Any],
        watched: Mapping[str, list[str]],
        barred: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.watched = watched
        self.flow = flow
        self.company = company
        self.question = question
        self.barred = barred

    def execute(self, context: Context) -> Any:
        """
        Ask, unless there is nothing to ask any more.

        Airflow takes a task for a killed one whose answer comes while the process that asked is still ending, and tries
        it again though the answer was kept: nobody is asked twice then.
        """
        question = Question(**self.question)
        with transaction(settings.state_engine(self.company)) as session:
            still_asked = is_open(session, question)
        if not still_asked:
            self.log.info("%s of %s is no question any more", question.field, question.number)
            return None
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Keep the answer; one to a question that is another by now is none, and that one is asked."""
        answered = super().execute_complete(context, event)
        question = Question(**self.question)
        user = answered["responded_by_user"] or {}
        by = str(user.get("name") or user.get("id") or "somebody")
        actor = Actor(self.flow, "", str(context["run_id"]), self.task_id)
        with transaction(settings.state_engine(self.company)) as session:
            if not self._may_answer(user):
                put_again(session, [question])
                details = {"field": question.field, "by": by}
                refused = Change("answer-refused", f"{OURS}{question.kind}", question.record_key, details=details)
                append(session, actor, [refused])
                self.log.warning("%s of %s: %s may not answer", question.field, question.number, by)
                return answered
            kept = answer(session, actor, question, answered["chosen_options"][0], by)
            open_still = [
                kind for kind, fields in self.watched.items() if has_open(session, self.company, kind, fields)
            ]
            end_alerts(session, self.flow, _APPROVAL, datetime.now(UTC), but=open_still)
        if not kept:
            self.log.warning("%s of %s changed since it was asked: it is asked anew", question.field, question.number)
        return answered

    def _may_answer(self, user: Mapping[str, Any]) -> bool:
        """Airflow has asked that too, but where everybody is an admin (`simple_auth_manager_all_admins`)."""
        asked = {each["id"] for each in self.assigned_users or ()}
        is_barred = {str(each).casefold() for each in user.values()} & {each.casefold() for each in self.barred}
        return not is_barred and (not asked or str(user.get("id")) in asked)


_LATELY = timedelta(days=30)
"""Whoever changed a record so long before is not asked about it."""
_APPROVAL = "approval"


def _alert(flow: str, question: Question, *, nobody: bool) -> Alert:
    """What people are told beside the question; without the values, which are for those who may answer."""
    remedy = "Ask them by a number you knew before whether it was they; then answer in Airflow's required actions."
    if nobody:
        remedy = "Each of its `approvers` changed this record lately: name another one in the flow's file, who answers."
    return Alert(
        flow,
        question.kind,
        _APPROVAL,
        f"{question.field} of {question.kind} {question.number} was changed",
        remedy,
    )


def subject_of(kind: str, number: str | None, field: str) -> str:
    """What Airflow calls a question in its required actions."""
    return f"{kind} {number}: which {field}?" if field == POSTING_DAY else f"{kind} {number}: whose {field} stands?"


def _as_asked(
    question: Question, editors: Sequence[str] = (), barred: Collection[str] = (), answering: Sequence[str] = ()
) -> dict[str, Any]:
    lines = [
        f"| {system} | {'(empty)' if value is None else _cell(value)} |" for system, value in question.values.items()
    ]
    why = "Both changed it since they agreed last."
    if question.field == POSTING_DAY:
        why = "Its day is closed in the ledger it goes to. Until somebody answers it waits for its own day to be open."
    if BEFORE in question.values:
        by = f" The record was changed lately by {', '.join(map(_cell, editors))}." if editors else ""
        why = f"It was changed.{by} Whoever answers is not who changed it, and asked them by a number known before."
    return {
        "subject": subject_of(question.kind, question.number, question.field),
        "body": f"{why}\n\n| in | holds |\n| --- | --- |\n" + "\n".join(lines),
        "options": list(question.values),
        "question": asdict(question),
        "barred": sorted(barred),
        "assigned_users": [HITLUser(id=each, name=each) for each in answering] or None,
    }


def _cell(value: Any) -> str:
    return "(empty)" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
