"""
The same work row by row in Python, amounts as Decimal: what a careful person writes for this one interface.

It promises what the mapping files do, and not more: one broken record does not stop the others; each failure tells
record, field, value and remedy, all of a record's at once; what is required is there, a text is a text, an amount is a
finite number that its field has room for; what is looked up is known, and asked for a batch at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from bench.invoices import FREIGHT_LINE, Batch, lookups
from ledgerbridge.mapping import Lookups

__all__ = ["Failure", "Made", "rows", "run"]

CENT, HUNDREDTH_OF_A_CENT = Decimal("0.01"), Decimal("0.0001")
NOTHING, ONE = Decimal(0), Decimal(1)
MONEY, QUANTITY, RATE = Decimal(10) ** 14, Decimal(10) ** 7, Decimal(10) ** 7
"""What the fields have room for."""
MISCELLANEOUS_LINE = 2147483645  # LNITMSEQ of SOP10105: of its tax on miscellaneous
ROLES = {"TIP": "tips", "GIFT CARD": "gift_cards", "DUTIES": "duties", "FEES": "additional_fees"}
MEND = "Mend the value in the source and replay the record."

Lines = list[dict[str, Any]]


class Failure(NamedTuple):
    """Why a record is not sent; several of one record where several fields are wrong."""

    record: int
    field: str
    value: Any
    message: str
    remedy: str


class Made(NamedTuple):
    """The documents, and what is wrong with the records that became none."""

    headers: Lines
    lines: Lines
    failures: list[Failure]


def run(batch: Batch) -> Made:
    """Headers and lines of the records that nothing is wrong with."""
    return _Run(lookups(), batch.payloads).made(batch.keys)


def rows(made: Made) -> tuple[Lines, Lines]:
    """Headers and lines as Python values."""
    return made.headers, made.lines


class _Run:
    """One batch with what is looked up for it."""

    def __init__(self, known: Lookups, payloads: Sequence[dict[str, Any]]) -> None:
        self.payloads = payloads
        self.failures: list[Failure] = []
        self.record = 0
        self.known = known
        self.accounts = known.given["accounts"]
        self.base = known.given["company"]["base_currency"]["value"]
        customers = _different(payloads, "CUSTNMBR")
        self.customers = known.state.cross_references("gp.customer", "target_id", customers)
        keys = [found["record_key"] for found in self.customers.values()]
        self.contacts = known.state.cross_references("xero.contact", "record_key", keys)
        self.orders = known.state.deliveries("gp.sales_order", "number", _different(payloads, "ORIGNUMB"))
        self.tax_types: dict[str, str | None] = {}

    def made(self, keys: Sequence[str]) -> Made:
        headers: Lines = []
        lines: Lines = []
        for position, (key, payload) in enumerate(zip(keys, self.payloads, strict=True)):
            self.record = position
            if payload.get("VOIDSTTS") in (None, 1):
                continue
            before = len(self.failures)
            made = self._lines(key, payload)
            header = self._header(key, payload)
            if len(self.failures) == before:
                self._check(header["_expected.Total"], made)
            if len(self.failures) == before:
                headers.append(header)
                lines += made
        return Made(headers, lines, self.failures)

    def _header(self, key: str, payload: dict[str, Any]) -> dict[str, Any]:
        number = self._text(payload, "SOPNUMBE", required=True)
        currency = self._text(payload, "CURNCYID") or self.base
        total = self._number(payload, "ORDOCAMT", MONEY)
        rate = self._number(payload, "XCHGRATE", RATE)
        day = self._day(payload, "DOCDATE")
        order = self._text(payload, "ORIGNUMB")
        if order is not None and order.startswith("LBO") and order not in self.orders:
            self._note("ORIGNUMB", order, "was made by us, and its delivery is not known yet", "Nothing now: it waits.")
        return {
            "record_key": key,
            "Type": "ACCREC",
            "InvoiceNumber": number,
            "Reference": self._text(payload, "CSTPONBR"),
            "Date": day,
            "DueDate": day,
            "Contact.ContactID": self._contact(payload),
            "CurrencyCode": currency,
            "CurrencyRate": rate if currency != self.base else None,
            "LineAmountTypes": "Exclusive",
            "Status": "AUTHORISED",
            "_expected.Total": total,
        }

    def _check(self, total: Decimal, lines: Lines) -> None:
        if not lines:
            self._note("lines", None, "the document has no lines", MEND)
        if sum([line["LineAmount"] + line["TaxAmount"] for line in lines], NOTHING) != total:
            self._note("total", total, "is not the sum of its parts", MEND)

    def _lines(self, key: str, payload: dict[str, Any]) -> Lines:
        taxes = self._taxes(payload)
        made = []
        for line in payload.get("Line") or ():
            item = self._text(line, "ITEMNMBR")
            role = ROLES.get(item or "", "sales") if line.get("NONINVEN") == 1 else "sales"
            number = line.get("LNITMSEQ")
            if number is None:
                self._note("LNITMSEQ", None, "there is no value", MEND)
            title, quantity = self._text(line, "ITEMDESC"), self._number(line, "QUANTITY", QUANTITY)
            net = self._number(line, "OXTNDPRC", MONEY)
            made.append(self._line(key, title, quantity, net, role, taxes.get(number, ())))
        freight, tax = self._number(payload, "ORFRTAMT", MONEY), self._number(payload, "ORFRTTAX", MONEY)
        if freight or tax:
            made.append(self._line(key, "Shipping", ONE, freight, "shipping_income", taxes.get(FREIGHT_LINE, ())))
        return made

    def _line(
        self,
        key: str,
        title: str | None,
        quantity: Decimal,
        net: Decimal,
        role: str,
        taxes: Sequence[tuple[str, Decimal]],
    ) -> dict[str, Any]:
        unit = (net / quantity).quantize(HUNDREDTH_OF_A_CENT, ROUND_HALF_UP) if quantity else NOTHING
        exact = bool(quantity) and (unit * quantity).quantize(CENT, ROUND_HALF_UP) == net
        account = self.accounts.get(role)
        if account is None:
            self._note("AccountCode", role, "has no account", f"Give {role} a line under `accounts`; then replay.")
        return {
            "record_key": key,
            "Description": title if exact else f"{quantity.normalize():f} x {title or ''}",
            "Quantity": quantity if exact else ONE,
            "UnitAmount": unit if exact else net,
            "LineAmount": net,
            "AccountCode": account and account["xero"],
            "TaxType": self._tax_type("+".join(sorted([detail for detail, _ in taxes]))) if taxes else "NONE",
            "TaxAmount": sum([amount for _, amount in taxes], NOTHING),
        }

    def _taxes(self, payload: dict[str, Any]) -> dict[Any, list[tuple[str, Decimal]]]:
        taxes: dict[Any, list[tuple[str, Decimal]]] = {}
        for each in payload.get("Tax") or ():
            line = each.get("LNITMSEQ")
            if line is None or line <= 0 or line == MISCELLANEOUS_LINE:  # 0: in which GP sums a detail up
                continue
            amount = self._number(each, "ORFRTTAX" if line == FREIGHT_LINE else "ORSLSTAX", MONEY)
            if amount or line != FREIGHT_LINE:
                detail = self._text(each, "TAXDTLID", required=True)
                if detail is not None:
                    taxes.setdefault(line, []).append((detail, amount))
        return taxes

    def _tax_type(self, details: str) -> str | None:
        if details not in self.tax_types:
            self.tax_types[details] = self.known.live("xero.tax_rate", [details], None).get(details, {}).get("TaxType")
        found = self.tax_types[details]
        if found is None:
            remedy = f"Create a tax rate in Xero with just the components {details}; then replay."
            self._note("TaxType", details, "is not known as xero.tax_rate", remedy)
        return found

    def _contact(self, payload: dict[str, Any]) -> str | None:
        customer = self._text(payload, "CUSTNMBR", required=True)
        if customer is None:
            return None
        known = self.customers.get(customer)
        contact = known and self.contacts.get(known["record_key"])
        if contact is None:
            self._note("customer_number", customer, "has no contact", f'Create "{customer}" in Xero; then replay.')
            return None
        return str(contact["target_id"])

    def _text(self, row: dict[str, Any], field: str, *, required: bool = False) -> str | None:
        value = row.get(field)
        if isinstance(value, str):
            return value
        if value is not None:
            self._note(field, value, "is no text", MEND)
        elif required:
            self._note(field, None, "there is no value", f"Fill in {field} in the source.")
        return None

    def _number(self, row: dict[str, Any], field: str, limit: Decimal) -> Decimal:
        value = row.get(field)
        if value is None:
            return NOTHING
        try:
            number = Decimal(value)
            if -limit < number < limit:  # raises for NaN
                return number
        except (ArithmeticError, TypeError, ValueError):
            pass
        self._note(field, value, "is not a decimal number", MEND)
        return NOTHING

    def _day(self, row: dict[str, Any], field: str) -> date | None:
        value = self._text(row, field, required=True)
        if value is None:
            return None
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            self._note(field, value, "is not a date", MEND)
            return None

    def _note(self, field: str, value: Any, message: str, remedy: str) -> None:
        self.failures.append(Failure(self.record, field, value, message, remedy))


def _different(payloads: Sequence[dict[str, Any]], field: str) -> list[str]:
    return list({payload[field] for payload in payloads if isinstance(payload.get(field), str)})
