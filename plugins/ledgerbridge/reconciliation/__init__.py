"""Proof that two ledgers and the gateways agree, to the cent (accounting-rules.md §6)."""

from ledgerbridge.reconciliation.compare import reconcile
from ledgerbridge.reconciliation.kept import KeptRecords
from ledgerbridge.reconciliation.model import (
    Booked,
    Difference,
    Known,
    Link,
    Movement,
    OpenAmount,
    Period,
    Reconciliation,
)
from ledgerbridge.reconciliation.money import OnClearing, money_differences
from ledgerbridge.reconciliation.page import page_of

__all__ = [
    "Booked",
    "Difference",
    "KeptRecords",
    "Known",
    "Link",
    "Movement",
    "OnClearing",
    "OpenAmount",
    "Period",
    "Reconciliation",
    "money_differences",
    "page_of",
    "reconcile",
]
