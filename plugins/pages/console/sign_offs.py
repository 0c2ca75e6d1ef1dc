"""The periods that people signed: who did, what changed since, the report's files, and opening one again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from airflow.sdk import ObjectStoragePath

from ledgerbridge.audit import Actor
from ledgerbridge.closing import reopen, sign_offs
from ledgerbridge.closing.files import FILES
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import company_keys
from ledgerbridge.reconciliation import Period
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.models import SignOff
from operators import settings
from operators.close import close_id
from pages.console.access import Access
from pages.console.models import LateChangeView, SignatureView, SignOffView

__all__ = ["file_of", "listed", "reopened"]


def listed(access: Access) -> list[SignOffView]:
    """Those of the companies whose close the user may look at, the newest first."""
    found: list[SignOffView] = []
    for company, dag in _closes(access):
        values = access.may_mend_dag(dag)
        with snapshot(settings.state_engine(company, stays=True)) as opened:
            found += [_shown(row, values=values) for row in sign_offs(opened, company)]
    return sorted(found, key=lambda each: each.proposed_at, reverse=True)


def file_of(access: Access, company: str, sign_off: int, name: str) -> bytes:
    """
    A file of a report, for those who see values.

    :raises PermissionError: the user does not. :raises LedgerbridgeError: there is none.
    """
    _may_mend(access, company)
    with snapshot(settings.state_engine(company, stays=True)) as opened:
        row = opened.get(SignOff, sign_off)
        folder = None if row is None or row.company != company else ObjectStoragePath(row.report_url)
    file = None if folder is None or name not in FILES else folder / name
    if file is None or not file.exists():
        raise LedgerbridgeError(
            "LB-CLS-009",
            f"there is no {name} of report {sign_off}.",
            remedy="Take one of the list; old ones may be gone.",
        )
    content: bytes = file.read_bytes()
    return content


def reopened(access: Access, company: str, sign_off: int, reason: str) -> None:
    """
    Open a signed period again.

    :raises PermissionError: the user may not. :raises LedgerbridgeError: it is not signed.
    """
    _may_mend(access, company)
    with transaction(settings.state_engine(company, stays=True)) as opened:
        row = opened.get(SignOff, sign_off)
        period = Period(row.first, row.last) if row is not None and row.company == company else Period()
        actor = Actor("", "", "console", "periods.reopen")
        reopen(opened, actor, company, period, by=access.name, reason=reason)


def _closes(access: Access) -> list[tuple[str, str]]:
    """Company and the DAG that closes its periods, of those that the user may look at."""
    return [
        (company, dag)
        for company in company_keys(settings.companies_folder())
        if access.may_read_dag(dag := close_id(settings.in_dag_ids(company)))
    ]


def _may_mend(access: Access, company: str) -> None:
    dag = dict(_closes(access)).get(company)
    if dag is None or not access.may_mend_dag(dag):
        raise PermissionError("Those may do that who may edit the DAG that closes the company's periods.")


def _shown(row: SignOff, *, values: bool) -> SignOffView:
    return SignOffView(
        id=row.id, company=row.company, period_from=row.first, period_to=row.last, state=row.state,
        report_hash=row.report_hash, proposed_at=row.proposed_at, may_reopen=values and row.state == "signed",
        signatures=[
            SignatureView(name=each["name"], at=each["at"], note=each["note"] if values else None)
            for each in row.signatures
        ],
        changes=[_change(each, values=values) for each in row.changes] if row.state == "signed" else [],
        files=list(FILES) if values else [],
    )  # fmt: skip


def _change(each: dict[str, Any], *, values: bool) -> LateChangeView:
    shown = {**each, "value": Decimal(each["value"])} if values else {**each, "value": None, "told": None}
    return LateChangeView(**shown)
