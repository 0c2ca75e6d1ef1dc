"""What Dynamics GP booked, document by document, read from the open year's journal (GL20000)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledgerbridge.reconciliation import Booked

if TYPE_CHECKING:
    from hooks.gp_econnect import GPEConnectHook

__all__ = ["gp_books"]

# Source document codes of the entries a sales document or a receipt makes (facts/gp.md §4; the codes unverified).
_KINDS = {"SJ": "invoice", "CRJ": "payment", "GJ": "entry"}
_ENTITIES = {"invoice": "sales_invoice", "payment": "cash_receipt", "entry": "journal"}


def gp_books(hook: GPEConnectHook) -> list[Booked]:
    """
    Every posted entry, one document each.

    An entry made in the general ledger itself is known by its reference (REFRENCE).
    """
    entries: dict[tuple[str, Any], list[dict[str, Any]]] = defaultdict(list)
    for record in hook.journal_lines():
        company = record.key.split(":")[1]
        entries[company, record.payload["JRNENTRY"]].append(record.payload)
    return [_booked(company, lines) for (company, _), lines in entries.items()]


def _booked(company: str, lines: list[dict[str, Any]]) -> Booked:
    effects: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        effects[str(line["ACTNUMST"])] += Decimal(line["DEBITAMT"]) - Decimal(line["CRDTAMNT"])
    first = lines[0]
    number = str(first.get("ORDOCNUM") or first.get("ORCTRNUM") or first["REFRENCE"])
    kind = _KINDS.get(str(first["SOURCDOC"]), "entry")
    return Booked(
        key=f"gp:{company}:{_ENTITIES[kind]}:{number}",
        kind=kind,
        number=number,
        booked_on=date.fromisoformat(str(first["TRXDATE"])[:10]),
        effects=dict(effects),
        customer=str(first.get("ORMSTRID") or ""),
        ids=(number, str(first["JRNENTRY"])),
    )
