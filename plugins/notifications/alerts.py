"""Telling people what went wrong: an Airflow notifier that groups, and the sending through Apprise."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseNotifier, Context
from sqlalchemy import Engine

from hooks.environments import connection_here
from hooks.state_database import state_engine
from ledgerbridge.alerts import Alert, AlertsConfig, messages_due, not_sent, raise_alert
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.companies import MAIN, for_company

__all__ = ["NOT_SIGNED", "AlertNotifier", "close_missed", "deadline_missed", "send", "tell"]

NOT_SIGNED = "close"
"""The kind of an alert that a period is not signed in time."""


class AlertNotifier(BaseNotifier):
    """
    On a task's failure: one alert a (flow, leg, error class), however many tasks fail for it.

    For ``on_failure_callback`` of a task: there it runs in the task's process and sees the exception.

    :param flow: name of the flow.
    :param config: the flow's `alerts`.
    :param zone: the company's zone, for quiet hours.
    :param company: its key.
    """

    def __init__(self, flow: str, config: AlertsConfig, zone: str, company: str = MAIN) -> None:
        super().__init__()
        self.flow = flow
        self.config = config
        self.zone = zone
        self.company = company

    def notify(self, context: Context) -> None:
        """Count the failure, tell what is due."""
        error = context.get("exception")
        task = context["ti"]
        leg = str(task.task_id).partition(".")[0] if "." in str(task.task_id) else ""
        alert = Alert(
            self.flow,
            leg,
            type(error).__name__ if error is not None else "failure",
            error.message if isinstance(error, LedgerbridgeError) else str(error or "the task ended without an error"),
            error.remedy if isinstance(error, LedgerbridgeError) else "Read the task's log.",
            str(getattr(task, "log_url", "") or ""),
        )
        _occurred(alert, self.config, self.zone, self.company)


def tell(engine: Engine, flow: str, config: AlertsConfig, zone: str) -> int:
    """
    Send what is due of a flow's alerts; how many messages reached somebody.

    One that reached nobody is due again: the next failure or the next watch tries it.
    """
    with transaction(engine) as session:
        messages = messages_due(session, flow, config, database_now(session), zone)
    reached = 0
    for message in messages:
        if send(message.connection, message.title, message.body):
            reached += 1
            continue
        with transaction(engine) as session:
            not_sent(session, message, escalated=message.connection == config.escalate_to)
    return reached


async def deadline_missed(flow: str, config: dict[str, Any], zone: str, company: str = MAIN, **_: Any) -> None:
    """What Airflow calls when a run takes longer than ``deadline_minutes``; runs in the triggerer."""
    import asyncio

    await asyncio.to_thread(_deadline_missed, flow, AlertsConfig.model_validate(config), zone, company)


async def close_missed(flow: str, config: dict[str, Any], zone: str, days: int, company: str = MAIN, **_: Any) -> None:
    """What Airflow calls when a close is not signed in time; runs in the triggerer."""
    import asyncio

    alert = Alert(
        flow,
        "",
        NOT_SIGNED,
        f"a close that began {days} days ago is not signed",
        "Its report says what differs and what is under way; sign it in Airflow's required actions.",
    )
    await asyncio.to_thread(_occurred, alert, AlertsConfig.model_validate(config), zone, company)


def _deadline_missed(flow: str, config: AlertsConfig, zone: str, company: str) -> None:
    alert = Alert(
        flow,
        "",
        "deadline",
        f"a run has been going on for more than {config.deadline_minutes} minutes",
        "Look at its tasks in Airflow: what waits, and for whom.",
    )
    _occurred(alert, config, zone, company)


def _occurred(alert: Alert, config: AlertsConfig, zone: str, company: str) -> None:
    """Count an alert and tell what is due; when it can't be counted it is told each time rather than never."""
    try:
        engine = for_company(state_engine(stays=True), company)
        with transaction(engine) as session:
            raise_alert(session, alert, database_now(session))
        tell(engine, alert.flow, config, zone)
    except LedgerbridgeError as fault:
        where = f"{alert.flow} {alert.leg}".strip()
        lines = [f"{where}, {alert.kind}", alert.message, f"Remedy: {alert.remedy}", alert.link]
        uncounted = f"Every failure is told, because alerts can't be counted now: {fault}"
        body = "\n".join([*filter(None, lines), uncounted])
        send(config.to, f"{alert.flow}: {alert.kind}", body)


def send(connection: str, title: str, body: str) -> bool:
    """
    Whether everybody of an Apprise connection was reached.

    ``AppriseHook.notify`` drops the answer (sources.md Airflow §1), so that its Apprise object is asked itself.
    """
    import apprise
    from airflow.providers.apprise.hooks.apprise import AppriseHook

    hook = AppriseHook(connection)
    recipients = apprise.Apprise()
    hook.set_config_from_conn(conn=connection_here(connection), apprise_obj=recipients)
    return bool(recipients.notify(body=body, title=title))
