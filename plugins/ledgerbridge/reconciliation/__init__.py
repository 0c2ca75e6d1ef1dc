"""Proof that two ledgers and the gateways agree, to the cent (accounting-rules.md §6)."""

from ledgerbridge.reconciliation.books import (
    Books,
    Derived,
    GatewayBooks,
    JoinedGatewayBooks,
    KeptRecord,
    KeptSource,
    Looked,
    Totals,
)
from ledgerbridge.reconciliation.compare import reconcile
from ledgerbridge.reconciliation.effects import Effect, EffectOf, LedgerAccounts
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
from ledgerbridge.reconciliation.money import OnClearing, fees_left, fees_to_come, money_differences
from ledgerbridge.reconciliation.page import page_of

__all__ = [
    "Booked",
    "Books",
    "Derived",
    "Difference",
    "Effect",
    "EffectOf",
    "GatewayBooks",
    "JoinedGatewayBooks",
    "KeptRecord",
    "KeptSource",
    "Known",
    "LedgerAccounts",
    "Link",
    "Looked",
    "Movement",
    "OnClearing",
    "OpenAmount",
    "Period",
    "Reconciliation",
    "Totals",
    "fees_left",
    "fees_to_come",
    "money_differences",
    "page_of",
    "reconcile",
]
