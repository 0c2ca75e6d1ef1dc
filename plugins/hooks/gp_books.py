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

# Source document codes (facts/gp.md §4; the codes unverified): who keeps others sees the kind "entry".
_KINDS = {"SJ": "invoice", "CRJ": "payment"}
_APPLICATION = "RMAPY"
_RECEIVABLES = (1, 3, 7, 8, 9)  # RMDTYPAL


def gp_books(hook: GPEConnectHook) -> list[Booked]:
    """
    Every posted document with all that GP booked for it: a realised gain or write-off belongs to what was applied.

    An entry made in the general ledger itself is known by its reference (REFRENCE).

    :raises TransientError, ConfigurationError: as ``GPEConnectHook.journal_lines``.
    """
    lines = [(record.key.split(":")[1], record.payload) for record in hook.journal_lines()]
    receipts = {str(line["ORDOCNUM"]) for _, line in lines if _KINDS.get(str(line["SOURCDOC"])) == "payment"}
    entries: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for company, line in lines:
        entries[company, _document(line, receipts) or f"entry {line['JRNENTRY']}"].append(line)
    return [_booked(company, lines) for (company, _), lines in entries.items()]


def _document(line: dict[str, Any], receipts: frozenset[str] | set[str] = frozenset()) -> str:
    """
    The document a journal line was made for.

    Of an application it is the one that is money: the receipt applied, else the debit memo a credit was applied to.
    """
    if line["SOURCDOC"] == _APPLICATION and str(line.get("ORCTRNUM")) in receipts:
        return str(line["ORCTRNUM"])
    return str(line.get("ORDOCNUM") or "")


def _booked(company: str, lines: list[dict[str, Any]]) -> Booked:
    effects: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        effects[str(line["ACTNUMST"])] += Decimal(line["DEBITAMT"]) - Decimal(line["CRDTAMNT"])
    first = next((line for line in lines if line["SOURCDOC"] != _APPLICATION), lines[0])
    number = _document(first) or str(first["REFRENCE"])
    return Booked(
        key=f"gp:{company}:journal:{first['JRNENTRY']}",
        kind=_KINDS.get(str(first["SOURCDOC"]), "entry"),
        number=number,
        booked_on=date.fromisoformat(str(first["TRXDATE"])[:10]),
        effects={account: amount for account, amount in effects.items() if amount},
        customer=str(first.get("ORMSTRID") or ""),
        # receivables are read by type and number, sales documents by number, journal entries by their own
        ids=(number, *(f"{kind}-{number}" for kind in _RECEIVABLES), str(first["JRNENTRY"])),
    )
