"""
Closing a period: the DAG that compares the books of a month, reports what is under way and what differs, and has people
sign it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, BaseOperator, Context, ObjectStoragePath, Param
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.hitl import HITLUser
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from ledgerbridge.alerts import end_alerts
from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.closing import propose, sign, tell_changed
from ledgerbridge.closing.files import files_of, hash_of
from ledgerbridge.closing.proof import carried
from ledgerbridge.closing.report import PeriodReport
from ledgerbridge.closing.under_way import Terms, under_way
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from ledgerbridge.flows import Company, FlowConfig, load_flow
from ledgerbridge.reconciliation import Period
from ledgerbridge.reconciliation.control import Control, control_accounts
from ledgerbridge.reconciliation.documents import BookedDocuments
from ledgerbridge.reconciliation.kept import KeptBooks
from ledgerbridge.reconciliation.signed import SIGNED, period_name
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import SignOff
from ledgerbridge.state.reconciliations import kept_result
from notifications.alerts import NOT_SIGNED, AlertNotifier, close_missed
from operators import settings
from operators.builder import BrokenFlow
from operators.page_links import CloseLink, console_address
from operators.placement import for_systems
from operators.reconcile import ReconcileOperator, period_of, roles_of
from operators.retries import ByErrorClass

__all__ = ["CloseReportOperator", "CompareForCloseOperator", "SignOffOperator", "build_close", "close_id"]

SIGN, REFUSE = "Sign", "Do not sign"
_PARAMS = {
    "from": Param(None, type=["null", "string"], format="date", description="First day; empty: of the month before."),
    "to": Param(None, type=["null", "string"], format="date", description="Last day; empty: of the month before."),
}


class CompareForCloseOperator(ReconcileOperator):
    """
    Compare a period's books as its last pass: both ledgers are read anew, and nothing may be left under way.

    What differs is told by the report, and fails nothing here.
    """

    operator_extra_links = (CloseLink(),)

    def execute(self, context: Context) -> str:
        """The address of the page that tells what was found."""
        period = closed_period(context, self.company)
        result, page = self._compare(str(context["run_id"]), period, closing=True, anew=True)
        for each in result.differences:
            self.log.info("%s: %s", "explained" if each.explained else "differs", each)
        return page


class CloseReportOperator(BaseOperator):
    """
    Make the report of a period, keep it below the staging URL, and propose it to be signed.

    Returns what people are asked, with the number of the sign-off.

    :param company: key of whose books these are.
    :param flows: those that compare the company's books, by name.
    """

    ui_color = "#f3eefb"

    def __init__(self, *, flows: Mapping[str, FlowConfig], company: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flows = flows
        self.company_key = company

    @cached_property
    def company(self) -> Company:
        """Whose books these are."""
        return settings.company(self.company_key)

    def execute(self, context: Context) -> dict[str, Any]:
        """Report, and propose."""
        company, run_id = self.company, str(context["run_id"])
        period = closed_period(context, company)
        engine = settings.state_engine(company.key)
        report = self._report(engine, run_id, period)
        files = files_of(report)
        report_hash = hash_of(files)
        name = period_name(report.first, report.last)
        folder = ObjectStoragePath(f"{settings.staging_url()}/close/{company.key}/{name}/{report_hash[:16]}")
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        with transaction(engine) as session:
            number = propose(
                session, Actor("", "", run_id, self.task_id), company.key, period, self.flows,
                report_hash=report_hash, report_url=str(folder),
            )  # fmt: skip
        self.log.info("period=%s open=%d explained=%d hash=%s", name, report.open, report.explained, report_hash)
        return {"sign_off": number, "flows": list(self.flows), "open": report.open, **_asked(report, report_hash)}

    def _report(self, engine: Engine, run_id: str, period: Period) -> PeriodReport:
        company = self.company
        if period.first is None or period.last is None:
            raise ConfigurationError("LB-CLS-005", "a period has two days.", remedy="Give both `from` and `to`.")
        zone = ZoneInfo(company.time_zone)
        closes = datetime.combine(period.last + timedelta(days=company.close.days + 1), time(), zone).astimezone(UTC)
        with snapshot(engine) as session:
            books = {flow: kept_result(session, company.key, flow, run_id) or {} for flow in self.flows}
            control = [each for flow in self.flows for each in self._control(session, flow, period, books[flow])]
            found = carried(session, company.key, self._entities())
            terms = Terms(self._legs(), period.last, closes, zone)
            going = under_way(session, terms, database_now(session))
        return PeriodReport(
            company.key, company.name, company.base_currency, period.first, period.last, closes, books, going,
            control=control,
            carried=found,
            gateways=self._gateways,
            console=console_address(),
        )  # fmt: skip

    @property
    def _gateways(self) -> list[str]:
        """Roles of the clearing accounts of gateways that tell what they hold."""
        return [each.role for each in self.company.gateways if each.name in self.company.connections]

    def _control(self, session: Session, flow: str, period: Period, found: Mapping[str, Any]) -> list[Control]:
        ledgers = next(stage.reconcile for stage in self.flows[flow].stages.values() if stage.reconcile)
        kept = KeptBooks(settings.state_engine(self.company.key), self.company.key, flow)
        roles = {ledger: roles_of(self.company, ledger) for ledger in ledgers}
        documents = BookedDocuments(kept, roles, self.company.compared_from)
        return control_accounts(session, documents, period, found, self._gateways)

    def _entities(self) -> dict[str, dict[str, list[str]]]:
        """By flow and leg, what it reads; of legs that keep two sides in step nothing is carried."""
        without = self.company.without
        return {
            name: {leg: list(config.sources) for leg, config in flow.for_company(without).legs.items()}
            for name, flow in self._all_flows().items()
        }

    def _all_flows(self) -> dict[str, FlowConfig]:
        """The flows that compare, and those whose documents are in the same ledgers."""
        folder = settings.include_folder()
        found = dict(self.flows)
        for flow in self.flows.values():
            for beside in (each for stage in flow.stages.values() for each in stage.beside):
                found.setdefault(beside, load_flow(folder / "flows" / f"{beside}.yaml", folder))
        return found

    def _legs(self) -> dict[str, list[str]]:
        return {flow: list(legs) for flow, legs in self._entities().items()}


class SignOffOperator(HITLOperator):
    """
    Have a person sign the report; the task waits in Airflow's required actions, and takes no worker meanwhile.

    :param company: key of whose books these are. :param needed: how many different people sign.
    :param place: which of the signatures this is. :param report: id of the task that made the report.
    """

    template_fields = ("subject", "body")

    def __init__(self, *, needed: int, report: str, place: int = 1, company: str | None = None, **kwargs: Any) -> None:
        told = f"{{{{ ti.xcom_pull(task_ids='{report}')['%s'] }}}}"
        note = Param(
            None,
            type=["null", "string"],
            source="task",
            description="What you say to it; needed where a difference has no reason.",
        )
        kwargs["params"] = {"note": note}  # in place of the DAG's own, which Airflow gives too
        super().__init__(subject=told % "subject", body=told % "body", options=[SIGN, REFUSE], **kwargs)
        self.company_key = company
        self.needed = needed
        self.place = place
        self.report = report

    def execute(self, context: Context) -> Any:
        """Ask, unless a try before this one has the signature: Airflow takes a task for a killed one that was answered
        while the process that asked was still ending."""
        number = context["ti"].xcom_pull(task_ids=self.report)["sign_off"]
        with snapshot(settings.state_engine(settings.company(self.company_key).key)) as session:
            row = session.get(SignOff, number)
            if row is not None and len(row.signatures) >= self.place:
                self.log.info("signature %d is there: nobody is asked", self.place)
                return None
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """
        Keep the signature.

        :raises AirflowFailException: the person does not sign, may not, or has; or the books changed since the report.
        """
        try:
            return self._taken(context, event)
        except LedgerbridgeError as error:
            raise AirflowFailException(str(error)) from error

    def _taken(self, context: Context, event: dict[str, Any]) -> Any:
        answered = super().execute_complete(context, event)
        reported = context["ti"].xcom_pull(task_ids=self.report)
        user = answered["responded_by_user"] or {}
        by = str(user.get("id") or "")
        # as the company file has it: Airflow's simple logins have no names
        named = {each["id"]: each["name"] for each in self.assigned_users or ()}
        name = named.get(by) or str(user.get("name") or by or "somebody")
        note = (answered["params_input"] or {}).get("note") or None
        company = settings.company(self.company_key).key
        actor = Actor("", "", str(context["run_id"]), self.task_id)
        with transaction(settings.state_engine(company)) as session:
            refused = self._refused(answered, by, name, note, reported["open"])
            if refused is None:
                row = sign(session, actor, reported["sign_off"], by=by, name=name, note=note, needed=self.needed)
                self._end_alerts(session, row, reported["flows"])
            else:
                told = {"by": name, "reason": note, "refused": refused.code}
                append(session, actor, [Change("period-refused", SIGNED, reported["key"], details=told)])
        if refused is not None:
            raise refused
        return answered

    def _end_alerts(self, session: Session, row: SignOff, flows: list[str]) -> None:
        """Of a period that is signed nobody need be told that it is not, nor of what changed since it was before."""
        for flow in flows if row.state == "signed" else ():
            end_alerts(session, flow, NOT_SIGNED, database_now(session))
            tell_changed(session, flow, row.company, [])

    def _refused(
        self, answered: Mapping[str, Any], by: str, name: str, note: str | None, differences: int
    ) -> LedgerbridgeError | None:
        # Airflow has asked that too, but where everybody is an admin (`simple_auth_manager_all_admins`)
        asked = {each["id"] for each in self.assigned_users or ()}
        if asked and by not in asked:
            return LedgerbridgeError(
                "LB-CLS-006",
                f"{name} is not among those who may sign.",
                remedy="Let one of `close: signers` in the company file sign: clear this task.",
            )
        if answered["chosen_options"] != [SIGN]:
            return LedgerbridgeError(
                "LB-CLS-007",
                f"{name} does not sign: {note or 'without a word'}.",
                remedy="Do what it says, then clear the run from its first task: people sign the report it makes.",
            )
        if differences and not note:
            return LedgerbridgeError(
                "LB-CLS-008",
                f"{differences} differences have no reason, and {name} signed without a note.",
                remedy="Clear this task, and sign with a note that says why the period is closed with them.",
            )
        return None


def closed_period(context: Context, company: Company) -> Period:
    """The period that the run's params name, or the month before the run."""
    period = period_of(context["params"])
    if not period.is_whole:
        return period
    run = context.get("dag_run")
    began = getattr(run, "run_after", None) or datetime.now(UTC)
    first_of_this = began.astimezone(ZoneInfo(company.time_zone)).date().replace(day=1)
    last = first_of_this - timedelta(days=1)
    return Period(last.replace(day=1), last)


