"""Questions: which of two values of a field stands, put to people in Airflow with both side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from ledgerbridge.alerts import Alert, end_alerts, raise_alert
from ledgerbridge.audit import Actor
from ledgerbridge.state import transaction
from ledgerbridge.sync import BEFORE, Question, answer, has_open, has_unput, put_questions
from operators import settings
from operators.leg import FlowOperator

__all__ = ["AskOperator", "PutQuestionsOperator", "QuestionOperator"]


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

    :param kinds: of what, canonical entities' names.
    :param watched: by such a name the fields of which a change is an alert too.
    """

    def __init__(self, *, kinds: list[str], watched: Mapping[str, list[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kinds = kinds
        self.watched = watched

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Take what nobody was asked yet, and what this run asked before."""
        company = self.company.key
        with transaction(self.engine) as session:
            run_id = f"{self.dag_id} {context['run_id']}"[:250]
            questions = [each for kind in self.kinds for each in put_questions(session, company, kind, run_id)]
            for each in questions:
                if each.field in self.watched.get(each.kind, ()):
                    raise_alert(session, _alert(self.flow, each), datetime.now(UTC))
        return [_as_asked(each) for each in questions]


class QuestionOperator(HITLOperator):
    """
    One question; the task waits in Airflow's required actions, and takes no worker meanwhile.

    :param flow: name of the flow; :param company: key of whose books these are.
    :param question: the question as text and numbers.
    :param watched: as for ``PutQuestionsOperator``; the alert ends with the last open question about them.
    """

    template_fields = ("subject", "body", "question")

    def __init__(
        self,
        *,
        flow: str,
        company: str,
        question: Mapping[str, Any],
        watched: Mapping[str, list[str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.watched = watched
        self.flow = flow
        self.company = company
        self.question = question

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Keep the answer; one to a question that is another by now is none, and that one is asked."""
        answered = super().execute_complete(context, event)
        question = Question(**self.question)
        user = answered["responded_by_user"] or {}
        by = str(user.get("name") or user.get("id") or "somebody")
        actor = Actor(self.flow, "", str(context["run_id"]), self.task_id)
        with transaction(settings.state_engine(self.company)) as session:
            kept = answer(session, actor, question, answered["chosen_options"][0], by)
            open_still = [
                kind for kind, fields in self.watched.items() if has_open(session, self.company, kind, fields)
            ]
            end_alerts(session, self.flow, _APPROVAL, datetime.now(UTC), but=open_still)
        if not kept:
            self.log.warning("%s of %s changed since it was asked: it is asked anew", question.field, question.number)
        return answered


_APPROVAL = "approval"


def _alert(flow: str, question: Question) -> Alert:
    """What people are told beside the question; without the values, which are for those who may answer."""
    return Alert(
        flow,
        question.kind,
        _APPROVAL,
        f"{question.field} of {question.kind} {question.number} was changed",
        "Ask them by a number you knew before whether it was they; then answer in Airflow's required actions.",
    )


def _as_asked(question: Question) -> dict[str, Any]:
    lines = [
        f"| {system} | {'(empty)' if value is None else _cell(value)} |" for system, value in question.values.items()
    ]
    why = "Both changed it since they agreed last."
    if BEFORE in question.values:
        why = "It was changed. Whoever answers is not who changed it, and asked them by a number known before."
    return {
        "subject": f"{question.kind} {question.number}: whose {question.field} stands?",
        "body": f"{why}\n\n| in | holds |\n| --- | --- |\n" + "\n".join(lines),
        "options": list(question.values),
        "question": asdict(question),
    }


def _cell(value: Any) -> str:
    return "(empty)" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
