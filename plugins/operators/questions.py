"""Questions: which of two values of a field stands, put to people in Airflow with both side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from ledgerbridge.audit import Actor
from ledgerbridge.state import transaction
from ledgerbridge.sync import Question, answer, has_unput, put_questions
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
    """

    def __init__(self, *, kinds: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kinds = kinds

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Take what nobody was asked yet, and what this run asked before."""
        company = self.company.key
        with transaction(self.engine) as session:
            run_id = f"{self.dag_id} {context['run_id']}"[:250]
            questions = [each for kind in self.kinds for each in put_questions(session, company, kind, run_id)]
        return [_as_asked(each) for each in questions]


class QuestionOperator(HITLOperator):
    """
    One question; the task waits in Airflow's required actions, and takes no worker meanwhile.

    :param flow: name of the flow; :param company: key of whose books these are.
    :param question: the question as text and numbers.
    """

    template_fields = ("subject", "body", "question")

    def __init__(self, *, flow: str, company: str, question: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
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
        if not kept:
            self.log.warning("%s of %s changed since it was asked: it is asked anew", question.field, question.number)
        return answered


def _as_asked(question: Question) -> dict[str, Any]:
    lines = [
        f"| {system} | {'(empty)' if value is None else _cell(value)} |" for system, value in question.values.items()
    ]
    return {
        "subject": f"{question.kind} {question.number}: whose {question.field} stands?",
        "body": "Both changed it since they agreed last.\n\n| in | holds |\n| --- | --- |\n" + "\n".join(lines),
        "options": list(question.values),
        "question": asdict(question),
    }


def _cell(value: Any) -> str:
    return "(empty)" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
