"""Reconcile: prove that both ledgers agree, and the gateway with them; fail with the list of what does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from airflow.sdk import BaseOperator, Context
from sqlalchemy import Engine

from ledgerbridge.audit import Actor
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from ledgerbridge.flows import Company, FlowConfig
from ledgerbridge.reconciliation import (
    Booked,
    Difference,
    KeptRecords,
    Link,
    OpenAmount,
    Period,
    Reconciliation,
    page_of,
    reconcile,
)
from ledgerbridge.reconciliation.model import ONE_SIDED_ROLES
from ledgerbridge.state import transaction
from ledgerbridge.state.booked import keep_booked
from operators import settings
from operators.gateways import Gateways
from operators.known_documents import KnownDocuments
from operators.page_links import ReconciliationLink
from operators.systems import Books, books_of

__all__ = ["ReconcileOperator", "result_path"]


class ReconcileOperator(BaseOperator):
    """
    Compare what both ledgers booked, and the clearing accounts with their gateways (accounting-rules.md §6).

    Params: ``from`` and ``to`` (days, both included) compare a period instead of everything; ``close`` is the last
    pass of one, in which nothing may be left under way. The result is kept under the state folder, one file a run as
    JSON and as a page in Markdown; the task returns the former's path.

    :param flow: name of the flow; :param company: key of whose books these are, as for ``FlowOperator``.
    :param config: the flow; :param stage: which of its stages, whose ``reconcile`` names the two ledgers.
    """

    ui_color = "#f3eefb"
    operator_extra_links = (ReconciliationLink(),)

    def __init__(self, *, flow: str, config: FlowConfig, stage: str, company: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flow = flow
        self.company_key = company
        self.ledgers = config.stages[stage].reconcile

    @cached_property
    def engine(self) -> Engine:
        """The state database, of the company's rows."""
        return settings.state_engine(self.company.key)

    @cached_property
    def company(self) -> Company:
        """Whose books these are."""
        return settings.company(self.company_key)

    def execute(self, context: Context) -> str:
        """
        Compare, keep the result, and tell.

        :raises LedgerbridgeError: a difference nobody can explain.
        """
        params, company = context["params"], self.company
        period, closing = _period(params), bool(params.get("close"))
        folder = _folder(company.key, self.flow) / "kept"
        kept = KeptRecords(folder, anew=closing or not period.is_whole)
        result = self._compare(company, kept, period, closing=closing, run_id=str(context["run_id"]))
        path = self._keep(str(context["run_id"]), result)
        self._tell(result)
        return str(path)

    def _compare(
        self, company: Company, kept: KeptRecords, period: Period, *, closing: bool, run_id: str
    ) -> Reconciliation:
        books = {ledger: books_of(ledger, company, kept) for ledger in self.ledgers}
        roles = {ledger: _roles(company, ledger) for ledger in books}
        read = {ledger: each.booked() for ledger, each in books.items()}
        known = KnownDocuments(self.engine, self.flow, books, closing=closing)
        compared = {ledger: _compared(each, roles[ledger], company) for ledger, each in read.items()}
        keyed = {ledger: known.keyed(each, ledger) for ledger, each in compared.items()}
        actor = Actor(self.flow, "", run_id, self.task_id)
        with transaction(self.engine) as session:
            for ledger, each in compared.items():
                keep_booked(session, actor, ledger, each, [booked.key for booked in keyed[ledger]])
        documents = known.settling(keyed)
        first, second = books
        result = reconcile(
            (first, second),
            documents[first],
            documents[second],
            role_of=roles,
            explain=known.missing,
            explain_pair=known.unequal,
            period=period,
            opened=(_open(books[first], company), _open(books[second], company)) if period.is_whole else None,
        )
        for ledger, sign in ((first, 1), (second, -1)):
            result.differences += _beyond(ledger, books[ledger], read[ledger], roles[ledger], company, period, sign)
        Gateways(company, self.engine, self.flow, known, documents, roles, kept).reconcile(result)
        return result

    def _keep(self, run_id: str, result: Reconciliation) -> Path:
        path = result_path(self.company.key, self.flow, run_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(result.to_json(), option=orjson.OPT_INDENT_2))
        path.with_suffix(".md").write_text(page_of(result, f"Reconciliation of {self.flow}, run {run_id}"))
        return path

    def _tell(self, result: Reconciliation) -> None:
        for each in result.differences:
            if each.explained:
                self.log.info("explained: %s", each)
        unexplained = [str(each) for each in result.differences if not each.explained]
        if not unexplained:
            self.log.info("the books agree: %d explained differences", len(result.differences))
            return
        raise LedgerbridgeError(
            "LB-REC-001",
            f"the books differ in {len(unexplained)} ways:\n" + "\n".join(unexplained),
            remedy="Mend each as it says, then clear this task.",
        )


def result_path(company: str, flow: str, run_id: str) -> Path:
    """Where the result of a run of a company's flow is kept."""
    return _folder(company, flow) / f"{run_id.replace(':', '-').replace('+', '-')}.json"


def _folder(company: str, flow: str) -> Path:
    return settings.state_folder() / "reconciliation" / company / flow


def _period(params: Mapping[str, Any]) -> Period:
    first, last = (date.fromisoformat(params[name]) if params.get(name) else None for name in ("from", "to"))
    if first and last and last < first:
        raise ConfigurationError(
            "LB-REC-002", f"the period from {first} to {last} has no day.", remedy="Give `from` the earlier day."
        )
    return Period(first, last)


def _compared(booked: Iterable[Booked], roles: Mapping[str, str], company: Company) -> list[Booked]:
    """What concerns the flow: on an account with a role, and not before the day the books begin to agree."""
    return [
        each
        for each in booked
        if (company.compared_from is None or each.booked_on >= company.compared_from)
        and (not each.effects or any(account in roles for account in each.effects))
    ]


def _open(books: Books, company: Company) -> list[OpenAmount]:
    first = company.compared_from
    return [each for each in books.open_amounts() if first is None or each.booked_on >= first]


def _beyond(
    ledger: str,
    books: Books,
    booked: Sequence[Booked],
    roles: Mapping[str, str],
    company: Company,
    period: Period,
    sign: int,
) -> list[Difference]:
    """What its balances hold on the flow's accounts and no document explains."""
    last = period.last or max((each.booked_on for each in booked), default=None)
    if last is None:
        return []
    remedy = (
        f"Look through the account's transactions in {ledger} for an entry that was made by hand, or of another kind."
    )
    return [
        Difference(
            f"beyond documents in {ledger}",
            roles[account],
            sign * amount,
            (Link(ledger, "account", account, f"{ledger}:account:{account}"),),
            remedy,
        )
        for account, amount in sorted(books.beyond_documents(booked, last, company.compared_from).items())
        if account in roles and roles[account] not in ONE_SIDED_ROLES
    ]


def _roles(company: Company, ledger: str) -> dict[str, str]:
    table = company.tables().get(f"accounts_{ledger}", {})
    return {account: str(row["role"]) for account, row in table.items()}
