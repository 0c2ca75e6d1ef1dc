"""
What GP will book of a document once people have posted it, an order once it is invoiced (accounting-rules.md §2).

For the customer, the item and the posting set-up, which say where GP books what, the roles of the company's file stand
in: receivables, payables, sales, returns, shipping_income, tax_payable, purchases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

from ledgerbridge.entities import Document
from ledgerbridge.reconciliation import Effect, LedgerAccounts

__all__ = ["effect_of"]

Row = Mapping[str, Any]
Part = tuple[str, Decimal]
"""An account and what is on it in the document's currency, debit positive."""

_CENT = Decimal("0.01")
_NOTHING = Decimal(0)


def effect_of(name: str, accounts: LedgerAccounts, document: Document) -> Effect | None:
    """
    What GP books of a document by itself; None of an entity that it books nothing of, or of which the document does not
    tell: one that takes back what is there.

    In base currency by the document's rate (XCHGRATE), half-up, the cent on the largest part; of one in another
    currency that bears none, in that one. Not in it: the cost of goods, and what is realised by rates.
    """
    if name not in _ENTRIES:
        return None
    parts = [(account, amount) for account, amount in _ENTRIES[name](document, accounts) if amount]
    currency, rate = document.header.get("CURNCYID"), document.header.get("XCHGRATE")
    if currency and not rate:
        return Effect(_summed(parts), str(currency))
    return Effect(_summed(_converted(parts, Decimal(rate or 1))))


def _converted(parts: list[Part], rate: Decimal) -> Iterable[Part]:
    if rate == 1 or not parts:
        return parts
    converted = [(account, (amount * rate).quantize(_CENT, ROUND_HALF_UP)) for account, amount in parts]
    if sum(amount for _, amount in parts) == 0:  # what balances does so in base currency too
        largest = max(range(len(converted)), key=lambda at: abs(converted[at][1]))
        account, amount = converted[largest]
        converted[largest] = account, amount - sum((each for _, each in converted), _NOTHING)
    return converted


def _summed(parts: Iterable[Part]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for account, amount in parts:
        found[account] += amount
    return {account: amount for account, amount in found.items() if amount}


def _lines(document: Document, _: LedgerAccounts, part: str = "lines") -> Iterator[Part]:
    """Lines, or distributions, that say themselves where they are."""
    for row in document.parts.get(part, ()):
        yield str(row.get("ACTNUMST")), _amount(row, "DEBITAMT") - _amount(row, "CRDTAMNT")


def _sale(document: Document, accounts: LedgerAccounts, *, sign: int, role: str, index: str) -> Iterator[Part]:
    """
    An order as it is invoiced, or a return.

    :param sign: 1 where it debits receivables. :param role: of goods, where a line names no account in ``index``.
    """
    header = document.header
    if int(header.get("VOIDSTTS") or 0):
        return
    against = [
        *((str(row.get(index) or accounts.of_role(role)), _line(row)) for row in document.parts.get("lines", ())),
        (accounts.of_role("shipping_income"), _amount(header, "FREIGHT")),
        (accounts.of_role("tax_payable"), _amount(header, "TAXAMNT") + _amount(header, "FRTTXAMT")),
    ]
    yield from _control(accounts.of_role("receivables"), against, sign)


def _memo(
    document: Document, accounts: LedgerAccounts, *, sign: int, control: str, roles: Mapping[str, str]
) -> Iterator[Part]:
    """
    A memo or voucher: its distributions; without any, those that GP makes by itself.

    :param sign: 1 where it debits the control account. :param roles: by field of the header.
    """
    if document.parts.get("distributions"):
        yield from _lines(document, accounts, "distributions")
        return
    against = [(accounts.of_role(role), _amount(document.header, name)) for name, role in roles.items()]
    yield from _control(accounts.of_role(control), against, sign)


def _money(document: Document, accounts: LedgerAccounts, *, sign: int, control: str, amount: str) -> Iterator[Part]:
    """A receipt or payment: its distributions, else its checkbook's account; ``sign`` as of a memo."""
    if document.parts.get("distributions"):
        yield from _lines(document, accounts, "distributions")
        return
    header = document.header
    cash = accounts.of_gateway("checkbook", header.get("CHEKBKID"))
    yield from _control(accounts.of_role(control), [(cash, _amount(header, amount))], sign)


def _control(control: str, against: list[Part], sign: int) -> Iterator[Part]:
    yield control, sign * sum((amount for _, amount in against), _NOTHING)
    for account, amount in against:
        yield account, -sign * amount


def _nothing(_: Document, __: LedgerAccounts) -> Iterator[Part]:
    return iter(())


def _line(row: Row) -> Decimal:
    if row.get("XTNDPRCE") is not None:
        return _amount(row, "XTNDPRCE")
    return (_amount(row, "UNITPRCE") * _amount(row, "QUANTITY")).quantize(_CENT, ROUND_HALF_UP)


def _amount(row: Row, name: str) -> Decimal:
    return Decimal(row.get(name) or 0)


_SOLD = {"SLSAMNT": "sales", "FRTAMNT": "shipping_income", "TAXAMNT": "tax_payable"}
_BOUGHT = {"PRCHAMNT": "purchases", "FRTAMNT": "purchases", "MSCCHAMT": "purchases", "TAXAMNT": "tax_payable"}
_ENTRIES: Mapping[str, Callable[[Document, LedgerAccounts], Iterator[Part]]] = {
    "sales_order": partial(_sale, sign=1, role="sales", index="SLSINDX"),
    "sales_return": partial(_sale, sign=-1, role="returns", index="RTNSINDX"),
    "debit_memo": partial(_memo, sign=1, control="receivables", roles=_SOLD),
    "credit_memo": partial(_memo, sign=-1, control="receivables", roles=_SOLD),
    "payables_invoice": partial(_memo, sign=-1, control="payables", roles=_BOUGHT),
    "payables_credit_memo": partial(_memo, sign=1, control="payables", roles=_BOUGHT),
    "cash_receipt": partial(_money, sign=-1, control="receivables", amount="ORTRXAMT"),
    "payables_payment": partial(_money, sign=1, control="payables", amount="DOCAMNT"),
    "application": _nothing,
    "purchase_order": _nothing,
    "gl_transaction": _lines,
}
