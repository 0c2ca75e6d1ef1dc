"""Checks that procedures share: masters exist, customers may trade, periods are open (sandbox.md eConnect 5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from sandbox.gp.call import Call
from sandbox.gp.models import Row
from sandbox.gp.session import Session

CENT = Decimal("0.01")
FINANCIAL_SERIES, SALES_SERIES, PURCHASING_SERIES = 2, 3, 4

_MASTERS = {
    "customer": ("RM00101", "CUSTNMBR"),
    "vendor": ("PM00200", "VENDORID"),
    "item": ("IV00101", "ITEMNMBR"),
    "tax_detail": ("TX00201", "TAXDTLID"),
    "tax_schedule": ("TX00101", "TAXSCHID"),
    "checkbook": ("CM00100", "CHEKBKID"),
    "account": ("GL00105", "ACTNUMST"),
    "payment_terms": ("SY03300", "PYMTRMID"),
    "currency": ("MC40200", "CURNCYID"),
    "site": ("IV40700", "LOCNCODE"),
    "salesperson": ("RM00301", "SLPRSNID"),
    "credit_card": ("SY03100", "CARDNAME"),
}


def cents(amount: Decimal) -> Decimal:
    """Rounded half-up at two places, the places of every currency here."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def master(call: Call, kind: str, field: str) -> Row | None:
    """The master record a field names; refuses the node where there is none. A blank field names nothing."""
    table, column = _MASTERS[kind]
    if not call[field]:
        return None
    found = call.session.get(table, **{column: call[field]})
    if found is None:
        call.refuse(kind, field)
    return found


def customer(call: Call) -> Row | None:
    """The customer of a document; refuses an unknown or inactive one."""
    found = master(call, "customer", "CUSTNMBR")
    if found is not None and found["INACTIVE"]:
        call.refuse("customer_inactive", "CUSTNMBR")
    return found


def account_index(call: Call, number_field: str, index_field: str | None = None) -> int:
    """ACTINDX of the account a node names by number or by index (the number wins); 0 where it names none."""
    found = None
    if call[number_field]:
        found = master(call, "account", number_field)
    elif index_field and call[index_field]:
        found = call.session.get("GL00105", ACTINDX=call[index_field])
        if found is None:
            call.refuse("account", index_field)
    if found is not None and not call.session.select("GL00100", ACTINDX=found["ACTINDX"], ACTIVE=1):
        call.refuse("account_inactive", number_field)
    return int(found["ACTINDX"]) if found else 0


def open_period(call: Call, field: str, series: int) -> None:
    """Refuse a date in a fiscal period that is closed for the series."""
    if call.given(field) and period_closed(call.session, call[field], series):
        call.refuse("period_closed", field)


def period_closed(session: Session, day: date, series: int) -> bool:
    """Whether the fiscal period of this day, its calendar month, is closed for the series."""
    found = session.get("SY40100", YEAR1=day.year, PERIODID=day.month, SERIES=series)
    return found is not None and bool(found["CLOSED"])


def currency_places(call: Call, fields: Iterable[str]) -> None:
    """Refuse amounts with more decimal places than the currency's two."""
    for field in fields:
        if call[field] != cents(call[field]):
            call.refuse("decimals", field)


def not_negative(call: Call, fields: Iterable[str]) -> None:
    """Refuse negative amounts."""
    for field in fields:
        if call[field] < 0:
            call.refuse("amount_negative", field)


def posting_account(session: Session, name: str) -> int:
    """ACTINDX of a posting account of the company (receivables, shipping_income, rounding …), 0 if not set up."""
    found = session.get("SY01100", PTGACDSC=name)
    return int(found["ACTINDX"]) if found else 0
