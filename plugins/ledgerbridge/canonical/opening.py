"""What a ledger held on a day as one journal for the other one, which begins with it (accounting-rules.md rule 28)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from ledgerbridge.errors import ConfigurationError

__all__ = ["OPENING", "Opening", "opening_journal"]

OPENING = "opening_balances"
"""Role of the account for what the journal can't bring over: people enter that, and the account comes to nothing."""
_KEPT_BY_DOCUMENTS = {"receivables", "payables", "bank"}
Account = Mapping[str, str | None]


@dataclass
class Opening:
    """
    The journal's lines, and what is not on them.

    :param lines: canonical distributions.
    :param left: by account of the ledger that is taken over, what people enter in the other one as what it is.
    """

    lines: list[dict[str, Any]] = field(default_factory=list)
    left: dict[str, Decimal] = field(default_factory=dict)


def opening_journal(
    balances: Mapping[str, Decimal],
    accounts: Sequence[Account],
    ledgers: tuple[str, str],
    closed: Collection[str],
    key: str,
    day: date,
) -> Opening:
    """
    One line an account of the other ledger; what lies on accounts that it keeps itself is against the role `OPENING`.

    :param balances: by account, debit positive. :param accounts: of the company's file.
    :param ledgers: the one taken over, and the other. :param closed: accounts of the other that no journal may be on.
    :param key: the journal's record key.
    :raises ConfigurationError: an account, or the role, has no account in the other ledger.
    """
    source, target = ledgers
    of = {each[source]: each for each in accounts if each.get(source)}
    result, sums = Opening(), defaultdict[tuple[str, str | None], Decimal](Decimal)
    for account, amount in sorted(balances.items()):
        known = of.get(account, {})
        if not amount:
            continue
        if known.get("role") in _KEPT_BY_DOCUMENTS or known.get(target) in closed:
            result.left[account] = amount
        elif known.get(target):
            sums[str(known[target]), known.get("tracking")] += amount
        else:
            raise _untold(account, amount, target)
    if rest := sum(result.left.values(), Decimal(0)):
        against = next((each[target] for each in accounts if each.get("role") == OPENING and each.get(target)), None)
        if against is None:
            raise _untold(f"the role {OPENING}", rest, target)
        sums[against, None] += rest
    result.lines = [
        {
            "record_key": key,
            "line_number": number,
            "account": account,
            "code": account,
            "tracking": tracking,
            "title": f"Balance of {day.isoformat()}",
            "amount": amount,
        }
        for number, ((account, tracking), amount) in enumerate(sums.items(), start=1)
        if amount
    ]
    return result


def _untold(account: str, amount: Decimal, target: str) -> ConfigurationError:
    return ConfigurationError(
        "LB-CFG-030",
        f"{account} holds {amount:.2f}, and has no account in {target}.",
        remedy=f"Give it one under `accounts` in the company's file, as `{target}`; nothing was sent.",
    )
