"""
What a worker does that may be frozen, killed or told another time: it delivers a document for each name, as the load
task does. The state database, settings and connections come from the environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy.orm import configure_mappers

from hooks.gp.econnect.hook import GPEConnectHook
from hooks.state_database import state_engine
from hooks.xero.hook import XeroHook
from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Deliverer
from ledgerbridge.entities import Document
from ledgerbridge.errors import TransientError
from ledgerbridge.state.companies import for_company

__all__ = ["LEASE", "SETTLE", "attempt", "attempt_behind", "entry", "spent", "transferred", "written"]

SETTLE, LEASE = timedelta(seconds=1), timedelta(seconds=6)
configure_mappers()  # a worker of Airflow's has long done so; here each would in its first statement
DAY = date(2026, 3, 3)


def entry(name: str) -> Document:
    """A journal entry of GP, which takes its REFRENCE twice."""
    header = {"BACHNUMB": "LB-FEES", "REFRENCE": name, "TRXDATE": DAY, "TRXTYPE": 0}
    debit = {"ACTNUMST": "000-6100-00", "DEBITAMT": Decimal("1.84"), "CRDTAMNT": Decimal(0), "SQNCLINE": 16384}
    credit = {"ACTNUMST": "000-1110-00", "DEBITAMT": Decimal(0), "CRDTAMNT": Decimal("1.84"), "SQNCLINE": 32768}
    return Document(f"stripe:acct_1:fees:{name}", name, header, {"lines": [debit, credit]})


def spent(name: str) -> Document:
    """Spent money of Xero, which takes its Reference twice."""
    header = {
        "Type": "SPEND",
        "Contact.Name": "Stripe",
        "BankAccount.Code": "615",
        "Date": DAY,
        "Reference": name,
        "LineAmountTypes": "NoTax",
    }
    line = {"Description": "Fees", "Quantity": 1, "UnitAmount": Decimal("1.86"), "AccountCode": "404"}
    return Document(f"stripe:acct_1:fees:{name}", name, header, {"lines": [line]})


def transferred(name: str) -> Document:
    """A transfer between bank accounts of Xero, which takes its Reference twice."""
    header = {"FromBankAccount.Code": "615", "ToBankAccount.Code": "090", "Date": DAY, "Amount": Decimal("51.91")}
    return Document(f"stripe:acct_1:payout:{name}", name, {**header, "Reference": name})


def written(name: str) -> Document:
    """A manual journal of Xero, which takes its Narration twice."""
    debit = {"LineAmount": Decimal("2.00"), "AccountCode": "404", "Description": "up"}
    credit = {"LineAmount": Decimal("-2.00"), "AccountCode": "860", "Description": "down"}
    header = {"Narration": name, "Date": DAY, "Status": "POSTED"}
    return Document(f"stripe:acct_1:journal:{name}", name, header, {"lines": [debit, credit]})


KINDS: dict[str, tuple[type[Any], str, Any]] = {
    "gp.gl_transaction": (GPEConnectHook, "gp_test", entry),
    "xero.bank_transaction": (XeroHook, "xero_test", spent),
    "xero.bank_transfer": (XeroHook, "xero_test", transferred),
    "xero.manual_journal": (XeroHook, "xero_test", written),
}


def attempt(entity: str, run_id: str, names: Sequence[str]) -> float | None:
    """Deliver once; in how many seconds it is to be tried again, None when it is done."""
    hook, connection, make = KINDS[entity]
    target = hook(connection).entity(entity.partition(".")[2])
    actor = Actor("order_to_cash", "fee", run_id, "fee.load")
    deliverer = Deliverer(for_company(state_engine(), "main"), actor, entity, target, settle=SETTLE, lease=LEASE)
    try:
        results = deliverer.deliver([make(name) for name in names], {})
    except TransientError as error:
        return error.retry_after_seconds or 1.0
    assert {result.outcome for result in results} <= {"delivered", "unchanged"}, results
    return None


def attempt_behind(gate: str, entity: str, run_id: str, names: Sequence[str]) -> float | None:
    """The same, once the file is there."""
    Path(f"{gate}.ready").touch()
    while not Path(gate).exists():
        Event().wait(0.05)  # time.sleep fails now and then under faketime: EINVAL
    return attempt(entity, run_id, names)
