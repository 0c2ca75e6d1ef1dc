"""Reconcile: prove that both ledgers agree, and the gateway with them; fail with the list of what does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any

from airflow.sdk import BaseOperator, Context, ObjectStoragePath
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
from ledgerbridge.state.reconciliations import keep_result
from operators import settings
from operators.gateways import Gateways
from operators.known_documents import KnownDocuments
from operators.page_links import ReconciliationLink
from operators.systems import Books, books_of

__all__ = ["ReconcileOperator", "page_url"]


class ReconcileOperator(BaseOperator):
    """
    Compare what both ledgers booked, and the clearing accounts with their gateways (accounting-rules.md §6).

    Params: ``from`` and ``to`` (days, both included) compare a period instead of everything; ``close`` is the last
    pass of one, in which nothing may be left under way. The result is kept in the state database, and as a page in
    Markdown under the staging URL, one a run; the task returns the page's address.

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
        params, company = context["params"], settings.company()
        period, closing = _period(params), bool(params.get("close"))
        folder = settings.state_folder() / "reconciliation" / self.flow / "kept"
        kept = KeptRecords(folder, anew=closing or not period.is_whole)
        result = self._compare(company, kept, period, closing=closing, run_id=str(context["run_id"]))
        page = self._keep(company, str(context["run_id"]), result)
        self._tell(result)
        return page

    def _compare(
        self, company: Company, kept: KeptRecords, period: Period, *, closing: bool, run_id: str
    ) -> Reconciliation:
        books = {ledger: books_of(ledger, company, kept) for ledger in self.config.reconcile}
        roles = {ledger: _roles(company, ledger) for ledger in books}
        read = {ledger: each.booked() for ledger, each in books.items()}
        known = KnownDocuments(self.engine, self.flow, books, run_id=run_id, closing=closing)
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

    def _keep(self, company: Company, run_id: str, result: Reconciliation) -> str:
        with transaction(self.engine) as session:
            keep_result(session, company.key, self.flow, run_id, result)
        page = ObjectStoragePath(page_url(company, self.flow, run_id))
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(page_of(result, f"Reconciliation of {self.flow}, run {run_id}"))
        return str(page)

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


def page_url(company: Company, flow: str, run_id: str) -> str:
    """Where the page of a run lies."""
    name = run_id.replace(":", "-").replace("+", "-")
    return f"{settings.staging_url()}/reconciliation/{company.key}/{flow}/{name}.md"


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
