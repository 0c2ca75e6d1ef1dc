"""Reconcile: prove that both ledgers agree, and the gateway with them; fail with the list of what does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from airflow.sdk import BaseOperator, Context
from sqlalchemy import Engine, select

from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import Company, FlowConfig
from ledgerbridge.reconciliation import Booked, Reconciliation, reconcile
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery, SourceRecord
from operators import settings
from operators.gateways import clearing_differences
from operators.page_links import ReconciliationLink
from operators.systems import books_of

__all__ = ["ReconcileOperator", "result_path"]


class ReconcileOperator(BaseOperator):
    """
    Compare what both ledgers booked, and the clearing accounts with their gateways (accounting.md §6).

    The result is kept under the state folder, one file a run, and named by the task's return value.

    :param flow: name of the flow.
    :param config: the flow; its ``reconcile`` names the two ledgers.
    """

    ui_color = "#f3eefb"
    operator_extra_links = (ReconciliationLink(),)

    def __init__(self, *, flow: str, config: FlowConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flow = flow
        self.config = config

    @cached_property
    def engine(self) -> Engine:
        """The state database."""
        return settings.state_engine()

    def execute(self, context: Context) -> str:
        """
        Compare, keep the result, and tell.

        :raises LedgerbridgeError: a difference nobody can explain.
        """
        company = settings.company()
        first, second = self.config.reconcile
        state = _State(self.engine, self.flow, (first, second), closing=bool(context["params"].get("close")))
        roles = {system: _roles(company, system) for system in (first, second)}
        books = {system: _compared(books_of(system, company), roles[system], company) for system in (first, second)}
        result = reconcile(
            (first, second),
            state.keyed(books[first], first, second),
            state.keyed(books[second], second, first),
            role_of=roles,
            explain=state.reason,
            explain_pair=state.pair_reason,
        )
        result.differences.extend(clearing_differences(company, self.engine, self.flow, result))
        path = self._keep(str(context["run_id"]), result)
        self._tell(result)
        return path

    def _keep(self, run_id: str, result: Reconciliation) -> str:
        path = result_path(self.flow, run_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(result.to_json(), option=orjson.OPT_INDENT_2))
        return str(path)

    def _tell(self, result: Reconciliation) -> None:
        for each in result.differences:
            documents = ", ".join(each.documents)
            if each.explained:
                self.log.info("explained: %s %s %s (%s): %s", each.type, each.role, each.value, documents, each.reason)
        unexplained = [each for each in result.differences if not each.explained]
        if not unexplained:
            self.log.info("the books agree: %d explained differences", len(result.differences))
            return
        lines = [
            f"{each.type} {each.role} {each.value:.2f}: {', '.join(each.documents)}. {each.remedy}"
            for each in unexplained
        ]
        raise LedgerbridgeError(
            "LB-REC-001",
            f"the books differ in {len(lines)} ways:\n" + "\n".join(lines),
            remedy="Mend each as it says, then clear this task.",
        )


def result_path(flow: str, run_id: str) -> Path:
    """Where the result of a flow's run is kept."""
    return settings.state_folder() / "reconciliation" / flow / f"{run_id.replace(':', '-').replace('+', '-')}.json"


def _compared(books: list[Booked], roles: Mapping[str, str], company: Company) -> list[Booked]:
    """What concerns the flow: on an account with a role, and not before the day the books begin to agree."""
    return [
        each
        for each in books
        if (company.books_from is None or each.booked_on >= company.books_from)
        and (not each.effects or any(account in roles for account in each.effects))
    ]


def _roles(company: Company, system: str) -> dict[str, str]:
    table = company.tables().get(f"accounts_{system}", {})
    return {account: str(row["role"]) for account, row in table.items()}


class _State:
    """What the state database knows of the documents of both ledgers."""

    def __init__(self, engine: Engine, flow: str, ledgers: tuple[str, str], *, closing: bool) -> None:
        self._closing = closing
        self._delivered: dict[str, dict[str, str]] = {}  # by ledger: id or number to record key
        self._keys: dict[str, dict[str, str]] = {}  # by ledger: record key to state
        self._deferred: dict[str, dict[str, str]] = {}  # by ledger: record key to why it does not take it yet
        with transaction(engine) as session:
            for ledger in ledgers:
                rows = session.execute(
                    select(
                        Delivery.record_key, Delivery.target_id, Delivery.number, Delivery.state, Delivery.reason
                    ).where(Delivery.entity.startswith(f"{ledger}."))
                ).all()
                self._delivered[ledger] = {
                    str(known): key for key, target_id, number, *_ in rows for known in (target_id, number) if known
                }
                self._keys[ledger] = {key: state for key, _, _, state, _ in rows}
                self._deferred[ledger] = {key: reason for key, *_, reason in rows if reason}
            first, second = ledgers
            # what was made from a document of the other ledger has that one's record key, which ends in its number
            self._read_from = {
                (ledger, other): {
                    key.rpartition(":")[2]: key for key in self._keys[other] if key.startswith(f"{ledger}:")
                }
                for ledger, other in ((first, second), (second, first))
            }
            self._records = {
                row.source_key: row
                for row in session.scalars(select(SourceRecord).where(SourceRecord.flow == flow))
                if row.outcome != "unchanged"
            }

    def keyed(self, books: list[Booked], ledger: str, other: str) -> list[Booked]:
        """The books with keys that are the same in both ledgers."""
        return [replace(each, key=self._key(each, ledger, other)) for each in books]

    def _key(self, booked: Booked, ledger: str, other: str) -> str:
        if booked.key in self._keys[other]:
            return booked.key
        for each in booked.ids:
            if each in self._read_from[ledger, other]:
                return self._read_from[ledger, other][each]
        known = (self._delivered[ledger][each] for each in booked.ids if each in self._delivered[ledger])
        return next(known, booked.key)

    def reason(self, booked: Booked, missing_in: str) -> str | None:
        """Why a document is not in the other ledger, if it is known."""
        state = self._keys[missing_in].get(booked.key)
        if state == "delivered":
            return f"sent to {missing_in}, there still in a batch"
        if booked.key in self._deferred[missing_in]:
            return self._deferred[missing_in][booked.key]
        record = self._records.get(booked.key)
        if record is not None and record.outcome in ("rejected", "held", "waiting"):
            return str(record.reason)
        if record is None and not self._closing and not booked.key.startswith(f"{missing_in}:"):
            return "booked after this run read it"
        return None

    def pair_reason(self, booked: Booked, changed: Mapping[str, Decimal]) -> str | None:
        """Why a document differs from its counterpart, if it is known."""
        if not self._closing and set(changed) <= {"fx_gain_loss", "receivables", "rounding"}:
            return "booked when it is applied and that entry's batch is posted"
        return None
