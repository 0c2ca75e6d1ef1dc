"""Payments of GP's vendors as a flow reads them: a part for each bill they are applied to, and what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ledgerbridge.reconciliation import Booked

__all__ = ["by_bill", "kept_payment", "payment_names"]

Row = Mapping[str, Any]

_APPLIED_COLUMNS = ("APTODCTY", "APTVCHNM", "APPLDAMT", "APFRMAPLYAMT")
_WITH_GAIN = 3
"""How many accounts a payment of vendors is on: bank, payables, and the gain of its applications."""


def kept_payment(payment: Row) -> dict[str, Any]:
    """What is kept of a payment."""
    applied = [{column: each.get(column) for column in _APPLIED_COLUMNS} for each in payment["Applications"]]
    return {"VCHRNMBR": payment["VCHRNMBR"], "Applications": applied}


def payment_names(payment: Row) -> Iterator[str]:
    """The number of one."""
    yield str(payment["VCHRNMBR"]).upper()


def by_bill(booked: Booked, applications: Sequence[Row], to_apply: str) -> list[Booked]:
    """
    A payment of vendors as a flow reads it: what it pays of each bill by itself, and what is left of it.

    Where it has charges of its own beside bank and payables, nobody can tell whose they are: then it stays one.

    :param to_apply: what a person does with what pays nothing.
    """
    if not applications:
        return [replace(booked, to_apply=to_apply)]
    name = {f"{each['APTODCTY']}-{each['APTVCHNM']}": each for each in applications}
    parts = {bill: _part(booked, each) for bill, each in sorted(name.items())}
    left = {
        account: amount - sum((part.get(account, Decimal(0)) for part in parts.values()), Decimal(0))
        for account, amount in booked.effects.items()
    }
    if len(booked.effects) > _WITH_GAIN or (len(parts) == 1 and not any(left.values())):
        return [replace(booked, ids=(*booked.ids, *(f"6-{booked.number}/{bill}" for bill in parts)))]
    made = [
        # under a number of its own: what is open is open of what is left
        replace(
            booked,
            key=f"{booked.key}/{bill}",
            number=f"{booked.number} to {name[bill]['APTVCHNM']}",
            ids=(f"6-{booked.number}/{bill}",),
            effects=effects,
        )
        for bill, effects in parts.items()
    ]
    rest = {account: amount for account, amount in left.items() if amount}
    return [*made, *([replace(booked, effects=rest, to_apply=to_apply)] if rest else [])]


def _part(booked: Booked, application: Row) -> dict[str, Decimal]:
    """Dr payables with what the bill's part was worth, Cr the bank; what is between the two on the third account."""
    paid, worth = Decimal(application["APFRMAPLYAMT"]), Decimal(application["APPLDAMT"])
    bank = min(booked.effects, key=lambda account: booked.effects[account])
    payables = max(booked.effects, key=lambda account: booked.effects[account])
    effects = {bank: -paid, payables: worth}
    for account in booked.effects.keys() - {bank, payables}:
        effects[account] = paid - worth
    return {account: amount for account, amount in effects.items() if amount}
