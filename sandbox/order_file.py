"""
The form of a file of orders: a company, its orders with what happened to each, and the gateways' payouts.

``movements`` are what gateways take and give by themselves: ``do``, the ``gateway`` (else Stripe) and what the admin
API of its sandbox is told.

Amounts are strings with two decimals in the order's currency, instants are UTC, ``rate`` is base
units for one unit of the order's currency. What a case ``expect``s is kept, not read.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from sandbox.orders import harbor_light_supply

__all__ = ["OrderFileError", "read_order_file"]

Money = Annotated[Decimal, Field(allow_inf_nan=False)]
Step = Annotated[int, Field(ge=1, le=5)]


class OrderFileError(ValueError):
    """A file of orders can't be played; one line for each thing found, with where it is."""

    def __init__(self, path: Path, found: list[str]) -> None:
        shown = "\n".join(f"  {line}" for line in found[:20])
        more = f"\n  … and {len(found) - 20} more" if len(found) > 20 else ""
        super().__init__(
            f"{path} can't be played:\n{shown}{more}\nRemedy: compare with .demo/orders.json, which `make demo` writes."
        )


class _Form(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class _Shop(_Form):
    shop: str
    currency: str


class _Account(_Form):
    role: str
    gp: str | None
    xero: str | None


class _Company(_Form):
    name: str
    base_currency: str
    time_zone: str
    shops: list[_Shop]
    accounts: list[_Account]
    tax_details: list[dict[str, Any]]
    xero_tax_rates: list[dict[str, Any]]
    items: list[dict[str, Any]]


class _Tax(_Form):
    detail: str
    rate: Decimal
    amount: Money


class _Line(_Form):
    sku: str
    quantity: int
    unit_price: Money
    discount: Money
    tax: list[_Tax]


class _Shipping(_Form):
    title: str
    price: Money
    discount: Money
    tax: list[_Tax]


class _Order(_Form):
    name: str
    shop: str
    placed_at: AwareDatetime
    currency: str
    rate: Decimal
    taxes_included: bool
    customer: dict[str, Any]
    lines: list[_Line]
    shipping: _Shipping | list[_Shipping] | None
    total: Money


class _Event(_Form):
    step: Step
    do: Literal["pay", "fulfil", "edit", "cancel", "refund", "exchange", "dispute", "dispute_won"]
    at: AwareDatetime
    id: str | None = None
    amount: Money | None = None


class _Case(_Form):
    id: str
    order: _Order
    events: list[_Event]


class _Payout(_Form):
    id: str
    step: Step
    arrives: date
    covers: list[str]
    amount: Money


class _Moved(_Form):
    step: Step
    do: Literal["topup", "topup_reversed", "reserve", "bill", "move"]
    at: AwareDatetime
    id: str
    amount: Money | None = None


class _File(_Form):
    company: _Company
    cases: list[_Case]
    payouts: list[_Payout] = []
    movements: list[_Moved] = []


def read_order_file(path: Path) -> dict[str, Any]:
    """
    A file of orders as it stands, once it is known to be playable; roles that its company leaves out get accounts.

    :raises OrderFileError: it is no JSON, something is missing, or it names what it does not hold.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise OrderFileError(path, [f"it can't be read: {error.strerror}."]) from error
    except ValueError as error:
        raise OrderFileError(path, [f"it is no JSON: {error}."]) from error
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}, found {e['input']!r:.60}" for e in error.errors()]
        raise OrderFileError(path, found) from error
    if found := list(_contradictions(file)):
        raise OrderFileError(path, found)
    company = content["company"]
    return {**content, "company": {**company, "accounts": _with_all_roles(company["accounts"])}}


def _with_all_roles(accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A file need not know the roles that came later; accounts it uses itself are left to it."""
    roles = {account["role"] for account in accounts}
    used = {(ledger, account[ledger]) for account in accounts for ledger in ("gp", "xero") if account[ledger]}
    return accounts + [
        account
        for account in harbor_light_supply()["accounts"]
        if account["role"] not in roles and used.isdisjoint((ledger, account[ledger]) for ledger in ("gp", "xero"))
    ]


def _contradictions(file: _File) -> list[str]:
    names = Counter(case.order.name for case in file.cases)
    found = [f"order {name} is there {count} times; names are unique." for name, count in names.items() if count > 1]
    shops = {shop.shop for shop in file.company.shops}
    found += [
        f"order {case.order.name}: the company has no shop {case.order.shop!r}, only {', '.join(sorted(shops))}."
        for case in file.cases
        if case.order.shop not in shops
    ]
    for case in file.cases:
        for event in case.events:
            if event.do in {"pay", "refund"} and (event.id is None or event.amount is None):
                found.append(f"order {case.order.name}: its {event.do} needs `id` and `amount`.")
    ids = {event.id for case in file.cases for event in case.events if event.id} | {each.id for each in file.movements}
    for payout in file.payouts:
        found += [f"payout {payout.id} covers {id_}, which no order has." for id_ in payout.covers if id_ not in ids]
    return found
