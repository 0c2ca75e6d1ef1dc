"""Reconcile: prove that both ledgers agree, and the gateway with them; fail with the list of what does not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import BaseOperator, BaseOperatorLink, Context, ObjectStoragePath
from sqlalchemy import Engine

from ledgerbridge.audit import Actor
from ledgerbridge.closing import tell_changed
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from ledgerbridge.flows import Company, FlowConfig, load_flow
from ledgerbridge.reconciliation import Period, Reconciliation, page_of
from ledgerbridge.reconciliation.kept import KeptBooks
from ledgerbridge.reconciliation.passes import BooksPass, CompanyTerms
from ledgerbridge.reconciliation.signed import look_again, period_name
from ledgerbridge.state import transaction
from ledgerbridge.state.reconciliations import keep_result
from notifications.alerts import tell
from operators import settings
from operators.page_links import ReconciliationLink
from operators.systems import books_of, gateway_books_of

__all__ = ["ReconcileOperator", "page_url", "period_of", "roles_of"]


class ReconcileOperator(BaseOperator):
    """
    Compare what both ledgers booked, and the clearing accounts with their gateways (accounting-rules.md §6).

    A pass reads and compares what changed since the one before, and what differed then. Params: ``from`` and ``to``
    (days, both included) compare a period instead of everything; ``close`` is the last pass of one, in which nothing
    may be left under way; each of them, and ``anew``, has everything read and compared again. The result is kept in the
    state database, and as a page in Markdown under the staging URL, one a run; the task returns the page's address.

    :param flow: name of the flow; :param company: key of whose books these are, as for ``FlowOperator``.
    :param config: the flow; :param stage: which of its stages, whose ``reconcile`` names the two ledgers.
    """

    ui_color = "#f3eefb"
    operator_extra_links: tuple[BaseOperatorLink, ...] = (ReconciliationLink(),)

    def __init__(self, *, flow: str, config: FlowConfig, stage: str, company: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flow = flow
        self.config = config
        self.company_key = company
        self.ledgers = config.stages[stage].reconcile
        self.waits = config.stages[stage].waits
        self.beside = config.stages[stage].beside

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
        params = context["params"]
        period, closing = period_of(params), bool(params.get("close"))
        anew = closing or not period.is_whole or bool(params.get("anew"))
        result, page = self._compare(str(context["run_id"]), period, closing=closing, anew=anew)
        self._tell(result)
        return page

    def _compare(self, run_id: str, period: Period, *, closing: bool, anew: bool) -> tuple[Reconciliation, str]:
        """Compare, keep what came of it, and tell whether a signed period is another now; the page's address."""
        company = self.company
        actor = Actor(self.flow, "", run_id, self.task_id)
        kept = KeptBooks(self.engine, company.key, self.flow, anew=anew)
        result = BooksPass(
            kept,
            self._terms(company),
            {ledger: books_of(ledger, company) for ledger in self.ledgers},
            {
                gateway.name: gateway_books_of(gateway.name, company, kept)
                for gateway in company.gateways
                if gateway.name in company.connections
            },
            actor,
            closing,
        ).run(period)
        page = self._keep(company, run_id, result)
        with kept.changing() as session:
            changed = look_again(session, actor, company.key)
            tell_changed(session, self.flow, company.key, changed)
        for each in changed:
            self.log.warning("signed period %s changed: %s", period_name(each.first, each.last), len(each.changes))
        if changed and self.config.alerts is not None:
            tell(self.engine, self.flow, self.config.alerts, company.time_zone)
        return result, page

    def _terms(self, company: Company) -> CompanyTerms:
        folder = settings.include_folder()
        others = {name: load_flow(folder / "flows" / f"{name}.yaml", folder).legs for name in self.beside}
        return CompanyTerms(
            roles={ledger: roles_of(company, ledger) for ledger in self.ledgers},
            gateways={each.name: each.role for each in company.gateways if each.name in company.connections},
            compared_from=company.compared_from,
            zone=ZoneInfo(company.time_zone),
            legs=list(self.config.legs),
            sources={leg.source for legs in (self.config.legs, *others.values()) for leg in legs.values()},
            beside={name: list(legs) for name, legs in others.items()},
            patience={
                flow: {leg: days for leg in legs if (days := self.waits.of(leg)) is not None}
                for flow, legs in {self.flow: self.config.legs, **others}.items()
            },
            apply_within=self.waits.apply_within,
        )

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


def period_of(params: Mapping[str, Any]) -> Period:
    """
    The period that params name.

    :raises ConfigurationError: it has no day.
    """
    first, last = (date.fromisoformat(params[name]) if params.get(name) else None for name in ("from", "to"))
    if first and last and last < first:
        raise ConfigurationError(
            "LB-REC-002", f"the period from {first} to {last} has no day.", remedy="Give `from` the earlier day."
        )
    return Period(first, last)


def roles_of(company: Company, ledger: str) -> dict[str, str]:
    """The role of each account of a ledger that the company file has."""
    table = company.tables().get(f"accounts_{ledger}", {})
    return {account: str(row["role"]) for account, row in table.items()}