def close_id(company: str = "") -> str:
    """The close's DAG: ``period_close``, of a company other than the default ``quay.period_close``."""
    return ".".join(filter(None, (company, "period_close")))


def build_close(include: Path | None = None, company: str | None = None) -> DAG:
    """
    The DAG that closes a period of a company, over all flows that compare its books.

    :param include, company: as for ``build_flow``.
    """
    folder = include or settings.include_folder()
    try:
        of_company = settings.company(company)
    except ConfigurationError as error:
        return BrokenFlow(close_id(company or ""), error)
    flows = _comparing(folder)
    close, key = of_company.close, of_company.key
    alerting = next(((name, flow.alerts) for name, flow in flows.items() if flow.alerts is not None), None)
    defaults: dict[str, Any] = {
        "owner": next((flow.owner for flow in flows.values()), "airflow"),
        "retry_policy": ByErrorClass(),
        "execution_timeout": timedelta(hours=4),
    }
    deadline = None
    if alerting is not None:
        flow, alerts = alerting
        zone = of_company.time_zone
        defaults["on_failure_callback"] = AlertNotifier(flow, alerts, zone, key)
        told = {"flow": flow, "config": alerts.model_dump(mode="json"), "zone": zone, "company": key}
        deadline = DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=timedelta(days=close.days),
            callback=AsyncCallback(close_missed, kwargs={**told, "days": close.days}),
        )
    with DAG(
        close_id(settings.in_dag_ids(key)),
        description="Compare a month's books, report what is under way and what differs, have people sign it.",
        schedule=close.cron,
        catchup=False,
        max_active_runs=1,
        params=_PARAMS,
        default_args=defaults,
        tags=["ledgerbridge", "close", *filter(None, [settings.in_dag_ids(key)])],
        is_paused_upon_creation=close.cron is not None,
        deadline=deadline,
    ) as dag:
        compared = [_compare(name, flow, of_company) for name, flow in flows.items()]
        report = CloseReportOperator(task_id="report", flows=flows, company=key)
        compared >> report
        before: BaseOperator = report
        people = [HITLUser(id=each, name=name) for each, name in sorted(close.signers.items())] or None
        for place in range(1, close.signatures + 1):
            signing = SignOffOperator(
                task_id=f"sign_{place}", company=key, needed=close.signatures, place=place, report="report",
                assigned_users=people, retries=2, execution_timeout=None,
            )  # fmt: skip
            before >> signing
            before = signing
    return dag


