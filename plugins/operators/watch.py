"""Watch: what nobody fails at but people should know - silence, growing dead letters, systems down, tokens ending."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from airflow.sdk import DAG, BaseOperator, Context
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from hooks.systems import systems
from ledgerbridge.alerts import Alert, AlertsConfig, end_alerts, raise_alert
from ledgerbridge.entities import Warns
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from ledgerbridge.flows import Company, ComparedLegConfig, FlowConfig, SideLegConfig, company_keys, load_flow
from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import open_circuits
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import DeadLetter, Delivery, Position, SourceRecord
from ledgerbridge.sync import BY_HAND
from notifications.alerts import tell
from operators import settings
from operators.placement import for_systems
from operators.systems import hooks_of

__all__ = ["WatchOperator", "build_watch"]


class WatchOperator(BaseOperator):
    """
    Look after one flow, and send what quiet hours, repetition and escalation have left.

    :param flow: name of the flow; :param company: key of whose books these are, as for ``FlowOperator``.
    :param config: the flow; it has `alerts`.
    """

    ui_color = "#fdf3e1"

    def __init__(self, *, flow: str, config: FlowConfig, company: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flow = flow
        self.company_key = company
        self.config = config

    @cached_property
    def engine(self) -> Engine:
        """The state database, of the company's rows."""
        return settings.state_engine(self.company.key)

    @cached_property
    def company(self) -> Company:
        """Whose books these are."""
        return settings.company(self.company_key)

    def execute(self, context: Context) -> int:
        """Look, count, tell; how many messages reached somebody."""
        alerts = self.config.alerts
        if alerts is None or not self._is_run():
            return 0
        zone = self.company.time_zone
        warnings = self._warnings()
        with transaction(self.engine) as session:
            now = database_now(session)
            if not alerts.is_quiet(now, zone):
                self._note(session, "silence", self._silent_legs(session, alerts, now), now)
            self._note(session, "dead letters", self._dead_letters(session, alerts), now)
            self._note(session, "differences", self._differences(session), now)
            self._note(session, "connection", self._systems_down(session), now)
            self._note(session, "warning", warnings, now)
        return tell(self.engine, self.flow, alerts, zone)

    def _is_run(self) -> bool:
        """Whether the flow is this company's: the default company has all, another one those it has begun."""
        if not settings.in_dag_ids(self.company.key):
            return True
        with transaction(self.engine) as session:
            return session.scalar(select(Position.leg).where(Position.flow == self.flow).limit(1)) is not None

    def _note(self, session: Session, kind: str, found: dict[str, tuple[str, str]], now: datetime) -> None:
        """Begin or go on with the alerts of a kind, by leg or connection; end those that are well again."""
        for where, (message, remedy) in found.items():
            raise_alert(session, Alert(self.flow, where, kind, message, remedy), now)
        end_alerts(session, self.flow, kind, now, but=list(found))

    def _silent_legs(self, session: Session, alerts: AlertsConfig, now: datetime) -> dict[str, tuple[str, str]]:
        silent = {}
        legs = self.config.for_company(self.company.without).legs
        for leg, minutes in alerts.expect.items():
            if leg not in legs:
                continue  # one of a system that the company is without has nothing to tell
            latest = max(
                filter(None, (self._latest(session, Delivery, leg), self._latest(session, DeadLetter, leg))),
                default=None,
            )
            if latest is None or now - latest > timedelta(minutes=minutes):
                since = "ever" if latest is None else f"since {latest:%Y-%m-%d %H:%M} UTC"
                silent[leg] = (
                    f"expected something every {minutes} minutes, got nothing {since}",
                    "Look whether the source has new records, then at the leg's last runs.",
                )
        return silent

    def _latest(self, session: Session, table: type[Delivery] | type[DeadLetter], leg: str) -> datetime | None:
        instant = Delivery.updated_at if table is Delivery else DeadLetter.created_at
        latest: datetime | None = session.scalar(
            select(func.max(instant)).where(table.flow == self.flow, table.leg == leg)
        )
        return latest

    def _dead_letters(self, session: Session, alerts: AlertsConfig) -> dict[str, tuple[str, str]]:
        if alerts.dead_letters_over is None:
            return {}
        waiting = session.scalar(select(func.count()).where(DeadLetter.flow == self.flow, DeadLetter.state == "open"))
        if (waiting or 0) <= alerts.dead_letters_over:
            return {}
        return {
            "": (
                f"{waiting} dead letters are open, more than {alerts.dead_letters_over}",
                "`ledgerbridge dead-letters` lists them with what to do.",
            )
        }

    def _differences(self, session: Session) -> dict[str, tuple[str, str]]:
        """What people have to change by hand, in a ledger that no leg writes or of one that does; not what it holds."""
        found = {}
        for leg, config in self.config.legs.items():
            if isinstance(config, SideLegConfig):
                of_leg = (SourceRecord.flow == self.flow, SourceRecord.leg == leg, SourceRecord.outcome == "waiting")
                # what is not compared yet, or under way, waits too, for another reason; both sides of one for the same
                begins, where = f"{BY_HAND}{config.target} ", "each says what is to be done"
                if isinstance(config, ComparedLegConfig):
                    begins, where = f"{config.target} ", f"change them in {config.by_hand}"
                told = SourceRecord.reason.startswith(begins, autoescape=True)
                if number := session.scalar(select(func.count(SourceRecord.reason.distinct())).where(*of_leg, told)):
                    message = f"records of {config.target} that are not as they should be: {number}"
                    found[leg] = (message, f"The page of masters tells which; {where}.")
        return found

    def _systems_down(self, session: Session) -> dict[str, tuple[str, str]]:
        connections = {each for listed in self.company.connections.values() for each in listed}
        return {
            pause.connection: (
                f"{pause.connection} is down since {pause.since:%Y-%m-%d %H:%M} UTC: {pause.reason}",
                "Nothing is lost: the flow goes on by itself when it answers. See to the system.",
            )
            for pause in open_circuits(session)
            if pause.connection in connections
        }

    def _warnings(self) -> dict[str, tuple[str, str]]:
        """What the systems' hooks know that will soon stop the flow."""
        found = {}
        for system in self.company.connections:
            for connection, hook in hooks_of(system, self.company).items():
                if isinstance(hook, Warns):
                    try:
                        warnings = hook.warnings()
                    except LedgerbridgeError as error:  # a system that is down tells nothing; its circuit does
                        self.log.info("connection=%s warnings=unknown (%s)", connection, error.code)
                        continue
                    for message, remedy in warnings:
                        found[connection] = (message, remedy)
        return found


def build_watch() -> DAG:
    """The DAG that looks after the flows with `alerts`, for each company, every five minutes; without one it idles."""
    watched = {}
    folder = settings.include_folder()
    for path in sorted((folder / "flows").glob("*.yaml")):
        try:
            flow = load_flow(path, folder)
        except ConfigurationError:
            continue  # the flow's own DAG tells
        if flow.alerts is not None:
            watched[path.stem] = flow
    with DAG(
        "watch",
        description="Tells people of silence, dead letters, systems that are down, tokens that end.",
        schedule="*/5 * * * *" if watched else None,
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 0, "execution_timeout": timedelta(minutes=15)},
        tags=["ledgerbridge"],
        is_paused_upon_creation=False,
    ) as dag:
        for company in company_keys(settings.companies_folder()):
            for name, flow in watched.items():
                task = ".".join(filter(None, (settings.in_dag_ids(company), name)))
                WatchOperator(task_id=task, flow=name, config=flow, company=company, **for_systems(systems()))
    return dag
