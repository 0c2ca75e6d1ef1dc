"""Invoices as GP gives them, any number of lines, and the company they belong to."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledgerbridge.mapping import Lookups

__all__ = ["ACCOUNTS", "CONTACTS", "TAX_TYPES", "Batch", "batches", "lookups"]

LINES_A_BATCH = 20_000
"""What a pass carries at most here; memory is bounded by it, whatever the number of all lines."""
LINES_AN_INVOICE = 4
CUSTOMERS = 5_000
RATES = {"CA-STATE": Decimal("0.06"), "CA-COUNTY": Decimal("0.0125"), "NY-STATE": Decimal("0.04")}
DETAILS = (("CA-COUNTY", "CA-STATE"), ("NY-STATE",), ())
SUMMARY, FREIGHT_LINE = 0, 2147483646  # LNITMSEQ of SOP10105: of a detail's sum, of its tax on freight
CENT = Decimal("0.01")

ACCOUNTS = {"sales": "200", "shipping_income": "210"}
TAX_TYPES = {"CA-COUNTY+CA-STATE": "TAX001", "NY-STATE": "TAX002"}
CONTACTS = {f"C{number:05}": f"00000000-0000-4000-8000-{number:012}" for number in range(CUSTOMERS)}
"""Xero's contact of each of GP's customers."""


@dataclass(frozen=True)
class Batch:
    """Invoices as they are read, with their keys."""

    payloads: list[dict[str, Any]]
    keys: list[str]
    lines: int


def batches(lines: int) -> Iterator[Batch]:
    """So many lines in batches of at most 20,000, always the same."""
    chance = random.Random(7)
    first = 0
    for begun in range(0, lines, LINES_A_BATCH):
        count = min(LINES_A_BATCH, lines - begun) // LINES_AN_INVOICE
        payloads = [_invoice(first + number, chance) for number in range(count)]
        keys = [f"gp:HLS:sales_invoice:{payload['SOPNUMBE']}" for payload in payloads]
        yield Batch(payloads, keys, count * LINES_AN_INVOICE)
        first += count


def lookups() -> Lookups:
    """What the shipped mappings look up, held in memory: what is measured is the mapping, not a database."""
    company = {"base_currency": {"value": "USD"}}
    accounts = {role: {"xero": code} for role, code in ACCOUNTS.items()}
    return Lookups(Path(), {"company": company, "accounts": accounts}, _State(), _live, "America/Los_Angeles")


class _State:
    """Cross-references and deliveries of every customer and order."""

    def cross_references(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Customers by their number in GP, contacts by their record."""
        if entity == "gp.customer":
            return {key: {"record_key": f"customer:{key}", "target_id": key} for key in keys if key in CONTACTS}
        return {key: {"record_key": key, "target_id": CONTACTS[key.removeprefix("customer:")]} for key in keys}

    def deliveries(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Each order went out under its number."""
        return {key: {"chain_key": f"order:{key}"} for key in keys}

    def on_the_way(self, entity: str, by: str, keys: Sequence[str]) -> set[str]:
        """None is."""
        return set()

    def labels(self, entity: str, labels: Sequence[str]) -> dict[str, dict[str, Any]]:
        """None is asked for."""
        return {}

    def namesakes(self, entity: str, labels: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """Nothing by any name."""
        return {}


def _live(entity: str, keys: Sequence[str], max_age_minutes: int | None) -> dict[str, dict[str, Any]]:
    return {key: {"TaxType": TAX_TYPES[key]} for key in keys if key in TAX_TYPES}


def _invoice(number: int, chance: random.Random) -> dict[str, Any]:
    details = chance.choice(DETAILS)
    lines = [_line(position, chance) for position in range(1, LINES_AN_INVOICE)]
    freight = Decimal(chance.randrange(100, 3000)) / 100
    parts = [(16384 * (position + 1), Decimal(line["OXTNDPRC"])) for position, line in enumerate(lines)]
    taxes = [_tax(line, detail, net * RATES[detail], 0) for line, net in parts for detail in details]
    freight_taxes = [_tax(FREIGHT_LINE, detail, Decimal(0), freight * RATES[detail]) for detail in details]
    net = sum((amount for _, amount in parts), freight)
    tax = sum((Decimal(each["ORSLSTAX"]) + Decimal(each["ORFRTTAX"]) for each in taxes + freight_taxes), Decimal(0))
    customer = chance.randrange(CUSTOMERS)
    return {
        "SOPNUMBE": f"STDINV{number:09}",
        "SOPTYPE": 3,
        "ORIGNUMB": f"LBO{number:09}",
        "CSTPONBR": f"#{1000 + number}",
        "CUSTNMBR": f"C{customer:05}",
        "CUSTNAME": f"Customer {customer}",
        "DOCDATE": (date(2026, 1, 1) + timedelta(days=number % 365)).isoformat() + "T00:00:00",
        "CURNCYID": "",
        "XCHGRATE": "0.0000000",
        "ORDOCAMT": f"{net + tax:.5f}",
        "ORFRTAMT": f"{freight:.5f}",
        "ORFRTTAX": f"{sum((Decimal(each['ORFRTTAX']) for each in freight_taxes), Decimal(0)):.5f}",
        "VOIDSTTS": 0,
        "ADDRESS1": "12 Harbour Street",
        "CITY": "Oakland",
        "Line": lines,
        "Tax": taxes + freight_taxes + [_sum(detail, taxes + freight_taxes) for detail in details],
    }


def _line(position: int, chance: random.Random) -> dict[str, Any]:
    quantity = chance.randrange(1, 6)
    return {
        "LNITMSEQ": 16384 * position,
        "ITEMNMBR": f"SKU-{chance.randrange(800):04}",
        "ITEMDESC": f"Canvas bag, colour {chance.randrange(40)}",
        "QUANTITY": f"{quantity}.00000",
        "OXTNDPRC": f"{Decimal(chance.randrange(500, 20000)) / 100:.5f}",
        "ORTAXAMT": "0.00000",
    }


def _sum(detail: str, taxes: list[dict[str, Any]]) -> dict[str, Any]:
    """The row in which GP sums a detail up."""
    of = [tax for tax in taxes if tax["TAXDTLID"] == detail]
    sums = (sum((Decimal(tax[column]) for tax in of), Decimal(0)) for column in ("ORSLSTAX", "ORFRTTAX"))
    return _tax(SUMMARY, detail, *sums)


def _tax(line: int, detail: str, sales: Decimal, freight: Decimal | int) -> dict[str, Any]:
    return {
        "LNITMSEQ": line,
        "TAXDTLID": detail,
        "ORSLSTAX": f"{sales.quantize(CENT):.5f}",
        "ORFRTTAX": f"{Decimal(freight).quantize(CENT):.5f}",
    }


CHANGED_AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
