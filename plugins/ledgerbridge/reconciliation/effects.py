"""What a ledger will book of a document that is to be sent: its hook tells by account, the company's file by role."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledgerbridge.entities import Document

__all__ = ["Effect", "EffectOf", "LedgerAccounts"]


@dataclass(frozen=True)
class LedgerAccounts:
    """
    A ledger's accounts, as a company's file has them.

    :param by_role: the account of each role; of several the last, as mappings take it.
    :param gateways: what the file says of each gateway.
    """

    by_role: Mapping[str, str]
    gateways: Sequence[Mapping[str, Any]] = ()

    def of_role(self, role: str) -> str:
        """The account of a role; the role's name where the file gives it none, so that it is told nevertheless."""
        return self.by_role.get(role) or role

    def of_gateway(self, key: str, value: Any) -> str:
        """The clearing account of the gateway of which the file says so; what was said where it says it of none."""
        role = next((str(each["role"]) for each in self.gateways if each.get(key) == value), None)
        return f"{key} {value}" if role is None else self.of_role(role)


@dataclass(frozen=True)
class Effect:
    """
    What a ledger will book of one document.

    :param by_account: debit minus credit by account.
    :param currency: of the amounts, where the ledger converts them by a rate that the document does not bear; blank:
        base currency.
    """

    by_account: Mapping[str, Decimal]
    currency: str = ""


EffectOf = Callable[[str, LedgerAccounts, Document], Effect | None]
"""A ledger's, by an entity's name; None: it books nothing of such documents, or they do not tell what by themselves."""
