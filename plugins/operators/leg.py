"""What the tasks of a leg share: which leg they belong to, and the reference to the batch they are given."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseHook, BaseOperator, Context, RetryPolicy, TriggerRule
from airflow.sdk.exceptions import AirflowSkipException, AirflowTaskTimeout, DownstreamTasksSkipped
from airflow.sdk.observability.stats import incr
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.audit.anchors import signed_head
from ledgerbridge.delivery import LEASED
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, RecordBusy, StoreUnavailable, TransientError
from ledgerbridge.flows import Company, LegConfig, flow_of, leg_config
from ledgerbridge.mapping import Lookups
from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import call_failed, call_succeeded, pause_of, take_probe
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.installation import company_key, key_salt
from ledgerbridge.state.reader import DatabaseReader
from ledgerbridge.state.source_records import Fate, counts, hold_rejected, set_outcomes, still_own, tell_released
from operators import settings
from operators.anchors import note_head
from operators.links import changes_of, source_keys_of
from operators.retries import ByErrorClass
from operators.staging import BatchRef, batch_uri, read_rows, standing
from operators.systems import live_lookup
from operators.taken import taken_changes, taken_records
from triggers.circuit import ConnectionBack

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RECORDS", "FlowOperator", "LegOperator"]

RECORDS = "ledgerbridge.records"
"""The metric that counts what legs closed their batches with, by `company`, `flow`, `leg` and `outcome`."""
_TESTED_FOR = timedelta(hours=1)
"""A connection that is down for longer is tried by what the task itself has to call, whatever a test says."""


class FlowOperator(BaseOperator):
    """
    A task of a flow that calls systems.

    :param flow: name of the flow; of the DAG by default.
    :param company: key of whose books these are; by default the only one, or `main` among several.
    :param retry_policy: what a failure leads to; ``ByErrorClass`` by default.
    """

    ui_color = "#e8f1f8"
    leg = ""

    def __init__(
        self,
        *,
        flow: str | None = None,
        company: str | None = None,
        retry_policy: RetryPolicy | None = None,  # named, or Airflow would not give it the one of `default_args`
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy or ByErrorClass(), **kwargs)
        self.flow = flow or flow_of(self.dag_id)
        self.company_key = company

    @cached_property
    def engine(self) -> Engine:
        """The state database, of the company's rows."""
        return settings.state_engine(self.company.key)

    @cached_property
    def company(self) -> Company:
        """Whose books these are."""
        return settings.company(self.company_key)

    def actor(self, context: Context) -> Actor:
        """This task, for leases and the audit."""
        return Actor(self.flow, self.leg, str(context["run_id"]), self.task_id)

    def await_connections(self, context: Context, connections: list[str]) -> None:
        """
        Give the worker slot back while one of the connections is down; the task begins anew when it may be up again.

        When its pause is over, one of all tasks that need it tries it, here, where its system is reached. What a test
        can't tell the task's own call does, once the connection has been down for an hour.
        """
        for connection in connections:
            with transaction(self.engine) as session:
                pause, now = pause_of(session, connection), database_now(session)
                is_ours = pause is not None and take_probe(session, connection)
            if pause is None or (is_ours and (now - pause.since >= _TESTED_FOR or self._answers(context, connection))):
                continue
            self.log.warning("connection %s is down since %s: %s", pause.connection, pause.since, pause.reason)
            self.defer(trigger=ConnectionBack(connection), method_name="begin_again")

    def on_kill(self) -> None:
        """
        End the task where it stands, when somebody clears or marks it while it runs; Airflow calls this on SIGTERM.

        What it had taken and not called yet is free at once. Airflow kills what has not ended five seconds later, and
        then its lease would keep the next try out for a minute. Of a timeout, which has ended it, Airflow tells too.
        """
        if isinstance(sys.exc_info()[1], AirflowTaskTimeout):
            return
        raise SystemExit(f"{self.task_id} was stopped from outside")

    def begin_again(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """What a task does when the connection it waited for may be up again."""
        return self.execute(context)

    def _answers(self, context: Context, connection: str) -> bool:
        """Test a connection for all who wait for it, and tell them."""
        answers, message = BaseHook.get_hook(connection).test_connection()
        with transaction(self.engine) as session:
            if answers:
                call_succeeded(session, self.actor(context), connection)
            else:
                call_failed(session, self.actor(context), connection, message, first_pause=settings.first_pause())
        self.log.info("connection=%s answers=%s", connection, answers)
        return bool(answers)

    @contextmanager
    def calling(self, context: Context, connection: str) -> Iterator[None]:
        """Tell all workers how calls to a connection went, so that they leave one alone that is down."""
        try:
            yield
        except TransientError as error:
            # waiting for another worker, for a database or disk of ours, or for one record says nothing of the system
            if error.code != LEASED and not isinstance(error, StoreUnavailable | RecordBusy):
                seconds = error.retry_after_seconds
                with suppress(SQLAlchemyError, LedgerbridgeError), transaction(self.engine) as session:
                    asked = None if seconds is None else timedelta(seconds=seconds)
                    reason = f"{error.code} {error.message}"
                    call_failed(
                        session,
                        self.actor(context),
                        connection,
                        reason,
                        retry_after=asked,
                        first_pause=settings.first_pause(),
                    )
            raise
        with transaction(self.engine) as session:
            call_succeeded(session, self.actor(context), connection)

    @contextmanager
    def asking(self, context: Context, connection: str) -> Iterator[None]:
        """As ``calling``, of a system that a step asks on its way; while that one is down the task waits for it."""
        self.await_connections(context, [connection])
        with self.calling(context, connection):
            yield


class LegOperator(FlowOperator):
    """
    A task of one leg.

    :param leg: name of the leg; what is kept about its records is kept under flow and leg.
    :param config: the leg's definition, as in a flow file.
    :param batch: the batch to work on, ``other_task.output``; by default what the task named like the step before,
        beside this one, returned.
    :param at_once: of the first step: most records that it does the other steps for, too.
    """

    step: ClassVar[str]
    before: ClassVar[str | None] = None
    template_fields = ("batch",)

    def __init__(
        self,
        *,
        leg: str,
        config: LegConfig | Mapping[str, Any],
        batch: Any = None,
        at_once: int = 0,
        retry_policy: RetryPolicy | None = None,  # as above
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        self.leg = leg
        self.config = leg_config(leg, config)
        self.batch = batch
        self.at_once = at_once

    def batch_uri(self, context: Context, step: str) -> str:
        """Where this run's batch of a step lies; the same for every try."""
        return batch_uri(self.company.key, self.flow, str(context["run_id"]), self.leg, step)

    def staged(self, context: Context, step: str) -> BatchRef:
        """This run's batch of a step of this leg, as the task that staged it told the state database."""
        with transaction(self.engine) as session:
            return standing(session, self.batch_uri(context, step))

    def given_batch(self, context: Context) -> BatchRef:
        """The batch the step before staged in this run."""
        value = self.batch
        if value is None:
            group, dot, _ = self.task_id.rpartition(".")
            value = context["ti"].xcom_pull(task_ids=f"{group}{dot}{self.before}")
        if not value:
            raise AirflowSkipException(f"leg {self.leg}: {self.before} left no batch")
        return BatchRef.from_xcom(value)

    def nothing_goes_on(self, why: str) -> DownstreamTasksSkipped:
        """
        Raise it to end this task well and to skip the rest of its leg at once.

        Left to the trigger rules, a skip goes on by one task each time the scheduler comes round.
        """
        self.log.info("flow=%s leg=%s ends here: %s", self.flow, self.leg, why)
        after = [] if self.get_dag() is None else self.get_flat_relatives(upstream=False)
        leg_of = {task.task_id: task.leg for task in after if isinstance(task, LegOperator)}
        rest = {task for task, leg in leg_of.items() if leg == self.leg}
        despite = {task.task_id for task in after if task.trigger_rule != TriggerRule.ALL_SUCCESS}
        tasks = sorted(rest | (self.downstream_task_ids - leg_of.keys() - despite))
        return DownstreamTasksSkipped(tasks=tasks)  # type: ignore[no-untyped-call]  # Airflow gives it no types

    def raw_records(self, context: Context, keys: Collection[str]) -> dict[str, RawRecord]:
        """Records of this run's batch by source key, as they were read."""
        if not keys:
            return {}
        return {record.key: record for record in taken_records(self.staged(context, "extract"), keys)}

    def own_documents(self, context: Context, frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """
        The documents without those of a record that was taken in a newer version since.

        What a document shares with such a record waits for the next run, which makes it anew.
        """
        links, run_id = self.staged(context, "links"), str(context["run_id"])
        sources = source_keys_of(links)
        with transaction(self.engine) as session:
            own = still_own(session, self.flow, self.leg, run_id, changes_of(links))
            gone = {key for key in frames["header"]["record_key"] if not own.issuperset(sources[key])}
            shared = {key for each in gone for key in sources[each]} & own
            waits = Fate("waiting", "made together with a record of which a newer version is taken")
            set_outcomes(session, self.flow, self.leg, dict.fromkeys(shared, waits), run_id=run_id)
        if gone:
            self.log.info("flow=%s leg=%s superseded since: %s", self.flow, self.leg, ", ".join(sorted(gone)))
        return {name: frame[~frame["record_key"].isin(gone)].reset_index(drop=True) for name, frame in frames.items()}

    def superseded_since(self, context: Context) -> int:
        """How many records of this run's batch were taken in a newer version since."""
        taken = taken_changes(self.staged(context, "extract"))
        with transaction(self.engine) as session:
            own = still_own(session, self.flow, self.leg, str(context["run_id"]), taken)
        return len(taken) - len(own)

    def lookups(self, context: Context) -> Lookups:
        """What this task's mappings look up; a system that is asked on the way is asked as by any other call."""
        with transaction(self.engine) as session:
            salt, of_company = key_salt(session), company_key(session)
        live = live_lookup(self.company, self.engine, partial(self.asking, context))
        reader, tables = DatabaseReader(self.engine), self.company.tables()
        return Lookups(settings.lookups_folder(), tables, reader, live, self.company.time_zone, salt, of_company)

    def canonical_headers(self, context: Context) -> dict[str, dict[str, Any]]:
        """The canonical headers of this run's batch by record key, as transform left them."""
        rows = read_rows(self.staged(context, "canonical"), "header")
        return {row["record_key"]: row for row in rows}

    def too_many_rejected(self, session: Session, actor: Actor) -> ConfigurationError | None:
        """
        The error to fail with when more of the run's batch was rejected than the leg's ``stop_if_rejected_over``.

        Called in the transaction that wrote the outcomes: those rejected are then held, so that a later pass takes the
        batch as a whole, however this task ends.
        """
        balance = counts(session, self.flow, self.leg, actor.run_id)
        rejected, records = balance["rejected"] + balance["held"], balance.total()
        stop = self.config.stops(rejected, records)
        hold_rejected(session, actor, held=stop)
        if not stop:
            return None
        share = Decimal(100 * rejected) / records
        return ConfigurationError(
            "LB-LEG-002",
            f"leg {self.leg}: {rejected} of {records} records ({share:.1f}%) were rejected, more than"
            f" `stop_if_rejected_over: {self.config.stop_if_rejected_over}`; nothing of the batch was sent.",
            remedy="`ledgerbridge dead-letters` lists them with what to do. Mend the mapping, the suite or the source"
            " and clear the leg's extract task with all after it, or raise the limit in the flow file.",
        )

    def audit_batch(self, session: Session, actor: Actor, entity: str, batch: BatchRef, **more: str) -> None:
        """Tell the audit which batch this task staged: where it lies, how many rows, its hash, and more of it."""
        details = {"leg": self.leg, "uri": batch.uri, "rows": batch.rows, **more}
        change = Change(f"batch-{self.step}", entity, f"batch:{batch.sha256}", None, batch.sha256, details)
        append(session, actor, [change])

    def close_batch(self, actor: Actor, superseded: int = 0) -> Counter[str]:
        """
        The batch's balance: every record taken has one outcome (docs/explanation/why-it-cannot-double.md).

        :param superseded: how many of the batch another run has taken in a newer version since.
        :raises LedgerbridgeError: a record has none: something was lost.
        """
        with transaction(self.engine) as session:
            balance = counts(session, self.flow, self.leg, actor.run_id)
            if self.config.stop_if_rejected_over is not None:
                tell_released(session, actor)
        if superseded:
            balance["superseded"] += superseded
        self.log.info("flow=%s leg=%s %s", self.flow, self.leg, dict(balance))
        if balance["read"]:
            raise LedgerbridgeError(
                "LB-LEG-001",
                f"leg {self.leg}: {balance['read']} of {balance.total()} records read have no outcome.",
                remedy="Clear the leg's tasks and report this: records must not get lost.",
            )
        for outcome, count in balance.items():
            tags = {"company": self.company.key, "flow": self.flow, "leg": self.leg, "outcome": outcome}
            incr(RECORDS, count, tags=tags)
        return balance

    def note_head(self) -> None:
        """Note the audit's head beside its anchors, so that what comes after the last of them can't be cut unseen."""
        try:
            with transaction(self.engine) as session:
                head = signed_head(session)
            note_head(settings.anchors_url(), head)
        except ConfigurationError as error:
            # what was delivered is delivered; the DAG verify_audit fails where anchors can't be kept
            self.log.warning("the audit's head was not noted: %s", error)