def _comparing(folder: Path) -> dict[str, FlowConfig]:
    """The flows that compare the books; one with a mistake tells of it by its own DAG."""
    found = {}
    for path in sorted((folder / "flows").glob("*.yaml")):
        try:
            flow = load_flow(path, folder)
        except ConfigurationError:
            continue
        if any(stage.reconcile for stage in flow.stages.values()):
            found[path.stem] = flow
    return found


def _compare(name: str, flow: FlowConfig, company: Company) -> CompareForCloseOperator:
    stage = next(name for name, each in flow.stages.items() if each.reconcile)
    systems = [*flow.stages[stage].reconcile, *(each.name for each in company.gateways)]
    return CompareForCloseOperator(
        task_id=f"compare_{name}", flow=name, company=company.key, config=flow.for_company(company.without),
        stage=stage, retries=flow.retries, **for_systems(systems),
    )  # fmt: skip


def _asked(report: PeriodReport, report_hash: str) -> dict[str, str]:
    """What people are asked, in the words of Airflow's required actions."""
    name = period_name(report.first, report.last)
    differ = f"{report.open} differences have no reason" if report.open else "the books agree"
    missing = report.missing_the_close
    lines = [
        f"Signed is the hash of the report's files: `{report_hash}`.",
        "",
        "| | |",
        "| --- | --- |",
        f"| differences without a reason | {report.open} |",
        f"| differences with a reason | {report.explained} |",
        f"| records of the period under way | {len(report.under_way)} |",
        f"| of them will miss the close on {_day(report)} | {len(missing)} |",
        "",
        *(f"- {each.flow} {each.leg}, {each.record}: {each.misses}" for each in missing[:10]),
    ]
    return {
        "key": f"{report.company}:{name}",
        "subject": f"{report.name}: close {name}? {differ}",
        "body": "\n".join(lines),
    }


def _day(report: PeriodReport) -> date:
    return report.closes.date()
