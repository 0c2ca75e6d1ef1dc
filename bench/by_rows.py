"""The same work row by row in Python, amounts as Decimal: what a script for one interface looks like."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bench.invoices import ACCOUNTS, CONTACTS, FREIGHT_LINE, SUMMARY, TAX_TYPES, Batch

__all__ = ["line_of", "rows", "run"]

CENT, HUNDREDTH_OF_A_CENT = Decimal("0.01"), Decimal("0.0001")

Lines = list[dict[str, Any]]


def run(batch: Batch) -> Any:
    """Headers and lines."""
    headers: Lines = []
    lines: Lines = []
    for key, payload in zip(batch.keys, batch.payloads, strict=True):
        if payload["VOIDSTTS"] == 1:
            continue
        taxes = _taxes(payload)
        made = [
            line_of(key, each["ITEMDESC"], Decimal(each["QUANTITY"]), Decimal(each["OXTNDPRC"]), "sales",
                    taxes.get(each["LNITMSEQ"], []))
            for each in payload["Line"]
        ]  # fmt: skip
        if Decimal(payload["ORFRTAMT"]) or Decimal(payload["ORFRTTAX"]):
            freight = Decimal(payload["ORFRTAMT"])
            made.append(line_of(key, "Shipping", Decimal(1), freight, "shipping_income", taxes.get(FREIGHT_LINE, [])))
        headers.append(_header(key, payload, made))
        lines += made
    return headers, lines


def rows(made: Any) -> tuple[Lines, Lines]:
    """Headers and lines as Python values."""
    return made[0], made[1]


def line_of(key: str, title: str, quantity: Decimal, net: Decimal, role: str, taxes: list[tuple[str, Decimal]]) -> Any:
    """One line of the document."""
    unit = (net / quantity).quantize(HUNDREDTH_OF_A_CENT, ROUND_HALF_UP)
    exact = (unit * quantity).quantize(CENT, ROUND_HALF_UP) == net
    return {
        "record_key": key,
        "Description": title if exact else f"{quantity.normalize():f} x {title}",
        "Quantity": quantity if exact else Decimal(1),
        "UnitAmount": unit if exact else net,
        "LineAmount": net,
        "AccountCode": ACCOUNTS[role],
        "TaxType": TAX_TYPES.get("+".join(sorted(detail for detail, _ in taxes)), "NONE"),
        "TaxAmount": sum((amount for _, amount in taxes), Decimal(0)),
    }


def _taxes(payload: dict[str, Any]) -> dict[int, list[tuple[str, Decimal]]]:
    taxes: dict[int, list[tuple[str, Decimal]]] = {}
    for each in payload["Tax"]:
        freight = each["LNITMSEQ"] == FREIGHT_LINE
        amount = Decimal(each["ORFRTTAX"] if freight else each["ORSLSTAX"])
        if each["LNITMSEQ"] != SUMMARY and (amount or not freight):
            taxes.setdefault(each["LNITMSEQ"], []).append((each["TAXDTLID"], amount))
    return taxes


def _header(key: str, payload: dict[str, Any], lines: Lines) -> dict[str, Any]:
    total = Decimal(payload["ORDOCAMT"])
    if sum((line["LineAmount"] + line["TaxAmount"] for line in lines), Decimal(0)) != total:
        raise ValueError(f"{key}: the total is not the sum of its parts")
    currency = payload["CURNCYID"] or "USD"
    day = date.fromisoformat(payload["DOCDATE"][:10])
    return {
        "record_key": key,
        "Type": "ACCREC",
        "InvoiceNumber": payload["SOPNUMBE"],
        "Reference": payload["CSTPONBR"],
        "Date": day,
        "DueDate": day,
        "Contact.ContactID": CONTACTS[payload["CUSTNMBR"]],
        "CurrencyCode": currency,
        "CurrencyRate": Decimal(payload["XCHGRATE"]) if currency != "USD" else None,
        "LineAmountTypes": "Exclusive",
        "Status": "AUTHORISED",
        "_expected.Total": total,
    }
